"""Batches that began, and of which no line says how far their journal was: what they may have taken counts as taken.

A line follows each `apply`, however it ended, unless it was killed. Then the journal alone knows what was called,
and nobody could tell that it was taken away, or shortened.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from access_review import artifacts
from access_review.errors import PlanRefused
from access_review.logbook.known import unshown_journals
from access_review.revoke.journal_removals import CountedBatch
from access_review.revoke.states import ChangeStatus, State
from access_review.store import files, logged


def unshown_batches(workspace: Path, now: datetime, besides: Path | None = None) -> Iterator[CountedBatch]:
    """Yield each of them as if all changes of its plan had been called for, as late as it could; ``besides`` is a journal left out.

    Raises ``PlanRefused`` where the plan is gone too, so that nobody can say how much that is, and ``ArtifactError``
    for a damaged logbook.
    """
    log = logged.known(workspace)
    if log is None:
        return
    for place, line in unshown_journals(log.entries).items():
        path, begun = workspace / "runs" / place, log.entries[line - 1]
        if path == besides:
            continue
        plan_file = path.with_name("plan.json")
        if (
            not plan_file.exists()
            or (plan := files.read(plan_file, artifacts.plan(path.parent.name))).digest != begun.name
        ):
            raise PlanRefused(
                f"line {line} of the logbook began {place}, and neither says anybody what it took, nor lies its plan there",
                hint="restore runs/ from a backup",
            )
        at = max(begun.at, min(now, plan.expires_at))
        called = ChangeStatus(State.CALLING, at=at, intended_at=at, called_at=at)
        yield CountedBatch(plan, {change.id: called for change in plan.changes}, logged=False)
