"""Export: any table as CSV, JSON or Parquet, and effective access row by row.

JSON and Parquet hold the exact values. CSV is for spreadsheets, so its cells are made
inert (:mod:`access_review.connectors.tabular.inert`). Rows are sorted by key and written
batch by batch: the size of a table is the engine's business, not this process's. Findings
have code and facts, and their sentences, which are made as they are written.
"""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import IO, Any

import pyarrow as pa

from access_review.connectors.tabular.inert import inert
from access_review.engine import Engine
from access_review.errors import no_such
from access_review.facts import FACTS, FINDINGS
from access_review.findings.group_rows import NUMBERED
from access_review.findings.groups import GroupLevel, count_and_group
from access_review.findings.sentences import every_sentence, risk_reasons
from access_review.graph import Paths, paths
from access_review.tables import FLAG, TEXT, TIME, WHOLE, Column, Row, Table


class Format(StrEnum):
    """How a table is written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


EFFECTIVE = Table(
    "effective",
    ("account", "entitlement"),
    (
        Column("account"),
        Column("account_name"),
        Column("entitlement"),
        Column("entitlement_name"),
        Column("how", required=True, among=("direct", "primary", "nested")),
        Column("distance", WHOLE, required=True),
        Column("path", required=True),
    ),
    "Every entitlement an account has now, directly or through nesting, by its shortest path: `distance` counts the "
    "nesting edges, `path` their names. What is only eligible is not there until it is activated.",
)

VERDICTS = Table(
    "verdicts",
    ("role_set", "entitlement"),
    (Column("role_set", WHOLE), Column("entitlement"), Column("verdict"), Column("never")),
    "Each distinct pair of role set and granted entitlement, judged once.",
)

FINDING_GROUPS = Table(
    "finding_groups",
    ("place",),
    (
        Column("place", WHOLE),
        Column("group", required=True),
        Column("rule", required=True),
        Column("level", required=True, among=tuple(map(str, GroupLevel))),
        Column("role"),
        Column("entitlement"),
        Column("entitlement_name"),
        Column("risk", WHOLE, required=True),
        Column("findings", WHOLE, required=True),
        Column("new", WHOLE, required=True),
        Column("people", WHOLE, required=True),
        Column("things", WHOLE, required=True),
        Column("roles", WHOLE, required=True),
        Column("since", TIME, required=True),
        Column("role_people", WHOLE),
        Column("role_holding", WHOLE),
        Column("holders", WHOLE),
        Column("population", WHOLE, required=True),
        Column("edge"),
        Column("score", WHOLE, required=True),
    ),
    "Findings that are one matter as one line, in the order in which they are to be acted on: how many findings, new ones "
    "among them, about how many people and things. `role_holding` of the `role_people` with the role have the entitlement, "
    "`holders` of the `population`; `edge` is what gives it to all of them by one nesting. `score` is risk × reach × how "
    "unusual, rounded.",
)

TOLD_FINDINGS = Table(
    FINDINGS.name,
    FINDINGS.key,
    (*FINDINGS.columns, Column("reason", required=True), Column("risk_reasons", required=True)),
    f"{FINDINGS.about} `reason` and `risk_reasons` say it in words.",
)
"""Findings as they are exported. What JSON holds as objects, and the sentences, are its last columns."""

_OBJECTS = ("facts", "risk_parts")
_WORDS = ("reason", "risk_reasons")
# What sentences are made of. It is read beside the columns, which may be text of another kind.
_TOLD_OF = ("rule", "severity", "sensitivity", "code", "facts", "checked", "risk_parts")

EXPORTED: Mapping[str, Table] = {
    table.name: table
    for table in sorted(
        (*FACTS.values(), TOLD_FINDINGS, VERDICTS, EFFECTIVE, FINDING_GROUPS), key=lambda table: table.name
    )
    if table.name != "previous_findings"
}
"""The tables that can be exported, by name."""

_PATHS = pa.schema([("start", TEXT), ("reached", TEXT), ("distance", WHOLE), ("path", TEXT), ("eligible", FLAG)])
_CHUNK = 200_000


def write(engine: Engine, name: str, file: IO[bytes], form: Format) -> int:
    """Write a table to an open file, and return its number of rows.

    The facts of a review (:func:`access_review.review.establish`) must be in the
    engine, and ``findings`` registered to export them. Raises :class:`Unclear` for a
    name that is no table.
    """
    if name not in EXPORTED:
        raise no_such("no table is called", name, EXPORTED)
    if name == EFFECTIVE.name:
        effective(engine)
    if name == FINDING_GROUPS.name:
        count_and_group(engine, 0)
        engine.view(
            name,
            f'SELECT * EXCLUDE (score), CAST(round(score) AS BIGINT) AS score, grouped_as AS "group" FROM {NUMBERED}',
        )
    return _WRITERS[form](engine, EXPORTED[name], file)


def effective(engine: Engine) -> None:
    """Create ``effective``: one row for each account and entitlement it has now, by its shortest path.

    Paths are found once for each distinct granted entitlement; the engine joins them
    to the accounts, so no list of who holds what passes through Python.
    """
    granted = [row["entitlement"] for row in engine.rows(_GRANTED)]
    names = {row["entitlement"]: row["name"] for row in engine.rows("SELECT entitlement, name FROM entitlements")}
    engine.register("granted_paths", pa.Table.from_batches(_paths(granted, _nesting(engine), names), _PATHS))
    engine.create(EFFECTIVE.name, _EFFECTIVE)


def _nesting(engine: Engine) -> Paths:
    return paths(engine.query("SELECT child, parent, mode, why, reach FROM nesting ORDER BY child, parent, mode"))


def _paths(granted: list[str], known: Paths, names: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Yield the paths from each granted entitlement, in batches."""
    waiting: list[dict[str, Any]] = []
    for start in granted:
        for reached, steps in known.all_from(start).items():
            walked = (start, *(step.parent for step in steps))
            waiting.append(
                {
                    "start": start,
                    "reached": reached,
                    "distance": len(steps),
                    "path": " > ".join(names.get(one, one) for one in walked),
                    "eligible": any(step.mode == "eligible" for step in steps),
                }
            )
        if len(waiting) >= _CHUNK:
            yield pa.RecordBatch.from_pylist(waiting, _PATHS)
            waiting = []
    yield pa.RecordBatch.from_pylist(waiting, _PATHS)


_GRANTED = "SELECT DISTINCT entitlement FROM grants WHERE mode = 'assigned' ORDER BY entitlement"

_EFFECTIVE = """
    WITH reached AS (
        SELECT grants.account, paths.reached AS entitlement, paths.distance, paths.path,
               CASE WHEN paths.distance > 0 THEN 'nested' WHEN grants.via = 'primary' THEN 'primary' ELSE 'direct' END
                   AS how
        FROM grants JOIN granted_paths AS paths ON paths.start = grants.entitlement
        WHERE grants.mode = 'assigned' AND NOT paths.eligible
    ),
    shortest AS (
        SELECT account, entitlement, min(struct_pack(distance := distance, path := path, how := how)) AS best
        FROM reached GROUP BY account, entitlement
    )
    SELECT shortest.account, accounts.name AS account_name, shortest.entitlement, entitlements.name AS entitlement_name,
           best.how AS how, best.distance AS distance, best.path AS path
    FROM shortest
    LEFT JOIN accounts ON accounts.account = shortest.account
    LEFT JOIN entitlements ON entitlements.entitlement = shortest.entitlement
"""


def _select(table: Table, columns: str) -> str:
    beside = "".join(f", {name} AS told_{name}" for name in _TOLD_OF if table is TOLD_FINDINGS)
    order = ", ".join(f"{table.name}.{_quoted(name)}" for name in table.key)  # not as text, which a CSV has
    return f"SELECT {columns}{beside} FROM {table.name} ORDER BY {order}"


def _kept(table: Table) -> tuple[Column, ...]:
    """Return the columns that the engine has; those of sentences are made of them."""
    return tuple(column for column in table.columns if table is not TOLD_FINDINGS or column.name not in _WORDS)


def _told(engine: Engine, table: Table, columns: str) -> Iterator[tuple[pa.RecordBatch, list[Row]]]:
    """Yield a table batch by batch and, of findings, beside each row its facts and its sentences."""
    sentences = every_sentence() if table is TOLD_FINDINGS else None
    names = [f"told_{name}" for name in _TOLD_OF]
    for batch in engine.batches(_select(table, columns)):
        if sentences is None:
            yield batch, []
            continue
        rows = batch.select(names).rename_columns(list(_TOLD_OF)).to_pylist()
        yield (
            batch.drop_columns(names),
            [{**row, "reason": sentences.reason(row), "risk_reasons": risk_reasons(row)} for row in rows],
        )


def _with_words(batch: pa.RecordBatch, rows: list[Row], table: Table) -> pa.RecordBatch:
    for name in _WORDS if table is TOLD_FINDINGS else ():
        batch = batch.append_column(name, pa.array([row[name] for row in rows], TEXT))
    return batch


def _quoted(name: str) -> str:
    return f'"{name}"'


def _write_parquet(engine: Engine, table: Table, file: IO[bytes]) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for batch, told in _told(engine, table, ", ".join(_quoted(column.name) for column in _kept(table))):
            writer.write_batch(_with_words(batch, told, table).cast(table.schema))
            rows += batch.num_rows
    return rows


def _write_json(engine: Engine, table: Table, file: IO[bytes]) -> int:
    """Write an array with one object a line, so that big tables can be read line by line too."""
    apart = _OBJECTS if table is TOLD_FINDINGS else ()
    fields = [f"{_quoted(column.name)} := {_iso(column)}" for column in _kept(table) if column.name not in apart]
    rows = 0
    columns = f"CAST(to_json(struct_pack({', '.join(fields)})) AS VARCHAR) AS line"
    for batch, told in _told(engine, table, columns):
        lines = batch.column("line").to_pylist()
        if told:
            lines = [_joined(line, row) for line, row in zip(lines, told, strict=True)]
        if lines:
            file.write((",\n" if rows else "[\n").encode() + ",\n".join(lines).encode())
            rows += len(lines)
    file.write(b"\n]\n" if rows else b"[]\n")
    return rows


def _joined(line: str, told: Row) -> str:
    """Add to the JSON object of a finding its facts, which are JSON already, and its sentences."""
    objects = [f'"{name}":{told[name]}' for name in _OBJECTS]
    words = [f'"{name}":{json.dumps(told[name], ensure_ascii=False)}' for name in _WORDS]
    return f"{line[:-1]},{','.join((*objects, *words))}}}"


def _iso(column: Column) -> str:
    name = _quoted(column.name)
    return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')" if pa.types.is_timestamp(column.type) else name


def _write_csv(engine: Engine, table: Table, file: IO[bytes]) -> int:
    """Write UTF-8 with a mark, every field quoted and inert: what a spreadsheet program expects and cannot run."""
    from pyarrow import csv

    text = pa.schema([(name, TEXT) for name in table.schema.names])
    columns = ", ".join(f"CAST({_iso(column)} AS VARCHAR) AS {_quoted(column.name)}" for column in _kept(table))
    rows = 0
    file.write(b"\xef\xbb\xbf")
    with csv.CSVWriter(file, text, write_options=csv.WriteOptions(quoting_style="all_valid")) as writer:
        for kept, told in _told(engine, table, columns):
            batch = _with_words(kept, told, table)
            cells = [_inert(batch.column(index)) for index in range(batch.num_columns)]
            writer.write_batch(pa.RecordBatch.from_arrays(cells, schema=text))
            rows += batch.num_rows
    return rows


def _inert(cells: pa.Array) -> pa.Array:
    """Make each distinct text inert once."""
    coded = cells.dictionary_encode()
    return pa.array([inert(text) for text in coded.dictionary.to_pylist()], TEXT).take(coded.indices)


_WRITERS = {Format.CSV: _write_csv, Format.JSON: _write_json, Format.PARQUET: _write_parquet}
