"""Signing in with msal over real HTTPS, and reading the simulated tenant with what it gives."""

import datetime as dt
import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from access_review.changes import Executor, Writable
from access_review.connectors import Source
from access_review.connectors.entra.authentication import ADVICE, Network, TokenProvider
from access_review.connectors.entra.connector import connect
from access_review.connectors.entra.registration import CLOUDS, Cloud, Registration
from access_review.connectors.entra.throttle import ThrottlePace, Time
from access_review.errors import ConnectorError, Transient, WorkspaceError
from access_review.evidence.provenance import provenance_rows
from access_review.snapshot import Completeness, ManifestSource
from access_review.tables import Row
from tests.real.authority import Authority
from tests.simulated_tenant.credentials import certificate
from tests.simulated_tenant.reading import Outcome, collected, held, simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.simulated_tenant.wire import Response, VirtualClock, failed

VERDICT = ("reason", "received", "expected")
SECRET = "not-a-real-secret-7Q~canary"  # noqa: S105 - of a tenant that lives for one test


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRA_SECRET", SECRET)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    simulator = simulate()
    sign_in = SignIn(simulator.clock, secret=SECRET)
    simulator.tokens = sign_in.roles_of
    simulator.granted = simulator.granted or frozenset()
    with Server(simulator, tmp_path, sign_in) as made:
        yield made


def cloud(server: Server) -> Cloud:
    return Cloud(sign_in=server.url, graph=server.url)


def registration(**how: Any) -> Registration:
    return TypeAdapter(Registration).validate_python(
        {"client_id": CLIENT, **(how or {"secret": {"env": "ENTRA_SECRET"}})}
    )


def signed_in(server: Server, said: Registration | None = None, tenant: str = TENANT, **more: Any) -> TokenProvider:
    clock = VirtualClock()
    pace = ThrottlePace(Time(clock.now, clock.sleep, lambda: 0.5))
    network = more.pop("network", Network(server.ca))
    source = Source("entra", server.folder)
    return TokenProvider(source, tenant, said or registration(), cloud(server), network, pace, **more)


def online(server: Server, **more: Any) -> Any:
    options = {"tenant": TENANT, "reader": registration(), "ca_file": str(server.ca), "cloud": cloud(server), **more}
    return connect(Source("entra", server.folder), **options)


def told(verdicts: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return what a pack says of a read with these verdicts."""
    kept = {one["subject"]: Completeness(one["complete"], *(one.get(name) for name in VERDICT)) for one in verdicts}
    return list(provenance_rows("run", {"entra": ManifestSource("entra", False, kept, {})}, {}))


def read(connector: Any) -> Outcome:
    return collected(connector)


def test_a_tenant_is_read_over_https_with_a_token_of_msal(server: Server) -> None:
    made = read(online(server))
    assert list(made.short) == ["part:groups/onPremisesSyncBehavior"]
    found = {(r["entitlement"].rpartition(":")[2], r["account"].rpartition(":")[2]) for r in made.rows["grants"]}
    found |= {(r["parent"].rpartition(":")[2], r["child"].rpartition(":")[2]) for r in made.rows["nesting"]}
    assert set(held(server.simulator.tenant)) <= found
    assert server.sign_in is not None
    assert len(server.sign_in.asked) == 1
    facts = json.loads(made.one("completeness", subject="part:provenance")["reason"])
    assert facts["tenant_name"] == "Norwind Outsourcing"
    assert facts["queries"]["signInActivity"].startswith("/users?$select=id,userPrincipalName")
    assert facts["queries"]["groups/members"].startswith("/groups/{id}/members?$select=id")
    assert facts["pages"].keys() - {"users"} < facts["queries"].keys()
    assert facts["pages"]["groups/members"] == len(server.simulator.tenant.of("groups"))
    shown = {row[3]: row[4:] for row in told(made.rows["completeness"])}
    assert shown["read: server"] == (f"{server.url}/v1.0", "", "", "")
    assert shown["read: pages: users"] == ("", "1", "", "")
    users = str(len(server.simulator.tenant.of("users")))
    assert shown["part:users"] == ("", users, users, "yes")
    assert shown["part:groups/onPremisesSyncBehavior"][3] == "no"
    assert SECRET not in json.dumps(made.rows, default=str)
    assert made.one("completeness", subject="part:clock")["complete"]


def test_a_token_that_expires_during_the_read_is_renewed(server: Server) -> None:
    assert server.sign_in is not None
    server.sign_in.life = 3600
    server.simulator.latency = 400
    made = read(online(server))
    assert "part:users" not in made.short
    assert made.one("completeness", subject="grants")["complete"]
    assert len(server.sign_in.asked) > 1


def test_environment_variables_change_neither_trust_nor_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nowhere/ca.pem")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert signed_in(server)()


def test_an_unknown_authority_is_refused_and_nothing_is_sent(server: Server, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other", "another CA")
    with pytest.raises(ConnectorError, match="certificate is not trusted") as caught:
        signed_in(server, network=Network(other.file))()
    assert "ca_file" in caught.value.hint
    assert server.seen == []


def test_a_named_proxy_is_used(server: Server) -> None:
    with pytest.raises(Transient, match="no answer"):
        signed_in(server, network=Network(server.ca, "http://127.0.0.1:9"))()


@pytest.mark.parametrize("code", [7000215, 7000222, 700016, 700027, 53003])
def test_a_refusal_says_what_to_do(server: Server, code: int) -> None:
    assert server.sign_in is not None
    server.sign_in.faults = [server.sign_in.refuse(code)]
    with pytest.raises(ConnectorError) as caught:
        signed_in(server)()
    assert f"AADSTS{code}" in caught.value.message
    assert "Trace ID" not in caught.value.message
    assert caught.value.hint == ADVICE[code]
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_wrong_secret_and_a_wrong_tenant_are_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRA_SECRET", "wrong")
    with pytest.raises(ConnectorError, match="AADSTS7000215"):
        signed_in(server)()
    with pytest.raises(ConnectorError, match="cannot be prepared") as caught:
        signed_in(server, tenant="nowhere.example.test")()
    assert caught.value.hint == "check tenant and cloud"


@pytest.mark.parametrize(
    "fault",
    [
        failed(429, "TooManyRequests", Retry_After="3"),
        failed(503, "ServiceUnavailable"),
        Response(500, "<html>"),
        Response(0, broken="reset"),
    ],
)
def test_the_token_endpoint_may_stumble(server: Server, fault: Response) -> None:
    assert server.sign_in is not None
    server.sign_in.faults = [fault, fault]
    assert signed_in(server)()
    assert len(server.sign_in.asked) == 3


def test_a_token_is_asked_for_once_and_anew_only_when_told(server: Server) -> None:
    assert server.sign_in is not None
    token = signed_in(server)
    assert token() == token()
    assert len(server.sign_in.asked) == 1
    assert token(fresh=True) != ""
    assert len(server.sign_in.asked) == 2


@pytest.mark.parametrize("password", [None, b"pass word"])
def test_a_certificate_proves_who_reads(
    server: Server, monkeypatch: pytest.MonkeyPatch, password: bytes | None
) -> None:
    assert server.sign_in is not None
    path, server.sign_in.certificate, _ = certificate(server.folder, password=password)
    said: dict[str, Any] = {"file": str(path)}
    if password:
        monkeypatch.setenv("KEY_PASSWORD", password.decode())
        said["password"] = {"env": "KEY_PASSWORD"}
    assert signed_in(server, registration(certificate=said))()
    assert "client_secret" not in server.sign_in.asked[0]
    _, server.sign_in.certificate, _ = certificate(server.folder)
    server.sign_in.certificate = certificate(server.folder)[1]


def test_a_certificate_the_tenant_does_not_know_is_refused(server: Server) -> None:
    path, _, _ = certificate(server.folder)
    with pytest.raises(ConnectorError, match="AADSTS700027"):
        signed_in(server, registration(certificate={"file": str(path)}))()


def test_a_key_that_others_can_read_or_that_is_none_is_refused(server: Server) -> None:
    path, _, _ = certificate(server.folder)
    path.chmod(0o644)
    with pytest.raises(ConnectorError, match="is open to others"):
        signed_in(server, registration(certificate={"file": str(path)}))()
    path.chmod(0o600)
    path.write_text("no PEM")
    with pytest.raises(ConnectorError, match="no usable certificate"):
        signed_in(server, registration(certificate={"file": str(path)}))()
    with pytest.raises(ConnectorError, match="cannot be read"):
        signed_in(server, registration(certificate={"file": "nowhere.pem"}))()


def test_a_person_signs_in_at_another_screen_and_the_cache_is_kept(server: Server) -> None:
    assert server.sign_in is not None
    said: list[str] = []
    how = registration(device_code=True, token_cache="cache.json")  # noqa: S106 - a file name
    assert signed_in(server, how, say=said.append)()
    assert said == ["open the page and enter ABCD"]
    kept = server.folder / "cache.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert signed_in(server, how, say=said.append)()
    assert len(said) == 1
    kept.chmod(0o644)
    with pytest.raises(ConnectorError, match="is open to others"):
        signed_in(server, how, say=said.append)()


def test_a_managed_identity_needs_no_secret(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    class Identity(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["X-IDENTITY-HEADER"]))
            body = json.dumps({"access_token": "t", "expires_on": "9999999999", "resource": "r"}).encode()
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Identity) as machine:
        thread = threading.Thread(target=machine.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{machine.server_address[1]}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        given = TypeAdapter(Registration).validate_python({"managed_identity": "system"})
        assert signed_in(server, given)() == "t"
        machine.shutdown()
        thread.join()
    assert asked[0][1] == "h"
    assert "resource=https%3A%2F%2Flocalhost" in asked[0][0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": CLIENT},
        {"client_id": CLIENT, "secret": {"env": "A"}, "device_code": True},
        {"secret": {"env": "A"}},
        {"client_id": CLIENT, "secret": {"env": "A"}, "token_cache": "x"},
        {"client_id": CLIENT, "secret": "written out"},
    ],
)
def test_a_registration_says_exactly_one_way(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Registration).validate_python(wrong)
    assert "written out" not in str(caught.value)


def test_what_is_named_to_read_from_is_one_thing(tmp_path: Path) -> None:
    source = Source("entra", tmp_path)
    with pytest.raises(WorkspaceError, match="nothing is named"):
        connect(source)
    with pytest.raises(WorkspaceError, match="exclude each other"):
        connect(source, recorded=".", tenant=TENANT)


def test_every_national_cloud_has_its_own_addresses() -> None:
    assert len({cloud.graph for cloud in CLOUDS.values()}) == len(CLOUDS) == 4
    assert all(cloud.sign_in.startswith("https://login.") for cloud in CLOUDS.values())


def test_a_service_that_is_not_there_is_transient(server: Server) -> None:
    connector = online(server)
    server.simulator.faults = []
    server.simulator.base = ""
    plain = server.simulator.answer
    server.simulator.answer = lambda request: Response(0, broken="reset")  # noqa: ARG005
    reached = connector.open_reader

    def quick() -> Any:
        graph = reached()
        clock = VirtualClock()
        graph.pace.time = Time(clock.now, clock.sleep)
        return graph

    object.__setattr__(connector, "open_reader", quick)
    with pytest.raises(Transient, match="could not be reached"):
        list(connector.collect(dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)))
    server.simulator.answer = plain


def test_a_check_and_a_writer_open_their_own_registrations(server: Server) -> None:
    connector = online(server)
    assert {one.part for one in connector.readable(dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)) if one.can}
    assert not isinstance(connector, Writable), "read-only without a writer"
    connector = online(server, writer=registration())
    assert isinstance(connector, Writable)
    with connector.writing() as writer, connector.verifying() as witness:
        assert isinstance(writer, Executor)
        assert witness.holds  # type: ignore[truthy-function]
