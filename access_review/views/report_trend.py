"""The runs beside each other on the first page of the report: how many findings each had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from access_review.views.charts import Bar, columns
from access_review.views.text import count, day

MOST_RUNS = 8
"""How many runs the trend shows, this one with them."""


@dataclass(frozen=True, slots=True)
class RunFindings:
    """How many findings of a run are new or open, by RAG status."""

    as_of: datetime
    red: int
    amber: int
    green: int


def change_in(earlier: Sequence[RunFindings], red: int) -> str:
    """Say how the number of red findings went since the runs before."""
    first = earlier[0]
    if all(run.red == red for run in earlier):
        return f"{red:,} red, as before"
    if first.red == red:
        between = [run.red for run in earlier]
        return f"{red:,} red, as on {day(first.as_of)}, and {min(between):,} to {max(between):,} between"
    return f"red went from {first.red:,} on {day(first.as_of)} to {red:,}"


def picture(runs: Sequence[RunFindings]) -> Markup:
    """Draw a column a run."""
    bars = [Bar(day(run.as_of), [("red", run.red), ("amber", run.amber), ("green", run.green)]) for run in runs]
    return columns(f"Findings in {count(len(runs), 'run')}", bars)
