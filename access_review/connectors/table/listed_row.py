"""One row of an application's export, by what its columns hold, and how they are to be understood. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from access_review.connectors import no_value
from access_review.connectors.addresses import address
from access_review.connectors.classification import Classification
from access_review.connectors.no_value import NoDate
from access_review.connectors.same_name import folded
from access_review.connectors.table.columns import ELSEWHERE, IDS, ColumnWords, Filled, MarkedColumns
from access_review.connectors.tabular import date_order, instants
from access_review.connectors.tabular.instants import UNKNOWN, Bounds, Unreadable
from access_review.connectors.tabular.sheets import Cells, Sheet
from access_review.tables import Row, ref

TableRow = tuple[str, Row]
Reading = Callable[[date, ZoneInfo | None], Bounds]

_FOLDED = frozenset({"upn", "mail", "sam", "dn", "uid", "person-mail"})
"""Schemes whose values are compared without regard to case."""


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """How an export is to be understood; the meaning of each stands at ``table.connect``."""

    table: Filled
    columns: Mapping[str, str]
    composed: tuple[str, tuple[str, ...]] | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    kind: str = "human"
    entitlement_kind: str = "role"
    separator: str | None = None
    stable_id: bool = False
    dates: str | None = None
    zone: ZoneInfo | None = None
    enabled: ColumnWords = field(default_factory=ColumnWords)
    success: ColumnWords = field(default_factory=ColumnWords)
    managed: ColumnWords = field(default_factory=ColumnWords)
    approved: ColumnWords = field(default_factory=ColumnWords)
    never: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    classification: Classification = field(default_factory=Classification)
    matrix: MarkedColumns | None = None

    def things(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns of a matrix that are things, of all that a sheet has; none where it is no matrix."""
        if self.matrix is None:
            return ()
        parts = self.composed[1] if self.composed else ()
        return tuple(name for name in columns if name not in {*self.columns.values(), *parts, *self.matrix.apart})

    def scheme(self, name: str) -> str | None:
        """Return the alias scheme by which a column names something elsewhere; null when there is none."""
        return self.references.get(name) or ELSEWHERE.get(self.table, {}).get(name)


class LostError(Exception):
    """A row cannot be used at all; the message says why."""


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row of the sheet, read by what its columns hold. A cell that cannot be used is unknown and leaves a fault."""

    number: int
    cells: Cells
    sheet: Sheet
    terms: ListingTerms
    doubtful: Collection[tuple[int, str]] = ()
    faults: list[str] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    def written(self, name: str) -> str | None:
        """Return a cell as it stands; null when the column is not mapped or the cell empty."""
        column = self.terms.columns.get(name)
        return None if column is None else self.cells.get(column)

    def text(self, name: str) -> str | None:
        """Return a text; null when the column is not mapped or the cell holds nothing, or the name of a type."""
        return self.item(name, self.written(name))

    def item(self, name: str, value: str | None) -> str | None:
        """Return a value of a column, or of the list in one; null when it holds nothing, or the name of a type."""
        if no_value.is_type_name(value):
            self.typed.add(self.terms.columns[name])
            self._fault(f"{name} is the name of a type or a failed formula, not a value: {value!r}")
            return None
        said = no_value.something(value, self.terms.empty, name=name == "display_name")
        # Blanks around an id are nobody's choice. What is not blank and cannot be seen stays: it may be there to deceive.
        return said.strip() if said is not None and name in IDS else said

    def needed(self, name: str) -> str:
        """Return a text without which the row is lost."""
        value = self.text(name)
        if value is None:
            raise LostError(f"{name} ({self.terms.columns[name]}) is empty")
        return value

    def named(self, name: str) -> str:
        """Return what names something elsewhere: a reference by its alias, or its id where no scheme is set."""
        value, scheme = self.needed(name), self.terms.scheme(name)
        if scheme is None:
            return value
        return ref(scheme, folded(value) if scheme in _FOLDED else value)

    def flag(self, name: str, words: ColumnWords) -> bool | None:
        """Return yes, no, or null."""
        word = self.written(name)
        meant = None if word is None else words.read(word)
        if meant is None:  # a word that is declared is one, whatever it is elsewhere
            word = self.text(name)
        if word is None and words.blank and name in self.terms.columns:
            return True
        if word is not None and meant is None:
            self.unread.add(self.terms.columns[name])
            self.faults.append(f"{name} {word!r} is none of the words declared")
        return meant

    def marked(self, thing: str, matrix: MarkedColumns) -> bool:
        """Tell whether a mark says that a thing is held; one that nobody declared says nothing, and is a fault."""
        mark = self.cells.get(thing)
        if mark is None:
            return False
        meant = matrix.marks.get(mark.casefold())
        if meant is None and not no_value.is_nothing(mark, self.terms.empty):
            self.unread.add(thing)
            self._fault(
                f"{thing}: {mark!r} is no mark that is declared; put it under held or not_held, or the column apart"
            )
        return meant is True

    def address(self) -> str | None:
        """Return the address of a sign-in, null for what is none."""
        text = self.text("address")
        found = address(text)
        if text is not None and found is None:
            self._fault(f"address {text!r} is no IP address: it is unknown")
        return found

    def when(self, name: str, reading: Reading) -> Bounds:
        """Return between which instants something happened."""
        if name not in self.terms.columns:
            return UNKNOWN
        try:
            return self._when(name, reading)
        except Unreadable as error:
            self.unread.add(self.terms.columns[name])
            self._fault(f"{name} {error}")
            return UNKNOWN

    def _fault(self, message: str) -> None:
        if message not in self.faults:
            self.faults.append(message)

    def _when(self, name: str, reading: Reading) -> Bounds:
        value = self.moment(name)
        return UNKNOWN if value is None else _read(reading, value, self.terms.zone)

    def moment(self, name: str) -> date | None:
        """Return a date as the file stores it or its text says; null for none. Raises ``Unreadable``."""
        text = self.written(name)
        if text is None or text in self.terms.never or no_value.is_nothing_dated(text, self.terms.empty):
            return None
        if (self.number, self.terms.columns[name]) in self.doubtful:
            raise Unreadable(f"{date_order.EITHER}: {text!r}")
        stored = self.sheet.stored_dates.get((self.number, self.terms.columns[name]))
        if stored is not None:
            return stored
        if self.terms.dates is None:
            raise Unreadable("is text, and `dates` does not say how it is written")
        return instants.parse(text, self.terms.dates)

    def never(self, name: str) -> bool:
        """Tell whether a cell says *never*: by a word for it, or as the zero of a calendar."""
        written = self.written(name)
        if written in self.terms.never or no_value.is_never(written):
            return True
        try:
            value = self.moment(name) if name in self.terms.columns else None
        except Unreadable:
            return False
        return value is not None and no_value.no_date(value) is NoDate.ZERO

    def instant(self, name: str) -> datetime:
        """Return a time of day that the row cannot do without; in the hour a clock repeats, the earlier one."""
        self.needed(name)
        bounds = self.when(name, _time_of_day)
        if bounds.earliest is None:
            raise LostError(self.faults.pop() if self.faults else f"{name} is unknown")
        return bounds.earliest


@lru_cache(maxsize=100_000)
def _read(reading: Reading, value: date, zone: ZoneInfo | None) -> Bounds:
    """Read a date once, however many rows it stands in."""
    return reading(value, zone)


def _time_of_day(value: date, zone: ZoneInfo | None) -> Bounds:
    if not isinstance(value, datetime):
        raise Unreadable("has no time of day")
    if value.tzinfo is None and zone is None:
        raise Unreadable("has no time zone, and `timezone` names none")
    return instants.start(value, zone)
