"""What is followed up after a look of `watch`: orders that are void or late, and tickets, each in its time.

When something was last looked through is kept, so that looks of cron's keep to these times too.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_review.model import Clock
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.snapshot.watched import News, WatchState, is_due
from access_review.stages import watch_orders
from access_review.stages.tickets import see_to_tickets
from access_review.stages.watch_record import WatchRecord
from access_review.store.rights import RightHeld
from access_review.views import alarms
from access_review.workspace import Workspace

Tell = Callable[[datetime], object]
"""Tells everybody what they have not heard of yet."""

_TICKETS, _ORDERS, _DESK = timedelta(minutes=1), timedelta(minutes=15), timedelta(minutes=15)
_VOID, _OVERDUE = "void ", "overdue "


@dataclass
class OrderFollowUp:
    """Follows orders and tickets of one workspace; what goes on failing with the desk is said when it begins to."""

    record: WatchRecord
    clock: Clock
    _failing: tuple[str, ...] = ()

    def follow(self, workspace: Workspace, last: Run, seen: Callable[[], Snapshot], tell: Tell) -> tuple[str, ...]:
        """See to what is due; return why something of it could not be done.

        ``last`` is the last whole run, and ``seen`` gives what was seen since. Raises ``ArtifactError`` where what is kept is
        damaged or cannot be written.
        """
        failed = self._see_to_orders(workspace, last, seen, tell)
        return (*failed, *(self._see_to_tickets(workspace) if workspace.policy.notify.tickets else ()))

    def _see_to_orders(
        self, workspace: Workspace, last: Run, seen: Callable[[], Snapshot], tell: Tell
    ) -> tuple[str, ...]:
        """End orders that nobody is to carry out any more, and tell of each once, as of those not done in time."""
        now, state = self.clock.now(), self.record.state
        if not is_due(state.orders_at, _ORDERS, now):
            return ()
        self.record.keep_alarms(replace(state, orders_at=now), [], now)
        with suppress(RightHeld):
            watch_orders.run_where_asked_no_more(workspace, state, seen, last, now)
        failed = self._end_void(workspace, now, tell)
        if workspace.policy.notify.tickets is None:  # whose desk is where that is said
            self._tell_of_overdue(workspace, now, tell)
        return tuple(f"orders: {why}" for why in failed)

    def _tell_of_overdue(self, workspace: Workspace, now: datetime, tell: Tell) -> None:
        """Tell of orders that are not done in time, of each once."""
        known = self._faults(_OVERDUE)
        late = watch_orders.overdue_orders(workspace, now, known)
        begins = sorted(late.keys() - known)
        if late.keys() != known:
            said = alarms.overdue_orders([late[one] for one in begins])
            news = [News(f"{_OVERDUE}{now.isoformat()}", said)] if begins else []
            self.record.keep_alarms(self._with_faults(_OVERDUE, late), news, now)
            tell(now)

    def _end_void(self, workspace: Workspace, now: datetime, tell: Tell) -> tuple[str, ...]:
        known = self._faults(_VOID)
        void = known | watch_orders.void_orders(workspace, now)
        if not void:
            return ()
        if void != known:  # on disk before they end: after a crash people hear of it all the same
            self.record.keep_alarms(self._with_faults(_VOID, void), [], now)
        ended, waiting, failed = watch_orders.end_void(workspace, void, now)
        news = [News(f"{_VOID}{now.isoformat()}", alarms.void_orders(ended))] if ended else []
        self.record.keep_alarms(self._with_faults(_VOID, waiting), news, now)
        tell(now)
        return failed

    def _see_to_tickets(self, workspace: Workspace) -> tuple[str, ...]:
        """Escalate work orders in time; what the desk says of them is asked now and then."""
        now, state = self.clock.now(), self.record.state
        if not is_due(state.tickets_at, _TICKETS, now):
            return ()
        look = is_due(state.desk_at, _DESK, now)
        failed = see_to_tickets(workspace, now, self.record.environment, look=look).failed
        begins = [why for why in failed if why not in self._failing]
        self._failing = failed
        state = replace(self.record.state, tickets_at=now, desk_at=now if look else state.desk_at)
        self.record.keep_alarms(state, [], now)
        return tuple(f"tickets: {why}" for why in begins)

    def _faults(self, prefix: str) -> frozenset[str]:
        return frozenset(one.removeprefix(prefix) for one in self.record.state.faults if one.startswith(prefix))

    def _with_faults(self, prefix: str, names: Collection[str]) -> WatchState:
        state = self.record.state
        others = (one for one in state.faults if not one.startswith(prefix))
        return replace(state, faults=(*others, *(f"{prefix}{one}" for one in sorted(names))))
