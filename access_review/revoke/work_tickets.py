"""Tickets of work orders: what is known of each, and what is to be done about it next. Nothing is called here.

::

    ordered ─► asked (on disk) ─► looked up by its reference ─► opened, its number kept ─► escalated ─► closed
                   └ answer lost, or killed: looked up again later, and opened only when the desk surely has none

A ticket is closed when the journal says that the change is proven, or not to be done any more. What the desk says of
it decides nothing.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from access_review.revoke.states import ChangeStatus, State
from access_review.snapshot.watched import PendingAlarm

GRACE = timedelta(minutes=15)
"""How long an order may be without a ticket, and how long one has at least that came when its time was almost over."""

_PROVING = timedelta(hours=1)
"""How long what a read, or somebody, says is done may wait for the read that proves it."""

_OVER = frozenset({State.REVOKED, State.RESTORED, State.SKIPPED})
"""Proven, or not to be done any more."""

SETTLED = timedelta(minutes=5)
"""How long after it was asked to open a ticket a desk that shows none surely has none: a search may lag behind."""


class Escalation(StrEnum):
    """Why people are told of an order beside its ticket, once each."""

    SOON = "due soon"
    OVERDUE = "overdue"
    NOT_OPENED = "no ticket"
    CLOSED_BY_HAND = "closed by hand"
    NOT_HELD = "not held"


class TicketStep(StrEnum):
    """What is to be done about a ticket now."""

    OPEN = "open"
    LOOK = "look"
    WAIT = "wait"
    CLOSE = "close"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class WorkTicket:
    """The ticket of one change.

    ``reference`` is what it is found by in the desk, ``asked_at`` when the desk was last asked to open it; until
    ``opened_at`` is known, nobody knows what came of that. ``number`` is for people, ``key`` for the desk's API.
    ``told`` are the escalations that were made, ``unnoted`` those of them that it has no note of yet; ``closing_noted`` tells that it
    has the note why it is closed.
    """

    change: str
    reference: str
    ordered_at: datetime
    due: datetime
    asked_at: datetime | None = None
    opened_at: datetime | None = None
    number: str = ""
    key: str = ""
    told: tuple[Escalation, ...] = ()
    closed_at: datetime | None = None
    unnoted: tuple[Escalation, ...] = ()
    closing_noted: bool = False

    @property
    def notes_due(self) -> tuple[Escalation, ...]:
        """What is still to be noted on it: that its time is almost over is nothing any more once it is."""
        over = Escalation.OVERDUE in self.told
        return tuple(one for one in self.unnoted if not (over and one is Escalation.SOON))


@dataclass(frozen=True, slots=True)
class WorkTickets:
    """The tickets of one plan, and what of the alarms about them not everybody has heard."""

    plan: str
    tickets: tuple[WorkTicket, ...] = ()
    alarms: tuple[PendingAlarm, ...] = ()

    def of(self, change: str) -> WorkTicket | None:
        """Return the ticket of a change."""
        return next((one for one in self.tickets if one.change == change), None)

    def has_closed(self, ticket: WorkTicket) -> bool:
        """Tell whether the same ticket was closed under this plan, which it was for whoever shares it."""
        return any(one.reference == ticket.reference and one.closed_at for one in self.tickets)

    def with_ticket(self, ticket: WorkTicket) -> "WorkTickets":
        """Return them with one that is new, or in the place of what was known of it."""
        others = (one for one in self.tickets if one.change != ticket.change)
        return WorkTickets(self.plan, tuple(sorted((*others, ticket), key=lambda one: one.change)), self.alarms)

    def without(self, ticket: WorkTicket) -> "WorkTickets":
        """Return them without one."""
        return WorkTickets(self.plan, tuple(one for one in self.tickets if one != ticket), self.alarms)


def reference_of(plan: str, change: str) -> str:
    """Return by what the ticket of a change is found: the same for the same order, whenever it is asked."""
    return "access-review-" + hashlib.sha256(f"{plan}\x1f{change}".encode()).hexdigest()[:24]


def next_step(ticket: WorkTicket, state: State, now: datetime) -> TicketStep:
    """Return what to do about a ticket that is not closed, by where the change stands in the journal."""
    if ticket.opened_at:
        return TicketStep.CLOSE if state in _OVER else TicketStep.WAIT
    if ticket.asked_at is None:
        return TicketStep.OPEN if state is State.ORDERED else TicketStep.FORGET
    if state is State.ORDERED and is_settled(ticket, now):
        return TicketStep.OPEN
    return TicketStep.LOOK


def is_settled(ticket: WorkTicket, now: datetime) -> bool:
    """Tell whether a desk that shows no ticket surely has none, so long after it was asked for."""
    return ticket.asked_at is not None and abs(now - ticket.asked_at) >= SETTLED


def next_escalation(ticket: WorkTicket, status: ChangeStatus, now: datetime, *, closed: bool) -> Escalation | None:
    """Return why people are to be told of an order now; nothing where they were.

    ``closed`` is what the desk says of a ticket. Three quarters into its time an order is due soon. What is said to be
    done waits an hour for its proof.
    """
    state = status.state
    if state in _OVER:
        return None
    if state is State.PENDING and status.at and abs(now - status.at) < _PROVING:
        return None
    reasons = list[Escalation]()
    if state in {State.FAILED, State.REGRANTED}:
        reasons.append(Escalation.NOT_HELD)
    if closed and state is not State.PENDING:
        reasons.append(Escalation.CLOSED_BY_HAND)
    least = ticket.ordered_at + GRACE
    if now >= max(ticket.due, least):
        reasons.append(Escalation.OVERDUE)
    elif now >= max(ticket.due - abs(ticket.due - ticket.ordered_at) / 4, least):
        reasons.append(Escalation.SOON)
    return next((one for one in reasons if one not in ticket.told), None)


def adopted(change: str, others: Iterable[WorkTickets]) -> WorkTicket | None:
    """Return the ticket that is open for the same change under another plan: nobody is asked twice for one thing."""
    return next((one for known in others if (one := known.of(change)) and one.opened_at and not one.closed_at), None)
