"""Before the first call what is there is reviewed again: only what that review asks for too goes out, to the same person."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from access_review.changes import Action
from access_review.connectors import SYSTEM
from access_review.errors import LimitExceeded, PlanRefused
from access_review.facts import FORMER_OWNERS
from access_review.plan.limits import Higher
from access_review.plan.recent_removals import RecentRemovals, RemovedAmount
from access_review.plan.record import GIVEN_BACK, NamedSystem
from access_review.plan.request import Scope
from access_review.revoke.read_again import SecondReview, ask_again, require_same_systems
from access_review.settings import WindDown
from tests.support.fake_system import a_plan
from tests.support.planning import CAPABILITIES, add, change, company, declared, grant, job, leave, planned
from tests.support.snapshots import AS_OF, snapshot

ROWS = add(leave(company(12), 5), grants=[grant(7, "Other"), grant(8, "Other")])
SPACE = declared()
NARROWLY = declared(policy={"limits": {"remove": {"percent": 5, "floor": 8}}})
NOW = AS_OF + timedelta(hours=1)


@cache
def agreed():
    """Return the plan that is reviewed again: made when it is first asked for, and not wherever this module is imported."""
    return planned(ROWS, SPACE)


def uncounted():
    """Return the plan as if nothing had been counted for it."""
    return replace(agreed(), limits=replace(agreed().limits, counts=()))


def of(number, group=""):
    """Return the change of the plan about somebody's access."""
    (found,) = (
        one
        for one in agreed().changes
        if one.target.person == f"hr:person:{number}"
        and (one.target.entitlement.name if one.target.entitlement else one.action.value) == group
    )
    return found


def against(rows, *, rosters=None, plan=None, space=SPACE, **more):
    """Return what speaks against the changes of the plan, by id, when this is there now."""
    plan = plan or agreed()
    now = snapshot(**rows)
    by = SecondReview(space, CAPABILITIES, **more)
    before = snapshot(**ROWS)
    return ask_again(plan, before, now, snapshot(**(rosters or rows)), by, NOW)


def test_where_nothing_changed_nothing_speaks_against_anything():
    assert against(ROWS) == {}


def test_what_is_asked_for_no_more_is_left_alone():
    found = against(add(leave(company(12), 5), grants=[grant(8, "Other")]))
    assert found.keys() == {of(7, "Other").id}
    assert found[of(7, "Other").id].skipped == "what was read just now gives no reason for it any more"


@pytest.mark.parametrize("table", ["accounts", "entitlements", "grants", "nesting"])
def test_what_could_not_be_read_just_now_ends_nothing(table):
    short = {"source": "ad", "subject": table, "complete": False, "reason": "page 2 failed"}
    found = against(add(leave(company(12), 5), grants=[grant(8, "Other")], completeness=[short]))
    assert {verdict.skipped for verdict in found.values()} == {""}
    assert found[of(7, "Other").id].unread == "ad could not be read whole just now: page 2 failed"


def test_a_source_that_was_whole_and_is_not_now_ends_nothing_of_others():
    short = {"source": "ledger", "subject": "grants", "complete": False, "reason": "page 2 failed"}
    found = against(add(leave(company(12), 5), grants=[grant(8, "Other")], completeness=[short]))
    assert found[of(7, "Other").id].unread == "ledger could not be read whole just now: page 2 failed"
    assert not found[of(7, "Other").id].skipped


def test_whoever_came_back_by_the_rosters_of_now_keeps_what_they_have():
    found = against(ROWS, rosters=add(company(12), grants=[]))
    assert found.keys() == {one.id for one in agreed().changes if one.target.person == "hr:person:5"}
    assert all(verdict.skipped and not verdict.refused for verdict in found.values())


def test_an_account_of_somebody_else_now_is_left_alone_and_both_are_named():
    found = against(change(ROWS, "accounts", "ad:user:7", employee_id="9"))
    assert found[of(7, "Other").id].skipped == "its owner was hr:person:7 and is now hr:person:9"
    found = against(change(ROWS, "accounts", "ad:user:7", employee_id="nobody"))
    assert found[of(7, "Other").id].skipped == "its owner was hr:person:7 and is now nobody"


def test_an_owner_by_a_guess_is_another():
    guess = declared()
    rungs = tuple(
        replace(one, file=one.file.model_copy(update={"match": tuple(
            rung.model_copy(update={"certain": False}) for rung in one.file.match)}))
        for one in guess.sources
    )  # fmt: skip
    found = against(ROWS, space=replace(guess, sources=rungs))
    assert found[of(7, "Other").id].skipped == "its owner was hr:person:7 and is now hr:person:7, which is a guess"


def test_what_is_held_back_now_says_why():
    space = declared(policy={"protect": {"accounts": ["ad:user:7"]}})
    found = against(ROWS, space=space)
    assert found.keys() == {of(7, "Other").id}
    assert found[of(7, "Other").id].skipped.startswith("now: ")


def test_what_this_batch_took_itself_does_not_count_as_gone():
    rest = add(leave(company(12), 5), grants=[grant(8, "Other")])
    assert against(rest, taken=[of(7, "Other")]) == {}


def test_the_last_usable_holder_of_what_is_privileged_is_refused():
    few = change(change(ROWS, "accounts", "ad:user:2", enabled=False), "accounts", "ad:user:3", enabled=False)
    leaver = leave(few, 1)
    plan = planned(leave(ROWS, 1), SPACE)
    found = ask_again(
        plan, snapshot(**leave(ROWS, 1)), snapshot(**leaver), snapshot(**leaver), SecondReview(SPACE, CAPABILITIES), NOW
    )
    assert any(verdict.refused for verdict in found.values())


def test_what_others_took_lately_counts_toward_the_limits_of_now():
    lately = RecentRemovals((RemovedAmount("c-9", AS_OF, "grants removed", "ad", 9),))
    with pytest.raises(LimitExceeded):
        against(ROWS, plan=uncounted(), space=NARROWLY, lately=lately)


def test_what_this_batch_has_taken_already_is_counted_once():
    lately = RecentRemovals(
        tuple(RemovedAmount(one.id, AS_OF, "grants removed", "ad", 9) for one in uncounted().changes)
    )
    assert against(ROWS, plan=uncounted(), space=NARROWLY, lately=lately) == {}


def test_what_this_batch_did_that_cannot_be_given_back_is_no_hindrance():
    done = [replace(of(7, "Other"), action=action) for action in (Action.MANUAL, Action.REVOKE_SESSIONS)]
    assert against(ROWS, taken=done) == {}


def test_whoever_asks_for_the_plan_keeps_their_own_access():
    found = against(ROWS, plan=replace(agreed(), requested_by="hr:person:7"))
    assert found.keys() == {of(7, "Other").id}
    assert found[of(7, "Other").id].skipped.startswith("now: ")


def test_an_account_whose_owner_was_another_in_the_run_goes_to_a_person():
    """The leaver's account was certainly another's when the plan was made."""
    row = {"account": "ad:user:5", "person": "hr:person:9", "name": "Person 9", "mail": None}
    owners = pa.Table.from_pylist([row | {"rungs": "|employee_id = person|"}], schema=FORMER_OWNERS.schema)
    found = against(ROWS, owners=owners)
    assert found.keys() == {one.id for one in agreed().changes if one.target.person == "hr:person:5"}
    assert all(verdict.skipped.startswith("now: ") for verdict in found.values())


def test_what_was_raised_for_the_plan_holds_now_too():
    narrow = declared(policy={"limits": {"remove": {"percent": 5, "floor": 1}}})
    with pytest.raises(LimitExceeded):
        against(ROWS, plan=uncounted(), space=narrow)
    raised = replace(uncounted().limits, raised=(Higher("ad", "remove", 100),), raised_because="a site moves")
    assert against(ROWS, plan=replace(uncounted(), limits=raised), space=narrow) == {}


def test_a_group_that_would_lose_too_much_is_named_as_people_call_it():
    named = tuple(
        replace(one, target=replace(one.target, entitlement=replace(one.target.entitlement, name="Other things")))
        if one.target.entitlement and one.target.entitlement.name == "Other"
        else one
        for one in agreed().changes
    )
    space = declared(policy={"limits": {"group": {"percent": 1, "members": 1}}})
    rows = change(ROWS, "entitlements", "ad:group:Other", name="Other things")
    with pytest.raises(LimitExceeded) as refused:
        against(rows, plan=replace(agreed(), changes=named), space=space)
    assert "Other things: 2 direct members, 1 of 2 allowed" in refused.value.message


def test_a_day_takes_no_more_than_its_share_whatever_is_allowed():
    wide = declared(policy={"limits": {"remove": {"percent": 100, "floor": 500}}})
    for ago, too_much in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        lately = RecentRemovals((RemovedAmount("c-9", NOW - ago, "grants removed", "ad", 20),))
        if too_much:
            with pytest.raises(LimitExceeded, match="in 24 hours"):
                against(ROWS, plan=uncounted(), space=wide, lately=lately)
        else:
            assert against(ROWS, plan=uncounted(), space=wide, lately=lately) == {}


def test_under_a_wind_down_its_own_number_holds_and_nobody_else_goes():
    ends = AS_OF.date()
    dates: dict[str, Any] = {"since": ends, "until": ends + timedelta(days=20), "reason": "it ends"}
    plan = replace(agreed(), scope=Scope(wind_down="north"))

    def space(**more):
        said: dict[str, Any] = {"client": "Northgate", "expected": 3, **dates, **more}
        return replace(SPACE, wind_downs={"north": WindDown(**said)})

    assert against(ROWS, plan=plan, space=space()) == {}
    with pytest.raises(LimitExceeded, match="the wind-down north: 3 people would lose access by it, and 2 were"):
        against(ROWS, plan=plan, space=space(expected=2))
    found = against(ROWS, plan=plan, space=space(client="Harbor"))
    assert found.keys() == {one.id for one in plan.changes}
    assert "is not of Harbor alone" in found[of(7, "Other").id].skipped
    for ends, is_elsewhere in ((NOW - timedelta(minutes=1), False), (NOW + timedelta(minutes=1), True)):
        other = {**job(7), "seq": 9, "client": "Harbor", "ends_latest": ends}
        found = against(add(ROWS, assignments=[other]), plan=plan, space=space())
        assert (of(7, "Other").id in found) is is_elsewhere


def test_of_a_plan_that_gives_back_only_the_owners_are_looked_at():
    back = replace(of(7, "Other"), action=Action.ADD_MEMBER)
    made = a_plan(back)
    count = replace(agreed().limits.counts[0], what=GIVEN_BACK)
    made = replace(made, limits=replace(made.limits, counts=(count,)))
    gone = add(leave(company(12), 5))
    assert against(gone, plan=made) == {}
    moved = change(gone, "accounts", "ad:user:7", employee_id="9")
    short = {"source": "ad", "subject": "accounts", "complete": False, "reason": "page 2 failed"}
    assert against(add(moved, completeness=[short]), plan=made)[back.id].unread.endswith("page 2 failed")
    assert against(moved, plan=made)[back.id].skipped == "its owner was hr:person:7 and is now hr:person:9"


def edited(table, key, **values):
    """Return the plan as it follows from a run in which a row was edited."""
    return planned(change(ROWS, table, key, **values), SPACE)


def moved(found):
    """Return what is said of each change that would go elsewhere, without the words that are always the same."""
    head, tail = "it would go elsewhere: ", "; look into who may have edited the run"
    refused = {name: verdict.refused for name, verdict in found.items()}
    assert all(said.startswith(head) and said.endswith(tail) for said in refused.values()), refused
    return {name: said.removeprefix(head).removesuffix(tail) for name, said in refused.items()}


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "said"),
    [
        (
            "accounts",
            "ad:user:7",
            "native_id",
            "8",
            "the native id of the account is 7 by what was read just now, and 8",
        ),
        ("entitlements", "ad:group:Other", "native_id", "All", "the native id of the entitlement is Other by what was"),
        (
            "entitlements",
            "ad:group:Other",
            "scope",
            "/all",
            "its scope is not there by what was read just now, and /all",
        ),
        (
            "grants",
            "ad:user:7",
            "native_id",
            "id-8",
            "the id of the assignment is 7 by what was read just now, and id-8",
        ),
        ("grants", "ad:user:7", "until", AS_OF + timedelta(days=9), "its end is not there by what was read just now"),
    ],
)
def test_what_an_executor_goes_by_is_what_was_read_just_now(table, row, column, value, said):
    found = moved(against(ROWS, plan=edited(table, row, **{column: value})))
    assert of(7, "Other").id in found
    assert found[of(7, "Other").id].startswith(said)
    assert found[of(7, "Other").id].endswith(" in the plan")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"via": "pim"}, "how it is held is member by what was read just now, and pim in the plan"),
        ({"connector": "entra"}, "what connects it is ldap by what was read just now, and entra in the plan"),
    ],
)
def test_how_it_is_held_and_what_connects_it_are_what_was_read_just_now(more, said):
    one = of(7, "Other")
    target = replace(one.target, **{name: value for name, value in more.items() if name == "connector"})
    other = replace(one, target=target, via=more.get("via", one.via))
    assert moved(against(ROWS, plan=replace(uncounted(), changes=(other,)))) == {one.id: said}


def test_only_a_person_goes_by_names():
    one = of(7, "Other")
    other = {
        "the name of the account is user7": replace(one.target, account=replace(one.target.account, name="user8")),
        "its owner is Person 7": replace(one.target, person_name="user8"),
        "what is to be done is not there": replace(one.target, manual="user8"),
    }
    for said, target in other.items():
        plan = replace(uncounted(), changes=(replace(one, target=target),))
        assert against(ROWS, plan=plan) == {}
        said_of_it = {one.id: f"{said} by what was read just now, and user8 in the plan"}
        assert moved(against(ROWS, plan=plan, by_hand={one.id})) == said_of_it


def test_what_is_given_back_goes_to_what_is_there_now():
    one = of(7, "Other")
    back = replace(one, action=Action.ADD_MEMBER)
    made = a_plan(back)
    count = replace(agreed().limits.counts[0], what=GIVEN_BACK)
    made = replace(made, limits=replace(made.limits, counts=(count,)))
    gone = add(leave(company(12), 5))
    assert against(gone, plan=made) == {}
    for table, key, what in (
        ("accounts", "ad:user:7", "the native id of the account"),
        ("entitlements", "ad:group:Other", "the native id of the entitlement"),
    ):
        found = moved(against(change(gone, table, key, native_id="another"), plan=made))
        assert found[one.id].startswith(f"{what} is another by what was read just now")
    kept = {**gone, "entitlements": [row for row in gone["entitlements"] if row["entitlement"] != "ad:group:Other"]}
    assert against(kept, plan=made)[one.id].skipped == "the account or the group is there no more"
    named = change(gone, "entitlements", "ad:group:Other", name="Others")
    assert against(named, plan=made) == {}
    assert "the name of the entitlement" in moved(against(named, plan=made, by_hand={one.id}))[one.id]


def test_what_a_person_gives_back_goes_by_the_name_that_the_plan_has_of_the_account():
    made = replace(a_plan(replace(of(7, "Other"), action=Action.ADD_MEMBER)), limits=agreed().limits)
    count = replace(agreed().limits.counts[0], what=GIVEN_BACK)
    made = replace(made, limits=replace(made.limits, counts=(count,)))
    by_hand = {one.id for one in made.changes}
    signs_in = change(add(leave(company(12), 5)), "accounts", "ad:user:7", name="7", principal_name="user7")
    assert against(signs_in, plan=made, by_hand=by_hand) == {}
    another = change(signs_in, "accounts", "ad:user:7", principal_name="user8")
    assert "the name of the account is user8" in next(
        iter(moved(against(another, plan=made, by_hand=by_hand)).values())
    )


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (("id-1", "corp"), ("id-1", "renamed"), ""),
        ((None, None), ("id-2", "corp"), ""),
        (("id-1", "corp"), ("id-2", "lab"), "ad is now lab (id-2), and the plan was made for corp (id-1)"),
        (("id-1", None), ("id-2", None), "ad is now id-2 (id-2), and the plan was made for id-1 (id-1)"),
        (
            ("id-1", "corp"),
            None,
            "ad is now of a system that does not say which it is, and the plan was made for corp (id-1)",
        ),
    ],
)
def test_a_source_that_is_of_another_system_now_stops_the_batch(then, now, said):
    plan = replace(agreed(), systems={"ad": NamedSystem(*then)})
    said_by = {"source": "ad", "subject": SYSTEM, "complete": True}
    rows = [{**said_by, "reason": json.dumps(dict(zip(("identity", "name"), now, strict=True)))}] if now else []
    again = snapshot(completeness=rows)
    if not said:
        require_same_systems(plan, again)
        return
    with pytest.raises(PlanRefused) as refused:
        require_same_systems(plan, again)
    assert refused.value.message == said
    assert "collect, review and plan again" in refused.value.hint
