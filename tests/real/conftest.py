"""Real servers for tests: one domain that everybody reads, and copies for those who write."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from access_review.connectors import Source
from access_review.connectors.ad.login import Login
from access_review.connectors.ad.server import Servers, parse_address
from access_review.connectors.secret import SecretReference
from tests.real import example_domain, hybrid, samba
from tests.real.authority import Authority
from tests.real.samba import Domain
from tests.support.programs import need

PASSWORDS = {"TEST_AD_ADMIN": samba.ADMIN_PASSWORD, "TEST_AD_SERVICE": example_domain.SERVICE_PASSWORD}

# schemaIDGUID of attribute member, attribute userAccountControl, class group, class user.
MEMBER, CONTROL = "bf9679c0-0de6-11d0-a285-00aa003049e2", "bf967a68-0de6-11d0-a285-00aa003049e2"
GROUP, USER = "bf967a9c-0de6-11d0-a285-00aa003049e2", "bf967aba-0de6-11d0-a285-00aa003049e2"


@pytest.fixture(scope="session")
def samba_available() -> None:
    """Skip, or fail where the machine promised to run it, when there is no Samba."""
    need("samba", "Active Directory", samba.missing())


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session", autouse=True)
def secrets() -> Iterator[None]:
    """Keep the passwords where source files say they are."""
    os.environ.update(PASSWORDS)
    yield
    for name in PASSWORDS:
        del os.environ[name]


@pytest.fixture(scope="session")
def empty_state(samba_available, tmp_path_factory, authority) -> Domain:  # noqa: ARG001 - it is there to skip
    """Return a provisioned domain without people, never served."""
    domain = Domain(tmp_path_factory.mktemp("samba") / "empty", samba.free_address(), authority)
    domain.provision()
    return domain


@pytest.fixture(scope="session")
def small_state(empty_state: Domain, tmp_path_factory) -> Domain:
    """Return a domain of a few dozen objects with a reader and a writer, never served."""
    domain = empty_state.copy(tmp_path_factory.mktemp("samba") / "small")
    domain.load(example_domain.small(domain.base, domain.dns).ldif())
    domain.modify(example_domain.cycle(domain.base))
    writer = domain.sid(example_domain.WRITER)
    domain.grant(f"OU=Groups,{domain.base}", f"(OA;CIIO;WP;{MEMBER};{GROUP};{writer})")
    domain.grant(f"OU=Staff,{domain.base}", f"(OA;CIIO;RPWP;{CONTROL};{USER};{writer})")
    return domain


@pytest.fixture(scope="session")
def shared_domain(small_state, tmp_path_factory) -> Iterator[Domain]:
    """Return a served domain that is only read."""
    with small_state.copy(tmp_path_factory.mktemp("samba") / "read").served() as domain:
        yield domain


@pytest.fixture(scope="module")
def own_domain(small_state, tmp_path_factory) -> Iterator[Domain]:
    """Return a served domain that a module may write to."""
    with small_state.copy(tmp_path_factory.mktemp("samba") / "written").served() as domain:
        yield domain


@pytest.fixture(scope="session")
def hybrid_domain(empty_state, tmp_path_factory) -> Iterator[Domain]:
    """Return a served domain of the roster of :mod:`tests.real.hybrid`, which batches write to."""
    domain = empty_state.copy(tmp_path_factory.mktemp("live") / "domain")
    domain.load(hybrid.records(domain.base, domain.dns).ldif())
    writer = domain.sid(example_domain.WRITER)
    domain.grant(f"OU=Groups,{domain.base}", f"(OA;CIIO;WP;{MEMBER};{GROUP};{writer})")
    domain.grant(f"OU=Staff,{domain.base}", f"(OA;CIIO;RPWP;{CONTROL};{USER};{writer})")
    with domain.served():
        yield domain


@pytest.fixture(scope="session")
def large(empty_state, tmp_path_factory) -> Iterator[Domain]:
    """Return a served domain of 5,000 users, 500 nested groups and 26,000 memberships."""
    domain = empty_state.copy(tmp_path_factory.mktemp("samba") / "large")
    domain.load(example_domain.large(domain.base).ldif())
    with domain.served():
        yield domain


def servers(folder: Path, domain: Domain, user: str, *urls: str, timeout: int = 30) -> Servers:
    """Return the way to a domain for one of its accounts."""
    source = Source("ad", folder)
    secret = "TEST_AD_ADMIN" if user == "Administrator" else "TEST_AD_SERVICE"
    login = Login("simple", f"{user}@{domain.dns}", SecretReference(env=secret))
    addresses = tuple(parse_address(source, url) for url in urls or (domain.url,))
    return Servers(source, addresses, login, domain.authority.file, timeout)
