"""Groups that hold fewer than when they were read last: nobody, less than half, or more than a few less.

One page that came back empty among many is a page like any other, and so is a group of which a collector was shown
no member: only what was there before tells. What makes a source of files doubtful is the measure of a batch, which may
not take so many from a group either. Of a smaller loss, and of a live source, which somebody may well have tidied up,
a second read decides: until then no finding about the group ends. One place for every connector. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

MEMBERS = "members:"
"""How the names of what is counted begin where it is the direct members of one group or role."""

FEW = 3
"""As many members may go from any group on any day."""

SHARE = 90
"""Percent of a group's members that must be there for findings about it to end at once, where more than a few are gone."""

_NAMED = 5


class LessHeld(NamedTuple):
    """By group or role, how many members it has and had.

    ``doubted`` are those not believed, ``told`` those that somebody is told of, and ``unsettled`` those about which no
    finding ends before another read says the same.
    """

    doubted: Mapping[str, tuple[int, int]]
    told: Mapping[str, tuple[int, int]]
    unsettled: Mapping[str, tuple[int, int]]


NOTHING_LESS = LessHeld({}, {}, {})


def members(source: str, tables: Mapping[str, Sequence[pa.Table]]) -> dict[str, int]:
    """Return how many direct members each group and role of a source has."""
    found: dict[str, int] = {}
    held = [(part, "entitlement") for part in tables["grants"]]
    # A group synced from elsewhere is no member of its origin: that edge is added after all was read.
    held += [(part.filter(pc.equal(part["why"], "member")), "parent") for part in tables["nesting"]]
    for part, column in held:
        for counts in pc.value_counts(part[column].filter(pc.starts_with(part[column], f"{source}:"))).to_pylist():
            found[counts["values"]] = found.get(counts["values"], 0) + counts["counts"]
    return found


def remembered(source: str, tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Return what the next read is compared with; a group of one is empty on any day."""
    found = members(source, {name: [tables[name]] for name in ("grants", "nesting")})
    return {f"{MEMBERS}{one}": count for one, count in found.items() if count > 1}


def compared(
    source: str, last: Mapping[str, int], tables: Mapping[str, Sequence[pa.Table]], *, live: bool = False
) -> LessHeld:
    """Return the groups that lost members, save those that lost a few and have some left.

    One that is gone itself was deleted, unless the source lists only what somebody holds, or most are gone at once: then
    they are called otherwise, or were not read. Of a ``live`` source none is
    doubted: the next read asks the system again, where the next export may be the same file.
    """
    then = {what.removeprefix(MEMBERS): count for what, count in last.items() if what.startswith(MEMBERS)}
    if not then:
        return NOTHING_LESS
    now = members(source, tables)
    less = {one: (now.get(one, 0), had) for one, had in then.items() if now.get(one, 0) * 100 < had * SHARE}
    listed = {one for part in tables["entitlements"] for one in part["entitlement"].to_pylist()} if less else set()
    only_held = listed <= now.keys()
    gone = less.keys() - listed
    renamed = gone if len(gone) > FEW and len(gone) * 2 > len(then) else set()
    many = {one: (have, had) for one, (have, had) in less.items() if had - have > FEW and (one in listed or only_held)}
    most = {one: both for one, both in less.items() if one in renamed or (one in many and both[0] * 2 < both[1])}
    emptied = {one: both for one, both in less.items() if not both[0] and one not in most}
    doubted, told = ({}, emptied | most) if live else (most, emptied)
    return LessHeld(doubted, told, {one: both for one, both in (emptied | many).items() if one not in doubted})


def sentence(groups: Mapping[str, tuple[int, int]]) -> str:
    """Say of groups how many members they have and had."""
    shown = [f"{one} has {now:,} of {then:,} members" for one, (now, then) in sorted(groups.items())[:_NAMED]]
    more = [f"and {len(groups) - _NAMED:,} more"] if len(groups) > _NAMED else []
    return ", ".join(shown + more)
