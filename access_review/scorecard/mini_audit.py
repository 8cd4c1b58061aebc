"""The mini-audit: five controls a quarter that nobody chose, with where their evidence is and what to ask of it.

The controls are drawn as people are: by the key of the quarter's first audit, to which that audit was committed
before anything was read. Whoever has the sample's file repeats the selection.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from access_review.evidence.controls import ControlEvidence
from access_review.sample.commitment import lowest, merkle_root, rank, seed

DRAWN = 5
"""How many controls are shown."""


class Answer(StrEnum):
    """What somebody who looked says of a control."""

    WORKS = "works"
    FAILS = "fails"
    CANNOT_SAY = "cannot-say"


class Question(StrEnum):
    """What is asked of a kind of evidence; the sentences are in the views."""

    POPULATION = "population"
    FINDINGS = "findings"
    DRAW = "draw"
    DECISIONS = "decisions"
    BATCHES = "batches"
    DECLARED = "declared"
    LOGBOOK = "logbook"
    FIGURES = "figures"
    CUSTODY = "custody"
    FOLLOW_UP = "follow-up"


_QUESTIONS: tuple[tuple[str, Question], ...] = (
    ("tables/*/findings.csv", Question.FINDINGS),
    ("tables/*/custody.csv", Question.CUSTODY),
    ("tables/*", Question.POPULATION),
    ("provenance.csv", Question.POPULATION),
    ("runs/*/manifest.json", Question.POPULATION),
    ("runs/*/review.json", Question.FINDINGS),
    ("runs/*/leavers.json", Question.FINDINGS),
    ("runs/*/certificates/*.json", Question.FINDINGS),
    ("runs/*/sample/*", Question.DRAW),
    ("runs/*/audit.json", Question.DECISIONS),
    ("runs/*/sign-off/", Question.DECISIONS),
    ("runs/decisions.sqlite", Question.DECISIONS),
    ("runs/*/*/journal.sqlite", Question.BATCHES),
    ("runs/*/declared.json", Question.DECLARED),
    ("runs/follow-up.sqlite#*", Question.FOLLOW_UP),
    ("runs/logbook.jsonl", Question.LOGBOOK),
    ("figures/*.json", Question.FIGURES),
)


@dataclass(frozen=True, slots=True)
class QuarterKey:
    """The revealed key of an audit of the quarter, and whether it had been promised before its population was known."""

    run: str
    key: str
    committed: bool


@dataclass(frozen=True, slots=True)
class AuditedControl:
    """One drawn control: what is measured for it, the newest file of each kind of evidence, how many there are, and what to ask.

    ``evidence`` are paths below the workspace with the digest that the logbook has of them; none is that there is none.
    """

    control: str
    measure: str
    evidence: tuple[tuple[str, str], ...]
    files: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class MiniAudit:
    """The mini-audit of a quarter, as ``2026-Q4``: how its controls were drawn, and each of them."""

    quarter: str
    key: QuarterKey
    root: str
    controls: tuple[AuditedControl, ...]


def quarter_of(at: datetime) -> str:
    """Return the quarter of a moment in UTC, as ``2026-Q4``."""
    return f"{at.year}-Q{(at.month + 2) // 3}"


def name_of(control: ControlEvidence) -> str:
    """Return what a control is called: its framework and its number."""
    return f"{control.framework} {control.control}"


def draw_controls(
    quarter: str, key: QuarterKey, controls: Sequence[ControlEvidence], known: Mapping[str, str]
) -> MiniAudit:
    """Draw the controls of a quarter and find their evidence among ``known``, digests by path below the workspace."""
    by_name = {name_of(one): one for one in controls}
    root = merkle_root(by_name)
    drawn_by = seed(bytes.fromhex(key.key), root, f"mini-audit {quarter}")
    drawn = lowest({name: rank(drawn_by, name) for name in by_name}, DRAWN)
    return MiniAudit(quarter, key, root, tuple(_audited(by_name[name], known) for name in drawn))


def _audited(control: ControlEvidence, known: Mapping[str, str]) -> AuditedControl:
    found = {place: sorted(path for path in known if _is_of(path, place)) for place in control.places}
    newest = [paths[-1] for paths in found.values() if paths]
    asked = dict.fromkeys(
        next(question for pattern, question in _QUESTIONS if fnmatchcase(place, pattern)) for place in control.places
    )
    return AuditedControl(
        name_of(control),
        control.measure,
        tuple((path, known[path]) for path in dict.fromkeys(newest)),
        len({path for paths in found.values() for path in paths}),
        tuple(asked),
    )


def _is_of(path: str, place: str) -> bool:
    """Tell whether a file of a workspace is what a place of a pack is made of: tables are packed as CSV."""
    if place.startswith("figures/") or place == "provenance.csv":
        return False  # computed when a pack is made
    place = place.partition("#")[0]
    if place == "tables/*/findings.csv":
        place = "runs/*/findings.parquet"
    elif place.startswith("tables/*/"):
        place = f"runs/*/snapshot/{place.removeprefix('tables/*/').removesuffix('.csv')}.parquet"
    return fnmatchcase(path, place + "*" if place.endswith("/") else place)


def first_key(keys: Iterable[QuarterKey]) -> QuarterKey | None:
    """Return the key that draws: that of the first audit that was committed, else of the first; none of no audit."""
    known = list(keys)
    return next((one for one in known if one.committed), known[0] if known else None)
