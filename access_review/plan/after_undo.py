"""What an undo gives back: the tables of the newest snapshot as they are after it, and what can be given back no more."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from access_review.changes import Action, Change
from access_review.snapshot import Stored, stored
from access_review.tables import settle

_GRANT, _EDGE = ("account", "entitlement", "mode"), ("child", "parent", "mode")
Keys = set[tuple[str, ...]]


def tables_after_undo(now: Mapping[str, pa.Table], before: Mapping[str, pa.Table], changes: Sequence[Change]) -> Stored:
    """Return the tables ``now`` with what ``changes`` give back, as it was ``before`` it was taken.

    Copies that synchronisation makes of it are left out: they come by themselves.
    """
    keys = [one.target.key for one in changes]
    grants: Keys = {(account, held, mode) for account, held, child, mode in keys if account and held and not child}
    edges: Keys = {(child, held, mode) for _, held, child, mode in keys if child}
    enabled = [one.target.key[0] for one in changes if one.action is Action.ENABLE_ACCOUNT]
    after = {
        "grants": _with(now["grants"], before["grants"], _GRANT, grants, "grants"),
        "nesting": _with(now["nesting"], before["nesting"], _EDGE, edges, "nesting"),
        "accounts": _enabled(now["accounts"], enabled),
    }
    return stored(stored(now) | after)


def _with(now: pa.Table, before: pa.Table, columns: Sequence[str], keys: Keys, name: str) -> pa.Table:
    there = _rows(now, columns, keys)
    wanted = keys - set(zip(*(there[column].to_pylist() for column in columns), strict=True))
    return settle(name, pa.concat_tables([now, _rows(before, columns, wanted).cast(now.schema)])) if wanted else now


def _rows(table: pa.Table, columns: Sequence[str], keys: Keys) -> pa.Table:
    """Return the rows of some keys; only those that begin with one are looked at one by one."""
    near = table.filter(pc.is_in(table[columns[0]], pa.array(sorted({key[0] for key in keys}), pa.string())))
    found = [key in keys for key in zip(*(near[column].to_pylist() for column in columns), strict=True)]
    return near.filter(pa.array(found, pa.bool_()))


def _enabled(accounts: pa.Table, names: Iterable[str]) -> pa.Table:
    where = pc.is_in(accounts["account"], pa.array(sorted(names), pa.string()))
    place = accounts.schema.get_field_index("enabled")
    return accounts.set_column(
        place, accounts.schema.field(place), pc.if_else(where, pa.scalar(value=True), accounts["enabled"])
    )


def no_longer_there(now: Mapping[str, pa.Table], changes: Iterable[Change]) -> frozenset[str]:
    """Return which changes name an account or entitlement that a snapshot has no more."""
    named = {one.id: [name for name in one.target.key[:3] if name] for one in changes}
    every = sorted({name for names in named.values() for name in names})
    known: set[str] = set()
    for table, column in (("accounts", "account"), ("entitlements", "entitlement")):
        there = now[table][column]
        known |= set(there.filter(pc.is_in(there, pa.array(every, pa.string()))).to_pylist())
    return frozenset(change for change, names in named.items() if not known.issuperset(names))
