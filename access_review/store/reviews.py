"""Reviews on disk: the findings of a run, and what became of every rule.

``review.json`` is written last, so a run that has it is reviewed.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from access_review import runs, store
from access_review.artifacts import CONTROL, COUNTS, DECLARED, REVIEWED, DeclaredFiles, Reviewed
from access_review.engine import Engine, ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import ArtifactError
from access_review.facts import AcceptedAccess, CarryForward, accepted_tables, carry_forward_tables
from access_review.findings import format_1, register
from access_review.findings.judged_share import Judged
from access_review.plan.derive import changed
from access_review.review import Previous, Report, establish
from access_review.runs import Run
from access_review.snapshot import Snapshot, Stored, stored
from access_review.store import files, logged, snapshots
from access_review.store.logged import FINDINGS, OWNERS
from access_review.tables import TABLES
from access_review.workspace import Workspace


def writing(run: Run) -> AbstractContextManager[Path]:
    """Give a Parquet file for the findings of a run; what is found takes its place when it is whole."""
    return files.writing(run.folder / FINDINGS)


def writing_owners(run: Run) -> AbstractContextManager[Path]:
    """Give a Parquet file for whose each account is, as :func:`writing` does for the findings."""
    return files.writing(run.folder / OWNERS)


def conclude(run: Run, report: Report, snapshot: Snapshot, workspace: Workspace) -> Report:
    """Write what a review concluded, its findings being written; return it with the findings where they are."""
    path, owners = run.folder / FINDINGS, run.folder / OWNERS
    reviewed = Reviewed(
        run=run.id,
        snapshot=snapshot.digest,
        workspace_digest=workspace.digest,
        digest=report.digest,
        rules=report.evaluations,
        file=files.digest_of(path),
        owners=Stored({"owners": ParquetFile(owners)}).digest("owners"),
        owners_file=files.digest_of(owners),
        findings=format_1.FORMAT,
    )
    store.write(run, DECLARED, DeclaredFiles(workspace.digest, workspace.texts))
    store.write(run, REVIEWED, reviewed)
    return replace(report, found=ParquetFile(path))


def read(run: Run) -> Report:
    """Read a review back; raises ``ArtifactError`` when the findings, which stay on disk, are not those written.

    They may be of the format before: what reads them (:mod:`access_review.findings.format_1`) knows it.
    """
    known = store.read(run, REVIEWED)
    path = run.folder / FINDINGS
    if known.findings not in format_1.KNOWN:
        raise ArtifactError(
            f"{path} has format {known.findings!r}, not {format_1.FORMAT!r}", hint="use the version that wrote it"
        )
    snapshots.verify(path, digest=known.digest, file=known.file, made="reviewed", hint="access-review review")
    return Report(run.as_of, ParquetFile(path), known.rules, known.digest, judged_of(run))


def written(run: Run) -> int:
    """Return what is another when a run is reviewed again."""
    return (run.folder / REVIEWED.path).stat().st_mtime_ns


def judged_of(run: Run) -> Judged | None:
    """Return how much of what people held in a run was judged; nothing where no review of it has said so.

    Raises ``ArtifactError`` for a file of the run that is damaged.
    """
    return store.read(run, COUNTS).judged if run.reviewed and store.has(run, COUNTS) else None


def owners(run: Run) -> ParquetFile | None:
    """Return whose each account was when that was last beyond doubt; nothing in a review from before that was kept.

    Raises ``ArtifactError`` when it is not what was written.
    """
    known = store.read(run, REVIEWED)
    if not known.owners:
        return None
    path = run.folder / OWNERS
    snapshots.verify(path, digest=known.owners, file=known.owners_file, made="reviewed", hint="access-review review")
    return ParquetFile(path)


def owners_before(workspace: Path, run: Run) -> ParquetFile | None:
    """Return :func:`owners` of the newest reviewed run before this one; nothing before the first.

    Raises ``ArtifactError`` as that does.
    """
    earlier = [one for one in logged.before(workspace, run) if one.reviewed]
    return owners(earlier[-1]) if earlier else None


def tables_of_owners(snapshot: Snapshot) -> Stored:
    """Take the tables that tell whose each account is, and as empty those whose ids are numbered: grants may be millions."""
    whole = stored(snapshot.tables)
    empty = {name: TABLES[name].schema.empty_table() for name in ("entitlements", "grants", "nesting")}
    return Stored(
        {name: whole.part(name) for name in ("accounts", "people", "assignments", "aliases", "owners")} | empty
    )


def previous(workspace: Path, run: Run) -> Previous:
    """Return what the newest reviewed run before this one concluded, and what this run was told of earlier audits.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    earlier = logged.known_with(workspace, REVIEWED.path, run.as_of)
    left_open = store.read(run, CONTROL) if store.has(run, CONTROL) else CarryForward()
    accepted = accepted_access(workspace, left_open.accepted)
    if not earlier:
        return Previous(None, left_open, accepted=accepted)
    return Previous(read(earlier[-1]).found, left_open, owners(earlier[-1]), accepted)


def accepted_access(workspace: Path, name: str) -> AcceptedAccess | None:
    """Return what was held in the run of this name, which was accepted; nothing for no name.

    Raises ``ArtifactError`` for a run that is damaged or gone.
    """
    if not name:
        return None
    snapshot = snapshots.load(runs.find(workspace, name), ("grants", "completeness"))
    return AcceptedAccess(snapshot.tables["grants"], snapshot.whole("grants"), snapshot.as_of)


def refuse_changed(run: Run, workspace: Workspace) -> None:
    """Raise ``StalePlan`` when the workspace is not the one that a run was reviewed with.

    Raises ``ArtifactError`` for a run that is not reviewed.
    """
    if store.read(run, REVIEWED).workspace_digest != workspace.digest:
        raise changed(run.id)


@contextmanager
def engine_of(workspace: Workspace, snapshot: Snapshot, memory: str | None = None) -> Iterator[Engine]:
    """Open the embedded engine, whichever reviews: what is asked about a run is not written for the other.

    ``memory`` is what it may take, where that is not what a review may.
    """
    settings = workspace.policy.engine
    with EmbeddedEngine(snapshot.as_of, memory or settings.memory, settings.threads) as engine:
        yield engine


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A reviewed run whose every fact, findings included, stands in the engine."""

    engine: Engine
    snapshot: Snapshot
    report: Report


_open: ContextVar[tuple[Workspace, Run, OpenRun] | None] = ContextVar("_open", default=None)


@contextmanager
def opened(workspace: Workspace, run: Run) -> Iterator[OpenRun]:
    """Open a reviewed run for those who ask about it; raises ``ArtifactError``.

    Within, opening the same again gives the same: a command that asks several things establishes the facts once.
    """
    if (already := _open.get()) and already[0] is workspace and already[1] == run:
        yield already[2]
        return
    report, snapshot = read(run), snapshots.load(run)
    with engine_of(workspace, snapshot) as engine:
        known = previous(workspace.folder, run)
        establish(snapshot.tables, workspace, engine, known.owners)
        register(engine, "findings", report.found)
        for name, table in (carry_forward_tables(known.left_open) | accepted_tables(known.accepted)).items():
            engine.register(name, table)
        facts = OpenRun(engine, snapshot, report)
        token = _open.set((workspace, run, facts))
        try:
            yield facts
        finally:
            _open.reset(token)
