"""Prune: remove runs that the policy keeps no longer and that nothing rests on; what is removed stays provable."""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access_review import artifacts, runs, store
from access_review.artifacts import AUDIT, MANIFEST
from access_review.errors import AccessReviewError, ArtifactError
from access_review.logbook import entries
from access_review.logbook.known import known_things
from access_review.logbook.lines import FileMark, Logbook
from access_review.model import kept_moment
from access_review.plan.record import PinnedInputs, Plan
from access_review.policy import Retention
from access_review.revoke.states import TERMINAL
from access_review.runs import Run
from access_review.stages.notify import FOLDER
from access_review.store import decisions, files, forgotten_decisions, hash_chain, last_reads, logbook_check, logged
from access_review.store.journal import JournalFile, begun
from access_review.store.plans import JOURNAL
from access_review.store.rights import Right, hold
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Prunable:
    """A run whose time is over: of which kind it is, since when it is not needed, and why it is kept where it is."""

    run: Run
    kind: str
    since: datetime
    kept: str = ""

    @property
    def name(self) -> str:
        """What its folder is called."""
        return self.run.id


def list_prunable(workspace: Workspace, now: datetime) -> tuple[Prunable, ...]:
    """List the runs whose time is over by the policy, oldest first, those that something rests on with the reason."""
    known, retention = logged.known_runs(workspace.folder), workspace.policy.retention
    log = logged.known(workspace.folder)
    needed = _needed(known, log, now)
    differs = {one.path.split("/")[0]: str(one) for one in logbook_check.glance(workspace.folder, log)} if log else {}
    found = []
    for run in known:
        kind, age = _kind(run, now, retention)
        if age is not None:
            found.append(Prunable(run, kind, age, needed.get(run.id) or differs.get(run.id, "")))
    return (*found, *_rehearsals(workspace, now))


@dataclass(frozen=True, slots=True)
class Remainder:
    """What outlived its runs: how many decisions there are of runs that are gone, and the notices whose time is over."""

    decisions: int
    notices: tuple[Path, ...]


def list_remainder(workspace: Workspace, listed: Iterable[Prunable], now: datetime) -> Remainder:
    """List what goes besides the runs that are ``listed``: what reviewers answered about them, and old notices."""
    log = logged.known(workspace.folder)
    gone = (logged.pruned(log) if log else frozenset()) | {one.name for one in listed if not one.kept}
    until = now - workspace.policy.retention.notices
    found = (path for path in sorted((workspace.folder / FOLDER).glob("*.txt")) if _NOTICE.fullmatch(path.name))
    notices = tuple(path for path in found if datetime.strptime(path.name[:16], _STAMP).replace(tzinfo=UTC) <= until)
    return Remainder(forgotten_decisions.count_of(workspace.folder, gone), notices)


_NOTICE, _STAMP = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}\.txt"), "%Y%m%dT%H%M%SZ"
_FILES_OF_A_LINE = 2000


def prune(workspace: Workspace, now: datetime) -> tuple[tuple[Prunable, ...], Remainder]:
    """Remove the runs whose time is over and that nothing rests on, and what outlived them; return all that is over.

    First the logbook says what goes, with its digests; what a crash left of a removed run goes the next time.
    """
    folder = workspace.folder
    with hold(folder, Right.CAMPAIGN, now=now, command="prune"), hold(folder, Right.BATCH, now=now, command="prune"):
        listed = list_prunable(workspace, now)
        log = logged.known(folder)
        for one in listed:
            if one.kept:
                continue
            if log and not one.run.is_rehearsal:
                _say(one, log, now, workspace.policy.retention)
            _remove(one.run)
        for left in _left_over(folder / "runs", logged.known(folder)):
            _take_away(left)
        remainder = list_remainder(workspace, (), now)
        if log:
            _remove_notices(workspace, remainder.notices, now)
            _forget_decisions(folder, now)
    return listed, remainder


def _remove_notices(workspace: Workspace, notices: Sequence[Path], now: datetime) -> None:
    """Remove what people were told long ago; the logbook keeps the digest of each."""
    why = f"notices, kept {workspace.policy.retention.notices.days} days by the policy"
    for some in (notices[at : at + _FILES_OF_A_LINE] for at in range(0, len(notices), _FILES_OF_A_LINE)):
        removed = {f"notices/{path.name}": files.digest_of(path) for path in some}
        line = entries.pruned_files("notices", now, why=why, removed=removed)
        logged.append(workspace.folder, line, command="prune")
        for path in some:
            path.unlink(missing_ok=True)


def _forget_decisions(folder: Path, now: datetime) -> None:
    """Take out of the store what reviewers answered about runs that are gone; the logbook keeps what it was before."""
    with hold(folder, Right.STORE, now=now, command="prune"):
        log = logged.known(folder)
        gone = logged.pruned(log) if log else frozenset()
        if log is None or not forgotten_decisions.count_of(folder, gone):
            return
        logbook_check.require_store(log, folder, decisions.STORE)
        before = decisions.position(folder)
        why = f"the answers about runs that were pruned, of {before.position} in all"
        removed = {decisions.STORE: before.head}
        logged.append(folder, entries.pruned_files(decisions.STORE, now, why=why, removed=removed), command="prune")
        mark = forgotten_decisions.forget(folder, gone)
        line = entries.decisions_at(now, decisions.STORE, mark, run="", read=0)
        logged.append(folder, line, command="prune")


def _kind(run: Run, now: datetime, retention: Retention) -> tuple[str, datetime | None]:
    """Return of which kind a run is, and until when it was kept; nothing while it still is."""
    journals = [path for path in run.folder.glob(f"*/{JOURNAL}") if begun(path)]
    if journals or any(run.folder.glob("*/approvals/*.json")):
        kind, until = "batch", max([run.as_of, *map(_last_row, journals)]) + retention.batches
    elif store.has(run, AUDIT):
        kind, until = "audit", run.as_of + retention.audits
    else:
        kind, until = "run", run.as_of + retention.runs
    return kind, until if until <= now else None


def _last_row(journal: Path) -> datetime:
    """Return when something was last done by a journal; what cannot be read is not over."""
    try:
        return kept_moment(str(hash_chain.chained_rows(journal)[-1]["at"]))
    except (ArtifactError, ValueError):
        return datetime.max.replace(tzinfo=UTC) - timedelta(days=100_000)


def _needed(known: list[Run], log: Logbook | None, now: datetime) -> Mapping[str, str]:
    """Return the runs that something rests on, by id, each with what that is."""
    needed: dict[str, str] = {}
    for run in known:
        for why, others in _open_plans(run, now):
            needed |= dict.fromkeys(others, f"a plan of {run.id} rests on it: {why}") | {run.id: why}
    for run_id, source in last_reads.rests_on(known).items():
        needed[run_id] = f"the next read of {source} is held against it"
    audits = [(run, store.read(run, AUDIT)) for run in known if logged.holds(log, run, AUDIT.path)]
    for run, audit in audits:
        if audit.signed_off_at is None:
            needed[run.id] = f"the audit of {audit.week} is not signed off"
    if audits:
        needed[audits[-1][0].id] = "it has the newest audit, and what that left open"
    if signed := [run for run, audit in audits if audit.signed_off_at]:
        needed[signed[-1].id] = "it has the population that was accepted last"
    reviewed = [run for run in known if run.reviewed]
    needed |= {run.id: "the newest review is held against it" for run in reviewed[-2:-1]}
    needed |= {run.id: "it is the newest" for run in (*reviewed[-1:], *known[-1:])}
    return needed


def _open_plans(run: Run, now: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield why a plan of a run is not over, and the runs that it rests on."""
    for path in sorted(run.folder.glob("*/plan.json")):
        name = path.parent.name
        try:
            plan = files.read(path, artifacts.plan(name))
            open_ = _open_changes(path.with_name(JOURNAL), plan)
        except AccessReviewError as error:
            yield f"its {name} cannot be read: {error.message}", ()
            continue
        if open_:
            yield f"{open_} of its {name} is neither proven nor given up (verify)", _runs_of(plan.inputs)
        elif now < plan.expires_at and plan.changes:
            yield f"its {name} may still be carried out", _runs_of(plan.inputs)


def _open_changes(journal: Path, plan: Plan) -> str:
    """Return a change of a batch that has not come to its end; nothing where all have, or none was begun."""
    if not journal.exists():
        return ""
    with JournalFile(journal, plan.digest) as opened:
        return next((name for name, status in sorted(opened.standings.items()) if status.state not in TERMINAL), "")


def _runs_of(inputs: PinnedInputs | None) -> tuple[str, ...]:
    """Return the runs that a plan is derived from."""
    if inputs is None:
        return ()
    pinned = [one.run for one in (inputs.previous, inputs.accepted, inputs.owners, inputs.undoes) if one]
    return (*pinned, *(one.of.split("/")[0] for one in (*inputs.decisions, *inputs.taken)))


def _rehearsals(workspace: Workspace, now: datetime) -> Iterator[Prunable]:
    """Yield trials and rehearsals that are old by when they were made: the moment that they are about was chosen."""
    for folder in sorted((workspace.folder / "runs" / runs.REHEARSALS).glob("*-*")):
        made = folder / MANIFEST.path
        if runs.is_name(folder.name) and made.is_file():
            until = datetime.fromtimestamp(made.stat().st_mtime, UTC) + workspace.policy.retention.rehearsals
            if until <= now:
                yield Prunable(Run(folder), "rehearsal", until)


def _say(one: Prunable, log: Logbook, now: datetime, retention: Retention) -> None:
    """Write down what is about to be removed: every file that the logbook knows below it, by its digest."""
    things, below = known_things(log.entries), one.run.id + "/"
    removed: dict[str, FileMark] = {
        path: known.marks[-1] for path, known in things.files.items() if path.startswith(below)
    }
    removed |= {
        path: FileMark(known.mark.position, known.mark.head)
        for path, known in things.stores.items()
        if path.startswith(below)
    }
    age = {"batch": retention.batches, "audit": retention.audits, "run": retention.runs}[one.kind]
    why = f"{one.kind}, kept {age.days} days by the policy"
    logged.append(one.run.workspace, entries.pruned(one.run.id, now, why=why, removed=removed), command="prune")


def _remove(run: Run) -> None:
    """Take a run away: first its name, so that half of one is never found as a run."""
    beside = run.folder.with_name(f".pruned-{run.id}")
    run.folder.rename(beside)
    _take_away(beside)


def _take_away(folder: Path) -> None:
    """Remove a folder, or the link that stands in its place and nothing that it leads to."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _left_over(folder: Path, log: Logbook | None) -> Iterator[Path]:
    """Yield what a removal that was broken off left."""
    yield from sorted(folder.glob(".pruned-*"))
    for name in sorted(logged.pruned(log)) if log else ():
        if runs.is_name(name) and (folder / name).is_dir():
            yield folder / name
