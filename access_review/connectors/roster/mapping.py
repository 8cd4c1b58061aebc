"""The options of a roster that have parts: which column is what, and which word means what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from access_review.connectors import Source, no_value
from access_review.connectors.tabular import sheets
from access_review.connectors.tabular.instants import zone
from access_review.connectors.tabular.lacking import lacking, nearly
from access_review.connectors.tabular.sheets import Cells, Sheet, SheetOptions
from access_review.errors import ConnectorError, Mistake, RosterFault, WorkspaceError

Named = Annotated[str, Field(min_length=1)]
PersonKind = Literal["employee", "contractor", "agent"]


class _Option(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fixed(_Option):
    """The same value for every row, such as the client that a whole roster belongs to."""

    value: Named


class Reference(_Option):
    """A column that names another person: by id, by mail, or by name where exactly one person has it."""

    column: Named
    by: Literal["id", "mail", "name"] = "id"


Text = Named | tuple[Named, ...] | Fixed
"""A column; several, joined by a space; or a fixed value."""


class Mapped(_Option):
    """Columns of any file about people; every further name is an HR attribute."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Text]

    person: Named | tuple[Named, ...]
    starts: Named | None = None
    client: Text | None = None
    role: Text | None = None

    @property
    def attributes(self) -> Mapping[str, Text]:
        """The HR attributes, by name."""
        return self.__pydantic_extra__

    def ids(self) -> tuple[str, ...]:
        """Return the columns that together are a person's id."""
        return (self.person,) if isinstance(self.person, str) else self.person

    def sources(self) -> set[str]:
        """Return every column of the file that is used."""
        used: set[str] = set()
        for spec in [*(getattr(self, name) for name in type(self).model_fields), *self.attributes.values()]:
            match spec:
                case str():
                    used.add(spec)
                case tuple():
                    used.update(spec)
                case Reference():
                    used.add(spec.column)
        return used

    def slips(self) -> list[str]:
        """Return what is wrong with the names: an attribute that was surely meant as a column of ours."""
        known = list(type(self).model_fields)
        found = ["`columns`: an attribute without a name: give it one"] if "" in self.attributes else []
        for name in filter(None, self.attributes):
            meant = [_MEANT[name]] if _MEANT.get(name) in known else get_close_matches(name, known, 1, 0.85)
            if meant:
                found.append(f"`columns`: {name} is no column of ours: is {meant[0]} meant?")
        return found


class HistoryColumns(Mapped):
    """Columns of former assignments."""

    ends: Named | None = None


class RosterColumns(Mapped):
    """Columns of a roster."""

    name: Text | None = None
    mail: Named | None = None
    status: Named | None = None
    left_at: Named | None = None
    notified: Named | None = None
    shift_start: Named | None = None
    shift_end: Named | None = None
    manager: Named | Reference | None = None
    sponsor: Named | Reference | None = None
    purpose: Text | None = None
    data_class: Text | None = None
    approved_until: Named | None = None


_MEANT = {
    "id": "person",
    "employee_id": "person",
    "email": "mail",
    "e_mail": "mail",
    "start": "starts",
    "hired": "starts",
    "end": "left_at",
    "ends": "left_at",
    "left": "left_at",
    "last_day": "left_at",
    "left_at": "ends",
}


class Statuses(_Option):
    """The roster's own words for being active, on leave, or gone; written exactly so."""

    active: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def words(self) -> list[tuple[str, str]]:
        """Return each word with the status it means."""
        return [(word, name) for name in ("active", "leave", "left") for word in getattr(self, name)]


class Zones(_Option):
    """A column that names the place of work, and the IANA zone of each place."""

    column: Named
    map: dict[str, Named]


class Kinds(_Option):
    """A column that says what kind of person this is, and what each word means."""

    column: Named
    map: dict[str, PersonKind]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is done to every file of a roster: white space stripped, words for nothing made null, columns forgiven.

    ``words`` are the columns whose words the source file declares, and what it declares: those are taken as they stand.
    ``names`` are the columns of people's names.
    """

    strip: bool = False
    empty: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def clean(self, sheet: Sheet) -> Sheet:
        """Return the sheet with each cell null that holds a word for nothing."""
        rows = ((line, {c: self._cell(c, v) for c, v in row.items()}) for line, row in sheet.rows)
        return replace(sheet, rows=tuple(rows))

    def _cell(self, column: str, value: str | None) -> str | None:
        if value in self.words.get(column, ()):
            return value
        return no_value.something(value, self.empty, name=column in self.names)


class MalformedRoster(RosterFault):
    """A roster that is malformed, with the rows that can still be read: their mistakes are said with the others."""

    def __init__(self, mistakes: Sequence[Mistake], sheet: Sheet) -> None:
        whole = RosterFault.of(mistakes)
        super().__init__(whole.message, hint=whole.hint, mistakes=whole.mistakes)
        self.sheet = sheet


class RosterFile(_Option):
    """A tabular file and how to read it."""

    path: Named
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Named | None = None
    sheet: Named | None = None
    header_row: Annotated[int, Field(ge=1)] = 1
    footer: Annotated[int, Field(ge=0)] = 0
    records: Named | None = None
    number_ids: bool = False

    def rows(self, source: Source, used: set[str], *, ids: set[str], cleaning: "Cleaning") -> Sheet:
        """Read the file; raises ``RosterFault`` for what is malformed, empty, or lacks a column in use.

        Raises ``ConnectorError`` for an address that does not answer.
        """
        try:
            sheet = sheets.read(
                self.path, self._options(strip=cleaning.strip), folder=source.folder, ids=ids, wanted=used
            )
        except OSError as error:
            raise ConnectorError(source.name, f"{sheets.shown(self.path)}: {error.strerror or error}") from error
        except sheets.MalformedSheet as error:
            raise MalformedRoster(error.mistakes, cleaning.clean(error.sheet)) from error
        except WorkspaceError as error:
            raise RosterFault(error.message, hint=error.hint, mistakes=error.mistakes) from error
        if not sheet.rows:
            raise RosterFault.of([Mistake(sheet.file, 0, 0, "holds no rows", "an empty export is a failed one")])
        sheet = sheets.with_joined(sheet, used)
        absent = sorted(
            column
            for column in used
            if not sheet.has(column) and (column not in cleaning.optional or nearly(column, sheet, used))
        )
        if absent:
            line = self.header_row if sheet.rows[0][0] > 1 else 0
            raise RosterFault.of(lacking(sheet, line, absent, used))
        if torn := sheets.torn(sheet, used):
            raise RosterFault.of(torn)
        return cleaning.clean(sheet)

    def _options(self, *, strip: bool) -> SheetOptions:
        return SheetOptions(
            delimiter=self.delimiter,
            encoding=self.encoding,
            sheet=self.sheet,
            header_row=self.header_row,
            footer=self.footer,
            records=self.records,
            strip=strip,
            number_ids=self.number_ids,
        )


class Join(RosterFile):
    """Another file whose rows complete the main ones: ``on`` pairs columns of both, ``columns`` names what is taken."""

    on: Annotated[dict[Named, Named], Field(min_length=1)]
    columns: Annotated[dict[Named, Named], Field(min_length=1)]


class History(RosterFile):
    """A file of former assignments."""

    columns: HistoryColumns
    join: tuple[Join, ...] = ()


def read(row: Cells, spec: Text | None) -> str | None:
    """Return a value of a row as the option says; columns that hold nothing are left out."""
    match spec:
        case None:
            return None
        case Fixed():
            return spec.value
        case str():
            return row.get(spec)
        case tuple():
            return " ".join(filter(None, (row.get(column) for column in spec))) or None


def misfits(columns: Mapped, joins: Iterable[Join], statuses: Statuses | None) -> Iterator[str]:
    """Yield what does not fit together in a mapping: slips of the pen, targets mapped twice, statuses without words."""
    yield from columns.slips()
    mapped = set(columns.model_fields_set)
    for join in joins:
        yield from type(columns).model_validate({"person": columns.person, **join.columns}).slips()
        yield from (f"`join` {join.path}: {target} is mapped already" for target in join.columns if target in mapped)
        mapped |= join.columns.keys()
    if isinstance(columns, RosterColumns):
        if (columns.status is None) != (statuses is None):
            yield "`columns: status` and `statuses` go together"
        words = [word for word, _ in statuses.words()] if statuses else []
        yield from (f"`statuses`: {word!r} has two meanings" for word in sorted(set(words)) if words.count(word) > 1)


def zoneless(timezone: str | Zones | None) -> Iterator[str]:
    """Yield the names that are no IANA time zones."""
    names = [timezone] if isinstance(timezone, str) else sorted(set(timezone.map.values())) if timezone else []
    for name in names:
        try:
            zone(name)
        except ValueError as error:
            yield f"`timezone`: {error}"
