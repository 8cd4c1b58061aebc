"""Evidence rederive: what the reviews of a pack said is concluded again, from what was read and with the workspace of then."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from access_review import runs, store
from access_review.artifacts import COUNTS, PACK, REVIEWED, Reviewed
from access_review.engine import ParquetFile, open_engine
from access_review.errors import ArtifactError
from access_review.evidence import pack
from access_review.evidence.pack import RederivedRun
from access_review.evidence.removed import not_compared
from access_review.findings import Evaluation, format_1
from access_review.findings.counts import ReviewCounts
from access_review.review import Report, review
from access_review.runs import Run
from access_review.snapshot import Stored
from access_review.store import files, logbook, packs, reviews, snapshots
from access_review.store.logged import OWNERS


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
            report, owners = _reviewed_again(run)
            yield RederivedRun(name, known, report.digest, others=tuple(_others(run, reviewed, report, owners)))
        except ArtifactError as error:
            yield RederivedRun(name, known, "", error.message)


def _reviewed_again(run: Run) -> tuple[Report, str]:
    """Return what a review of a run concludes now, and the digest of whose each account was by it."""
    snapshot = snapshots.load(run)
    with (
        tempfile.TemporaryDirectory(prefix="access-review-") as aside,
        packs.declared_workspace(run) as known,
        open_engine(snapshot.as_of, known.policy.engine) as engine,
    ):
        owners = ParquetFile(Path(aside) / OWNERS)
        report = review(snapshot, known, engine, reviews.previous(run.workspace, run), owners_to=owners)
        return report, Stored({"owners": owners}).digest("owners")


def _others(run: Run, reviewed: Reviewed, report: Report, owners: str) -> Iterator[str]:
    """Yield what is said of a review beside its findings, and is not what it concludes."""
    said: dict[str, Evaluation] = {one.rule: one for one in reviewed.rules}
    for one in report.evaluations:
        if said.pop(one.rule, None) != one:
            yield f"what {REVIEWED.path} says of {one.rule}"
    yield from (f"that {REVIEWED.path} knows {rule}" for rule in sorted(said))
    if reviewed.owners and reviewed.owners != owners:
        yield OWNERS
    if store.has(run, COUNTS) and not _same_counts(store.read(run, COUNTS), report.counts):
        yield COUNTS.path


def _same_counts(kept: ReviewCounts, counted: ReviewCounts | None) -> bool:
    """Tell whether as much was counted, of what a review counted then."""
    if counted and kept.copies is None:
        counted = replace(counted, copies=None)
    if counted and kept.not_judged is None:
        counted = replace(counted, not_judged=None)
    return kept == counted
