"""Figures in words: a value with its unit and its counts, or why it is not known."""

from access_review.scorecard.measurement import Measurement, Unmeasured
from access_review.settings.measures import MEASURES, MeasureName, MeasureUnit
from access_review.views.terminal import table

_WHY = {
    Unmeasured.NO_RUN: "there is no run yet",
    Unmeasured.NOT_REVIEWED: "the newest run is not reviewed",
    Unmeasured.NOT_COUNTED: "the run was reviewed by a version that did not count it: review it again",
    Unmeasured.NOT_EVALUATED: "a rule behind it was not evaluated, or not for every source",
    Unmeasured.NO_AUDIT: "no sample was drawn yet",
    Unmeasured.NO_LEAVERS_READ: "leavers were not followed yet: access-review offboarding, or daily",
    Unmeasured.NOT_PROVEN: "the records do not prove it",
    Unmeasured.NEVER_DONE: "it was never done",
    Unmeasured.NOTHING_YET: "nothing to measure yet",
    Unmeasured.NO_TRAININGS: "no source has trainings (table: training), and none was assigned by name",
    Unmeasured.NOT_WHOLE: "what it is made of was not read whole",
    Unmeasured.GOES_ON: "it goes on, its time is not over; done so far",
    Unmeasured.NO_CHECKLIST: "the workspace has no check list: roles/checklist.yaml",
    Unmeasured.OUT_OF_DATE: "the newest record of it is too old",
    Unmeasured.NONE_PRIVILEGED: "no source tells what is privileged",
    Unmeasured.NO_AGENTS: "no source tells of an AI agent",
    Unmeasured.NOTHING_CONCERNED: "no source tells of anybody or anything that it is about",
    Unmeasured.OPEN_FOR_LONGER: "more than one in ten have been open for longer than any took that closed",
}

_BRIEF = {
    Unmeasured.NO_RUN: "no run yet",
    Unmeasured.NOT_REVIEWED: "newest run not reviewed",
    Unmeasured.NOT_COUNTED: "not counted: review again",
    Unmeasured.NOT_EVALUATED: "a rule not evaluated",
    Unmeasured.NO_AUDIT: "no sample drawn yet",
    Unmeasured.NO_LEAVERS_READ: "leavers not followed yet",
    Unmeasured.NOT_PROVEN: "records do not prove it",
    Unmeasured.NEVER_DONE: "never done",
    Unmeasured.NOTHING_YET: "nothing to measure yet",
    Unmeasured.NO_TRAININGS: "no trainings are read",
    Unmeasured.NOT_WHOLE: "not read whole",
    Unmeasured.GOES_ON: "goes on",
    Unmeasured.NO_CHECKLIST: "no check list",
    Unmeasured.OUT_OF_DATE: "too old",
    Unmeasured.NONE_PRIVILEGED: "nothing said to be privileged",
    Unmeasured.NO_AGENTS: "no agent is known",
    Unmeasured.NOTHING_CONCERNED: "nothing it is about is known",
    Unmeasured.OPEN_FOR_LONGER: "too many are open for longer",
}
"""The same in so few words that they fit beside what is due."""


def value_text(value: float, unit: MeasureUnit) -> str:
    """Write a value with its unit: ``97%``, ``3``, ``26 h``, ``4.5 d``."""
    number = f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.1f}"
    return number + ("%" if unit is MeasureUnit.PERCENT else f" {unit}" if unit else "")


def figure(found: Measurement) -> str:
    """Write a figure with the counts behind it, or why it is not known."""
    if found.value is None:
        said = "not measured" if found.whole == 0 else "unknown"
        return f"{said}: {_WHY[found.why]}{_counts(found)}" if found.why else "unknown"
    return value_text(found.value, MEASURES[found.name].unit) + _counts(found)


def _counts(found: Measurement) -> str:
    return f" ({found.part:,} of {found.whole:,})" if found.whole is not None and found.part is not None else ""


def brief(found: Measurement) -> str:
    """Write a figure with its counts, or in a few words why it is not known."""
    return _BRIEF[found.why] + _counts(found) if found.value is None and found.why else figure(found)


def measures_table(known: dict[MeasureName, Measurement]) -> str:
    """List every figure that a file may use, with what it is now and what it means."""
    rows = [(str(name), figure(known[name]), meaning.what) for name, meaning in MEASURES.items()]
    return table(("measured", "now", "what it is"), rows)
