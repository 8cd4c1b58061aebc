"""What ``roles/scorecard.yaml`` may say: the metrics of five dimensions, as data, each with where its definition comes from."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from access_review.settings import Duration, File, Texts
from access_review.settings.checklist import Attested, CheckpointName, Words
from access_review.settings.measures import MEASURES, MeasureName, MeasureUnit


class Dimension(StrEnum):
    """What the scorecard is about, in this order."""

    PROCESS = "process"
    PEOPLE = "people"
    TECHNOLOGY = "technology"
    MONITORING = "monitoring"
    AI = "ai"


FULL_POINTS = 20
"""How many points each dimension has."""
Points = Annotated[float, Field(gt=0, le=FULL_POINTS)]
TARGETS: Mapping[Dimension, float] = {
    Dimension.PROCESS: 18,
    Dimension.PEOPLE: 19,
    Dimension.TECHNOLOGY: 18,
    Dimension.MONITORING: 17,
    Dimension.AI: 18,
}


class Metric(File):
    """One metric: ``weight`` points from ``good`` on, none from ``bad`` on, in proportion between; unknown earns none.

    ``good`` and ``bad`` are in the unit of the measure (percent, hours, days or how many); what is attested is a percentage.
    One that is measured and attested is stated by somebody only while no record measures it.
    """

    metric: CheckpointName
    title: Words
    dimension: Dimension
    weight: Points
    measured: MeasureName | None = None
    rules: Texts = ()
    attested: Attested | None = None
    good: float
    bad: float
    source: Words

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.measured is None and self.attested is None:
            raise ValueError("where the figure comes from: measured, attested, or attested where nothing measures it")
        if self.measured and self.attested and MEASURES[self.measured].unit is not MeasureUnit.PERCENT:
            raise ValueError(f"attested: {self.measured} is no percentage, so a statement cannot take its place")
        if self.rules and (self.measured is None or not MEASURES[self.measured].by_rule):
            raise ValueError("rules: this is not measured rule by rule")
        if self.good == self.bad:
            raise ValueError("good and bad: the points lie between them, so they differ")
        return self


class Formulas(File):
    """``roles/scorecard.yaml``: the targets of the dimensions, below which total the risk is high, and every metric.

    The weights of each dimension make 20 points. What is older than ``fresh`` is not known any more.
    """

    targets: Mapping[Dimension, Annotated[float, Field(ge=0, le=FULL_POINTS)]] = TARGETS
    high_risk: Annotated[float, Field(ge=0, le=100)] = 70
    fresh: Duration = timedelta(days=31)
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [one.metric for one in self.metrics]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metric {twice[0]!r} stands twice")
        if missing := [str(one) for one in Dimension if one not in self.targets]:
            raise ValueError(f"targets: {', '.join(missing)} has none")
        for dimension in Dimension:
            points = sum(one.weight for one in self.metrics if one.dimension is dimension)
            if abs(points - FULL_POINTS) > 1e-9:
                raise ValueError(
                    f"metrics: the weights of {dimension} make {points:g} points, and {FULL_POINTS} are to be given"
                )
        return self
