"""Tickets: each work order that waits for a person has one in the desk of the policy, until it is proven to be done.

What is about to be asked is on disk before it is asked, and a desk is searched before a ticket is opened:
after a crash between the two nobody is asked twice. A desk that does not answer keeps nothing back: what is
left is done by the next command that looks here (`apply`, `verify`, `remind`, `watch`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from access_review.runs import Run
from access_review.snapshot.watched import PendingAlarm
from access_review.stages import desk_api, ticket_desks, watch_alarms
from access_review.stages.desk_api import DeskRefusal
from access_review.stages.notify import Patience
from access_review.stages.ticket_desks import Desk, FoundTicket, ShutDesk
from access_review.stages.void_orders import VoidOrders
from access_review.stages.work_orders import OrdersDue
from access_review.store import plans, snapshots
from access_review.store.journal import JournalFile, begun
from access_review.store.plans import StoredPlan
from access_review.store.rights import RightHeld
from access_review.views import ticket_bodies
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


@dataclass
class _PlanOrders:
    """The orders of one plan: where each change stands, by when it is due, and what is known of the tickets."""

    stored: StoredPlan
    standings: Mapping[str, ChangeStatus]
    due: OrdersDue
    known: WorkTickets
    void: VoidOrders

    @property
    def waits(self) -> bool:
        """Tell whether somebody is to do something."""
        return any(one.state is State.ORDERED for one in self.standings.values())

    def each(self) -> Iterator["_Order"]:
        """Yield each change as an order; whether it is one, its state says."""
        for change in self.stored.plan.changes:
            yield _Order(self, change, self.standings.get(change.id, ChangeStatus()))

    def write(self, known: WorkTickets) -> None:
        """Put on disk what is known now."""
        self.known = known
        store.write(self.stored.run, record_of(self.stored.name), known)


@dataclass(frozen=True)
class _Order:
    """One change that a person carries out, and where it stands."""

    plan: _PlanOrders
    change: Change
    status: ChangeStatus

    @property
    def ticket(self) -> WorkTicket | None:
        """What is known of its ticket."""
        return self.plan.known.of(self.change.id)

    def void(self, now: datetime) -> str:
        """Say why what was ordered a while ago is not to be done any more, by the rosters as they are now; empty where it is."""
        ordered = self.status.at or now
        if abs(now - ordered) < work_tickets.GRACE or self.status.state is not State.ORDERED:
            return ""
        return self.plan.void.why(self.change, ordered)

    def first_ticket(self, now: datetime) -> WorkTicket:
        """Return a ticket of which nothing was asked yet."""
        ordered = self.status.at or now
        reference = work_tickets.reference_of(self.plan.stored.plan.digest, self.change.id)
        return WorkTicket(self.change.id, reference, ordered, self.plan.due.of(self.change, ordered))

    def body(self, ticket: WorkTicket) -> ticket_bodies.TicketOrder:
        """Return what its ticket says."""
        return ticket_bodies.order(self.change, run=self.plan.stored.run.id, due=ticket.due, reference=ticket.reference)

    def line(self, ticket: WorkTicket) -> TicketLine:
        """Return what people are told was done about its ticket."""
        return TicketLine(ticket.change, ticket.number, self.body(ticket).values["what"], ticket.due)

    def keep(self, ticket: WorkTicket) -> None:
        """Write down what is known of its ticket now."""
        self.plan.write(self.plan.known.with_ticket(ticket))

    def forget(self, ticket: WorkTicket) -> None:
        """Write down that nothing was asked for, and nothing needs to be."""
        self.plan.write(self.plan.known.without(ticket))

    def alarm(self, ticket: WorkTicket, why: Escalation, now: datetime, reason: str = "") -> None:
        """Write down that people are to hear of it, before they do."""
        stored, known = self.plan.stored, self.plan.known
        said = view.alarm(why, ticket, self.body(ticket), stored.run.id, stored.name, reason)
        alarm = PendingAlarm(f"{ticket.reference} {why}", now, *said)
        told = replace(ticket, told=(*ticket.told, why))
        self.plan.write(replace(known, alarms=(*known.alarms, alarm)).with_ticket(told))


def _followed(workspace: Workspace, now: datetime, done: _Done) -> Iterator[_PlanOrders]:
    """Yield every plan that has orders, or had some; one that cannot be read is noted."""
    for run, name in plans.with_journal(workspace.folder, now - FOLLOWED):
        orders = None
        with done.apart(run, name):
            orders = _orders_of(workspace, run, name, now)
        if orders and (orders.known.tickets or orders.known.alarms or orders.waits):
            yield orders


def _orders_of(workspace: Workspace, run: Run, name: str, now: datetime) -> _PlanOrders | None:
    """Return the orders of a plan; nothing where it was not begun."""
    if not begun(plans.journal_of(run, name)):
        return None
    stored = plans.find(run, name)
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        due, void = OrdersDue(workspace, stored), VoidOrders(stored, workspace, now)
        return _PlanOrders(stored, dict(journal.standings), due, _read(stored), void)


@dataclass
class _Round:
    """One look at the orders of all plans, with the desk open. ``look`` asks it what became of its tickets."""

    plans: Sequence[_PlanOrders]
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

    def _see_to(self, orders: _PlanOrders, others: Sequence[_PlanOrders]) -> None:
        for order in orders.each():
            ticket = order.ticket or self._new(order, others)
            if ticket and ticket.closed_at and not _is_proven(order.change, (orders, *others)):
                ticket = replace(ticket, closed_at=None)  # what lies in runs/ proves nothing
            if ticket is None or ticket.closed_at:
                continue
            shared = [one for one in others if one.known.has_closed(ticket)]
            if ticket.opened_at and shared and _is_proven(order.change, shared):
                order.keep(replace(ticket, closed_at=self.now))
                continue
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

    def _new(self, order: _Order, others: Sequence[_PlanOrders]) -> WorkTicket | None:
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

    def _take_step(self, order: _Order, ticket: WorkTicket) -> None:
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

    def _open(self, order: _Order, ticket: WorkTicket) -> None:
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

    def _is_void(self, order: _Order, ticket: WorkTicket) -> bool:
        """Tell whether an order is void, and say what ends it: nobody is urged on to do it meanwhile."""
        why, stored = order.void(self.now), order.plan.stored
        if why:
            what = order.body(ticket).values["what"]
            hint = f"access-review --run {stored.run.id} verify --of {stored.name} ends the order"
            self.done.fail(f"{what} is not to be done any more: {why} → {hint}")
        return bool(why)

    def _look_up(self, order: _Order, ticket: WorkTicket) -> None:
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

    def _opened(self, order: _Order, ticket: WorkTicket, found: FoundTicket) -> None:
        made = replace(ticket, opened_at=self.now, number=found.number, key=found.key)
        order.keep(made)
        self.done.opened.append(order.line(made))

    def _not_opened(self, order: _Order, ticket: WorkTicket, error: ConnectorError) -> None:
        """Let people hear of an order for which a desk has taken no ticket for a while; once."""
        early = abs(self.now - ticket.ordered_at) < work_tickets.GRACE
        if not (ticket.opened_at or early or Escalation.NOT_OPENED in ticket.told):
            order.alarm(ticket, Escalation.NOT_OPENED, self.now, _words(error))

    def _close(self, order: _Order, ticket: WorkTicket) -> None:
        if not self.desk.look(ticket.key, ticket.reference).closed or not self.desk.answers:
            self.desk.close(ticket.key, order.body(ticket), view.closing(order.status))
        order.keep(replace(ticket, closed_at=self.now))
        self.done.closed.append(order.line(ticket))

    def _escalate(self, order: _Order, ticket: WorkTicket) -> None:
        """Let people hear of an order that is late or does not hold, and the desk, where it can be had."""
        closed, missed = self._closed_there(ticket) if self.look else (False, "")
        why = work_tickets.next_escalation(ticket, order.status, self.now, closed=closed)
        if why is None or self._is_void(order, ticket):
            return
        missed = missed or self._not_noted(order, ticket, why)
        order.alarm(ticket, why, self.now, f"its ticket has no note of this: {missed}" if missed else "")
        self.done.escalated.append(order.line(ticket))

    def _closed_there(self, ticket: WorkTicket) -> tuple[bool, str]:
        """Tell whether a ticket is closed in the desk, until people have heard of that, and why that cannot be told."""
        if not self.desk.answers or Escalation.CLOSED_BY_HAND in ticket.told:
            return False, ""
        try:
            return self.desk.look(ticket.key, ticket.reference).closed, ""
        except ConnectorError as error:
            self._fail(error)
            return False, error.message

    def _not_noted(self, order: _Order, ticket: WorkTicket, why: Escalation) -> str:
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


def _is_proven(change: Change, found: Iterable[_PlanOrders]) -> bool:
    """Tell whether some journal says that a change was proven, whatever became of it since."""
    return any(one.standings[change.id].state not in _UNPROVEN for one in found if change.id in one.standings)


def _tell(orders: _PlanOrders, workspace: Workspace, environment: Mapping[str, str], done: _Done) -> None:
    """Tell whoever has not heard of an alarm, by each channel once."""
    if not orders.known.alarms:
        return
    people = reviewers.people_of(snapshots.people(orders.stored.run))
    for alarm in orders.known.alarms:
        left, why = watch_alarms.deliver(workspace.folder, workspace.policy, alarm, people, environment, done.patience)
        others = tuple(one for one in orders.known.alarms if one.key != alarm.key)
        orders.write(replace(orders.known, alarms=(*others, left) if left else others))
        done.fail(*why)


def _read(stored: StoredPlan) -> WorkTickets:
    kind = record_of(stored.name)
    if not store.has(stored.run, kind):
        return WorkTickets(stored.plan.digest)
    return store.read(stored.run, kind)


def _words(error: AccessReviewError) -> str:
    """Say what a desk did not do, and what to do; that it was a desk is said before."""
    return error.message.removeprefix(f"{desk_api.NAME}: ") + (f" → {error.hint}" if error.hint else "")
