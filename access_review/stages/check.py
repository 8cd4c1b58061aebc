"""Check: what a workspace would load, without writing anything."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from access_review import roles, snapshot
from access_review.snapshot import Progress, Snapshot
from access_review.tables import TABLES
from access_review.workspace import Workspace

FORMAT = "access-review/check@1"


def check_sources(workspace: Workspace, as_of: datetime, progress: Progress) -> dict[str, Any]:
    """Read every source as ``collect`` would and describe it; raises what ``collect`` raises."""
    taken = snapshot.collect(workspace, as_of, progress=progress)
    described = snapshot.manifest(taken, workspace).sources
    return {
        "format": FORMAT,
        "as_of": as_of.isoformat(),
        "workspace_digest": workspace.digest,
        "sources": [
            {"source": name, **asdict(source), "rows": _rows(taken, name), "unusable": _unusable(taken, name)}
            for name, source in described.items()
        ],
        "templates": len(workspace.templates),
        "unresolved": list(_unresolved(workspace, taken)),
    }


def readable_parts(workspace: Workspace, as_of: datetime) -> dict[str, list[dict[str, Any]]]:
    """Ask each live source what its reader may and may not read, part by part, and what is lost without it.

    Sources that cannot tell are left out; raises ``ConnectorError`` for one that cannot be reached.
    """
    said = {}
    for entry in workspace.sources:
        opened: Any = workspace.connected(entry)
        if hasattr(opened, "readable"):
            said[entry.name] = [asdict(part) for part in opened.readable(as_of)]
    return said


SHOWN = 5
"""Unusable inputs that are named for each source; all of them are in the table ``problems``."""


def _unusable(taken: Snapshot, source: str) -> list[dict[str, str]]:
    rows = [row for row in taken.tables["problems"].to_pylist() if row["source"] == source]
    return [{"locator": row["locator"], "kind": row["kind"], "reason": row["reason"]} for row in rows[:SHOWN]]


def _rows(taken: Snapshot, source: str) -> Mapping[str, int]:
    """Count what a source gave, by table, as its verdicts say."""
    verdicts = [row for row in taken.tables["completeness"].to_pylist() if row["source"] == source]
    received = {row["subject"]: row["received"] for row in verdicts if row["received"]}
    return {name: received[name] for name in TABLES if name in received and name != "aliases"}


def _unresolved(workspace: Workspace, taken: Snapshot) -> list[dict[str, str]]:
    """List the patterns of templates that match nothing today."""
    return [
        {"place": workspace.place(f"{name} of {one.template.role}", str(pattern)), "pattern": str(pattern)}
        for one in roles.resolve(workspace.templates, taken.tables["entitlements"])
        for name in ("must", "may", "eligible")
        for pattern, origin in one.patterns[name]
        if origin == one.template.role and not one.matches[pattern]
    ]
