"""Whether a change is still made where it was planned to be: what an executor goes by, beside what is read just now.

The id of a change names its place as people know it. An executor goes by more: native ids, how a grant is held, its scope.
These stand in the run, and whoever may write to ``runs/`` may have edited them there. Whatever is another by what was read
again is refused, and named: it is never written to, and never read back for the one that was approved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from access_review.changes import Action, Change, Thing
from access_review.revoke.states import Recheck


def sources_of(changes: Sequence[Change]) -> frozenset[str]:
    """Return the sources that changes write to, and those of what they name."""
    named = {name.split(":", 1)[0] for one in changes for name in one.target.key[:3] if name}
    return frozenset(named | {one.target.source for one in changes})


def other_place(planned: Change, now: Change, *, by_hand: bool = False) -> Recheck | None:
    """Refuse a change that would go elsewhere than the same change as it is asked for now; null where all is the same.

    ``by_hand`` tells that a person is asked to make it, who goes by names too.
    """
    by_hand = by_hand or planned.action is Action.MANUAL
    then, found = dict(_place(planned, by_hand=by_hand)), dict(_place(now, by_hand=by_hand))
    for what, value in then.items():
        if value != found[what]:
            said = f"{what} is {_shown(found[what])} by what was read just now, and {_shown(value)} in the plan"
            return Recheck(refused=f"it would go elsewhere: {said}; look into who may have edited the run")
    return None


def other_things(
    planned: Change, tables: Mapping[str, pa.Table], connectors: Mapping[str, str], *, by_hand: bool = False
) -> Recheck | None:
    """Say the same of what is given back, by the accounts and entitlements that are there now: no review asks for it.

    How it was held, until when and in which scope was held to what was read when it was taken.
    """
    target = planned.target
    account = target.account and _found(
        tables["accounts"], "account", target.account, ("principal_name", "name", "native_id")
    )
    held = target.entitlement and _found(tables["entitlements"], "entitlement", target.entitlement)
    child = target.child and _found(tables["entitlements"], "entitlement", target.child)
    if (account, held, child).count(None) > (target.account, target.entitlement, target.child).count(None):
        return Recheck(skipped="the account or the group is there no more")
    connector = connectors.get(target.source, "")
    now = replace(target, account=account, entitlement=held, child=child, connector=connector)
    return other_place(planned, replace(planned, target=now), by_hand=by_hand)


def _found(table: pa.Table, column: str, named: Thing, called: Sequence[str] = ("name",)) -> Thing | None:
    """Return a thing as it is there, by the name that a plan has of it: the first of these columns that says something."""
    row = next(iter(table.filter(pc.equal(table[column], named.id)).to_pylist()), None)
    return row and Thing(row[column], row["native_id"], next((row[one] for one in called if row[one] is not None), ""))


def _place(change: Change, *, by_hand: bool) -> Iterator[tuple[str, object]]:
    """Yield all that an executor goes by, as it is called in words."""
    target = change.target
    ends = (("account", target.account), ("entitlement", target.entitlement), ("group within it", target.child))
    for what, thing in ends:
        yield f"the native id of the {what}", thing and thing.native_id
        if by_hand:
            yield f"the name of the {what}", thing and thing.name
    yield "what connects it", target.connector
    yield "how it is held", change.via
    yield "its scope", target.scope
    yield "the id of the assignment", target.native_id
    yield "its end", target.until
    if by_hand:
        yield "what is to be done", target.manual
        yield "its owner", target.person_name


def _shown(value: object) -> str:
    return str(value) if value else "not there"
