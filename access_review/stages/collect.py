"""Collect: read every source into a new run."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from access_review import connectors, snapshot
from access_review.connectors import Source
from access_review.errors import AccessReviewError, Mistake, WorkspaceError
from access_review.logbook import entries
from access_review.runs import Run
from access_review.snapshot.reading import Progress
from access_review.store import last_reads, logged, snapshots
from access_review.store.rights import Right, hold
from access_review.workspace import SourceEntry, Workspace


def collect_run(
    workspace: Workspace,
    as_of: datetime,
    progress: Progress = lambda *_: None,
    *,
    chosen: bool | None = None,
    trial: bool = False,
) -> Run:
    """Read every source into a new run; the newest run before ``as_of`` is what it is compared with.

    A moment that was ``chosen`` rather than now makes it a rehearsal where a source is read live; so
    is a ``trial``, which no later run is compared with. That it is the machine's own is written down where it is known to be.
    Raises ``WorkspaceError`` for what cannot be used as written, ``RosterFault`` for a roster.
    """
    with hold(workspace.folder, Right.CAMPAIGN, now=as_of, command="collect"):
        made = _collected(workspace, as_of, progress, chosen=bool(chosen), trial=trial)
        if not made.is_rehearsal:
            marks = logged.snapshot_marks(made)
            line = entries.run_made(made.id, as_of, marks, rehearsal=False, machine=chosen is False)
            logged.append(workspace.folder, line, command="collect")
    return made


def _collected(workspace: Workspace, as_of: datetime, progress: Progress, *, chosen: bool, trial: bool) -> Run:
    earlier = [run for run in logged.known_runs(workspace.folder) if run.as_of < as_of]
    previous = earlier[-1] if earlier else None
    known = snapshots.load(previous) if previous else None
    live = workspace.read_live(as_of)
    last = last_reads.of(earlier)
    collected = snapshot.collect(workspace, as_of, previous=known, last=last, progress=progress)
    return snapshots.save(collected, workspace, previous, rehearsal=trial or (chosen and bool(live)))


def file_mistakes(folder: Path, sources: Iterable[SourceEntry], *, as_of: datetime) -> list[Mistake]:
    """Return what is wrong in the files that some sources read: whoever mends a workspace mends its data in one go.

    A live source is not asked: what is declared of it cannot be used yet.
    """
    found: list[Mistake] = []
    for entry in sources:
        try:
            connector = connectors.load(entry.file.connector)(Source(entry.name, folder / "sources"), **entry.options)
            if connectors.is_recorded(connector) and not entry.is_retired(as_of):
                deque(connector.collect(as_of), maxlen=0)
        except WorkspaceError as error:
            found += error.mistakes or (Mistake(f"sources/{entry.name}.yaml", 0, 0, error.message, error.hint),)
        except AccessReviewError:
            continue  # it is said where the source is read
    return found
