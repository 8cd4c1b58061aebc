"""What a pack shows, gathered for somebody who was not there: who said what, who answered, what the draws prove."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from access_review.evidence.controls import ControlEvidence, without_evidence
from access_review.evidence.figures import EvidenceFigures
from access_review.findings import Evaluation
from access_review.revoke.statements import Statement


@dataclass(frozen=True, slots=True)
class SaidIn:
    """A statement that a person signed with an enrolled key, and the file of the run that holds it."""

    place: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class GivenCertificate:
    """A certificate of a leaver's removed access in a run, its digest, and who stands for it; null where nobody signed it."""

    place: str
    person: str
    digest: str
    statement: Statement | None


ANSWERS = ("run", "of", "account", "entitlement", "answer", "who", "how known", "on", "stands", "test row")
"""Of each answer of a reviewer; one that was replaced does not stand, and a test row says nothing about access."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run: the rules judged, the sources read, what was signed, how answers were given, what is stated in figures.

    ``authenticated`` and ``claimed`` count answers by people who were known, and by people merely named.
    ``signed_off`` is who signed the audit off, authenticated or claimed, empty where nobody did. ``figures`` are null where the run was not reviewed, or not with files that were kept.
    ``provenance`` has the rows of :mod:`access_review.evidence.provenance`, ``answers`` one of :data:`ANSWERS` for each answer.
    """

    run: str
    as_of: datetime
    rules: tuple[Evaluation, ...] = ()
    sources: tuple[str, ...] = ()
    said: tuple[SaidIn, ...] = ()
    authenticated: int = 0
    claimed: int = 0
    signed_off: str = ""
    figures: EvidenceFigures | None = None
    provenance: tuple[tuple[str, ...], ...] = ()
    certificates: tuple[GivenCertificate, ...] = ()
    answers: tuple[tuple[str, ...], ...] = ()


def controls_without(paths: Collection[str], runs: Collection[RunSummary]) -> tuple[ControlEvidence, ...]:
    """Return the controls for which a pack of these files and runs holds nothing."""
    known = {rule.rule for run in runs for rule in run.rules if rule.evaluated}
    known |= {f"source:{source.lower()}" for run in runs for source in run.sources}
    known |= {"answers" for run in runs if run.authenticated or run.claimed}
    known |= {"sign-off" for run in runs if run.signed_off}
    return without_evidence(paths, known)
