"""Undo: plan to give back what a batch took."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from access_review.changes import Change
from access_review.plan.after_undo import tables_after_undo
from access_review.plan.proof import Failure, Proof, prove_undo
from access_review.plan.record import PinnedInputs, PinnedPosition, Plan, UndonePlan
from access_review.revoke import undo
from access_review.runs import Run
from access_review.store import plans, reviews, snapshots
from access_review.store.journal import JournalFile
from access_review.store.pinned import pin
from access_review.store.plans import UNDO, StoredPlan
from access_review.store.unshown import note_killed
from access_review.views import plan_folder
from access_review.workspace import Workspace


def undo_plan(
    stored: StoredPlan, newest: Run, workspace: Workspace, *, requested_by: str, now: datetime
) -> tuple[Plan, tuple[Path, ...]]:
    """Plan to give back what a batch took, beside the newest run; raises ``PlanRefused`` and ``Unclear``."""
    plans.refuse_name(newest, UNDO)
    reviews.refuse_changed(newest, workspace)
    plans.require_journals(workspace.folder)
    with plans.writing(workspace.folder, now, "undo"):
        note_killed(stored, now, "undo")
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        rows = journal.rows
    inputs = pin(workspace.folder, newest, now=now, reviewed=False)
    made = derive_undo(stored, rows, newest, workspace, requested_by=requested_by, now=now, name=UNDO, inputs=inputs)
    reasons = {change.id: f"taken by {stored.plan.digest}" for change in stored.plan.changes}
    return made, plans.write(newest, UNDO, made, plan_folder.files(made, reasons))


def derive_undo(
    stored: StoredPlan,
    rows: int,
    newest: Run,
    workspace: Workspace,
    *,
    requested_by: str,
    now: datetime,
    name: str,
    inputs: PinnedInputs,
) -> Plan:
    """Derive what gives back what a batch took by the first rows of its journal, beside a run; ``inputs`` are of that run.

    Raises ``PlanRefused`` for a batch that took nothing away.
    """
    now_held, before, report = snapshots.load(newest), snapshots.load(stored.run), reviews.read(newest)
    found = reviews.read(stored.run).pieces()
    known = frozenset(finding for piece in found for finding in piece["finding"].to_pylist())

    def prove(changes: Sequence[Change]) -> Proof | Failure:
        after = tables_after_undo(now_held.tables, before.tables, changes)
        return prove_undo(now_held, after, workspace, report, known, changes)

    with JournalFile(stored.journal, stored.plan.digest) as journal:
        head, standings = journal.upto(rows)
    journalled = PinnedPosition(f"{stored.run.id}/{stored.name}", rows, head)
    undone = UndonePlan(stored.run.id, stored.name, stored.plan.digest, journalled)
    return undo.undo(
        stored.plan,
        standings,
        now_held,
        workspace,
        run=newest.id,
        name=name,
        inputs=replace(inputs, accepted=None, taken=(), undoes=undone),
        requested_by=requested_by,
        now=now,
        prove=prove,
    )
