"""Findings as runs before ``findings@2`` have them: two sentences each, and neither code nor facts.

They are read as what they are: known in words alone. Whether one was checked stood in its
words, and is taken from there; nothing else is read out of them.
"""

import json
from typing import Any

import pyarrow as pa

from access_review.engine import Engine, ParquetFile
from access_review.facts import FINDINGS
from access_review.findings.sentences import IN_WORDS, UNCHECKED, WORDS
from access_review.tables import Row

FORMER = "access-review/findings@1"
FORMAT = "access-review/findings@2"
KNOWN = (FORMER, FORMAT)
"""The formats of findings that are read; the last of them is written."""

_MADE: dict[str, str] = {
    "sensitivity": "CAST(NULL AS VARCHAR)",
    "code": f"'{IN_WORDS}'",
    "facts": f"""CAST(to_json(struct_pack({WORDS} :=
        CASE WHEN starts_with(reason, '{UNCHECKED}') THEN substr(reason, {len(UNCHECKED) + 1}) ELSE reason END)) AS VARCHAR)""",
    "checked": f"NOT starts_with(reason, '{UNCHECKED}')",
    "risk_parts": f"CAST(to_json(struct_pack({WORDS} := risk_reasons)) AS VARCHAR)",
}
_COLUMNS = ", ".join(f'{_MADE.get(name, name)} AS "{name}"' for name in FINDINGS.schema.names)


def register(engine: Engine, name: str, found: pa.Table | ParquetFile) -> None:
    """Make findings known under ``name`` with the columns they have today, whichever run they are of."""
    if not _are_former(found.schema):
        engine.register(name, found)
        return
    engine.register(f"{name}_in_words", found)
    engine.view(name, f"SELECT {_COLUMNS} FROM {name}_in_words")


def of_today(found: pa.Table) -> pa.Table:
    """Return findings in memory with the columns they have today; raises ``pyarrow.ArrowInvalid`` for no findings."""
    if _are_former(found.schema):
        found = pa.Table.from_pylist([_row(row) for row in found.to_pylist()], FINDINGS.schema)
    return found.cast(FINDINGS.schema)


def _are_former(columns: pa.Schema) -> bool:
    return "code" not in columns.names and "reason" in columns.names


def _row(row: Row) -> dict[str, Any]:
    words: str = row["reason"]
    kept = {name: row[name] for name in FINDINGS.schema.names if name not in _MADE}
    return kept | {
        "code": IN_WORDS,
        "facts": _json(words.removeprefix(UNCHECKED)),
        "checked": not words.startswith(UNCHECKED),
        "risk_parts": _json(row["risk_reasons"]),
    }


def _json(words: str | None) -> str:
    return json.dumps({WORDS: words}, ensure_ascii=False, separators=(",", ":"))
