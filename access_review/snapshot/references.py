"""Settle references between sources, once all of them have been read.

A connector writes what only another source knows as ``ref:scheme:value``
(:func:`access_review.tables.ref`). Here each becomes the one id that ``aliases`` has
for it, or a problem that is counted: two candidates are none.

Who is still named as a member, and is not listed any more, has not ended: a file that was cut
between two objects looks like this, and a directory that deleted an account does not.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from access_review.row_order import is_in_order
from access_review.snapshot.unknown_members import doubtful_verdicts, unknown_members
from access_review.tables import TABLES, Row, empty, frame

Tables = dict[str, pa.Table]

_EDGES = {"grants": ("account", "entitlement"), "nesting": ("child", "parent")}
_STILL_NAMED = "still-named"


def resolve(
    tables: Tables, before: Mapping[str, pa.Table] | None = None, believed: Collection[str] = frozenset()
) -> Tables:
    """Return the tables with every reference settled, foreign groups nested, and synced groups joined.

    What does not resolve goes to ``problems``: an edge or row that rests on it is left out,
    an optional column becomes null. So do accounts of the run ``before`` that are not listed any more and still named as
    members, and members that are nobody now where there was somebody, but for those of sources that are ``believed`` to
    hold less.
    """
    given, former = tables, _still_named(tables, before, believed) if before else None
    tables = tables | {"aliases": pa.concat_tables([tables["aliases"], former.aliases])} if former else tables
    names = cache(partial(_unique_aliases, tables["aliases"]))
    problems: list[Row] = [_named_yet(account) for account in former.accounts] if former else []
    made = dict(tables)
    for name, table in TABLES.items():
        if table.ids and len(tables[name]):
            made[name] = _settle_references(name, tables[name], names, problems)
    made["grants"], foreign = _groups_among_members(made["grants"], made["entitlements"])
    nested = (made["nesting"], foreign, _synced_groups(made["aliases"], made["entitlements"]))
    # Where nothing was settled, a table still says which columns are never null.
    loose = pa.schema([one.with_nullable(True) for one in TABLES["nesting"].schema])
    made["nesting"] = pa.concat_tables([part.cast(loose) for part in nested])
    for name in _EDGES:
        made[name] = _existing_ends(name, made, problems)
    for name, table in TABLES.items():
        if table.ids and made[name] is not given[name]:
            made[name] = frame(name, [], also=[_first_of_each(made[name], table.key)])
    if before:
        dangling = tables["problems"].filter(pc.equal(tables["problems"]["kind"], "dangling-member")).to_pylist()
        dangling += [row for row in problems if row["kind"] == "dangling-member"]
        unknown = unknown_members(made, dangling, before, believed)
        problems += unknown
        made["completeness"] = doubtful_verdicts(made["completeness"], unknown)
    made["problems"] = frame("problems", _once(problems, tables["problems"]), also=[tables["problems"]])
    return made


class _Former(NamedTuple):
    """Accounts that are not listed any more and still named as members, and the aliases by which they are."""

    accounts: tuple[str, ...]
    aliases: pa.Table


def _still_named(tables: Tables, before: Mapping[str, pa.Table], believed: Collection[str]) -> _Former | None:
    listed, held = tables["accounts"]["account"].combine_chunks(), pc.unique(tables["grants"]["account"])
    lost = held.filter(pc.invert(pc.is_in(held, listed)))
    lost = lost.filter(pc.invert(pc.is_in(lost, _as_references(tables["aliases"])))) if len(lost) else lost
    if not len(lost):
        return None
    named = before["aliases"].filter(pc.is_in(_as_references(before["aliases"]), lost))
    problems = before["problems"]
    known = pa.concat_arrays(
        [
            before["accounts"]["account"].combine_chunks(),
            problems["subject"].filter(pc.equal(problems["kind"], _STILL_NAMED)).combine_chunks(),
        ]
    )
    ids = pc.unique(pa.concat_arrays([lost, named["id"].combine_chunks()]))
    gone = ids.filter(pc.and_(pc.is_in(ids, known), pc.invert(pc.is_in(ids, listed)))).to_pylist()
    found = sorted(one for one in gone if one.split(":", 1)[0] not in believed)
    return _Former(tuple(found), named.filter(pc.is_in(named["id"], pa.array(found, pa.string())))) if found else None


def _as_references(aliases: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise("ref", aliases["scheme"], aliases["value"], ":").combine_chunks()


def _named_yet(account: str) -> Row:
    return {
        "source": account.split(":", 1)[0],
        "locator": f"accounts {account}",
        "kind": _STILL_NAMED,
        "reason": f"{account} is not listed any more and still named as a member: findings about it stay open",
        "subject": account,
    }


class _Names(NamedTuple):
    """What things are called, ``ref:scheme:value`` for every alias that names one thing only, and their ids beside."""

    references: pa.Array
    ids: pa.Array

    def settled(self, wanted: pa.Array) -> pa.Array:
        """Return the id for each of some references; null for one that nothing is known by."""
        return self.ids.take(pc.index_in(wanted, self.references))


def _unique_aliases(aliases: pa.Table) -> _Names:
    counted = aliases.group_by(["scheme", "value"]).aggregate([("id", "count"), ("id", "min")])
    alone = counted.filter(pc.equal(counted["id_count"], 1))
    return _Names(_as_references(alone), alone["id_min"].combine_chunks())


def _settle_references(name: str, data: pa.Table, names: Callable[[], _Names], problems: list[Row]) -> pa.Table:
    table = TABLES[name]
    for column in table.columns:
        if not column.id:
            continue
        values = data[column.name].combine_chunks()
        is_ref = pc.fill_null(pc.starts_with(values, "ref:"), fill_value=False)
        if not pc.any(is_ref).as_py():
            continue
        wanted = pc.unique(values.filter(is_ref))
        looked_up = names().settled(wanted).take(pc.index_in(values, wanted))
        position = data.schema.get_field_index(column.name)
        failed = pc.and_(is_ref, pc.is_null(looked_up))
        problems += _unresolved(name, data.filter(failed), column.name)
        data = data.set_column(position, pa.field(column.name, pa.string()), pc.if_else(is_ref, looked_up, values))
        if table.requires(column):
            data = data.filter(pc.invert(failed))
    return data


def _unresolved(name: str, rows: pa.Table, column: str) -> list[Row]:
    key = TABLES[name].key
    concerned = _EDGES[name][1] if name in _EDGES else key[0]
    return [
        {
            "source": _source_of(row, name),
            "locator": f"{name} {' / '.join(str(row[k]) for k in key)} {column}",
            "kind": "dangling-member" if name in _EDGES else "unresolved",
            "reason": f"nothing read here is known as {row[column].removeprefix('ref:')}",
            "subject": row[concerned],
        }
        for row in rows.to_pylist()
    ]


def _source_of(row: Row, name: str) -> str:
    """Return the source that said so: the row's own, or that of the first of its ids that is one."""
    known = [row[c] for c in TABLES[name].ids if row[c] and not row[c].startswith("ref:")]
    return row.get("source") or (known[0].split(":", 1)[0] if known else name)


def _groups_among_members(grants: pa.Table, entitlements: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Take apart members that are accounts and members that turned out to be groups of another source."""
    is_group = pc.is_in(grants["account"], entitlements["entitlement"].combine_chunks())
    if not pc.any(is_group).as_py():
        return grants, empty("nesting")
    nested = [
        {
            "child": row["account"],
            "parent": row["entitlement"],
            "mode": row["mode"],
            "why": "member",
            "reach": "transitive",
            "native_id": row["native_id"],
            "mastered_in": row["mastered_in"],
            "removable": row["removable"],
            "why_not": row["why_not"],
        }
        for row in grants.filter(is_group).to_pylist()
    ]
    return grants.filter(pc.invert(is_group)), frame("nesting", nested)


def _synced_groups(aliases: pa.Table, entitlements: pa.Table) -> pa.Table:
    """Join a directory's group to its synced copy: holding the one is holding the other."""
    of_groups = aliases.filter(pc.is_in(aliases["id"], entitlements["entitlement"].combine_chunks()))
    by_sid = {row["value"]: row["id"] for row in of_groups.to_pylist() if row["scheme"] == "sid"}
    rows = [
        {
            "child": by_sid[row["value"]],
            "parent": row["id"],
            "mode": "assigned",
            "why": "synced-to",
            "reach": "transitive",
            "mastered_in": by_sid[row["value"]].split(":", 1)[0],
            "removable": False,
            "why_not": "the copy follows the group it is synced from",
        }
        for row in of_groups.to_pylist()
        if row["scheme"] == "on-premises-sid" and by_sid.get(row["value"], row["id"]) != row["id"]
    ]
    return frame("nesting", rows)


def _existing_ends(name: str, tables: Tables, problems: list[Row]) -> pa.Table:
    """Leave out edges to what no source has listed, and say so."""
    data = tables[name]
    accounts, entitlements = tables["accounts"]["account"], tables["entitlements"]["entitlement"]
    for column, known in zip(_EDGES[name], (accounts if name == "grants" else entitlements, entitlements), strict=True):
        there = pc.is_in(data[column], known.combine_chunks())
        if pc.all(there).as_py():
            continue
        problems += [
            {
                "source": row[column].split(":", 1)[0],
                "locator": f"{name} {row[_EDGES[name][0]]} / {row[_EDGES[name][1]]}",
                "kind": "dangling-member",
                "reason": f"{row[column]} was not listed by its source",
                "subject": row[_EDGES[name][1]],
            }
            for row in data.filter(pc.invert(there)).to_pylist()
        ]
        data = data.filter(there)
    return data


def _first_of_each(data: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Keep one row per key: two references may have turned out to be one thing."""
    if is_in_order(data, key):
        return data
    counted = data.append_column("row", pa.array(range(len(data)), pa.int64()))
    first = counted.group_by(list(key)).aggregate([("row", "min")])["row_min"]
    return data if len(first) == len(data) else data.take(first.sort())


def _once(problems: list[Row], known: pa.Table) -> list[Row]:
    """Leave out repeated problems of one place."""
    seen = {(p["source"], p["locator"], p["kind"]) for p in known.select(["source", "locator", "kind"]).to_pylist()}
    kept: list[Row] = []
    for row in problems:
        key = (row["source"], row["locator"], row["kind"])
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept
