"""A batch as a state machine: whatever happens in whatever order, each step keeps the promises of safety.

The rules are what can happen to a batch: it is applied, dies and is resumed, servers lose
and contradict, others interfere, people come back, time passes, it is verified and undone.
Everything that really happens is in the ``story`` of the system; the checks compare it with
the journal as it lies on disk. ``MACHINE_EXAMPLES`` says how many histories are tried; what
ever failed stands at the end as a test of its own.
"""

import os
import shutil
import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from access_review.changes import UNDO, Action
from access_review.errors import LimitExceeded, PlanRefused
from access_review.plan.proof import Proof
from access_review.policy import Applying, Targets
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.states import CHANGED, PROVEN, TERMINAL, Recheck, State
from access_review.revoke.undo import EMPLOYED, undo
from access_review.revoke.verify import verify
from access_review.store.journal import JournalFile
from tests.support import sweep
from tests.support.fake_system import FakeSystem, Faults, Time, a_change, a_plan, key_of
from tests.support.snapshots import snapshot, workspace

pytestmark = pytest.mark.slow

WHOLE = sweep.session().whole
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "200" if WHOLE else "60"))
PACE = Applying(canary=0, per_minute=6000)
PROVED = Proof(0, 0, 0, 0, 0, 0, 0, 0, ())
SPACING = PACE.spacing
SECOND = timedelta(seconds=1)

KINDS = st.sampled_from([Action.REMOVE_MEMBER, Action.REMOVE_MEMBER, Action.DISABLE_ACCOUNT, Action.REVOKE_SESSIONS])
WHICH = st.integers(0, 2)
CALLS = st.lists(
    st.sampled_from(["", "", "transient", "throttled", "refused", "lost", "lost after", "lie"]), max_size=6
)
LOOKS = st.lists(st.sampled_from(["", "", "unreadable", "stale"]), max_size=8)
STEPS = st.one_of(st.none(), st.integers(1, 40))


class Died(BaseException):
    """The process is killed: nothing may catch it."""


class Recorded(FakeSystem):
    """A system that tells its story: each look with what it showed, each call, each effect, and who else was at it."""

    def __init__(self, there, clock, *, dates):
        super().__init__(there, clock, dates=dates)
        self.story = []
        self.misled = set()

    def tell(self, what, key, **more):
        self.story.append((what, key, self.clock.at, more))

    def holds(self, change, since):
        seen = super().holds(change, since)
        self.tell("look", key_of(change), there=seen.there)
        if seen.server == "fake-2":
            self.misled.add(change.id)
        return seen

    def _call(self, change, what):
        self.tell("call", key_of(change), change=change)
        return super()._call(change, what)

    def _do(self, change, what):
        self.tell(what, key_of(change))
        super()._do(change, what)

    def give(self, key):
        super().give(key)
        self.tell("given", key)

    def take(self, key):
        if key in self.there:
            super().take(key)
            self.tell("taken", key)


class Machine(RuleBasedStateMachine):
    """One batch, its undo, and a world that does not stand still."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.clock = Time()

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize(kinds=st.lists(KINDS, min_size=1, max_size=3), absent=st.sets(WHICH, max_size=1), dates=st.booleans())
    def begin(self, kinds, absent, dates):
        self.plan = a_plan(*(a_change(number, kind) for number, kind in enumerate(kinds)))
        held = [
            c for n, c in enumerate(self.plan.changes) if n not in absent and c.action is not Action.REVOKE_SESSIONS
        ]
        self.system = Recorded([key_of(one) for one in held], self.clock, dates=dates)
        self.status = {one.target.person: "left" for one in self.plan.changes}
        self.protected = set()
        self.blocked = None
        self.steps, self.dies_at = 0, None
        self.undone = None
        self.by_others = set()

    # What happens to a batch

    @rule(
        calls=CALLS,
        looks=LOOKS,
        dies_at=STEPS,
        attempts=st.sampled_from([3, 3, 2, 1]),
        minutes=st.sampled_from([None, None, 0, 2]),
    )
    def apply_or_resume(self, calls, looks, dies_at, attempts, minutes):
        self._apply(self.plan, calls, looks, dies_at, attempts, minutes)

    @rule(calls=CALLS, looks=LOOKS, dies_at=STEPS)
    @precondition(lambda self: self.undone)
    def apply_the_undo(self, calls, looks, dies_at):
        self._apply(self.undone, calls, looks, dies_at, 3, None)

    @rule(looks=LOOKS, minutes=st.sampled_from([0, 1, 5, 16]))
    def read_again(self, looks, minutes):
        self.clock.wait(minutes * 60)
        self._faults((), looks)
        with JournalFile(self._path(self.plan), self.plan.digest) as journal:
            verify(
                self.plan.changes,
                journal,
                {"ad": self.system},
                now=self.clock.now(),
                pace=PACE,
                targets=Targets(),
            )

    @rule(minutes=st.sampled_from([5, 60, 25 * 60]))
    def time_passes(self, minutes):
        self.clock.wait(minutes * 60)

    @rule(which=WHICH)
    def somebody_gives_it_on_purpose(self, which):
        if (key := self._key(which)) is not None:
            self.system.give(key)

    @rule(which=WHICH)
    def somebody_takes_it(self, which):
        if (key := self._key(which)) is not None:
            self._noted_as_open()
            self.system.take(key)

    @rule(which=WHICH, status=st.sampled_from(["active", "leave", "missing", "unknown", "left"]))
    def the_roster_says_otherwise(self, which, status):
        if which < len(self.plan.changes):
            self.status[self.plan.changes[which].target.person] = status

    @rule(which=WHICH)
    def it_becomes_protected(self, which):
        if which < len(self.plan.changes):
            self.protected.add(self.plan.changes[which].id)

    @rule(what=st.sampled_from([None, None, LimitExceeded("other batches took as much"), PlanRefused("hr incomplete")]))
    def limits_and_rosters_change(self, what):
        self.blocked = what

    @rule()
    @precondition(lambda self: not self.undone)
    def plan_the_undo(self):
        standings = self._standings(self.plan)
        now = self.clock.now()
        people = [{"person": person, "status": status} for person, status in self.status.items()]
        accounts = [{"account": one.target.account.id} for one in self.plan.changes]
        try:
            made = undo(
                self.plan,
                standings,
                snapshot(now, people=people, accounts=accounts, entitlements=[{"entitlement": "ad:group:Fin"}]),
                workspace(),
                run="r",
                requested_by="hr:person:9",
                now=now,
                prove=lambda _: PROVED,
            )
        except PlanRefused:
            return
        given_back = {
            one.id
            for one in self.plan.changes
            if one.id in standings
            and standings[one.id].state in PROVEN
            and UNDO[one.action]
            and self.status[one.target.person] in EMPLOYED
        }
        assert {because for one in made.changes for because in one.because} == given_back, "7: exactly the removed set"
        self.undone = made if made.changes else None

    # How it happens

    def _apply(self, plan, calls, looks, dies_at, attempts, minutes):
        self._faults(calls, looks)
        self.steps, self.dies_at, self.applying = 0, dies_at, plan
        self.until = self.clock.at + minutes * 60 * SECOND if minutes is not None else None
        pace = PACE.model_copy(update={"attempts": attempts})
        try:
            with JournalFile(self._path(plan), plan.digest) as journal:
                apply(ApplyRun(plan, journal, {"ad": self.system}, self._judge, self.clock, pace, until=self.until))
        except Died:
            pass
        finally:
            self.dies_at = None

    def _faults(self, calls, looks):
        system = self.system
        system.faults = Faults(
            calls={system.calls + number: fault for number, fault in enumerate(calls, 1)},
            looks={system.looks + number: fault for number, fault in enumerate(looks, 1)},
            before=self._before,
            after=self._maybe_die,
        )

    def _judge(self, change, _):
        if self.blocked:
            raise self.blocked
        status = self.status[change.target.person]
        if change.action.restores:
            return Recheck() if status in EMPLOYED else Recheck(refused=f"the person is {status}")
        if change.id in self.protected:
            return Recheck(refused="protected")
        return Recheck() if status == "left" else Recheck(skipped=f"the person is {status}")

    def _before(self, what):
        if what == "call":
            self._check_that_it_may_be_called()
        self._maybe_die()

    def _maybe_die(self, _=""):
        if self.dies_at is not None:
            self.steps += 1
            if self.steps == self.dies_at:
                raise Died

    def _noted_as_open(self):
        """Whose doing it was cannot be told when others take what a call is under way for."""
        for one in self.plan.changes:
            if (standing := self._standings(self.plan).get(one.id)) and standing.unchanged + (
                standing.state in {State.CALLING, State.UNKNOWN}
            ):
                self.by_others.add(one.id)

    # Promises at every call

    def _check_that_it_may_be_called(self):
        (_, key, at, more) = self.system.story[-1]
        change = more["change"]
        with sqlite3.connect(f"file:{self._path(self.applying)}?mode=ro", uri=True) as outside:
            last = outside.execute("SELECT change, state, checked_at FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
        outside.close()
        assert last is not None, "2: no call without a journal"
        assert last[:2] == (change.id, "calling"), "2: the intent of exactly this change is on disk"
        assert last[2], "3: with when it was checked"
        assert at < self.applying.expires_at + SECOND, "2: not after the plan expired"
        assert self.until is None or at < self.until + SECOND, "not after the deadline"
        assert not self.blocked, "2: limits and rosters"
        status = self.status[change.target.person]
        assert change.action.restores or change.id not in self.protected, "4: never touched"
        assert status in (EMPLOYED if change.action.restores else {"left"}), "7, 8: only whom it is about"
        own = [one for one in self.system.story[:-1] if one[1] == key and one[0] in {"look", "call"}]
        assert own, "5: no blind call"
        assert own[-1][0] == "look", "5: no blind repeat"
        assert own[-1][3]["there"] is not change.action.restores, "3: the last look shows it to be done"
        assert own[-1][3]["there"] is not None, "3: what cannot be read is not written"

    # Promises after every step

    @invariant()
    def each_change_has_one_history(self):
        for plan in self._plans():
            rows = self._rows(plan)
            for one in plan.changes:
                own = [row for row in rows if row.change == one.id]
                ended = [row.state for row in own if row.state in TERMINAL]
                assert len(ended) <= 1, "5: one terminal state"
                calls = sum(event == "call" and more["change"].id == one.id for event, _, _, more in self.system.story)
                assert calls <= sum(row.state is State.CALLING for row in own), "5: no unrecorded call"

    @invariant()
    def what_was_taken_away_is_in_the_journal(self):
        if not self._plans():
            return
        standings = self._standings(self.plan)
        for one in self.plan.changes:
            state = standings[one.id].state if one.id in standings else State.PLANNED
            events = [event for event, key, _, _ in self.system.story if key == key_of(one)]
            if "revoke" in events:
                last = len(events) - events[::-1].index("revoke")
                if not {"given", "restore"} & set(events[last:]):
                    may = CHANGED | {State.STILL_THERE, State.FAILED, State.INTENT, State.DEFERRED, State.REFUSED}
                    assert state in may, f"5: taken away, and the journal says {state}"
            elif state in PROVEN and one.id not in self.by_others | self.system.misled:
                raise AssertionError(f"3: never taken away by this batch, and the journal says {state}")

    @invariant()
    def revoked_takes_two_reads_that_agree_and_lie_apart(self):
        for plan in self._plans():
            for row in self._rows(plan):
                if row.state is State.REVOKED:
                    (one,) = (one for one in plan.changes if one.id == row.change)
                    looks = [
                        (at, more["there"])
                        for event, key, at, more in self.system.story
                        if event == "look" and key == key_of(one) and more["there"] is not None
                        if at <= row.at + SECOND
                    ]
                    agreeing = []
                    for at, there in reversed(looks):
                        if there:
                            break
                        agreeing.append(at)
                    assert len(agreeing) >= 2, "6: two reads"
                    assert agreeing[0] - agreeing[-1] >= SPACING - SECOND, "6: spaced apart"

    @invariant()
    def what_was_given_anew_is_not_taken(self):
        if not self._plans() or not self.system.dates:
            return
        given = set()
        for event, key, _, _ in self.system.story:
            if event in {"given", "restore"}:
                given.add(key)
            assert event != "revoke" or key not in given, "3: it was given anew, and the system says when"

    @invariant()
    def nothing_else_was_changed(self):
        if self._plans():
            about = {key_of(one) for one in self.plan.changes}
            assert {key for _, key, _, _ in self.system.story} <= about
            given_back = {key_of(one) for one in self.undone.changes} if self.undone else set()
            assert {key for event, key, _, _ in self.system.story if event == "restore"} <= given_back

    # What is on disk

    def _plans(self):
        return [one for one in (getattr(self, "plan", None), getattr(self, "undone", None)) if one]

    def _path(self, plan):
        return self.folder / f"{plan.digest[-12:]}.sqlite"

    def _rows(self, plan):
        if not self._path(plan).exists():
            return ()
        with JournalFile(self._path(plan), plan.digest) as journal:
            return journal.changes

    def _standings(self, plan):
        if not self._path(plan).exists():
            return {}
        with JournalFile(self._path(plan), plan.digest) as journal:
            return journal.standings

    def _key(self, which):
        """Return what others can give and take: sessions are nobody's to give."""
        if which < len(self.plan.changes) and self.plan.changes[which].action is not Action.REVOKE_SESSIONS:
            return key_of(self.plan.changes[which])
        return None


TestBatch = Machine.TestCase
TestBatch.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    derandomize="MACHINE_EXAMPLES" not in os.environ,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


# What once failed


def history(kinds, *steps):
    """Go through one history, with every check after each step."""
    machine = Machine()
    try:
        machine.begin(kinds=kinds, absent=set(), dates=False)
        for step in steps:
            step(machine)
            machine.each_change_has_one_history()
            machine.what_was_taken_away_is_in_the_journal()
            machine.revoked_takes_two_reads_that_agree_and_lie_apart()
    finally:
        machine.teardown()


def applied(calls=(), looks=(), attempts=3):
    return lambda machine: machine.apply_or_resume(calls, looks, None, attempts, None)


def test_a_stale_read_after_the_call_did_not_make_it_absent():
    history([Action.REMOVE_MEMBER], applied(looks=["", "stale"]))


def test_a_batch_resumed_with_fewer_attempts_ends_in_failed():
    history([Action.REMOVE_MEMBER], applied(looks=["", "stale", "unreadable"], attempts=2), applied(attempts=1))
