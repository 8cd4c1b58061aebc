"""The weeks beside each other, for the terminal."""

from collections.abc import Sequence

from access_review.audit.judge import Reviewer
from access_review.audit.trend import CoverageClock, TrendPoint
from access_review.views import judgement
from access_review.views.terminal import table
from access_review.views.text import count, limit, span, visible

_HEADER = (
    "week",
    "findings",
    "red",
    "sampled",
    "wrong at most",
    "missed at most",
    "not reviewed",
    "again",
    "test rows caught",
    "signed off",
)


def text(
    points: Sequence[TrendPoint], clock: CoverageClock, some: Sequence[Reviewer], *, weeks: int, confidence: float
) -> str:
    """Show the trend, the coverage clock, and how reviewers answered over all the weeks."""
    rows = [
        (
            one.week,
            f"{one.findings:,}",
            f"{one.red:,}",
            f"{one.sampled:,}",
            _rate(one.wrong),
            _rate(one.missed),
            f"{one.not_reviewed:,}",
            f"{one.again:,}",
            f"{one.caught:,} of {one.tested:,}" if one.tested else "none asked",
            "yes" if one.signed_off else "no",
        )
        for one in points
    ]
    lines = [
        table(_HEADER, rows, numbers=range(1, 8)),
        "",
        f"Limits hold with {confidence:.0%} confidence for those drawn from; what is unanswered counts as wrong.",
        f"Coverage: {count(clock.units, 'unit')}, {clock.never:,} never looked at, {clock.overdue:,} over {weeks} weeks",
    ]
    if clock.unit:
        lines.append(f"Longest wait: {span(clock.longest)}, {visible(clock.unit)}")
    if some:
        lines += ["", judgement.reviewers(some)]
    return "\n".join(lines)


def _rate(rate: float | None) -> str:
    return "not stated" if rate is None else limit(rate)
