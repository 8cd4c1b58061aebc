"""Whoever acts is a person of a roster, employed, independent; what they signed says so, and can be taken back."""

import csv
import json
import sqlite3

import pytest

from access_review import runs
from access_review.revoke import statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.store import logbook
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
AT, SIGNED, LATER = "2026-11-02T06:00:00Z", "2026-11-02T06:01:00Z", "2026-11-02T06:05:00Z"
APPLY = ("apply", "--by", "00007")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Return a company with an audit and a plan that somebody has asked for."""
    company = Company(tmp_path_factory.mktemp("company"))
    company.leave(20, "2026-10-30")
    company.besides.append((12, "Payments"))
    company.write()
    assert company.run("audit", at=AT).code == 0
    assert company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=AT).code == 0
    assert company.sign(7, "--request", at=SIGNED).code == 0
    return company


@pytest.fixture
def company(audited, tmp_path):
    return audited.copy(tmp_path / "company")


def newest(company):
    return runs.find(company.folder)


def refused(result, *said):
    assert result.code == 4, result.out + result.err
    for words in said:
        assert words in result.err
    return True


def test_carrying_out_is_signed_by_who_does_it_and_no_approver_does(company):
    assert company.sign(8, at=SIGNED).code == 0
    theirs = ("apply", "--by", "00007", "--key", str(company.folder / "key8"))
    assert refused(company.run(*theirs, at=LATER), "did not sign with a key of their own")
    assert refused(company.run("apply", "--by", "00008", at=LATER), "whoever carries it out does not count")
    assert company.run("--as-of", LATER, "apply", "--by", "00007", "--key", "/nowhere", at=LATER).code != 0
    done = company.run("--json", *APPLY, at=LATER)
    assert done.code == 0, done.err
    (path,) = newest(company).folder.glob("plan/approvals/execution-*.json")
    key = PublicKeyLine.parse(_public(company, 7))
    said = statements.open_statement(path.read_bytes(), [key]).statement
    assert (str(said.kind), said.role, said.person) == ("execution", "executor", "hr:person:00007")
    assert said.workspace == logbook.read(company.folder).workspace


def _public(company, number):
    lines = (company.folder / "roles/approvers.yaml").read_text().splitlines()
    return next(line for line in lines if f'"{number:05}"' in line).split('key: "')[1].split('"')[0]


def test_an_approval_of_another_workspace_counts_for_nothing(company, tmp_path):
    begun_anew = company.copy(tmp_path / "anew")
    logbook.path_of(begun_anew.folder).unlink()
    assert refused(begun_anew.sign(8, at=SIGNED), "the logbook was taken back or changed"), "the plan names its head"
    other = company.copy(tmp_path / "other")
    assert other.sign(8, at=SIGNED).code == 0
    (theirs,) = newest(other).folder.glob("plan/approvals/approval-*.json")
    here = newest(company).folder / "plan/approvals" / theirs.name
    here.write_bytes(theirs.read_bytes())
    assert refused(company.run(*APPLY, at=LATER), "0 of 1 approvals"), "a file that no line names counts for nothing"


def test_an_approval_that_is_withdrawn_counts_no_more_even_when_the_withdrawal_is_deleted(company):
    assert company.sign(8, at=SIGNED).code == 0
    words = ("withdraw", "--of", "plan", "--by", "00008", "--key", str(company.folder / "key8"), "--comment", "wrong")
    assert company.run(*words, at="2026-11-02T06:02:00Z").code == 0
    assert refused(company.run(*APPLY, at=LATER), "0 of 1 approvals", "withdrawn")
    (path,) = newest(company).folder.glob("plan/approvals/withdrawal-*.json")
    path.unlink()
    assert company.run(*APPLY, at=LATER).code in {1, 4}
    assert company.run(*words, at="2026-11-02T06:03:00Z").code != 0


def test_what_lies_beside_a_plan_must_say_what_it_says(company):
    path = newest(company).folder / "plan/plan.csv"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"u20", b"u21"))
    assert refused(company.sign(8, at=SIGNED), "plan.csv is not what follows from plan.json")
    path.write_bytes(whole)
    shown = company.sign(8, at=SIGNED)
    assert shown.code == 0
    assert "1 change in 1 batch" in shown.out, "whoever signs sees what"


def test_a_key_that_others_may_read_signs_nothing(company):
    key = company.folder / "key8"
    key.chmod(0o644)
    result = company.sign(8, at=SIGNED)
    assert result.code == 1
    assert "is open to others" in result.err


def test_a_key_that_has_ended_signs_nothing_however_it_is_dated(company):
    """The attacker's clock says yesterday; the one who applies has today's."""
    assert company.sign(8, at=SIGNED).code == 0
    policy = company.folder / "roles/approvers.yaml"
    lines = policy.read_text().splitlines()
    policy.write_text(
        "\n".join(one.replace("in person}", "x, until: 2026-11-02}") if "00008" in one else one for one in lines)
    )
    company.run("review", at=AT)
    company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=AT)
    assert company.sign(7, "--request", at=SIGNED).code == 0
    assert company.sign(8, at=SIGNED).code == 0, "it still holds today"
    assert refused(company.run(*APPLY, at="2026-11-03T05:00:00Z"), "0 of 1 approvals", "key of their own that is valid")


def test_an_approver_who_has_left_since_does_not_count(company):
    assert company.sign(8, at=SIGNED).code == 0
    company.leave(8, "2026-11-01")
    assert refused(company.run(*APPLY, at=LATER), "0 of 1 approvals", "is not employed now")
    company.status.pop(8)
    company.write()
    assert company.run(*APPLY, at=LATER).code == 0


def test_a_second_row_of_the_requesters_name_is_no_second_person(company):
    path = company.folder / "sources/people.csv"
    text = path.read_text().replace("Person 8,", "PERSON  7,")
    path.write_text(text)
    assert company.run("audit", at="2026-11-02T07:00:00Z").code == 0
    at = "2026-11-02T07:01:00Z"
    assert company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=at).code == 0
    assert company.sign(7, "--request", at=at).code == 0
    assert refused(company.sign(8, at=at), "has the same name")


def test_a_second_row_of_the_holders_name_answers_nothing_about_their_access(company):
    """Somebody hired again, or an employee who is a contractor too, has two ids and is one person."""
    path = company.folder / "sources/people.csv"
    path.write_text(path.read_text() + "00112,PERSON  12,Active,,Finance\n")
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "sampling: {rate: 1}\n")  # everybody is drawn
    later = "2026-11-09T06:00:00Z"
    assert company.run("audit", at=later).code == 0
    sheets = [*newest(company).folder.glob("sample/*.csv")]
    rows = [row for sheet in sheets for row in csv.DictReader(sheet.read_text("utf-8-sig").splitlines())]
    (own, *_) = [row for row in rows if row["account"] == "u12"]
    filled = company.folder / "filled.csv"
    for by, code in (("00112", 2), ("00009", 0)):
        answer = {"decision": "keep", "decided by": by, "decided on": later[:10], "comment": "agreed"}
        with filled.open("w", newline="") as file:
            writer = csv.DictWriter(file, own)
            writer.writeheader()
            writer.writerow({**own, **answer})
        done = company.run("decide", str(filled), at=later)
        assert (done.code, "may not decide on their own access" in done.err) == (code, bool(code)), done.err
    taken_back = ("withdraw", own["item"], "--comment", "no", "--by")
    assert refused(company.run(*taken_back, "00112", at=later), "is about the access of")
    assert company.run(*taken_back, "00009", at=later).code == 0


def test_a_waiver_is_approved_by_a_person_who_neither_asked_nor_gains(company):
    found = company.run("--json", "export", "findings", "--format", "json", "-o", "f.json", at=AT)
    assert found.code == 0
    rows = json.loads((company.folder / "f.json").read_text())
    row = next(one for one in rows if one["person"] == "hr:person:00012" and one["rule"] == "access-beyond-role")
    about = ("--reason", "agreed", "--ticket", "CHG-3", "--until", "2026-12-01")
    assert refused(
        company.run("waive", "ask", row["finding"][:10], *about, "--by", "The Board", at=AT), "nobody of the rosters"
    )
    asked = company.run("--json", "waive", "ask", row["finding"][:10], *about, "--by", "00009", at=AT)
    name = asked.json["waiver"]
    for by, said in (
        ("The Board", "nobody of the rosters"),
        ("Person 9", "asked for"),
        (" person  9 ", "asked for"),
        ("00012", "about the access of"),
        ("00020", "Person 20 (hr:person:00020) does not work here now"),
    ):
        assert refused(company.run("waive", "approve", name, "--by", by, at=AT), said)
    log = company.folder / "roles/waivers.yaml"
    asked_for = log.read_text()
    log.write_text(asked_for.replace("rule: access-beyond-role", "rule: never-used"))
    gains = company.run("waive", "approve", name, "--by", "00012", at=AT)
    assert refused(gains, "about the access of"), "also where nothing is found of it now"
    log.write_text(asked_for)
    done = company.run("--json", "waive", "approve", name, "--by", "Person 8", at=AT)
    assert (done.code, done.json["approver"], done.json["assurance"]) == (0, "hr:person:00008", "claimed")


def test_a_sheet_that_names_a_stranger_is_not_read(company):
    sheet = min(newest(company).folder.glob("sample/*.csv"))
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines()))
    for by, said in (("The Board", "is not one person of the rosters"), ("Person 20", "is not one person")):
        rows[0] |= {"decision": "keep", "decided by": by, "decided on": "2026-11-02", "comment": "agreed"}
        path = company.folder / "back.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerow(rows[0])
        result = company.run("decide", str(path), at=LATER)
        assert result.code == 2
        assert said in result.err
    assert refused(company.run("sign-off", "--yes", "--by", "The Board", at="2026-11-12T06:00:00Z"), "in no roster")


def test_work_done_by_hand_is_confirmed_by_a_person_and_for_a_change_of_the_plan(company):
    assert company.sign(8, at=SIGNED).code == 0
    (change,) = company.run("--json", *APPLY, at=LATER).json["states"]
    assert refused(company.run("verify", "--confirm", change, "--by", "The Board", at=LATER), "nobody of the rosters")
    strange = company.run("verify", "--confirm", "no-such-change", "--by", "00007", at=LATER)
    assert strange.code == 2
    assert "the plan has no change 'no-such-change'" in strange.err
    confirms = ("verify", "--confirm", change, "--by", "00007")
    others = company.run(*confirms, "--key", str(company.folder / "key8"), at=LATER)
    assert refused(others, "did not sign with a key of their own")
    assert company.run(*confirms, "--key", str(company.folder / "key7"), at=LATER).code == 0
    (journal,) = company.folder.glob("runs/*/plan/journal.sqlite")
    with sqlite3.connect(journal) as opened:
        (words,) = opened.execute("SELECT reason FROM rows WHERE state = 'pending'").fetchall()[-1]
    opened.close()
    assert words == "hr:person:00007 says it is done: by hand (authenticated)"


def test_whoever_was_to_leave_by_now_acts_no_more_though_nothing_was_read_since(tmp_path):
    company = Company(tmp_path / "company")
    company.leave(9, "2026-11-03")
    company.besides.append((12, "Payments"))
    company.write()
    assert company.run("audit", at=AT).code == 0
    found = company.run("export", "findings", "--format", "json", "-o", "-", at=AT).json
    (finding,) = (row["finding"] for row in found if row["rule"] == "access-beyond-role")
    asks = ("waive", "ask", finding, "--until", "2026-12-01", "--reason", "needed", "--ticket", "T-1", "--by", "00008")
    assert company.run(*asks, at=AT).code == 0
    approves = ("waive", "approve", "W-2026-001", "--by", "00009")
    for words in (approves, ("sign-off", "--yes", "--by", "Person 9"), (*asks[:-1], "00009")):
        assert refused(company.run(*words, at="2026-11-05T06:00:00Z"))
    assert company.run(*approves, at="2026-11-03T06:00:00Z").code == 0, "on their last day they are here"
