"""What journals show that batches took, less what was given back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from access_review.changes import UNDO, Action, Change
from access_review.plan.recent_removals import ANYTHING, RecentRemovals, RemovedAmount
from access_review.plan.record import Plan
from access_review.revoke.states import CHANGED, ChangeStatus, State

_COUNTED = CHANGED | {State.ORDERED}
_SHARED = frozenset({"grants removed", "members"})
"""What falls away through nesting too: a change has its part of what its plan counted."""


def recent_removals(
    batches: Iterable[tuple[Plan, Mapping[str, ChangeStatus]]],
    lost: Iterable[Mapping[str, ChangeStatus]],
    since: datetime,
) -> RecentRemovals:
    """Return what batches took since a moment, or may have, or ordered, and no later batch gave back.

    ``lost`` are those whose plan is gone: each change of theirs may have taken anything.
    """
    made = sorted(
        (
            (status.intended_at, index, change, plan)
            for index, (plan, standings) in enumerate(batches)
            for change in plan.changes
            if (status := standings.get(change.id))
            and status.intended_at
            and status.intended_at >= since
            and status.state in _COUNTED
        ),
        key=lambda one: (one[0], one[1], one[2].id),
    )
    left: dict[tuple[str, tuple[object, ...]], tuple[datetime, Change, Plan]] = {}
    for at, _, change, plan in made:
        if change.action.restores:
            for action in (taking for taking, giving_back in UNDO.items() if giving_back == change.action):
                left.pop((action, change.target.key), None)
        else:
            left.setdefault((change.action, change.target.key), (at, change, plan))
    known = [amount for at, change, plan in left.values() for amount in _amounts(at, change, plan)]
    unknown = [
        RemovedAmount(name, status.intended_at, *ANYTHING, 1)
        for standings in lost
        for name, status in sorted(standings.items())
        if status.state in _COUNTED and status.intended_at and status.intended_at >= since
    ]
    people = frozenset(
        (plan.scope.wind_down, change.target.person or change.id)
        for _, change, plan in left.values()
        if plan.scope.wind_down
    )
    return RecentRemovals((*known, *unknown), since, people)


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
