"""Notices arrive over verified TLS or are said to have failed; no secret is in what is said."""

import datetime as dt
import json
import re
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from access_review.audit import reviewers
from access_review.audit.campaign import Campaign, Reminder, ReminderKind
from access_review.errors import ConnectorError
from access_review.settings.channels import Notify, Smtp, Webhook
from access_review.settings.desks import PLACES, MailDesk
from access_review.stages import notify, ticket_desks
from access_review.stages.notify import Patience
from access_review.views import webhook_bodies
from access_review.views.notices import Notice, notices
from access_review.views.ticket_bodies import TicketOrder

AT = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
NOTICE = Notice("hr:person:1", "Ana Lim", "ana@norwind.example.test", "Access review 2026-W45", "3 items wait.\n")
SECRET = "correct-horse-battery"  # noqa: S105


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for 127.0.0.1 that only those trust who are told to."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem


@contextmanager
def server(handler, certificate, *, starttls=None):
    """Serve one protocol over TLS on a free port; yield the port and what was received.

    ``starttls`` begins in the clear instead, and offers to change over or not.
    """
    received: list[Any] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(socketserver.StreamRequestHandler):
        def setup(self):
            if starttls is None:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self):
            super().finish()
            self.request.close()

        def handle(self):
            if starttls is not None and not self.changed_over():
                return
            handler(self.rfile, self.wfile, received)

        def changed_over(self):
            """Greet in the clear, and change over to TLS when asked to; tell whether that happened."""
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                received.append(f"clear: {line.decode()}")
                if line.upper().startswith(b"EHLO"):
                    self.wfile.write(b"250-here\r\n250 STARTTLS\r\n" if starttls else b"250 here\r\n")
                elif starttls and line.strip().upper() == b"STARTTLS":
                    self.wfile.write(b"220 go\r\n")
                    self.request = context.wrap_socket(self.request, server_side=True)
                    super().setup()
                    return True
                else:
                    self.wfile.write(b"502 no\r\n")
            return False

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_):
            received.append("refused")

    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1], received
        running.shutdown()


def smtp(reading, writing, received):
    writing.write(b"220 here\r\n")
    smtp_words(reading, writing, received)


def smtp_words(reading, writing, received):
    for line in reading:
        word = line.strip().upper()
        received.append(line.decode())
        if word.startswith(b"EHLO"):
            writing.write(b"250-here\r\n250 AUTH PLAIN\r\n")
        elif word.startswith(b"AUTH"):
            writing.write(b"235 ok\r\n")
        elif word == b"DATA":
            writing.write(b"354 go\r\n")
            while (text := reading.readline()) != b".\r\n":
                received.append(text.decode())
            writing.write(b"250 ok\r\n")
        elif word == b"QUIT":
            writing.write(b"221 bye\r\n")
            return
        else:
            writing.write(b"250 ok\r\n")


def http(reading, writing, received):
    length = 0
    while (line := reading.readline().strip()) != b"":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    received.append(json.loads(reading.read(length)))
    writing.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_mail_goes_over_verified_tls_and_the_password_stays_out_of_sight(certificate, tmp_path):
    environment = {"MAIL_USER": "review", "MAIL_PASSWORD": SECRET}
    with server(smtp, certificate) as (port, received):
        named: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "security": "tls",
            "sender": "review@norwind.example.test",
        }
        login: dict[str, Any] = {"user_env": "MAIL_USER", "password_env": "MAIL_PASSWORD"}
        settings = Notify(smtp=Smtp(**named, **login, ca=str(certificate)))
        (done,) = notify.deliver([NOTICE], settings, environment, tmp_path, AT)
        assert done.failed == ()
        assert "Subject: Access review 2026-W45\r\n" in received
        assert "3 items wait.\r\n" in received
        received.clear()
        (tmp_path / "ana.xlsx").write_bytes(b"the sheet")
        with_sheet = replace(NOTICE, sheet="ana.xlsx")
        (sent,) = notify.deliver([with_sheet], settings, environment, tmp_path / "runs/notices", AT)
        assert sent.failed == ()
        assert 'Content-Disposition: attachment; filename="ana.xlsx"\r\n' in received, "the sheet goes with its notice"
        received.clear()
        (refused,) = notify.deliver([NOTICE], Notify(smtp=Smtp(**named, **login)), environment, tmp_path, AT)
        assert "SSLCertVerificationError" in refused.failed[0]
        assert not [line for line in received if line.startswith("AUTH")]
    (down,) = notify.deliver([NOTICE], settings, environment, tmp_path, AT)
    (unset,) = notify.deliver([NOTICE], settings, {}, tmp_path, AT)
    assert "MAIL_USER is not set" in unset.failed[0]
    said = repr((done, refused, down)) + "".join(path.read_text() for path in tmp_path.rglob("*.txt"))
    assert down.failed
    assert SECRET not in said


def test_starttls_changes_over_before_anything_is_told_and_without_it_nothing_is(certificate, tmp_path):
    environment = {"MAIL_USER": "review", "MAIL_PASSWORD": SECRET}
    login = {"user_env": "MAIL_USER", "password_env": "MAIL_PASSWORD"}
    named: dict[str, Any] = {"host": "127.0.0.1", "sender": "review@norwind.example.test", **login}
    with server(smtp_words, certificate, starttls=True) as (port, received):
        settings = Notify(smtp=Smtp(**named, port=port, ca=str(certificate)))
        assert settings.smtp.security == "starttls"
        (done,) = notify.deliver([NOTICE], settings, environment, tmp_path, AT)
        assert done.failed == ()
        assert "3 items wait.\r\n" in received
        clear = [line.split()[1].upper() for line in received if line.startswith("clear: ")]
        assert clear == ["EHLO", "STARTTLS"]
        received.clear()
        (untrusted,) = notify.deliver([NOTICE], Notify(smtp=Smtp(**named, port=port)), environment, tmp_path, AT)
        assert "SSLCertVerificationError" in untrusted.failed[0]
        assert not [line for line in received if "AUTH" in line or "MAIL" in line]
    with server(smtp_words, certificate, starttls=False) as (port, received):
        plain = Notify(smtp=Smtp(**named, port=port, ca=str(certificate)))
        (refused,) = notify.deliver([NOTICE], plain, environment, tmp_path, AT)
        assert "SMTPNotSupportedError" in refused.failed[0]
        assert not [line for line in received if "AUTH" in line or "MAIL" in line]
    assert SECRET not in repr((done, untrusted, refused))


def test_a_webhook_is_https_and_its_address_is_never_told(certificate, tmp_path):
    with server(http, certificate) as (port, received):
        environment = {"HOOK": f"https://127.0.0.1:{port}/{SECRET}", "PLAIN": f"http://127.0.0.1:{port}/"}
        trusted = Notify(webhook=Webhook(url_env="HOOK", ca=str(certificate)))
        (done,) = notify.deliver([NOTICE], trusted, environment, tmp_path, AT)
        assert done.failed == ()
        assert received[0]["text"].startswith("Access review 2026-W45")
        (refused,) = notify.deliver([NOTICE], Notify(webhook=Webhook(url_env="HOOK")), environment, tmp_path, AT)
        (plain,) = notify.deliver([NOTICE], Notify(webhook=Webhook(url_env="PLAIN")), environment, tmp_path, AT)
    assert refused.failed
    assert "https" in plain.failed[0]
    assert SECRET not in repr((done, refused, plain))


def test_a_channel_that_cannot_even_be_tried_has_failed_and_the_others_go_on(certificate, tmp_path):
    folder = tmp_path / "runs/notices"
    (tmp_path / "ca.pem").write_bytes(certificate.read_bytes())
    named: dict[str, Any] = {"host": "127.0.0.1", "sender": "r@norwind.example.test", "security": "tls"}
    with server(http, certificate) as (port, received):
        environment = {"HOOK": f"https://127.0.0.1:{port}/", "LONG": f"https://{'a' * 300}.test/{SECRET}"}
        both = Notify(smtp=Smtp(**named, ca="gone.pem"), webhook=Webhook(url_env="HOOK", ca="ca.pem"))
        (done,) = notify.deliver([NOTICE], both, environment, folder, AT)
        assert (done.failed, len(received)) == (("mail: ca: gone.pem is no file",), 1), "paths start from the workspace"
        gone = Notify(webhook=Webhook(url_env="HOOK", ca="gone.pem"))
        assert notify.deliver([NOTICE], gone, environment, folder, AT)[0].failed == (
            "webhook: ca: gone.pem is no file",
        )
    long = Notify(webhook=Webhook(url_env="LONG"))
    (odd,) = notify.deliver([NOTICE], long, environment, folder, AT)
    assert odd.failed
    assert SECRET not in repr(odd)
    with server(smtp, certificate) as (port, received):
        login = {"user_env": "MAIL_USER", "password_env": "MAIL_PASSWORD", "port": port, "ca": "ca.pem"}
        logs_in = Notify(smtp=Smtp(**named, **login))
        known = {"MAIL_USER": "review", "MAIL_PASSWORD": "Größe"}
        assert notify.deliver([NOTICE], logs_in, known, folder, AT)[0].failed == (
            "mail: 127.0.0.1: UnicodeEncodeError",
        )
        alone = Notify(smtp=Smtp(**named, port=port, ca="ca.pem"))
        two_lines = replace(NOTICE, subject="Access review\nBcc: thief@evil.example.test")
        assert notify.deliver([two_lines], alone, {}, folder, AT)[0].failed == ("mail: 127.0.0.1: ValueError",)


def test_an_answer_that_never_ends_is_not_read(certificate, tmp_path):
    stopping = threading.Event()

    def endless(reading, writing, received):
        received.append(reading.readline())
        writing.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        with suppress(OSError):
            while not stopping.wait(0.1):
                writing.write(b"x")

    with server(endless, certificate) as (port, _):
        hook = Notify(webhook=Webhook(url_env="HOOK", ca=str(certificate)))
        done: list[Any] = []
        how = ([NOTICE], hook, {"HOOK": f"https://127.0.0.1:{port}/"}, tmp_path / "runs/notices", AT)
        told = threading.Thread(target=lambda: done.extend(notify.deliver(*how)), daemon=True)
        told.start()
        told.join(10)
        stopping.set()
    assert [one.failed for one in done] == [()]


def test_what_took_long_to_fail_is_not_waited_for_again_in_the_same_round():
    asked: list[str] = []

    def fail():
        asked.append("hook")
        return "ReadTimeout"

    patient, waited = Patience(), Patience(long=0.0)
    assert [patient.send("webhook", fail) for _ in range(2)] == ["ReadTimeout"] * 2
    assert len(asked) == 2, "what fails at once is asked for the next notice"
    assert [waited.send("webhook", fail) for _ in range(3)] == ["ReadTimeout"] * 3
    assert len(asked) == 3
    assert waited.send("mail", lambda: "") == ""
    rested = Patience(long=0.0, rest=0.0)
    assert [rested.send("webhook", fail) for _ in range(2)] == ["ReadTimeout"] * 2
    assert len(asked) == 5, "after its rest it is asked again"


def test_a_server_that_sends_a_letter_now_and_then_is_left_and_nothing_more_is_sent_while_it_does():
    ends, asked = threading.Event(), list[str]()

    def drip():
        asked.append("hook")
        ends.wait(60)
        return ""

    patience = Patience(long=0.0, rest=0.0, most=0.05)
    assert [patience.send("webhook", drip) for _ in range(3)] == ["no end within 0.05 seconds"] * 3
    assert (len(asked), patience.send("mail", lambda: "")) == (1, "")
    ends.set()
    patience._sending["webhook"].join(60)
    assert patience.send("webhook", lambda: "") == ""

    def fail():
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        patience.send("webhook", fail)


def test_a_file_is_always_written_and_no_address_no_mail(tmp_path):
    nobody = Notice("x", "Evil\n\x1b[2J", "a@b.test\nBcc: c@d.test", "s\nTo: e@f.test", "t")
    settings = Notify(smtp=Smtp(host="127.0.0.1", port=9, sender="r@norwind.example.test"))
    (done,) = notify.deliver([nobody], settings, {}, tmp_path, AT)
    assert done.failed == ("mail: Evil⟨U+000A⟩⟨U+001B⟩[2J has no mail address",)
    assert done.file.read_text().count("\n") == 3, "To, Subject, and the text below"
    assert done.file.stat().st_mode & 0o777 == 0o600


def person(native, **more):
    row = {"person": f"hr:person:{native}", "native_id": native, "name": f"P{native}", "kind": "employee"}
    return {**row, "mail": f"{native}@norwind.example.test", "status": "active", "manager": None, **more}


def test_of_an_escalation_the_manager_and_those_named_hear_too():
    people = reviewers.people_of([person("1", manager="hr:person:2"), person("2"), person("3")])
    audit = Campaign("run", "2026-W45", AT)
    told = [Reminder(kind, "hr:person:1", AT, 3) for kind in (ReminderKind.REMINDER, ReminderKind.ESCALATION)]
    heard = [notice.name for notice in notices(audit, told, people, ("3@norwind.example.test", "nobody"))]
    assert heard == ["P1", "P1", "P2", "P3"]


@pytest.mark.parametrize("form", ["json", "teams", "slack"])
def test_a_name_in_a_message_for_a_channel_is_shown_as_it_is_written_and_a_long_one_is_cut(form):
    evil = "[here](https://evil.example.test) <!channel> *x*"
    sent = webhook_bodies.body(replace(NOTICE, subject=f"One & {evil}", text=f"{evil}\n" + "line\n" * 9000), form)
    text = json.dumps(sent)
    kinds = set(re.findall(r'"type": "(\w+)"', text))
    assert (
        kinds
        == {
            "json": set(),
            "teams": {"message", "AdaptiveCard", "RichTextBlock", "TextRun"},
            "slack": {"section", "plain_text"},
        }[form]
    ), "none of these reads markup"
    if form == "slack":
        assert sent["text"] == "One &amp; [here](https://evil.example.test) &lt;!channel&gt; *x*"
    if form != "json":
        assert len(text.encode()) < 28_000
        assert "runs/notices/" in text


@pytest.mark.parametrize(
    "text",
    [
        "medium access-beyond-role: u3 of Person 3, Approver of payments\n" * 600,
        "high never-allowed: Grażyna Żółkiewska-Łęcka, Zatwierdzający płatności – Łódź i Kraków\n" * 200,
        "経理部承認者権限グループ\n" * 400,
        "\N{PILE OF POO}" * 200_000,
    ],
)
@pytest.mark.parametrize("subject", ["2 findings opened", "ż" * 9000])
def test_an_alarm_of_any_size_in_any_letters_is_no_larger_than_a_channel_takes(text, subject):
    notice = replace(NOTICE, subject=subject, text=text)
    sent = json.dumps(webhook_bodies.body(notice, "teams"))
    assert len(sent) < 28_000, "bytes, as they are sent"
    (attachment,) = json.loads(sent)["attachments"]
    lines = [line["inlines"][0]["text"] for line in attachment["content"]["body"]]
    assert lines[1][:12] == text[:12]
    assert "runs/notices/" in lines[-1]
    for block in json.loads(json.dumps(webhook_bodies.body(notice, "slack")))["blocks"]:
        assert 0 < len(block["text"]["text"]) <= 3000


def test_a_desk_by_mail_gets_each_order_with_its_reference_and_nobody_else_does(certificate, tmp_path):
    desk = MailDesk(kind="mail", to="desk@norwind.example.test", summary="Access: {what}")
    values = dict.fromkeys(PLACES, "x") | {"what": "disable u20 {person}"}
    asked = TicketOrder("badge", "access-review-1", AT, values)
    with server(smtp, certificate) as (port, received):
        by = Smtp(host="127.0.0.1", port=port, security="tls", sender="r@norwind.example.test", ca=str(certificate))
        with ticket_desks.opened(Notify(smtp=by, tickets=desk), {}, tmp_path, AT) as opened:
            made = opened.open(asked)
    assert (made.number, opened.answers) == ("access-review-1", False)
    assert "Subject: Access: disable u20 {person} [access-review-1]\r\n" in received
    assert "To: desk@norwind.example.test\r\n" in received
    with pytest.raises(ConnectorError, match="desk was not written to"):
        opened.open(asked)
    with pytest.raises(ValidationError, match="neither smtp nor graph"):
        Notify(tickets=desk)
