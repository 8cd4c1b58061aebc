"""What other batches took or called lately, by their journals: what limits and caps of a day count."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from access_review import runs
from access_review.changes import Change
from access_review.plan import limits
from access_review.plan.recent_removals import DAY, WEEK, RecentRemovals
from access_review.plan.record import Plan
from access_review.revoke.journal_removals import CountedBatch, recent_removals
from access_review.revoke.signed_removal import takes_standing
from access_review.revoke.states import CHANGED, State, Transition
from access_review.runs import Run
from access_review.store import logged, pinned, plans
from access_review.store.given_back import is_backed
from access_review.store.plans import StoredPlan
from access_review.store.unshown import unshown_batches
from access_review.workspace import Workspace

Counts = Callable[[Plan, Change], bool]
"""Tells whether a change of a plan counts toward what somebody allows in a day."""


def left_today(stored: StoredPlan, workspace: Workspace, now: datetime, daily: int, counts: Counts) -> int:
    """Return how many calls a plan may make today, of so many ``daily``; raises as :func:`called_today` does.

    What fits beside the calls of others is never too much: each of its changes is made once, by whichever of its calls.
    """
    beside = max(0, daily - called_today(workspace, now, counts, besides=stored.journal))
    if sum(counts(stored.plan, change) for change in stored.plan.changes) <= beside:
        return beside
    return max(0, daily - called_today(workspace, now, counts))


def called_today(workspace: Workspace, now: datetime, counts: Counts, besides: Path | None = None) -> int:
    """Count the calls of the last day that count, and those of batches of which nobody can say what they were.

    ``besides`` is the path of a journal left out. Raises as :func:`access_review.store.plans.journals` does, and
    ``PlanRefused`` where nobody can say how much that is.
    """
    called = [
        (plan.digest, change.id)
        for plan, change, row in _journalled(workspace, besides)
        if row.state is State.CALLING and row.at > now - DAY and counts(plan, change)
    ]
    unshown = {
        (batch.plan.digest, change.id)
        for batch in unshown_batches(workspace.folder, now, besides)
        for at, change in batch.moments()
        if at > now - DAY and counts(batch.plan, change)
    }
    lost = sum(
        row.state is State.CALLING and row.at > now - DAY
        for _, journal in plans.lost(workspace.folder)
        for row in journal.changes
    )
    return len(called) + len(unshown.difference(called)) + lost


def removals_left(workspace: Workspace, now: datetime) -> int:
    """Return how many changes the standing removal leaves for today; raises as :func:`access_review.store.plans.journals` does."""
    removal = workspace.policy.standing_removal
    called = called_today(workspace, now, lambda plan, _: takes_standing(plan))
    return max(0, removal.daily - called) if removal else 0


def _journalled(workspace: Workspace, besides: Path | None = None) -> Iterator[tuple[Plan, Change, Transition]]:
    """Yield every row about a change from the journals of a workspace, with the change and its plan.

    ``besides`` is the path of a journal left out. Raises as :func:`access_review.store.plans.journals` does.
    """
    for plan, journal in plans.journals(workspace.folder, besides):
        by_id = {change.id: change for change in plan.changes}
        yield from ((plan, by_id[row.change], row) for row in journal.changes)


def taken_lately(stored: StoredPlan, workspace: Workspace, now: datetime) -> RecentRemovals:
    """Return what other batches took since the last accepted population, or in the last week; raises as :func:`called_today` does."""
    since, inputs = now - WEEK, stored.plan.inputs
    if inputs and inputs.accepted:
        since = max(since, runs.find(workspace.folder, inputs.accepted.run).as_of)
    if name := stored.plan.scope.wind_down:
        since = min(since, pinned.began(workspace.wind_downs[name]))
    log = logged.known(workspace.folder)
    known = (
        CountedBatch(plan, journal.standings, is_backed(log, _stored(plan, journal.path), workspace))
        for plan, journal in plans.journals(workspace.folder, besides=stored.journal)
    )
    unshown = unshown_batches(workspace.folder, now, besides=stored.journal)
    lost = (journal.standings for _, journal in plans.lost(workspace.folder))
    return recent_removals((*known, *unshown), lost, since, now - DAY)


def require_room(stored: StoredPlan, workspace: Workspace, now: datetime) -> None:
    """Raise ``LimitExceeded`` where a plan goes beyond its limits with all that other batches may have taken, as `apply` counts it.

    What it is derived from says what their journals show; of one that was killed, all of its plan may have gone. Raises as
    :func:`called_today` does.
    """
    plan, lately = stored.plan, taken_lately(stored, workspace, now)
    if plan.scope.wind_down or plan.gives_back:
        return
    own = {change.id for change in plan.changes}
    counts = limits.with_taken(plan.limits.counts, lately.counts(own))
    things = (thing for one in plan.changes for thing in (one.target.entitlement, one.target.child) if thing)
    limits.check(counts, {thing.id: thing.name for thing in things})
    limits.check_day(counts, lately.counts(own, now - DAY))


def _stored(plan: Plan, journal: Path) -> StoredPlan:
    """Return a plan with where it lies, by its journal."""
    return StoredPlan(Run(journal.parents[1]), journal.parent.name, plan)


def taken_since(stored: StoredPlan, workspace: Workspace) -> list[Change]:
    """Return what other batches have changed, or may have, since the snapshot of this plan; raises as :func:`access_review.store.plans.journals` does."""
    found = []
    for plan, journal in plans.journals(workspace.folder, besides=stored.journal):
        for change in plan.changes:
            standing = journal.standing(change.id)
            since = standing.intended_at is not None and standing.intended_at >= stored.plan.as_of
            if since and standing.state in CHANGED and not change.action.restores:
                found.append(change)
    return found
