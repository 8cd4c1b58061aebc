"""What changed between two runs, and what no ticket authorised, through the command line."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from access_review import runs
from tests.support.workspaces import Company

FIRST, SECOND, SIGNED = "2026-11-02T06:00:00Z", "2026-11-09T06:00:00Z", "2026-12-20T06:00:00Z"
TICKETS = """\
connector: table
options:
  path: tickets.csv
  table: tickets
  dates: "%Y-%m-%d"
  timezone: Asia/Manila
  approved: {yes: [Approved], no: [Rejected]}
  columns: {ticket: no, person: who, entitlement: what, system: system, approved_by: by, approved: state, since: from, until: to}
"""
ASKED = """\
no,who,what,system,by,state,from,to
R1,00002,Admin,ledger,Person 9,Approved,2026-11-01,
R2,Person 3,Admin,,00003,Approved,2026-11-01,
R3,u4,Admin,Ledger,,Approved,2026-11-01,
R4,00005,Admin,ledger,Person 9,Rejected,2026-11-01,
R5,00006,Admin,ledger,Person 9,Approved,2026-11-01,2026-11-05
R6,Twin,Admin,ledger,Person 9,Approved,2026-11-01,
R7,00011,,ledger,Person 9,Approved,2026-11-01,
R8,00012,Laptop,,Person 9,Approved,2026-11-01,
R9,00013,Admin,ledger,Person 9,Perhaps,2026-11-01,
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Return a company whose first run was accepted, and in which much was granted since."""
    company = Company(tmp_path_factory.mktemp("changes"))
    company.besides = [(1, "Admin"), (8, "Admin")]
    company.write()
    assert company.run("audit", at=FIRST).code in {0, 3}
    company.run("remind", at=SIGNED)
    assert company.run("sign-off", "--yes", "--by", "00009", at=SIGNED).code == 0
    company.besides = [(number, "Admin") for number in range(1, 14) if number not in {8, 9, 10}]
    company.leave(20, "2026-11-04")
    people = company.folder / "sources/people.csv"
    # 7 and 14 are called alike: who is asked for in R6 nobody can tell
    people.write_text(people.read_text().replace("Person 7,", "Twin,").replace("Person 14,", "Twin,"))
    (company.folder / "sources/itsm.yaml").write_text(TICKETS)
    (company.folder / "sources/tickets.csv").write_text(ASKED)
    assert company.run("audit", at=SECOND).code in {0, 3}
    return company


def found(company: Company, rule: str) -> dict[str, str]:
    """Return the reasons of a rule's findings, by account."""
    rows = company.run("export", "findings", "--format", "json", "-o", "-", at=SECOND).json
    return {row["subject"]: row["reason"] for row in rows if row["rule"] == rule}


def test_what_no_ticket_covers_is_found_and_what_nobody_can_tell_is_not(changed: Company) -> None:
    reasons = found(changed, "grant-unauthorised")
    ends = {account.removeprefix("ledger:user:"): reason.split("; ")[-1] for account, reason in reasons.items()}
    assert ends == {
        "u3": "ticket R2 was approved by whoever it is for",
        "u4": "ticket R3 was approved by nobody",
        "u5": "ticket R4 was refused",
        "u6": "ticket R5 authorised it until 2026-11-05 alone",
        "u12": "Admin was granted since 2026-11-02, and no ticket authorises it",
    }


def test_what_changed_is_shown_with_who_authorised_it(changed: Company) -> None:
    said = changed.run("changes", "--since", "accepted", at=SECOND)
    assert said.code == 0
    assert "9 granted, 1 taken, 1 left." in said.out
    assert "Person 2; beyond the role; Person 9 approved R1" in said.out
    assert "2 tickets may mean several people or things, or cannot be read, and count neither way: R6" in said.out
    assert "1 line of tickets names nobody, or nothing" in said.out
    told = changed.run("--json", "changes", "--since", "2026-11-02", at=SECOND).json
    standing = {one["account"]: one["standing"] for one in told["changes"] if one["kind"] == "granted"}
    assert [account for account, how in sorted(standing.items()) if how == "unknown"] == [
        "ledger:user:u13",
        "ledger:user:u7",
    ]
    assert standing["ledger:user:u11"] == "approved"  # all of the system was asked for
    assert [one["account"] for one in told["changes"] if one["kind"] == "taken"] == ["ledger:user:u8"]
    assert [one["person_name"] for one in told["changes"] if one["kind"] == "left"] == ["Person 20"]
    report = (runs.find(changed.folder).folder / "report.html").read_text()
    (line,) = re.findall("<li><strong>Admin</strong>: Person 12.*</li>", report)
    assert re.findall('badge amber">([^<]*)<', line) == ["beyond the role", "no ticket"]


@pytest.mark.parametrize(
    ("since", "says"), [("2027", "no run is called 2027"), ("20261109", "is not before"), ("202611", "")]
)
def test_a_run_that_is_not_earlier_is_refused_with_those_that_are(changed: Company, since: str, says: str) -> None:
    said = changed.run("changes", "--since", since, at=SECOND)
    assert (said.code, says in said.err) == (2 if says else 0, True)


def test_nothing_is_taken_by_a_source_that_was_not_read(changed: Company, tmp_path: Path) -> None:
    company = changed.copy(tmp_path / "unread")
    (company.folder / "sources/ledger.csv").write_text("login,role,employee,enabled\n")
    assert company.run("collect", at="2026-11-16T06:00:00Z").code == 1
    told = company.run("--json", "changes", at="2026-11-16T06:00:00Z").json
    assert told["counts"]["taken"] == told["counts"]["granted"] == 0
    assert list(told["unseen"]) == ["ledger"]
    assert datetime.fromisoformat(told["since_at"]) < datetime.fromisoformat(told["at"])


def test_evidence_of_that_run_alone_concludes_the_same_again(changed: Company, tmp_path: Path) -> None:
    packed = changed.run("--run", "20261109", "evidence", "pack", "-o", str(tmp_path / "pack"), at=SIGNED)
    assert packed.code == 0, packed.err
    again = changed.run("--json", "evidence", "rederive", str(tmp_path / "pack"), at=SIGNED)
    assert [(one["same"], one["why_not"]) for one in again.json["runs"]] == [(True, "")], again.out
    assert changed.run("evidence", "check", str(tmp_path / "pack"), at=SIGNED).code == 0


def test_what_no_ticket_authorises_is_left_open_where_not_all_tickets_were_read(
    changed: Company, tmp_path: Path
) -> None:
    company = changed.copy(tmp_path / "half")
    (company.folder / "sources/more.yaml").write_text(TICKETS.replace("tickets.csv", "missing.csv"))
    assert company.run("collect", at="2026-11-16T06:00:00Z").code == 1
    told = company.run("--json", "changes", "--since", "accepted", at="2026-11-16T06:00:00Z").json
    granted = [one for one in told["changes"] if one["kind"] == "granted"]
    assert granted
    assert {one["standing"] for one in granted} == {"", "approved"}
    assert sorted(told["unread_tickets"]) == ["more"]
