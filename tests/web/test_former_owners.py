"""Whose an account is, is asked of the newest run each time: whoever it was is nobody, signed in already or not."""

import pytest

from access_review.stages.sign_in import Claims, NotKnown
from access_review.web.sessions import Sessions
from access_review.web.site import Site
from tests.support.clocks import clock_at
from tests.support.workspaces import Company
from tests.web.company import StandIn

pytestmark = pytest.mark.slow

WEB = """\
web:
  address: https://review.example.test
  sign_in:
    issuer: https://login.example.test/t
    tenant: t
    client: c
    secret_env: S
    source: ledger
"""
CLAIMS = Claims("t", "u12", {})
PERSON = "hr:person:00012"


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("owners") / "company")
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + WEB)
    return read(company, 6)


def read(company, hour):
    for command in ("collect", "review"):
        assert company.run(command, at=f"2026-11-02T{hour:02}:00:00Z").code in {0, 3}
    return company


def served(company):
    return Site(company.folder, clock_at("2026-11-02T09:00:00Z"), StandIn("t"), Sessions(1.0, 1.0, lambda: 0.0))


def given_to(company, number):
    accounts = company.folder / "sources/ledger.csv"
    accounts.write_text(accounts.read_text().replace("u12,Viewer,00012", f"u12,Viewer,{number}"))


def denied(company):
    source = company.folder / "sources/ledger.yaml"
    source.write_text(source.read_text() + f'not_same: [["ledger:user:u12", "{PERSON}"]]\n')


CHANGES = {
    "it was handed on": lambda company: given_to(company, "00013"),
    "nobody owns it": lambda company: given_to(company, ""),
    "the source file says that it is not theirs": denied,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_former_owner_is_nobody_and_no_page_is_theirs_any_more(before, tmp_path, what):
    company = before.copy(tmp_path / "company")
    site = served(company)
    assert site.person_of(CLAIMS) == PERSON
    assert site.signed_in(PERSON, CLAIMS)
    CHANGES[what](company)
    read(company, 7)
    assert site.person_of(CLAIMS) == NotKnown.NO_ACCOUNT
    assert site.signed_in(PERSON, CLAIMS) is None
    assert served(company).person_of(CLAIMS) == NotKnown.NO_ACCOUNT


def test_the_next_owner_is_somebody_once_nothing_is_doubted(before, tmp_path):
    company = before.copy(tmp_path / "company")
    given_to(company, "00013")
    source = company.folder / "sources/ledger.yaml"
    source.write_text(source.read_text() + 'same: [["ledger:user:u12", "hr:person:00013"]]\n')
    read(company, 7)
    site = served(company)
    assert site.person_of(CLAIMS) == "hr:person:00013"
    assert site.signed_in(PERSON, CLAIMS) is None
