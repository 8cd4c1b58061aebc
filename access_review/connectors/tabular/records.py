"""Lists of records: JSON and Parquet. Nested values become columns with dotted paths (``manager.0.id``)."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from access_review.connectors.tabular import further_pages
from access_review.connectors.tabular.cells import Raw, Value
from access_review.errors import Mistake, WorkspaceError

if TYPE_CHECKING:
    import pyarrow as pa

DEEPEST = 32
"""Levels of nesting that become columns; what lies deeper stays JSON text."""
CELLS = 100_000_000
"""Cells of a Parquet file: a value that repeats is written once, so a small file can hold millions of rows."""


def read_json(data: bytes, file: str, *, records: str | None = None, encoding: str | None = None) -> Raw:
    """Read a JSON list of objects, found at the dotted path ``records``; a record's line is its number, from 1.

    Raises ``WorkspaceError`` when the text is no JSON, an object names a key
    twice, or there is no list of objects at that path.
    """
    from access_review.connectors.tabular.delimited import decode

    return records_in(parse_json(decode(data, file, encoding), file), file, records)


def records_in(found: Any, file: str, records: str | None = None) -> Raw:
    """Return the records of parsed JSON; raises ``WorkspaceError`` where there is no list of objects at that path."""
    around = [found]
    for step in records.split(".") if records else ():
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict) and step in found:
            found = found[step]
            around.append(found)
        else:
            raise WorkspaceError.of([Mistake(file, 0, 0, f"nothing at {records!r} (`records`): no {step!r}")])
    found = _listed(found, file) if isinstance(found, dict) else found
    if not isinstance(found, list):
        hint = f"set `records`; keys here: {', '.join(found)}" if isinstance(found, dict) else "set `records`"
        raise WorkspaceError.of([Mistake(file, 0, 0, f"no list at {records or 'the top'!r}", hint)])
    return replace(_raw(found, file, exact_integers=True), more=further_pages.more(around, len(found)))


def _listed(found: dict[str, Any], file: str) -> Any:
    """Return the list that an object is or holds, as ConvertTo-Json writes one: an array with its count, or one object alone."""
    if found.keys() == {"value", "Count"} and isinstance(found["value"], list):
        if found["Count"] != len(found["value"]):
            message = f"holds {len(found['value'])} objects and says {found['Count']}"
            raise WorkspaceError.of([Mistake(file, 0, 0, message)])
        return found["value"]
    holds_list = any(
        isinstance(value, list) and any(isinstance(item, dict) for item in value) for value in found.values()
    )
    return found if holds_list or not _ALONE & found.keys() else [found]


_ALONE = frozenset({"DistinguishedName", "distinguishedName", "SamAccountName"})
"""What an object of the Active Directory module always has."""


def parse_json(text: str, file: str) -> Any:
    """Parse JSON strictly; raises ``WorkspaceError`` for what is none, and for an object that has a key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise WorkspaceError.of([Mistake(file, 0, 0, f"an object has the key {twice!r} twice")])
        return record

    def refuse(name: str) -> NoReturn:
        raise WorkspaceError.of([Mistake(file, 0, 0, f"{name} is no JSON number")])

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise WorkspaceError.of([Mistake(file, error.lineno, error.colno, f"no JSON: {error.msg}")]) from error
    except (RecursionError, ValueError) as error:
        raise WorkspaceError.of([Mistake(file, 0, 0, "nested too deeply, or a number too long")]) from error


def read_parquet(data: bytes, file: str) -> Raw:
    """Read a Parquet file; a record's line is its number, from 1. Raises ``WorkspaceError`` when it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(io.BytesIO(data))
        size = opened.metadata.num_rows * opened.metadata.num_columns
        if size > CELLS:
            raise WorkspaceError.of([Mistake(file, 0, 0, f"holds {size:,} cells, {CELLS:,} allowed")])
        table = opened.read()
        names = table.column_names
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise WorkspaceError.of([Mistake(file, 0, 0, "is no Parquet file")]) from error
    if len(set(names)) < len(names):
        return Raw(0, tuple(names), ())
    for position, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            table = table.set_column(position, column.name, _within_calendar(table[column.name]))
    return _raw(table.to_pylist(), file, columns=names)


def _within_calendar(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return dates and times as the calendar has them: what lies beyond its years is its last day or first, which are no date."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if (
        pa.types.is_timestamp(kind) and kind.unit == "ns"
    ):  # it exists in Arrow only; microseconds are what a snapshot keeps
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    # A day from either end, so that no zone leads beyond it.
    last, first = (pa.scalar(day, pa.date32()).cast(_zoneless(kind)) for day in (date(9999, 12, 30), date(1, 1, 2)))
    number = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    counted = column.cast(number)
    high, low = (end.cast(number) for end in (last, first))
    return pc.min_element_wise(pc.max_element_wise(counted, low, skip_nulls=False), high, skip_nulls=False).cast(kind)


def _zoneless(kind: "pa.DataType") -> "pa.DataType":
    import pyarrow as pa

    return pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind


def _raw(found: list[Any], file: str, *, columns: list[str] | None = None, exact_integers: bool = False) -> Raw:
    mistakes, flat = [], []
    for number, record in enumerate(found, 1):
        if not isinstance(record, Mapping):
            mistakes.append(Mistake(file, number, 0, "is no object"))
            continue
        pairs = list(_flatten(record, ""))
        values = dict(pairs)
        if len(values) < len(pairs):
            mistakes.append(Mistake(file, number, 0, "a key with a dot collides with a nested key"))
        flat.append((number, values))
    names = dict.fromkeys(name for _, record in flat for name in record) or dict.fromkeys(columns or ())
    rows = tuple((number, tuple(record.get(name) for name in names)) for number, record in flat)
    return Raw(0, tuple(names), rows, tuple(mistakes), exact_integers)


def _flatten(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Value]]:
    """Yield each scalar below ``value`` with its path; an empty list or object is null."""
    items: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [(str(position), inner) for position, inner in enumerate(value)]
    else:
        yield path, value
        return
    if depth > DEEPEST:
        yield path, json.dumps(value, ensure_ascii=False, default=str)
    elif not items:
        yield path, None
    for key, inner in items if depth <= DEEPEST else ():
        yield from _flatten(inner, f"{path}.{key}" if path else key, depth + 1)
