"""Work orders: for systems that nothing here can write to, a person does it and a later read proves it.

The list is read again before anything is ordered, and again by ``verify``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from access_review.changes import Action, Change, Executor, Remembering, Sighting, Witness, WriteAnswer, WriteResult
from access_review.snapshot import Snapshot


@dataclass(slots=True)
class WorkOrders:
    """An executor that hands every change to a person; ``read`` reads the one source again."""

    source: str
    read: Callable[[], Snapshot]
    _seen: "_Read | None" = None

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look in the source as it can be read now; once for all changes of a run."""
        del since
        if self._seen is None:
            self._seen = _Read.of(self.read(), self.source)
        seen, target = self._seen, change.target
        if seen.short:
            return Sighting(None, self.source, seen.short)
        # A list shows only who holds something. Elsewhere accounts stand by themselves, and a restore brings all back.
        if change.action is not Action.MANUAL and target.account and target.account.id not in seen.enabled:
            return Sighting(
                None, self.source, "the account is not there any more: a restore would bring all of it back"
            )
        if target.entitlement:
            thing = target.account or target.child
            held = bool(thing and (thing.id, target.entitlement.id, target.mode or "assigned") in seen.held)
            return Sighting(held, self.source)
        return Sighting(seen.enabled.get(target.account.id, False) if target.account else None, self.source)

    def revoke(self, change: Change) -> WriteAnswer:
        """Order it."""
        return WriteAnswer(WriteResult.ORDERED, self.source, change.target.manual or "ordered from whoever runs it")

    restore = revoke


@dataclass(frozen=True, slots=True)
class PartlyLiveWitness:
    """A witness that looks into a live system at what is changed there, and into the source as read at the rest."""

    covers: Callable[[Change], bool]
    live: Witness
    orders: WorkOrders

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look where the change is made."""
        return (self.live if self.covers(change) else self.orders).holds(change, since)


@dataclass(frozen=True, slots=True)
class PartlyLiveExecutor(PartlyLiveWitness):
    """An executor that changes in a live system what can be changed there, and orders the rest from a person."""

    live: Executor

    def remember(self, change: Change) -> None:
        """Note what the batch did before, where that matters."""
        if isinstance(self.live, Remembering) and self.covers(change):
            self.live.remember(change)

    def revoke(self, change: Change) -> WriteAnswer:
        """Take it away, or order it."""
        return (self.live if self.covers(change) else self.orders).revoke(change)

    def restore(self, change: Change) -> WriteAnswer:
        """Give it back, or order it."""
        return (self.live if self.covers(change) else self.orders).restore(change)


@dataclass(frozen=True, slots=True)
class _Read:
    """A source as it was read again: who holds what in which mode, which accounts are enabled, and why it is short."""

    held: frozenset[tuple[str, str, str]]
    enabled: Mapping[str, bool | None]
    short: str

    @classmethod
    def of(cls, taken: Snapshot, source: str) -> "_Read":
        short = {**taken.incomplete("accounts"), **taken.incomplete("grants"), **taken.incomplete("nesting")}
        grants = {(row["account"], row["entitlement"], row["mode"]) for row in taken.tables["grants"].to_pylist()}
        edges = {(row["child"], row["parent"], row["mode"]) for row in taken.tables["nesting"].to_pylist()}
        enabled = {row["account"]: row["enabled"] for row in taken.tables["accounts"].to_pylist()}
        return cls(frozenset(grants | edges), enabled, short.get(source) or "")
