"""Read files that nobody has described yet: tables become text, what a connector knows is read by it.

Nothing is configured here: the form of a file is seen from its beginning, and what no reader
knows is kept with the reason, so that a file is never skipped in silence.
"""

import base64
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from access_review import connectors
from access_review.connectors import Source
from access_review.connectors.entra.queries import BY_PART
from access_review.connectors.tabular import delimited, no_rows, sheets, workbook
from access_review.connectors.tabular.cells import Raw
from access_review.connectors.tabular.drawn import is_drawn
from access_review.connectors.tabular.records import parse_json, records_in
from access_review.draft.forms import FormGuess, TextForm, guess_form, guess_json, heading_line
from access_review.draft.json_tables import as_table, empty_lists, record_lists
from access_review.errors import AccessReviewError, Unclear, WorkspaceError
from access_review.guarded_files.plain import followed, read_plain
from access_review.model import Options
from access_review.stages.guessed_encoding import decode_guessed

_HEAD = 20_000
_TRIED = 50  # lines of a text among which its headings are looked for
_WORKBOOKS = (".xlsx", ".xlsm")
_SHEETS = (*_WORKBOOKS, ".parquet")
_HEADING_ROWS = 10  # rows above the headings of a workbook that are tried
_ACCOUNT_COLUMNS = ("native_id", "name", "principal_name", "display_name", "mail", "employee_id")
_PEOPLES = frozenset({"human", "guest", "agent", "break-glass"})


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table as text, with the options that a source needs to read it again."""

    path: Path
    form: FormGuess
    table: pa.Table = field(repr=False)
    reading: Options
    numbers: frozenset[str] = frozenset()
    turned: bool = False
    """Whether the table was turned after reading, which a source does not."""


@dataclass(frozen=True, slots=True)
class FoundExport:
    """Files that one connector reads together: a directory's LDIF, a collection of SharpHound, pages of Graph."""

    name: str
    connector: str
    folder: Path
    options: Options
    files: tuple[Path, ...]
    accounts: pa.Table = field(repr=False)
    """Accounts that belong to people, their columns as text."""
    rows: Mapping[str, int]
    unread: tuple[str, ...]
    """What the connector could not read whole, and why."""
    used: bool
    """Whether it says of any account of a person when that was last used."""


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file that no reader knows, or that is broken, and why."""

    path: Path
    reason: str


Found = FoundTable | FormGuess | Mapping[Path, FoundTable | IgnoredFile]
"""A table, the form of what a connector must read, or the lists of a file with several."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What was found, by the name it is shown with."""

    tables: Mapping[str, FoundTable]
    exports: Mapping[str, FoundExport]
    ignored: tuple[IgnoredFile, ...]


def read_files(paths: Sequence[Path], as_of: datetime) -> FoundFiles:
    """Read files and everything in folders; raises ``Unclear`` for a path that is not there."""
    tables: dict[str, FoundTable] = {}
    ignored: list[IgnoredFile] = []
    known: dict[TextForm, list[tuple[Path, FormGuess]]] = {}
    for path in _every_file(paths):
        if not path.is_file():
            ignored.append(IgnoredFile(path, "no plain file: a pipe, a device, or a link to one or to nothing"))
            continue
        for shown, found in _found_in(path):
            if isinstance(found, FoundTable):
                tables[shown.as_posix()] = found
            elif isinstance(found, IgnoredFile):
                ignored.append(found)
            elif found.form is TextForm.UNKNOWN:
                ignored.append(IgnoredFile(shown, found.because))
            else:
                known.setdefault(found.form, []).append((path, found))
    exports: dict[str, FoundExport] = {}
    for form, files in known.items():
        for options in _together(form, files, ignored):
            try:
                export = _export(form, *options, as_of)
            except AccessReviewError as error:
                first = min(getattr(error, "mistakes", ()), default=None)
                ignored += [IgnoredFile(path, str(first) if first else error.message) for path in options[2]]
            else:
                exports[export.name] = export
    return FoundFiles(tables, exports, tuple(sorted(ignored, key=lambda one: one.path.as_posix())))


def _every_file(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [one for one in path.rglob("*") if not one.is_dir()]
            found |= dict.fromkeys(one for one in inside if not one.name.startswith("."))
        elif path.exists():
            found[path] = None
        else:
            raise Unclear(f"{path} is not there", hint="name files, or folders of them")
    return sorted(found)


def _found_in(path: Path) -> Iterator[tuple[Path, FoundTable | FormGuess | IgnoredFile]]:
    """Yield what is found in a file, by the name it is shown with."""
    for shown, read in _parts(path):
        found = _tried(shown, read)
        yield from found.items() if isinstance(found, Mapping) else [(shown, found)]


def _parts(path: Path) -> Iterator[tuple[Path, Callable[[], Found]]]:
    """Yield what a file is read in: each sheet of a workbook with several, else the whole."""
    names: Sequence[str] = []
    if path.suffix.lower() in _WORKBOOKS:
        # What is wrong with a workbook is said when it is read.
        with suppress(AccessReviewError, OSError):
            names = workbook.sheet_names(read_plain(followed(path), sheets.LARGEST), path.name)
    if len(names) < 2:
        yield path, partial(_read, path)
    for name in names if len(names) > 1 else ():
        yield Path(f"{path} [{name}]"), partial(_sheet, path, FormGuess(TextForm.DELIMITED, "a workbook"), name)


def _tried(shown: Path, read: Callable[[], Found]) -> Found | IgnoredFile:
    try:
        return read()
    except AccessReviewError as error:
        first = min(getattr(error, "mistakes", ()), default=None)
        return IgnoredFile(shown, str(first) if first else error.message)
    except OSError as error:
        return IgnoredFile(shown, str(error.strerror))


def _read(path: Path) -> Found:
    """Read one file: a table at once, or its form where a connector must read it."""
    suffix = path.suffix.lower()
    if suffix in _SHEETS:
        return _sheet(path, FormGuess(TextForm.DELIMITED, "a workbook" if suffix != ".parquet" else "Parquet"))
    if suffix == ".zip":
        return FormGuess(TextForm.SHARPHOUND, "a zip")
    data = read_plain(followed(path), sheets.LARGEST)
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff")) or delimited.unmarked(data) != "utf-8"
    if b"\0" in data[:_HEAD] and not wide:
        return FormGuess(TextForm.UNKNOWN, "not text")
    text, encoding = decode_guessed(data, path)
    form = guess_form(text[:_HEAD])
    if form.form is TextForm.JSON_RECORDS or form.form is TextForm.GRAPH:
        return _json(path, text, form)
    if form.form is TextForm.DELIMITED and form.delimiter:
        return _delimited(path, text, form, encoding)
    if form.form is TextForm.PAIRS:
        return FoundTable(path, form, _pairs(text), {})
    return form


def _json(path: Path, text: str, form: FormGuess) -> Mapping[Path, FoundTable | IgnoredFile] | FormGuess:
    """Parse a file once: each list of records is a table, also of several; what a connector reads is told by its form."""
    value = parse_json(text, path.name)
    guess = guess_json(value)
    if guess.form is TextForm.GRAPH and isinstance(value, dict) and not isinstance(value.get("value"), list):
        return FormGuess(TextForm.UNKNOWN, "one object of Microsoft Graph: a page of a collection is wanted")
    if guess.form is TextForm.JSON_RECORDS and "responses" in (guess.collection or ""):
        return FormGuess(TextForm.GRAPH, "answers of a batch", "$batch")
    if guess.form is not TextForm.JSON_RECORDS:
        return guess if guess.form is not TextForm.UNKNOWN or form.form is TextForm.JSON_RECORDS else form
    lists = record_lists(value)
    if len(lists) < 2:
        return {path: _records(path, value, guess, guess.collection)}
    tables = {name: FormGuess(TextForm.JSON_RECORDS, f"records under {name}", name) for name in lists}
    return {Path(f"{path} [{name}]"): _records(path, value, one, name) for name, one in tables.items()} | {
        (shown := Path(f"{path} [{name}]")): IgnoredFile(shown, "an empty list: nothing is said of what it would hold")
        for name in empty_lists(value)
    }


def _records(path: Path, value: Any, form: FormGuess, name: str | None) -> FoundTable:
    return FoundTable(path, form, as_table(records_in(value, path.name, name)), {"records": name} if name else {})


def _delimited(path: Path, text: str, form: FormGuess, encoding: str | None) -> FoundTable:
    """Read delimited text quickly; where it is not well formed the strict reader says what is wrong, and where."""
    delimiter = form.delimiter or ","
    lines = text.splitlines(keepends=True)
    if is_drawn(lines):
        return _strict(path, form, {"encoding": encoding} if encoding else {})
    header_row = heading_line(text[:_HEAD].splitlines(keepends=True)[:_TRIED], delimiter)
    own = int(header_row > 1 and delimited.is_own_line(lines[0]))
    body = "".join(lines[header_row - 1 :])
    heading = next(csv.reader(io.StringIO(body), delimiter=delimiter))
    reading = {
        **({"delimiter": delimiter} if delimiter != "," else {}),
        **({"encoding": encoding} if encoding else {}),
        **({"header_row": header_row - own} if header_row > 1 + own else {}),
    }
    # A program that never ends its last line looks like a file that was cut; what it is, whoever looks at it says.
    said = reading if text.endswith(("\n", "\r")) else {**reading, "open_end": True}
    if "" in heading or len(set(heading)) < len(heading):
        found = _strict(path, form, reading)
        return replace(found, reading={**said, **found.reading})
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(body.encode()),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(heading, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        table = None
    rows = [] if table is None else [tuple(row.values()) for row in table.slice(max(0, len(table) - 3)).to_pylist()]
    if table is None or no_rows.has_total(Raw(header_row, tuple(heading), tuple(enumerate(rows))), len(rows)):
        found = _strict(path, form, reading)
        return replace(found, reading={**said, **found.reading})
    return FoundTable(path, form, table, said)


def _strict(path: Path, form: FormGuess, reading: Mapping[str, Any]) -> FoundTable:
    sheet, footer = _footed(path, reading)
    return FoundTable(path, form, _as_text(sheet), {**reading, **footer})


def _footed(path: Path, reading: Mapping[str, Any]) -> tuple[sheets.Sheet, Mapping[str, Any]]:
    """Read a file, without the lines at its end that are no rows; return how many those are, as an option."""
    try:
        return sheets.read(path.name, sheets.SheetOptions(**reading), folder=path.parent), {}
    except sheets.MalformedSheet as error:
        if not error.footer:
            raise
        footer: dict[str, Any] = {"footer": error.footer}
    return sheets.read(path.name, sheets.SheetOptions(**reading, **footer), folder=path.parent), footer


def _sheet(path: Path, form: FormGuess, name: str | None = None) -> FoundTable:
    """Read a workbook's only sheet, or the one of that name, whose headings may stand below a title."""
    named = {"sheet": name} if name else {}
    rows: Iterable[int] = range(1, _HEADING_ROWS + 1) if path.suffix.lower() != ".parquet" else (1,)
    refused: WorkspaceError | None = None
    for row in rows:
        try:
            sheet, footer = _footed(path, {**named, "header_row": row})
        except WorkspaceError as error:
            refused = refused or error
        else:
            return FoundTable(
                path,
                form,
                _as_text(sheet),
                {**named, **({"header_row": row} if row > 1 else {}), **footer},
                sheet.numbers,
            )
    raise refused or WorkspaceError(f"{path} holds no table")


def _as_text(sheet: sheets.Sheet) -> pa.Table:
    return pa.table(
        {name: pa.array([row.get(name) or "" for _, row in sheet.rows], pa.string()) for name in sheet.columns}
    )


def _pairs(text: str) -> pa.Table:
    pairs = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return pa.table({"first": [a for a, _ in pairs], "second": [b for _, b in pairs]})


def _together(
    form: TextForm, files: Sequence[tuple[Path, FormGuess]], ignored: list[IgnoredFile]
) -> Iterator[tuple[Path, Mapping[str, Any], tuple[Path, ...]]]:
    """Group the files that one source reads: its folder, the connector's options, the files."""
    if form is TextForm.GRAPH:
        yield from _tenants(files, ignored)
        return
    folders: dict[Path, list[Path]] = {}
    for path, _ in files:
        folders.setdefault(path.parent, []).append(path)
    for folder, paths in folders.items():
        if form is TextForm.LDIF:
            read = _each_entry_once(paths, {path for path, guess in files if "csvde" in guess.because}, ignored)
            yield folder, {"recorded": tuple(path.name for path in read)}, tuple(read)
        else:
            zips = [path for path in paths if path.suffix.lower() == ".zip"]
            yield from ((folder, {"path": path.name}, (path,)) for path in zips)
            if rest := tuple(path for path in paths if path not in zips):
                yield folder.parent, {"path": folder.name or "."}, rest


def _each_entry_once(paths: Sequence[Path], rows: Collection[Path], ignored: list[IgnoredFile]) -> list[Path]:
    """Leave out exports of csvde whose entries stand in LDIF beside them: ldifde says more of each, its GUID and SID too."""
    if not rows or all(path in rows for path in paths):
        return list(paths)
    known = {dn for path in paths if path not in rows for dn in _dns(path)}
    kept = []
    for path in paths:
        lines = (
            csv.reader(io.StringIO(decode_guessed(read_plain(followed(path), sheets.LARGEST), path)[0]))
            if path in rows
            else ()
        )
        if any(row and row[0].casefold() in known for row in lines):
            ignored.append(IgnoredFile(path, "has entries that stand in the LDIF beside it, which says more of each"))
        else:
            kept.append(path)
    return kept


def _dns(path: Path) -> Iterator[str]:
    text = decode_guessed(read_plain(followed(path), sheets.LARGEST), path)[0].replace("\r\n", "\n").replace("\n ", "")
    for found in re.finditer(r"(?im)^dn:(:?) *(.+)$", text):
        yield (base64.b64decode(found[2]).decode("utf-8", "replace") if found[1] else found[2]).strip().casefold()


_COLLECTIONS = frozenset(name.casefold() for name in (*BY_PART, "organization"))


def _tenants(
    files: Sequence[tuple[Path, FormGuess]], ignored: list[IgnoredFile]
) -> Iterator[tuple[Path, Mapping[str, Any], tuple[Path, ...]]]:
    """Yield each tenant: the folder of ``users.json`` with all that is saved below under the names of collections."""
    roots = [path.parent for path, _ in files if path.name.casefold() == "users.json"]
    for root in roots:
        inside = [(path, guess) for path, guess in files if root in path.parents]
        # Members of a group, and all else that belongs to one object, say whose they are by their folder alone.
        here = [(path, guess) for path, guess in inside if path.parent == root]
        stray = [p for p, g in here if g.collection in {"directoryObjects", "$batch", None}]
        ignored += [IgnoredFile(p, "does not say whose it is: save it as groups/<id>/members.json") for p in stray]
        for path, guess in here:
            # What has another name is read by nobody: a second page called `users (2).json` above all.
            if path not in stray and path.name.partition(".")[0].casefold() not in _COLLECTIONS:
                stray.append(path)
                wanted = f"save it as {guess.collection}.json, or as its next page, {guess.collection}.2.json"
                ignored.append(IgnoredFile(path, f"a page of {guess.collection} of Microsoft Graph; {wanted}"))
        yield root.parent, {"recorded": root.name or "."}, tuple(path for path, _ in inside if path not in stray)
    for path, guess in files:
        if not any(root in path.parents for root in roots):
            of = guess.collection or "an unknown collection"
            wanted = "save it as users.json" if of == "users" else "users.json is not beside it"
            ignored.append(IgnoredFile(path, f"a page of {of} of Microsoft Graph; {wanted}"))


_CONNECTORS = {TextForm.LDIF: "ldap", TextForm.SHARPHOUND: "sharphound", TextForm.GRAPH: "entra"}


def _export(
    form: TextForm, folder: Path, options: Mapping[str, Any], files: tuple[Path, ...], as_of: datetime
) -> FoundExport:
    connector = _CONNECTORS[form]
    source = Source(connector, folder)
    rows: Counter[str] = Counter()
    accounts: list[Mapping[str, Any]] = []
    unread = []
    for table, row in connectors.load(connector)(source, **options).collect(as_of):
        rows[table] += 1
        if table == "accounts" and row.get("kind") in _PEOPLES:
            accounts.append(row)
        if table == "completeness" and not row["complete"]:
            unread.append(f"{row['subject']}: {row['reason']}")
    columns = {name: pa.array([row.get(name) or "" for row in accounts], pa.string()) for name in _ACCOUNT_COLUMNS}
    shown = files[0].as_posix() if len(files) == 1 else f"{files[0].parent.as_posix()}/ ({len(files)} files)"
    counted = {name: rows[name] for name in ("accounts", "entitlements", "grants", "nesting", "signins") if rows[name]}
    used = any(row.get("last_used_latest") for row in accounts)
    return FoundExport(
        shown, connector, folder, options, files, pa.table(columns), counted, tuple(sorted(unread)), used
    )
