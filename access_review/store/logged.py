"""What the stages write down in the logbook, and whether a run is as the logbook knows it.

A workspace from before there was a logbook gets one at the first line that any stage adds:
what lies there then is taken as it is, each run with a line of its own.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from access_review import artifacts, runs, store
from access_review.artifacts import (
    AUDIT,
    CONTROL,
    COUNTS,
    DECISIONS,
    DECLARED,
    FRAME,
    MANIFEST,
    REVIEWED,
    SAMPLE,
    STATE,
    WORKLIST,
)
from access_review.audit import reviewers
from access_review.errors import AccessReviewError, ArtifactError
from access_review.guarded_files.plain import read_plain
from access_review.logbook import entries
from access_review.logbook.known import Discrepancy, compare_file, known_things
from access_review.logbook.lines import FileMark, Logbook, LogEntry, LogEvent, StoreMark
from access_review.logbook.tree import TreeHead
from access_review.runs import Run
from access_review.store import decisions, files, hash_chain, logbook, logbook_check, snapshots
from access_review.store.recalled import mark_again
from access_review.store.rights import Right, hold

FINDINGS = "findings.parquet"
OWNERS = "owners.parquet"
CAMPAIGN = (FRAME.path, WORKLIST.path, SAMPLE.path, AUDIT.path)
"""The files of an audit, whose draw is one line."""
REVIEW = (CONTROL.path, COUNTS.path, FINDINGS, OWNERS, DECLARED.path, REVIEWED.path)
_FROM_BEFORE = "from before the logbook"


def known(workspace: Path) -> Logbook | None:
    """Return the logbook; nothing where none was begun. Raises ``ArtifactError`` for a damaged one."""
    return logbook.read(workspace) if logbook.path_of(workspace).exists() else None


def known_runs(workspace: Path) -> list[Run]:
    """Return the whole runs that the logbook knows, oldest first; all of them where there is no logbook yet.

    What merely lies there was never finished, or was put there. Raises ``ArtifactError`` for a damaged logbook.
    """
    there = runs.all_runs(workspace)
    if not there or (log := known(workspace)) is None:
        return there
    lines = _lines_of_runs(log)
    return sorted((run for run in there if run.id in lines), key=lambda run: (run.as_of, lines[run.id]))


def _lines_of_runs(log: Logbook) -> dict[str, int]:
    """Return where the logbook says last that each run was collected, but for those that were pruned."""
    gone = pruned(log)
    made = (entry.name for entry in log.of(LogEvent.RUN))
    return {name: number for number, name in enumerate(made) if name not in gone}


def find(workspace: Path, name: str | None = None, *, reviewed: bool = False) -> Run:
    """Return a run as :func:`access_review.runs.find` does; of those of one moment, the one that the logbook knows last.

    Times of files can be set by whoever may write them. Raises ``ArtifactError``, also for a damaged logbook.
    """
    found = runs.find(workspace, name, reviewed=reviewed)
    if name is not None:
        return found
    of_then = [one for one in known_runs(workspace) if one.as_of == found.as_of and (one.reviewed or not reviewed)]
    return of_then[-1] if of_then else found


def machine_timed(workspace: Path, run: str | None = None) -> bool:
    """Tell whether any run, or the one of that id, is known to be of a moment of the machine's clock, which dates files too. Raises ``ArtifactError`` for a damaged logbook."""
    log = known(workspace)
    made = log.of(LogEvent.RUN) if log else ()
    return any(entry.details.get("clock") == "machine" and run in {None, entry.name} for entry in made)


def newest_reviewed(workspace: Path) -> Run | None:
    """Return the newest reviewed run; nothing before the first. Raises ``ArtifactError`` for a damaged logbook."""
    return next((run for run in reversed(known_runs(workspace)) if run.reviewed), None)


def pruned(log: Logbook) -> frozenset[str]:
    """Return what was removed by `prune`: what lies there under such a name was put there since."""
    return frozenset(name for entry in log.of(LogEvent.PRUNE) for name in entry.removed)


def before(workspace: Path, run: Run) -> list[Run]:
    """Return the known runs about a moment before that of ``run``, oldest first.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    return [one for one in known_runs(workspace) if one.as_of < run.as_of]


def begin(workspace: Path, at: datetime, command: str = "") -> tuple[Logbook, int]:
    """Return the logbook, and how many runs from before it were taken into it now.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    with hold(workspace, Right.STORE, now=at, command=command):
        if log := known(workspace):
            return log, 0
        found = runs.all_runs(workspace)
        for run in found:
            _import_decisions(workspace, run, at)
        log = logbook.begin(workspace, at, command=command, known=[*_from_before(workspace, found, at)])
        return log, len(found)


def append(workspace: Path, *lines: LogEntry, command: str = "") -> TreeHead:
    """Add lines to the logbook, begun where there is none; raises as :func:`access_review.store.logbook.append` does."""
    begin(workspace, lines[0].at, command)
    return logbook.append(workspace, *lines, command=command)


def replace_files(workspace: Path, line: LogEntry, contents: Mapping[str, bytes], command: str = "") -> TreeHead:
    """Write files that the logbook knows, and the line about them; the logbook is begun where there is none.

    Raises ``ArtifactError`` as :func:`append` does.
    """
    begin(workspace, line.at, command)
    return logbook.replace_files(workspace, line, contents, command=command)


def marks(run: Run, paths: tuple[str, ...]) -> dict[str, FileMark]:
    """Return size and digest of those of a run's files that are there, by their path below ``runs/``.

    Raises ``ArtifactError`` for a file that cannot be read.
    """
    there = [path for path in paths if (run.folder / path).is_file()]
    return {f"{run.id}/{path}": logbook.mark_of(run.folder / path) for path in there}


def snapshot_marks(run: Run) -> dict[str, FileMark]:
    """Return size and digest of what was collected into a run.

    Raises ``ArtifactError`` for a file that cannot be read.
    """
    tables = sorted(path.relative_to(run.folder).as_posix() for path in (run.folder / "snapshot").glob("*.parquet"))
    return marks(run, (MANIFEST.path, *tables))


def require_run(log: Logbook, run: Run, remade: Collection[str] = ()) -> None:
    """Hold a run against the logbook; raises ``ArtifactError`` for one that no line names, and for changed records of it.

    Tables are held to the digests that these records have of them, by whoever reads them. ``remade`` are records, by
    their path in the run, that are about to be made again: who was killed at that left them half so.
    """
    if run.is_rehearsal:
        return  # nothing rests on it
    if log.latest(LogEvent.RUN, run.id) is None or run.id in pruned(log):
        hint = "a run that merely lies there counts for nothing: collect again"
        raise ArtifactError(f"run {run.id} is not known to the logbook", hint=hint)
    for path, file in known_things(log.entries).files.items():
        within = path.removeprefix(run.id + "/")
        if within != path and not within.endswith((".parquet", "plan.json")) and within not in remade:
            for one in compare_file(path, file, _mark(run.folder.parent / path)):
                raise ArtifactError(str(one), hint="restore runs/ from a backup, or make it again")


def holds(log: Logbook | None, run: Run, path: str) -> bool:
    """Tell whether a run has a record, by its path there, that the logbook knows: what merely lies there counts for nothing.

    All counts where there is no logbook yet, and of a rehearsal, on which nothing rests. Raises ``ArtifactError`` for a
    record that is another than the logbook says.
    """
    if not (run.folder / path).is_file():
        return False
    if log is None or run.is_rehearsal:
        return True
    known_file = known_things(log.entries).files.get(f"{run.id}/{path}")
    if known_file is None:
        return False
    for one in compare_file(f"{run.id}/{path}", known_file, mark_again(run.folder / path)):
        raise ArtifactError(str(one), hint="restore runs/ from a backup, or make it again")
    return True


def known_with(workspace: Path, path: str, until: datetime | None = None) -> list[Run]:
    """Return the runs that have a record, by its path there, oldest first: all, or those about a moment before ``until``.

    Raises ``ArtifactError`` as :func:`holds` does.
    """
    log, there = known(workspace), known_runs(workspace)
    return [run for run in there if (until is None or run.as_of < until) and holds(log, run, path)]


def require_file(log: Logbook, workspace: Path, path: Path) -> bytes:
    """Return the bytes of a file of ``runs/`` as the logbook knows them; raises ``ArtifactError``."""
    try:
        data = read_plain(path, files.LARGEST)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}", hint="restore runs/ from a backup") from None
    logbook_check.require(log, path.relative_to(workspace / "runs").as_posix(), data)
    return data


def glance(workspace: Path, log: Logbook) -> tuple[Discrepancy, ...]:
    """List what is gone or has another size, quickly."""
    return logbook_check.glance(workspace, log)


def journal_mark(path: Path) -> StoreMark:
    """Return how many rows a journal has, and the hash of the last.

    Raises ``ArtifactError`` for a row that is not as it was written.
    """
    rows = hash_chain.chained_rows(path)
    return StoreMark(len(rows), str(rows[-1]["digest"]) if rows else hash_chain.START)


def _import_decisions(workspace: Path, run: Run, at: datetime) -> None:
    """Take the decisions of an older run into the store; who gave them is what they say of themselves."""
    if not store.has(run, DECISIONS):
        return
    people = reviewers.people_of(snapshots.people(run))
    said = store.read(run, DECISIONS).history
    decisions.write_decisions(
        workspace, run.id, lambda now: decisions.claimed(decisions.unread(now, said), people.who), now=at
    )


def _mark(path: Path) -> FileMark | None:
    return logbook.mark_of(path) if path.exists() else None


def _from_before(workspace: Path, before: list[Run], at: datetime) -> Iterator[LogEntry]:
    root = workspace / "runs"
    for run in before:
        yield entries.run_made(run.id, at, snapshot_marks(run), rehearsal=False)
        if run.reviewed:
            yield entries.run_reviewed(run.id, at, marks(run, REVIEW))
        if found := marks(run, CAMPAIGN):
            yield entries.campaign_changed(run.id, at, found)
        for path in sorted(run.folder.glob("*/plan.json")):
            yield from _plan_from_before(root, run, path, at)
    if mark := decisions.position(workspace) if decisions.path_of(workspace).exists() else None:
        yield entries.decisions_at(at, decisions.STORE, mark, run="", read=mark.position)
    if (root / STATE.path).is_file():
        yield entries.state_kept(at, {STATE.path: logbook.mark_of(root / STATE.path)})


def _plan_from_before(root: Path, run: Run, path: Path, at: datetime) -> Iterator[LogEntry]:
    try:
        digest = files.read(path, artifacts.plan(path.parent.name)).digest
    except (OSError, AccessReviewError):
        return  # altered, or another version's: nothing is built on it
    yield entries.plan_made(digest, at, run.id, path.relative_to(root).as_posix(), logbook.mark_of(path))
    for file in sorted((path.parent / "approvals").glob("*.json")):
        mark, place = logbook.mark_of(file), file.relative_to(root).as_posix()
        yield entries.statement_signed(mark.digest, at, place, mark, kind=_FROM_BEFORE, about=digest, person="")
    journal = path.with_name("journal.sqlite")
    if journal.is_file() and (at_row := journal_mark(journal)).position:
        place = journal.relative_to(root).as_posix()
        yield entries.batch_begun(digest, at, place, executor="", run=run.id)
        yield entries.journal_at(digest, at, place, at_row)
