"""How the audit goes from week to week, and how long everyone has waited to be looked at."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from access_review.audit.campaign import Campaign
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.judge import Judgement
from access_review.findings.control import CONTROL_RULES
from access_review.findings.judged_share import Judged
from access_review.model import CURRENT
from access_review.sample.rotation import WEEK, LastReviewed
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One week: what the machine found about access, what the reviewers' sample proves, and what was not reviewed.

    ``wrong`` and ``missed`` are the highest rates among those drawn from that the
    sample leaves possible, what is open counted as wrong; null where none can be stated.
    ``tested`` are the test rows answered, ``caught`` those to which the answer was right. ``grants_judged`` of
    ``grants`` were judged by the machine; null where its review did not keep that.
    """

    week: str
    run: str
    findings: int
    red: int
    sampled: int
    wrong: float | None
    missed: float | None
    not_reviewed: int
    again: int
    signed_off: bool
    tested: int
    caught: int
    grants: int | None = None
    grants_judged: int | None = None


def trend_point(
    campaign: Campaign, counted: Iterable[Row], judged: Judgement, sampled: int, share: Judged | None = None
) -> TrendPoint:
    """Return one week of the trend; ``sampled`` is the number of units drawn.

    ``counted`` are how many ``findings`` of its run have which ``status``, ``rule`` and ``rag``.
    """
    current = Counter[str]()
    for row in counted:
        if row["status"] in CURRENT and row["rule"] not in CONTROL_RULES:
            current[row["rag"]] += row["findings"]
    rest = next(line for line in judged.lines if line.stratum == "rest")
    return TrendPoint(
        week=campaign.week,
        run=campaign.run,
        findings=current.total(),
        red=current["red"],
        sampled=sampled,
        wrong=rest.wrong.limit_most,
        missed=rest.missed.limit_most,
        not_reviewed=len(campaign.not_reviewed),
        again=len(campaign.red),
        signed_off=campaign.signed_off_at is not None,
        tested=len(judged.test_rows),
        caught=sum(row.decision is ReviewerAnswer.REVOKE for row in judged.test_rows),
        grants=share.grants if share else None,
        grants_judged=share.grants_judged if share else None,
    )


@dataclass(frozen=True, slots=True)
class CoverageClock:
    """The coverage clock: how many units there are, how many were never looked at, and which has waited longest."""

    units: int
    never: int
    overdue: int
    longest: timedelta | None
    unit: str | None
    name: str | None
    """What the unit is called."""


def coverage_clock(
    seen: Mapping[str, LastReviewed], now: datetime, weeks: int, names: Mapping[str, str] = MappingProxyType({})
) -> CoverageClock:
    """Read the coverage clock at ``now``: everyone is to be looked at within ``weeks``.

    Who was never looked at waits since entering the population. ``names`` are those of units, by id.
    """
    since = {unit: clock.drawn or clock.entered for unit, clock in seen.items()}
    first = min(since, key=lambda unit: (since[unit], unit), default=None)
    return CoverageClock(
        units=len(since),
        never=sum(clock.drawn is None for clock in seen.values()),
        overdue=sum(at + weeks * WEEK < now for at in since.values()),
        longest=now - since[first] if first else None,
        unit=first,
        name=names.get(first, first) if first else None,
    )
