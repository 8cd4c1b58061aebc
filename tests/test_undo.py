from datetime import timedelta

import pytest

from access_review.errors import PlanRefused
from access_review.plan import read, write
from access_review.planning.change import Action
from access_review.revocation.protocol import Standing, State
from access_review.undo import undo
from tests.fake import START, a_change, a_plan
from tests.worlds import snapshot, workspace

LATER = START + timedelta(hours=2)


def undone(plan, states, *, status="active", rows=None, at=LATER):
    standings = {one.id: Standing(state, 1, START, START) for one, state in zip(plan.changes, states, strict=True)}
    people = [{"person": f"hr:person:{n}", "status": status} for n in (1, 2, 3)]
    taken = snapshot(at, people=people, **(rows or {}))
    return undo(plan, standings, taken, workspace(), run="r", requested_by="hr:person:9", now=at)


PLAN = a_plan(a_change(1, left=False), a_change(2, left=False), a_change(3, Action.DISABLE_ACCOUNT))


def test_exactly_what_was_taken_is_given_back_sign_in_last():
    made = undone(PLAN, [State.REVOKED, State.ABSENT, State.PENDING])
    assert [(one.action, one.target) for one in made.changes] == [
        (Action.ADD_MEMBER, PLAN.changes[0].target),
        (Action.ENABLE_ACCOUNT, PLAN.changes[2].target),
    ]
    assert read(write(made)) == made
    assert made.digest != PLAN.digest


@pytest.mark.parametrize("state", [State.ABSENT, State.SKIPPED, State.REFUSED, State.PLANNED, State.FAILED])
def test_what_this_batch_did_not_take_is_not_given(state):
    with pytest.raises(PlanRefused, match="nothing to give back"):
        undone(PLAN, [state] * 3)


@pytest.mark.parametrize("status", ["left", "unknown"])
def test_whoever_is_not_employed_gets_nothing_back(status):
    made = undone(PLAN, [State.REVOKED] * 3, status=status)
    assert not made.changes
    assert all("only who is employed" in one.reason for one in made.to_person)


def test_what_is_not_known_is_left_to_a_person():
    made = undone(PLAN, [State.UNKNOWN, State.REVOKED, State.ABSENT])
    assert len(made.changes) == 1
    assert "verify first" in made.to_person[0].reason


def test_an_incomplete_or_an_older_roster_undoes_nothing():
    short = {"completeness": [{"source": "hr", "subject": "people", "complete": False, "reason": "cut short"}]}
    with pytest.raises(PlanRefused, match="hr incomplete: cut short"):
        undone(PLAN, [State.REVOKED] * 3, rows=short)
    with pytest.raises(PlanRefused, match="older than the batch"):
        undone(PLAN, [State.REVOKED] * 3, at=START - timedelta(hours=1))
