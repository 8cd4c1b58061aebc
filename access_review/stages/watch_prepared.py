"""The plan that `watch` prepared for those who have left: people hear before its time is over, and another is prepared after.

Where no plan could be made people were told how to, and hear that again after the time that one would have had.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from access_review.audit.reviewers import people_of
from access_review.errors import AccessReviewError
from access_review.plan.record import Plan
from access_review.revoke.states import UNTOUCHED, State
from access_review.runs import Run
from access_review.snapshot.watched import News, PreparedPlan, WatchState
from access_review.store import plans, snapshots
from access_review.store.journal import JournalFile, begun
from access_review.views import alarms
from access_review.workspace import Workspace

_LEAST = timedelta(hours=1)
"""How long at least until what was prepared is prepared again."""
_EDITED = timedelta(minutes=15)
"""The same where ``roles/`` or ``sources/`` are others since, so that nobody can carry the plan out."""
_CLOCKS = timedelta(minutes=5)
_LEFT = UNTOUCHED | {State.FAILED, State.REFUSED, State.INTENT}


def prepared(run: Run, name: str, made: Plan | None, workspace: Workspace, now: datetime) -> PreparedPlan:
    """Return what is known of a plan that was just ``made``, or could not be."""
    until = made.expires_at if made else now + workspace.policy.plan_valid
    return PreparedPlan(run.id, name if made else "", now, until, workspace.digest)


def is_over(state: WatchState, workspace: Workspace, now: datetime) -> bool:
    """Tell whether what was prepared can be carried out no more; what a clock that was wrong prepared cannot, either."""
    known = state.prepared
    if known is None:
        return False
    if now < known.at - _CLOCKS or now >= max(known.until, known.at + _LEAST):
        return True
    return known.workspace != workspace.digest and now >= known.at + _EDITED


def is_to_be_prepared_again(state: WatchState, workspace: Workspace, now: datetime) -> bool:
    """Tell whether nobody took up what was prepared, it is over, and somebody who has left can still sign in."""
    known = state.prepared
    return bool(known and state.leavers and is_over(state, workspace, now) and not _is_taken_up(workspace, known))


def settled(state: WatchState, workspace: Workspace, last: Run, now: datetime) -> tuple[WatchState, tuple[News, ...]]:
    """Return the state without what is over or needed no more, and what to tell of a plan whose time is almost over, once.

    ``last`` is the last whole run, which knows names. Raises ``ArtifactError`` where it is damaged.
    """
    known = state.prepared
    if known is None:
        return state, ()
    if not state.leavers or is_over(state, workspace, now):
        return replace(state, prepared=None), ()
    if not known.plan or known.warned or now < known.until - (known.until - known.at) / 4:
        return state, ()
    state = replace(state, prepared=replace(known, warned=True))
    if _is_begun(workspace, known):
        return state, ()
    return state, (News(f"lapses {known.run}", alarms.lapses(names(state, last), known)),)


def names(state: WatchState, run: Run) -> Sequence[str]:
    """Return the names of those who have left and can still sign in; raises ``ArtifactError`` for a run that is damaged."""
    known = people_of(snapshots.people(run)).names
    return sorted({known.get(one, one) for one in state.leavers.values() if one})


def _is_begun(workspace: Workspace, known: PreparedPlan) -> bool:
    return begun(plans.journal_of(Run(workspace.folder / "runs" / known.run), known.plan))


def _is_taken_up(workspace: Workspace, known: PreparedPlan) -> bool:
    """Tell whether a plan was begun, and nothing of it is left that nobody does any more: `verify` and tickets follow the rest."""
    if not known.plan or not _is_begun(workspace, known):
        return False
    try:
        stored = plans.find(Run(workspace.folder / "runs" / known.run), known.plan)
        with JournalFile(stored.journal, stored.plan.digest) as journal:
            return all(journal.standing(one.id).state not in _LEFT for one in stored.plan.changes)
    except AccessReviewError:  # which the commands that follow it say
        return False
