"""A reviewer's revoke, from the work sheet to the work order, and taken back: through the command line."""

import csv

import pytest

from access_review.plan.request import DecidedRevoke, Scope
from tests.support.command import access_review
from tests.support.planning import add, company, declared, grant, nest, planned
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

MONDAY, FRIDAY = "2026-10-26T06:00:00Z", "2026-10-30T06:00:00Z"


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """Somebody decided on Tuesday that one need not be a viewer, which the role may have; on Friday it is read again."""
    made = Company(tmp_path_factory.mktemp("company"))
    assert made.run("audit", at=MONDAY).code == 0
    (sheet,) = made.folder.glob("runs/*/sample/*.csv")
    rows = csv.DictReader(sheet.read_text("utf-8-sig").splitlines())
    row = next(row for row in rows if row["entitlement"] == "Viewer" and row["account"] not in {"u7", "u8", "u9"})
    row |= {"decision": "revoke", "decided by": "Person 8", "decided on": "2026-10-27", "comment": "moved to the desk"}
    with (made.folder / "answers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    assert made.run("decide", str(made.folder / "answers.csv"), at="2026-10-28T06:00:00Z").code == 0
    assert made.run("collect", at=FRIDAY).code == 0
    assert made.run("review", at=FRIDAY).code == 0
    made.item, made.number = row["item"], int(row["account"][1:])  # type: ignore[attr-defined]
    return made


def plan(made):
    result = made.run("--json", "plan", "--reviewed", "--requested-by", "00007", at=FRIDAY)
    assert result.code == 0, result.err
    return result.json


def test_a_reviewers_revoke_becomes_a_change_that_names_the_decision(decided, tmp_path):
    made = decided.copy(tmp_path / "company")
    (change,) = plan(made)["changes"]
    assert change["because"] == [f"decision {made.item}"]
    assert (change["target"]["manual"], change["expect_before"]["verdict"]) == (
        f"take Viewer away from u{made.number} in ledger",
        "within",
    )
    (sheet,) = made.folder.glob("runs/*/plan/plan.csv")
    assert "Person 8 decided on 2026-10-27: revoke (moved to the desk)" in sheet.read_text()
    assert made.sign(7, "--request", at=FRIDAY).code == 0
    assert made.sign(9, at=FRIDAY).code == 0
    done = made.run("--json", "apply", "--by", "00007", at=FRIDAY)
    assert (done.code, list(done.json["states"].values())) == (0, ["ordered"]), done.err


def test_an_order_of_a_decision_that_is_taken_back_ends_with_the_next_read(decided, tmp_path):
    made = decided.copy(tmp_path / "company")
    plan(made)
    for words in ((7, "--request"), (9,)):
        assert made.sign(*words, at=FRIDAY).code == 0
    assert made.run("apply", "--by", "00007", at=FRIDAY).code == 0

    def stands(at):
        (change,) = made.run("--json", "verify", at=at).json["changes"]
        return change["state"]

    assert stands("2026-10-30T07:00:00Z") == "ordered"
    taken = made.run("withdraw", made.item[:9], "--comment", "asked the wrong person", "--by", "Person 8", at=FRIDAY)
    assert taken.code == 0, taken.err
    assert stands("2026-10-30T08:00:00Z") == "skipped"


def test_a_withdrawn_decision_asks_for_nothing_and_stays_in_the_history(decided, tmp_path):
    made = decided.copy(tmp_path / "company")

    def withdraw(*by):
        return made.run("withdraw", made.item[:9], "--comment", "asked the wrong person", *by, at=FRIDAY)

    assert withdraw("--by", "Person 99").code == 4
    own = withdraw("--by", f"Person {made.number}")
    assert own.code == 4
    assert f"about the access of Person {made.number}" in own.err
    taken = withdraw("--by", "Person 8")
    assert taken.code == 0, taken.err
    assert plan(made)["changes"] == []
    (file,) = made.folder.glob("runs/*/sample/decisions.json")
    assert file.read_text().count(made.item) == 2
    assert withdraw("--by", "Person 8").code == 1, "there is none any more"


def test_who_decided_and_is_gone_decides_nothing(decided, tmp_path):
    made = decided.copy(tmp_path / "company")
    made.leave(8, "2026-10-28")
    later = "2026-10-30T07:00:00Z"
    assert access_review(made.folder, "--as-of", later, "collect").code == 0
    assert access_review(made.folder, "--as-of", later, "review").code == 0
    said = made.run("--json", "plan", "--reviewed", "--requested-by", "00007", at=later).json
    assert said["changes"] == []
    assert "Person 8, who decided it, works here no more" in said["to_person"][0]["reason"]


def revoking(rows, number, name, **more):
    word = DecidedRevoke(
        "decision i1", f"ad:user:{number}", name and f"ad:group:{name}", name and "assigned", "revoke", **more
    )
    made = planned(rows, declared(), scope=Scope(reviewed=True), decided=[word])
    return [one.target.entitlement.name for one in made.changes], [one.reason for one in made.to_person]


def test_what_a_role_may_have_goes_and_what_it_must_have_stays():
    assert revoking(company(6), 3, "Fin") == (["Fin"], [])
    changes, reasons = revoking(company(6), 3, "All")
    assert (changes, reasons) == ([], ["user3 would lose All, which is expected"])


def test_what_is_not_held_asks_for_nothing_and_an_account_alone_is_for_a_person():
    assert revoking(company(6), 3, "Other") == ([], [])
    assert revoking(company(6), 3, None) == ([], ["a reviewer wants the account itself gone"])
    assert revoking(company(6), 3, "Fin", doubt="nobody") == ([], ["withheld: nobody"])


def test_what_only_comes_with_it_goes_too_and_what_a_role_names_does_not():
    carried = add(company(6), nesting=[nest("Fin", "Other")])
    assert revoking(carried, 3, "Fin") == (["Fin"], [])
    named = add(company(6), nesting=[nest("Fin", "Fin-Read")])
    assert revoking(named, 3, "Fin")[1] == ["user3 would lose Fin-Read, which is expected"]
    besides = add(named, grants=[grant(3, "Fin-Read")])
    assert revoking(besides, 3, "Fin") == (["Fin"], [])


def test_a_partly_expected_grant_is_left_to_a_person_with_ways_out():
    rows = add(company(6), grants=[grant(3, "Outer")], nesting=[nest("Outer", "Fin-Read")])
    assert revoking(rows, 3, "Outer") == ([], ["part of what Outer gives is expected"])
