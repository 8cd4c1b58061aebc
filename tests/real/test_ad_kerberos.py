"""Signing in with a Kerberos ticket, over TLS only."""

import socket
from dataclasses import replace

import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing, WriteResult
from access_review.errors import ConnectorError
from tests.real.ad import connect, edges, incomplete, tables
from tests.real.example_domain import READER, SERVICE_PASSWORD, WRITER
from tests.real.kerberos import configured, keytab, sign_in

pytest.importorskip(
    "gssapi",
    reason="Kerberos not tested: gssapi is not installed; enable with: "
    "sudo apt-get install -y gcc libkrb5-dev && pip install 'access-review[kerberos]'",
)


@pytest.fixture(scope="module")
def domain(own_domain):
    return own_domain


@pytest.fixture
def environment(domain, tmp_path, monkeypatch):
    """Return the Kerberos environment, in which this process is too; the controller's name leads to its address."""
    given = configured(domain, tmp_path)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    resolve = socket.getaddrinfo
    addresses = {f"{domain.host}.{domain.dns}": domain.address}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **also: resolve(addresses.get(host, host), *more, **also)
    )
    return given


def by_ticket(domain, scheme, **more):
    server = f"{scheme}://{domain.host}.{domain.dns}"
    return connect(domain, server=server, sign_in="kerberos", user=None, password=None, **more)


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_a_ticket_reads_what_the_password_reads(domain, environment, scheme):
    sign_in(domain, READER, SERVICE_PASSWORD, environment)
    found = tables(by_ticket(domain, scheme))
    assert incomplete(found) == {}
    assert edges(found) == edges(tables(connect(domain)))


def test_a_writer_has_a_ticket_of_its_own_beside_that_of_the_reader(domain, environment, tmp_path):
    sign_in(domain, READER, SERVICE_PASSWORD, environment)
    found = tables(by_ticket(domain, "ldaps"))
    (user,) = (row for row in found["accounts"] if row["name"] == "user05")
    (group,) = (row for row in found["entitlements"] if row["name"] == "Large")
    account, held = (
        Thing(row[key], row["native_id"], row["name"]) for key, row in (("account", user), ("entitlement", group))
    )
    target = Target("ad", "ldap", entitlement=held, account=account)
    change = Change("c-1", Action.REMOVE_MEMBER, target, "member", Expectation(present=True), (), (), "")
    apart = {**environment, "KRB5CCNAME": str(tmp_path / "tickets-of-the-writer")}
    sign_in(domain, WRITER, SERVICE_PASSWORD, apart)
    keytab(domain, WRITER, SERVICE_PASSWORD, environment, tmp_path / "writer.keytab")
    for file in ({"keytab": "writer.keytab"}, {"tickets": "tickets-of-the-writer"}):
        writer = {"sign_in": "kerberos", "user": f"{WRITER}@{domain.realm}", **file}
        with by_ticket(domain, "ldaps", folder=tmp_path, writer=writer).writing() as directory:
            assert directory.revoke(change).result is WriteResult.DONE
            assert directory.restore(replace(change, action=Action.ADD_MEMBER)).result is WriteResult.DONE
    reader = {"sign_in": "kerberos", "user": f"{READER}@{domain.realm}"}
    with by_ticket(domain, "ldaps", folder=tmp_path, writer=reader).writing() as directory:
        assert directory.revoke(change).result is WriteResult.REFUSED, "the ticket of the machine may only read"


@pytest.mark.usefixtures("environment")
def test_without_a_ticket_it_says_how_to_get_one(domain):
    with pytest.raises(ConnectorError, match="no Kerberos ticket") as caught:
        tables(by_ticket(domain, "ldaps"))
    assert "kinit" in caught.value.hint
