"""Tests of templates, who has each role, and what nobody has, through the command line on a small company."""

import pytest

from tests.support.command import CommandResult, access_review
from tests.support.workspaces import Company

AT = "2026-11-02T06:00:00Z"
TEMPLATE = """\
role: clerk
who: {department: Finance}
may: [ledger:role:Viewer]
never: [ledger:role:Admin]
eligible: [ledger:role:Approver]
tests:
  - {has: [ledger:role:Viewer], expect: ok}
  - {has: [ledger:role:Admin], expect: [never-allowed]}
  - {has: [ledger:role:Poster], expect: [access-beyond-role]}
  - {has: [ledger:role:Approver], expect: [standing-privilege]}
"""
EXPECTED = """\
expectations:
  - {person: Person 1, roles: [clerk], may: ["ledger:role:View*"], may_not: [ledger:role:Admin, ledger:role:Poster]}
  - {attributes: {department: Finance}, roles: [clerk], not_roles: [manager]}
  - {attributes: {department: Sales}, not_roles: [clerk], may_not: [ledger:role:Viewer]}
"""


@pytest.fixture
def company(tmp_path):
    """Return a small company with tests of its template, not yet read."""
    made = Company(tmp_path / "company")
    rows = [f"u{n},{role},{n:05},yes" for n in range(1, 11) for role in ("Viewer", "Poster")[: 1 + (n < 4)]]
    (made.folder / "sources/ledger.csv").write_text("login,role,employee,enabled\n" + "\n".join(rows) + "\n")
    people = [f"{n:05},Person {n},Active,,Finance" for n in range(1, 31)]
    (made.folder / "sources/people.csv").write_text("id,name,status,last_day,department\n" + "\n".join(people) + "\n")
    (made.folder / "roles/templates/clerk.yaml").write_text(TEMPLATE)
    (made.folder / "roles/expectations.yaml").write_text(EXPECTED)
    return made


def outcome(company) -> CommandResult:
    return access_review(company.folder, "--json", "roles", "test")


def test_templates_are_tested_with_a_run_and_without(company):
    alone = outcome(company).json
    # Without a run there is nobody who could be called Person 1.
    assert [one["about"] for one in alone["results"] if not one["holds"]] == ["Person 1"]
    assert access_review(company.folder, "--as-of", AT, "collect").code == 0
    done = outcome(company)
    assert (done.code, done.json["tests"], done.json["failed"]) == (0, 7, 0)
    assert access_review(company.folder, "roles", "test").out == "7 of 7 tests hold.\n"


def test_what_does_not_hold_is_said_with_its_place(company):
    assert access_review(company.folder, "--as-of", AT, "collect").code == 0
    template = company.folder / "roles/templates/clerk.yaml"
    template.write_text(TEMPLATE.replace("Viewer]\nnever", "Poster]\nnever"))
    done = access_review(company.folder, "roles", "test")
    assert done.code == 3
    assert (
        "roles/templates/clerk.yaml:7: clerk who has ledger:role:Viewer: expected ok, found access-beyond-role"
        in done.out
    )
    assert (
        "roles/expectations.yaml:2: Person 1: expected ok, "
        "found may not have ledger:role:View*; may have ledger:role:Poster" in done.out
    )


def test_an_expectation_is_about_somebody_and_expects_something(company):
    (company.folder / "roles/expectations.yaml").write_text("expectations:\n  - {roles: [clerk]}\n  - {person: Ann}\n")
    said = access_review(company.folder, "roles", "test")
    assert said.code == 2
    assert "name a person, or attributes" in said.err
    assert "expects nothing" in said.err


def test_who_has_a_role_is_shown_and_what_nobody_has_is_a_warning(company):
    (company.folder / "roles/templates/odd.yaml").write_text("role: odd\nwho: {department: Finanse, team: x}\n")
    assert access_review(company.folder, "--as-of", AT, "collect").code == 0
    shown = access_review(company.folder, "roles", "show")
    assert "clerk (roles/templates/clerk.yaml:1): 30 people" in shown.out
    assert "odd (roles/templates/odd.yaml:1): nobody" in shown.out
    assert "roles/templates/odd.yaml:1: odd: nobody has department Finanse under who; there are Finance" in shown.out
    checked = access_review(company.folder, "--as-of", AT, "--json", "check").json
    assert [(one["role"], one["attribute"], one["value"]) for one in checked["nobody_has"]] == [
        ("odd", "department", "Finanse"),
        ("odd", "team", None),
    ]
    assert "nobody has the attribute team under who" in access_review(company.folder, "--as-of", AT, "check").out
    one = access_review(company.folder, "--json", "roles", "show", "clerk").json
    assert len(one["roles"][0]["people"]) == 30
    assert one["nobody_has"] == []
