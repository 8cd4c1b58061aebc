"""A source that holds much less than it did: read without a fault, and not believed until somebody accepts it.

A file of which whole rows are gone, or whole cells, is as well-formed as one that lost nothing, so only what was
there before tells. What has fewer than :data:`SHARE` percent of it makes its source incomplete: nothing is concluded
from what it does not show. One place for every connector, third-party ones included. Pure.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review.connectors import (
    WHOLE_SOURCE,
    Source,
    complete,
    emptied_groups,
    incomplete,
    problem,
    renamed_accounts,
    stating,
)
from access_review.connectors.emptied_groups import NOTHING_LESS, LessHeld
from access_review.connectors.own_removals import EXPLAINED, LastRead, explanation
from access_review.connectors.renamed_accounts import Renamed
from access_review.tables import TABLES, Row

SHARE = 90
"""Percent of what was read last that must be there."""

SHRUNK = "part:shrunk"
"""The subject of a verdict that says, as canonical JSON, of what there is too little: the numbers now and then."""

SIZES = "part:sizes"
"""The subject of a verdict that says, as canonical JSON, how much single files hold, and columns, in thousandths."""

EMPTIED = "part:emptied groups"
"""The subject of a verdict that names groups in which nobody is any more: too few were in them to doubt the source."""

FIRST = "part:first-read"
"""The subject of a verdict that says that there was nothing to compare with."""

TOLD = (FIRST, EMPTIED, EXPLAINED)
"""What people are told of a source that is complete all the same."""

FILE, OBJECTS, CELLS, VIA = "file:", "objects:", "cells:", "grants by "
"""How the names of what is counted beside tables begin: rows of a file, objects in one, cells of a column, grants of a way."""

_IDS = "ids:accounts"

_MEMBERSHIPS = ("grants", "nesting")

_PEOPLES = f"{OBJECTS}accounts besides those of computers"

AHEAD = timedelta(days=7)
"""How long after it was written an acceptance may hold: one without end would switch the guard off."""

# Logs hold what happened in their span and not what there is; an object has several names; the last two are of the reading.
_NOT_KEPT = frozenset({"signins", "activity", "tickets", "granters", "training", "aliases", "problems", "completeness"})
_CARRYING = frozenset({"people", "accounts", "entitlements"})
# What accounts are matched by, and what decides whether they are open. A column that was half empty says little.
_COLUMNS = {"accounts": ("mail", "employee_id", "principal_name", "enabled"), "people": ("mail", "name", "manager")}
_HALF = 500
# One account that is deleted, with the few things it held, is what any day brings to a small system.
_ORDINARY_OBJECTS, _ORDINARY_ROWS = 1, 3


def sizes(source: Source, found: Mapping[str, int]) -> tuple[str, Row]:
    """Return the verdict that says how much files and columns of a source hold."""
    return _said(source, SIZES, dict(found))


def _said(source: Source, subject: str, what: Mapping[str, Any]) -> tuple[str, Row]:
    table, row = stating(complete(source, subject, 0), what)
    return table, {**row, "received": None}


def thousandths(filled: int, rows: int) -> int:
    """Return the share of a column's cells that say something."""
    return filled * 1000 // rows if rows else 0


def filled(tables: Mapping[str, Sequence[pa.Table]]) -> dict[str, int]:
    """Return how filled the columns are that much rests on, how many accounts there are, and how many grants of each way."""
    found: dict[str, int] = {}
    for table, columns in _COLUMNS.items():
        rows = sum(map(len, tables[table]))
        for column in columns if rows else ():
            empty = sum(part[column].null_count for part in tables[table])
            found[f"{CELLS}{table}.{column}"] = thousandths(rows - empty, rows)
    # Computers are many and come and go, and hardly anybody's absence shows among them.
    for part in tables["accounts"]:
        for counts in pc.value_counts(part["kind"]).to_pylist():
            if counts["values"] != "computer":
                found[_PEOPLES] = found.get(_PEOPLES, 0) + counts["counts"]
    # Everybody has a primary group, so that memberships may be lost by the dozen and hardly show among all grants.
    for part in tables["grants"]:
        for counts in pc.value_counts(part["via"]).to_pylist():
            way = f"{VIA}{counts['values'] or ''}"
            found[way] = found.get(way, 0) + counts["counts"]
    return found


def is_compared(subject: str) -> bool:
    """Tell whether the number of a subject's rows is held against that of the last read."""
    return subject in TABLES and subject not in _NOT_KEPT


def sized(source: Source, made: Mapping[str, Sequence[pa.Table]]) -> list[Row]:
    """Return the verdicts on what was read of a source, with one that says how much files and columns of it hold."""
    said = [row for part in made["completeness"] for row in part.to_pylist()]
    own = [row for row in said if row["subject"] == SIZES]
    found = filled(made) | (json.loads(own[0]["reason"]) if own else {})
    return [*(row for row in said if row not in own), *([sizes(source, found)[1]] if found else [])]


def counted(verdicts: Iterable[Mapping[str, Any]], *, accepted: bool = True) -> dict[str, int]:
    """Return what one source held: the tables that were read whole, or shrunk and were ``accepted``.

    Files and columns count where every table did: of a file that was cut they say what is left of it.
    """
    rows = list(verdicts)
    shrunk = _is_shrunk(rows)
    compared = [row for row in rows if is_compared(row["subject"])]
    good = [row for row in compared if row["complete"] or (shrunk and accepted)]
    found = {row["subject"]: row["received"] for row in good if row["received"] is not None}
    return found | (_sizes(rows) if good and len(good) == len(compared) else {})


def _sizes(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {what: count for row in rows if row["subject"] == SIZES for what, count in json.loads(row["reason"]).items()}


def compared(
    source: Source,
    made: Mapping[str, Sequence[pa.Table]],
    last: LastRead,
    *,
    on: date,
    accepted: date | None,
    live: bool,
) -> tuple[list[Row], list[Row]]:
    """Return the verdicts on a source, what was read of it held against what it held before, less what batches took of it.

    With them go problems: the groups about which no finding ends before another read says the same.
    """
    verdicts = [*sized(source, made)]
    verdicts += _unsaid(source, verdicts, last.counts, gone=is_accepted(accepted, on))
    known = last.accounts() if last.accounts and not is_accepted(accepted, on) else None
    renamed = None if known is None else renamed_accounts.compared(known, made["accounts"])

    def against(counts: Mapping[str, int]) -> tuple[list[Row], list[Row]]:
        held = emptied_groups.compared(source.name, counts, made, live=live)
        if is_accepted(accepted, on) or _is_unread(verdicts):
            held = NOTHING_LESS
        found = noticed(source, verdicts, counts, on=on, accepted=accepted, live=live, held=held, renamed=renamed)
        return found, [_unsettled(source, group, *numbers) for group, numbers in held.unsettled.items()]

    left = last.explained(made, (FILE, OBJECTS))
    found, groups = against(left)
    if left is last.counts or _is_shrunk(found) or not _is_shrunk(against(last.counts)[0]):
        return found, groups
    return [*found, *explanation(source, last.removed, made)], groups


def _unsaid(source: Source, verdicts: Sequence[Row], last: Mapping[str, int], *, gone: bool) -> list[Row]:
    """Return the verdicts on tables that were read last and of which nothing is said now: they are incomplete, or ``gone``."""
    said = {row["subject"] for row in verdicts}
    if WHOLE_SOURCE in said:
        return []
    unsaid = sorted(
        (table, count) for table, count in last.items() if count and is_compared(table) and table not in said
    )
    hint = f"is a file gone? If it is on purpose, write `accept_fewer` and the day in sources/{source.name}.yaml"
    return [
        (
            complete(source, table, 0)
            if gone
            else incomplete(source, table, f"nothing was read of it, where {count:,} were read last: {hint}")
        )[1]
        for table, count in unsaid
    ]


def _unsettled(source: Source, group: str, now: int, then: int) -> Row:
    said = f"has {now:,} of the {then:,} members that were read last: findings about it stay open until another read says so too"
    return problem(source, f"members of {group}", "fewer-members", said, group)[1]


def is_accepted(accepted: date | None, on: date) -> bool:
    """Tell whether a source file accepts on a day that there is less."""
    return accepted is not None and on <= accepted <= on + AHEAD


def _is_unread(verdicts: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether memberships were not read whole anyway: then those that are missing say nothing more."""
    return any(not row["complete"] and row["subject"] in _MEMBERSHIPS for row in verdicts)


def _is_shrunk(verdicts: Iterable[Mapping[str, Any]]) -> bool:
    return any(row["subject"] == SHRUNK for row in verdicts)


def noticed(
    source: Source,
    verdicts: Sequence[Row],
    last: Mapping[str, int],
    *,
    on: date,
    accepted: date | None = None,
    live: bool = False,
    held: LessHeld = NOTHING_LESS,
    renamed: Renamed | None = None,
) -> list[Row]:
    """Return the verdicts on a source, those of what shrunk turned into incomplete ones.

    Too few objects, or too little in a file or column, make every table doubtful: what refers to them is gone with
    them. ``last`` is how much there was; ``accepted`` the day up to which the source file accepts less. Of a
    ``live`` source only objects are compared: people take memberships from it, and seldom an object. Of a table that
    is and was empty nothing is gone. ``held`` are the groups that hold less than they did, ``renamed`` the accounts that have other ids.
    """
    if not last:
        return [*verdicts, _first_read(source)]
    if is_accepted(accepted, on):
        return list(verdicts)
    short = _Shortage(_less(verdicts, last, live=live), held.doubted, renamed)
    told = _told(source, held.told)
    if short.is_none:
        return [*verdicts, *told]
    hint = f"look whether the export is whole; if it is, write `accept_fewer: {on}` in sources/{source.name}.yaml"
    reason = f"{short.sentence}: {hint}"
    found = [
        {**row, "complete": False, "reason": reason, "expected": last.get(row["subject"])}
        if row["complete"]
        and short.makes_doubtful(row["subject"])
        and not (row["received"] == 0 == last.get(row["subject"]))
        else row
        for row in verdicts
    ]
    return [*told, *found, _said(source, SHRUNK, short.numbers)[1]]


@dataclass(frozen=True, slots=True)
class _Shortage:
    """Of what there is too little, each with how much there is now and was then.

    ``less`` is by table, file or column, ``groups`` by group; ``renamed`` are accounts that have other ids.
    """

    less: Mapping[str, tuple[int, int]]
    groups: Mapping[str, tuple[int, int]]
    renamed: Renamed | None

    @property
    def is_none(self) -> bool:
        """Whether there is enough of everything."""
        return not self.less and not self.groups and not self.renamed

    @property
    def sentence(self) -> str:
        """What is too little, for people."""
        parts = [_sentence(what, *numbers) for what, numbers in sorted(self.less.items())]
        if self.groups:
            parts.append(f"{emptied_groups.sentence(self.groups)}: were their members read?")
        if self.renamed:
            parts.append(renamed_accounts.sentence(self.renamed))
        return "; ".join(parts)

    @property
    def numbers(self) -> Mapping[str, Sequence[int]]:
        """The same as numbers."""
        numbers = {**self.less, **{f"{emptied_groups.MEMBERS}{one}": both for one, both in self.groups.items()}}
        if self.renamed:
            numbers[_IDS] = self.renamed[:2]
        return {what: list(both) for what, both in numbers.items()}

    def makes_doubtful(self, subject: str) -> bool:
        """Tell whether a table may lack something for it: where objects are gone, so is all that refers to them."""
        everything = self.renamed is not None or any(
            what in _CARRYING or what.startswith((FILE, OBJECTS, CELLS)) for what in self.less
        )
        tables = {"grants" if what.startswith(VIA) else what for what in self.less}
        tables |= {*_MEMBERSHIPS} if self.groups else set()
        return subject in tables or (everything and subject in TABLES)


def _first_read(source: Source) -> Row:
    said = "read for the first time: what there should be is not known, so what the files lack is not noticed"
    _, verdict = complete(source, FIRST, 0)
    return {**verdict, "received": None, "reason": said}


def _less(verdicts: Sequence[Row], last: Mapping[str, int], *, live: bool) -> dict[str, tuple[int, int]]:
    """Return of what there is too little."""
    rows = counted(verdicts, accepted=False) | _sizes(verdicts)
    return {
        what: (now, last[what])
        for what, now in rows.items()
        if what in last and (what in _CARRYING or what.startswith(OBJECTS) or not live)
        if now * 100 < last[what] * SHARE and not _is_ordinary(what, now, last[what], max(rows.values()))
    }


def _told(source: Source, groups: Mapping[str, tuple[int, int]]) -> list[Row]:
    if not groups:
        return []
    reason = f"{emptied_groups.sentence(groups)}: findings about them stay open until another read says so too"
    return [incomplete(source, EMPTIED, reason)[1]]


def _is_ordinary(what: str, now: int, then: int, rows: int) -> bool:
    """Tell whether so little is missing that it says nothing."""
    if what.startswith(CELLS):
        return then < _HALF or (then - now) * rows <= _ORDINARY_ROWS * 1000
    objects = what in _CARRYING or what.startswith(OBJECTS)
    return then - now <= (_ORDINARY_OBJECTS if objects else _ORDINARY_ROWS)


def _sentence(what: str, now: int, then: int) -> str:
    if what.startswith(CELLS):
        column = what.removeprefix(CELLS)
        return f"{column} is filled in {now / 10:g} % of the rows where it was in {then / 10:g} %"
    return f"{what.removeprefix(FILE).removeprefix(OBJECTS)} shrunk: {now:,} where {then:,} were read last, fewer than {SHARE} %"
