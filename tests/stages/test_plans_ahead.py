"""Plans that are prepared ahead, and plans with a raised limit, through the command line."""

from datetime import timedelta

import pytest

from access_review.errors import PlanRefused
from access_review.plan.ahead import as_left, leaving
from tests.support.snapshots import AS_OF, snapshot
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

MORNING, END = "2026-10-30T06:00:00Z", "2026-10-30T16:00:00Z"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Person 20 leaves tonight; the plan is made and approved in the morning."""
    company = Company(tmp_path_factory.mktemp("company"))
    company.leave(20, "2026-10-30")
    assert company.run("audit", at=MORNING).code == 0
    made = company.run("--json", "plan", "--ahead", "--person", "Person 20", "--requested-by", "00007", at=MORNING)
    assert made.code == 0, made.err
    assert (made.json["valid_from"], made.json["expires_at"]) == (END, "2026-10-31T16:00:00Z")
    assert company.sign(7, "--request", "--of", "ahead", at=MORNING).code == 0
    assert company.sign(8, "--of", "ahead", at=MORNING).code == 0
    return company


def apply(company, at):
    return company.run("--json", "apply", "--of", "ahead", "--by", "00007", at=at)


def test_a_plan_made_ahead_waits_for_its_hour_and_runs_out_a_day_later(ready, tmp_path):
    company = ready.copy(tmp_path / "company")
    early = apply(company, "2026-10-30T15:59:59Z")
    assert early.code == 4
    assert "holds from 2026-10-30 16:00 UTC" in early.err
    assert apply(company, "2026-10-31T16:00:00Z").code == 4
    done = apply(company, END)
    assert (done.code, set(done.json["states"].values())) == (0, {"ordered"}), done.err
    (orders,) = company.folder.glob("runs/*/ahead/orders.csv")
    assert "disable u20" in orders.read_text()


@pytest.mark.parametrize("now", [("Active", ""), ("Terminated", "2026-11-05")], ids=["rescinded", "postponed"])
def test_a_termination_that_does_not_come_voids_it(ready, tmp_path, now):
    company = ready.copy(tmp_path / "company")
    company.status[20] = now
    company.write()
    done = apply(company, "2026-10-30T17:00:00Z")
    assert (done.code, set(done.json["states"].values()), done.json["calls"]) == (0, {"skipped"}, 0)


def test_whoever_is_not_to_leave_is_not_planned_for(ready):
    nobody = ready.run("plan", "--ahead", "--person", "Person 21", "--requested-by", "00007", at=MORNING)
    assert nobody.code == 4
    assert "is not to leave within 14 days" in nobody.err


def test_the_limit_is_a_share_of_what_was_signed_off_last(tmp_path):
    company = Company(tmp_path)
    assert company.run("audit", at="2026-10-12T06:00:00Z").code == 0
    assert company.run("remind", at="2026-10-20T06:00:00Z").code == 0
    assert company.run("sign-off", "--yes", "--by", "00007", at="2026-10-20T06:00:00Z").code == 0
    for number in range(12, 31):
        company.besides += [(number, f"Copy{n}") for n in range(20)]
    company.leave(20, "2026-10-28")
    assert company.run("collect", at=MORNING).code == 0
    assert company.run("review", at=MORNING).code == 0
    made = company.run(
        "--json", "plan", "--requested-by", "00007", "--person", "00020", "--rule", "leaver-active", at=MORNING
    )
    (count,) = made.json["limits"]["counts"]
    assert (count["population"], count["allowed"]) == (30, 10)
    stopped = company.run("plan", "--requested-by", "00007", "--person", "00020", at=MORNING)
    assert stopped.code == 4
    assert "21 grants removed, 10 of 30 allowed" in stopped.err


def ends(*hours):
    return [
        {"person": f"p{number}", "status": "active", "left_at_latest": AS_OF + timedelta(hours=after)}
        for number, after in enumerate(hours)
    ]


def window(people, *persons):
    return leaving(people, persons, AS_OF, timedelta(days=14), timedelta(hours=24))


def test_several_who_leave_within_a_day_have_one_plan_and_others_do_not():
    both = window(ends(5, 9))
    assert (both.persons, both.since - AS_OF, both.until - AS_OF) == (
        ("p0", "p1"),
        timedelta(hours=9),
        timedelta(hours=29),
    )
    with pytest.raises(PlanRefused, match="too far apart"):
        window(ends(5, 29))
    assert window(ends(5, 29), "p1").persons == ("p1",)
    with pytest.raises(PlanRefused, match="nobody is to leave"):
        window(ends(-1, 15 * 24))


def test_only_what_ends_has_ended():
    taken = snapshot(
        people=[{"person": "hr:person:1", "left_at_latest": AS_OF + timedelta(days=1)}, {"person": "hr:person:2"}],
        assignments=[
            {"person": "hr:person:1", "ends_latest": AS_OF + timedelta(days=1)},
            {"person": "hr:person:1", "seq": 2},
            {"person": "hr:person:2"},
        ],
    )
    gone = as_left(taken, ["hr:person:1"])
    assert gone.tables["people"]["status"].to_pylist() == ["left", "active"]
    assert gone.tables["assignments"]["status"].to_pylist() == ["left", "active", "active"]
    assert gone.tables["people"].schema == taken.tables["people"].schema


def test_a_raised_limit_is_in_the_plan_and_takes_two_approvers(tmp_path):
    company = Company(tmp_path)
    with (company.folder / "roles/policy.yaml").open("a") as policy:
        policy.write("limits: {disable: {percent: 5, floor: 3}}\n")
    for number in range(15, 23):
        company.leave(number, "2026-10-28")
    assert company.run("audit", at=MORNING).code == 0
    ask = ("plan", "--requested-by", "00007", "--rule", "leaver-active")
    stopped = company.run(*ask, at=MORNING)
    assert stopped.code == 4
    assert "--raise ledger.disable=8 --reason WHY" in stopped.err
    assert company.run(*ask, "--raise", "ledger.disable", at=MORNING).code == 2
    assert company.run(*ask, "--raise", "ledger.disable=8", at=MORNING).code == 4, "no reason"
    made = company.run("--json", *ask, "--raise", "ledger.disable=8", "--reason", "the site has closed", at=MORNING)
    assert made.code == 0, made.err
    assert made.json["limits"]["raised"] == [{"where": "ledger", "kind": "disable", "to": 8}]
    assert company.sign(7, "--request", at=MORNING).code == 0
    assert company.sign(8, at=MORNING).code == 0
    once = company.run("apply", "--by", "00007", at=MORNING)
    assert once.code == 4
    assert "1 of 2 approvals" in once.err
    assert company.sign(9, at=MORNING).code == 0
    done = company.run("--json", "apply", "--by", "00007", at=MORNING)
    assert (done.code, done.json["calls"]) == (0, 8), done.err
