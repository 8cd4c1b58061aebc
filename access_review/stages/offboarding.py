"""Offboarding: what is still open for everyone who leaves, and certificates for those who have nothing left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from access_review import store
from access_review.artifacts import LEAVERS, removal_certificate
from access_review.connectors.file_marks import written_at
from access_review.engine import Engine, ParquetFile
from access_review.errors import no_such
from access_review.findings.judged_share import measure_judged
from access_review.logbook import entries
from access_review.logbook.known import known_things
from access_review.offboarding import assess, certificate, checklist, queries
from access_review.offboarding.certificate import RemovalCertificate
from access_review.offboarding.leaver import Leaver, Leavers
from access_review.review import establish
from access_review.revoke.approve import Statement, StatementKind
from access_review.revoke.proven import proven
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.store import files, logbook, logged, plans, reviews, snapshots
from access_review.store.recalled import read_again, stamp_of
from access_review.tables import TABLES
from access_review.views import certificate as view
from access_review.views.summary import JudgedSummary, judged_summary
from access_review.views.worksheet import name_of
from access_review.workspace import Workspace

_FRESH = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Followed:
    """Everyone who leaves, and how much of what people hold is judged: an account of nobody may be a leaver's."""

    leavers: Leavers
    judged: JudgedSummary | None


def follow_leavers(workspace: Workspace, run: Run, now: datetime) -> Followed:
    """Say what is open for everyone who leaves, and keep it in the run for the next to compare with.

    What batches have proven gone since is exact; what merely two runs saw lies between them.
    Raises ``PlanRefused`` for the journal of a batch that is gone before its time.
    """
    found = assess_run(workspace, run)
    _keep(run, found.leavers, now)
    return found


def keep_leavers(workspace: Workspace, run: Run, now: datetime) -> None:
    """Keep in a reviewed run what is open for everyone who leaves, for the next to compare with; raises as :func:`follow_leavers` does."""
    with reviews.opened(workspace, run) as facts:
        made = leavers_by(facts.engine, workspace, run, facts.snapshot)
    _keep(run, made, now)


def assess_run(workspace: Workspace, run: Run) -> Followed:
    """Say what is open for everyone who leaves, and keep nothing; raises as :func:`follow_leavers` does."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine, _owners_before(workspace.folder, run))
        made, share = leavers_by(engine, workspace, run, snapshot), measure_judged(engine)
    return Followed(made, judged_summary(share, snapshots.read_manifest(run)))


def when_due(workspace: Workspace, run: Run) -> Mapping[str, datetime]:
    """Return by when access of each who leaves is to be gone: what batches have proven since is not asked for that.

    Raises ``PlanRefused`` as :func:`leavers_by` does.
    """
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        made = leavers_by(engine, workspace, run, snapshot, {})
    return {one.person: one.clock.due_latest for one in made.leavers if one.clock.due_latest}


def leavers_by(
    engine: Engine,
    workspace: Workspace,
    run: Run,
    snapshot: Snapshot,
    verified: Mapping[tuple[str, str], datetime] | None = None,
) -> Leavers:
    """Say what is open for everyone who leaves, by the facts of a run; raises as :func:`follow_leavers` does.

    ``verified`` is what was proven gone, by person and system; without it, what the journals of batches say.
    """
    settings, before = workspace.policy.offboarding, _before(workspace.folder, run)
    return assess.assess_leavers(
        queries.list_leaving(engine, settings.prepare),
        queries.list_access(engine, settings.prepare),
        _read(workspace, run, snapshot),
        settings,
        workspace.policy.targets,
        of_clients={name: one.targets for name, one in workspace.policy.clients.items() if one.targets},
        before=before,
        statuses=queries.person_statuses(engine, [one.person for one in before.leavers] if before else ()),
        verified=proven(plans.logged_journals(workspace.folder)) if verified is None else verified,
    )


def newest_leavers(workspace: Workspace, run: Run) -> Leavers:
    """Return who leaves, as a run has it, or where no command kept that or a batch went on since, found now.

    Raises ``PlanRefused`` for the journal of a batch that is gone before its time.
    """
    return kept_leavers(workspace.folder, run) or assess_run(workspace, run).leavers


def kept_leavers(folder: Path, run: Run) -> Leavers | None:
    """Return what the run has of its leavers, unless a batch went on after it was written: that may have ended something.

    Raises ``ArtifactError`` for what is another than the logbook knows.
    """
    kept = stamp_of(run.folder / LEAVERS.path)
    later = (stamp_of(path) for path in (folder / "runs").glob(f"*/*/{plans.JOURNAL}*"))
    if kept is None or any(stamp and stamp.written >= kept.written for stamp in later):
        return None
    return read_again(run, LEAVERS) if logged.holds(logged.known(folder), run, LEAVERS.path) else None


def _keep(run: Run, made: Leavers, now: datetime) -> None:
    """Keep it in the run, and let the logbook know it where it is another than before; a rehearsal is in no logbook."""
    path, data = f"{run.id}/{LEAVERS.path}", LEAVERS.dump(made)
    log = None if run.is_rehearsal else logged.known(run.workspace)
    if log is None:
        store.write(run, LEAVERS, made)
        return
    known = known_things(log.entries).files.get(path)
    if known is None or known.marks != (logbook.mark_of_bytes(data),):
        logged.replace_files(run.workspace, entries.leavers_followed(run.id, now), {path: data})


def _before(workspace: Path, run: Run) -> Leavers | None:
    """Return what the newest run before this one said of its leavers."""
    earlier = logged.known_with(workspace, LEAVERS.path, run.as_of)
    return store.read(earlier[-1], LEAVERS) if earlier else None


def _owners_before(workspace: Path, run: Run) -> ParquetFile | None:
    """Return whose each account was when the newest reviewed run before this one was reviewed."""
    earlier = [one for one in logged.before(workspace, run) if one.reviewed]
    return reviews.owners(earlier[-1]) if earlier else None


def _read(workspace: Workspace, run: Run, snapshot: Snapshot) -> checklist.ReadContext:
    return checklist.ReadContext(
        run=run.id,
        as_of=snapshot.as_of,
        snapshot=snapshot.digest,
        sessions=frozenset(source for source, declared in workspace.capabilities().items() if declared.signs_in),
        missing=frozenset(TABLES) - snapshot.collected,
        incomplete={table: snapshot.incomplete(table) for table in TABLES},
        matched=frozenset(one.name for one in workspace.sources if one.file.match or one.file.same),
    )


def of_client(made: Leavers, run: Run, client: str) -> list[Leaver]:
    """Return the leavers who work, or worked, for a client; raises ``Unclear`` for one that nobody works for."""
    known = {name for name in snapshots.load(run).tables["assignments"]["client"].to_pylist() if name}
    if client not in known:
        raise no_such("nobody works for", client, known)
    return [one for one in made.leavers if client in one.clients]


def too_old(run: Run, now: datetime) -> str:
    """Say that a run is too old to tell who can sign in now, or nothing."""
    return f"the run is {(now - run.as_of) // timedelta(hours=1)} h old" if now - run.as_of >= _FRESH else ""


@dataclass(frozen=True, slots=True)
class Certified:
    """The certificates written, and why the others cannot have one, by person; ``signed`` are those signed for."""

    written: dict[str, Path]
    refused: dict[str, str]
    signed: tuple[str, ...] = ()


def write_certificates(
    workspace: Workspace,
    run: Run,
    some: Iterable[Leaver],
    made: Leavers,
    folder: Path,
    signer: Signer | None,
    now: datetime,
) -> Certified:
    """Write a certificate of access removal, as JSON and as a page, for each leaver who can have one.

    The JSON is kept with its run too, for the evidence, and signed there by ``signer``. Raises ``PlanRefused`` where that
    signature would not count.
    """
    found = list(some)
    exports = ((entry.name, written_at(workspace.connected(entry))) for entry in workspace.sources)
    exported = {name: at for name, at in exports if at} if logged.machine_timed(workspace.folder, run.id) else {}
    refused = {one.person: reason for one in found if (reason := certificate.why_not(one, made.as_of, exported))}
    given = {one.person: certificate.certify(one, made) for one in found if one.person not in refused}
    written, signed = {}, []
    for person, content in given.items():
        if not run.is_rehearsal:
            digest = _keep_certificate(run, content, now)
            if signer:
                sign(_to_sign(workspace, run, digest, signer, now), workspace, signer)
                signed.append(person)
        path = folder / name_of(person)
        files.write(path.with_suffix(".json"), removal_certificate(path.stem).dump(content))
        files.write(path.with_suffix(".html"), view.page(content))
        written[person] = path.with_suffix(".html")
    return Certified(written, refused, tuple(signed))


def _keep_certificate(run: Run, content: RemovalCertificate, now: datetime) -> str:
    """Keep a certificate with its run, and say so in the logbook unless that knows it; return its digest."""
    kept = removal_certificate(name_of(content.person))
    path, data = f"{run.id}/{kept.path}", kept.dump(content)
    mark = logbook.mark_of_bytes(data)
    log = logged.known(run.workspace)
    known = known_things(log.entries).files.get(path) if log else None
    if known is None or known.marks != (mark,):
        logged.replace_files(run.workspace, entries.access_certified(run.id, now, content.person, {}), {path: data})
    return mark.digest


def _to_sign(workspace: Workspace, run: Run, digest: str, signer: Signer, now: datetime) -> ToSign:
    people = plans.signatories(run)
    said = Statement(StatementKind.ATTESTATION, digest, people.person(signer.by), now, signer.reason)
    return ToSign(said, people, workspace.folder / plans.SIGNED_HERE)
