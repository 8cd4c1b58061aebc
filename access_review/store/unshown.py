"""Batches that were killed: what they may have taken counts as taken, whatever their journals say.

A line follows each `apply`, however it ended, unless it was killed. Then the journal alone knows what was called,
and nobody could tell that it was taken away, or shortened: neither while the batch lies there, nor once it went on.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from access_review import artifacts
from access_review.errors import PlanRefused
from access_review.logbook import entries
from access_review.logbook.known import unshown_calls
from access_review.plan.recent_removals import WEEK
from access_review.revoke.journal_removals import CountedBatch
from access_review.revoke.states import ChangeStatus, State
from access_review.store import files, logged
from access_review.store.journal import begun
from access_review.store.plans import StoredPlan


def note_killed(stored: StoredPlan, now: datetime, command: str) -> None:
    """Write down that a batch was killed, where it was, and how far its journal says it was then; who holds the right to it asks.

    Raises ``PlanRefused`` where the journal is gone, or was emptied: its first row was there before the batch began. Raises
    ``ArtifactError`` as :func:`access_review.store.logged.append` does, and for a damaged journal.
    """
    workspace, digest = stored.run.workspace, stored.plan.digest
    log = logged.known(workspace)
    for calls in unshown_calls(log.entries) if log else ():
        if calls.plan == digest and calls.until is None:
            path = workspace / "runs" / calls.journal
            if not begun(path):
                hint = "restore runs/ from a backup, or plan again: all that this plan has counts as taken"
                raise PlanRefused(f"the journal {calls.journal} is gone or empty, and the batch had begun", hint=hint)
            mark = logged.journal_mark(path)
            logged.append(workspace, entries.journal_found(digest, now, calls.journal, mark), command=command)


def unshown_batches(workspace: Path, now: datetime, besides: Path | None = None) -> Iterator[CountedBatch]:
    """Yield each of them as if all changes of its plan had been called for, as late as it could; ``besides`` is a journal left out.

    Raises ``PlanRefused`` where the plan is gone too, so that nobody can say how much that is, and ``ArtifactError``
    for a damaged logbook.
    """
    log = logged.known(workspace)
    if log is None:
        return
    for calls in unshown_calls(log.entries):
        path, until = workspace / "runs" / calls.journal, calls.until or now
        plan_file = path.with_name("plan.json")
        if path == besides or (now - until > WEEK and not plan_file.exists()):
            continue
        if (
            not plan_file.exists()
            or (plan := files.read(plan_file, artifacts.plan(path.parent.name))).digest != calls.plan
        ):
            raise PlanRefused(
                f"line {calls.line} of the logbook began {calls.journal}, and neither says anybody what it took, "
                "nor lies its plan there",
                hint="restore runs/ from a backup",
            )
        at = max(log.entries[calls.line - 1].at, min(until, plan.expires_at))
        called = ChangeStatus(State.CALLING, at=at, intended_at=at, called_at=at)
        yield CountedBatch(plan, {change.id: called for change in plan.changes}, backed=False)
