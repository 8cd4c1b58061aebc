"""The verdict on each change just before it is made, by facts that are not those of the plan any more."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from access_review import snapshot as snapshots
from access_review.changes import Action, Expectation, Target, Thing
from access_review.changes import change as change_of
from access_review.errors import LimitExceeded, PlanRefused, RosterFault
from access_review.plan.limits import Count
from access_review.revoke.recheck import Facts, judge_plan, why_void, with_rosters
from access_review.revoke.states import Recheck
from access_review.workspace import load
from tests.support.fake_system import a_change, a_plan
from tests.support.planning import (
    add,
    change,
    company,
    declared,
    grant,
    group,
    job,
    leave,
    limits,
    nest,
    planned,
    without_last_holders,
)
from tests.support.snapshots import AS_OF, snapshot

LATER = AS_OF + timedelta(hours=1)
TEMPLATES = (
    {
        "role": "finance",
        "who": {"department": "Finance"},
        "must": ["ad:group:All"],
        "may": ["ad:group:Fin*", "ad:group:Admins"],
    },
    {"role": "operations", "who": {"department": "Operations"}, "may": ["ad:group:*"]},
)
SPACE = declared(templates=TEMPLATES)
EXCESS = add(leave(company(12), 5), grants=[grant(7, "Other")])

BACK = "the end was rescinded or postponed, or they came back"


@cache
def agreed():
    """Return the plan that is judged: made when it is first asked for, and not wherever this module is imported."""
    return planned(EXCESS, SPACE)


def verdicts(rows, *, plan=None, space=SPACE, others=()):
    """Return the verdict by what is taken from whom."""
    plan = plan or agreed()
    facts = judge_plan(plan, snapshot(**rows), space, others, LATER)
    assert facts.at == LATER
    return {
        (one.target.account.name, one.target.entitlement.name if one.target.entitlement else ""): facts.of(one)
        for one in plan.changes
    }


def moved(rows, number, department):
    rows = {**rows, "assignments": [row for row in rows["assignments"] if row["person"] != f"hr:person:{number}"]}
    return add(rows, assignments=[job(number, attributes=f'{{"department":"{department}"}}')])


def test_where_nothing_changed_everything_may_go_on():
    found = verdicts(EXCESS)
    assert set(found) == {("user5", ""), ("user5", "All"), ("user5", "Fin"), ("user7", "Other")}
    assert set(found.values()) == {Recheck()}


def test_what_was_not_judged_is_refused():
    assert Facts({}, LATER).of(agreed().changes[0]) == Recheck(refused="it was not judged")


def test_what_became_expected_is_skipped_and_the_rest_goes_on():
    found = verdicts(moved(EXCESS, 7, "Operations"))
    assert found.pop(("user7", "Other")) == Recheck(skipped="now: user7 would lose Other, which is expected")
    assert set(found.values()) == {Recheck()}


def test_whose_termination_is_rescinded_keeps_everything():
    back = moved(change(EXCESS, "people", "hr:person:5", status="active"), 5, "Finance")
    found = verdicts(back)
    assert found["user5", ""] == Recheck(skipped=f"the person is active: {BACK}")
    assert found["user5", "Fin"].skipped == "now: user5 would lose Fin, which is expected"
    assert found["user7", "Other"] == Recheck()


@pytest.mark.parametrize(
    ("status", "void"),
    [
        ("active", f"the person is active: {BACK}"),
        ("leave", f"the person is leave: {BACK}"),
        ("left", ""),
        ("missing", ""),
        ("unknown", ""),
        (None, ""),
    ],
)
def test_an_order_is_void_for_whoever_surely_has_not_left_and_for_nobody_else(status, void):
    (sign_in,) = (one for one in agreed().changes if one.target.account.name == "user5" and not one.target.entitlement)
    (mover,) = (one for one in agreed().changes if one.target.account.name == "user7")
    rows = {sign_in.target.person: status, mover.target.person: status} if status else {}
    assert why_void(sign_in, rows) == void
    assert why_void(mover, rows) == "", "whose access goes for another reason"
    back = replace(sign_in, action=Action.ENABLE_ACCOUNT)
    left = "the person has left: only who is employed gets it back"
    assert why_void(back, rows) == (left if status == "left" else "")


@pytest.mark.parametrize("status", ["unknown", "missing", "leave"])
def test_who_is_not_what_they_were_is_skipped(status):
    found = verdicts(change(EXCESS, "people", "hr:person:5", status=status))
    assert found["user5", ""] == Recheck(skipped=f"the person is {status}: {BACK}")
    assert verdicts(change(EXCESS, "people", "hr:person:7", status="left"))["user7", "Other"] == Recheck(
        skipped="the person was active and is left"
    )


def test_who_is_not_in_the_roster_any_more_is_skipped():
    gone = {**EXCESS, "people": [row for row in EXCESS["people"] if row["person"] != "hr:person:5"]}
    found = verdicts(gone)
    assert found["user5", ""] == Recheck(skipped=f"the person is not in the roster: {BACK}")


def test_what_became_protected_is_refused_each_with_its_reason():
    found = verdicts(change(EXCESS, "accounts", "ad:user:5", protected="tier 0"))
    assert found["user5", ""] == Recheck(refused="protected: its source says: tier 0")
    assert found["user5", "Fin"] == Recheck(refused="protected: its source says: tier 0")
    assert found["user7", "Other"] == Recheck()
    names_it = declared(templates=TEMPLATES, policy={"protect": {"entitlements": ["ad:group:Other"]}})
    found = verdicts(EXCESS, space=names_it)
    assert found["user7", "Other"] == Recheck(refused="protected: roles/policy.yaml names it")
    assert found["user5", "Fin"] == Recheck()


def test_whoever_asks_is_not_touched_by_their_own_plan():
    found = verdicts(EXCESS, plan=replace(agreed(), requested_by="hr:person:7"))
    assert found["user7", "Other"].refused.startswith("protected: it belongs to an operator")


def test_what_would_take_something_protected_with_it_is_refused():
    rows = add(company(12), entitlements=[group("Carrier"), group("Crown")], grants=[grant(7, "Carrier")])
    plan = planned(rows, SPACE)
    nested = add(rows, nesting=[nest("Carrier", "Crown")])
    crown = declared(templates=TEMPLATES, policy={"protect": {"entitlements": ["ad:group:Crown"]}})
    assert verdicts(nested, plan=plan)["user7", "Carrier"] == Recheck()
    assert verdicts(nested, plan=plan, space=crown)["user7", "Carrier"] == Recheck(
        refused="protected: roles/policy.yaml names it (Crown)"
    )


def test_what_rests_on_a_source_that_was_not_read_whole_is_refused():
    short = add(
        EXCESS,
        completeness=[{"source": "ad", "subject": "nesting", "complete": False, "reason": "page 2 failed"}],
    )
    assert verdicts(short)["user7", "Other"] == Recheck(refused="withheld: ad incomplete: page 2 failed")


# Together with other batches


def removal(number, name, action=Action.REMOVE_MEMBER):
    held = Thing(f"ad:group:{name}", name, name) if name else None
    who = Thing(f"ad:user:{number}", f"ad:user:{number}", f"user{number}")
    target = Target("ad", "ldap", who, held, mode="assigned" if held else "", person=f"hr:person:{number}")
    return change_of(action, target, Expectation(present=True, person_status="active"), "f")


def test_the_last_holders_stay_although_two_batches_share_the_taking():
    rows = company(12)
    space = without_last_holders(declared(templates=[{**TEMPLATES[0], "may": ["ad:group:Fin*"]}]))
    plan = planned(rows, space, scope=_only("hr:person:1"))
    assert [one.target.entitlement.name for one in plan.changes] == ["Admins"]
    kept = declared(templates=[{**TEMPLATES[0], "may": ["ad:group:Fin*"]}])
    assert verdicts(rows, plan=plan, space=kept) == {("user1", "Admins"): Recheck()}
    with_another = verdicts(rows, plan=plan, space=kept, others=[removal(2, "Admins")])
    assert with_another == {
        ("user1", "Admins"): Recheck(refused="protected: Admins would have 1 usable holders left, and 2 must stay")
    }
    assert verdicts(rows, plan=plan, space=space, others=[removal(2, "Admins")]) == {("user1", "Admins"): Recheck()}


def _only(person):
    from access_review.plan.request import Scope

    return Scope(persons=(person,))


def test_a_change_that_another_batch_has_made_already_counts_once():
    policy = limits(group={"percent": 50, "members": 1})
    space = declared(templates=TEMPLATES, policy=policy)
    rows = add(company(12), grants=[grant(7, "Other")])
    plan = planned(rows, space)
    assert verdicts(rows, plan=plan, space=space, others=plan.changes) == {("user7", "Other"): Recheck()}


@pytest.mark.parametrize(
    ("policy", "others", "said"),
    [
        (
            limits(group={"percent": 50, "members": 2}),
            [removal(8, "Other"), removal(9, "Other")],
            r"^with what other batches have taken, ad:group:Other would lose 3 direct members of 4, 2 allowed$",
        ),
        (
            limits(remove={"percent": 1, "floor": 2}),
            [removal(8, "Fin"), removal(9, "Fin")],
            r"^with what other batches have taken, ad would lose 3 grants removed of 31, 2 allowed$",
        ),
        (
            limits(disable={"percent": 1, "floor": 1}),
            [removal(n, "", Action.DISABLE_ACCOUNT) for n in (8, 9)],
            r"^with what other batches have taken, ad would lose 2 accounts disabled of 12, 1 allowed$",
        ),
    ],
)
def test_limits_hold_for_all_batches_together(policy, others, said):
    space = declared(templates=TEMPLATES, policy=policy)
    rows = add(company(12), grants=[grant(7, "Other"), *(grant(n, "Other") for n in (8, 9, 10))])
    plan = planned(rows, space, scope=_only("hr:person:7"))
    assert set(verdicts(rows, plan=plan, space=space).values()) == {Recheck()}
    assert set(verdicts(rows, plan=plan, space=space, others=others[:1]).values()) == {Recheck()}
    with pytest.raises(LimitExceeded, match=said):
        verdicts(rows, plan=plan, space=space, others=others)


def test_limits_are_those_that_were_approved_with_the_plan_and_no_higher_ones():
    rows = add(company(12), grants=[grant(7, "Other")])
    plan = planned(rows, SPACE)
    lower = [Count("grants removed", "ad", 1, 30, 0)]
    with pytest.raises(LimitExceeded, match="ad would lose 1 grants removed of 28, 10 allowed"):
        verdicts(rows, plan=replace(plan, limits=replace(plan.limits, counts=tuple(lower))))


NONE = {"percent": 0, "floor": 0}
NO_MEMBERS = {"percent": 0, "members": 0}


def test_the_policy_of_now_neither_lowers_nor_raises_what_was_signed():
    tight = declared(templates=TEMPLATES, policy=limits(disable=NONE, remove=NONE, group=NO_MEMBERS))
    assert set(verdicts(EXCESS, space=tight).values()) == {Recheck()}


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        ({"disable_percent": 0}, "ad would lose 1 accounts disabled of 12, 0 allowed"),
        ({"disable_percent": 1, "disable_floor": 0}, "ad would lose 1 accounts disabled of 12, 0 allowed"),
        ({"disable_percent": 1, "disable_floor": 1}, None),
        ({"remove_percent": 0}, "ad would lose 3 grants removed of 28, 0 allowed"),
        ({"remove_percent": 1, "remove_floor": 2}, "ad would lose 3 grants removed of 28, 2 allowed"),
        ({"remove_percent": 1, "remove_floor": 3}, None),
        ({"group_percent": 0}, "ad:group:All would lose 1 direct members of 12, 0 allowed"),
        ({"group_percent": 1, "group_members": 0}, "ad:group:All would lose 1 direct members of 12, 0 allowed"),
        ({"group_percent": 1, "group_members": 1}, None),
    ],
)
def test_each_limit_is_the_one_that_was_signed(signed, said):
    plan = replace(agreed(), limits=replace(agreed().limits, counts=(), **signed))
    if said is None:
        assert set(verdicts(EXCESS, plan=plan).values()) == {Recheck()}
    else:
        with pytest.raises(LimitExceeded, match=f"^with what other batches have taken, {said}$"):
            verdicts(EXCESS, plan=plan)


# Giving back


@pytest.mark.parametrize(
    ("status", "judged"),
    [
        ("active", Recheck()),
        ("leave", Recheck()),
        ("left", Recheck(refused="the person is left: only who is employed gets it back")),
        ("missing", Recheck(refused="the person is missing: only who is employed gets it back")),
        (None, Recheck(refused="the person is not in the roster: only who is employed gets it back")),
    ],
)
def test_only_who_is_employed_gets_something_back(status, judged):
    plan = a_plan(replace(a_change(1, left=False), action=Action.ADD_MEMBER))
    people = [{"person": "hr:person:1", "status": status}] if status else []
    assert judge_plan(plan, snapshot(people=people), SPACE, (), LATER).of(plan.changes[0]) == judged


def test_an_edge_belongs_to_nobody_and_is_given_back():
    target = Target("ad", "ldap", entitlement=Thing("ad:group:A", "a", "A"), child=Thing("ad:group:B", "b", "B"))
    plan = a_plan(change_of(Action.CUT_NESTING, target, Expectation(present=False), "f"))
    restoring = replace(plan.changes[0], action=Action.ADD_NESTING)
    plan = replace(plan, changes=(restoring,))
    assert judge_plan(plan, snapshot(), SPACE, (), LATER).of(restoring) == Recheck()


# Rosters read anew

HR = """\
connector: roster
options:
  path: people.csv
  statuses: {active: [Active], left: [Left]}
  columns: {person: id, name: name, status: status}
"""
LEDGER = """\
connector: table
options:
  path: ledger.csv
  table: grants
  columns: {account: login, entitlement: role}
"""
HEADER = "id,name,status\n"
STAFF = [f"{n},Person {n},Active\n" for n in range(1, 61)]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "roles").mkdir()
    (tmp_path / "sources/hr.yaml").write_text(HR)
    (tmp_path / "sources/ledger.yaml").write_text(LEDGER)
    (tmp_path / "sources/people.csv").write_text(HEADER + "".join(STAFF))
    (tmp_path / "sources/ledger.csv").write_text("login,role\nu1,Viewer\n")
    space = load(tmp_path)
    return tmp_path / "sources", space, snapshots.collect(space, AS_OF)


def test_rosters_are_read_anew_and_everything_else_stays_what_the_plan_was_made_from(place):
    sources, space, taken = place
    (sources / "people.csv").write_text(HEADER + "".join(STAFF[1:]) + "1,Person 1,Left\n")
    (sources / "ledger.csv").unlink()
    fresh = with_rosters(taken, space, LATER)
    status = {row["person"]: row["status"] for row in fresh.tables["people"].to_pylist()}
    assert status["hr:person:1"] == "left"
    assert status["hr:person:2"] == "active"
    assert {row["status"] for row in fresh.tables["assignments"].to_pylist()} == {"active", "left"}
    assert fresh.as_of == AS_OF
    for table in ("accounts", "grants", "completeness"):
        assert fresh.tables[table].equals(taken.tables[table])


def test_who_vanished_is_missing_and_too_many_stop_everything(place):
    sources, space, taken = place
    (sources / "people.csv").write_text(HEADER + "".join(STAFF[1:]))
    fresh = with_rosters(taken, space, LATER)
    assert {r["person"]: r["status"] for r in fresh.tables["people"].to_pylist()}["hr:person:1"] == "missing"
    (sources / "people.csv").write_text(HEADER + "".join(STAFF[25:]))
    with pytest.raises(RosterFault, match="vanished"):
        with_rosters(taken, space, LATER)


def test_on_a_roster_that_was_not_read_whole_nothing_is_changed(place):
    sources, space, taken = place
    faulty = "".join(f"{n},Person {n},Perhaps\n" for n in range(1, 4))
    (sources / "people.csv").write_text(HEADER + faulty + "".join(STAFF[3:]))
    with pytest.raises(PlanRefused, match=r"^withheld: hr incomplete: 3 of 60 rows"):
        with_rosters(taken, space, LATER)
    (sources / "people.csv").unlink()
    with pytest.raises(PlanRefused, match=r"^withheld: hr incomplete: "):
        with_rosters(taken, space, LATER)
