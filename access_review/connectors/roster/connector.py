"""Rosters: HR's, contractors' and vendors' sheets, registers of AI agents.

A structural fault (an empty file, a row of another width, a column that is not
there) stops with every place named. A cell that cannot be used puts its row in
quarantine: the person's status is unknown and nothing is concluded. Above 1 % of
the rows, and more than one, the source is incomplete.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from access_review.changes import Capabilities, Mark
from access_review.connectors import Source, complete, incomplete, problem, shrunk
from access_review.connectors.file_marks import mark_locations
from access_review.connectors.roster.assignments import Spell
from access_review.connectors.roster.joining import Notes, joined
from access_review.connectors.roster.mapping import (
    Cleaning,
    History,
    Join,
    Kinds,
    MalformedRoster,
    Mapped,
    Named,
    PersonKind,
    Reference,
    RosterColumns,
    RosterFile,
    Statuses,
    Zones,
    misfits,
    zoneless,
)
from access_review.connectors.roster.people import RosterPeople, too_many
from access_review.connectors.roster.rows import RosterTerms, read_former_spell, read_spell
from access_review.connectors.tabular import date_order, freshness, instants
from access_review.connectors.tabular.instants import LastDayMeaning
from access_review.connectors.tabular.sheets import Sheet, ending, shown
from access_review.errors import Mistake, RosterFault, WorkspaceError
from access_review.tables import Row

Absence = Literal["unknown", "left-after-2-complete-reads"]
C = TypeVar("C", bound=Mapped)


AS_WRITTEN = Cleaning()
_DATED = ("starts", "ends", "left_at", "notified", "approved_until")


@dataclass(frozen=True, slots=True)
class Roster:
    """One roster, ready to be read. ``absence`` is what the snapshot makes of people who are no longer in it."""

    capabilities: ClassVar[Capabilities] = Capabilities(signs_in=False)
    recorded: ClassVar[bool] = True
    marks: ClassVar[bool] = True

    source: Source
    file: RosterFile
    columns: RosterColumns
    terms: RosterTerms
    join: tuple[Join, ...] = ()
    history: History | None = None
    absence: Absence = "unknown"
    max_age: timedelta | None = None
    cleaning: Cleaning = AS_WRITTEN
    open_end: bool = False

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield people, their assignments and aliases, the problems, and a verdict on each table.

        Raises ``RosterFault`` when the file, or one it is joined with, is
        malformed or empty; ``ConnectorError`` when it cannot be had.
        """
        try:
            sheet, columns, notes = self._read(self.file, self.columns, self.join)
        except MalformedRoster as error:
            raise RosterFault.of([*error.mistakes, *self._bad_cells(error.sheet)]) from error
        unclear = date_order.doubtful(sheet, _dated(columns), self.terms.dates)
        spells = [read_spell(line, row, sheet.stored_dates, columns, self.terms, unclear) for line, row in sheet.rows]
        people = RosterPeople.of(self.source, spells, as_of, self.terms.left_together)
        former, unused, history = self._former(people)
        rows = [*people.rows(columns), *people.assignments(former), *people.aliases()]
        yield from rows
        yield from self._problems(sheet, people, notes)
        for column, reason in people.strangers(columns):
            yield problem(self.source, f"{sheet.file}: {column}", "unresolved", reason)
        yield from unused
        old = freshness.stale(sheet, self.max_age, as_of)
        yield from freshness.verdict(self.source, old)
        cut = sheet.broken_off(open_end=self.open_end)
        torn = None if history is None else history.broken_off(open_end=self.open_end)
        stopped = too_many(len(people.faults), len(sheet.rows), "rows") or cut or old
        gaps = too_many(
            sum(row["kind"] == "unusable" for _, row in unused), len(former) + len(unused), "former assignments"
        )
        counts = Counter(table for table, _ in rows)
        for name in ("people", "assignments", "aliases"):
            count = counts[name]
            why = stopped or ((gaps or torn) if name == "assignments" else None)
            yield incomplete(self.source, name, why, received=count) if why else complete(self.source, name, count)
        listed = {f"{shrunk.FILE}{history.file} (history)": len(history.rows)} if history else {}
        yield shrunk.sizes(self.source, sheet.sizes(columns.sources()) | listed)

    def _bad_cells(self, sheet: Sheet) -> Iterator[Mistake]:
        """Yield the cells that cannot be used in a file that is malformed besides: whoever mends it mends both."""
        if sheet.file != shown(self.file.path) or not all(map(sheet.has, self.columns.sources())):
            return
        for line, row in sheet.rows:
            for fault in read_spell(line, row, sheet.stored_dates, self.columns, self.terms).faults:
                yield Mistake(sheet.file, line, 0, fault)

    def mark(self, before: Mark) -> Mark:
        """Return the mark of its files."""
        history = (self.history, *self.history.join) if self.history else ()
        files = (self.file, *self.join, *history)
        return mark_locations(self.source.folder, (one.path for one in files), before)

    def _read(self, file: RosterFile, columns: C, join: tuple[Join, ...]) -> tuple[Sheet, C, Notes]:
        """Read a file and what is joined to it; return the columns with those that came by joining."""
        keys = {column for other in join for column in other.on}
        ids = {*columns.ids(), *keys}
        for name in ("manager", "sponsor"):
            spec = getattr(columns, name, None)
            if isinstance(spec, str) or (isinstance(spec, Reference) and spec.by == "id"):
                ids.add(spec if isinstance(spec, str) else spec.column)
        used = columns.sources() | keys
        if file is self.file:
            used |= {part.column for part in (self.terms.places, self.terms.kind) if isinstance(part, Zones | Kinds)}
        sheet = file.rows(self.source, used, ids=ids, cleaning=self.cleaning)
        notes = Notes()
        for number, other in enumerate(join, 1):
            found = other.rows(
                self.source,
                {*other.on.values(), *other.columns.values()},
                ids=set(other.on.values()),
                cleaning=self.cleaning,
            )
            sheet, taken = joined(sheet, found, other, f"\N{RIGHTWARDS ARROW}{number} ", notes, {*columns.ids()})
            columns = type(columns).model_validate({**columns.model_dump(exclude_none=True), **taken})
        return sheet, columns, notes

    def _former(self, people: RosterPeople) -> tuple[list[Spell], list[tuple[str, Row]], Sheet | None]:
        """Read the former assignments; those of nobody in the roster, or that cannot be used, become problems."""
        if self.history is None:
            return [], [], None
        sheet, columns, notes = self._read(self.history, self.history.columns, self.history.join)
        spells, unused = [], []
        unclear = date_order.doubtful(sheet, _dated(columns), self.terms.dates)
        for line, row in sheet.rows:
            spell = read_former_spell(line, row, sheet.stored_dates, columns, self.terms, unclear)
            place = f"{sheet.file}:{line} (history)"
            if spell.faults:
                who = people.id_if_known(spell.native)
                unused.append(problem(self.source, place, "unusable", "; ".join(spell.faults), who))
            elif spell.native not in people.spells:
                unused.append(problem(self.source, place, "unresolved", f"{spell.native} is not in {self.file.path}"))
            else:
                spells.append(spell)
        unused += [
            problem(self.source, f"{sheet.file}:{line} (history, joined)", "unresolved", "; ".join(reasons))
            for line, reasons in notes.lines.items()
        ]
        unused += [
            problem(self.source, f"{place} (history)", "unresolved", reason) for place, reason in notes.strangers
        ]
        return spells, unused, sheet

    def _problems(self, sheet: Sheet, people: RosterPeople, notes: Notes) -> Iterator[tuple[str, Row]]:
        for kind, found in (("quarantined", people.faults), ("unresolved", notes.lines)):
            for line, reasons in sorted(found.items()):
                person = people.id_if_known(people.natives[line])
                yield problem(self.source, f"{sheet.file}:{line}", kind, "; ".join(reasons), person)
        for place, reason in notes.strangers:
            yield problem(self.source, place, "unresolved", reason)
        yield from self._homeless(sheet)

    def _homeless(self, sheet: Sheet) -> Iterator[tuple[str, Row]]:
        """Yield a problem for each place of work that the map of time zones does not have."""
        places = self.terms.places
        if places is None:
            return
        for place in sorted({row.get(places.column) or "" for _, row in sheet.rows} - places.map.keys()):
            reason = f"{places.column} {place!r} has no time zone: times there are known to 26 hours only"
            yield problem(self.source, f"{sheet.file}: {places.column} {place}", "unresolved", reason)


def connect(
    source: Source,
    *,
    path: Named,
    columns: RosterColumns,
    timezone: Named | Zones | None = None,
    dates: Named | None = None,
    statuses: Statuses | None = None,
    left_at_means: LastDayMeaning | None = None,
    left_together: date | None = None,
    kind: PersonKind | Kinds = "employee",
    join: tuple[Join, ...] = (),
    history: History | None = None,
    absence: Absence = "unknown",
    max_age: freshness.Age | None = None,
    strip: bool = False,
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None,
    encoding: Named | None = None,
    sheet: Named | None = None,
    header_row: Annotated[int, Field(ge=1)] = 1,
    footer: Annotated[int, Field(ge=0)] = 0,
    records: Named | None = None,
    number_ids: bool = False,
    empty: tuple[Named, ...] = (),
    optional: tuple[Named, ...] = (),
    open_end: bool = False,
) -> Roster:
    """Take up a roster: a CSV, XLSX, JSON or Parquet file, at a path or any fsspec URL.

    ``columns`` says which column is what: ``person`` (the id), ``name`` (one, or
    several to be joined), ``mail, status, starts, left_at, notified, client,
    role, manager, sponsor, shift_start, shift_end``; for agents ``purpose,
    data_class, approved_until``. Every other name is an HR attribute. ``dates``
    is a ``strptime`` form, ``timezone`` one IANA zone or a column and a map,
    ``left_at_means`` what a last day is. ``empty`` lists what stands for an empty
    cell in any column, beside the usual (``N/A``, ``NULL``, ``-`` …). ``optional`` lists columns that a JSON
    export leaves out when nobody has a value. ``number_ids`` takes the ids of a workbook that stores them as whole
    numbers, which has lost the zeros before them. ``open_end`` says that the program never ends its last line, which
    otherwise means that the file was cut. ``left_together`` is the day on which more than half of a roster without
    statuses truly left. Raises ``WorkspaceError`` with every option that does not fit the others.
    """
    wrong = [
        *misfits(columns, join, statuses),
        *(misfits(history.columns, history.join, None) if history else ()),
        *zoneless(timezone),
        *_undated(path, columns, history, dates, left_at_means),
    ]
    if wrong:
        place = f"sources/{source.name}.yaml"
        raise WorkspaceError.of([Mistake(place, 0, 0, message) for message in wrong])
    file = RosterFile(
        path=path,
        delimiter=delimiter,
        encoding=encoding,
        sheet=sheet,
        header_row=header_row,
        footer=footer,
        records=records,
        number_ids=number_ids,
    )
    zone = instants.zone(timezone) if isinstance(timezone, str) else None
    places = timezone if isinstance(timezone, Zones) else None
    words = dict(statuses.words()) if statuses else {}
    terms = RosterTerms(dates, zone, places, left_at_means, kind, words, left_together)
    cleaning = Cleaning(
        strip, frozenset(empty), frozenset(optional), _declared_words(columns, words, kind, places), _names(columns)
    )
    return Roster(source, file, columns, terms, join, history, absence, freshness.span(max_age), cleaning, open_end)


def _declared_words(
    columns: RosterColumns, statuses: Mapping[str, str], kind: PersonKind | Kinds, places: Zones | None
) -> dict[str, frozenset[str]]:
    """Return the words that the source file declares, by column."""
    maps = [(part.column, part.map) for part in (kind, places) if isinstance(part, Kinds | Zones)]
    words: dict[str, frozenset[str]] = {columns.status: frozenset(statuses)} if columns.status else {}
    for column, meanings in maps:
        words[column] = words.get(column, frozenset()) | frozenset(meanings)
    return words


def _names(columns: RosterColumns) -> frozenset[str]:
    match columns.name:
        case str() as column:
            return frozenset({column})
        case tuple() as several:
            return frozenset(several)
        case _:
            return frozenset()


def _dated(columns: Mapped) -> list[str]:
    """Return the columns of dates that are used."""
    return [column for target in _DATED if (column := getattr(columns, target, None))]


def _undated(
    path: str, columns: RosterColumns, history: History | None, dates: str | None, means: LastDayMeaning | None
) -> Iterator[str]:
    """Yield what must be said about dates before any can be read."""
    if dates is not None and not instants.is_form(dates):
        yield f"`dates`: {dates!r} is no strptime form with year, month and day"
    if means is None and (columns.left_at or (history and history.columns.ends)):
        yield f"`left_at_means` must say what a last day is: {', '.join(LastDayMeaning)}"
    if means is not LastDayMeaning.END_OF_SHIFT and (columns.shift_start or columns.shift_end):
        yield f"`shift_start` and `shift_end` are only used where `left_at_means` is {LastDayMeaning.END_OF_SHIFT}"
    files = [(path, columns), *([(history.path, history.columns)] if history else [])]
    for name, mapped in files:
        dated = any(_dated(mapped))
        if dates is None and dated and ending(name) not in (".xlsx", ".xlsm", ".parquet"):
            yield f"`dates` must say how dates are written in {shown(name)}"
