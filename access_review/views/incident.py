"""A red checkpoint in words: the record of the incident, to be filled in, and the notice to those who are to hear of it."""

from collections.abc import Sequence
from datetime import datetime
from string import Template

from access_review.audit.reviewers import People
from access_review.scorecard.checkpoints import CheckpointStatus
from access_review.views.notices import Notice
from access_review.views.status import shows
from access_review.views.text import listed, moment, visible

TEMPLATE = """# Incident: $title

| | |
| --- | --- |
| checkpoint | $checkpoint ($every) |
| controls | $controls |
| red since | $since |
| what the records show | $shows |
| halted | $halt |
| told | $told |
| opened | $opened |

## Isolate

What was stopped, by whom, when. Then: `access-review status step $checkpoint isolate --by YOU --note TEXT`

## Investigate

Root cause: source, rule, mover, nesting, template, people or other; which records show it.

## Remediate

What was changed, under which ticket or plan; which run proves it.

## Reinforce

What keeps it from coming back: a template, a limit, a schedule, training. Who owns it, by when.
"""


def record(status: CheckpointStatus, told: Sequence[str], now: datetime, template: str | None = None) -> str:
    """Return the record of an incident: the template (the workspace's own, if it has one) with what is known filled in."""
    checkpoint = status.checkpoint
    return Template(template or TEMPLATE).safe_substitute(
        title=_cell(checkpoint.title),
        checkpoint=checkpoint.checkpoint,
        every=str(checkpoint.every),
        controls=_cell(", ".join(checkpoint.controls) or "none named"),
        since=moment(status.case.red_since if status.case else None),
        shows=_cell(shows(status.reading)),
        halt=_cell(checkpoint.halt),
        told=_cell(listed(told, most=20) or "nobody"),
        opened=moment(now),
    )


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|")


def notice(status: CheckpointStatus, person: str, people: People, incident: str) -> Notice:
    """Return what one person is told of a red checkpoint."""
    checkpoint = status.checkpoint
    since = moment(status.case.red_since if status.case else None)
    due = f"The first step is due by {moment(status.due)}.\n" if status.due else ""
    text = (
        f"{visible(checkpoint.title)}: red since {since}.\nThe records show: {shows(status.reading)}.\n"
        f"Halted until it is isolated: {visible(checkpoint.halt)}.\n{due}"
        f"The record of the incident: runs/{incident}\n"
        f"access-review status step {checkpoint.checkpoint} isolate --by YOU --note TEXT\n"
    )
    return Notice(
        person,
        visible(people.names.get(person, person)),
        people.mails.get(person),
        f"Red: {visible(checkpoint.title)}",
        text,
    )
