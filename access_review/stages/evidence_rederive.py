"""Evidence rederive: what the reviews of a pack said is concluded again, from what was read and with the workspace of then."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from pathlib import Path

from access_review import __version__, runs, store
from access_review.artifacts import COUNTS, FRAME, PACK, REVIEWED, SAMPLE, WORKLIST, Reviewed
from access_review.audit.worklist import WorkItem
from access_review.engine import Engine, ParquetFile, open_engine
from access_review.errors import ArtifactError
from access_review.evidence import pack
from access_review.evidence.drawn import rests_on_review
from access_review.evidence.pack import RederivedRun
from access_review.evidence.removed import not_compared
from access_review.findings import Evaluation, format_1, register
from access_review.findings.counts import ReviewCounts
from access_review.logbook.lines import Logbook
from access_review.review import Report, review
from access_review.runs import Run
from access_review.sample import population
from access_review.snapshot import Snapshot, Stored
from access_review.stages.audit import ask_about
from access_review.store import files, logbook, packs, reviews, snapshots
from access_review.store.logged import OWNERS
from access_review.workspace import Workspace


def rederive_evidence(folder: Path) -> Iterator[RederivedRun]:
    """Review every run of a pack again, from what was read, with the workspace of then; raises ``ArtifactError``."""
    made = PACK.load(files.content(folder / pack.MANIFEST))
    if made.part:
        hint = f"it is a part of the pack whose pack.json has the digest {made.part.of}: ask for that"
        raise ArtifactError(f"nothing can be concluded again from {folder}: {made.part.cannot[0]}", hint=hint)
    log = logbook.read(folder)
    for name in made.runs:
        run = runs.find(folder, name)
        if not run.reviewed:
            continue
        reviewed = store.read(run, REVIEWED)
        known, unknowable = reviewed.digest, not_compared(log, name)
        if reviewed.findings != format_1.FORMAT:
            unknowable = f"its findings have the format {reviewed.findings}: the version that wrote it concludes them"
        if unknowable:
            yield RederivedRun(name, known, "", unknowable, unknowable=True)
            continue
        try:
            again = _reviewed_again(run, log)
            others = (*_others(run, reviewed, again), *again.drawn)
            yield RederivedRun(name, known, again.report.digest, others=others, not_shown=_not_shown(run, log))
        except ArtifactError as error:
            yield RederivedRun(name, known, "", error.message)


@dataclass(frozen=True, slots=True)
class _Again:
    """What a review concludes now, the digest of whose each account is by it, and what of the draw does not follow."""

    report: Report
    owners: str
    drawn: tuple[str, ...]


def _reviewed_again(run: Run, log: Logbook) -> _Again:
    snapshot = snapshots.load(run)
    with (
        tempfile.TemporaryDirectory(prefix="access-review-") as aside,
        packs.declared_workspace(run) as known,
        open_engine(snapshot.as_of, known.policy.engine) as engine,
    ):
        owners = ParquetFile(Path(aside) / OWNERS)
        report = review(snapshot, known, engine, reviews.previous(run.workspace, run), owners_to=owners)
        drawn: tuple[str, ...] = ()
        if store.has(run, SAMPLE):
            register(engine, "findings", report.found)
            drawn = tuple(_drawn_otherwise(run, engine, snapshot, known, asked=not _not_shown(run, log)))
        return _Again(report, Stored({"owners": owners}).digest("owners"), drawn)


def _drawn_otherwise(run: Run, engine: Engine, snapshot: Snapshot, known: Workspace, *, asked: bool) -> Iterator[str]:
    """Yield what is said of whom a sample was drawn from, and ``asked`` about them, and does not follow."""
    units = zip_longest(population.list_units(engine), store.each_unit(run))
    if any(unit != said for unit, said in units):
        yield FRAME.path
    if asked:
        items = {one.item: one for one in ask_about(engine, snapshot, known, store.read(run, SAMPLE))}
        if not all(_is_asked(one, items.pop(one.item, None)) for one in store.each_item(run)) or items:
            yield WORKLIST.path


def _is_asked(said: WorkItem, asked: WorkItem | None) -> bool:
    """Tell whether an item is what follows, whoever it was handed on to, and whatever was suggested beside it."""
    if asked is None or not (said.handed_on or said.reviewer == asked.reviewer):
        return False
    beside = {name: getattr(said, name) for name in ("reviewer", "reviewer_name", "handed_on", "peers")}
    return said == replace(asked, **beside)


def _not_shown(run: Run, log: Logbook) -> str:
    """Say why what was asked about a sample cannot be listed again as it was, or nothing."""
    if not store.has(run, SAMPLE):
        return ""
    if not rests_on_review(log, run.id):
        return f"{WORKLIST.path} follows from a review before, which another has replaced since"
    tool = snapshots.read_manifest(run).tool
    return "" if tool == __version__ else f"{WORKLIST.path} is for version {tool} to list again"


def _others(run: Run, reviewed: Reviewed, again: _Again) -> Iterator[str]:
    """Yield what is said of a review beside its findings, and is not what it concludes."""
    report = again.report
    said: dict[str, Evaluation] = {one.rule: one for one in reviewed.rules}
    for one in report.evaluations:
        if said.pop(one.rule, None) != one:
            yield f"what {REVIEWED.path} says of {one.rule}"
    yield from (f"that {REVIEWED.path} knows {rule}" for rule in sorted(said))
    if reviewed.owners and reviewed.owners != again.owners:
        yield OWNERS
    if store.has(run, COUNTS) and not _same_counts(store.read(run, COUNTS), report.counts):
        yield COUNTS.path


def _same_counts(kept: ReviewCounts, counted: ReviewCounts | None) -> bool:
    """Tell whether as much was counted, of what a review counted then."""
    not_then = {one.name: None for one in fields(kept) if getattr(kept, one.name) is None}
    return counted is not None and kept == replace(counted, **not_then)  # type: ignore[arg-type]
