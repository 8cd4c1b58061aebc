"""Check: what a workspace would load, without writing anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from access_review import roles
from access_review.audit.named_people import named_nobody
from access_review.audit.reviewers import people_of
from access_review.changes import ReadablePart, tells_readable
from access_review.errors import near_names
from access_review.explain import coverage
from access_review.explain.role_members import WhoNobodyHas, role_members
from access_review.findings.judged_share import measure_judged
from access_review.plan.wind_down_scope import belonging
from access_review.review import establish
from access_review.runs import Run
from access_review.snapshot import ManifestSource, Snapshot, collect, manifest
from access_review.snapshot.carry_over import undeclared_sources
from access_review.snapshot.reading import Progress
from access_review.store import last_reads, logged, reviews, snapshots
from access_review.tables import TABLES
from access_review.views.check import (
    CheckedSource,
    CheckedVerdict,
    CheckedWindDown,
    CheckResult,
    NamedNobodyValue,
    UnknownClient,
    UnresolvedPattern,
    UnusableInput,
)
from access_review.views.summary import JudgedSummary, judged_summary
from access_review.workspace import Workspace

FORMAT = "access-review/check@1"


def check_sources(workspace: Workspace, as_of: datetime, progress: Progress) -> CheckResult:
    """Read every source as ``collect`` would and describe it; raises what ``collect`` raises, ``RosterFault`` too.

    It is held against the last read as there, but nobody is taken over from it, and nobody is missing.
    """
    earlier = [run for run in logged.known_runs(workspace.folder) if run.as_of < as_of]
    last = last_reads.of(earlier)
    snapshot = collect(workspace, as_of, last=last, progress=progress)
    sources = [_checked(name, source, snapshot) for name, source in manifest(snapshot, workspace).sources.items()]
    return {
        "format": FORMAT,
        "as_of": as_of.isoformat(),
        "workspace_digest": workspace.digest,
        "sources": [*sources, *_undeclared(workspace, earlier)],
        "templates": len(workspace.templates),
        "unresolved": _unresolved(workspace, snapshot),
        "wind_downs": _wind_downs(workspace, snapshot),
        "unknown_clients": _unknown_clients(workspace, snapshot),
        "named_nobody": _named_nobody(workspace, snapshot),
        **_asked(workspace, snapshot),
    }


def _wind_downs(workspace: Workspace, snapshot: Snapshot) -> list[CheckedWindDown]:
    rows = snapshot.tables["assignments"].to_pylist() if workspace.wind_downs else []
    return [
        {
            "wind_down": name,
            "of": declared.of,
            "expected": declared.expected,
            "since": declared.since.isoformat(),
            "until": declared.until.isoformat(),
            "people": len(belonging(rows, declared, snapshot.as_of)),
        }
        for name, declared in sorted(workspace.wind_downs.items())
    ]


def _unknown_clients(workspace: Workspace, snapshot: Snapshot) -> list[UnknownClient]:
    """Name the clients of the policy that nobody works for, with what may have been meant."""
    told = {
        client
        for table in ("assignments", "accounts")
        for client in snapshot.tables[table]["client"].unique().to_pylist()
    }
    known = sorted(client for client in told if client)
    return [
        {"client": name, "near": next(iter(near_names(name, known)), "")}
        for name in sorted({*workspace.policy.clients, *workspace.policy.reviewing.client_leads})
        if name not in known
    ]


def _named_nobody(workspace: Workspace, snapshot: Snapshot) -> list[NamedNobodyValue]:
    people, today = people_of(snapshot.tables["people"].to_pylist()), snapshot.as_of.date()
    return [
        {"file": one.file, "key": one.key, "name": one.name, "reason": one.reason}
        for one in named_nobody(workspace, people, today)
    ]


def _undeclared(workspace: Workspace, earlier: Sequence[Run]) -> list[CheckedSource]:
    """Name the sources of the run before that no file declares any more."""
    rows = undeclared_sources(workspace, snapshots.load(earlier[-1]).tables) if earlier else []
    return [
        {
            "source": row["source"],
            "connector": "",
            "complete": False,
            "verdicts": {
                row["subject"]: {"complete": False, "reason": row["reason"], "received": None, "expected": None}
            },
            "problems": {},
            "rows": {},
            "unusable": [],
        }
        for row in rows
    ]


class _Asked(TypedDict):
    coverage: coverage.Coverage
    judged: JudgedSummary | None
    nobody_has: tuple[WhoNobodyHas, ...]


def _asked(workspace: Workspace, snapshot: Snapshot) -> _Asked:
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        unmatched = role_members(engine, workspace).unmatched
        found = judged_summary(measure_judged(engine), manifest(snapshot, workspace))
        return {"coverage": coverage.measure(engine), "judged": found, "nobody_has": unmatched}


def _checked(name: str, source: ManifestSource, snapshot: Snapshot) -> CheckedSource:
    verdicts: dict[str, CheckedVerdict] = {
        subject: {"complete": v.complete, "reason": v.reason, "received": v.received, "expected": v.expected}
        for subject, v in source.verdicts.items()
    }
    return {
        "source": name,
        "connector": source.connector,
        "complete": source.complete,
        "verdicts": verdicts,
        "problems": dict(source.problems),
        "rows": {
            table: received
            for table in TABLES
            if table != "aliases" and table in source.verdicts and (received := source.verdicts[table].received)
        },
        "unusable": _unusable(snapshot, name),
    }


def readable_parts(workspace: Workspace, as_of: datetime) -> dict[str, tuple[ReadablePart, ...]]:
    """Ask each live source what its reader may and may not read, part by part, and what is lost without it.

    Sources that cannot tell, as their connectors declare, are left out; raises ``ConnectorError`` for one that cannot be reached.
    """
    parts = {}
    for entry in workspace.sources:
        opened = workspace.connected(entry)
        if tells_readable(opened):
            parts[entry.name] = opened.readable(as_of)
    return parts


SHOWN = 5
"""Unusable inputs that are named for each source; all of them are in the table ``problems``."""


def _unusable(snapshot: Snapshot, source: str) -> list[UnusableInput]:
    rows = [row for row in snapshot.tables["problems"].to_pylist() if row["source"] == source]
    return [{"locator": row["locator"], "kind": row["kind"], "reason": row["reason"]} for row in rows[:SHOWN]]


def _unresolved(workspace: Workspace, snapshot: Snapshot) -> list[UnresolvedPattern]:
    """List the patterns of templates that match nothing today."""
    return [
        {"place": workspace.place(f"{name} of {resolved.template.role}", str(pattern)), "pattern": str(pattern)}
        for resolved in roles.resolve(workspace.templates, snapshot.tables["entitlements"])
        for name in ("must", "may", "eligible")
        for pattern, origin in resolved.patterns[name]
        if origin == resolved.template.role and not resolved.matches[pattern]
    ]
