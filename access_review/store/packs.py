"""Packs of evidence on disk: what is in the folder, and the workspace that a run in it was reviewed with."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from access_review import store, workspace
from access_review.artifacts import DECLARED, REVIEWED, SAMPLE
from access_review.errors import ArtifactError, WorkspaceError
from access_review.evidence import figures, pack
from access_review.evidence.figures import EvidenceFigures
from access_review.logbook.lines import FileMark, inside
from access_review.review import establish
from access_review.runs import Run
from access_review.store import audits, files, logbook, reviews, snapshots
from access_review.workspace import Workspace


def marks_of(folder: Path) -> dict[str, FileMark]:
    """Return size and digest of every file of a pack but those that speak of it as a whole, by path.

    Raises ``ArtifactError`` for what is no plain file.
    """
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    own = {pack.MANIFEST, pack.ENVELOPE}
    return {name: logbook.mark_of(path) for name, path in sorted(found.items()) if name not in own}


@contextmanager
def declared_workspace(run: Run) -> Iterator[Workspace]:
    """Read the workspace that a run was reviewed with, from the files kept with it, in a folder that is gone afterwards.

    Raises ``ArtifactError`` where they are not kept, or are not those of the review.
    """
    kept = store.read(run, DECLARED)
    with tempfile.TemporaryDirectory(prefix="access-review-") as name:
        folder = Path(name)
        for part in ("sources", "roles"):
            (folder / part).mkdir(mode=0o700)
        for path, text in kept.files.items():
            if not (inside(path) and path.endswith(".yaml") and path.startswith(("sources/", "roles/"))):
                raise ArtifactError(f"{run.id}/{DECLARED.path} names {path[:80]!r}, which is no file of a workspace")
            files.write(folder / path, text.encode())
        try:
            known = workspace.load(folder)
        except WorkspaceError as error:
            raise ArtifactError(
                f"the workspace that {run.id} was reviewed with cannot be read: {error.message}",
                hint="use the version that reviewed it",
            ) from None
        if not known.digest == kept.digest == store.read(run, REVIEWED).workspace_digest:
            raise ArtifactError(f"{run.id}/{DECLARED.path} is not what the run was reviewed with")
        yield known


def figures_of(run: Run, known: Workspace) -> EvidenceFigures:
    """Return what the evidence of a run states in numbers, by the answers there are; raises ``ArtifactError``."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(known, snapshot) as engine:
        establish(snapshot.tables, known, engine, reviews.previous(run.workspace, run).owners)
        lag = figures.measure_open_lag(engine, snapshot.as_of)
    if not store.has(run, SAMPLE):
        return figures.figures_of(run.id, None, lag)
    named = store.read(run, SAMPLE).clients
    clients = tuple(audits.client_statement(run, part.client) for part in (named.parts if named else ()))
    return figures.figures_of(run.id, audits.judgement(run), lag, clients)
