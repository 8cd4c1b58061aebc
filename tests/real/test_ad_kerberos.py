"""Signing in with a Kerberos ticket, over TLS only."""

import socket

import pytest

from access_review.errors import ConnectorError
from tests.real.ad import connect, edges, incomplete, tables
from tests.real.example_domain import READER, SERVICE_PASSWORD
from tests.real.kerberos import configured, sign_in

pytest.importorskip(
    "gssapi",
    reason="Kerberos not tested: gssapi is not installed; enable with: "
    "sudo apt-get install -y gcc libkrb5-dev && pip install 'access-review[kerberos]'",
)


@pytest.fixture
def environment(shared_domain, tmp_path, monkeypatch):
    """Return the Kerberos environment, in which this process is too; the controller's name leads to its address."""
    given = configured(shared_domain, tmp_path)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    resolve = socket.getaddrinfo
    addresses = {f"{shared_domain.host}.{shared_domain.dns}": shared_domain.address}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **also: resolve(addresses.get(host, host), *more, **also)
    )
    return given


def by_ticket(domain, scheme):
    server = f"{scheme}://{domain.host}.{domain.dns}"
    return connect(domain, server=server, sign_in="kerberos", user=None, password=None)


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_a_ticket_reads_what_the_password_reads(shared_domain, environment, scheme):
    sign_in(shared_domain, READER, SERVICE_PASSWORD, environment)
    found = tables(by_ticket(shared_domain, scheme))
    assert incomplete(found) == {}
    assert edges(found) == edges(tables(connect(shared_domain)))


@pytest.mark.usefixtures("environment")
def test_without_a_ticket_it_says_how_to_get_one(shared_domain):
    with pytest.raises(ConnectorError, match="no Kerberos ticket") as caught:
        tables(by_ticket(shared_domain, "ldaps"))
    assert "kinit" in caught.value.hint
