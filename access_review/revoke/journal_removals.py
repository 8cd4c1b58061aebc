"""What journals show that batches took, less what was given back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access_review.changes import UNDO, Action, Change
from access_review.plan.recent_removals import ANYTHING, RecentRemovals, RemovedAmount
from access_review.plan.record import Plan
from access_review.revoke.states import CHANGED, ChangeStatus, State

_COUNTED = CHANGED | {State.ORDERED}
_SHOWN_BACK = frozenset({State.PENDING, State.RESTORED})
_SHARED = frozenset({"grants removed", "members"})
"""What falls away through nesting too: a change has its part of what its plan counted."""


@dataclass(frozen=True, slots=True)
class CountedBatch:
    """A batch as limits count it: its plan, where each change of it stands, and what is behind that.

    ``backed``: the logbook knows it by this journal and, where it gives back, people signed it.
    """

    plan: Plan
    standings: Mapping[str, ChangeStatus]
    backed: bool

    def moments(self) -> Iterator[tuple[datetime, Change]]:
        """Yield each change that counts, and from when on.

        What takes counts as soon as it may have been called, or is ordered: from its last call on. What gives back
        counts once a read showed it, and never where the journal merely lies there, or nobody signed for it: anybody may lay
        one there, and say of it what they like.
        """
        for change in self.plan.changes:
            status = self.standings.get(change.id)
            if status is None:
                continue
            at = _given_back_at(status) if change.action.restores else _taken_at(status)
            if at and (self.backed or not change.action.restores):
                yield at, change


def recent_removals(
    batches: Iterable[CountedBatch],
    lost: Iterable[Mapping[str, ChangeStatus]],
    since: datetime,
    yesterday: datetime,
) -> RecentRemovals:
    """Return what batches took since a moment, or may have, or ordered, and no later batch gave back.

    What went since ``yesterday`` is in it too, though ``since`` may be later: the floor of a day has no other start.
    ``lost`` are those whose plan is gone: each change of theirs may have taken anything.
    """
    start = min(since, yesterday)
    made = sorted(
        (
            (at, index, change, batch.plan)
            for index, batch in enumerate(batches)
            for at, change in batch.moments()
            if at >= start
        ),
        key=lambda one: (one[0], one[1], one[2].id),
    )
    left: dict[tuple[str, tuple[object, ...]], tuple[datetime, Change, Plan]] = {}
    for at, _, change, plan in made:
        if change.action.restores:
            for action in (taking for taking, giving_back in UNDO.items() if giving_back == change.action):
                left.pop((action, change.target.key), None)
        else:
            # Taken again, it went when it was taken last; how much falls away with it the first plan knew.
            _, first, first_plan = left.get((change.action, change.target.key), (at, change, plan))
            left[change.action, change.target.key] = (at, first, first_plan)
    known = [amount for at, change, plan in left.values() for amount in _amounts(at, change, plan)]
    unknown = [
        RemovedAmount(name, called_at, *ANYTHING, 1)
        for standings in lost
        for name, status in sorted(standings.items())
        if (called_at := _taken_at(status)) and called_at >= start
    ]
    people = frozenset(
        (plan.scope.wind_down, change.target.person or change.id)
        for at, change, plan in left.values()
        if plan.scope.wind_down and at >= since
    )
    return RecentRemovals((*known, *unknown), since, people)


def _taken_at(status: ChangeStatus) -> datetime | None:
    """Return when a change was called for last, or where no row says so, was first meant to be; null where nothing was."""
    return (status.called_at or status.intended_at) if status.state in _COUNTED else None


def _given_back_at(status: ChangeStatus) -> datetime | None:
    """Return from when on it counts that something was given back; null until a read showed it."""
    return status.intended_at if status.state in _SHOWN_BACK and status.gone_at else None


def _amounts(at: datetime, change: Change, plan: Plan) -> Iterator[RemovedAmount]:
    if plan.scope.wind_down:
        return  # it has a number of its own, which two people signed
    account, entitlement, child = change.target.account, change.target.entitlement, change.target.child
    if account and entitlement is None and change.action in {Action.DISABLE_ACCOUNT, Action.MANUAL}:
        yield RemovedAmount(change.id, at, "accounts disabled", change.target.source, 1)
    if entitlement is None:
        return
    if account and not child:
        yield RemovedAmount(change.id, at, "direct members", entitlement.id, 1)
    cuts = _cuts(plan.changes)
    for count in plan.limits.counts:
        if count.what in _SHARED:
            yield RemovedAmount(change.id, at, count.what, count.where, count.changed / cuts)


def _cuts(changes: Sequence[Change]) -> int:
    return sum(change.target.entitlement is not None and not change.action.restores for change in changes)
