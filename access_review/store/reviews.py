"""Reviews on disk: the findings of a run, and what became of every rule.

``review.json`` is written last, so a run that has it is reviewed.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from access_review import store
from access_review.artifacts import CONTROL, REVIEWED, Reviewed
from access_review.engine import Engine, ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.facts import CarryForward, carry_forward_tables
from access_review.plan.derive import changed
from access_review.review import Previous, Report, establish
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.store import files, logged, snapshots
from access_review.store.logged import FINDINGS
from access_review.workspace import Workspace


def writing(run: Run) -> AbstractContextManager[Path]:
    """Give a Parquet file for the findings of a run; what is found takes its place when it is whole."""
    return files.writing(run.folder / FINDINGS)


def conclude(run: Run, report: Report, snapshot: Snapshot, workspace: Workspace) -> Report:
    """Write what a review concluded, its findings being written; return it with the findings where they are."""
    path = run.folder / FINDINGS
    reviewed = Reviewed(
        run=run.id,
        snapshot=snapshot.digest,
        workspace_digest=workspace.digest,
        digest=report.digest,
        rules=report.evaluations,
        file=files.digest_of(path),
    )
    store.write(run, REVIEWED, reviewed)
    return replace(report, found=ParquetFile(path))


def read(run: Run) -> Report:
    """Read a review back; raises ``ArtifactError`` when the findings, which stay on disk, are not those written."""
    known = store.read(run, REVIEWED)
    path = run.folder / FINDINGS
    snapshots.verify(path, digest=known.digest, file=known.file, made="reviewed", hint="access-review review")
    return Report(run.as_of, ParquetFile(path), known.rules, known.digest)


def previous(workspace: Path, run: Run) -> Previous:
    """Return the findings of the newest reviewed run before this one, and what this run was told of earlier audits."""
    earlier = [one for one in logged.before(workspace, run) if one.reviewed]
    left_open = store.read(run, CONTROL) if store.has(run, CONTROL) else CarryForward()
    return Previous(read(earlier[-1]).found if earlier else None, left_open)


def refuse_changed(run: Run, workspace: Workspace) -> None:
    """Raise ``StalePlan`` when the workspace is not the one that a run was reviewed with."""
    if store.read(run, REVIEWED).workspace_digest != workspace.digest:
        raise changed(run.id)


@contextmanager
def engine_of(workspace: Workspace, snapshot: Snapshot) -> Iterator[Engine]:
    """Open the embedded engine, whichever reviews: what is asked about a run is not written for the other."""
    settings = workspace.policy.engine
    with EmbeddedEngine(snapshot.as_of, settings.memory, settings.threads) as engine:
        yield engine


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A reviewed run whose every fact, findings included, stands in the engine."""

    engine: Engine
    snapshot: Snapshot
    report: Report


@contextmanager
def opened(workspace: Workspace, run: Run) -> Iterator[OpenRun]:
    """Open a reviewed run for those who ask about it; raises ``ArtifactError``."""
    report, snapshot = read(run), snapshots.load(run)
    with engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        engine.register("findings", report.found)
        for name, table in carry_forward_tables(previous(workspace.folder, run).left_open).items():
            engine.register(name, table)
        yield OpenRun(engine, snapshot, report)
