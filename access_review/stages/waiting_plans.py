"""Plans that wait for approvals: known to the logbook, unexpired, not begun."""

from datetime import datetime
from pathlib import Path

from access_review.errors import AccessReviewError
from access_review.logbook.lines import LogEvent
from access_review.revoke import approve
from access_review.revoke.approve import Counted
from access_review.runs import Run
from access_review.store import journal, logged, plans
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


def waiting_plans(folder: Path, now: datetime) -> tuple[StoredPlan, ...]:
    """Return the plans that can still be approved, the newest first; one that cannot be read waits for nobody.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    log = logged.known(folder)
    newest = {next(iter(entry.files)): entry for entry in log.of(LogEvent.PLAN)} if log else {}
    found = []
    for path, entry in newest.items():
        run, _, rest = path.partition("/")
        try:
            stored = plans.find(Run(folder / "runs" / run), rest.partition("/")[0])
        except AccessReviewError:
            continue
        if stored.plan.digest == entry.name and now < stored.plan.expires_at and not journal.begun(stored.journal):
            found.append(stored)
    return tuple(sorted(found, key=lambda one: one.plan.made_at, reverse=True))


def signed_so_far(stored: StoredPlan, workspace: Workspace, now: datetime) -> Counted:
    """Return what was signed of a plan and counts now; raises ``PlanRefused`` and ``ArtifactError`` as reading it does."""
    valid = (stored.plan.made_at, stored.plan.expires_at)
    return approve.count_statements(
        stored.approvals,
        stored.plan.digest,
        workspace.approvers,
        stored.signatories,
        now=now,
        seen=plans.seen(stored),
        valid=valid,
    )
