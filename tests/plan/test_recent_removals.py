"""What batches took lately counts toward the next plan: each population alone, rounded up, from its own start or one that is asked for."""

from datetime import timedelta

import pytest

from access_review.plan.recent_removals import ANYTHING, DAY, WEEK, RecentRemovals, RemovedAmount
from tests.support.fake_system import START

HOUR = timedelta(hours=1)
GRANTS, MEMBERS = ("grants removed", "ad"), ("members", "ad:group:Fin")


def took(change, key, amount=1.0, at=START):
    return RemovedAmount(change, at, key[0], key[1], amount)


def test_each_population_is_summed_alone_and_rounded_up_only_at_the_end():
    found = RecentRemovals((took("a", GRANTS, 0.4), took("b", GRANTS, 0.4), took("c", MEMBERS, 2)))
    assert found.counts(()) == {GRANTS: 1, MEMBERS: 2}


def test_thirds_that_make_a_whole_are_a_whole():
    assert RecentRemovals(tuple(took(one, GRANTS, 1 / 3) for one in "abc")).counts(()) == {GRANTS: 1}


def test_a_little_more_than_a_whole_is_the_next():
    assert RecentRemovals((took("a", GRANTS, 1.01),)).counts(()) == {GRANTS: 2}


def test_what_a_plan_has_itself_is_not_counted_twice():
    found = RecentRemovals((took("a", GRANTS), took("b", GRANTS)))
    assert found.counts({"a"}) == {GRANTS: 1}
    assert found.counts({"a", "b"}) == {}


@pytest.mark.parametrize(
    ("own", "asked", "counted"),
    [
        (None, None, 3),
        (START, None, 2),
        (None, START, 2),
        (START - HOUR, START, 2),
        (START, START - HOUR, 3),
        (START + HOUR, START - HOUR, 3),
        (START - HOUR, START + HOUR, 1),
        (START + 2 * HOUR, None, 0),
    ],
)
def test_it_counts_from_its_own_start_on_or_from_the_one_asked_for_though_that_is_earlier(own, asked, counted):
    amounts = tuple(took(f"c{n}", GRANTS, at=START + n * HOUR) for n in (-1, 0, 1))
    assert RecentRemovals(amounts, own).counts((), asked).get(GRANTS, 0) == counted


def test_a_wind_down_has_its_own_people_and_whoever_nobody_can_say():
    amounts = (took("lost", ANYTHING), took("a", GRANTS), RemovedAmount("half", START, "", "ad", 1))
    found = RecentRemovals(amounts, None, frozenset({("harbor", "p:1"), ("harbor", "p:2"), ("other", "p:3")}))
    assert found.wound_down("harbor") == {"p:1", "p:2", "lost"}
    assert found.wound_down("third") == {"lost"}
    later = RecentRemovals(amounts, START + HOUR, found.people)
    assert later.wound_down("third") == frozenset(), "it went before this counts"


def test_a_week_and_a_day_are_what_they_say():
    assert (timedelta(days=7), timedelta(hours=24)) == (WEEK, DAY)
