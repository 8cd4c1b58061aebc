import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from access_review.changes import Action, Expectation, Target, Thing
from access_review.changes import change as change_of
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import LimitExceeded, PlanRefused
from access_review.plan.consequences import foresee
from access_review.plan.limits import (
    Count,
    Higher,
    Population,
    Raised,
    allowed_of,
    allowed_of_group,
    as_raised,
    check,
    check_raised,
    count,
    counted,
    cuts_beyond,
    higher,
    populations,
)
from access_review.policy import Ceiling, GroupCeiling, Limits
from access_review.review import establish
from access_review.revoke.approve import approvals_needed
from tests.support.planning import (
    account,
    add,
    asked_of,
    change,
    company,
    declared,
    grant,
    group,
    leave,
    limits,
    nest,
    planned,
)
from tests.support.snapshots import AS_OF, snapshot


@pytest.mark.parametrize(
    ("percent", "floor", "population", "allowed"),
    [
        (5, 10, 0, 10),
        (5, 10, 200, 10),
        (5, 10, 219, 10),
        (5, 10, 220, 11),
        (5, 0, 19, 0),
        (0, 10, 1000, 0),
        (100, 0, 7, 7),
        (12.5, 0, 16, 2),
    ],
)
def test_a_share_never_stops_below_its_floor_and_zero_percent_is_zero(percent, floor, population, allowed):
    assert allowed_of(Ceiling(percent=percent, floor=floor), population) == allowed


@pytest.mark.parametrize(
    ("percent", "members", "population", "allowed"),
    [(50, 3, 4, 3), (50, 3, 6, 3), (50, 3, 7, 3), (50, 3, 8, 4), (50, 3, 2, 3), (0, 3, 8, 0)],
)
def test_a_group_stops_a_plan_only_when_more_than_half_and_more_than_three_go(percent, members, population, allowed):
    assert allowed_of_group(GroupCeiling(percent=percent, members=members), population) == allowed


@given(population=st.integers(0, 10**6), changed=st.integers(0, 10**6))
def test_the_group_limit_is_what_it_says(population, changed):
    allowed = allowed_of_group(GroupCeiling(percent=50, members=3), population)
    assert (changed > allowed) == (changed > 3 and changed * 2 > population)


@pytest.mark.parametrize(
    "said",
    [
        {"percent": 101, "floor": 1},
        {"percent": -1, "floor": 1},
        {"percent": 5, "floor": -1},
        {"percent": 5},
        {"floor": 5},
    ],
)
def test_an_impossible_limit_or_half_a_pair_cannot_be_loaded(said):
    with pytest.raises(ValidationError):
        Limits.model_validate({"disable": said})


def test_a_limit_says_where_it_is_exceeded_and_what_to_do():
    counts = [Count("grants removed", "ad", 12, 100, 10), Count("members", "ad:group:x", 1, 1, 3)]
    with pytest.raises(LimitExceeded, match=r"ad: 12 grants removed, 10 of 100 allowed") as raised:
        check(counts, {})
    assert "--rule" in raised.value.hint
    assert raised.value.exit_code == 4
    check(counts[1:], {})


def leavers(count):
    rows = company(24)
    for number in range(11, 11 + count):
        rows = leave(rows, number)
    return rows


def only_disabling(rows, policy, **more):
    rules = {"leaver-residue": {"enabled": False}, "lookalike-account": {"enabled": False}}
    return planned(rows, declared(policy=policy | {"rules": rules}), **more)


def test_accounts_disabled_are_limited_at_the_edge_and_zero_means_none():
    policy = limits(disable={"percent": 5, "floor": 2})
    assert len(only_disabling(leavers(2), policy).changes) == 2
    with pytest.raises(LimitExceeded, match="ad: 3 accounts disabled, 2 of 24 allowed"):
        only_disabling(leavers(3), policy)
    with pytest.raises(LimitExceeded, match="0 of 24 allowed"):
        only_disabling(leavers(1), limits(disable={"percent": 0, "floor": 10}))


def test_the_population_is_the_accepted_one_where_that_is_smaller():
    policy = limits(disable={"percent": 10, "floor": 0})
    assert only_disabling(leavers(2), policy).changes
    with pytest.raises(LimitExceeded, match="1 of 19 allowed"):
        only_disabling(leavers(2), policy, accepted={"ad": Population(accounts=19, grants=60)})
    with pytest.raises(LimitExceeded, match="2 of 24 allowed"):
        only_disabling(leavers(3), policy, accepted={"ad": Population(accounts=30, grants=60)})


def test_computers_make_no_share_of_people_larger():
    machines = [account(n, kind="computer") for n in range(1000, 1400)]
    rows = add(leavers(3), accounts=machines, grants=[grant(n, "All") for n in range(1000, 1400)])
    with pytest.raises(LimitExceeded, match="ad: 3 accounts disabled, 2 of 24 allowed"):
        only_disabling(rows, limits(disable={"percent": 5, "floor": 2}))
    assert populations(snapshot(**rows).tables) == populations(snapshot(**leavers(3)).tables)


def test_the_populations_of_a_snapshot_are_what_a_plan_counts():
    rows = change(company(24), "accounts", "ad:user:3", enabled=False)
    rows = change(rows, "accounts", "ad:user:4", enabled=None)
    assert populations(snapshot(**rows).tables) == {"ad": Population(accounts=22, grants=51)}


def test_grants_that_fall_away_through_nesting_are_counted():
    rows = add(
        company(12),
        entitlements=[group("Carrier"), *(group(f"Beneath{n}") for n in range(3))],
        nesting=[nest("Carrier", f"Beneath{n}") for n in range(3)],
        grants=[grant(9, "Carrier")],
    )
    planned(rows, declared(policy=limits(remove={"percent": 1, "floor": 4})))
    with pytest.raises(LimitExceeded, match="ad: 4 grants removed, 3 of 28 allowed") as raised:
        planned(rows, declared(policy=limits(remove={"percent": 1, "floor": 3})))
    assert "(1 of the 4 are held directly, the others are reached through these and count too)" in raised.value.message


def refused(*counts):
    with pytest.raises(LimitExceeded) as raised:
        check(counts, {})
    return raised.value


def test_of_what_a_source_loses_it_is_said_how_much_is_held_directly():
    through = Count("grants removed", "ad", 12, 100, 10)
    direct = [Count("direct members", f"ad:group:{n}", 2, 9, 3) for n in range(3)]
    elsewhere = Count("direct members", "ad2:group:1", 3, 9, 3)
    assert "(6 of the 12 are held directly" in refused(through, *direct, elsewhere).message
    assert "held directly" not in refused(replace(through, changed=6, allowed=5), *direct).message


def test_a_group_beyond_both_its_limits_is_counted_once():
    groups = [Count(what, f"ad:group:{n}", 4, 4, 3) for n in range(6) for what in ("direct members", "members")]
    assert refused(*groups).message.endswith("; and 3 more of which too much goes")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([Count("grants removed", "ad", 12, 100, 10)], "--raise ad.remove=12 --reason WHY"),
        ([Count("members", "ad:group:1", 4, 4, 3)], "--raise ad:group:1.group=4 --reason WHY"),
        (
            [Count("grants removed", "ad", 12, 100, 10, 3), Count("accounts disabled", "ad", 11, 100, 10)],
            "--raise ad.remove=15 --raise ad.disable=11 --reason WHY",
        ),
        (
            [Count("direct members", "ad:group:1", 4, 4, 3), Count("members", "ad:group:1", 5, 6, 3)],
            "limit for this plan: --raise ad:group:1.group=5 --reason WHY",
        ),
        ([Count("grants removed", "ad", 120, 100, 10)], "until it is within what limits may be raised to"),
        ([Count("grants removed", "ad", 21, 100, 10)], "until it is within what limits may be raised to"),
        ([Count("accounts disabled", "ad", 1, 9, 0)], "until it is within what limits may be raised to"),
        (
            [Count("members", f"ad:group:{n}", 4, 9, 3) for n in range(6)],
            "until it is within what limits may be raised to",
        ),
    ],
)
def test_limits_are_said_to_be_raised_where_they_may_be_so_far(counts, said):
    hint = refused(*counts).hint
    assert said in hint
    assert ("--raise" in hint) is ("--raise" in said)


def test_a_batch_within_its_share_that_empties_a_group_is_stopped():
    rows = add(company(24), grants=[grant(number, "Other") for number in range(11, 15)])
    with pytest.raises(LimitExceeded, match="Other: 4 direct members, 3 of 4 allowed"):
        planned(rows)
    spared = {**rows, "grants": rows["grants"][:-1]}
    assert len(planned(spared).changes) == 3


def test_a_limit_is_raised_for_one_plan_with_a_reason_and_a_second_approver():
    rows = add(company(24), grants=[grant(number, "Other") for number in range(11, 15)])
    four = (higher("ad:group:Other.group=4"),)
    made = planned(rows, raised=Raised(four, "the project of Other has ended"))
    assert len(made.changes) == 4
    assert (approvals_needed(made), made.limits.raised_because) == (2, "the project of Other has ended")
    assert made.limits.raised == four
    with pytest.raises(PlanRefused, match="without a reason"):
        planned(rows, raised=Raised(four, ""))


@pytest.mark.parametrize(
    ("limit", "percent", "why"),
    [
        ("ad.disable=2", 5, "not more than is allowed anyway"),
        ("ad.disable=24", 5, "24 of 24 is all: a limit cannot be switched off"),
        ("ad.disable=3", 0, "zero means zero"),
        ("entra.disable=20", 5, "takes nothing that entra.disable limits"),
    ],
)
def test_a_limit_is_not_raised_to_no_purpose_from_zero_or_to_all(limit, percent, why):
    policy = limits(disable={"percent": percent, "floor": 2})
    with pytest.raises(PlanRefused, match=why):
        only_disabling(leavers(3), policy, raised=Raised((higher(limit),), "CHG-1"))
    if percent:
        enough = Raised((higher("ad.disable=3"),), "CHG-1")
        assert len(only_disabling(leavers(3), policy, raised=enough).changes) == 3


@pytest.mark.parametrize(
    "text", ["ad.disable", "ad.disable=0", "ad.disable=-1", "ad=4", "ad.all=4", ".group=4", "ad.disable=1e3"]
)
def test_what_raises_no_limit_is_a_mistake(text):
    with pytest.raises(ValueError, match="raises no limit"):
        higher(text)


def test_batches_are_no_larger_than_allowed_and_leavers_come_first():
    rows = add(leave(company(24), 11), grants=[grant(number, "Other") for number in (12, 13, 14)])
    space = declared(policy=limits(batch=2))
    made = planned(rows, space)
    assert [len(batch.changes) for batch in made.batches] == [2, 1, 2, 1]
    assert [batch.id for batch in made.batches] == ["batch-1", "batch-2", "batch-3", "batch-4"]
    assert [name for _, name, _ in asked_of(made)] == ["user11"] * 3 + ["user12", "user13", "user14"]
    assert replace(made, batches=()) != made


# Each count and each refusal by itself


def counts_of(rows, *changes, ceilings=None, accepted=None):
    """Return what a set of changes is counted as: without a review, since the counts need none."""
    space = declared()
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken = snapshot(**rows)
        establish(taken.tables, space, engine)
        foresee(engine, taken.tables, changes)
        return count(engine, ceilings or Limits(), accepted)


def one_less(number, name="", source="ad"):
    held = Thing(f"{source}:group:{name}", name, name) if name else None
    target = Target(source, "", Thing(f"{source}:user:{number}", "", ""), held, mode="assigned" if held else "")
    action = Action.REMOVE_MEMBER if held else Action.DISABLE_ACCOUNT
    return change_of(action, target, Expectation(present=True), "f")


SMALL = add(company(12), accounts=[account(5, "entra")], entitlements=[group("Mail", "entra")])
SMALL = add(SMALL, grants=[grant(5, "Mail", "entra"), *(grant(n, "Other") for n in (5, 6, 7))])


def test_what_is_disabled_removed_and_lost_is_counted_for_each_source_and_group():
    changes = [one_less(5), one_less(6), one_less(5, "Other"), one_less(6, "Other"), one_less(5, "Mail", "entra")]
    assert counts_of(SMALL, *changes) == (
        Count("accounts disabled", "ad", 2, 12, 10),
        Count("grants removed", "ad", 2, 30, 10),
        Count("grants removed", "entra", 1, 1, 10),
        Count("direct members", "ad:group:Other", 2, 3, 3),
        Count("direct members", "entra:group:Mail", 1, 1, 3),
        Count("members", "ad:group:Other", 2, 3, 3),
        Count("members", "entra:group:Mail", 1, 1, 3),
    )


def test_each_limit_is_held_to_the_smaller_of_the_accepted_population_and_this_one():
    ceilings = Limits(
        disable=Ceiling(percent=10, floor=0),
        remove=Ceiling(percent=20, floor=0),
        group=GroupCeiling(percent=10, members=1),
    )
    known = {"ad": Population(accounts=10, grants=200), "entra": Population(accounts=1, grants=5)}
    found = counts_of(SMALL, one_less(5), one_less(5, "Other"), ceilings=ceilings, accepted=known)
    assert found == (
        Count("accounts disabled", "ad", 1, 10, 1),
        Count("grants removed", "ad", 1, 30, 6),
        Count("direct members", "ad:group:Other", 1, 3, 1),
        Count("members", "ad:group:Other", 1, 3, 1),
    )
    assert counts_of(SMALL, one_less(5), ceilings=ceilings) == (Count("accounts disabled", "ad", 1, 12, 1),)


def test_who_is_disabled_already_is_not_counted_and_who_may_be_enabled_is():
    gone = {**SMALL, "accounts": [{**row, "enabled": row["account"] != "ad:user:5"} for row in SMALL["accounts"]]}
    assert counts_of(gone, one_less(5), one_less(6)) == (Count("accounts disabled", "ad", 1, 11, 10),)
    unknown = {**SMALL, "accounts": [{**row, "enabled": None} for row in SMALL["accounts"]]}
    assert counts_of(unknown, one_less(5)) == (Count("accounts disabled", "ad", 1, 0, 10),)


def test_what_is_not_known_of_the_accepted_population_is_that_of_the_snapshot():
    ceilings = Limits(disable=Ceiling(percent=10, floor=0), remove=Ceiling(percent=10, floor=0))
    for known, (accounts, grants) in ((Population(None, 20), (12, 20)), (Population(0, None), (0, 30))):
        found = counts_of(SMALL, one_less(5), one_less(5, "Other"), ceilings=ceilings, accepted={"ad": known})
        assert [one.population for one in found[:2]] == [accounts, grants]


def test_what_each_source_holds_is_counted():
    rows = {
        "accounts": [account(1), account(2, enabled=False), account(3, enabled=None), account(1, "entra")],
        "entitlements": [group("A"), group("x:y", "ledger", "right")],
        "grants": [grant(1, "A"), grant(2, "A"), grant(1, "x:y", "ledger", "right")],
    }
    assert populations(snapshot(**rows).tables) == {
        "ad": Population(1, 2),
        "entra": Population(1, 0),
        "ledger": Population(0, 1),
    }


def test_the_populations_of_a_plan_are_those_that_it_counted():
    assert counted(COUNTS[:1] + COUNTS[2:]) == {"ad": Population(24, None), "ad:group:X": Population(None, None)}
    assert counted(COUNTS[1:2]) == {"ad": Population(None, 100)}


COUNTS = (
    Count("accounts disabled", "ad", 3, 24, 2),
    Count("grants removed", "ad", 12, 100, 10),
    Count("direct members", "ad:group:X", 4, 4, 3),
    Count("members", "ad:group:X", 6, 8, 4),
)


def test_what_is_raised_is_raised_where_it_is_said_and_never_lowered():
    raised = (Higher("ad", "disable", 5), Higher("ad", "remove", 7), Higher("ad:group:X", "group", 6))
    assert [one.allowed for one in as_raised(COUNTS, raised)] == [5, 10, 6, 6]
    assert as_raised(COUNTS, (Higher("entra", "disable", 5),)) == COUNTS
    none = (replace(COUNTS[0], allowed=0),)
    assert as_raised(none, ()) == none


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Higher("ad", "disable", 3), None),
        (Higher("ad", "disable", 23), None),
        (Higher("ad", "disable", 24), "ad.disable: 24 of 24 is all: a limit cannot be switched off"),
        (Higher("ad", "disable", 25), "ad.disable: 25 of 24"),
        (Higher("ad", "disable", 2), "ad.disable: 2 is not more than is allowed anyway"),
        (Higher("ad", "remove", 10), "ad.remove: 10 is not more than is allowed anyway"),
        (Higher("ad", "remove", 11), None),
        (Higher("entra", "remove", 11), "the plan takes nothing that entra.remove limits"),
        (Higher("ad:group:X", "group", 4), None),
        (Higher("ad:group:X", "group", 8), None),
        (Higher("ad:group:X", "group", 9), "ad:group:X.group: 9 of 8"),
        (Higher("ad:group:X", "group", 3), "ad:group:X.group: 3 is not more than is allowed anyway"),
    ],
)
def test_a_limit_is_raised_within_what_there_is(one, said):
    if said is None:
        check_raised(COUNTS, (one,))
    else:
        with pytest.raises(PlanRefused, match=f"^{re.escape(said)}"):
            check_raised(COUNTS, (one,))


def test_zero_is_not_raised():
    none = replace(COUNTS[0], allowed=0)
    with pytest.raises(PlanRefused, match=r"^ad\.disable: roles/policy\.yaml allows none, and zero means zero$"):
        check_raised((none,), (Higher("ad", "disable", 3),))
    with pytest.raises(PlanRefused, match=r"^ad:group:X\.group: roles/policy\.yaml allows none"):
        check_raised((COUNTS[2], replace(COUNTS[3], allowed=0)), (Higher("ad:group:X", "group", 4),))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ad.disable=40", Higher("ad", "disable", 40)),
        ("ad:group:a.b=c.group=12", Higher("ad:group:a.b=c", "group", 12)),
        ("a.remove=999999999", Higher("a", "remove", 999999999)),
    ],
)
def test_a_higher_limit_is_read(text, found):
    assert higher(text) == found


@pytest.mark.parametrize("text", ["ad.disable=01", "ad.disable=1234567890", "ad.disable= 4", "disable=4"])
def test_a_number_that_is_none_raises_nothing(text):
    with pytest.raises(
        ValueError, match=f"^'{text}' raises no limit; write ad.disable=40, ad.remove=200 or ad:group:ID"
    ):
        higher(text)


def test_five_limits_are_named_and_the_rest_counted():
    over = [Count("members", f"g{n}", 9, 9, 3) for n in range(7)]
    with pytest.raises(LimitExceeded) as raised:
        check(over, {"g0": "Finance"})
    named = "; ".join(f"{name}: 9 members, 3 of 9 allowed" for name in ("Finance", "g1", "g2", "g3", "g4"))
    assert raised.value.message == f"the plan goes beyond its limits: {named}; and 2 more of which too much goes"
    with pytest.raises(LimitExceeded, match=r"; and 1 more of which too much goes$"):
        check(over[:6], {})
    with pytest.raises(LimitExceeded, match=r"g4: 9 members, 3 of 9 allowed$"):
        check(over[:5], {})
    check([Count("members", "g", 3, 9, 3)], {})


def test_a_cut_says_which_group_it_takes_beyond_its_limit():
    rows = add(company(12), nesting=[nest("Other", "Outer")], grants=[grant(n, "Other") for n in (5, 6, 7, 8)])
    target = Target(
        "ad", "", entitlement=Thing("ad:group:Outer", "", ""), child=Thing("ad:group:Other", "", ""), mode="assigned"
    )
    cut = change_of(Action.CUT_NESTING, target, Expectation(present=True), "f")
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken = snapshot(**rows)
        establish(taken.tables, declared(), engine)
        foresee(engine, taken.tables, [cut])
        counts = count(engine, Limits())
        assert counts[-1] == Count("members", "ad:group:Outer", 4, 4, 3)
        assert [tuple(row.values()) for row in cuts_beyond(engine, counts)] == [(cut.id, "Outer")]
        assert not cuts_beyond(engine, [replace(one, allowed=4) for one in counts])
