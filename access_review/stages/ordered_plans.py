"""The orders of one plan: where each stands, by when it is due, whether it is void, and what is known of its ticket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from access_review import store
from access_review.artifacts import work_tickets as record_of
from access_review.changes import Change
from access_review.revoke import work_tickets
from access_review.revoke.states import ChangeStatus, State
from access_review.revoke.work_tickets import Escalation, WorkTicket, WorkTickets
from access_review.runs import Run
from access_review.snapshot.watched import PendingAlarm
from access_review.stages.void_orders import VoidOrders
from access_review.stages.work_orders import OrdersDue
from access_review.store import plans
from access_review.store.journal import JournalFile, begun
from access_review.store.plans import StoredPlan
from access_review.views import ticket_bodies
from access_review.views import tickets as view
from access_review.views.tickets import TicketLine
from access_review.workspace import Workspace


@dataclass
class OrderedPlan:
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

    def each(self) -> Iterator["OrderedChange"]:
        """Yield each change as an order; whether it is one, its state says."""
        for change in self.stored.plan.changes:
            yield OrderedChange(self, change, self.standings.get(change.id, ChangeStatus()))

    def write(self, known: WorkTickets) -> None:
        """Put on disk what is known now."""
        self.known = known
        store.write(self.stored.run, record_of(self.stored.name), known)


@dataclass(frozen=True)
class OrderedChange:
    """One change that a person carries out, and where it stands."""

    plan: OrderedPlan
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

    def alarm(
        self, ticket: WorkTicket, why: Escalation, now: datetime, reason: str = "", *, unnoted: bool = False
    ) -> None:
        """Write down that people are to hear of it, before they do, and whether its ticket is still to have a note of it."""
        stored, known = self.plan.stored, self.plan.known
        said = view.alarm(why, ticket, self.body(ticket), stored.run.id, stored.name, reason)
        alarm = PendingAlarm(f"{ticket.reference} {why}", now, *said)
        told = replace(ticket, told=(*ticket.told, why), unnoted=(*ticket.unnoted, *([why] if unnoted else ())))
        self.plan.write(replace(known, alarms=(*known.alarms, alarm)).with_ticket(told))


def ordered_plan(workspace: Workspace, run: Run, name: str, now: datetime) -> OrderedPlan | None:
    """Return the orders of a plan; nothing where it was not begun.

    Raises ``ArtifactError`` for files that are damaged or gone, ``PlanRefused`` for an altered plan, and ``Unclear`` for
    a name that is no plan's.
    """
    if not begun(plans.journal_of(run, name)):
        return None
    stored = plans.find(run, name)
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        due, void = OrdersDue(workspace, stored), VoidOrders(stored, workspace, now)
        return OrderedPlan(stored, dict(journal.standings), due, _read(stored), void)


def _read(stored: StoredPlan) -> WorkTickets:
    kind = record_of(stored.name)
    if not store.has(stored.run, kind):
        return WorkTickets(stored.plan.digest)
    return store.read(stored.run, kind)
