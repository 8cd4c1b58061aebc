"""Whether what a batch gave back counts as given back: limits then count less, so nobody's word is taken for it."""

from access_review.errors import AccessReviewError
from access_review.logbook.known import first_journals
from access_review.logbook.lines import Logbook, LogEvent
from access_review.revoke import approve
from access_review.store import plans
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


def is_backed(log: Logbook | None, stored: StoredPlan, workspace: Workspace) -> bool:
    """Tell whether a batch began with this very journal and, where it gives back, on what two people had signed.

    A line can be forged beside a forged journal; what people signed cannot. Everything is where there is no logbook yet.
    """
    if log is None:
        return True
    digest, place = stored.plan.digest, stored.journal.relative_to(workspace.folder / "runs").as_posix()
    if first_journals(log.entries).get(digest) != place:
        return False
    return not any(change.action.restores for change in stored.plan.changes) or _was_signed(log, stored, workspace)


def _was_signed(log: Logbook, stored: StoredPlan, workspace: Workspace) -> bool:
    """Tell whether people stood behind a plan when its batch began, whoever of those who may then carried it out."""
    plan, began = stored.plan, log.first(stored.plan.digest, LogEvent.BEGUN, LogEvent.JOURNAL)
    if began is None:
        return False
    try:
        people, seen, at = stored.signatories, plans.seen(stored, began.at), began.at
        approve.require(plan, stored.approvals, workspace.approvers, people, now=at, by=plan.requested_by, seen=seen)
    except AccessReviewError:
        return False
    return True
