"""Orders for which nothing that was found asks any more end, and their tickets with them; those that something asks for stand."""

import csv
import re
from datetime import date

import pytest

from tests.real.authority import Authority
from tests.stages.test_tickets import alarms, company_with
from tests.support import desks
from tests.support.desks import PASSWORD
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

AUDITED, ORDERED = "2026-10-26T06:00:00Z", "2026-10-26T06:15:00Z"
NEXT, FRIDAY, LATE = "2026-10-26T12:00:00Z", "2026-10-30T06:00:00Z", "2026-11-02T06:00:00Z"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Return a company that ordered somebody to take one role away from each of two people."""
    company = Company(tmp_path_factory.mktemp("company"))
    company.besides = [(15, "Admin"), (16, "Admin")]
    company.write()
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "sampling: {coverage_weeks: 1}\n")  # everybody is drawn
    assert company.run("audit", at=AUDITED).code == 0
    planned = company.run("plan", "--requested-by", "00008", "--rule", "access-beyond-role", at="2026-10-26T06:10:00Z")
    assert "Plan: 2 by hand" in planned.out
    for words in ((8, "--request"), (9,)):
        assert company.sign(*words, at="2026-10-26T06:12:00Z").code == 0
    assert company.run("apply", "--by", "00008", at=ORDERED).code == 0
    return company


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("DESK_PASSWORD", PASSWORD)


def verified(company, at):
    """Read the batch again; return what stands of each change, by account, and what was done about tickets."""
    run = min(company.folder.glob("runs/*/plan/journal.sqlite")).parents[1].name
    done = company.run("--json", "--run", run, "verify", at=at)
    names = dict(re.findall(r"(c-\w+).*?,(u\d+),", (company.folder / f"runs/{run}/plan/plan.csv").read_text()))
    return {names.get(one["change"], one["change"]): one for one in done.json["changes"]}, done.json["tickets"]


def _waived(company):
    (company.folder / "roles/waivers.yaml").write_text(
        "waivers:\n"
        + "".join(
            f"  - {{waiver: W-{n}, rule: access-beyond-role, subject: 'ledger:user:u{n}', about: 'ledger:role:Admin', "
            f"reason: covers for the cashier, approver: Head, ticket: C-{n}, expires: {date(2026, 12, 31)}}}\n"
            for n in (15, 16)
        )
    )


def _allowed(company):
    path = company.folder / "roles/templates/clerk.yaml"
    path.write_text(path.read_text().replace("Viewer]", "Viewer, ledger:role:Admin]"))


@pytest.mark.parametrize("ends", [_waived, _allowed])
def test_an_order_that_nothing_asks_for_any_more_ends_by_a_read_and_its_ticket_with_it(
    before, tmp_path, authority, ends
):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        assert len(verified(company, "2026-10-26T06:30:00Z")[1]["opened"]) == 2
        ends(company)
        assert company.run("audit", at=NEXT).code == 0
        reminded = company.run("remind", at=LATE)
        assert "is not to be done any more" in reminded.out
        assert alarms(company) == []
        standing, tickets = verified(company, LATE)
        assert [one["state"] for one in standing.values()] == ["skipped"] * 2, standing
        assert len(tickets["closed"]) == 2
        assert all("Nothing is to be done any more: " in one["close_notes"] for one in desk.tickets)
        words = "W-15 accepts it" if ends is _waived else "finds nothing any more that asks for it"
        assert words in desk.tickets[0]["close_notes"]


def test_an_order_that_something_else_asks_for_stands(before, tmp_path, authority):
    """A mover's access was ordered to go; he leaves, and another finding asks for the same."""
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, _):
        assert len(verified(company, "2026-10-26T06:30:00Z")[1]["opened"]) == 2
        company.leave(15, "2026-10-25")
        assert company.run("audit", at=NEXT).code == 0
        standing, tickets = verified(company, LATE)
        assert [one["state"] for one in standing.values()] == ["ordered"] * 2
        assert tickets["closed"] == []


def test_an_order_ends_by_no_review_that_could_not_see_it(before, tmp_path, authority):
    """The list of who holds what cannot be read whole: its findings stay open, and so do the orders."""
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, _):
        (company.folder / "sources/ledger.csv").write_text("login,role,employee,enabled\nu1,Viewer,00001,yes\n")
        company.run("audit", at=NEXT)
        standing, tickets = verified(company, LATE)
        assert [one["state"] for one in standing.values()] == ["ordered"] * 2
        assert tickets["closed"] == []


def test_what_was_done_meanwhile_is_proven_and_not_called_void(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, _):
        company.besides = []
        company.write()
        assert company.run("audit", at=NEXT).code == 0
        verified(company, "2026-10-26T12:05:00Z")
        standing, tickets = verified(company, LATE)
        assert [one["state"] for one in standing.values()] == ["revoked"] * 2
        assert len(tickets["opened"]) == 0


def test_an_order_that_shared_the_ticket_of_a_void_one_has_a_ticket_of_its_own(before, tmp_path, authority):
    """A reviewer decided the same that a finding asked for; a waiver accepts the finding, and the decision stands."""
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        assert len(verified(company, "2026-10-26T06:30:00Z")[1]["opened"]) == 2
        _decided(company)
        assert company.run("plan", "--reviewed", "--requested-by", "00007", at=FRIDAY).code == 0
        for words in ((7, "--request"), (9,)):
            assert company.sign(*words, at=FRIDAY).code == 0
        done = company.run("--json", "apply", "--by", "00007", at=FRIDAY)
        assert (list(done.json["states"].values()), len(desk.tickets)) == (["ordered"], 2), "and one ticket is enough"
        _waived(company)
        assert company.run("audit", at="2026-10-31T06:00:00Z").code == 0
        assert len(verified(company, LATE)[1]["closed"]) == 2
        assert company.run("remind", at="2026-11-02T06:05:00Z").code == 0
        assert [one["state"] for one in desk.tickets] == ["6", "6", "1"]
        assert desk.tickets[2]["short_description"].startswith("take Admin away from u15")


def _decided(company):
    (sheet,) = company.folder.glob("runs/*/sample/*.csv")
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    (row,) = [row for row in rows if (row["account"], row["entitlement"]) == ("u15", "Admin")]
    row |= {"decision": "revoke", "decided by": "Person 8", "decided on": "2026-10-27", "comment": "not needed"}
    with (company.folder / "answers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    assert company.run("decide", str(company.folder / "answers.csv"), at="2026-10-28T06:00:00Z").code == 0
    for command in ("collect", "review"):
        assert company.run(command, at=FRIDAY).code == 0
