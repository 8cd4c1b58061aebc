"""Tabular files, read strictly: CSV, XLSX, JSON and Parquet, from a path or any fsspec URL.

Every value becomes text (or null where empty), so ``00123``, ``1E5`` and ``NO``
stay what they are. A structural fault stops the read, and every place is named.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from access_review.connectors import no_value, shrunk
from access_review.connectors.tabular import cells, delimited, no_rows, workbook
from access_review.connectors.tabular.cells import Raw
from access_review.connectors.tabular.records import read_json, read_parquet
from access_review.errors import Mistake, WorkspaceError
from access_review.guarded_files.plain import followed, read_plain

LARGEST = 2**30
"""Bytes of one file. A roster of a million people is a fifth of it."""

COMPOSED = " | "
"""What stands between the parts of an id that several columns are together."""

Cells = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under headings.

    ``rows`` pairs each row with its line: of the file (CSV, the first of the
    record), of the sheet (XLSX), or the number of the record from 1 (JSON,
    Parquet). ``stored_dates`` holds the cells, by line and column, that the file
    itself stores as dates or times (their text is ISO 8601); a midnight
    without a zone is a bare ``date``. ``numbers`` are the columns of a workbook in which some cell is stored as a number.
    ``modified`` is the file's age in UTC,
    null where the storage does not tell.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Cells], ...]
    stored_dates: Mapping[tuple[int, str], date] = field(default_factory=dict)
    modified: datetime | None = None
    cut: str = ""
    """The file whose last line does not end: this one, or one that was joined to it."""
    more: str = ""
    """How this file, or one that was joined to it, says that there is more than it holds."""
    numbers: frozenset[str] = frozenset()

    def broken_off(self, *, open_end: bool = False) -> str | None:
        """Say that the file may be the beginning of one only, or nothing; ``open_end`` is a last line that never ends."""
        cut = f"the last line of {self.cut} does not end: was the file cut?" if self.cut and not open_end else ""
        return "; ".join(filter(None, (self.more, cut))) or None

    def has(self, column: str) -> bool:
        """Tell whether a column exists; below a list or object that is empty everywhere, any path does."""
        parts = column.split(".")
        return any(".".join(parts[:length]) in self.columns for length in range(len(parts), 0, -1))

    def sizes(self, columns: Iterable[str], empty: Collection[str] = ()) -> dict[str, int]:
        """Return how many rows there are, and how filled some columns."""
        return {f"{shrunk.FILE}{self.file}": len(self.rows)} | {
            f"{shrunk.CELLS}{column}": shrunk.thousandths(
                sum(not no_value.is_nothing(cells.get(column), empty) for _, cells in self.rows), len(self.rows)
            )
            for column in sorted(set(columns))
        }


def with_listed(sheet: Sheet, column: str) -> Sheet:
    """Return the sheet with a row for each value of a column that a JSON file gives as a list, as ``MemberOf`` of ``Get-ADUser``.

    An empty list is a row whose cell is empty.
    """
    items = items_of(sheet, column)
    if not items:
        return sheet
    rows: list[tuple[int, Cells]] = []
    for line, found in sheet.rows:
        values: list[str | None] = [v for name in (column, *items) if (v := found.get(name)) is not None]
        rest = {name: value for name, value in found.items() if name not in items}
        rows += [(line, {**rest, column: value}) for value in values or [None]]
    kept = [name for name in sheet.columns if name not in {*items, f"{column}.Count", f"{column}.value"}]
    return replace(sheet, columns=(*kept, *(() if column in kept else (column,))), rows=tuple(rows))


def items_of(sheet: Sheet, column: str) -> tuple[str, ...]:
    """Return the columns that are the values of a list: PowerShell puts some lists below ``value``, with a count.

    Of a list of objects a column is one value of each: ``roles.name`` is ``roles.0.name``, ``roles.1.name`` and so on.
    """
    head, _, key = column.rpartition(".")
    item = re.escape(column) + r"(?:\.value)?\.\d+"
    of_objects = re.escape(head) + r"(?:\.value)?\.\d+\." + re.escape(key)
    found = re.compile(f"{item}|{of_objects}" if head else item)
    return tuple(name for name in sheet.columns if found.fullmatch(name))


def whole_list(sheet: Sheet, column: str) -> str | None:
    """Return the name of the list of which a column is one value among several, nothing where it is all there is."""
    named = re.fullmatch(r"(.+?)(?:\.value)?\.\d+(\.[^.]+)?", column)
    whole = f"{named[1]}{named[2] or ''}" if named else ""
    items = items_of(sheet, whole) if whole else ()
    return whole if column in items and len(items) > 1 else None


def with_joined(sheet: Sheet, columns: Iterable[str]) -> Sheet:
    """Return the sheet with one cell for each list among some columns, its values with semicolons between."""
    lists = {one: items for one in columns if one not in sheet.columns and (items := items_of(sheet, one))}
    if not lists:
        return sheet
    rows = tuple(
        (line, {**row, **{one: ";".join(filter(None, map(row.get, items))) or None for one, items in lists.items()}})
        for line, row in sheet.rows
    )
    return replace(sheet, columns=(*sheet.columns, *lists), rows=rows)


def torn(sheet: Sheet, wanted: Iterable[str]) -> list[Mistake]:
    """Return a mistake for each column that is a value in some records and a list or an object in others.

    Where one record has both, as ``group`` beside ``group.active``, they are columns of their own.
    """
    found = {
        column: [name for name in sheet.columns if name.startswith(f"{column}.")] for column in sorted(set(wanted))
    }
    return [
        Mistake(
            sheet.file,
            next((line for line, row in sheet.rows if any(row.get(part) for part in parts)), 0),
            0,
            f"{column!r} is a list or an object in some records",
            f"name one value of it, such as {parts[0]}",
        )
        for column, parts in found.items()
        if parts and column in sheet.columns
        if not any(row.get(column) and any(row.get(part) for part in parts) for _, row in sheet.rows)
    ]


def with_composed(sheet: Sheet, name: str, parts: Sequence[str]) -> Sheet:
    """Return a sheet with one more column, of what several are together; nothing where one of them is empty."""
    rows = tuple(
        (line, {**row, name: COMPOSED.join(filter(None, found)) if None not in found else None})
        for line, row in sheet.rows
        for found in [[row.get(part) for part in parts]]
    )
    return replace(sheet, columns=(*sheet.columns, name), rows=rows)


class MalformedSheet(WorkspaceError):
    """A file that is not what it should be, with the rows that can still be read, to look for further mistakes in."""

    def __init__(self, mistakes: Sequence[Mistake], sheet: Sheet, footer: int = 0) -> None:
        whole = WorkspaceError.of(mistakes)
        super().__init__(whole.message, hint=whole.hint, mistakes=whole.mistakes)
        self.sheet = sheet
        self.footer = footer
        """How many lines at the end are a total and what stands around it: no rows, for certain."""


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """What a source file says of how a tabular file is written.

    ``header_row`` and ``footer`` (last rows left out) are for CSV and XLSX, ``records`` (dotted path to the list) for
    JSON. ``strip`` takes white space off both ends. With ``number_ids`` ids may be stored as whole numbers.
    """

    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header_row: int = 1
    footer: int = 0
    records: str | None = None
    strip: bool = False
    number_ids: bool = False


AS_IT_STANDS = SheetOptions()


def read(
    location: str,
    options: SheetOptions = AS_IT_STANDS,
    *,
    folder: Path,
    ids: Collection[str] = (),
    wanted: Collection[str] = (),
) -> Sheet:
    """Read one file; its ending says the format. A sheet without rows is returned as such.

    ``ids`` names the columns that must be stored as text, ``wanted`` those in use: a heading that differs from one only
    in blanks or the composition of letters is it. Raises ``OSError`` when the file cannot be had, ``WorkspaceError``
    with every mistake when it is malformed.
    """
    name = shown(location)
    reader = _FORMATS.get(ending(location))
    if reader is None:
        raise WorkspaceError.of(
            [Mistake(name, 0, 0, "unknown kind of file", f"one of {', '.join(_FORMATS)}; unpack what is packed")]
        )
    if options.header_row < 1 or options.footer < 0:
        raise WorkspaceError("`header_row` counts from 1 and `footer` from 0")
    data, modified = fetch(location, folder)
    match reader:
        case "csv":
            raw = delimited.read_delimited(
                data,
                name,
                delimiter=options.delimiter,
                encoding=options.encoding,
                header_row=options.header_row,
                footer=options.footer,
            )
        case "xlsx":
            raw = workbook.read_workbook(
                data, name, sheet=options.sheet, header_row=options.header_row, footer=options.footer
            )
        case "json":
            raw = read_json(data, name, records=options.records, encoding=options.encoding)
        case _:
            raw = read_parquet(data, name)
    raw = replace(raw, exact_integers=raw.exact_integers or options.number_ids)
    return _settle(raw, name, strip=options.strip, ids=frozenset(ids), wanted=frozenset(wanted), modified=modified)


_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".json": "json",
    ".parquet": "parquet",
}


def ending(location: str) -> str:
    """Return the ending that says a file's format, such as ``.csv``; of a chained URL, that of its first part."""
    if "://" in location:
        location = location.partition("::")[0].partition("?")[0]
    return Path(location).suffix.lower()


def shown(location: str) -> str:
    """Return a location fit for messages: a URL without user, password and query, where secrets stand."""
    if "://" not in location:
        return location
    parts = [urlsplit(part) for part in location.split("::")]
    return "::".join(f"{p.scheme}://{p.netloc.rpartition('@')[2]}{p.path}" if p.scheme else p.path for p in parts)


def fetch(location: str, folder: Path) -> tuple[bytes, datetime | None]:
    """Return a file's bytes and when it was modified (UTC); raises ``OSError``, and ``WorkspaceError`` above 1 GiB."""
    if "://" not in location:
        path = folder / location
        about = path.stat()
        _allow(about.st_size, location)
        return read_plain(followed(path), about.st_size), datetime.fromtimestamp(about.st_mtime, UTC)
    import fsspec

    try:
        with fsspec.open(location, "rb") as opened:
            data = opened.read(LARGEST + 1)
        filesystem, path = fsspec.core.url_to_fs(location)
        modified = _modified(filesystem, path)
    except Exception as error:  # each storage raises what its own library raises
        raise OSError(f"{shown(location)} cannot be read: {type(error).__name__}") from error
    _allow(len(data), location)
    return data, modified


def _allow(size: int, location: str) -> None:
    if size > LARGEST:
        raise WorkspaceError.of([Mistake(shown(location), 0, 0, f"more than {LARGEST:,} bytes")])


def _modified(filesystem: object, path: str) -> datetime | None:
    try:
        found = filesystem.modified(path)  # type: ignore[attr-defined]
    except (AttributeError, NotImplementedError, OSError):
        return None
    return found if isinstance(found, datetime) and found.tzinfo else None


def _as_wanted(name: str, headings: tuple[str, ...], wanted: Collection[str]) -> str:
    """Return a heading as the source file writes it, where the two differ in blanks and in how letters are composed."""
    if name in wanted or (name.isascii() and name == no_value.bare(name) and "  " not in name):
        return name
    key = heading_key(name)
    meant = [column for column in wanted if column not in headings and heading_key(column) == key]
    return meant[0] if len(meant) == 1 else name


def heading_key(heading: str) -> str:
    """Return the form in which headings are compared: normalised, every kind of blank one space, nothing invisible."""
    shown = "".join(
        letter for letter in heading if unicodedata.category(letter) not in {"Cf", "Cc"} or letter in "\t\n\r"
    )
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def _settle(
    raw: Raw, file: str, *, strip: bool, ids: frozenset[str], wanted: frozenset[str], modified: datetime | None
) -> Sheet:
    written = tuple(cells.cell_text(name, strip=strip) or "" for name in raw.columns)
    columns = tuple(_as_wanted(name, written, wanted) for name in written)
    mistakes = [*raw.mistakes, *_heading_mistakes(columns, file, raw.heading_line, wanted)]
    moved = no_rows.headings_elsewhere(raw)
    mistakes += [replace(moved, file=file)] if moved else []
    headings, odd = frozenset(map(heading_key, columns)), no_rows.footer(raw) if raw.heading_line else 0
    rows, stored_dates, numbers = [], {}, set()
    for number, (line, values) in enumerate(raw.rows):
        # JSON and Parquet have no headings of their own: nothing in them stands above or below the records.
        if raw.heading_line and (apart := no_rows.no_row(raw, number, headings, heading_key)):
            mistakes.append(Mistake(file, line, 0, *apart))
            continue
        if len(values) != len(columns):
            found = f"{len(values)} columns" if any(v is not None for v in values) else "an empty line"
            message = f"{found} where {len(columns)} are expected"
            mistakes += [] if moved else [Mistake(file, line, 0, message, no_rows.footer_hint(raw, number, odd))]
            continue
        for place, (column, value) in enumerate(zip(columns, values, strict=True), 1):
            wrong = cells.cell_fault(value, is_id=column in ids, exact_integers=raw.exact_integers)
            if wrong:
                mistakes.append(Mistake(file, line, place, *wrong))
            if isinstance(value, int | float):
                numbers.add(column)
            at = cells.stored_date(value)
            if at is not None:
                stored_dates[line, column] = at
        row = {c: cells.cell_text(v, strip=strip) for c, v in zip(columns, values, strict=True)}
        row |= {c: cells.unmarked(text) for c in ids if (text := row.get(c))}
        rows.append((line, row))
    cut, more = file if raw.cut else "", f"{file}: {raw.more}: save all pages" if raw.more else ""
    sheet = Sheet(file, columns, tuple(rows), stored_dates, modified, cut, more, frozenset(numbers))
    if mistakes:
        raise MalformedSheet(mistakes, sheet, odd if no_rows.has_total(raw, odd) else 0)
    return sheet


def _heading_mistakes(columns: Sequence[str], file: str, line: int, wanted: frozenset[str]) -> Iterator[Mistake]:
    for place, column in enumerate(columns, 1):
        if not column:
            yield Mistake(file, line, place, "a column has no heading")
    for name in filter(None, cells.repeated(columns)):
        yield Mistake(file, line, columns.index(name) + 1, f"the heading {name!r} stands more than once")
    for name in sorted(wanted & set(columns)):
        if len({other for other in columns if heading_key(other) == heading_key(name)}) > 1:
            message = f"the heading {name!r} stands again, with other blanks"
            yield Mistake(file, line, columns.index(name) + 1, message)
