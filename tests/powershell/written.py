"""The plans that the scenarios carry out: written by the product, with every action, and their undo, for this very hour."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from access_review.changes import Action, Change, Thing
from access_review.plan import record
from access_review.plan.record import Batch, Plan
from tests.powershell.every_action import everything, guid, nesting, undone
from tests.powershell.world import BASE, NAME, World, world

HOUR = timedelta(hours=1)


def now() -> datetime:
    """Return the moment that PowerShell will take for now too."""
    return datetime.fromtimestamp(int(time.time()), UTC)


@cache
def _with_work_by_hand() -> Plan:
    made = everything()
    first = made.changes[0]
    badge = replace(first.target, source="badge", connector="table", manual="Take the badge back")
    hand = replace(first, id="c-hand", action=Action.MANUAL, target=badge)
    begin, *rest = made.batches
    batches = (Batch(begin.id, (*begin.changes, hand.id)), *rest)
    return replace(made, changes=(*made.changes, hand), batches=batches)


@cache
def _undone() -> Plan:
    return undone(everything())


@cache
def _nesting() -> tuple[Plan, Plan]:
    made = nesting()
    return made, undone(made)


def dated(
    plan: Plan, *, expires: timedelta = 20 * HOUR, made: timedelta = HOUR, holds: timedelta | None = None
) -> bytes:
    """Return a plan's file, made some time ago; ``expires`` and ``holds`` say when from now that is."""
    at = now()
    ahead = None if holds is None else at + holds
    return record.write(replace(plan, as_of=at - made, made_at=at - made, expires_at=at + expires, valid_from=ahead))


def taking(**times: Any) -> bytes:
    """Return the plan that takes everything: eleven changes of the two systems, and one by hand."""
    return dated(_with_work_by_hand(), **times)


def giving() -> bytes:
    """Return the undo of it."""
    return dated(_undone())


def cutting() -> tuple[bytes, bytes]:
    """Return a plan that cuts groups out of groups, and its undo."""
    cut, back = _nesting()
    return dated(cut), dated(back)


def altered(action: Action, change: Callable[[Change], Change]) -> bytes:
    """Return the plan that takes everything with the first change of an action made otherwise."""
    made = _with_work_by_hand()
    first = next(one for one in made.changes if one.action is action)
    return dated(replace(made, changes=tuple(change(one) if one is first else one for one in made.changes)))


def two_scopes() -> bytes:
    """Return the plan that takes everything, and a second scope of the same consent."""
    made = _with_work_by_hand()
    first = next(one for one in made.changes if one.action is Action.REMOVE_CONSENT)
    held = first.target.entitlement
    assert held is not None
    scope = replace(held, native_id=held.native_id.replace("Mail.Read", "Calendars.Read"))
    second = replace(first, id="c-two", target=replace(first.target, entitlement=scope))
    begin, *rest = made.batches
    batches = (Batch(begin.id, (*begin.changes, second.id)), *rest)
    return dated(replace(made, changes=(*made.changes, second), batches=batches))


@dataclass(frozen=True, slots=True)
class Many:
    """A plan that disables many accounts, and a directory with them."""

    plan: bytes
    state: World


def many(count: int, unreadable: Sequence[int] = ()) -> Many:
    """Return so many; the control bits of the ``unreadable`` ones cannot be read."""
    made, state = _with_work_by_hand(), world()
    first = made.changes[0]
    changes = []
    for number in range(count):
        name, native = f"m{number}", guid(5000 + number)
        bits = {} if number in unreadable else {"userAccountControl": 512}
        ids = {"guid": native, "sid": f"S-1-5-21-1-2-3-{5000 + number}"}
        dn = f"CN={name},OU=Staff,{BASE}"
        state["ad"]["objects"].append({"domain": NAME, "dn": dn, "name": name, "class": "user", **ids, **bits})
        who = replace(first.target, account=Thing(f"ad:user:{name}", native, name))
        changes.append(replace(first, id=f"c-{name}", target=who))
    batches = (Batch("batch-1", tuple(one.id for one in changes)),)
    return Many(dated(replace(made, changes=tuple(changes), batches=batches)), state)
