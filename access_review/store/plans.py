"""Plans on disk: each in a folder of its run, with its approvals, its journal and the lists people work by."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from access_review import artifacts
from access_review.errors import ArtifactError, PlanRefused, Unclear
from access_review.logbook import entries
from access_review.logbook.known import first_journals, known_things
from access_review.logbook.lines import Logbook, LogEvent
from access_review.plan.record import Plan
from access_review.policy import SHORTEST_KEPT
from access_review.revoke import signed_wind_down
from access_review.revoke.approve import Approved, Seen, Signatories, StatementKind
from access_review.runs import Run
from access_review.store import files, logbook, logbook_check, logged, rosters, snapshots
from access_review.store.journal import JournalFile, begun
from access_review.store.rights import Right, hold
from access_review.workspace import Workspace

PLAN, AHEAD, STANDING, UNDO, REMOVAL = "plan", "ahead", "standing", "undo", "removal"
"""The names of plans that commands give by themselves."""

STANDING_APPROVALS = "roles/approvals"
"""Where the signatures of the standing approval and of wind-downs are: in the workspace, since these belong to no run."""

SIGNED_HERE = "runs/approvals"
"""Where such signatures are that were given in the browser: the server never writes ``roles/``."""

JOURNAL = "journal.sqlite"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_FOLDERS = frozenset(("snapshot", "sample", "clients", "sign-off"))
"""What lies in a run besides plans."""
_DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))))
"""What no folder can be called on Windows."""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan on disk: its run and name there, and what it says."""

    run: Run
    name: str
    plan: Plan

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.run.folder / self.name

    @property
    def journal(self) -> Path:
        """Where its journal is."""
        return journal_of(self.run, self.name)

    @property
    def signatories(self) -> Signatories:
        """Who is who by the roster of its run; raises ``ArtifactError`` for files of a run that are damaged or gone."""
        return signatories(self.run)

    @property
    def approvals(self) -> list[bytes]:
        """What was signed about it; raises ``ArtifactError`` for a file that cannot be read."""
        return signed(self)


def signatories(run: Run) -> Signatories:
    """Return who is who by the roster of a run; raises ``ArtifactError``."""
    return rosters.signatories_of(run)


def journal_of(run: Run, name: str) -> Path:
    """Return where the journal of a plan is, whether there is one or not."""
    return run.folder / name / JOURNAL


def writing(workspace: Path, now: datetime, command: str) -> AbstractContextManager[None]:
    """Hold the one right to carry plans out in a workspace; raises ``PlanRefused`` while another process has it.

    Raises ``ArtifactError`` where no lock can be had.
    """
    return hold(workspace, Right.BATCH, now=now, command=command)


def find(run: Run, name: str) -> StoredPlan:
    """Read a plan of a run; raises ``ArtifactError`` when there is none, ``PlanRefused`` for an altered one.

    Raises ``Unclear`` for a name that is no folder's.
    """
    if not _NAME.fullmatch(name):
        raise Unclear(f"{name!r} is no name for a plan", hint="small letters, digits and -, as in leavers-tonight")
    kind = artifacts.plan(name)
    snapshots.refuse_rehearsal(run)
    path = run.folder / kind.path
    if not path.exists():
        command = name if name in {PLAN, UNDO} else f"plan --name {name}"
        raise ArtifactError(f"{run.id} has no {name}", hint=f"access-review {command}")
    found = StoredPlan(run, name, files.read(path, kind))
    _refuse_elsewhere(found)
    if (log := logged.known(run.workspace)) is not None:
        _refusing(lambda: logged.require_file(log, run.workspace, path))
    return found


def _refusing(require: Callable[[], object]) -> None:
    """Refuse to go on with what the logbook knows otherwise; raises ``PlanRefused``."""
    try:
        require()
    except ArtifactError as error:
        raise PlanRefused(error.message, hint=error.hint) from None


def _refuse_elsewhere(stored: StoredPlan) -> None:
    """Raise ``PlanRefused`` for a plan that was made for another folder: it would have a second journal."""
    plan, folder = stored.plan, stored.folder
    if folder.resolve() != stored.run.folder.parent.resolve() / stored.run.id / stored.name:
        raise PlanRefused(f"{folder} leads elsewhere", hint="a plan is carried out from where it was made")
    made_for = f"{plan.run}/{plan.name or stored.name}"
    if made_for != f"{stored.run.id}/{stored.name}":
        raise PlanRefused(
            f"the plan in {stored.run.id}/{stored.name} was made as {made_for}",
            hint="a plan is carried out from where it was made",
        )


def refuse_chosen(name: str, usual: str) -> None:
    """Raise ``Unclear`` for a name that somebody chose and that is a command's own, or a folder's that is no plan's.

    ``usual`` is the name that it would have by itself.
    """
    own = {PLAN: "plan", AHEAD: "plan --ahead", STANDING: "apply --standing", UNDO: "undo", REMOVAL: "apply --standing"}
    if not name or name == usual:
        return
    if name in own:
        hint = "choose another name, as leavers-tonight, or give none"
        raise Unclear(f"{name!r} is what access-review {own[name]} calls its plan", hint=hint)
    if name in _FOLDERS or name in _DEVICES:
        why = "a folder of each run" if name in _FOLDERS else "a device on Windows, where no folder can be called so"
        raise Unclear(f"{name!r} is {why}", hint="choose another name, as leavers-tonight")


def refuse_name(run: Run, name: str) -> None:
    """Refuse a name that is no folder's, and to replace a plan that is being carried out.

    Raises ``Unclear`` for the one and ``PlanRefused`` for the other. Raises ``ArtifactError`` for a journal that cannot
    be opened.
    """
    if not _NAME.fullmatch(name):
        raise Unclear(f"{name!r} is no name for a plan", hint="small letters, digits and -, as in leavers-tonight")
    if begun(journal_of(run, name)):
        raise PlanRefused(
            f"the {name} of {run.id} is being carried out", hint="go on with it, or collect and review first"
        )


def write(
    run: Run, name: str, made: Plan, written: Mapping[str, bytes], *, obsolete: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write the files of a plan into its folder, by name, and take away what is ``obsolete``; return where they are.

    Raises ``ArtifactError`` as :func:`access_review.store.logged.append` does.
    """
    folder, record = run.folder / name, artifacts.plan(name).path
    for file in obsolete:
        (folder / file).unlink(missing_ok=True)
    for file, data in written.items():
        if f"{name}/{file}" != record:
            files.write(folder / file, data)
    place, data = f"{run.id}/{record}", written["plan.json"]
    line = entries.plan_made(made.digest, made.made_at, run.id, place, logbook.mark_of_bytes(data))
    logged.replace_files(run.workspace, line, {place: data}, "plan")
    return tuple(folder / file for file in written)


def envelopes(folder: Path) -> list[bytes]:
    """Return the signed statements of a folder; raises ``ArtifactError`` for a file that cannot be read."""
    return [files.content(path) for path in sorted(folder.glob("*.json"))]


def workspace_statements(workspace: Path) -> list[bytes]:
    """Return what was signed and belongs to no run: in the repository, and of what was signed in the browser all that the logbook knows of.

    Raises ``ArtifactError`` for a file that cannot be read, or is gone.
    """
    return envelopes(workspace / STANDING_APPROVALS) + signed_here(workspace)


def signed_here(workspace: Path) -> list[bytes]:
    """Return what was signed into ``runs/`` and belongs to no run; what merely lies there counts for nothing.

    Raises ``ArtifactError`` for a file that cannot be read, or is gone.
    """
    log = logged.known(workspace)
    return _known_below(workspace, log, workspace / SIGNED_HERE) if log else []


def signed(stored: StoredPlan) -> list[bytes]:
    """Return what was signed about a plan, all that the logbook knows of; raises ``ArtifactError`` for what is gone.

    What merely lies there counts for nothing: a signature that no line names was not given here.
    """
    workspace, folder = stored.run.workspace, stored.folder / "approvals"
    if (log := logged.known(workspace)) is None:
        return envelopes(folder)
    return _known_below(workspace, log, folder)


def _known_below(workspace: Path, log: Logbook, folder: Path) -> list[bytes]:
    below = folder.relative_to(workspace / "runs").as_posix() + "/"
    names = sorted(path for path in known_things(log.entries).files if path.startswith(below))
    return [logged.require_file(log, workspace, workspace / "runs" / path) for path in names]


def seen(stored: StoredPlan, until: datetime | None = None) -> Seen:
    """Return what signatures of a plan are held against; raises ``PlanRefused`` where no logbook knows the plan.

    What was taken back after ``until`` is as if it had not been yet. Raises ``ArtifactError`` for a damaged logbook.
    """
    log = _log_of(stored.run.workspace)
    line = log.line_of(LogEvent.PLAN, stored.plan.digest)
    if line is None:
        raise PlanRefused("the logbook does not know that this plan was made", hint="plan again")
    older = stored.plan.format.endswith("@1")
    return Seen(log, stored.run.id, line, older, _withdrawn(log, until))


def seen_standing(workspace: Path, until: datetime | None = None) -> Seen:
    """Return what signatures of the standing approval are held against; they belong to no run.

    What was taken back after ``until`` is as if it had not been yet. Raises ``PlanRefused`` without a logbook. Raises
    ``ArtifactError`` for a damaged logbook.
    """
    log = _log_of(workspace)
    return Seen(log, "", 1, older=False, withdrawn=_withdrawn(log, until))


def require_wind_down(
    workspace: Workspace, name: str, people: Signatories, now: datetime, plan: Plan | None = None
) -> Approved:
    """Return who signed a declared wind-down; raises ``PlanRefused`` unless two people did as it now is, and it lasts.

    Raises ``Unclear`` for one that is not declared. Raises ``ArtifactError`` for a damaged logbook.
    """
    declared = signed_wind_down.find_wind_down(workspace.wind_downs, name)
    signed, seen = workspace_statements(workspace.folder), seen_standing(workspace.folder)
    return signed_wind_down.require_wind_down(
        name, declared, signed, workspace.approvers, people, now=now, plan=plan, seen=seen
    )


def _log_of(workspace: Path) -> Logbook:
    if (log := logged.known(workspace)) is None:
        hint = "restore runs/ from a backup, or plan and sign again"
        raise PlanRefused("there is no logbook, so nobody can say what was signed and taken back", hint=hint)
    return log


def _withdrawn(log: Logbook, until: datetime | None = None) -> frozenset[tuple[str, str]]:
    """Return what was taken back: the logbook knows it also where the signed withdrawal is gone."""
    lines = [entry.details for entry in log.of(LogEvent.SIGNATURE) if until is None or entry.at <= until]
    return frozenset((one["person"], one["about"]) for one in lines if one["kind"] == StatementKind.WITHDRAWAL)


def require_journals(workspace: Path, now: datetime | None = None) -> Logbook | None:
    """Hold every journal against the logbook, which is returned; raises ``PlanRefused`` for one that is gone or lost rows.

    What a day has taken is counted from all of them, so none may have been pruned before its time, or after ``now``.
    Raises ``ArtifactError`` for a damaged logbook.
    """
    if (log := logged.known(workspace)) is not None:
        _refuse_pruned_early(log, now)
        for path in known_things(log.entries).stores:
            if path.endswith(JOURNAL):
                _refusing(partial(logbook_check.require_store, log, workspace, path))
    return log


def _refuse_pruned_early(log: Logbook, now: datetime | None) -> None:
    """Raise ``PlanRefused`` where a line says that a batch was pruned sooner than any policy lets it be, or is yet to be."""
    begun = {entry.details["journal"].split("/")[0]: entry.at for entry in log.of(LogEvent.BEGUN)}
    for entry in log.of(LogEvent.PRUNE):
        for run in entry.removed:
            if run not in begun or (entry.at - begun[run] >= SHORTEST_KEPT and (now is None or entry.at <= now)):
                continue
            raise PlanRefused(
                f"the logbook says that {run} was pruned on {entry.at:%Y-%m-%d}, and its batch began on "
                f"{begun[run]:%Y-%m-%d}: no batch is pruned so soon",
                hint="restore runs/ from a backup; who may write to runs/ is to be looked into",
            )


def begin(
    stored: StoredPlan, executor: str, now: datetime, open_journal: Callable[[], None], *, standing: str = ""
) -> None:
    """Write down that a batch begins, or goes on, before its next call; raises ``PlanRefused`` for one begun with another journal.

    ``open_journal`` puts the first row into its journal before that: one without any, of a batch that began, was emptied.
    ``standing`` is the digest of the standing approval that it is carried out under. Raises ``ArtifactError`` as
    :func:`access_review.store.logged.append` does.
    """
    workspace, digest = stored.run.workspace, stored.plan.digest
    log, _ = logged.begin(workspace, now, "apply")
    journal = stored.journal.relative_to(workspace / "runs").as_posix()
    begun_before = log.latest(LogEvent.BEGUN, digest)
    if other := entries.begun_elsewhere(begun_before, journal):
        raise PlanRefused(f"this plan was begun as {other}", hint="one plan has one journal: go on with that one")
    open_journal()
    # Also of one that goes on: killed from here on, its journal alone knows what was called.
    line = entries.batch_begun(digest, now, journal, executor=executor, run=stored.run.id, standing=standing)
    logged.append(workspace, line, command="apply")


def note_journal(stored: StoredPlan, now: datetime, command: str) -> None:
    """Write down how far the journal of a batch is.

    Raises ``ArtifactError`` as :func:`access_review.store.logged.append` does.
    """
    workspace = stored.run.workspace
    journal = stored.journal.relative_to(workspace / "runs").as_posix()
    mark = logged.journal_mark(stored.journal)
    if mark.position:
        logged.append(workspace, entries.journal_at(stored.plan.digest, now, journal, mark), command=command)


def journals(workspace: Path, besides: Path | None = None) -> Iterator[tuple[Plan, JournalFile]]:
    """Yield plan and open journal of each batch that began, the oldest run first; ``besides`` is the path of one left out.

    Raises ``ArtifactError`` for a damaged journal, ``PlanRefused`` for one that the logbook
    knows and that is gone, and for an altered plan. A batch whose ``plan.json`` is gone is left out:
    what it may have taken is counted by :func:`lost`.
    """
    require_journals(workspace)
    return _opened(path for path in _journal_paths(workspace) if path != besides)


def logged_journals(workspace: Path) -> Iterator[tuple[Plan, JournalFile]]:
    """Yield those of :func:`journals` that the logbook knows of their batch: what merely lies there proves nothing.

    Raises as :func:`journals` does.
    """
    log = require_journals(workspace)
    known = first_journals(log.entries) if log else None
    paths = _journal_paths(workspace)
    for plan, journal in _opened(
        path for path in paths if known is None or _below_runs(workspace, path) in known.values()
    ):
        if known is None or known.get(plan.digest) == _below_runs(workspace, journal.path):
            yield plan, journal


def _journal_paths(workspace: Path) -> list[Path]:
    return sorted((workspace / "runs").glob(f"*/*/{JOURNAL}"))


def _below_runs(workspace: Path, path: Path) -> str:
    return path.relative_to(workspace / "runs").as_posix()


def _opened(paths: Iterable[Path]) -> Iterator[tuple[Plan, JournalFile]]:
    for path in paths:
        if path.with_name("plan.json").exists():
            plan = files.read(path.with_name("plan.json"), artifacts.plan(path.parent.name))
            with JournalFile(path, plan.digest) as journal:
                yield plan, journal


def with_journal(workspace: Path, since: datetime) -> Iterator[tuple[Run, str]]:
    """Yield run and name of each plan of a known run read since a moment that has a journal, the oldest first; none is read.

    One whose ``plan.json`` is gone is left out. Raises ``ArtifactError`` for a damaged logbook.
    """
    for run in logged.known_runs(workspace):
        paths = sorted(run.folder.glob(f"*/{JOURNAL}")) if run.as_of >= since else ()
        yield from ((run, path.parent.name) for path in paths if path.with_name("plan.json").exists())


def lost(workspace: Path) -> Iterator[tuple[str, JournalFile]]:
    """Yield the open journal of each batch whose ``plan.json`` is gone, with ``RUN/NAME``: nobody can say what it was about.

    Every command says that the file is gone, since the logbook knows it. Raises ``ArtifactError`` for a damaged
    journal, ``PlanRefused`` for one that is gone or lost rows.
    """
    log = require_journals(workspace)
    digests = {entry.details["journal"]: entry.name for entry in log.of(LogEvent.BEGUN)} if log else {}
    for path in _journal_paths(workspace):
        place = _below_runs(workspace, path)
        if place in digests and not path.with_name("plan.json").exists():
            with JournalFile(path, digests[place]) as journal:
                yield place.removesuffix(f"/{JOURNAL}"), journal
