"""Members that are nobody now where there was somebody: they may be who is missing, under another name.

Two exports of one directory are seldom of one moment: a unit that is renamed between them, or names that one of them cuts
short, leave groups full of names that nobody has. Whoever they were has lost nothing. Where few do, no finding about
their groups ends until the names are somebody again, or gone; where many do, the source is not read whole. Pure.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from access_review.connectors import emptied_groups, shrunk
from access_review.tables import Row

KIND = "unknown-member"
_DANGLING = "dangling-member"
EDGES = ("grants", "nesting")
"""The tables that say who is a member."""


def unknown_members(
    tables: Mapping[str, pa.Table],
    dangling: Sequence[Row],
    before: Mapping[str, pa.Table],
    believed: Collection[str],
) -> list[Row]:
    """Return a problem for each dangling member that may be one who is missing: its group has fewer than in the run ``before``.

    ``tables`` are settled. One that was such a member before is one still; of sources that are ``believed`` nobody is.
    """
    if not dangling:
        return []
    known, doubted = _places(before["problems"], _DANGLING), _places(before["problems"], KIND)
    rows = [row for row in dangling if row["subject"] and row["source"] not in believed]
    fresh = {row["subject"] for row in rows if _place(row) not in known}
    lessened = _lessened(fresh, tables, before)
    return [
        {
            **row,
            "kind": KIND,
            "reason": f"{row['reason']}, and who was a member is missing: findings about the group stay open",
        }
        for row in rows
        if _place(row) in doubted or (_place(row) not in known and row["subject"] in lessened)
    ]


def doubtful_verdicts(verdicts: pa.Table, problems: Sequence[Row]) -> pa.Table:
    """Return the verdicts on tables, those of sources incomplete of which too many members are nobody."""
    unknown = Counter((row["source"], row["locator"].split(" ", 1)[0]) for row in problems)
    if not unknown:
        return verdicts
    rows = verdicts.to_pylist()
    for row in rows:
        count, all_of_them = unknown[row["source"], row["subject"]], row["received"] or 0
        if row["complete"] and count > emptied_groups.FEW and count * 100 > all_of_them * (100 - shrunk.SHARE):
            row["complete"] = False
            row["reason"] = (
                f"{count:,} of {all_of_them:,} members are nobody that was read, and are missing since the last read: "
                f"were the files made at one time? If it is so, write `accept_fewer` and the day in sources/{row['source']}.yaml"
            )
    return pa.Table.from_pylist(rows, schema=verdicts.schema)


def _place(row: Row) -> tuple[str, str]:
    return row["source"], row["locator"]


def _places(problems: pa.Table, kind: str) -> frozenset[tuple[str, str]]:
    told = problems.filter(pc.equal(problems["kind"], kind)).select(["source", "locator"])
    return frozenset(_place(row) for row in told.to_pylist())


def _lessened(
    groups: Collection[str], tables: Mapping[str, pa.Table], before: Mapping[str, pa.Table]
) -> frozenset[str]:
    """Return the groups that have fewer members, who are known, than in the run before."""
    found: set[str] = set()
    for source in {group.split(":", 1)[0] for group in groups}:
        now, then = (
            emptied_groups.members(source, {name: [read[name]] for name in EDGES}) for read in (tables, before)
        )
        found |= {group for group in groups if now.get(group, 0) < then.get(group, 0)}
    return frozenset(found)
