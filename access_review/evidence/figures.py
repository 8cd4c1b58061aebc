"""The figures that evidence states, in a form that a second verifier computes again: what a draw proves, how late leavers are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from access_review.audit.judge import ClientStatement, Judgement, JudgementLine
from access_review.engine import Engine

PERCENTILES = (50, 90, 95, 100)


@dataclass(frozen=True, slots=True)
class OpenLag:
    """How long accounts of leavers have outlived them when a run was read, in whole seconds, by nearest-rank percentile.

    Counted is each account that is not known to be off, of somebody who has left, from the latest moment that their last
    day allows; accounts of people without a known day are ``unknown`` and in no percentile.
    """

    accounts: int
    unknown: int
    percentiles: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class EvidenceFigures:
    """What a run's evidence states in numbers; without a draw there are no ``lines``."""

    run: str
    confidence: float | None
    lines: tuple[JudgementLine, ...]
    open_lag: OpenLag
    clients: tuple[ClientStatement, ...] = ()


def figures_of(
    run: str, judged: Judgement | None, lag: OpenLag, clients: tuple[ClientStatement, ...] = ()
) -> EvidenceFigures:
    """Return the figures of a run; ``clients`` are what its draw shows of those that the policy names."""
    if judged is None:
        return EvidenceFigures(run, None, (), lag)
    return EvidenceFigures(run, judged.confidence, judged.lines, lag, clients)


def measure_open_lag(engine: Engine, as_of: datetime) -> OpenLag:
    """Measure how long leavers' accounts are open, from ``accounts`` and ``people`` of an established engine."""
    rows = engine.rows(_OPEN)
    ages = [max(0, int((as_of - row["left_at_latest"]).total_seconds())) for row in rows if row["left_at_latest"]]
    return OpenLag(len(rows), len(rows) - len(ages), tuple(percentiles(ages)))


def percentiles(values: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Yield each percentile of :data:`PERCENTILES` by nearest rank; none of no values."""
    ordered: Sequence[int] = sorted(values)
    return ((p, ordered[ceil(p * len(ordered) / 100) - 1]) for p in PERCENTILES if ordered)


_OPEN = """
    SELECT a.account, p.left_at_latest
    FROM accounts AS a JOIN people AS p ON p.person = a.person JOIN moment ON TRUE
    WHERE p.status = 'left' AND coalesce(a.enabled, TRUE) AND coalesce(p.left_at_latest < moment.as_of, TRUE)
"""
