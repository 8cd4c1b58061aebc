"""Syslog and mail by Graph beside the other channels: nothing in a name begins another message, and nothing goes to a stranger."""

import datetime as dt
import re
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from access_review.audit import reviewers
from access_review.policy import Policy
from access_review.settings.channels import GraphMail, GraphPlace, Notify, Syslog, Webhook
from access_review.settings.watching import Watching
from access_review.snapshot.watched import PendingAlarm
from access_review.stages import notify, watch_alarms
from access_review.stages.notify import Patience
from access_review.store import files
from access_review.views import syslog_lines
from access_review.views.notices import Notice
from access_review.views.syslog_lines import SyslogSender
from tests.real.authority import Authority
from tests.simulated_tenant.credentials import certificate
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.simulated_tenant.wire import Response

AT = dt.datetime(2026, 11, 2, 6, 0, 0, 5000, tzinfo=dt.UTC)
NOTICE = Notice("watch", "Ana Lim", "ana@norwind.example.test", "2 findings opened", "u1 holds Payments.\nDo: plan.\n")
SENDER = SyslogSender("audit01.example.test", 4711)
# RFC 5424, section 6: the grammar, as far as a collector needs it.
GRAMMAR = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<pid>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    r'(?P<data>\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:\\[\\"\]]|[^\\"\]])*")*\]) '
    "\N{ZERO WIDTH NO-BREAK SPACE}(?P<text>.*)",
    re.DOTALL,
)


def parsed(message: bytes) -> re.Match[str]:
    found = GRAMMAR.fullmatch(message.decode())
    assert found, message
    return found


def test_a_message_is_one_of_rfc_5424_whatever_a_name_holds():
    evil = 'Ana"] <13>1 - root \\ \n<0>1 2026-01-01T00:00:00Z evil - - - - owned\u202e'
    hostile = replace(NOTICE, name=evil, subject=f"Left: {evil}", text=f"{evil}\n\n{evil}")
    found = parsed(syslog_lines.message(hostile, Syslog(host="x"), SENDER, AT))
    assert (found["pri"], found["at"], found["host"]) == ("84", "2026-11-02T06:00:00.005Z", SENDER.host)
    assert (found["app"], found["pid"], found["id"]) == ("access-review", "4711", "watch")
    assert not re.search(r"[\x00-\x1f\x7f\u202e]", found[0])
    values = re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', found["data"])
    assert [name for name, _ in values] == ["to", "subject"]
    assert re.sub(r"\\(.)", r"\1", values[0][1]).startswith('Ana"] <13>1 - root \\ ⟨U+000A⟩<0>1')
    calm = replace(NOTICE, about="hr:person:1")
    audit = Syslog(host="x", facility="local7", enterprise=9)
    found = parsed(syslog_lines.message(calm, audit, SyslogSender("two words\n", 1), AT))
    assert (found["pri"], found["id"], found["host"]) == ("189", "notice", "twowords")
    assert found["data"].startswith("[accessReview@9 ")


@pytest.mark.parametrize(("transport", "most"), [("udp", 2048), ("tcp", 8192)])
def test_a_long_one_is_cut_between_letters_and_says_where_the_rest_is(transport, most):
    long = replace(NOTICE, text="Ünïcode — ありがとう\n" * 2000)
    sent = syslog_lines.message(long, Syslog(host="x", transport=transport), SENDER, AT)
    assert most - 4 <= len(sent) <= most
    assert parsed(sent)["text"].endswith("the whole of it lies in runs/notices/")


@contextmanager
def collector(context=None):
    """Take connections on a free port, one after the other; yield the port and what each of them sent."""
    received: list[bytes] = []
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def take():
            while True:
                try:
                    connection, _ = listening.accept()
                    connection.settimeout(5)
                    if context:
                        connection = context.wrap_socket(connection, server_side=True)
                    with connection:
                        data = b""
                        while part := connection.recv(65536):
                            data += part
                        received.append(data)
                except TimeoutError:
                    if stopping.is_set():  # what came before was read first
                        return
                except OSError as error:
                    received.append(type(error).__name__.encode())

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], received
        finally:
            stopping.set()
            thread.join(5)


def frames(data: bytes) -> list[bytes]:
    """Return the messages of a connection, counted as RFC 5425 counts them."""
    found = []
    while data:
        length, _, rest = data.partition(b" ")
        found.append(rest[: int(length)])
        assert len(found[-1]) == int(length)
        data = rest[int(length) :]
    return found


def told(settings: Notify, folder: Path, *some: Notice) -> list[tuple[str, ...]]:
    return [one.failed for one in notify.deliver(some or [NOTICE], settings, {}, folder / "runs/notices", AT)]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.make(tmp_path_factory.mktemp("ca"))


def test_syslog_goes_over_verified_tls_once_however_many_people_hear_of_it(authority, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(tmp_path / "server", "localhost"))
    with collector(context) as (port, received):
        trusted = Syslog(host="localhost", port=port, ca=str(authority.file))
        second = replace(NOTICE, name="Ben", mail=None)
        assert told(Notify(syslog=trusted), tmp_path, NOTICE, second) == [(), ()]
        assert told(Notify(syslog=Syslog(host="localhost", port=port)), tmp_path) == [
            ("syslog: localhost: SSLCertVerificationError",)
        ]
        wrong = Syslog(host="127.0.0.1", port=port, ca=str(authority.file))
        assert "SSLCertVerificationError" in told(Notify(syslog=wrong), tmp_path)[0][0], "another name"
    (once,) = [data for data in received if data[:1].isdigit()]
    (message,) = frames(once)
    assert "u1 holds Payments. | Do: plan." in parsed(message)["text"]


def test_syslog_in_the_clear_only_where_the_policy_says_so(tmp_path):
    with collector() as (port, received):
        assert told(Notify(syslog=Syslog(host="127.0.0.1", port=port, transport="tcp")), tmp_path) == [()]
    assert [parsed(one)["id"] for data in received for one in frames(data)] == ["watch"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        datagrams = Syslog(host="127.0.0.1", port=listening.getsockname()[1], transport="udp")
        assert told(Notify(syslog=datagrams), tmp_path) == [()]
        assert parsed(listening.recv(4096))["id"] == "watch"
    nobody = Notify(syslog=Syslog(host="127.0.0.1", port=port, transport="tcp"))
    assert told(nobody, tmp_path) == [("syslog: 127.0.0.1: ConnectionRefusedError",)]
    with pytest.raises(ValidationError, match="for TLS"):
        Syslog(host="x", transport="tcp", ca="ca.pem")


def roster_row(number):
    row = {"person": f"hr:person:{number}", "native_id": number, "name": number, "mail": None, "manager": None}
    return {**row, "status": "active", "kind": "employee"}


def telling(folder: Path, people: int, notify: Notify) -> tuple[Path, Policy]:
    """Return a folder and a policy that says nothing but who is told, and how."""
    tell = tuple(f"hr:person:{number}" for number in range(1, people + 1))
    return folder, Policy(watch=Watching(tell=tell), notify=notify)


def test_an_alarm_goes_to_each_channel_once_and_again_only_where_it_did_not_arrive(tmp_path):
    people = reviewers.people_of([roster_row(number) for number in ("1", "2")])
    with collector() as (port, received):
        syslog = Syslog(host="127.0.0.1", port=port, transport="tcp")
        workspace = telling(tmp_path, 2, Notify(syslog=syslog, webhook=Webhook(url_env="NOT_SET")))
        alarm = PendingAlarm("findings 1", AT, "2 findings opened", "u1\n")
        left, failed = watch_alarms.deliver(*workspace, alarm, people, {})
        assert left is not None
        assert failed == ("webhook: NOT_SET holds no https:// address",)
        left, _ = watch_alarms.deliver(*workspace, left, people, {})
    assert left is not None
    assert "syslog" in left.reached
    assert len(received) == 1, "two people, two attempts, one message"
    assert len(list((tmp_path / "runs/notices").glob("*.txt"))) == 2


def test_where_no_file_can_be_written_the_other_channels_are_told_and_the_file_is_tried_again(tmp_path, monkeypatch):
    people = reviewers.people_of([roster_row("1")])
    alarm = PendingAlarm("failing", AT, "nothing is watched", "the disk is full\n")
    with collector() as (port, received):
        workspace = telling(tmp_path, 1, Notify(syslog=Syslog(host="127.0.0.1", port=port, transport="tcp")))
        with monkeypatch.context() as full:
            full.setattr(files, "write", no_room)
            left, failed = watch_alarms.deliver(*workspace, alarm, people, {})
        assert left is not None
        assert (left.reached, failed) == (("syslog",), (f"file: {tmp_path}: No space left on device",))
        assert watch_alarms.deliver(*workspace, left, people, {}) == (None, ())
    assert (len(received), len(list((tmp_path / "runs/notices").glob("*.txt")))) == (1, 1)


def no_room(path: Path, _: bytes) -> None:
    raise OSError(28, "No space left on device", str(path.parents[2]))


@pytest.fixture
def tenant(tmp_path):
    simulator = simulate(clock=MachineClock())
    (tmp_path / "key").mkdir()
    path, known, _ = certificate(tmp_path / "key")
    sign_in = SignIn(simulator.clock, certificate=known, roles=frozenset({"Mail.Send"}))
    simulator.tokens, simulator.granted = sign_in.roles_of, None
    with Server(simulator, tmp_path / "server", sign_in) as server:
        sender = next(iter(simulator.tenant.of("users").values()))["userPrincipalName"]
        place = GraphPlace(sign_in=server.url, graph=server.url)
        yield (
            server,
            GraphMail(
                tenant=TENANT, client_id=CLIENT, certificate=str(path), sender=sender, cloud=place, ca=str(server.ca)
            ),
        )


def test_mail_by_graph_is_sent_with_the_certificate_and_its_work_sheet(tenant, tmp_path):
    server, graph = tenant
    (tmp_path / "ana.xlsx").write_bytes(b"the sheet")
    nobody = replace(NOTICE, name="Ben", mail="ben@x.test\nBcc: eve@x.test")
    failed = told(Notify(graph=graph), tmp_path, replace(NOTICE, sheet="ana.xlsx", subject="Two\nlines"), nobody)
    assert failed == [(), ("mail: Ben has no mail address",)]
    (mail,) = server.simulator.writes.mails
    assert mail["toRecipients"] == [{"emailAddress": {"address": NOTICE.mail, "name": "Ana Lim"}}]
    assert (mail["subject"], mail["body"]) == ("Two lines", {"contentType": "Text", "content": NOTICE.text})
    assert mail["attachments"][0]["contentBytes"] == "dGhlIHNoZWV0"
    assert not server.simulator.violations


def test_mail_by_graph_waits_where_it_is_told_to_and_a_refusal_says_what_to_do(tenant, tmp_path):
    server, graph = tenant
    real, busy = server.simulator.answer, [Response(429, {}, {"Retry-After": "0"})]
    server.simulator.answer = lambda request: busy.pop() if busy else real(request)
    assert told(Notify(graph=graph), tmp_path) == [()]
    assert len(server.simulator.writes.mails) == 1
    unknown = graph.model_copy(update={"sender": "nobody@norwind.example.test"})
    assert "ErrorInvalidUser" in told(Notify(graph=unknown), tmp_path)[0][0]
    assert server.sign_in
    (tmp_path / "other").mkdir()
    server.sign_in.certificate = certificate(tmp_path / "other")[1]
    (why,) = told(Notify(graph=graph), tmp_path)[0]
    assert "upload the certificate to the registration" in why
    assert len(server.simulator.writes.mails) == 1


def test_the_policy_names_secrets_and_never_holds_them():
    said = {"tenant": "t", "client_id": "c", "certificate": "x.pem", "sender": "a@b.test"}
    with pytest.raises(ValidationError, match="does not stand in the policy") as caught:
        GraphMail.model_validate({**said, "password": "hunter2"})
    assert "hunter2" not in str([one["msg"] for one in caught.value.errors()])
    with pytest.raises(ValidationError, match="keep one of them"):
        Notify.model_validate({"graph": said, "smtp": {"host": "h", "sender": "a@b.test"}})


def test_what_reaches_whoever_reads_there_is_tried_once_an_alarm_and_a_channel_that_is_out_once_a_round(
    authority, tmp_path
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(tmp_path / "server", "localhost"))
    people = reviewers.people_of([roster_row(number) for number in ("1", "2", "3")])
    with collector(context) as (port, received):
        workspace = telling(tmp_path, 3, Notify(syslog=Syslog(host="127.0.0.1", port=port)))
        patience = Patience(long=0.0)
        for number in range(3):
            alarm = PendingAlarm(f"findings {number}", AT, f"{number} findings opened", "u1\n")
            left, _ = watch_alarms.deliver(*workspace, alarm, people, {}, patience)
            assert left is not None
            assert left.reached == tuple(f"file hr:person:{n}" for n in (1, 2, 3))
    assert len(received) == 1, "three alarms for three people"
