"""Small worlds in memory: rows with what a test cares about, everything else filled in."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from access_review.policy import Policy
from access_review.settings import Separation, SourceFile, Template, Waivers
from access_review.snapshot import Snapshot
from access_review.tables import TABLES, Table, digest, frame
from access_review.workspace import SourceEntry, Workspace

AS_OF = datetime(2026, 2, 1, tzinfo=UTC)

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "people": {"kind": "employee", "status": "active"},
    "assignments": {"source": "hr", "seq": 1, "status": "active"},
    "accounts": {"stable_id": True, "kind": "human", "enabled": True},
    "entitlements": {"stable_id": True, "effect": "grants"},
    "grants": {"mode": "assigned", "via": "member", "removable": True},
    "nesting": {"mode": "assigned", "why": "member", "reach": "transitive", "removable": True},
    "credentials": {"kind": "secret"},
    "problems": {"kind": "unusable", "reason": "planted"},
    "completeness": {"complete": True},
}


def fill(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a row: source, kind and native id come from its id."""
    filled = {**_DEFAULTS.get(table.name, {}), **row}
    known = table.schema.names
    source, kind, native = ([*str(filled[table.key[0]]).split(":", 2), "", ""])[:3]
    for name, value in (("source", source), ("kind", kind), ("native_id", native), ("name", native)):
        if name in known and name not in filled:
            filled[name] = value
    return filled


def tables(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, pa.Table]:
    """Return all tables of a snapshot with these rows, read completely unless the rows say otherwise."""
    given = {name: [fill(TABLES[name], row) for row in rows.get(name, ())] for name in TABLES}
    said = {(row["source"], row["subject"]) for row in given["completeness"]}
    for source in sorted({row["source"] for name in ("people", "accounts") for row in given[name]}):
        for name in TABLES:
            if (source, name) not in said:
                given["completeness"].append({"source": source, "subject": name, "complete": True})
    return {name: frame(name, given[name]) for name in TABLES}


def snapshot(as_of: datetime = AS_OF, /, **rows: Any) -> Snapshot:
    """Return a snapshot with these rows."""
    made = tables(rows)
    return Snapshot(as_of, made, "sha256:" + "".join(digest(t) for t in made.values())[-64:])


def workspace(
    *,
    templates: Iterable[Mapping[str, Any]] = (),
    match: Mapping[str, Any] | None = None,
    folder: Path = Path(),
    policy: Mapping[str, Any] | None = None,
    pairs: Iterable[Mapping[str, Any]] = (),
    waivers: Iterable[Mapping[str, Any]] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Workspace:
    """Return a workspace; ``match`` maps a source to its ladder (employee id of ``ad`` by default)."""
    ladders = {"ad": [{"on": ["employee_id", "person"]}]} if match is None else match
    names = sorted({*ladders, *(options or {})})
    sources = tuple(
        SourceEntry(
            name,
            SourceFile.model_validate({"connector": "table", "match": ladders.get(name, [])}),
            (options or {}).get(name, {}),
        )
        for name in names
    )
    return Workspace(
        folder,
        sources,
        tuple(Template.model_validate(t) for t in templates),
        Policy.model_validate(policy or {}),
        Separation.model_validate({"pairs": list(pairs)}),
        Waivers.model_validate({"waivers": list(waivers)}),
        "sha256:0",
    )
