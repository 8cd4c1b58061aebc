"""A system that can be written to, in memory or on disk: it fails on schedule and lets others interfere.

It knows nothing of the protocol. What really happened to it is in ``log``, which a test
compares with what the journal says.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access_review.changes import Action, Change, Expectation, Sighting, Target, Thing, WriteAnswer, WriteResult, change
from access_review.plan.limits import Higher
from access_review.plan.proof import Proof
from access_review.plan.record import FORMAT, AppliedLimits, Batch, Plan, seal
from access_review.plan.request import Scope

RAISED = (Higher("ad", "disable", 99),)
START = datetime(2026, 2, 2, 8, tzinfo=UTC)


@dataclass
class Time:
    """A clock that moves when somebody waits, and a little with every look."""

    at: datetime = START
    tick: timedelta = timedelta(milliseconds=5)
    waited: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        self.at += self.tick
        return self.at

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class Faults:
    """What goes wrong at the n-th call or look (from 1); ``before`` and ``after`` are hooks around each."""

    calls: dict[int, str] = field(default_factory=dict)
    looks: dict[int, str] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None


class FakeSystem:
    """Holds what changes name: ``there`` are the keys of grants and of accounts that may sign in."""

    def __init__(self, there: Iterable[str], clock: Time, faults: Faults | None = None, *, dates: bool = True) -> None:
        self.there = dict.fromkeys(there, START - timedelta(days=100))
        self.clock = clock
        self.faults = faults or Faults()
        self.dates = dates
        self.sessions: dict[str, datetime] = {}
        self.calls = self.looks = 0
        self.log: list[tuple[str, str]] = []

    def holds(self, change: Change, since: datetime) -> Sighting:
        self.looks += 1
        self.faults.before("look")
        fault = self.faults.looks.get(self.looks, "")
        key = key_of(change)
        if fault == "unreadable":
            return Sighting(None, "fake-1", "no answer")
        if change.action is Action.REVOKE_SESSIONS:
            return Sighting(self.sessions.get(key, START - timedelta(days=1)) < since, "fake-1")
        there = key in self.there
        if fault == "stale":
            return Sighting(not there, "fake-2")
        return Sighting(there, "fake-1", since=self.there.get(key) if self.dates else None)

    def revoke(self, change: Change) -> WriteAnswer:
        return self._call(change, "revoke")

    def restore(self, change: Change) -> WriteAnswer:
        return self._call(change, "restore")

    def give(self, key: str) -> None:
        """Somebody else grants it."""
        self.there[key] = self.clock.at
        self.log.append(("given", key))
        self.save()

    def take(self, key: str) -> None:
        """Somebody else takes it away."""
        self.there.pop(key, None)
        self.save()

    def _call(self, change: Change, what: str) -> WriteAnswer:
        self.calls += 1
        fault = self.faults.calls.get(self.calls, "")
        self.faults.before("call")
        self.log.append((f"{what} called", change.id))
        if fault in {"transient", "throttled", "refused", "lost", "lie"}:
            self.save()
            self.faults.after("call")
            return _NOT_DONE[fault]
        self._do(change, what)
        self.save()
        self.faults.after("call")
        return WriteAnswer(WriteResult.UNKNOWN if fault == "lost after" else WriteResult.DONE, "fake-1")

    def _do(self, change: Change, what: str) -> None:
        key = key_of(change)
        self.log.append((what, change.id))
        if change.action is Action.REVOKE_SESSIONS:
            self.sessions[key] = self.clock.now()
        elif what == "restore":
            self.there[key] = self.clock.now()
        else:
            self.there.pop(key, None)

    def save(self) -> None:
        """Nothing to do in memory."""


_NOT_DONE = {
    "transient": WriteAnswer(WriteResult.TRANSIENT, "fake-1", "busy"),
    "throttled": WriteAnswer(WriteResult.TRANSIENT, "fake-1", "too many requests", retry_after=20),
    "refused": WriteAnswer(WriteResult.REFUSED, "fake-1", "not allowed"),
    "lost": WriteAnswer(WriteResult.UNKNOWN, "fake-1", "the connection broke"),
    "lie": WriteAnswer(WriteResult.DONE, "fake-1"),
}


class FakeOnDisk(FakeSystem):
    """The same, outliving the process that writes to it, each state whole."""

    def __init__(self, path: Path, clock: Time, faults: Faults | None = None) -> None:
        super().__init__((), clock, faults)
        self.path = path
        said = json.loads(path.read_text())
        self.there = {key: datetime.fromisoformat(at) for key, at in said["there"].items()}
        self.sessions = {key: datetime.fromisoformat(at) for key, at in said["sessions"].items()}
        self.log = [tuple(one) for one in said["log"]]

    @staticmethod
    def create(path: Path, there: Iterable[str]) -> None:
        at = (START - timedelta(days=100)).isoformat()
        path.write_text(json.dumps({"there": dict.fromkeys(there, at), "sessions": {}, "log": []}))

    def save(self) -> None:
        said = {
            "there": {key: at.isoformat() for key, at in self.there.items()},
            "sessions": {key: at.isoformat() for key, at in self.sessions.items()},
            "log": self.log,
        }
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(said))
        partial.replace(self.path)


def key_of(change: Change) -> str:
    """Return what a change is about, in words that the fake keeps."""
    return "|".join(change.target.key)


def a_change(number: int, action: Action = Action.REMOVE_MEMBER, *, source: str = "ad", left: bool = True) -> Change:
    """Return the change that takes one thing away from person ``number``."""
    group = action not in {Action.DISABLE_ACCOUNT, Action.REVOKE_SESSIONS, Action.ENABLE_ACCOUNT}
    target = Target(
        source,
        {"ad": "ldap"}.get(source, source),
        account=Thing(f"{source}:user:{number}", f"u-{number}", f"user{number}"),
        entitlement=Thing(f"{source}:group:Fin", "g-fin", "Fin") if group else None,
        mode="assigned" if group else "",
        person=f"hr:person:{number}",
    )
    expect = Expectation(present=True, person_status="left" if left else "active")
    return change(action, target, expect, f"finding-{number}")


def a_plan(*changes: Change, approvals: int = 1, at: datetime = START, size: int = 50) -> Plan:
    """Return a sealed plan of these changes, as if it had been reviewed and proven."""
    ids = tuple(one.id for one in changes)
    parts = [ids[n : n + size] for n in range(0, len(ids), size)]
    return seal(
        Plan(
            format=FORMAT,
            name="plan",
            snapshot="sha256:" + "1" * 64,
            run="20260202T070000Z-11111111",
            workspace_digest="sha256:0",
            as_of=at - timedelta(hours=1),
            made_at=at,
            expires_at=at + timedelta(hours=24),
            requested_by="hr:person:1001",
            scope=Scope(),
            limits=AppliedLimits(5, 10, 5, 10, 50, 3, size, (), "", RAISED if approvals > 1 else ()),
            batches=tuple(Batch(f"batch-{n}", part) for n, part in enumerate(parts, 1)),
            changes=tuple(changes),
            to_person=(),
            proof=Proof(0, 0, 0, 0, 0, 0, 0, 0, ()),
        )
    )
