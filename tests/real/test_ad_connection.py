"""Who a connection trusts, who it is, and what it says when either goes wrong."""

import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from access_review.connectors import Source
from access_review.connectors.ad.login import Login
from access_review.connectors.ad.result_codes import explain_bind, explain_result
from access_review.connectors.ad.server import Address, Servers, parse_address
from access_review.connectors.secret import SecretReference
from access_review.errors import ConnectorError, Transient, WorkspaceError
from tests.faults.ldap_proxy import BIND, Proxy
from tests.real.ad import connect, incomplete, tables
from tests.real.authority import Authority
from tests.real.conftest import servers
from tests.real.example_domain import READER


class Listener:
    """Accepts TLS connections with one certificate and keeps the bytes that clients send after the handshake."""

    def __init__(self, certificate, key):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = self._socket.getsockname()[1]
        self.received = b""

    def _serve(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            plain.settimeout(5)
            try:
                with plain, self._context.wrap_socket(plain, server_side=True) as client:
                    self.received += client.recv(4096)
            except OSError:
                pass

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def login():
    return Login("simple", "reader@norwind.test", SecretReference(env="TEST_AD_SERVICE"))


def attempt(folder, authority, host, port):
    with Servers(Source("ad", folder), (Address(host, port, upgrade=False),), login(), authority.file, 5).session():
        pass


@pytest.mark.parametrize(
    ("host", "names", "reason", "hint"),
    [
        ("127.0.0.1", ["dc1.norwind.test"], "IP address mismatch", "DNS names and seldom IP addresses"),
        ("localhost", ["dc1.norwind.test"], "Hostname mismatch", "by a name that the certificate holds"),
        ("127.0.0.1", ["127.0.0.2"], "IP address mismatch", "seldom IP addresses"),
    ],
)
def test_a_certificate_for_another_name_is_refused_before_anything_is_said(
    tmp_path, authority, host, names, reason, hint
):
    with (
        Listener(*authority.issue(tmp_path, *names)) as listener,
        pytest.raises(ConnectorError, match=reason) as caught,
    ):
        attempt(tmp_path, authority, host, listener.port)
    assert hint in caught.value.hint
    assert not isinstance(caught.value, Transient)
    assert listener.received == b""


@pytest.mark.parametrize("names", [["127.0.0.1"], ["localhost"]])
def test_names_and_ip_addresses_in_a_certificate_are_accepted_on_every_python(tmp_path, authority, names):
    with (
        Listener(*authority.issue(tmp_path, *names)) as listener,
        pytest.raises(Transient),  # it is no LDAP server, but it was trusted
    ):
        attempt(tmp_path, authority, names[0], listener.port)
    assert listener.received[0] == 0x30


def test_an_authority_that_is_not_ours_and_a_certificate_that_has_expired_are_refused(tmp_path, authority):
    other = Authority.make(tmp_path / "other", "Somebody else")
    for issuer, days in ((other, 30), (authority, -3)):
        with (
            Listener(*issuer.issue(tmp_path / "tls", "localhost", days=days)) as listener,
            pytest.raises(ConnectorError, match=r"not trusted: (unable to get local issuer|certificate has expired)"),
        ):
            attempt(tmp_path, authority, "localhost", listener.port)
        assert listener.received == b""


def test_the_system_s_authorities_do_not_know_ours(shared_domain, tmp_path):
    way = replace(servers(tmp_path, shared_domain, READER), ca_file=None)
    with pytest.raises(ConnectorError, match="not trusted") as caught, way.session():
        pass
    assert "ca_file" in caught.value.hint


def test_an_unusable_authority_is_named(shared_domain, tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    for name, reason in (("ca.pem", "not a PEM file"), ("none.pem", "No such file")):
        way = replace(servers(tmp_path, shared_domain, READER), ca_file=tmp_path / name)
        with pytest.raises(ConnectorError, match=reason), way.session():
            pass


def test_a_wrong_certificate_ends_it_although_another_server_would_do(shared_domain, authority, tmp_path):
    with (
        Proxy(shared_domain.address, authority, tmp_path, names=("elsewhere.test",)).served() as proxy,
        pytest.raises(ConnectorError, match="another name"),
    ):
        tables(connect(shared_domain, server=[proxy.url, shared_domain.url]))
    assert proxy.seen == []


def test_starttls_does_as_well(shared_domain):
    assert incomplete(tables(connect(shared_domain, server=f"ldap://{shared_domain.address}"))) == {}


def test_a_plain_connection_is_not_to_be_had():
    source = Source("ad", Path())
    assert parse_address(source, "ldap://dc1.example.test") == Address("dc1.example.test", 389, upgrade=True)
    assert str(parse_address(source, "ldaps://[::1]:1636")) == "ldaps://[::1]:1636"
    for url in ("http://dc1", "dc1.example.test", "ldaps://", "ldaps://dc1/DC=x", "ldaps://dc1:port", "ldapi://x"):
        with pytest.raises(WorkspaceError, match="is no server"):
            parse_address(source, url)
    with pytest.raises(WorkspaceError, match="without an account") as refused:
        parse_address(source, "ldaps://reader:hunter2@dc1.example.test")
    assert "hunter2" not in str(refused.value)


def test_the_next_server_is_tried_when_one_is_down(shared_domain):
    found = tables(connect(shared_domain, server=["ldaps://127.0.0.1:9", shared_domain.url]))
    assert incomplete(found) == {}
    with pytest.raises(Transient, match=r"127\.0\.0\.1:9.*refused"):
        tables(connect(shared_domain, server=["ldaps://127.0.0.1:9"]))


def test_a_server_that_accepts_and_is_silent_is_passed_over(shared_domain, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldaps://127.0.0.1:{silent.getsockname()[1]}"
        with servers(tmp_path, shared_domain, READER, url, shared_domain.url, timeout=1).session() as session:
            assert str(session.address) == f"{shared_domain.url}:636"


def test_a_wrong_password_is_tried_once(shared_domain, authority, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_AD_WRONG", "Nicht-richtig-1")
    with (
        Proxy(shared_domain.address, authority, tmp_path).served() as proxy,
        pytest.raises(ConnectorError, match="name or the password is wrong") as caught,
    ):
        tables(
            connect(shared_domain, server=[proxy.url, proxy.url, shared_domain.url], password={"env": "TEST_AD_WRONG"})
        )
    assert [request.operation for request in proxy.seen].count(BIND) == 1
    assert "lock" in caught.value.hint
    assert "Nicht-richtig" not in f"{caught.value} {caught.value.hint}"


STATES = {
    "lapsed": ({"accountExpires": 132000000000000000}, "account has expired"),
    "off": ({"userAccountControl": 514}, "account is disabled"),
    "fresh": ({"pwdLastSet": 0}, "password must be changed"),
}


def test_a_refused_login_says_what_to_do(own_domain, tmp_path):
    """Samba says the same sub-codes as Windows: 701, 533, 773."""
    with servers(tmp_path, own_domain, "Administrator").session() as session:
        for name, (state, _) in STATES.items():
            _make(session, own_domain, name, state)
    for name, (_, reason) in STATES.items():
        with pytest.raises(ConnectorError, match=reason), servers(tmp_path, own_domain, name).session():
            pass


def _make(session, domain, name, state):
    values = {"sAMAccountName": name, "userPrincipalName": f"{name}@{domain.dns}", "userAccountControl": 512}
    password = '"Nur-zum-Lesen-2026!"'.encode("utf-16-le")
    given = {**values, "unicodePwd": password, **state}
    session._connection.add(f"CN={name},OU=Staff,{domain.base}", ["user"], given)
    assert session._connection.result["result"] == 0, session._connection.result


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("52e", "wrong"),
        ("533", "disabled"),
        ("701", "account has expired"),
        ("773", "must be changed"),
        ("775", "locked"),
        ("532", "password has expired"),
        ("530", "hour"),
        ("525", "does not exist"),
        ("zzz", "refused"),
    ],
)
def test_sub_codes_of_windows_are_put_into_words(data, what):
    said = f"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v4563\x00"
    assert what in explain_bind(49, said).what
    assert explain_bind(49, said).advice


def test_messages_of_servers_stay_on_one_line():
    assert "\n" not in explain_result(53, "0000202D:\nLdapErr\x00 " + "x" * 900).what
    assert len(explain_result(53, "x" * 900).what) < 300


def test_nobody_reads_anonymously(shared_domain):
    with pytest.raises(WorkspaceError, match="user and password"):
        connect(shared_domain, password=None)


def test_recorded_and_live_exclude_each_other(shared_domain):
    with pytest.raises(WorkspaceError, match="exclude each other"):
        connect(shared_domain, recorded=["a.ldif"])
    with pytest.raises(WorkspaceError, match="only Active Directory"):
        connect(shared_domain, directory="other")


def test_kerberos_takes_no_password_and_needs_its_extra(shared_domain):
    with pytest.raises(WorkspaceError, match="ticket"):
        connect(shared_domain, sign_in="kerberos")
