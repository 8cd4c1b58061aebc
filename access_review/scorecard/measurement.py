"""What a figure is: a value, or why it is not known."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_review.settings.measures import MeasureName


class Unmeasured(StrEnum):
    """Why a figure is not known."""

    NO_RUN = "no-run"
    NOT_REVIEWED = "not-reviewed"
    NOT_COUNTED = "not-counted"
    """The run was reviewed by a version that did not count it."""
    NOT_EVALUATED = "not-evaluated"
    NO_AUDIT = "no-audit"
    NO_LEAVERS_READ = "no-leavers-read"
    NOT_PROVEN = "not-proven"
    NEVER_DONE = "never-done"
    NOTHING_YET = "nothing-yet"
    NO_TRAININGS = "no-trainings"
    """No source has trainings, and none was assigned by name."""
    NOT_WHOLE = "not-whole"
    """What it is made of was not read whole."""
    GOES_ON = "goes-on"
    """It was begun, and there is time left to finish it."""
    NO_CHECKLIST = "no-checklist"
    OUT_OF_DATE = "out-of-date"
    NONE_PRIVILEGED = "none-privileged"
    NO_AGENTS = "no-agents"
    NOTHING_CONCERNED = "nothing-concerned"
    """The rules it is about are about what no source tells of."""
    OPEN_FOR_LONGER = "open-for-longer"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure: its value in the measure's unit, null where it is not known, with why.

    ``at`` is the moment that it is about; ``part`` of ``whole`` are the counts behind a percentage, where there are any.
    """

    name: MeasureName
    value: float | None
    at: datetime | None
    part: int | None = None
    whole: int | None = None
    why: Unmeasured | None = None


NOTHING_TOLD = frozenset({Unmeasured.NONE_PRIVILEGED, Unmeasured.NO_AGENTS, Unmeasured.NOTHING_CONCERNED})
"""Why a figure is of nothing: no source tells of such a thing, which does not show that there is none."""

NO_RECORD = frozenset({Unmeasured.NO_TRAININGS})
"""Why a figure is not known where no record could hold it: only then does a statement take its place."""
