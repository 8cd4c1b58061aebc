"""Collect: read every source into a new run."""

from datetime import datetime

from access_review import runs, snapshot
from access_review.runs import Run
from access_review.snapshot import Progress
from access_review.store import snapshots
from access_review.workspace import Workspace


def collect_run(
    workspace: Workspace, as_of: datetime, progress: Progress = lambda *_: None, *, chosen: bool = False
) -> Run:
    """Read every source into a new run; the newest run before ``as_of`` is what it is compared with.

    A moment that was ``chosen`` rather than now makes it a rehearsal where a source is read live.
    Raises ``WorkspaceError`` for what cannot be used as written, ``RosterFault`` for a roster.
    """
    earlier = [run for run in runs.all_runs(workspace.folder) if run.as_of < as_of]
    previous = earlier[-1] if earlier else None
    known = snapshots.load(previous) if previous else None
    collected = snapshot.collect(workspace, as_of, previous=known, progress=progress)
    return snapshots.save(collected, workspace, previous, rehearsal=chosen and bool(workspace.read_live()))
