"""Work orders: for systems that nothing here can write to, a person does it and a later read proves it.

The list is read again before anything is ordered, and again by ``verify``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from access_review.changes import Action, Change, Executor, Remembering, Sighting, Witness, WriteAnswer, WriteResult
from access_review.offboarding.checklist import OUTLIVES
from access_review.snapshot import Snapshot

_SESSIONS = "whether sessions were ended is not among what is read here: who ends them says so"
_NO_ACCOUNT = "the account is not there any more: a restore would bring all of it back"
_NO_GROUP = "the group is not there any more: it was deleted, or not read"


@dataclass(slots=True)
class WorkOrders:
    """An executor that hands every change to a person; ``read`` reads the one source again.

    With ``ordering``, it is looked at whether there is something to order; without, whether it was done. ``written``
    says when an export was, as :class:`~access_review.changes.Sighting` has it.
    """

    source: str
    read: Callable[[], Snapshot]
    ordering: bool = False
    written: Callable[[], datetime | None] = lambda: None
    _seen: "_Read | None" = None
    _written: datetime | None = None

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look in the source as it can be read now; once for all changes of a run."""
        del since
        if self._seen is None:
            self._written = self.written()  # first: what is written while it is read is no older than that
            self._seen = _Read.of(self.read(), self.source)
        return replace(self._look(self._seen, change), written=self._written)

    def _look(self, seen: "_Read", change: Change) -> Sighting:
        target = change.target
        if why := seen.short or next((seen.doubted[name] for name in target.key[:3] if name in seen.doubted), ""):
            return Sighting(None, self.source, why)
        # A list shows only who holds something. Elsewhere what is named stands by itself, and a restore brings all back.
        if change.action is not Action.MANUAL:
            if target.account and target.account.id not in seen.enabled:
                return Sighting(None, self.source, _NO_ACCOUNT, gone=True)
            if any(thing.id not in seen.entitlements for thing in (target.entitlement, target.child) if thing):
                return Sighting(None, self.source, _NO_GROUP, gone=True)
        if change.action is Action.REVOKE_SESSIONS:
            return self._sessions(seen.enabled.get(target.account.id) if target.account else None)
        if target.entitlement:
            thing = target.account or target.child
            held = bool(thing and (thing.id, target.entitlement.id, target.mode or "assigned") in seen.held)
            return Sighting(held, self.source)
        return Sighting(seen.enabled.get(target.account.id, False) if target.account else None, self.source)

    def _sessions(self, enabled: bool | None) -> Sighting:
        """Tell of sessions what an account tells: of one that is disabled for as long as any lasts, that there are none."""
        if self.ordering or enabled is not False:
            return Sighting(True if self.ordering else None, self.source, _SESSIONS)
        return Sighting(False, self.source, _SESSIONS, settles=OUTLIVES)

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


_UNSETTLING = ("quarantined", "fewer-members", "still-named", "unknown-member")
"""Kinds of problems that leave open what became of their subject, which a finding does not end by either."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A source as it was read again: who holds what in which mode, which accounts are enabled, and why it is short.

    ``entitlements`` are those that are listed; ``doubted`` says of accounts and groups why nothing follows of them.
    """

    held: frozenset[tuple[str, str, str]]
    enabled: Mapping[str, bool | None]
    entitlements: frozenset[str]
    short: str
    doubted: Mapping[str, str]

    @classmethod
    def of(cls, taken: Snapshot, source: str) -> "_Read":
        short = {name: why for table in _SHOWING for name, why in taken.incomplete(table).items()}
        grants = {(row["account"], row["entitlement"], row["mode"]) for row in taken.tables["grants"].to_pylist()}
        edges = {(row["child"], row["parent"], row["mode"]) for row in taken.tables["nesting"].to_pylist()}
        enabled = {row["account"]: row["enabled"] for row in taken.tables["accounts"].to_pylist()}
        entitlements = frozenset(taken.tables["entitlements"]["entitlement"].to_pylist())
        verdicts = (row for row in taken.tables["completeness"].to_pylist() if not row["complete"])
        problems = (row for row in taken.tables["problems"].to_pylist() if row["kind"] in _UNSETTLING)
        doubted = {row["subject"]: row["reason"] or "not read whole" for row in (*verdicts, *problems)}
        return cls(frozenset(grants | edges), enabled, entitlements, short.get(source) or "", doubted)


_SHOWING = ("accounts", "entitlements", "grants", "nesting")
