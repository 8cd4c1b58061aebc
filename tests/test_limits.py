from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import add, asked_of, company, declared, grant, group, leave, limits, nest, planned
from pydantic import ValidationError

from access_review.errors import LimitExceeded, PlanRefused
from access_review.planning.limits import Count, Population, Raised, allowed_of, allowed_of_group, check, higher
from access_review.policy import Ceiling, GroupCeiling, Limits


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


def test_the_population_is_the_accepted_one_where_there_is_one():
    policy = limits(disable={"percent": 10, "floor": 0})
    with pytest.raises(LimitExceeded, match="2 of 24 allowed"):
        only_disabling(leavers(3), policy)
    assert only_disabling(leavers(3), policy, accepted={"ad": Population(accounts=30, grants=60)}).changes


def test_grants_that_fall_away_through_nesting_are_counted():
    rows = add(
        company(12),
        entitlements=[group("Carrier"), *(group(f"Beneath{n}") for n in range(3))],
        nesting=[nest("Carrier", f"Beneath{n}") for n in range(3)],
        grants=[grant(9, "Carrier")],
    )
    planned(rows, declared(policy=limits(remove={"percent": 1, "floor": 4})))
    with pytest.raises(LimitExceeded, match="ad: 4 grants removed, 3 of 28 allowed"):
        planned(rows, declared(policy=limits(remove={"percent": 1, "floor": 3})))


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
    assert (made.limits.approvals, made.limits.raised_because) == (2, "the project of Other has ended")
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
