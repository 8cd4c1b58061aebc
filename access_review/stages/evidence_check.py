"""Evidence check: what a pack says is held against what is in it, and nothing outside it is asked."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from access_review import __version__, rules, runs, store
from access_review.artifacts import (
    CONTROL,
    DECLARED,
    DECLARED_VALUES,
    FIGURES,
    LEAVERS,
    PACK,
    REVIEWED,
    SAMPLE,
    STATE,
    Reviewed,
    removal_certificate,
)
from access_review.engine import ParquetFile
from access_review.errors import AccessReviewError, ArtifactError, PlanRefused
from access_review.evidence import declared, pack
from access_review.evidence.drawn import rests_on_review
from access_review.evidence.pack import EvidencePack, LeftOutReason
from access_review.evidence.removed import RemovedThing, removed_things
from access_review.evidence.summary import RunSummary, controls_without
from access_review.findings import format_1, not_as_read
from access_review.logbook.known import DiscrepancyKind, known_things
from access_review.logbook.lines import Logbook, LogEvent, inside
from access_review.logbook.tree import TreeHead
from access_review.offboarding.certificate import contradiction
from access_review.review import gaps_of
from access_review.revoke import approve, sshsig, statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.runs import Run
from access_review.sample import draw
from access_review.sample.draw import Sample
from access_review.sample.for_clients import ClientAims
from access_review.snapshot import Manifest
from access_review.stages import evidence_part_check
from access_review.stages.audit import aims_of
from access_review.stages.evidence_batches import check_batches
from access_review.stages.evidence_statements import HeldStatements
from access_review.store import audits, files, logbook, logbook_check, packs, plans, reviews, snapshots
from access_review.store.logged import FINDINGS
from access_review.views import evidence as view
from access_review.views.evidence_for_readers import for_readers
from access_review.workspace import Workspace


@dataclass(slots=True)
class CheckedPack:
    """What a check found wrong, in the order in which a reader would look, and what else there is to say."""

    made: EvidencePack | None = None
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    runs: list[RunSummary] = field(default_factory=list)
    held: HeldStatements = field(default_factory=HeldStatements)


def check_evidence(folder: Path, heads: Iterable[str] = (), digests: Collection[str] = ()) -> CheckedPack:
    """Check a pack with nothing but its folder; ``heads`` and ``digests`` are those its reader was told some other way.

    Raises ``ArtifactError`` for a head that is none, and where there is no pack.
    """
    told = {f"--head {text}": TreeHead.parse(text) for text in heads}
    found = CheckedPack()
    data = files.content(folder / pack.MANIFEST)
    if any(digest != f"sha256:{hashlib.sha256(data).hexdigest()}" for digest in digests):
        found.wrong.append(f"{pack.MANIFEST}: has not the digest that was told")
    try:
        found.made = PACK.load(data)
        if PACK.dump(found.made) != data:
            raise ArtifactError("pack.json is not as this tool writes it")
        if not found.made.runs or not all(map(runs.is_name, found.made.runs)):
            raise ArtifactError("pack.json names no runs, or what is no name of one")
        if found.made.part:
            return _checked_part(folder, found, found.made, told, digested=bool(digests))
        log = logbook.read(folder)
    except AccessReviewError as error:
        found.wrong.append(error.message)
        return found
    for step in (_files, _seen_by(told), _logbook):
        found.wrong += _guarded(pack.MANIFEST, step(folder, found.made, log))
    for name in found.made.runs:
        found.wrong += _guarded(name, _run(folder, log, name, found))
    found.wrong += _guarded(pack.MANIFEST, found.held.of_no_run(folder, log, found.said))
    found.wrong += _guarded(pack.MANIFEST, check_batches(folder, log, found.said))
    removed = removed_things(log)
    found.wrong += view.badly_removed(removed)
    for wrong in (_signature(folder, found.made), _views(folder, found.made, found.runs, removed)):
        found.wrong += _guarded(pack.MANIFEST, wrong)
    for one in found.runs:
        found.said += view.shown(one)
    found.said += view.removed_shown(removed)
    if lacking := view.without_evidence(controls_without(packs.places_in(folder, found.made.files), found.runs)):
        found.said.append(lacking)
    if any(one.rules for one in found.runs):
        found.said.append(view.NOT_CONCLUDED)
    if not told:
        found.said.append("no --head was given: that no week was cut off at the end is not shown")
    if not (folder / pack.ENVELOPE).exists():
        found.said.append("the pack is not signed: who made it is not shown")
    return found


def _checked_part(
    folder: Path, found: CheckedPack, made: EvidencePack, told: dict[str, TreeHead], *, digested: bool
) -> CheckedPack:
    """Check a part of a pack: what can be shown from it."""
    steps = (_marks(folder, made), evidence_part_check.check_lines(folder, made, told))
    for step in (*steps, evidence_part_check.check_signer(folder), evidence_part_check.check_part(folder, made)):
        found.wrong += _guarded(pack.MANIFEST, step)
    part = made.part
    if part:
        found.said.append(f"a part of the pack whose pack.json has the digest {part.of}")
        found.said += [f"not shown: {line}" for line in part.cannot]
    if not told:
        found.said.append("no --head was given: that no week was cut off at the end is not shown")
    if not (folder / pack.ENVELOPE).exists():
        found.said.append("the part is not signed: who made it is not shown")
        if not digested:
            found.said.append(view.UNSIGNED_PART)
    else:
        found.said.append(f"signed with the key in {pack.SIGNER}: know some other way whose that is")
    return found


def _guarded(name: str, found: Iterator[str]) -> Iterator[str]:
    """Yield what is wrong; what cannot even be read is wrong too."""
    try:
        yield from found
    except AccessReviewError as error:
        yield f"{name}: {error.message}"
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        yield f"{name}: a record in it cannot be read: {error}"


def _files(folder: Path, made: EvidencePack, log: Logbook) -> Iterator[str]:
    """Hold every file of the folder to what ``pack.json`` says, and the logbook as a whole."""
    yield from _marks(folder, made)
    if made.head != str(log.head):
        yield f"{pack.RUNS}/{logbook.LOGBOOK}: its head is {log.head}, that of pack.json is {made.head}"
    if made.workspace != log.workspace:
        yield f"{pack.RUNS}/{logbook.LOGBOOK}: is that of another workspace"


def _marks(folder: Path, made: EvidencePack) -> Iterator[str]:
    """Hold every file of the folder to what ``pack.json`` says."""
    there = packs.marks_of(folder)
    for path, mark in sorted(made.files.items()):
        if not inside(path):
            yield f"{path[:80]}: leads outside the folder"
        elif path not in there:
            yield f"{path}: is gone"
        elif there[path] != mark:
            yield f"{path}: was changed since the pack was made"
    yield from (f"{path}: is not named in pack.json" for path in sorted(there.keys() - made.files.keys()))


def _logbook(folder: Path, made: EvidencePack, log: Logbook) -> Iterator[str]:
    """Hold what is there to the logbook, and what is not to what is said of it."""
    absent = {one.path: one.why for one in made.left_out}
    known = known_things(log.entries)
    for one in logbook_check.check(folder, unknown=True):
        if one.kind is not DiscrepancyKind.GONE or one.path not in absent:
            yield str(one)
    for path, why in sorted(absent.items()):
        run = path.partition("/")[0]
        if path not in known.files and path not in known.stores:
            yield f"{path}: is said to be left out, and no line of the logbook knows it"
        elif why is LeftOutReason.OTHER_RUN and (run in made.runs or run in pack.OF_NO_RUN or run == path):
            yield f"{path}: is left out, and is of the period"
        elif why is LeftOutReason.KEY_TO_COME and path != STATE.path:
            yield f"{path}: is left out, and holds no key of a draw to come"
    listed = {entry.name for entry in log.of(LogEvent.RUN) if not entry.details.get("rehearsal")}
    first, last = made.runs[0], made.runs[-1]
    within = {name for name in listed if first[:16] <= name[:16] <= last[:16]}
    gone = {name for entry in log.of(LogEvent.PRUNE) for name in entry.removed}
    yield from (
        f"{name}: is a run of the period, and is not in the pack" for name in sorted(within - {*made.runs} - gone)
    )
    yield from (f"{name}: is a run that the logbook does not know" for name in sorted({*made.runs} - listed))


def _signature(folder: Path, made: EvidencePack) -> Iterator[str]:
    """Check who signed the pack as a whole, where somebody did: with a key that the last run's workspace enrols."""
    path = folder / pack.ENVELOPE
    if not path.exists():
        return
    try:
        envelope = json.loads(files.content(path, statements.LARGEST))
        statement = base64.b64decode(envelope["payload"], validate=True)
        said = json.loads(statement)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        subject = said["subject"][0]["digest"]["sha256"]
        enrolled = _keys(folder, made)
        key = sshsig.key_in(signature)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, binascii.Error, PlanRefused):
        yield f"{pack.ENVELOPE}: is no envelope of a pack"
        return
    if subject != hashlib.sha256(files.content(folder / pack.MANIFEST)).hexdigest():
        yield f"{pack.ENVELOPE}: is about another pack.json"
    try:
        if key not in enrolled:
            yield f"{pack.ENVELOPE}: is signed by a key that roles/approvers.yaml did not enrol in {made.runs[-1]}"
        else:
            sshsig.check(signature, pack.message(statement), enrolled[key])
    except PlanRefused as error:
        yield f"{pack.ENVELOPE}: {error.message}"


def _keys(folder: Path, made: EvidencePack) -> dict[bytes, PublicKeyLine]:
    with packs.declared_workspace(Run(folder / pack.RUNS / made.runs[-1])) as known:
        lines = approve.public_keys(known.approvers)
    return {line.blob: line for line in lines}


def _seen_by(told: dict[str, TreeHead]) -> Callable[[Path, EvidencePack, Logbook], Iterator[str]]:
    """Hold the logbook to the heads that its reader was told, and that statements name."""

    def step(folder: Path, made: EvidencePack, log: Logbook) -> Iterator[str]:
        del made
        yield from map(str, logbook_check.rolled_back(log, told | _seen(folder)))

    return step


def _seen(folder: Path) -> dict[str, TreeHead]:
    """Return the heads that statements name, by file."""
    places = [*folder.glob("runs/*/*/approvals/*.json"), *folder.glob("runs/*/sign-off/*.json")]
    places += (folder / plans.STANDING_APPROVALS).glob("*.json")
    places += (folder / plans.SIGNED_HERE).glob("*.json")
    seen = {path.relative_to(folder).as_posix(): statements.heads_seen(files.content(path)) for path in sorted(places)}
    return {path: head for path, head in seen.items() if head is not None}


def _run(folder: Path, log: Logbook, name: str, found: CheckedPack) -> Iterator[str]:
    """Check one run: tables, workspace, draw, signatures, figures."""
    run = Run(folder / pack.RUNS / name)
    manifest = snapshots.read_manifest(run)
    for table, known in sorted(manifest.tables.items()):
        snapshots.verify(run.folder / "snapshot" / f"{table}.parquet", digest=known.digest, file=known.file)
        yield from _table(folder, name, table, known.digest)
    yield from _certificates(run)
    if not run.reviewed:
        found.runs.append(packs.summary_of(run))
        return
    reviewed = store.read(run, REVIEWED)
    reviews.read(run)
    yield from _table(folder, name, "findings", reviewed.digest)
    yield from _counted(run, reviewed)
    if reviewed.owners:
        reviews.owners(run)
        yield from _table(folder, name, "account_owners", reviewed.owners)
    if not store.has(run, DECLARED):
        found.said.append(
            f"{name}: was reviewed before the files of its workspace were kept; its findings cannot be derived again"
        )
        found.runs.append(packs.summary_of(run))
        return
    gone = [
        f"{part}/{name}.json"
        for part in (pack.DECLARED, pack.FIGURES)
        if not (folder / part / f"{name}.json").is_file()
    ]
    if gone:
        yield from (f"{path}: is gone" for path in gone)
        return
    with packs.declared_workspace(run) as known_workspace:
        values = files.read(folder / pack.DECLARED / f"{name}.json", DECLARED_VALUES)
        if DECLARED_VALUES.dump(values) != DECLARED_VALUES.dump(declared.values_of(known_workspace)):
            yield f"{pack.DECLARED}/{name}.json: is not what the files of that workspace say"
        yield from _concluded(run, manifest, reviewed, known_workspace, found.said)
        yield from _draw(run, log, known_workspace, found.said)
        yield from found.held.add(run, manifest.as_of, known_workspace)
        stated = files.read(folder / pack.FIGURES / f"{name}.json", FIGURES)
        found.runs.append(packs.summary_of(run, known_workspace, stated))
        if FIGURES.dump(stated) != FIGURES.dump(packs.figures_of(run, known_workspace)):
            yield f"{pack.FIGURES}/{name}.json: is not what follows from the run"


def _counted(run: Run, reviewed: Reviewed) -> Iterator[str]:
    """Hold what a review counts of each rule to its findings, where they say which of them were looked for."""
    if reviewed.findings == format_1.FORMAT:
        found = not_as_read.count_found(ParquetFile(run.folder / FINDINGS).reader(list(not_as_read.COUNTED)))
        for wrong in not_as_read.other_counts(reviewed.rules, found):
            yield f"{run.id}/{REVIEWED.path}: {wrong}"


def _concluded(run: Run, manifest: Manifest, reviewed: Reviewed, known: Workspace, told: list[str]) -> Iterator[str]:
    """Hold which rules concluded nothing, and about what, to what was read; what is not to be known here is ``told``."""
    if manifest.tool != __version__ or reviewed.findings != format_1.FORMAT:
        told.append(f"{run.id}: what its rules could not conclude is for the version that reviewed it to say")
        return
    accepted = store.has(run, CONTROL) and bool(store.read(run, CONTROL).accepted)
    gaps = gaps_of(snapshots.load(run, ["completeness"]), known, accepted=accepted)
    for wrong in not_as_read.other_gaps(reviewed.rules, rules.ours(), known.policy, gaps):
        yield f"{run.id}/{REVIEWED.path}: {wrong}"
    if kept := sum(one.withheld for one in reviewed.rules):
        told.append(
            f"{run.id}: {kept} findings withheld, since something was not wholly read; how many is not shown here"
        )


def _certificates(run: Run) -> Iterator[str]:
    """Hold what was certified of leavers to what the run says of them."""
    for path in packs.certificate_files(run):
        place = path.relative_to(run.folder.parent).as_posix()
        given, leavers = files.read(path, removal_certificate(path.stem)), store.read(run, LEAVERS)
        if given.run != run.id:
            yield f"{place}: is of another run"
        elif differs := contradiction(given, leavers):
            yield f"{place}: {differs}"


def _views(folder: Path, made: EvidencePack, shown: list[RunSummary], removed: Sequence[RemovedThing]) -> Iterator[str]:
    """Hold what is written for readers to what it is made from, where this version wrote it."""
    if made.tool == __version__ and [one.run for one in shown] == list(made.runs):
        for path, data in for_readers(made, shown, packs.places_in(folder, made.files), removed).items():
            if path in made.files and files.content(folder / path) != data:
                yield f"{path}: says something else than follows from the pack"


def _table(folder: Path, run: str, table: str, digest: str) -> Iterator[str]:
    path = f"{pack.TABLES}/{run}/{table}.csv"
    if not (folder / path).is_file():
        yield f"{path}: is gone"
    elif logbook.mark_of(folder / path).digest != digest:
        yield f"{path}: has other rows than the Parquet table of the run"


def _draw(run: Run, log: Logbook, known: Workspace, told: list[str]) -> Iterator[str]:
    """Choose again who was drawn, and ask who had promised the key before."""
    if not store.has(run, SAMPLE):
        return
    sample = store.read(run, SAMPLE)
    for wrong in draw.verify(sample, store.units_drawn_from(run), bytes.fromhex(sample.key)):
        yield f"{run.id}/{SAMPLE.path}: {wrong}"
    if rests_on_review(log, run.id):
        yield from (f"{run.id}/{SAMPLE.path}: {wrong}" for wrong in _drawn_for(sample, known))
    else:
        told.append(
            f"{run.id}: was reviewed again after its sample was drawn, which another roles/policy.yaml may have asked for"
        )
    if sample.committed and not _promised(run, sample.commitment, log):
        yield f"{run.id}/{SAMPLE.path}: calls itself committed, and nothing from before the run promises its key"


def _drawn_for(sample: Sample, known: Workspace) -> Iterator[str]:
    """Hold what a sample aims at to the policy: more tolerance needs fewer to be drawn."""
    if sample.policy != known.policy.sampling:
        yield "aims at something else than sampling: in roles/policy.yaml does"
    asked, drawn_for = aims_of(known.policy, {}), sample.clients.aims if sample.clients else ClientAims({})
    if dict(asked.aims) != dict(drawn_for.aims) or (asked.aims and asked.most != drawn_for.most):
        yield "aims at something else for single clients than roles/policy.yaml does"


def _promised(run: Run, commitment: str, log: Logbook) -> bool:
    """Tell whether a line before the run's, or the audit before, published the commitment to a key."""
    before = audits.last_sampled(run.workspace, run)
    if before and store.read(before, SAMPLE).next_commitment == commitment:
        return True
    lines = [(entry.event, entry.name) for entry in log.entries]
    said, made = (LogEvent.DRAW, commitment), (LogEvent.RUN, run.id)
    return said in lines and made in lines and lines.index(said) < lines.index(made)
