"""What `watch` goes on from: the last whole run that was reviewed, and what audits have left open by now."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from access_review.errors import ArtifactError
from access_review.logbook.lines import Logbook
from access_review.review import Previous
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.stages.review import left_open
from access_review.store import logbook, logged, reviews, snapshots
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WatchBase:
    """The last whole run: how much was read of each source then, and what a review after it is told of before.

    ``stamp`` is of the logbook when that was read, ``log`` what was read of it, null where there is none, and
    ``reviewed`` is of the review.
    """

    run: Run
    snapshot: Snapshot
    previous: Previous
    stamp: tuple[int, int]
    log: Logbook | None = field(repr=False)
    reviewed: int

    @property
    def known(self) -> str:
        """What is another where anything is that a review is told of before."""
        said = repr((self.run.id, self.reviewed, self.previous.left_open))
        return f"{self.run.id} {hashlib.sha256(said.encode()).hexdigest()}"


def last_run(workspace: Workspace, now: datetime, before: WatchBase | None) -> WatchBase:
    """Return the last whole run; what is as it was ``before`` is not read again. Raises ``ArtifactError`` without one."""
    path = logbook.path_of(workspace.folder)
    about = path.stat() if path.exists() else None
    stamp = (about.st_size, about.st_mtime_ns) if about else (0, 0)
    if before and before.stamp == stamp:
        return before
    log = logged.known(workspace.folder)
    known = [run for run in logged.known_runs(workspace.folder) if run.reviewed]
    if not known:
        raise ArtifactError(
            f"{workspace.folder} has no reviewed run to go on from", hint="make one first: access-review audit"
        )
    run, reviewed = known[-1], reviews.written(known[-1])
    left = left_open(workspace, now)
    if before is None or (before.run.id, before.reviewed) != (run.id, reviewed):
        previous, snapshot = Previous(reviews.read(run).found, owners=reviews.owners(run)), snapshots.load(run)
    else:
        previous, snapshot = before.previous, before.snapshot
    if left.accepted != previous.left_open.accepted:
        previous = replace(previous, accepted=reviews.accepted_access(workspace.folder, left.accepted))
    return WatchBase(run, snapshot, replace(previous, left_open=left), stamp, log, reviewed)
