"""Compare roles: the same run reviewed under two folders of role files, before a change of them is taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from access_review import workspace as workspaces
from access_review.changes import Capabilities, Change
from access_review.engine import Engine
from access_review.errors import PlanRefused
from access_review.explain.role_change import PlanChange, RoleChange, compare
from access_review.plan.plan import plan
from access_review.plan.requested_changes import requested_changes
from access_review.review import Report, review
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.store import reviews, snapshots
from access_review.workspace import Workspace

_ASKS = "roles diff"


def compare_roles(folder: Path, run: Run, before: Path, after: Path) -> RoleChange:
    """Review a run under the role files of ``before`` and of ``after``, writing nothing, and say what differs.

    Raises ``WorkspaceError`` for mistakes in either folder and ``ArtifactError`` for a damaged run.
    """
    former, changed = (workspaces.load(folder, roles) for roles in (before, after))
    was, then = _outcome(former, run), _outcome(changed, run)
    return replace(compare(was.findings, then.findings), plan=_plans(was, then))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a review finds and what a plan for all of it would change, by what it is about; or why there is none."""

    findings: pa.Table
    changes: Mapping[tuple[str, ...], str]
    why_not: str = ""


def _outcome(workspace: Workspace, run: Run) -> _Outcome:
    snapshot = snapshots.load(run)
    known = reviews.previous(workspace.folder, run)
    with reviews.engine_of(workspace, snapshot) as engine:
        report = review(snapshot, workspace, engine, known)
        findings, capabilities = report.findings, workspace.capabilities()
        asked = requested_changes(snapshot, workspace, engine, capabilities, _ASKS)
        why_not = _refusal(snapshot, workspace, engine, report, capabilities)
    return _Outcome(findings, {(c.action, c.target.source, *c.target.key): _words(c) for c in asked}, why_not)


def _refusal(
    snapshot: Snapshot, workspace: Workspace, engine: Engine, report: Report, capabilities: Mapping[str, Capabilities]
) -> str:
    """Say why a plan for everything would be refused, if it would."""
    try:
        plan(
            snapshot,
            workspace,
            engine,
            report,
            requested_by=_ASKS,
            now=snapshot.as_of,
            capabilities=capabilities,
        )
    except PlanRefused as refused:
        return refused.message
    return ""


def _words(change: Change) -> str:
    things = (change.target.account, change.target.child, change.target.entitlement)
    return f"{change.action}: {' / '.join(one.name for one in things if one)}"


def _plans(was: _Outcome, then: _Outcome) -> PlanChange:
    why_not = tuple(f"{when}: {one.why_not}" for when, one in (("before", was), ("after", then)) if one.why_not)
    appear = tuple(then.changes[key] for key in sorted(then.changes.keys() - was.changes.keys()))
    go = tuple(was.changes[key] for key in sorted(was.changes.keys() - then.changes.keys()))
    return PlanChange(len(was.changes), len(then.changes), appear, go, why_not)
