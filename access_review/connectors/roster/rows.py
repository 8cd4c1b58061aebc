"""One row of a roster, understood: pure, so a row in a test is enough."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from access_review.connectors import no_value
from access_review.connectors.no_value import NoDate
from access_review.connectors.roster.assignments import Spell
from access_review.connectors.roster.mapping import (
    HistoryColumns,
    Kinds,
    PersonKind,
    Reference,
    RosterColumns,
    Text,
    Zones,
    read,
)
from access_review.connectors.tabular import date_order, instants
from access_review.connectors.tabular.instants import UNKNOWN, Bounds, LastDayMeaning, Unreadable
from access_review.connectors.tabular.sheets import COMPOSED, Cells, heading_key


@dataclass(frozen=True, slots=True)
class RosterTerms:
    """How the cells of a roster are meant. ``words`` pairs the roster's statuses with ours."""

    dates: str | None = None
    zone: ZoneInfo | None = None
    places: Zones | None = None
    means: LastDayMeaning | None = None
    kind: PersonKind | Kinds = "employee"
    words: Mapping[str, str] = field(default_factory=dict)
    left_together: date | None = None


@dataclass(slots=True)
class _Entry:
    """One row being read; what cannot be used is noted in ``faults`` and left null."""

    terms: RosterTerms
    line: int
    row: Cells
    stored: Mapping[tuple[int, str], date]
    doubtful: Collection[tuple[int, str]] = ()
    faults: list[str] = field(default_factory=list)

    def note_types(self, columns: RosterColumns) -> None:
        """Note what a program wrote of a thing that it could not write: the row says less than it had to say."""
        typed = {column: text for column, text in self.row.items() if no_value.is_type_name(text)}
        for column in sorted(typed.keys() & columns.sources()) if typed else ():
            self.faults.append(f"{column} is the name of a type or a failed formula, not a value: {typed[column]!r}")

    def zone(self) -> ZoneInfo | None:
        """Return the zone of the place of work; unknown for a place that the map does not have."""
        if self.terms.places is None:
            return self.terms.zone
        name = self.terms.places.map.get(self.row.get(self.terms.places.column) or "")
        return instants.zone(name) if name else None

    def day(self, column: str) -> date | None:
        """Return a date as the file stores it, or as its text says."""
        text = self.row.get(column)
        if no_value.is_nothing_dated(text) or text is None:
            return None
        if (self.line, column) in self.doubtful:
            raise Unreadable(f"{date_order.EITHER}: {text!r}")
        if (stored := self.stored.get((self.line, column))) is not None:
            return stored
        if self.terms.dates is None:
            raise Unreadable(f"is text, and `dates` does not say how it is written: {text!r}")
        return instants.parse(text, self.terms.dates)

    def start(self, column: str | None) -> Bounds:
        return self._bounds(column, lambda value: instants.start(value, self.zone()))

    def until(self, column: str | None) -> datetime | None:
        """Return the latest that a date can mean, so that nothing is said to be late that may not be."""
        return self._bounds(column, lambda value: instants.until(value, self.zone())).latest

    def end(self, column: str | None, shift: tuple[str | None, str | None] = (None, None)) -> Bounds:
        means = self.terms.means or LastDayMeaning.END_OF_DAY
        hours = [self.hour(name) for name in shift]
        return self._bounds(
            column,
            lambda value: instants.end(value, self.zone(), means, shift_start=hours[0], shift_end=hours[1]),
        )

    def spell(
        self,
        first: str | None,
        last: str | None,
        shift: tuple[str | None, str | None] = (None, None),
        *,
        over: bool = False,
    ) -> tuple[Bounds, Bounds]:
        """Return when a spell starts and ends; one that ends before it starts is a fault, and nothing follows from it.

        Nor from one that is said to be ``over`` and to end never.
        """
        starts, ends = self.start(first), self.end(last, shift)
        if over and self._is_never(last):
            self.faults.append(f"{last} ({self.row.get(last or '')}) is never, and the status says it has come")
        if starts.known and ends.known and self._wall(last) < self._wall(first):
            said = f"{last} ({self.row.get(last or '')}) is before {first} ({self.row.get(first or '')})"
            self.faults.append(f"{said}: the row contradicts itself")
        return starts, ends

    def _is_never(self, column: str | None) -> bool:
        try:
            day = self.day(column) if column else None
        except Unreadable:
            return False
        return day is not None and no_value.no_date(day) is NoDate.END

    def _wall(self, column: str | None) -> datetime:
        """Return a date that was read before as the row has it: two of one row are of one clock."""
        day = self.day(column or "")
        if not isinstance(day, datetime):
            return datetime.combine(day or date.max, time.min)
        return day.replace(tzinfo=None)

    def _bounds(self, column: str | None, meaning: Callable[[date], Bounds]) -> Bounds:
        if column is None:
            return UNKNOWN
        try:
            value = self.day(column)
            return UNKNOWN if value is None else meaning(value)
        except Unreadable as error:
            self.faults.append(f"{column} {error}")
            return UNKNOWN

    def hour(self, column: str | None) -> time | None:
        text = self.row.get(column) if column else None
        if text is None:
            return None
        try:
            return instants.clock(text)
        except Unreadable as error:
            self.faults.append(f"{column} {error}")
            return None

    def native(self, columns: str | tuple[str, ...]) -> str | None:
        """Return the id, which several columns may only be together; where one of them lacks, all do."""
        if isinstance(columns, str):
            return self._id(columns)
        parts = [self._id(column) for column in columns]
        return COMPOSED.join(part or "" for part in parts) if None not in parts else None

    def _id(self, column: str) -> str | None:
        """Return an id; one with white space around it or invisible characters would never join, and is a fault."""
        text = self.row.get(column)
        if text is None:
            self.faults.append(f"{column} is empty: a row without an id")
        elif no_value.is_reckoned(text):
            self.faults.append(f"{column} is a number that was reckoned with, {text!r}: leading zeros may be lost")
        elif text != text.strip() or any(unicodedata.category(letter) in ("Cc", "Cf") for letter in text):
            self.faults.append(f"{column} has white space around it, or invisible characters: {text!r}")
        return text

    def word(self, column: str | None) -> str | None:
        if column is None:
            return None
        text = self.row.get(column)
        if text is None:
            self.faults.append(f"{column} is empty: no status")
            return None
        meant = self.terms.words.get(text) or self.terms.words.get(heading_key(text))
        if meant is None:
            near = [word for word in self.terms.words if word.casefold() == heading_key(text).casefold()]
            hint = f": is {near[0]!r} meant? A word counts as it is written" if near else ""
            self.faults.append(f"{column} is no known status: {text!r}{hint}")
        return meant

    def kind(self) -> str:
        kind = self.terms.kind
        if isinstance(kind, str):
            return kind
        text = self.row.get(kind.column)
        if text is None or text not in kind.map:
            self.faults.append(f"{kind.column} is no known kind: {text!r}")
            return "employee"  # the row is in quarantine by its fault, so nothing follows from the guess
        return kind.map[text]


def read_spell(
    line: int,
    row: Cells,
    stored: Mapping[tuple[int, str], date],
    columns: RosterColumns,
    terms: RosterTerms,
    doubtful: Collection[tuple[int, str]] = (),
) -> Spell:
    """Translate a row of the roster; ``doubtful`` are the cells, by line and column, whose date is not believed."""
    entry = _Entry(terms, line, row, stored, doubtful)
    native, word = entry.native(columns.person), entry.word(columns.status)
    shift = (columns.shift_start, columns.shift_end)
    entry.note_types(columns)
    starts, ends = entry.spell(columns.starts, columns.left_at, shift, over=word == "left")
    return Spell(
        line,
        native,
        word=word,
        starts=starts,
        ends=ends,
        name=read(row, columns.name),
        mail=read(row, columns.mail),
        kind=entry.kind(),
        client=read(row, columns.client),
        role=read(row, columns.role),
        attributes=attributes(row, columns.attributes),
        manager=_named(row, columns.manager),
        sponsor=_named(row, columns.sponsor),
        purpose=read(row, columns.purpose),
        data_class=read(row, columns.data_class),
        notified_at=entry.until(columns.notified),
        approved_until=entry.until(columns.approved_until),
        faults=tuple(entry.faults),
    )


def read_former_spell(
    line: int,
    row: Cells,
    stored: Mapping[tuple[int, str], date],
    columns: HistoryColumns,
    terms: RosterTerms,
    doubtful: Collection[tuple[int, str]] = (),
) -> Spell:
    """Translate a row of the history: an assignment that has ended, or will at the date it names."""
    entry = _Entry(terms, line, row, stored, doubtful)
    starts, ends = entry.spell(columns.starts, columns.ends)
    return Spell(
        line,
        entry.native(columns.person),
        word="left",
        starts=starts,
        ends=ends,
        client=read(row, columns.client),
        role=read(row, columns.role),
        attributes=attributes(row, columns.attributes),
        faults=tuple(entry.faults),
    )


def _named(row: Cells, spec: str | Reference | None) -> str | None:
    return read(row, spec.column if isinstance(spec, Reference) else spec)


def attributes(row: Cells, specs: Mapping[str, Text]) -> str | None:
    """Return the HR attributes of a row as canonical JSON, without those that are null; null where none are mapped."""
    if not specs:
        return None
    found = {name: value for name, spec in specs.items() if (value := read(row, spec)) is not None}
    return json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def folded(native: str) -> str:
    """Return an id without case and forms: two ids that are equal so are taken for one another."""
    return unicodedata.normalize("NFKC", native).translate(_TURKISH).casefold().strip()


# The capital of i and the small letter of I, where Turkish is written: what lists there make of one another.
_TURKISH = str.maketrans("\u0130\u0131", "ii")


def as_number(native: str) -> str:
    """Return what a spreadsheet makes of an id: 00123 is 123 to it, and 123.0 where it reckons."""
    number = re.fullmatch(r"0*(\d+)(?:\.0+)?", folded(native))
    return number[1] if number else folded(native)
