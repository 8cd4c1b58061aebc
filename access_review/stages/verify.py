"""Verify: read again what a batch changed, and note in its journal what is proven."""

from collections.abc import Sequence
from datetime import datetime

from access_review import runs
from access_review.revoke import systems, verify
from access_review.revoke.states import State
from access_review.revoke.verify import Remaining, Verified
from access_review.store import plans, reviews
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


def verify_plan(
    stored: StoredPlan, workspace: Workspace, *, now: datetime, confirmed: Sequence[str] = (), by: str = ""
) -> tuple[Verified, ...]:
    """Read again what a batch changed, and note in its journal what is proven; ``by`` says what was done by hand."""
    plan, policy = stored.plan, workspace.policy
    with plans.writing(workspace.folder), JournalFile(stored.journal, plan.digest) as journal:
        for change in confirmed:
            verify.confirm(journal, change, by=by, now=now, reason="by hand")
        with systems.witnesses(workspace, plan.changes, now) as witnesses:
            return verify.verify(plan.changes, journal, witnesses, now=now, pace=policy.apply, targets=policy.targets)


def remaining_access(stored: StoredPlan, workspace: Workspace) -> tuple[Remaining, ...] | None:
    """Return what is still held by other paths, null while no run is newer than the batch."""
    later = [run for run in runs.all_runs(workspace.folder) if run.reviewed]
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        last = max((row.called_at for row in journal.changes if row.called_at), default=None)
        proven = {State.PENDING, State.REVOKED}
        gone = [change for change in stored.plan.changes if journal.standing(change.id).state in proven]
    if last is None or not later or later[-1].as_of < last.replace(microsecond=0):
        return None
    with reviews.opened(workspace, later[-1]) as facts:
        return verify.remaining(facts.engine, gone)
