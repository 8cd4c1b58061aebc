"""The standing removal through the command line: what somebody kept goes a day after their manager was told, unless it is stopped."""

import pytest

from tests.support.moving_company import AUDIT, EARLY, FIRST, MANAGER, NEXT, POLICY, REMOVAL, SIGN, Moving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return Moving.told(tmp_path_factory.mktemp("moving") / "company")


def test_a_kept_grant_goes_a_day_after_the_manager_was_told_and_a_stopped_one_stays(told, tmp_path):
    company = told.copy(tmp_path / "company")
    assert [line.split(":")[0] for line in company.announced] == ["Person 11", "Person 12", "Person 13"], (
        "a day's worth"
    )
    assert company.holders == {11, 12, 13, 14}, "nothing goes when it is announced"
    (notice,) = company.notices()
    assert notice.splitlines()[0] == f"To: Person {MANAGER}"
    assert "From 2026-11-03 06:10 UTC on this access ends by itself" in notice
    command = next(line for line in notice.splitlines() if company.change(11) in line).split("access-review ")[1]
    assert command.startswith(f"stop {company.change(11)} --by {MANAGER:05} --comment ")
    for by, said in ((11, "nobody keeps their own access"), (20, "it is for the manager who was told")):
        refused = company.stop(company.change(11), by)
        assert (refused.code, said in refused.err) == (4, True), refused.err
    unknown = company.stop("c-00")
    assert (unknown.code, "no announced removal begins with 'c-00'" in unknown.err) == (2, True), unknown.err
    stopped = company.stop(company.change(11))
    assert (stopped.code, stopped.json["assured"]) == (0, "claimed"), stopped.err
    assert company.look(EARLY).json["removals"]["done"] == [], "five minutes early"
    done = company.look(NEXT)
    removals = done.json["removals"]
    assert (done.code, company.holders) == (0, {11, 14}), done.err
    assert removals["done"] == ["Person 12: Books in app (u00012)", "Person 13: Books in app (u00013)"]
    assert removals["left"] == [f"Person 11: Books in app (u00011): hr:person:{MANAGER:05} stopped it"]
    assert [line.split(":")[0] for line in removals["announced"]] == ["Person 14"]
    late = company.stop(company.change(12), at="2026-11-03T06:20:00Z")
    assert (late.code, "went on 2026-11-03 06:15 UTC, so that nothing of it can be stopped" in late.err) == (4, True)
    assert "undo --of removal" in late.err
    told_after = [notice for notice in company.notices() if "Standing removal: 2 changes made" in notice]
    assert sorted(notice.splitlines()[0] for notice in told_after) == [f"To: Person {n}" for n in (10, 7, 8, 9)]

    # What gives it back lies there, and two people bring it about.
    assert removals["undo_prepared"]
    for person, more in ((8, ("--request",)), (9, ())):
        signed = company.sign(person, "--of", "undo", *more, at="2026-11-03T07:00:00Z")
        assert signed.code == 0, signed.err
    given = company.apply("--of", "undo", at="2026-11-03T07:05:00Z")
    assert (given.code, company.holders) == (0, {11, 12, 13, 14}), given.err
    again = company.look("2026-11-03T07:30:00Z").json["removals"]
    assert (again["done"], again["announced"]) == ([], []), "what went once and is there again is somebody's decision"
    assert sum("went unattended on 2026-11-03, and is there again" in line for line in again["left"]) == 2


def test_it_is_off_by_default(tmp_path):
    company = Moving(tmp_path / "company", policy=POLICY)
    nothing = company.look(FIRST)
    assert (nothing.code, "there is no standing approval" in nothing.err) == (4, True), nothing
    signed = company.sign(8, "--standing-removal", at=FIRST)
    assert (signed.code, "there is no standing removal" in signed.err) == (4, True), signed.err
    assert not list(company.folder.glob("runs/approvals/notice-*"))


def test_a_removal_that_was_not_seen_to_for_a_day_is_an_alarm_of_the_daily_check(told, tmp_path):
    company = told.copy(tmp_path / "company")
    for at, said in (("2026-11-02T08:00:00Z", ""), ("2026-11-03T06:20:00Z", "since 2026-11-02 06:10 UTC")):
        day = company.run("--json", "daily", at=at)
        assert (
            day.json["alarm"].startswith("apply --standing has not ended the standing removal"),
            said in day.err,
        ) == (
            bool(said),
            True,
        ), day.err
        assert "leavers keep" not in day.err, "no approval for leavers is declared"


def test_the_approval_and_the_removal_are_taken_back_one_by_one(tmp_path):
    approval = 'standing: {daily: 5, until: 2099-12-31, tell: ["00007"]}\n'
    company = Moving(tmp_path / "company", policy=POLICY + REMOVAL + approval)
    assert company.run("audit", at=AUDIT).code == 0
    company.sign_removal(8)
    assert company.sign(8, "--standing", at=SIGN).code == 0
    for which, withdrawn in (("standing-removal", 1), ("standing-removal", 0), ("standing", 1), ("standing", 0)):
        key = ("--by", "00008", "--key", str(company.folder / "key8"), "--comment", "no more")
        done = company.run("--json", "withdraw", f"--{which}", *key, at=FIRST)
        assert len(done.json["withdrawn"]) == withdrawn if withdrawn else done.code == 2, (which, done.err)
    assert company.sign(9, "--standing", at=SIGN).code == 0
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace("daily: 5", "daily: 6"))
    key = ("--by", "00009", "--key", str(company.folder / "key9"), "--comment", "no more")
    of_neither = company.run("--json", "withdraw", "--standing-removal", *key, at=FIRST)
    assert len(of_neither.json["withdrawn"]) == 1, "it may have been of either"
