"""The scorecard: points by formula, what is attested shown as such, what is unknown earning nothing, and what would buy more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from access_review.scorecard.checkpoints import followed_up
from access_review.scorecard.follow_up import FollowUp, FollowUpKind, of_kind
from access_review.scorecard.measurement import NO_RECORD, NOTHING_TOLD, Measurement, Unmeasured
from access_review.scorecard.measures import measure
from access_review.scorecard.records import Records
from access_review.settings.checklist import CheckpointList
from access_review.settings.measures import MeasureName
from access_review.settings.scorecard import Dimension, Formulas, Metric

LONGEST_TREND = 26
"""How many runs the trend shows."""


class Known(StrEnum):
    """How the figure of a metric is known."""

    MEASURED = "measured"
    ATTESTED = "attested"
    NOT_MEASURED = "not-measured"
    """There was nothing to measure it by: it earns nothing, and says nothing bad."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"


class RiskLevel(StrEnum):
    """What a total says: below the high-risk line, below the target, or at it."""

    HIGH = "high"
    BELOW_TARGET = "below-target"
    ON_TARGET = "on-target"


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One metric: its points, how its figure is known, and the figure or the statement behind it."""

    metric: Metric
    known: Known
    value: float | None
    points: float
    measured: Measurement | None = None
    attested: FollowUp | None = None

    @property
    def to_gain(self) -> float:
        """How many points are missing."""
        return self.metric.weight - self.points


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """One dimension: its points of 20, the target, and how many points rest on statements or are not known."""

    dimension: Dimension
    points: float
    target: float
    attested: float
    unknown: float


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """The total as it was at a run, by the formulas of today."""

    run: str
    at: datetime
    total: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Every metric and dimension at a moment, of 100 points in all; ``trend`` is oldest first."""

    at: datetime
    total: float
    target: float
    risk: RiskLevel
    dimensions: tuple[DimensionScore, ...]
    metrics: tuple[MetricScore, ...]
    trend: tuple[ScorePoint, ...]

    @property
    def next_points(self) -> tuple[MetricScore, ...]:
        """The metrics with points to gain, most first: what would buy the next points."""
        wanting = [one for one in self.metrics if one.to_gain > 0]
        return tuple(sorted(wanting, key=lambda one: (-one.to_gain, one.metric.metric)))


def score(formulas: Formulas, listed: CheckpointList, records: Records, at: datetime) -> Scorecard:
    """Return the scorecard as the records had it at a moment; ``listed`` is the check list, whose following-up is measured."""
    metrics = _metrics(formulas, listed, records, at)
    total, target = _total(metrics), sum(formulas.targets.values())
    dimensions = tuple(_dimension(one, formulas, metrics) for one in Dimension)
    runs = [run for run in records.runs if run.as_of <= at][-LONGEST_TREND:]
    trend = (ScorePoint(run.run, run.as_of, _total(_metrics(formulas, listed, records, run.as_of))) for run in runs)
    return Scorecard(at, total, target, _risk(total, target, formulas), dimensions, metrics, tuple(trend))


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One metric as it was at a run, by the formulas of today."""

    run: str
    at: datetime
    score: MetricScore


def metric_points(
    metric: Metric, formulas: Formulas, listed: CheckpointList, records: Records, at: datetime
) -> tuple[MetricPoint, ...]:
    """Return a metric as it was at each of the runs that the trend shows."""
    runs = [run for run in records.runs if run.as_of <= at][-LONGEST_TREND:]
    return tuple(MetricPoint(run.run, run.as_of, _scored(metric, formulas, listed, records, run.as_of)) for run in runs)


def _risk(total: float, target: float, formulas: Formulas) -> RiskLevel:
    if total < formulas.high_risk:
        return RiskLevel.HIGH
    return RiskLevel.BELOW_TARGET if total < target else RiskLevel.ON_TARGET


def _metrics(formulas: Formulas, listed: CheckpointList, records: Records, at: datetime) -> tuple[MetricScore, ...]:
    return tuple(_scored(one, formulas, listed, records, at) for one in formulas.metrics)


def _scored(metric: Metric, formulas: Formulas, listed: CheckpointList, records: Records, at: datetime) -> MetricScore:
    if metric.measured is None:
        return _stated(metric, records, at)
    if metric.measured is MeasureName.FOLLOWED_UP:
        found = followed_up(listed, records, at)
    else:
        found = measure(metric.measured, records, at, metric.rules)
    if found.value is not None and (found.at is None or found.at + formulas.fresh < at):
        found = replace(found, value=None, why=Unmeasured.OUT_OF_DATE)
    if found.why in NO_RECORD and metric.attested is not None:
        return replace(_stated(metric, records, at), measured=found)
    if found.whole == 0 and found.why in {None, Unmeasured.NOTHING_YET, *NOTHING_TOLD}:
        found = replace(found, value=None, why=found.why or Unmeasured.NOTHING_YET)
        return MetricScore(metric, Known.NOT_MEASURED, None, 0.0, measured=found)
    if found.value is None:
        return MetricScore(metric, Known.UNKNOWN, None, 0.0, measured=found)
    return MetricScore(metric, Known.MEASURED, found.value, points_for(metric, found.value), measured=found)


def _stated(metric: Metric, records: Records, at: datetime) -> MetricScore:
    said = list(of_kind(records.follow_ups, FollowUpKind.ATTESTATION, about_metric(metric.metric), at))
    if not said:
        return MetricScore(metric, Known.UNKNOWN, None, 0.0)
    until, value = said[-1].moment("until"), said[-1].said.get("value")
    if until is None or until <= at or not isinstance(value, int | float):
        return MetricScore(metric, Known.EXPIRED, None, 0.0, attested=said[-1])
    return MetricScore(metric, Known.ATTESTED, float(value), points_for(metric, float(value)), attested=said[-1])


def about_metric(name: str) -> str:
    """Return what a statement in place of a metric's figure is about: apart from checkpoints of the same name."""
    return f"metric:{name}"


def points_for(metric: Metric, value: float) -> float:
    """Return the points of a figure: all from ``good`` on, none from ``bad`` on, in proportion between."""
    share = (value - metric.bad) / (metric.good - metric.bad)
    return round(metric.weight * min(max(share, 0.0), 1.0), 2)


def value_for_next_point(metric: Metric, points: float) -> float:
    """Return the figure that would earn one point more, or all there are where fewer are missing."""
    wanted = min(points + 1, metric.weight)
    return metric.bad + (metric.good - metric.bad) * wanted / metric.weight


def _total(metrics: Sequence[MetricScore]) -> float:
    return round(sum(one.points for one in metrics), 1)


def _dimension(dimension: Dimension, formulas: Formulas, metrics: Sequence[MetricScore]) -> DimensionScore:
    own = [one for one in metrics if one.metric.dimension is dimension]
    return DimensionScore(
        dimension,
        round(sum(one.points for one in own), 1),
        formulas.targets[dimension],
        round(sum(one.points for one in own if one.known is Known.ATTESTED), 1),
        sum(one.metric.weight for one in own if one.known in {Known.NOT_MEASURED, Known.UNKNOWN, Known.EXPIRED}),
    )
