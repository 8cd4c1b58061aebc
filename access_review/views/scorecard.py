"""The scorecard: points beside targets, how they went, what would buy the next, and every metric with how it is known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from access_review.model import JsonObject
from access_review.scorecard.score import Known, MetricPoint, MetricScore, RiskLevel, Scorecard, value_for_next_point
from access_review.settings.measures import MEASURES, MeasureUnit
from access_review.settings.scorecard import FULL_POINTS
from access_review.views import measures
from access_review.views.terminal import paint, table
from access_review.views.text import day, moment, shorten, visible

_RISK = {
    RiskLevel.HIGH: ("red", "high risk"),
    RiskLevel.BELOW_TARGET: ("amber", "below the target"),
    RiskLevel.ON_TARGET: ("green", "on target"),
}
_NEXT, _BAR, _RUNS = 5, 20, 8


def text(card: Scorecard, organisation: str, *, high_risk: float, colour: bool = False, width: int = 80) -> str:
    """Show the total and the dimensions, how they went, and what would buy the next points, in lines of ``width`` columns."""
    return "\n".join(_lines(card, organisation, high_risk, width, colour=colour))


def _lines(card: Scorecard, organisation: str, high_risk: float, width: int, *, colour: bool) -> Iterator[str]:
    rag, words = _RISK[card.risk]
    whose = f" of {visible(organisation)}" if organisation else ""
    line = f" (below {high_risk:g})" if card.risk is RiskLevel.HIGH else ""
    yield shorten(f"Scorecard{whose}, {moment(card.at)}", width)
    yield f"{card.total:g} of 100, target {card.target:g}: {paint(words, rag, colour)}{line}"
    yield ""
    for one in card.dimensions:
        notes = [f"{one.attested:g} attested"] if one.attested else []
        notes += [f"{one.unknown:g} not known"] if one.unknown else []
        bar = "█" * round(one.points) + "·" * (FULL_POINTS - round(one.points))
        yield shorten(
            f"{one.dimension:<11}{bar}  {one.points:>4.1f} of {FULL_POINTS}, target {one.target:g}"
            + (f"  ({', '.join(notes)})" if notes else ""),
            width,
        )
    yield ""
    if len(card.trend) > 1:
        yield "Trend: " + "  ".join(f"{one.at:%m-%d} {one.total:g}" for one in card.trend[-_RUNS:])
        yield ""
    if wanting := card.next_points[:_NEXT]:
        yield "What would buy the next points"
        yield from (shorten(f"  {one.to_gain:>4.1f}  {one.metric.metric}: {_buys(one)}", width) for one in wanting)
    rest = len(card.next_points) - _NEXT
    yield (f"and {rest} more; " if rest > 0 else "") + "every metric: access-review scorecard --metrics"


class ShownDimension(TypedDict):
    """A dimension in words."""

    name: str
    points: str
    target: str
    attested: str
    unknown: str


class ShownGain(TypedDict):
    """What would earn more points at one metric, in words."""

    metric: str
    to_gain: str
    buys: str


class ShownScorecard(TypedDict):
    """A scorecard in words, for a page; ``trend`` is empty for a single run."""

    total: str
    target: str
    risk: str
    full: str
    dimensions: list[ShownDimension]
    next: list[ShownGain]
    trend: str


def shown(card: Scorecard) -> ShownScorecard:
    """Return what a page shows of a scorecard."""
    return {
        "total": f"{card.total:g}",
        "target": f"{card.target:g}",
        "risk": _RISK[card.risk][1],
        "full": str(FULL_POINTS),
        "dimensions": [
            {
                "name": str(one.dimension),
                "points": f"{one.points:g}",
                "target": f"{one.target:g}",
                "attested": f"{one.attested:g}" if one.attested else "",
                "unknown": f"{one.unknown:g}" if one.unknown else "",
            }
            for one in card.dimensions
        ],
        "next": [
            {"metric": one.metric.metric, "to_gain": f"{one.to_gain:.1f}", "buys": _buys(one)}
            for one in card.next_points[:_NEXT]
        ],
        "trend": ", ".join(f"{day(one.at)} {one.total:g}" for one in card.trend[-_RUNS:])
        if len(card.trend) > 1
        else "",
    }


def _buys(one: MetricScore) -> str:
    """Say what would earn more: a figure to reach, or to be made known."""
    if one.metric.attested is not None and one.value is None:
        why = "expired" if one.known is Known.EXPIRED else "nobody has stated it"
        return f"{why}: access-review scorecard attest {one.metric.metric}"
    if one.value is None:
        return measures.figure(one.measured) if one.measured else "unknown"
    reach = measures.value_text(value_for_next_point(one.metric, one.points), _unit(one))
    return f"{_figure(one)} → {reach} for {'one more' if one.to_gain > 1 else 'the rest'}"


def _unit(one: MetricScore) -> MeasureUnit:
    return MEASURES[one.metric.measured].unit if one.metric.measured else MeasureUnit.PERCENT


def _figure(one: MetricScore) -> str:
    if one.attested is not None:
        until = day(one.attested.moment("until"))
        who = visible(one.attested.person.rpartition(":")[2])
        if one.value is None:
            return f"what {who} stated has expired on {until}"
        return f"{measures.value_text(one.value, MeasureUnit.PERCENT)} stated by {who} until {until}"
    return measures.figure(one.measured) if one.measured else "nobody has stated it"


class ShownMetric(TypedDict):
    """One metric in words, with the rules and the measure that lead to the rows it counts."""

    metric: str
    title: str
    points: str
    known: str
    figure: str
    rules: list[str]
    measured: str


def shown_metrics(card: Scorecard) -> dict[str, list[ShownMetric]]:
    """Return what a page shows of the metrics of each dimension."""
    found: dict[str, list[ShownMetric]] = {str(one.dimension): [] for one in card.dimensions}
    for one in card.metrics:
        found[str(one.metric.dimension)].append(
            {
                "metric": one.metric.metric,
                "title": one.metric.title,
                "points": f"{one.points:g} of {one.metric.weight:g}",
                "known": str(one.known),
                "figure": _figure(one),
                "rules": list(one.metric.rules),
                "measured": str(one.metric.measured or ""),
            }
        )
    return found


def metrics_text(card: Scorecard) -> str:
    """List every metric: points, how its figure is known, the figure, the bounds, and where its definition comes from."""
    rows = [
        (
            str(one.metric.dimension),
            one.metric.metric,
            f"{one.points:g} of {one.metric.weight:g}",
            str(one.known),
            _figure(one),
            f"{one.metric.good:g} to {one.metric.bad:g}",
            visible(one.metric.source),
        )
        for one in card.metrics
    ]
    return table(("dimension", "metric", "points", "", "figure", "good to bad", "source"), rows)


def value(card: Scorecard) -> JsonObject:
    """Return the scorecard for scripts."""
    return {
        "as_of": card.at.isoformat(),
        "total": card.total,
        "target": card.target,
        "risk": str(card.risk),
        "dimensions": [
            {
                "dimension": str(one.dimension),
                "points": one.points,
                "target": one.target,
                "attested": one.attested,
                "unknown": one.unknown,
            }
            for one in card.dimensions
        ],
        "metrics": [_plain(one) for one in card.metrics],
        "trend": [{"run": one.run, "at": one.at.isoformat(), "total": one.total} for one in card.trend],
        "next": [{"metric": one.metric.metric, "to_gain": round(one.to_gain, 2)} for one in card.next_points],
    }


def _plain(one: MetricScore) -> JsonObject:
    found, said = one.measured, one.attested
    return {
        "metric": one.metric.metric,
        "dimension": str(one.metric.dimension),
        "weight": one.metric.weight,
        "points": one.points,
        "known": str(one.known),
        "value": one.value,
        "unit": str(_unit(one)),
        "measured": str(one.metric.measured) if one.metric.measured else None,
        "rules": list(one.metric.rules),
        "part": found.part if found else None,
        "whole": found.whole if found else None,
        "why": str(found.why) if found and found.why else None,
        "attested": {"person": said.person, "assurance": said.assurance, **said.said} if said else None,
        "good": one.metric.good,
        "bad": one.metric.bad,
        "source": one.metric.source,
    }


def points_text(points: Sequence[MetricPoint]) -> str:
    """List a metric run by run: points, how its figure is known, and the figure."""
    rows = [
        (f"{one.at:%Y-%m-%d %H:%M}", one.run, f"{one.score.points:g}", str(one.score.known), _figure(one.score))
        for one in points
    ]
    return table(("at", "run", "points", "", "figure"), rows) if rows else "There is no run yet."


def points_value(points: Sequence[MetricPoint]) -> JsonObject:
    """Return a metric run by run for scripts."""
    return {"points": [{"run": one.run, "at": one.at.isoformat(), **_plain(one.score)} for one in points]}


def behind_text(what: str, run: str, rows: Sequence[Mapping[str, str]]) -> str:
    """List the rows that a figure counts."""
    if not rows:
        return f"{run}: {what}" if what.startswith("no rows") else f"{run}: {what}: none"
    columns = tuple(rows[0])
    listed = table(columns, [tuple(visible(row[name]) for name in columns) for row in rows])
    return f"{run}: {what}, {len(rows):,} in all\n\n{listed}"


def behind_value(metric: str, what: str, run: str, rows: Sequence[Mapping[str, str]]) -> JsonObject:
    """Return the rows that a figure counts, for scripts."""
    return {"metric": metric, "run": run, "what": what, "rows": [dict(row) for row in rows]}
