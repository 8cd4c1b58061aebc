"""A work order as a ticket: the words of the policy's templates, and the bodies that ServiceNow and Jira take; pure.

Names in an order may be written by an attacker: they are put into the text as they are shown everywhere,
into one line each, and nothing of them is read as a template, as markup or as a field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from access_review.changes import Change
from access_review.model import Json, JsonObject
from access_review.settings.desks import JiraDesk, MailDesk, ServiceNowDesk
from access_review.views.standing import what
from access_review.views.text import moment, visible

_SHORT = {"servicenow": 160, "jira": 255, "mail": 200}
"""Signs that the line of a ticket has room for."""
_LONG = {"servicenow": 4000, "jira": 32_000, "mail": 100_000}


@dataclass(frozen=True, slots=True)
class TicketOrder:
    """What is asked for: the source that it is about, its words, by when, and by what it is found again."""

    source: str
    reference: str
    due: datetime
    values: Mapping[str, str]


def order(change: Change, *, run: str, due: datetime, reference: str) -> TicketOrder:
    """Return what a ticket says of a change."""
    target = change.target
    thing = target.account or target.child
    held = target.entitlement
    values = {
        "change": change.id,
        "what": what(change),
        "action": str(change.action),
        "system": target.source,
        "account": thing.name if thing else "",
        "account_id": thing.native_id if thing else "",
        "entitlement": held.name if held else "",
        "entitlement_id": held.native_id if held else "",
        "person": target.person_name or "",
        "due": moment(due),
        "run": run,
        "reference": reference,
    }
    return TicketOrder(target.source, reference, due, {name: visible(value) for name, value in values.items()})


def summary(asked: TicketOrder, desk: ServiceNowDesk | JiraDesk | MailDesk) -> str:
    """Return the line of a ticket."""
    line = " ".join(desk.summary.format(**asked.values).split())
    most = _SHORT[desk.kind]
    return line if len(line) <= most else f"{line[: most - 1]}…"


def text(asked: TicketOrder, desk: ServiceNowDesk | JiraDesk | MailDesk) -> str:
    """Return the text of a ticket."""
    return desk.text.format(**asked.values)[: _LONG[desk.kind]]


def servicenow(asked: TicketOrder, desk: ServiceNowDesk) -> JsonObject:
    """Return a record of ServiceNow; its moments are in UTC. What the policy says of a field stands above all else but the reference."""
    group = desk.groups.get(asked.source)
    made: dict[str, Json] = {
        "short_description": summary(asked, desk),
        "description": text(asked, desk),
        "due_date": f"{asked.due.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "correlation_display": "access-review",
    }
    made |= {"assignment_group": group} if group else {}
    made |= {name: template.format(**asked.values) for name, template in desk.fields.items()}
    return {**made, "correlation_id": asked.reference}


def jira(asked: TicketOrder, desk: JiraDesk) -> JsonObject:
    """Return an issue of Jira; the reference is one of its labels."""
    fields: dict[str, Json] = {
        **desk.fields,
        "project": {"key": desk.project},
        "issuetype": {"name": desk.issue_type},
        "summary": summary(asked, desk),
        "description": document(text(asked, desk)),
    }
    labels = desk.fields.get("labels")
    fields["labels"] = [*(labels if isinstance(labels, list) else ()), asked.reference]
    if desk.due:
        fields[desk.due] = f"{asked.due.astimezone(UTC):%Y-%m-%d}"
    return {"fields": fields}


def document(said: str) -> JsonObject:
    """Return text in the Atlassian document format: a paragraph a line. An empty run of text is refused there."""
    lines: list[Json] = []
    for line in said.split("\n"):
        runs: list[Json] = [{"type": "text", "text": line}] if line else []
        lines.append({"type": "paragraph", "content": runs})
    return {"type": "doc", "version": 1, "content": lines}
