"""How much an audit asks of each reviewer, for the terminal."""

import textwrap
from typing import TypedDict

from access_review.audit.worklist import UNASSIGNED, Worklist, minutes_for
from access_review.sample import for_clients
from access_review.sample.draw import Sample
from access_review.views.text import count, visible

_NAMED = 3


class AskedReviewer(TypedDict):
    """How many items, and about how many minutes, an audit asks of one reviewer; ``unassigned`` is nobody."""

    reviewer: str
    name: str
    items: int
    minutes: int


class AskedValue(TypedDict):
    """What an audit asks, of whom, the longest first; ``why_not`` says why nothing is drawn now, and is empty where it is."""

    week: str
    why_not: str
    units: int
    reviewers: list[AskedReviewer]


def value(week: str, why_not: str, work: Worklist | None, sample: Sample | None) -> AskedValue:
    """Return it as the JSON that scripts read."""
    sheets = work.by_reviewer() if work else {}
    ordered = sorted(sheets.items(), key=lambda one: (-len(one[1]), one[0]))
    return {
        "week": week,
        "why_not": why_not,
        "units": len(sample.picks) if sample else 0,
        "reviewers": [
            {
                "reviewer": reviewer,
                "name": items[0].reviewer_name,
                "items": len(items),
                "minutes": minutes_for(len(items)),
            }
            for reviewer, items in ordered
        ],
    }


def text(work: Worklist, sample: Sample | None = None, width: int = 100) -> str:
    """Say how many minutes it asks of whom, the longest first, and how many items have nobody to answer them.

    What is drawn for the clients that the policy names comes first.
    """
    sheets = work.by_reviewer()
    unassigned = len(sheets.pop(UNASSIGNED, ()))
    ordered = sorted(sheets.values(), key=lambda items: (-len(items), items[0].reviewer_name))
    named = [f"{visible(items[0].reviewer_name)} {_asks(len(items))}" for items in ordered[:_NAMED]]
    if more := ordered[_NAMED:]:
        most, least = minutes_for(len(more[0])), minutes_for(len(more[-1]))
        span = f"{least} min" if least == most else f"{least} to {most} min"
        named.append(f"{count(len(more), 'other')} {span}")
    said = f"It asks of {', '.join(named)}." if named else "It asks nothing of anybody."
    if unassigned:
        said += f" Nobody is known to answer {count(unassigned, 'item')}: see the sheet {UNASSIGNED}."
    parts = sample.clients.parts if sample and sample.clients else ()
    lines = [visible(line) for line in for_clients.reasons(parts)] + [said]
    return "\n".join(
        textwrap.fill(line, width, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False)
        for line in lines
    )


def _asks(items: int) -> str:
    return f"{minutes_for(items)} min ({count(items, 'item')})"
