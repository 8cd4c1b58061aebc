"""Tickets: each work order that waits for a person has one in the desk of the policy, until it is proven to be done.

What is about to be asked is on disk before it is asked, and a desk is searched before a ticket is opened:
after a crash between the two nobody is asked twice. A desk that does not answer keeps nothing back: what is
left is done by the next command that looks here (`apply`, `verify`, `remind`, `watch`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from access_review.audit import reviewers
from access_review.changes import Change
from access_review.errors import AccessReviewError, ConnectorError, Transient
from access_review.revoke import work_tickets
from access_review.revoke.states import State
from access_review.revoke.work_tickets import Escalation, TicketStep, WorkTicket
from access_review.runs import Run
from access_review.stages import desk_api, ticket_desks, watch_alarms
from access_review.stages.desk_api import DeskRefusal, NotThere
from access_review.stages.notify import Patience
from access_review.stages.ordered_plans import OrderedChange, OrderedPlan, ordered_plan
from access_review.stages.ticket_desks import Desk, FoundTicket, ShutDesk
from access_review.store import plans, snapshots
from access_review.store.rights import RightHeld
from access_review.views import tickets as view
from access_review.views.tickets import TicketLine, TicketsSeenTo
from access_review.workspace import Workspace

FOLLOWED = timedelta(days=90)
"""For how long after its run was read an order is followed."""
_GIVE_UP = 3
"""Requests in a row that a desk may fail until it is left alone for this time."""
_UNPROVEN = frozenset({State.ORDERED, State.PENDING})
"""Where an order stands that no two reads have shown to be done: no ticket of it is closed."""


def see_to_tickets(
    workspace: Workspace, now: datetime, environment: Mapping[str, str], *, look: bool = True
) -> TicketsSeenTo:
    """Open, escalate and close the tickets of all work orders, as far as the desk lets; nothing where none is declared.

    ``look`` asks the desk whether somebody closed a ticket whose order is not done. What fails is said and not raised,
    and tried again the next time; so is that another process holds the right to carry batches out.
    """
    if workspace.policy.notify.tickets is None:
        return TicketsSeenTo()
    done = _Done()
    try:
        with plans.writing(workspace.folder, now, "tickets"):
            followed = list(_followed(workspace, now, done))
            if followed:
                with ticket_desks.opened(workspace.policy.notify, environment, workspace.folder, now) as desk:
                    _Round(followed, desk, now, look, done).see_to_all()
            for orders in followed:
                with done.apart(orders.stored.run, orders.stored.name):
                    _tell(orders, workspace, environment, done)
    except RightHeld:
        return TicketsSeenTo(waiting=("a batch is being carried out: the next command sees to the tickets",))
    except AccessReviewError as error:
        done.fail(_words(error))
    return TicketsSeenTo(tuple(done.opened), tuple(done.closed), tuple(done.escalated), tuple(done.failed))


@dataclass
class _Done:
    """What came of a look at all orders, so far."""

    opened: list[TicketLine] = field(default_factory=list)
    closed: list[TicketLine] = field(default_factory=list)
    escalated: list[TicketLine] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    patience: Patience = field(default_factory=Patience)

    def fail(self, *reasons: str) -> None:
        """Note why something could not be done, each once."""
        self.failed += [reason for reason in dict.fromkeys(reasons) if reason not in self.failed]

    @contextmanager
    def apart(self, run: Run, name: str) -> Iterator[None]:
        """Note what one plan cannot be seen to for: the others are seen to all the same."""
        try:
            yield
        except AccessReviewError as error:
            self.fail(f"the {name} of {run.id}: {_words(error)}")


def _followed(workspace: Workspace, now: datetime, done: _Done) -> Iterator[OrderedPlan]:
    """Yield every plan that has orders, or had some; one that cannot be read is noted."""
    for run, name in plans.with_journal(workspace.folder, now - FOLLOWED):
        orders = None
        with done.apart(run, name):
            orders = ordered_plan(workspace, run, name, now)
        if orders and (orders.known.tickets or orders.known.alarms or orders.waits):
            yield orders


@dataclass
class _Round:
    """One look at the orders of all plans, with the desk open. ``look`` asks it what became of its tickets."""

    plans: Sequence[OrderedPlan]
    desk: Desk
    now: datetime
    look: bool
    done: _Done
    in_a_row: int = 0

    def see_to_all(self) -> None:
        """See to the orders of each plan."""
        for orders in self.plans:
            with self.done.apart(orders.stored.run, orders.stored.name):
                self._see_to(orders, [one for one in self.plans if one is not orders])

    def _see_to(self, orders: OrderedPlan, others: Sequence[OrderedPlan]) -> None:
        for order in orders.each():
            ticket = order.ticket or self._new(order, others)
            if ticket and ticket.closed_at and not _is_proven(order.change, (orders, *others)):
                ticket = replace(ticket, closed_at=None)  # what lies in runs/ proves nothing
            if ticket is None or ticket.closed_at:
                continue
            shared = [one for one in others if one.known.has_closed(ticket)]
            if ticket.opened_at and shared and _is_done(order.change, shared):
                order.keep(replace(ticket, closed_at=self.now))
                continue
            if (
                shared and order.status.state is State.ORDERED
            ):  # it was closed since the other order was void: this one is not
                order.forget(ticket)
                ticket = order.first_ticket(self.now)
            try:
                self._take_step(order, ticket)
                self.in_a_row = 0
            except ConnectorError as error:
                self._fail(error)
                self._not_opened(order, order.ticket or ticket, error)

    def _fail(self, error: ConnectorError) -> None:
        """Note what a desk did not do; one that does nothing at all is left alone, and people hear all the same of what is late."""
        self.done.fail(_words(error))
        self.in_a_row = 0 if isinstance(error, DeskRefusal) else self.in_a_row + 1
        if self.in_a_row >= _GIVE_UP:
            self.desk = ShutDesk(error)

    def _new(self, order: OrderedChange, others: Sequence[OrderedPlan]) -> WorkTicket | None:
        """Return the ticket of an order that had none; one that is open for the same change under another plan is its."""
        if order.status.state is not State.ORDERED:
            return None
        made = order.first_ticket(self.now)
        same = work_tickets.adopted(made.change, [one.known for one in others])
        if same is None:
            return made
        # The first order is the one that escalates.
        shared = replace(same, ordered_at=made.ordered_at, told=tuple(Escalation))
        order.keep(shared)
        return shared

    def _take_step(self, order: OrderedChange, ticket: WorkTicket) -> None:
        match work_tickets.next_step(ticket, order.status.state, self.now):
            case TicketStep.OPEN:
                self._open(order, ticket)
            case TicketStep.LOOK:
                self._look_up(order, ticket)
            case TicketStep.FORGET:
                order.forget(ticket)
            case TicketStep.CLOSE:
                self._close(order, ticket)
            case TicketStep.WAIT:
                self._escalate(order, ticket)

    def _open(self, order: OrderedChange, ticket: WorkTicket) -> None:
        """Ask for a ticket, unless the desk has it: that it was asked is on disk first, and what came of it after."""
        if ticket.asked_at and not self.desk.answers:
            order.keep(replace(ticket, opened_at=ticket.asked_at, number=ticket.reference, key=ticket.reference))
            self.done.fail(f"{ticket.reference}: nobody knows whether its mail went out → look for it in the desk")
            return
        found = self.desk.find(ticket.reference)
        if found is None and self._is_void(order, ticket):
            return
        if found is None:
            waiting = replace(ticket, asked_at=self.now)
            order.keep(waiting)
            try:
                found = self.desk.open(order.body(ticket))
            except Transient:
                raise
            except ConnectorError:
                order.keep(replace(waiting, asked_at=None))
                raise
        self._opened(order, replace(ticket, asked_at=self.now), found)

    def _is_void(self, order: OrderedChange, ticket: WorkTicket) -> bool:
        """Tell whether an order is void, and say what ends it: nobody is urged on to do it meanwhile."""
        why, stored = order.void(self.now), order.plan.stored
        if why:
            what = order.body(ticket).values["what"]
            hint = f"access-review --run {stored.run.id} verify --of {stored.name} ends the order"
            self.done.fail(f"{what} is not to be done any more: {why} → {hint}")
        return bool(why)

    def _look_up(self, order: OrderedChange, ticket: WorkTicket) -> None:
        """Look what became of a ticket that was asked for; until a desk surely has none, none is asked for again.

        One that it surely does not have, of an order that is over, is needed no more.
        """
        found = self.desk.find(ticket.reference) if self.desk.answers else None
        if found is None and work_tickets.is_settled(ticket, self.now):
            order.forget(ticket)
            return
        if found is None:
            raise Transient(
                desk_api.NAME,
                f"nobody knows yet whether {ticket.reference} was opened",
                hint="it is looked up again in a few minutes, and opened where it was not",
            )
        self._opened(order, ticket, found)

    def _opened(self, order: OrderedChange, ticket: WorkTicket, found: FoundTicket) -> None:
        made = replace(ticket, opened_at=self.now, number=found.number, key=found.key)
        order.keep(made)
        self.done.opened.append(order.line(made))

    def _not_opened(self, order: OrderedChange, ticket: WorkTicket, error: ConnectorError) -> None:
        """Let people hear of an order for which a desk has taken no ticket for a while; once."""
        early = abs(self.now - ticket.ordered_at) < work_tickets.GRACE
        if not (ticket.opened_at or early or Escalation.NOT_OPENED in ticket.told):
            order.alarm(ticket, Escalation.NOT_OPENED, self.now, _words(error))

    def _close(self, order: OrderedChange, ticket: WorkTicket) -> None:
        found = self._there(ticket)
        if found and (not found.closed or not self.desk.answers):
            body, said = order.body(ticket), view.closing(order.status)
            if self.desk.notes_apart and not ticket.closing_noted:
                self.desk.note(found.key, body, said)
                ticket = replace(ticket, closing_noted=True)
                order.keep(ticket)  # a ticket that cannot be closed is tried again, and has one such note
            self.desk.close(found.key, body, said)
        order.keep(replace(ticket, closed_at=self.now))
        self.done.closed.append(order.line(ticket))

    def _there(self, ticket: WorkTicket) -> FoundTicket | None:
        """Return a ticket as the desk has it; nothing where it was deleted, or is shown to nobody who asks."""
        try:
            return self.desk.look(ticket.key, ticket.reference)
        except NotThere:
            return self.desk.find(ticket.reference)

    def _escalate(self, order: OrderedChange, ticket: WorkTicket) -> None:
        """Let people hear of an order that is late or does not hold, and the desk, where it can be had."""
        closed, missed = self._closed_there(ticket) if self.look else (False, "")
        why = work_tickets.next_escalation(ticket, order.status, self.now, closed=closed)
        if why is None:
            self._note_later(order, ticket)
            return
        if self._is_void(order, ticket):
            return
        missed = missed or self._not_noted(order, ticket, why)
        reason = f"its ticket has no note of this yet: {missed}" if missed else ""
        order.alarm(ticket, why, self.now, reason, unnoted=bool(missed))
        self.done.escalated.append(order.line(ticket))

    def _note_later(self, order: OrderedChange, ticket: WorkTicket) -> None:
        """Add the notes that a desk did not take when they were due; one that it takes not now is tried again with the next look."""
        if not (self.look and ticket.unnoted) or order.status.state is State.PENDING:
            return
        notes = ticket.notes_due if self._there(ticket) else ()
        for why in notes:
            if missed := self._not_noted(order, ticket, why):
                self.done.fail(f"{ticket.number} has no note yet that it {view.WORDS[why]}: {missed}")
                return
            ticket = replace(ticket, unnoted=tuple(one for one in ticket.unnoted if one is not why))
            order.keep(ticket)
        order.keep(replace(ticket, unnoted=()))

    def _closed_there(self, ticket: WorkTicket) -> tuple[bool, str]:
        """Tell whether a ticket is closed in the desk, until people have heard of that, and why that cannot be told."""
        if not self.desk.answers or Escalation.CLOSED_BY_HAND in ticket.told:
            return False, ""
        try:
            found = self._there(ticket)
        except ConnectorError as error:
            self._fail(error)
            return False, error.message
        return found is None or found.closed, ""

    def _not_noted(self, order: OrderedChange, ticket: WorkTicket, why: Escalation) -> str:
        """Add a note to a ticket of ours; say why it has none."""
        body = order.body(ticket)
        try:
            if not self.look and self.desk.answers:
                self.desk.look(ticket.key, ticket.reference)  # nothing is noted on what is another's
            self.desk.note(ticket.key, body, view.escalated(why, body, order.status.reason))
        except ConnectorError as error:
            self._fail(error)
            return error.message
        return ""


def _is_proven(change: Change, found: Iterable[OrderedPlan]) -> bool:
    """Tell whether some journal says that a change was proven, whatever became of it since."""
    return any(one.standings[change.id].state not in _UNPROVEN for one in found if change.id in one.standings)


def _is_done(change: Change, found: Iterable[OrderedPlan]) -> bool:
    """Tell whether some journal says that a change was made, and not only that it was not to be any more."""
    states = (one.standings[change.id].state for one in found if change.id in one.standings)
    return any(state not in _UNPROVEN | {State.SKIPPED} for state in states)


def _tell(orders: OrderedPlan, workspace: Workspace, environment: Mapping[str, str], done: _Done) -> None:
    """Tell whoever has not heard of an alarm, by each channel once."""
    if not orders.known.alarms:
        return
    people = reviewers.people_of(snapshots.people(orders.stored.run))
    for alarm in orders.known.alarms:
        left, why = watch_alarms.deliver(workspace.folder, workspace.policy, alarm, people, environment, done.patience)
        others = tuple(one for one in orders.known.alarms if one.key != alarm.key)
        orders.write(replace(orders.known, alarms=(*others, left) if left else others))
        done.fail(*why)


def _words(error: AccessReviewError) -> str:
    """Say what a desk did not do, and what to do; that it was a desk is said before."""
    return error.message.removeprefix(f"{desk_api.NAME}: ") + (f" → {error.hint}" if error.hint else "")
