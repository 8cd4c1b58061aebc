"""The weeks beside each other, for the terminal."""

from collections.abc import Sequence

from access_review.audit.judge import Reviewer
from access_review.audit.trend import CoverageClock, TrendPoint
from access_review.views import judgement
from access_review.views.terminal import fitted, wrapped
from access_review.views.text import count, limit, span, visible

_HEADER = (
    "week",
    "findings (red)",
    "judged",
    "sampled",
    "wrong at most",
    "missed at most",
    "not reviewed (again)",
    "test rows caught",
    "signed off",
)


def text(
    points: Sequence[TrendPoint],
    clock: CoverageClock,
    some: Sequence[Reviewer],
    *,
    weeks: int,
    confidence: float,
    width: int = 100,
) -> str:
    """Show the trend, the coverage clock, and how reviewers answered over all the weeks, in ``width`` columns."""
    rows = [
        (
            one.week,
            f"{one.findings:,} ({one.red:,})",
            f"{one.grants_judged / one.grants:.0%}" if one.grants and one.grants_judged is not None else "not known",
            f"{one.sampled:,}",
            _rate(one.wrong),
            _rate(one.missed),
            f"{one.not_reviewed:,} ({one.again:,})",
            f"{one.caught:,} of {one.tested:,}" if one.tested else "none asked",
            "yes" if one.signed_off else "no",
        )
        for one in points
    ]
    lines = [
        fitted(_HEADER, rows, width, numbers=range(1, 7)),
        "",
        wrapped(
            f"Limits hold with {confidence:.0%} confidence for those drawn from; what is unanswered counts as wrong.",
            width,
        ),
        wrapped(coverage(clock, weeks), width),
    ]
    if some:
        lines += ["", judgement.reviewers(some)]
    return "\n".join(lines)


def coverage(clock: CoverageClock, weeks: int) -> str:
    """Say how many units were drawn, and which has waited longest; what is drawn need not have been answered."""
    said = f"Coverage: {clock.units - clock.never:,} of {count(clock.units, 'unit')} drawn at least once (answered or not), "
    said += f"{clock.overdue:,} not within {weeks} weeks"
    return f"{said}; longest since a draw: {visible(clock.name)}, {span(clock.longest)}" if clock.name else said


def _rate(rate: float | None) -> str:
    return "not stated" if rate is None else limit(rate)
