"""Tickets: each work order that waits for a person has one in the desk of the policy, until it is proven to be done.

What is about to be asked is on disk before it is asked, and a desk is searched before a ticket is opened:
after a crash between the two nobody is asked twice. A desk that does not answer keeps nothing back: what is
left is done by the next command that looks here (`apply`, `verify`, `remind`, `watch`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from access_review import store
from access_review.artifacts import work_tickets as record_of
from access_review.audit import reviewers
from access_review.changes import Change
from access_review.errors import AccessReviewError, ConnectorError, Transient
from access_review.revoke import work_tickets
from access_review.revoke.states import ChangeStatus, State
from access_review.revoke.work_tickets import Escalation, TicketStep, WorkTicket, WorkTickets
from access_review.snapshot.watched import PendingAlarm
from access_review.stages import desk_api, ticket_desks, watch_alarms
from access_review.stages.ticket_desks import Desk
from access_review.stages.work_orders import OrdersDue
from access_review.store import plans, snapshots
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.store.rights import RightHeld
from access_review.views import ticket_bodies
from access_review.views import tickets as view
from access_review.views.tickets import TicketLine, TicketsSeenTo
from access_review.workspace import Workspace

_FOLLOWED = timedelta(days=90)
"""For how long after its run was read an order is followed."""
_GIVE_UP = 3
"""Requests in a row that a desk may fail until it is left alone for this time."""


def see_to_tickets(
    workspace: Workspace, now: datetime, environment: Mapping[str, str], *, look: bool = True
) -> TicketsSeenTo:
    """Open, escalate and close the tickets of all work orders, as far as the desk lets; nothing where none is declared.

    ``look`` asks the desk whether somebody closed a ticket whose order is not done. What fails is said and not raised,
    and tried again the next time; so is that another process holds the right to carry batches out.
    """
    if workspace.policy.notify.tickets is None:
        return TicketsSeenTo()
    round_ = _Round(workspace, now, environment, look)
    try:
        with plans.writing(workspace.folder, now, "tickets"):
            round_.all()
    except RightHeld:
        return TicketsSeenTo(waiting=("a batch is being carried out: the next command sees to the tickets",))
    except AccessReviewError as error:
        round_.fail(error)
    return TicketsSeenTo(tuple(round_.opened), tuple(round_.closed), tuple(round_.escalated), tuple(round_.failed))


@dataclass
class _Round:
    """One look at all orders, and what came of it."""

    workspace: Workspace
    now: datetime
    environment: Mapping[str, str]
    look: bool
    opened: list[TicketLine] = field(default_factory=list)
    closed: list[TicketLine] = field(default_factory=list)
    escalated: list[TicketLine] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    in_a_row: int = 0

    def fail(self, error: AccessReviewError) -> None:
        """Note why something could not be done, once."""
        said = _words(error)
        self.failed += [said] if said not in self.failed else []

    def all(self) -> None:
        """See to every plan that has orders."""
        found = []
        for stored in plans.begun_plans(self.workspace.folder, self.now - _FOLLOWED):
            with JournalFile(stored.journal, stored.plan.digest) as journal:
                standings = dict(journal.standings)
            known = _read(stored)
            if known.tickets or known.alarms or any(one.state is State.ORDERED for one in standings.values()):
                found.append(_Orders(stored, standings, known))
        if not found:
            return
        with ticket_desks.opened(
            self.workspace.policy.notify, self.environment, self.workspace.folder, self.now
        ) as desk:
            for orders in found:
                self._see_to(orders, [one for one in found if one is not orders], desk)
        for orders in found:
            self._tell(orders)

    def _see_to(self, orders: "_Orders", others: list["_Orders"], desk: Desk) -> None:
        due = OrdersDue(self.workspace, orders.stored)
        for change in orders.stored.plan.changes:
            status = orders.standings.get(change.id, ChangeStatus())
            ticket = orders.known.of(change.id)
            if ticket is None and status.state is State.ORDERED:
                ticket = self._new(orders, change, status, others, due)
            if ticket is None or ticket.closed_at:
                continue
            if ticket.opened_at and any(one.known.has_closed(ticket) for one in others):
                orders.keep(replace(ticket, closed_at=self.now))
                continue
            if self.in_a_row >= _GIVE_UP:
                return
            try:
                self._one(orders, change, status, ticket, desk)
                self.in_a_row = 0
            except ConnectorError as error:
                self.in_a_row += 1
                self.fail(error)
                self._not_opened(orders, change, orders.known.of(change.id) or ticket, error)

    def _new(
        self, orders: "_Orders", change: Change, status: ChangeStatus, others: list["_Orders"], due: OrdersDue
    ) -> WorkTicket:
        ordered = status.at or self.now
        reference = work_tickets.reference_of(orders.stored.plan.digest, change.id)
        made = WorkTicket(change.id, reference, ordered, due.of(change, ordered))
        if same := work_tickets.adopted(change.id, [one.known for one in others]):
            made = replace(
                same, ordered_at=ordered, told=tuple(Escalation)
            )  # the first order is the one that escalates
            orders.keep(made)
        return made

    def _one(self, orders: "_Orders", change: Change, status: ChangeStatus, ticket: WorkTicket, desk: Desk) -> None:
        match work_tickets.next_step(ticket, status.state, self.now):
            case TicketStep.OPEN:
                self._open(orders, change, ticket, desk)
            case TicketStep.LOOK:
                self._look_up(orders, change, ticket, desk)
            case TicketStep.FORGET:
                orders.forget(ticket)
            case TicketStep.CLOSE:
                asked = orders.asked(change, ticket)
                if not desk.look(ticket.key, ticket.reference).closed or not desk.answers:
                    desk.close(ticket.key, asked, view.proven(status))
                orders.keep(replace(ticket, closed_at=self.now))
                self.closed.append(_line(ticket, asked))
            case TicketStep.WAIT:
                self._escalate(orders, change, status, ticket, desk)

    def _open(self, orders: "_Orders", change: Change, ticket: WorkTicket, desk: Desk) -> None:
        """Ask for a ticket, unless the desk has it: that it was asked is on disk first, and what came of it after."""
        asked = orders.asked(change, ticket)
        if ticket.asked_at and not desk.answers:
            orders.keep(replace(ticket, opened_at=ticket.asked_at, number=ticket.reference, key=ticket.reference))
            self.failed.append(f"{asked.reference}: nobody knows whether its mail went out → look for it in the desk")
            return
        found = desk.find(ticket.reference)
        if found is None:
            waiting = replace(ticket, asked_at=self.now)
            orders.keep(waiting)
            try:
                found = desk.open(asked)
            except Transient:
                raise
            except ConnectorError:
                orders.keep(replace(waiting, asked_at=None))
                raise
        made = replace(ticket, asked_at=self.now, opened_at=self.now, number=found.number, key=found.key)
        orders.keep(made)
        self.opened.append(_line(made, asked))

    def _look_up(self, orders: "_Orders", change: Change, ticket: WorkTicket, desk: Desk) -> None:
        """Look what became of a ticket that was asked for; until a desk surely has none, none is asked for again."""
        found = desk.find(ticket.reference) if desk.answers else None
        if found is None:
            raise Transient(
                desk_api.NAME,
                f"nobody knows yet whether {ticket.reference} was opened",
                hint="it is looked up again in a few minutes, and opened where it was not",
            )
        made = replace(ticket, opened_at=self.now, number=found.number, key=found.key)
        orders.keep(made)
        self.opened.append(_line(made, orders.asked(change, made)))

    def _not_opened(self, orders: "_Orders", change: Change, ticket: WorkTicket, error: ConnectorError) -> None:
        """Let people hear of an order for which a desk has taken no ticket for a while; once."""
        early = abs(self.now - ticket.ordered_at) < work_tickets.GRACE
        if ticket.opened_at or early or Escalation.NOT_OPENED in ticket.told:
            return
        self._alarm(orders, ticket, orders.asked(change, ticket), Escalation.NOT_OPENED, _words(error))

    def _alarm(
        self,
        orders: "_Orders",
        ticket: WorkTicket,
        asked: ticket_bodies.TicketOrder,
        why: Escalation,
        reason: str = "",
    ) -> None:
        """Write down that people are to hear of an order, before they do."""
        said = view.alarm(why, ticket, asked, orders.stored.run.id, orders.stored.name, reason)
        alarm = PendingAlarm(f"{ticket.reference} {why}", self.now, *said)
        orders.known = replace(orders.known, alarms=(*orders.known.alarms, alarm))
        orders.keep(replace(ticket, told=(*ticket.told, why)))

    def _escalate(
        self, orders: "_Orders", change: Change, status: ChangeStatus, ticket: WorkTicket, desk: Desk
    ) -> None:
        closed = bool(
            self.look
            and desk.answers
            and Escalation.CLOSED_BY_HAND not in ticket.told
            and desk.look(ticket.key, ticket.reference).closed
        )
        why = work_tickets.next_escalation(ticket, status, self.now, closed=closed)
        if why is None:
            return
        asked = orders.asked(change, ticket)
        if not self.look and desk.answers:
            desk.look(ticket.key, ticket.reference)  # nothing is noted on what is another's
        desk.note(ticket.key, asked, view.escalated(why, asked, status.reason))
        self._alarm(orders, ticket, asked, why)
        self.escalated.append(_line(ticket, asked))

    def _tell(self, orders: "_Orders") -> None:
        """Tell whoever has not heard of an alarm, by each channel once."""
        if not orders.known.alarms:
            return
        people = reviewers.people_of(snapshots.people(orders.stored.run))
        for alarm in orders.known.alarms:
            left, why = watch_alarms.deliver(self.workspace, alarm, people, self.environment, self.now)
            others = tuple(one for one in orders.known.alarms if one.key != alarm.key)
            orders.known = replace(orders.known, alarms=(*others, left) if left else others)
            orders.write()
            self.failed += [one for one in why if one not in self.failed]


@dataclass
class _Orders:
    """The orders of one plan: where each change stands, and what is known of its tickets."""

    stored: StoredPlan
    standings: Mapping[str, ChangeStatus]
    known: WorkTickets

    def keep(self, ticket: WorkTicket) -> None:
        """Write down what is known of a ticket now."""
        self.known = self.known.with_ticket(ticket)
        self.write()

    def forget(self, ticket: WorkTicket) -> None:
        """Write down that nothing was asked for, and nothing needs to be."""
        self.known = self.known.without(ticket)
        self.write()

    def write(self) -> None:
        """Put what is known on disk."""
        store.write(self.stored.run, record_of(self.stored.name), self.known)

    def asked(self, change: Change, ticket: WorkTicket) -> ticket_bodies.TicketOrder:
        """Return what a ticket says."""
        return ticket_bodies.order(change, run=self.stored.run.id, due=ticket.due, reference=ticket.reference)


def _read(stored: StoredPlan) -> WorkTickets:
    kind = record_of(stored.name)
    if not store.has(stored.run, kind):
        return WorkTickets(stored.plan.digest)
    return store.read(stored.run, kind)


def _line(ticket: WorkTicket, asked: ticket_bodies.TicketOrder) -> TicketLine:
    return TicketLine(ticket.change, ticket.number, asked.values["what"], ticket.due)


def _words(error: AccessReviewError) -> str:
    """Say what a desk did not do, and what to do; that it was a desk is said before."""
    return error.message.removeprefix(f"{desk_api.NAME}: ") + (f" → {error.hint}" if error.hint else "")
