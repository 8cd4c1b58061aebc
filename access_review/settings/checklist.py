"""What ``roles/checklist.yaml`` may say: the checkpoints of an operation, and what is green, amber and red about each."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from access_review.settings import Duration, File, Texts
from access_review.settings.measures import MEASURES, MeasureName

CheckpointName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=500)]


class Cadence(StrEnum):
    """How often a checkpoint is due."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def period(self) -> timedelta:
        """How long what was done holds."""
        return {"daily": timedelta(days=1), "weekly": timedelta(days=7), "monthly": timedelta(days=31)}.get(
            self, timedelta(days=92)
        )


class Threshold(File):
    """A bound of a figure: ``at_least`` or ``at_most``, in the unit of the measure (percent, hours, days or how many)."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or at_most")
        return self

    def holds(self, value: float) -> bool:
        """Tell whether a figure is within."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


class Attested(File):
    """What no record says: somebody states it, with a link, for ``valid`` at most; only those ``by`` whom, where given."""

    valid: Duration
    by: Texts = ()


class Checkpoint(File):
    """One thing that is checked, how often, where its evidence comes from, and what stops while it is red.

    What nobody did in time, or cannot be told, has the colour ``undone``: it is never green.
    """

    checkpoint: CheckpointName
    title: Words
    every: Cadence
    grace: Duration = timedelta(hours=12)
    measured: MeasureName | None = None
    rules: Texts = ()
    green: Threshold | None = None
    amber: Threshold | None = None
    attested: Attested | None = None
    undone: Literal["amber", "red"] = "amber"
    halt: Words
    notify: Texts = ()
    controls: Texts = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.measured is None) == (self.attested is None):
            raise ValueError("where the evidence comes from: either measured, or attested")
        if self.attested and (self.green or self.amber or self.rules):
            raise ValueError("green, amber and rules are of what is measured; whoever attests says how it stands")
        if self.attested and self.attested.valid > self.every.period + self.grace:
            raise ValueError(
                "attested.valid: longer than it is due again, so that what nobody repeats would stay green"
            )
        if self.measured is MeasureName.FOLLOWED_UP:
            raise ValueError(
                "measured: followed-up is about the check list itself, so no checkpoint can be measured by it"
            )
        if self.measured and self.green is None:
            raise ValueError("green: say from which figure on it is green, as {at_least: 95}")
        if self.measured and self.rules and not MEASURES[self.measured].by_rule:
            raise ValueError(f"rules: {self.measured} is not measured rule by rule")
        if self.green and self.amber:
            self._wider(self.green, self.amber)
        return self

    @staticmethod
    def _wider(green: Threshold, amber: Threshold) -> None:
        least, most = (green.at_least, amber.at_least), (green.at_most, amber.at_most)
        falls = None not in least and float(amber.at_least or 0) < float(green.at_least or 0)
        rises = None not in most and float(amber.at_most or 0) > float(green.at_most or 0)
        if not (falls or rises):
            raise ValueError("amber: must leave more room than green, in the same direction")


class CheckpointList(File):
    """``roles/checklist.yaml``: the checkpoints, who hears of red ones, and how soon something must follow."""

    notify: Texts = ()
    root_cause_within: Duration = timedelta(hours=24)
    isolate_within: Duration = timedelta(hours=4)
    checkpoints: tuple[Checkpoint, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [one.checkpoint for one in self.checkpoints]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"checkpoint {twice[0]!r} stands twice")
        return self
