"""What became of the tickets of work orders, for the terminal, for scripts, for the desk and for those who must hear of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from access_review.revoke.states import ChangeStatus, State
from access_review.revoke.work_tickets import Escalation, WorkTicket
from access_review.views.text import moment, visible
from access_review.views.ticket_bodies import TicketOrder


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One ticket in a line: the change, its number in the desk, what it asks for and by when."""

    change: str
    number: str
    what: str
    due: datetime


@dataclass(frozen=True, slots=True)
class TicketsSeenTo:
    """What was done about tickets, and why something could not be."""

    opened: tuple[TicketLine, ...] = ()
    closed: tuple[TicketLine, ...] = ()
    escalated: tuple[TicketLine, ...] = ()
    failed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


class TicketValue(TypedDict):
    """One ticket: the change, its number in the desk, and by when it is to be done (ISO 8601)."""

    change: str
    number: str
    due: str


class TicketsValue(TypedDict):
    """What was done about tickets now, and why something could not be."""

    opened: list[TicketValue]
    closed: list[TicketValue]
    escalated: list[TicketValue]
    failed: list[str]


def value(done: TicketsSeenTo) -> TicketsValue:
    """Return it as JSON."""
    return {
        "opened": list(map(_value, done.opened)),
        "closed": list(map(_value, done.closed)),
        "escalated": list(map(_value, done.escalated)),
        "failed": [*done.failed, *done.waiting],
    }


def _value(line: TicketLine) -> TicketValue:
    return {"change": line.change, "number": line.number, "due": line.due.isoformat()}


def lines(done: TicketsSeenTo) -> Iterator[str]:
    """Say it, a line a ticket; nothing where there was nothing to do."""
    for word, some in (("opened", done.opened), ("escalated", done.escalated), ("closed", done.closed)):
        for one in some:
            by = "" if word == "closed" else f", to be done by {moment(one.due)}"
            yield f"Ticket {visible(one.number)} {word}: {visible(one.what)}{by}"
    for why in (*done.failed, *done.waiting):
        yield f"Tickets: {visible(why)}"


def closing(status: ChangeStatus) -> str:
    """Say to the desk why a ticket is closed."""
    if status.state is State.SKIPPED:
        return f"Nothing is to be done any more: {visible(status.reason)}. Where it was done already, it is to be given back."
    word = "given back" if status.state is State.RESTORED else "gone"
    return f"Proven to be {word} by two reads of {visible(status.server) or 'the system'}, the last at {moment(status.at)}."


WORDS = {
    Escalation.SOON: "is not done, and its time is almost over",
    Escalation.OVERDUE: "is not done in time",
    Escalation.NOT_OPENED: "could not be opened as a ticket, so nobody may know of it",
    Escalation.CLOSED_BY_HAND: "has a ticket that was closed or deleted, and the system does not show that it is done",
    Escalation.NOT_HELD: "did not hold: the system shows the access again",
}


def escalated(why: Escalation, asked: TicketOrder, reason: str) -> str:
    """Say to the desk why an order is escalated."""
    more = f" ({visible(reason)})" if reason and why is Escalation.NOT_HELD else ""
    return f"{asked.values['what']}: {WORDS[why]}{more}. It was to be done by {asked.values['due']}."


def alarm(
    why: Escalation, ticket: WorkTicket, asked: TicketOrder, run: str, name: str, reason: str = ""
) -> tuple[str, str]:
    """Return subject and text of what people are told, with what to do; ``reason`` is why a desk took no ticket."""
    number = visible(ticket.number or ticket.reference)
    subject = f"Work order {number}: {why}"
    more = f" ({visible(reason)})" if reason else ""
    which = f"{'Ticket' if ticket.number else 'Reference'} {number}"
    lines = [
        f"{asked.values['what']}: the order {WORDS[why]}{more}.",
        f"{which}, ordered at {moment(ticket.ordered_at)}, to be done by {asked.values['due']}",
        f"Have it done in {asked.values['system']}, then let it be proven: access-review --run {run} verify --of {name}",
    ]
    if why is Escalation.NOT_OPENED:
        lines.append(f"All orders of this plan lie in runs/{run}/{name}/orders.csv. The desk is tried again.")
    return subject, "\n".join(lines) + "\n"
