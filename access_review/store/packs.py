"""Packs of evidence on disk: what is in the folder, and the workspace that a run in it was reviewed with."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from access_review import store, workspace
from access_review.artifacts import AUDIT, DECLARED, REVIEWED, SAMPLE, WORKLIST, removal_certificate
from access_review.errors import ArtifactError, PlanRefused, WorkspaceError
from access_review.evidence import figures, pack
from access_review.evidence.figures import EvidenceFigures
from access_review.evidence.provenance import provenance_rows
from access_review.evidence.summary import GivenCertificate, RunSummary, SaidIn
from access_review.logbook.lines import FileMark, inside
from access_review.review import STEPS_OF_OWNERS, establish
from access_review.revoke import approve, statements
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.runs import Run
from access_review.snapshot import stored
from access_review.store import audits, files, follow_ups, logbook, plans, reviews, snapshots
from access_review.store.decisions import Assurance, RunDecisions
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
            (folder / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())
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


def summary_of(run: Run, known: Workspace | None = None, stated: EvidenceFigures | None = None) -> RunSummary:
    """Say what a run shows; ``known`` is the workspace that it was reviewed with, ``stated`` its figures, if kept.

    Statements that cannot be read so are left out: a check names them. Raises ``ArtifactError`` for damaged files.
    """
    manifest = snapshots.read_manifest(run)
    rules = store.read(run, REVIEWED).rules if run.reviewed else ()
    answers = audits.recorded(run) if store.has(run, SAMPLE) else RunDecisions(run.id)
    authenticated = sum(one.assurance is Assurance.AUTHENTICATED for one in answers.history)
    return RunSummary(
        run.id,
        manifest.as_of,
        tuple(rules),
        tuple(sorted(manifest.sources)),
        tuple(_said(run, known)) if known else (),
        authenticated,
        len(answers.history) - authenticated,
        (store.read(run, AUDIT).signed_off_by or "") if store.has(run, AUDIT) else "",
        stated,
        tuple(provenance_rows(run.id, manifest.sources, _asked(known))),
        tuple(_certificates(run, known)),
        tuple(_answers(run, answers)),
    )


def _answers(run: Run, said: RunDecisions) -> Iterator[tuple[str, ...]]:
    """Yield each answer as a row of :data:`access_review.evidence.summary.ANSWERS`, in the order of their reading."""
    asked = store.read(run, WORKLIST).items if said.history else ()
    planted = {item.item for item in asked if item.planted}
    for row in said.history:
        one, who = row.decision, row.person or row.decision.by
        stands = "yes" if said.standing[one.item] is row else "no"
        about = (one.unit, one.account, one.entitlement or "", str(one.decision))
        how = (who, str(row.assurance), one.at.isoformat(), stands, "yes" if one.item in planted else "no")
        yield (run.id, *about, *how)


def _asked(known: Workspace | None) -> dict[str, Mapping[str, object]]:
    return {one.name: one.file.options for one in known.sources} if known else {}


def places_in(folder: Path, files: Iterable[str]) -> frozenset[str]:
    """Return where evidence is: the files of a pack, and of the store of what people stated and did, each kind of row."""
    try:
        kinds = {f"{pack.RUNS}/{follow_ups.STORE}#{one.kind}" for one in follow_ups.read(folder)}
    except ArtifactError:  # a check names what is damaged
        kinds = set()
    return frozenset(files) | kinds


def statement_files(run: Run) -> list[Path]:
    """Return the files of a run that hold what people signed."""
    return sorted([*run.folder.glob("*/approvals/*.json"), *run.folder.glob("sign-off/*.json")])


def _said(run: Run, known: Workspace) -> Iterator[SaidIn]:
    paths = statement_files(run)
    people = signatories_of(run, known, paths)
    for path in paths:
        try:
            statement, _ = approve.read_statement(files.content(path, statements.LARGEST), known.approvers, people)
        except PlanRefused:
            continue
        yield SaidIn(path.relative_to(run.folder.parent).as_posix(), statement)


def certificate_files(run: Run) -> list[Path]:
    """Return the files of a run that certify of a leaver that access is gone."""
    return sorted(run.folder.glob("certificates/*.json"))


def _certificates(run: Run, known: Workspace | None) -> Iterator[GivenCertificate]:
    """Yield the certificates of a run, each with who signed it by a key that the workspace of the run enrols."""
    if not (paths := certificate_files(run)):
        return
    said = {one.digest: one for one in _certifying(run, known)} if known else {}
    for path in paths:
        given, digest = files.read(path, removal_certificate(path.stem)), logbook.mark_of(path).digest
        place = path.relative_to(run.folder.parent).as_posix()
        yield GivenCertificate(place, given.person, digest, said.get(digest))


def _certifying(run: Run, known: Workspace) -> Iterator[Statement]:
    """Yield what was stated and belongs to no run, of whoever signed with a key of theirs by the workspace of a run."""
    paths = sorted((run.workspace / plans.SIGNED_HERE).glob(f"{StatementKind.ATTESTATION}-*.json"))
    people = signatories_of(run, known, paths)
    for path in paths:
        try:
            yield approve.read_statement(files.content(path, statements.LARGEST), known.approvers, people)[0]
        except PlanRefused:  # a check names it
            continue


def signatories_of(run: Run, known: Workspace, paths: Iterable[Path]) -> Signatories:
    """Return who is who by the roster of a run, of those alone whom its statements or ``roles/approvers.yaml`` name.

    Rosters have a million rows, and few sign. Raises ``ArtifactError`` for a damaged table.
    """
    asked = {statements.signer_named(files.content(path, statements.LARGEST)) for path in paths}
    if not asked:
        return Signatories({}, frozenset())
    asked |= {approver.person for approver in known.approvers.approvers}
    return Signatories.of(snapshots.people_called(run, asked), ())


def lock_of_this_tool() -> bytes | None:
    """Return the locked requirements of this tool, as they were when it was built; none where it was built without."""
    package = Path(__file__).resolve().parents[1]
    places = (package / "starter" / "requirements.txt", package.parent / "requirements.txt")
    return next((place.read_bytes() for place in places if place.is_file()), None)


def figures_of(run: Run, known: Workspace) -> EvidenceFigures:
    """Return what the evidence of a run states in numbers, by the answers there are; raises ``ArtifactError``."""
    snapshot = snapshots.load(run)
    rows = stored(snapshot.tables).rows("accounts")
    with reviews.engine_of(known, snapshot, _MEMORY if rows > _MANY else None) as engine:
        tables, before = reviews.tables_of_owners(snapshot), reviews.owners_before(run.workspace, run)
        establish(tables, known, engine, before, STEPS_OF_OWNERS)
        lag = figures.measure_open_lag(engine, snapshot.as_of)
    if not store.has(run, SAMPLE):
        return figures.figures_of(run.id, None, lag)
    named = store.read(run, SAMPLE).clients
    clients = tuple(audits.client_statement(run, part.client) for part in (named.parts if named else ()))
    return figures.figures_of(run.id, audits.judgement(run), lag, clients)


_MANY, _MEMORY = 100_000, "512MB"
"""Of so many accounts whose each is is found in that much memory, whatever a review may take; the rest goes to disk."""
