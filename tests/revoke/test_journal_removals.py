"""What journals show that was taken: not what was left alone, not what was given back, each thing once, in its part."""

from dataclasses import replace
from datetime import timedelta

import pytest

from access_review.changes import Action
from access_review.plan.limits import Count
from access_review.plan.recent_removals import RemovedAmount
from access_review.plan.request import Scope
from access_review.revoke.journal_removals import CountedBatch, recent_removals
from access_review.revoke.states import ChangeStatus, State
from tests.support.fake_system import START, a_change, a_plan

HOUR = timedelta(hours=1)
SINCE = START - HOUR
COUNTS = (
    Count("grants removed", "ad", 4, 100, 50),
    Count("members", "ad:group:Fin", 2, 9, 9),
    Count("direct members", "ad:group:Fin", 2, 9, 9),
    Count("accounts disabled", "ad", 1, 9, 9),
)


def at(state=State.PENDING, moment=START, **more):
    return ChangeStatus(state, intended_at=moment, **more)


def shown_back(moment=START + HOUR):
    return at(moment=moment, gone_at=moment)


def planned(*changes, counts=COUNTS, scope=None):
    made = a_plan(*changes)
    return replace(made, limits=replace(made.limits, counts=counts), scope=scope or made.scope)


def found(*batches, lost=()):
    """Return what is counted of batches that the logbook knows: plans with the state of each change."""
    return recent_removals(
        [CountedBatch(plan, standings, backed=True) for plan, standings in batches], lost, SINCE, SINCE
    )


def amounts(*batches, lost=()):
    return {(one.change, one.what, one.where): one.amount for one in found(*batches, lost=lost).amounts}


ONE, TWO = a_change(1), a_change(2)
BACK = replace(ONE, action=Action.ADD_MEMBER, id="back")
COUNTED = {"pending", "contradicted", "revoked", "restored", "regranted", "unknown", "calling", "ordered"}


def test_a_membership_counts_once_in_its_group_and_in_its_part_of_all_that_fell_away():
    assert amounts((planned(ONE, TWO), {ONE.id: at()})) == {
        (ONE.id, "direct members", "ad:group:Fin"): 1,
        (ONE.id, "grants removed", "ad"): 2.0,
        (ONE.id, "members", "ad:group:Fin"): 1.0,
    }


@pytest.mark.parametrize("action", [Action.DISABLE_ACCOUNT, Action.REVOKE_SESSIONS])
def test_only_a_disabled_account_is_one_and_nothing_else_falls_away_with_it(action):
    change = a_change(1, action)
    counted = amounts((planned(change, TWO), {change.id: at()}))
    disabled = {(change.id, "accounts disabled", "ad"): 1}
    assert {one.at for one in found((planned(change), {change.id: at()})).amounts} <= {START}
    assert counted == (disabled if action is Action.DISABLE_ACCOUNT else {})


def test_an_account_that_a_person_is_to_disable_counts_and_a_grant_beside_it_has_no_part_of_it():
    manual = a_change(1)
    by_hand = replace(manual, action=Action.MANUAL, target=replace(manual.target, entitlement=None, mode=""))
    assert amounts((planned(by_hand, TWO), {by_hand.id: at(State.ORDERED)})) == {
        (by_hand.id, "accounts disabled", "ad"): 1
    }
    assert amounts((planned(by_hand, TWO), {TWO.id: at()}))[TWO.id, "grants removed", "ad"] == 4


def test_a_cut_between_groups_is_nobodys_direct_membership():
    cut = a_change(1, Action.CUT_NESTING)
    child = replace(cut.target, child=cut.target.entitlement)
    cut = replace(cut, target=child)
    assert set(amounts((planned(cut), {cut.id: at()}))) == {
        (cut.id, "grants removed", "ad"),
        (cut.id, "members", "ad:group:Fin"),
    }


@pytest.mark.parametrize("state", list(State))
def test_what_was_called_or_ordered_counts_and_what_was_left_alone_does_not(state):
    assert bool(amounts((planned(ONE), {ONE.id: at(state)}))) == (state in COUNTED)


@pytest.mark.parametrize(("moment", "counts"), [(SINCE, True), (SINCE - timedelta(seconds=1), False), (None, False)])
def test_it_counts_from_the_moment_on_at_which_it_was_meant(moment, counts):
    assert bool(amounts((planned(ONE), {ONE.id: at(moment=moment)}))) is counts
    assert bool(amounts(lost=[{ONE.id: at(moment=moment)}])) is counts


def test_what_has_no_row_in_the_journal_is_not_taken():
    assert amounts((planned(ONE, TWO), {})) == {}


def test_what_was_given_back_later_is_not_taken_and_what_was_taken_again_is():
    first, undone = (planned(ONE), {ONE.id: at()}), (planned(BACK), {BACK.id: shown_back()})
    again = (planned(ONE), {ONE.id: at(moment=START + 2 * HOUR)})
    assert amounts(first, undone) == {}
    assert amounts(undone, first) == {}, "whatever the order of the folders"
    assert amounts(first, undone, again), "the third is the first once more"
    early = (planned(BACK), {BACK.id: shown_back(START - timedelta(minutes=1))})
    assert amounts(first, early), "what came before gives nothing back"
    other = replace(ONE, action=Action.ADD_APPROLE, id="other")
    assert amounts(first, (planned(other), {other.id: shown_back()})), "another kind of thing"


@pytest.mark.parametrize("state", list(State))
def test_what_gives_back_counts_once_a_read_showed_it_and_not_when_it_was_only_called_or_ordered(state):
    first = (planned(ONE), {ONE.id: at()})
    by_a_read = (planned(BACK), {BACK.id: replace(shown_back(), state=state)})
    assert (amounts(first, by_a_read) == {}) == (state in {State.PENDING, State.RESTORED})
    by_a_word = (planned(BACK), {BACK.id: at(state, START + HOUR)})
    assert amounts(first, by_a_word), "nobody looked"


def test_a_journal_that_merely_lies_there_gives_nothing_back_and_takes_like_any_other():
    first = CountedBatch(planned(ONE), {ONE.id: at()}, backed=False)
    laid_there = CountedBatch(planned(BACK), {BACK.id: shown_back()}, backed=False)
    assert {one.change for one in recent_removals([first, laid_there], [], SINCE, SINCE).amounts} == {ONE.id}


def test_what_was_called_after_it_was_given_back_is_taken():
    late = (planned(ONE), {ONE.id: at(called_at=START + 2 * HOUR)})
    assert amounts(late, (planned(BACK), {BACK.id: shown_back(START + HOUR)}))


def test_what_was_meant_long_ago_and_called_since_counts():
    long_ago = SINCE - 30 * HOUR
    assert amounts((planned(ONE), {ONE.id: at(moment=long_ago, called_at=START)}))
    assert not amounts((planned(ONE), {ONE.id: at(moment=long_ago, called_at=long_ago)}))


def test_a_population_that_was_accepted_since_begins_the_day_not_anew():
    batch = CountedBatch(planned(ONE, TWO), {ONE.id: at()}, backed=True)
    kept = recent_removals([batch], [{"lost": at()}], START + HOUR, SINCE)
    assert kept.counts(()) == {}, "toward the policy it counts from the acceptance on"
    assert kept.counts((), SINCE) == {
        ("grants removed", "ad"): 2,
        ("members", "ad:group:Fin"): 1,
        ("direct members", "ad:group:Fin"): 1,
        ("", ""): 1,
    }
    of_wind_down = CountedBatch(planned(ONE, scope=Scope(wind_down="harbor")), {ONE.id: at()}, backed=True)
    assert recent_removals([of_wind_down], [], START + HOUR, SINCE).people == frozenset()


def test_the_same_in_two_batches_counts_once_as_the_first_says_from_when_it_went_last():
    later = (planned(ONE, counts=(Count("members", "ad:group:Fin", 8, 9, 9),)), {ONE.id: at(moment=START + HOUR)})
    kept = found((planned(ONE), {ONE.id: at()}), later)
    assert {one.at for one in kept.amounts} == {START + HOUR}
    assert [one.amount for one in kept.amounts if one.what == "members"] == [2.0]


def test_of_a_lost_plan_every_change_may_have_taken_anything():
    lost = [{"c-2": at(State.CALLING), "c-1": at(), "c-3": at(State.SKIPPED)}]
    assert found(lost=lost).amounts == (
        RemovedAmount("c-1", START, "", "", 1),
        RemovedAmount("c-2", START, "", "", 1),
    )


def test_under_a_wind_down_people_count_toward_its_own_number_and_toward_no_limit():
    nobody = replace(TWO, target=replace(TWO.target, person=None))
    scope = Scope(wind_down="harbor")
    plan = planned(ONE, nobody, scope=scope)
    kept = found((plan, {ONE.id: at(), nobody.id: at()}))
    assert kept.amounts == ()
    assert kept.people == {("harbor", "hr:person:1"), ("harbor", nobody.id)}
    assert found((planned(ONE), {ONE.id: at()})).people == frozenset()
    assert kept.since == SINCE
