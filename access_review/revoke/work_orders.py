"""Work orders: for systems that nothing here can write to, a person does it and a later read proves it.

The list is read again before anything is ordered, and again by ``verify``.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from access_review.changes import Change, Executor, Sighting, Witness, WriteAnswer, WriteResult
from access_review.snapshot import Snapshot
from access_review.views.spreadsheet import csv_bytes
from access_review.views.text import visible

FORMAT = "access-review/orders@1"


@dataclass(slots=True)
class WorkOrders:
    """An executor that hands every change to a person; ``read`` reads the one source again."""

    source: str
    read: Callable[[], Snapshot]
    _seen: tuple[frozenset[tuple[str, str]], dict[str, bool | None], str] | None = None

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look in the source as it can be read now; once for all changes of a run."""
        del since
        if self._seen is None:
            self._seen = _held(self.read(), self.source)
        held, enabled, short = self._seen
        target = change.target
        if short:
            return Sighting(None, self.source, short)
        if target.entitlement:
            thing = target.account or target.child
            return Sighting(bool(thing and (thing.id, target.entitlement.id) in held), self.source)
        return Sighting(enabled.get(target.account.id, False) if target.account else None, self.source)

    def revoke(self, change: Change) -> WriteAnswer:
        """Order it."""
        return WriteAnswer(WriteResult.ORDERED, self.source, change.target.manual or "ordered from whoever runs it")

    restore = revoke


@dataclass(frozen=True, slots=True)
class Looked:
    """A witness that looks into a live system at what is changed there, and into the source as read at the rest."""

    covers: Callable[[Change], bool]
    live: Witness
    orders: WorkOrders

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look where the change is made."""
        return (self.live if self.covers(change) else self.orders).holds(change, since)


@dataclass(frozen=True, slots=True)
class Written(Looked):
    """An executor that changes in a live system what can be changed there, and orders the rest from a person."""

    live: Executor

    def revoke(self, change: Change) -> WriteAnswer:
        """Take it away, or order it."""
        return (self.live if self.covers(change) else self.orders).revoke(change)

    def restore(self, change: Change) -> WriteAnswer:
        """Give it back, or order it."""
        return (self.live if self.covers(change) else self.orders).restore(change)


def _held(taken: Snapshot, source: str) -> tuple[frozenset[tuple[str, str]], dict[str, bool | None], str]:
    short = {**taken.incomplete("accounts"), **taken.incomplete("grants"), **taken.incomplete("nesting")}
    grants = {(row["account"], row["entitlement"]) for row in taken.tables["grants"].to_pylist()}
    edges = {(row["child"], row["parent"]) for row in taken.tables["nesting"].to_pylist()}
    enabled = {row["account"]: row["enabled"] for row in taken.tables["accounts"].to_pylist()}
    return frozenset(grants | edges), enabled, short.get(source) or ""


_COLUMNS = ("Change", "System", "What to do", "Account", "Account id", "Entitlement", "Entitlement id", "Person")


def as_csv(changes: Iterable[Change]) -> bytes:
    """Return the orders as CSV, one line each."""
    return csv_bytes(_COLUMNS, (list(_row(one).values()) for one in changes))


def as_json(changes: Iterable[Change], *, run: str) -> bytes:
    """Return the orders in the shape of ServiceNow's ``sc_task`` records, for its import."""
    records = [
        {
            "correlation_id": one.id,
            "short_description": _row(one)["What to do"],
            "description": "\n".join(f"{name}: {value}" for name, value in _row(one).items()),
            "assignment_group": one.target.source,
        }
        for one in changes
    ]
    return (
        json.dumps({"format": FORMAT, "run": run, "records": records}, indent=2, ensure_ascii=False) + "\n"
    ).encode()


def as_text(changes: Iterable[Change], *, run: str) -> str:
    """Return the orders as the text of a message."""
    every = list(changes)
    what = "give these back" if any(one.action.restores for one in every) else "take these away"
    lines = [f"Please {what}, and answer with the number of each change when it is done (run {run}).", ""]
    lines += [f"- {visible(one.id)}: {visible(_row(one)['What to do'])}" for one in every]
    return "\n".join(lines) + "\n"


def _row(one: Change) -> dict[str, str]:
    target = one.target
    thing = target.account or target.child
    what = (
        target.manual
        or f"{one.action}: {target.entitlement.name if target.entitlement else ''} {thing.name if thing else ''}"
    )
    values = (
        one.id,
        target.source,
        what.strip(),
        thing.name if thing else "",
        thing.native_id if thing else "",
        target.entitlement.name if target.entitlement else "",
        target.entitlement.native_id if target.entitlement else "",
        target.person_name or "",
    )
    return dict(zip(_COLUMNS, values, strict=True))
