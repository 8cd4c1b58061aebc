"""Changes: what was granted, taken, joined, left and nested between an earlier run and one."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from access_review import runs, store
from access_review.artifacts import AUDIT
from access_review.engine import Engine
from access_review.errors import ArtifactError, Unclear
from access_review.explain.changed_access import ChangedAccess, find_changes
from access_review.review import establish
from access_review.revoke.states import PROVEN
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.store import logged, plans, reviews, snapshots
from access_review.workspace import Workspace

ACCEPTED = "accepted"


def read_changes(workspace: Workspace, run: Run, since: str = "") -> ChangedAccess:
    """Compare a run with an earlier one: by the start of its name or its day, ``accepted``, or the one before.

    Raises ``Unclear`` for none or one that is not earlier, ``ArtifactError`` for files of a run that are damaged, and
    ``PlanRefused`` for a journal that lost rows.
    """
    earlier = earlier_run(workspace.folder, run, since)
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine, reviews.previous(workspace.folder, run).owners)
        return changes_in(engine, workspace, snapshot, earlier)


def changes_in(engine: Engine, workspace: Workspace, snapshot: Snapshot, earlier: Run) -> ChangedAccess:
    """Compare the facts of a run, which an engine holds, with an earlier run.

    Raises ``ArtifactError`` for files that are damaged, ``PlanRefused`` for a journal that lost rows.
    """
    before = snapshots.load(earlier)
    removed = _removed(workspace.folder, earlier.as_of, snapshot.as_of)
    return find_changes(engine, before, snapshot, since=earlier.id, removed=removed)


def earlier_run(workspace: Path, run: Run, since: str = "") -> Run:
    """Return the run that is asked for, earlier than ``run``; raises ``Unclear`` for none."""
    earlier = logged.before(workspace, run)
    if not earlier:
        raise Unclear(f"{run.id} is the first run: there is none to compare it with", hint="collect again, later")
    if not since:
        return earlier[-1]
    if since == ACCEPTED:
        audited = logged.known_with(workspace, AUDIT.path, run.as_of)
        signed = [one for one in audited if store.read(one, AUDIT).signed_off_at]
        if not signed:
            raise Unclear("no run before this one was accepted", hint="access-review sign-off")
        return signed[-1]
    name = since.replace("-", "") if len(since) == len("2026-11-02") and since[4] == since[7] == "-" else since
    found = [one for one in earlier if one.id.startswith(name)]
    if not found:
        known = ", ".join(one.id for one in earlier[-5:])
        try:
            given = runs.find(workspace, name)
        except ArtifactError as error:
            raise Unclear(error.message, hint=error.hint or f"earlier ones: {known}") from None
        raise Unclear(f"{given.id} is not before {run.id}", hint=f"earlier ones: {known}")
    return found[-1] if name != since or len(found) == 1 else _several(since, found)


def _several(since: str, found: list[Run]) -> Run:
    raise Unclear(f"{len(found)} runs are called {since}", hint=", ".join(one.id for one in found[-5:]))


def _removed(workspace: Path, after: datetime, until: datetime) -> Mapping[tuple[str, str], str]:
    """Return what batches of ours took between two moments, by account (or child) and entitlement, and for whom."""
    removed = {}
    for plan, journal in plans.logged_journals(workspace):
        for change in plan.changes:
            status = journal.standings.get(change.id)
            at = status.at if status and status.state in PROVEN else None
            what = change.target.child or change.target.account
            if at and after <= at <= until and not change.action.restores and what and change.target.entitlement:
                by = f"batch of {plan.run}, asked for by {plan.requested_by}"
                removed[what.id, change.target.entitlement.id] = by
    return removed
