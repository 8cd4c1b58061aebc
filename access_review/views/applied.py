"""What came of a batch, for the terminal and for scripts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review.changes import Change
from access_review.plan.record import Plan
from access_review.revoke.apply import Applied, Progress
from access_review.revoke.states import State
from access_review.revoke.verify import Remaining, Verified
from access_review.views.text import count, moment, visible

_SAID = {
    State.PENDING: "done and read back; verify proves them later",
    State.CONTRADICTED: "reads contradict each other",
    State.REVOKED: "revoked: proven by two reads",
    State.RESTORED: "given back: proven by two reads",
    State.ABSENT: "were gone already",
    State.SKIPPED: "skipped: expected now",
    State.REFUSED: "refused",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown: the answer was lost and nothing could be read",
    State.DEFERRED: "not done now; apply again",
    State.STILL_THERE: "unchanged; apply again",
    State.ORDERED: "ordered: a person does them",
    State.PLANNED: "not begun",
    State.REGRANTED: "given back by somebody since",
    State.INTENT: "interrupted",
    State.CALLING: "interrupted",
}


def progress(step: Progress) -> str:
    """Say in one line how far a batch is."""
    return f"{step.done}/{step.of}  {visible(step.saying)}  {step.remaining:.0f} s to go"


class AppliedValue(TypedDict):
    """What came of a batch: states and their reasons by id of the change, and how often a system was called."""

    plan: str
    states: dict[str, str]
    calls: int
    reasons: dict[str, str]
    stopped: str
    passed_over: list[str]
    partly: bool


class ProvenChange(TypedDict):
    """What is proven of one change; moments in ISO 8601, ``due`` is null where nothing is awaited.

    ``old`` is when an export was written that says nothing of it yet, null where what was read is new enough.
    """

    change: str
    state: str
    at: str
    server: str
    reason: str
    due: str | None
    overdue: bool
    old: str | None


class HeldStill(TypedDict):
    """Access that a change was to end and that is still there by another path."""

    change: str
    account: str
    entitlement: str
    path: str


class VerifiedValue(TypedDict):
    """What is proven; ``still_held`` is null where nobody looked for other paths."""

    changes: list[ProvenChange]
    still_held: list[HeldStill] | None


def value(plan: Plan, applied: Applied) -> AppliedValue:
    """Return what came of a batch, as JSON."""
    return {
        "plan": plan.digest,
        "states": {name: str(state) for name, state in sorted(applied.states.items())},
        "calls": applied.calls,
        "reasons": dict(sorted(applied.reasons.items())),
        "stopped": applied.stopped,
        "passed_over": list(applied.passed_over),
        "partly": applied.partly,
    }


def text(plan: Plan, applied: Applied) -> str:
    """Say what came of a batch."""
    return "\n".join(_applied(plan, applied))


def _applied(plan: Plan, applied: Applied) -> Iterator[str]:
    yield f"{count(applied.calls, 'call')} made for {count(len(applied.states), 'change')}"
    for state in State:
        if number := applied.counts.get(state):
            yield f"  {number:>5}  {_SAID[state]}"
            yield from _why(plan, applied, state)
    if applied.stopped:
        yield f"Stopped: {visible(applied.stopped)}"
    yield from (f"Passed over: {visible(why)}" for why in applied.passed_over)
    if applied.partly:
        yield f"Partly applied. Next: access-review --run {plan.run} apply"
    else:
        yield f"Next: access-review --run {plan.run} verify"


SHOWN = 10
"""Changes of one state that are named with their reason; the journal and ``--json`` have all of them."""


def _why(plan: Plan, applied: Applied, state: State) -> Iterator[str]:
    some = [one for one in plan.changes if applied.states.get(one.id) is state and one.id in applied.reasons]
    yield from (f"         {_what(one)}: {visible(applied.reasons[one.id])}" for one in some[:SHOWN])
    if len(some) > SHOWN:
        yield f"         and {len(some) - SHOWN} more: --json has all of them"


def verified_value(found: Sequence[Verified], remaining: Sequence[Remaining] | None) -> VerifiedValue:
    """Return what is proven, as JSON."""
    return {
        "changes": [
            {
                "change": one.change,
                "state": str(one.state),
                "at": one.at.isoformat(),
                "server": one.server,
                "reason": one.reason,
                "due": one.due.isoformat() if one.due else None,
                "overdue": one.overdue,
                "old": one.old.isoformat() if one.old else None,
            }
            for one in found
        ],
        "still_held": None
        if remaining is None
        else [
            {"change": r.change, "account": r.account, "entitlement": r.entitlement, "path": r.path} for r in remaining
        ],
    }


def verified_text(plan: Plan, found: Sequence[Verified], remaining: Sequence[Remaining] | None) -> str:
    """Say what is proven, what is overdue, and what is still held another way."""
    by_id = {one.id: one for one in plan.changes}
    return "\n".join(_verified(by_id, found, remaining))


def _verified(
    by_id: dict[str, Change], found: Sequence[Verified], remaining: Sequence[Remaining] | None
) -> Iterator[str]:
    for state in State:
        some = [one for one in found if one.state is state]
        if some:
            yield f"{len(some):>5}  {_SAID[state]}"
        if state in {State.FAILED, State.REGRANTED, State.CONTRADICTED, State.UNKNOWN}:
            yield from (f"         {_what(by_id[one.change])}: {visible(one.reason)}" for one in some)
        if state is State.SKIPPED:
            yield from (f"         {_what(by_id[one.change])}: {visible(one.reason)}" for one in some[:SHOWN])
            if len(some) > SHOWN:
                yield f"         and {len(some) - SHOWN} more: --json has all of them"
    too_old = Counter((by_id[one.change].target.source, one.old) for one in found if one.old)
    for (source, written), number in sorted(too_old.items()):
        yield (
            f"Too old to say anything of {count(number, 'change')}: {visible(source)}, written {moment(written)}. "
            "Export it again, then verify"
        )
    for one in found:
        if one.overdue and one.due:
            yield f"Overdue: {_what(by_id[one.change])} must be proven by {moment(one.due)}"
    if remaining is None:
        yield "Not evaluated: what other paths still give. Next: access-review audit, then verify this run again"
        return
    for left in remaining:
        yield f"Still held: {visible(left.account)} reaches {visible(left.entitlement)} by {visible(left.path)}"


def unapproved(why: str) -> Iterator[str]:
    """Say that people carried out what had not been approved; nothing where it had."""
    if why:
        yield f"Carried out before it was approved: {visible(why)}. What the log says is kept; whoever did it is to be asked"


def _what(change: Change) -> str:
    thing = change.target.account or change.target.child
    held = f" from {change.target.entitlement.name}" if change.target.entitlement else ""
    return visible(f"{change.action} {thing.name if thing else ''}{held} ({change.id})")
