"""Signing in with a Kerberos ticket, over TLS only."""

import socket

import pytest

from access_review.errors import ConnectorError
from tests.real.ad import connect, edges, incomplete, tables
from tests.real.kerberos import configured, sign_in
from tests.real.norwind_domain import READER, SERVICE_PASSWORD

pytest.importorskip(
    "gssapi",
    reason="Kerberos not tested: gssapi is not installed; enable with: "
    "sudo apt-get install -y gcc libkrb5-dev && pip install 'access-review[kerberos]'",
)


@pytest.fixture
def environment(norwind, tmp_path, monkeypatch):
    """Return the Kerberos environment, in which this process is too; the controller's name leads to its address."""
    given = configured(norwind, tmp_path)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    resolve = socket.getaddrinfo
    addresses = {f"{norwind.host}.{norwind.dns}": norwind.address}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **also: resolve(addresses.get(host, host), *more, **also)
    )
    return given


def by_ticket(domain, scheme):
    server = f"{scheme}://{domain.host}.{domain.dns}"
    return connect(domain, server=server, sign_in="kerberos", user=None, password=None)


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_a_ticket_reads_what_the_password_reads(norwind, environment, scheme):
    sign_in(norwind, READER, SERVICE_PASSWORD, environment)
    found = tables(by_ticket(norwind, scheme))
    assert incomplete(found) == {}
    assert edges(found) == edges(tables(connect(norwind)))


@pytest.mark.usefixtures("environment")
def test_without_a_ticket_it_says_how_to_get_one(norwind):
    with pytest.raises(ConnectorError, match="no Kerberos ticket") as caught:
        tables(by_ticket(norwind, "ldaps"))
    assert "kinit" in caught.value.hint
