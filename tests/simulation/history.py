"""One seed, one history: a batch carried out while systems fail, others interfere and the process dies.

The promises are checked after every run against what really happened, which the fake
system keeps for itself.
"""

import random
import sqlite3
from pathlib import Path

from access_review.changes import Action, Change
from access_review.policy import Applying, Targets
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.states import TERMINAL, Recheck, State
from access_review.revoke.verify import verify
from access_review.store.journal import JournalFile
from tests.support.fake_system import FakeSystem, Faults, Time, a_change, a_plan, key_of

PACE = Applying(canary=0, per_minute=6000, failures_in_a_row=1000, failures_percent=100)
CALL_FAULTS = ("", "", "", "transient", "throttled", "refused", "lost", "lie", "lost after")
LOOK_FAULTS = ("", "", "", "", "unreadable")


class Died(BaseException):
    """The process is killed: nothing may catch it."""


class History:
    """A plan, a system, people who interfere, and rules that may change their mind."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation is repeated by its seed
        self.clock = Time()
        kinds = (Action.DISABLE_ACCOUNT, Action.REVOKE_SESSIONS, Action.REMOVE_MEMBER)
        self.plan = a_plan(*(a_change(n, self.chance.choice(kinds)) for n in range(self.chance.randint(1, 6))))
        held = [one for one in self.plan.changes if one.action is not Action.REVOKE_SESSIONS]
        self.system = FakeSystem([key_of(one) for one in held if self.chance.random() > 0.1], self.clock)
        self.first = set(self.system.there)
        self.path = folder / f"{seed}.sqlite"
        self.protected = {one.id for one in self.plan.changes if self.chance.random() < 0.1}
        self.expected: set[str] = set()
        self.system.faults = Faults(
            calls={n: self.chance.choice(CALL_FAULTS) for n in range(1, 60)},
            looks={n: self.chance.choice(LOOK_FAULTS) for n in range(1, 200)},
            before=self._before,
            after=lambda _: self._maybe_die(),
        )
        self.deaths = self.chance.randint(0, 3)

    def judge(self, change: Change, _: object) -> Recheck:
        if change.id in self.protected:
            return Recheck(refused="protected")
        return Recheck(skipped="expected now" if change.id in self.expected else "")

    def _before(self, what: str) -> None:
        """Check at every call that it is on disk already; let others interfere at every look."""
        if what == "call":
            self._check_intent_on_disk()
        elif self.chance.random() < 0.15:
            self._interfere()
        self._maybe_die()

    def _interfere(self) -> None:
        change = self.chance.choice(self.plan.changes)
        if change.action is Action.REVOKE_SESSIONS:
            return
        if self.chance.random() < 0.5:
            self.system.take(key_of(change))
        else:
            self.system.give(key_of(change))
            if self.chance.random() < 0.5:
                self.expected.add(change.id)

    def _maybe_die(self) -> None:
        if self.deaths and self.chance.random() < 0.08:
            self.deaths -= 1
            raise Died

    def _check_intent_on_disk(self) -> None:
        """Promise 2: whoever reads the file from outside finds the intent and the re-check of exactly this change."""
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as outside:
            last = outside.execute("SELECT change, state FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
        assert last is not None
        assert last[1] == "calling"

    def run(self) -> None:
        """Apply, dying and resuming, until it ends by itself; then verify twice."""
        for _ in range(12):
            with JournalFile(self.path, self.plan.digest) as journal:
                try:
                    apply(
                        ApplyRun(
                            self.plan,
                            journal,
                            {"ad": self.system},
                            self.judge,
                            self.clock,
                            PACE,
                            jitter=self.chance.random,
                        )
                    )
                except Died:
                    continue
            self.check()
        self.deaths = 0

    def check(self) -> None:
        """Hold the journal against what happened: promises 2 to 6."""
        with JournalFile(self.path, self.plan.digest) as journal:
            rows, standings = journal.changes, journal.standings
        done = {change for what, change in self.system.log if what == "revoke"}
        called = [change for what, change in self.system.log if what == "revoke called"]
        announced = [row.change for row in rows if row.state is State.CALLING]
        for change in self.plan.changes:
            state = standings[change.id].state
            # 5: no call that is not announced, none without a re-check of its own, and no unrecorded change.
            assert called.count(change.id) <= announced.count(change.id), change.id
            if state in {State.ABSENT, State.SKIPPED, State.REFUSED}:
                attempts = [row for row in rows if row.change == change.id and row.state is State.CALLING]
                assert change.id not in done or attempts
            # 4: what is protected is never called.
            assert change.id not in self.protected or change.id not in called
            # 6: nothing is called revoked by this run alone.
            assert state is not State.REVOKED
            if state is State.PENDING and change.action is not Action.REVOKE_SESSIONS:
                assert any(row.change == change.id and row.state is State.CALLING for row in rows)
        for row in rows:
            terminal = [r for r in rows if r.change == row.change and r.state in TERMINAL]
            assert len(terminal) <= 1, row.change
        self.no_wrong_revocation()

    def no_wrong_revocation(self) -> None:
        """3: whatever was granted before a re-check that is not older than the gap was not taken away."""
        given: dict[str, int] = {}
        keys = {one.id: key_of(one) for one in self.plan.changes}
        for position, (what, about) in enumerate(self.system.log):
            if what == "given":
                given[about] = position
            elif what == "revoke" and keys[about] in given:
                raise AssertionError(f"{about} was taken away after it had been given anew")

    def verify(self) -> dict[str, State]:
        """Read twice, spaced; return where everything ends."""
        self.system.faults = Faults()
        for _ in range(3):
            self.clock.wait(16 * 60)
            with JournalFile(self.path, self.plan.digest) as journal:
                found = verify(
                    self.plan.changes,
                    journal,
                    {"ad": self.system},
                    now=self.clock.now(),
                    pace=PACE,
                    targets=Targets(),
                )
        return {one.change: one.state for one in found}


def simulate(seed: int, folder: Path) -> dict[str, State]:
    """Live through one seed; raises ``AssertionError`` when a promise is broken."""
    world = History(seed, folder)
    world.run()
    ended = world.verify()
    for one in world.plan.changes:
        if ended[one.id] is State.REVOKED and one.action is not Action.REVOKE_SESSIONS:
            assert key_of(one) not in world.system.there, "6: revoked, and it is there"
    return ended
