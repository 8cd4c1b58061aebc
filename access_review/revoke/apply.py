"""Apply: carry out exactly the plan, by the protocol, so that an interruption at any point can be resumed.

Each change: intent on disk, re-check against the live system and the rules, call, read
back. What cannot be done is an outcome, never an exception; a batch stops by itself at
its deadline, when the plan expires, when too much fails, or when the journal cannot be
written. What is left stays planned.

The way of one change from an approved plan to a write, module by module: ``stages.apply`` holds
the lock and opens the journal; :mod:`.approve` says who stands behind the plan, from
:mod:`.signatures`; :func:`apply` takes over and returns only at the end. For each change it puts
the intent into the :mod:`.journal`, has :mod:`.recheck` judge it, looks through the executor of
:mod:`.systems`, lets :mod:`.states` decide, flushes, and calls the executor, which is
the connector's own or orders it from a person (:mod:`.work_orders`). It looks again, and
:mod:`.states` decides what came of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from access_review.changes import Change, Executor, Remembering, Sighting, WriteAnswer, WriteResult
from access_review.errors import AccessReviewError
from access_review.model import Clock
from access_review.plan.record import Plan
from access_review.policy import Applying
from access_review.revoke.change_windows import is_open
from access_review.revoke.journal import Journal, JournalFull, Note
from access_review.revoke.states import (
    CHANGED,
    NOT_DONE,
    UNTOUCHED,
    NextStep,
    Recheck,
    State,
    Transition,
    after_call,
    after_interruption,
    after_recheck,
    too_many_failures,
)

Jitter = Callable[[], float]
"""A number from 0 to 1, so that many who wait do not come back together."""


Judge = Callable[[Change, datetime], Recheck]
"""What rules, protections and rosters say of a change at a moment; raises ``PlanRefused`` to stop everything."""

OnProgress = Callable[["Progress"], None]
"""What is called after each change, and while the first ones are looked at."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is: changes done of all, what is happening, and seconds that the rest will take."""

    done: int
    of: int
    saying: str
    remaining: float


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of every change, and why the batch stopped early, if it did."""

    states: Mapping[str, State]
    stopped: str
    calls: int
    passed_over: tuple[str, ...] = ()
    """Why signatures did not count: of somebody who left, or with a key that ended."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why each change that was left alone, or is not done, is not."""

    @property
    def counts(self) -> Mapping[State, int]:
        """How many changes stand where."""
        return Counter(self.states.values())

    @property
    def partly(self) -> bool:
        """Tell whether something was to be done and is not."""
        return bool(self.stopped) or any(state in NOT_DONE for state in self.states.values())


@dataclass(slots=True)
class ApplyRun:
    """One run of :func:`apply`: its settings, and what it has counted so far.

    ``most`` is how many calls it may make, where that is limited. ``waited_for`` is what a person was asked to do before
    and has not done yet, in words: it is left alone, and costs no call.
    """

    plan: Plan
    journal: Journal
    executors: Mapping[str, Executor]
    judge: Judge
    clock: Clock
    pace: Applying
    by: str = ""
    until: datetime | None = None
    go_on: bool = False
    jitter: Jitter = lambda: 0.5
    on_progress: OnProgress = lambda _: None
    most: int | None = None
    waited_for: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""
    calls: int = 0
    failures: int = 0
    in_a_row: int = 0
    last_call: dict[str, datetime] = field(default_factory=dict)
    started: datetime | None = None


def apply(batch: ApplyRun, *, only: Sequence[str] = ()) -> Applied:
    """Carry out a plan (or the batches named ``only``), or what an earlier run left of it.

    Who may do so (approval, lock, digest of the workspace) has been settled before. Raises
    ``ArtifactError`` for a damaged journal; everything else is in the result.
    """
    wanted = _wanted(batch.plan, only)
    try:
        if batch.started is None:
            open_journal(batch)
        _remind(batch)
        _settle_interrupted(batch, wanted)
        _skip_waited_for(batch, wanted)
        _carry_out(batch, wanted)
        _settle_interrupted(batch, wanted)
        ended = Note("stopped" if batch.stopped else "ended", batch.clock.now(), batch.stopped)
        batch.journal.note(ended)
        batch.journal.flush()
    except JournalFull as error:
        batch.stopped = error.message
    standing = {change.id: batch.journal.standing(change.id) for change in wanted}
    reasons = {name: one.reason for name, one in standing.items() if one.state in NOT_DONE | _LEFT_ALONE and one.reason}
    return Applied({name: one.state for name, one in standing.items()}, batch.stopped, batch.calls, reasons=reasons)


def open_journal(batch: ApplyRun) -> None:
    """Put on disk that the batch begins, or goes on; raises ``JournalFull``.

    Whoever writes down elsewhere that it began does so after this: a journal without any row was emptied then.
    """
    batch.started = batch.clock.now()
    batch.journal.note(Note("resumed" if batch.journal.notes else "opened", batch.started, batch.by))
    batch.journal.flush()


_LEFT_ALONE = {State.ABSENT, State.SKIPPED}


def _wanted(plan: Plan, only: Sequence[str]) -> list[Change]:
    by_id = {change.id: change for change in plan.changes}
    return [by_id[name] for part in plan.batches if not only or part.id in only for name in part.changes]


def _remind(batch: ApplyRun) -> None:
    """Tell executors what an earlier run of this batch did, which a read may not show yet."""
    for change in batch.plan.changes:
        executor = batch.executors.get(change.target.source)
        state = batch.journal.standing(change.id).state
        if isinstance(executor, Remembering) and state in CHANGED and state is not State.REGRANTED:
            executor.remember(change)


def _settle_interrupted(batch: ApplyRun, wanted: Sequence[Change]) -> None:
    """Find out by reading what became of every call whose end is not on disk: also when nothing more may be written."""
    for change in wanted:
        standing = batch.journal.standing(change.id)
        if standing.state is State.INTENT:
            _add(batch, change, State.DEFERRED, "interrupted before anything was called")
        elif standing.state in {State.CALLING, State.UNKNOWN}:
            seen = _look(batch, change)
            step = after_interruption(seen, wanted=change.action.restores)
            if step:
                _add(batch, change, step.state, step.reason, seen.server)
            elif standing.state is State.CALLING:
                _add(batch, change, State.UNKNOWN, seen.reason or "interrupted, and it cannot be read", seen.server)
    batch.journal.flush()


def _skip_waited_for(batch: ApplyRun, wanted: Sequence[Change]) -> None:
    """Skip what was ordered before and is waited for, also when nothing more may be called."""
    for change in wanted:
        standing, why = batch.journal.standing(change.id), batch.waited_for.get(change.id)
        if why and standing.state in {State.PLANNED, State.DEFERRED}:
            _add(batch, change, State.INTENT, attempt=standing.attempt + 1)
            _add(batch, change, State.SKIPPED, why)


def _carry_out(batch: ApplyRun, wanted: Sequence[Change]) -> None:
    canary = _Canary(batch)
    for number, change in enumerate(wanted):
        for tried in range(batch.pace.attempts):
            standing = batch.journal.standing(change.id)
            if standing.state not in UNTOUCHED:
                break
            if standing.unchanged >= batch.pace.attempts:
                _add(batch, change, State.FAILED, f"still unchanged after {standing.unchanged} calls", standing.server)
                break
            _keep_pace(batch, change)
            if _must_stop(batch, change) or canary.stops():
                return
            _attempt(batch, change, last=tried + 1 == batch.pace.attempts)
        batch.on_progress(_progress(batch, number + 1, len(wanted), change))
        if _breaker(batch, change, len(wanted)):
            return


def _must_stop(batch: ApplyRun, change: Change) -> bool:
    """Tell whether nothing more may begin now, and say why."""
    now = batch.clock.now()
    if now >= batch.plan.expires_at:
        batch.stopped = f"the plan expired on {batch.plan.expires_at:%Y-%m-%d %H:%M} UTC"
    elif batch.until and now >= batch.until:
        batch.stopped = f"the deadline {batch.until:%Y-%m-%d %H:%M:%S} UTC is reached"
    elif batch.most is not None and batch.calls >= batch.most:
        batch.stopped = "as many changes are made in a day as the standing approval allows"
    elif not change.leaver and not is_open(batch.pace.windows, now):
        batch.stopped = "the time window for changes is closed"
    return bool(batch.stopped)


def _attempt(batch: ApplyRun, change: Change, *, last: bool) -> None:
    """Try once: intent, judge, look, call, read back; then wait, unless it is the last time.

    Judging may read whole sources again: whether it is still time is asked after it, and nothing long lies between the
    look and the call. A first look that reads a whole list is asked the same.
    """
    standing = batch.journal.standing(change.id)
    _add(batch, change, State.INTENT, attempt=standing.attempt + 1)
    try:
        judged = batch.judge(change, batch.clock.now())
    except AccessReviewError as error:
        batch.stopped = error.message
        _add(batch, change, State.DEFERRED, error.message)
        return
    if _must_stop(batch, change):
        _add(batch, change, State.DEFERRED, batch.stopped)
        return
    checked_at = batch.clock.now()
    seen = _look(batch, change)
    wanted = change.action.restores
    step = after_recheck(seen, judged, wanted=wanted, planned_on=batch.plan.as_of, unchanged=standing.unchanged)
    if step.state is State.CALLING and _must_stop(batch, change):
        step = NextStep(State.DEFERRED, batch.stopped)
    if step.state is not State.CALLING:
        _add(batch, change, step.state, step.reason, seen.server, checked_at=checked_at)
        if step.state is State.DEFERRED and not (last or batch.stopped):
            _back_off(batch, standing.attempt, None)
        return
    called_at = batch.clock.now()
    _add(batch, change, State.CALLING, server=seen.server, checked_at=checked_at, called_at=called_at)
    batch.journal.flush()
    answer = _call(batch, change)
    after = _look(batch, change) if answer.result is not WriteResult.ORDERED else Sighting(None, answer.server)
    step = after_call(answer, after, wanted=wanted, unchanged=standing.unchanged, attempts=batch.pace.attempts)
    _add(batch, change, step.state, step.reason, after.server or answer.server, called_at=called_at)
    if step.state in UNTOUCHED and not last:
        _back_off(batch, standing.attempt, answer.retry_after)


def _call(batch: ApplyRun, change: Change) -> WriteAnswer:
    executor = batch.executors[change.target.source]
    batch.calls += 1
    batch.last_call[change.target.source] = batch.clock.now()
    return executor.restore(change) if change.action.restores else executor.revoke(change)


def _look(batch: ApplyRun, change: Change) -> Sighting:
    """Read by immutable id; of sessions, whether any are older than the first intent."""
    executor = batch.executors.get(change.target.source)
    if executor is None:
        return Sighting(None, "", f"nothing here can write to {change.target.source}")
    since = batch.journal.standing(change.id).intended_at or batch.clock.now()
    return executor.holds(change, since)


def _add(
    batch: ApplyRun,
    change: Change,
    state: State,
    reason: str = "",
    server: str = "",
    *,
    attempt: int | None = None,
    checked_at: datetime | None = None,
    called_at: datetime | None = None,
) -> None:
    number = batch.journal.standing(change.id).attempt if attempt is None else attempt
    batch.journal.add(Transition(change.id, state, batch.clock.now(), number, server, reason, checked_at, called_at))


def _keep_pace(batch: ApplyRun, change: Change) -> None:
    """Leave the time between two calls to one system that its rate asks for."""
    last = batch.last_call.get(change.target.source)
    if last is not None:
        due = last + timedelta(seconds=60 / batch.pace.per_minute)
        _wait(batch, (due - batch.clock.now()).total_seconds())


def _back_off(batch: ApplyRun, attempt: int, retry_after: float | None) -> None:
    """Wait as long as the system says, else 1, 2, 4 … 64 seconds with jitter."""
    _wait(batch, retry_after if retry_after is not None else 2 ** min(attempt, 6) * (0.5 + batch.jitter()))


def _wait(batch: ApplyRun, seconds: float) -> None:
    if seconds > 0:
        batch.journal.flush()
        if batch.until:
            seconds = min(seconds, max(0.0, (batch.until - batch.clock.now()).total_seconds()))
        batch.clock.wait(seconds)


def _breaker(batch: ApplyRun, change: Change, size: int) -> bool:
    """Count what failed, and stop the batch when it is too much."""
    state = batch.journal.standing(change.id).state
    failed = state in {State.FAILED, State.UNKNOWN, State.DEFERRED}
    batch.failures += failed
    batch.in_a_row = batch.in_a_row + 1 if failed else 0
    pace = batch.pace
    if failed and too_many_failures(
        batch.in_a_row, batch.failures, size, row=pace.failures_in_a_row, percent=pace.failures_percent
    ):
        batch.stopped = f"{batch.failures} changes failed, {batch.in_a_row} of them in a row; the last: {change.id}"
    return bool(batch.stopped)


@dataclass(slots=True)
class _Canary:
    """Stops after the first calls, or waits and looks at them again, before the rest goes out."""

    batch: ApplyRun
    passed: bool = False

    def stops(self) -> bool:
        batch = self.batch
        before = [change for change in batch.plan.changes if batch.journal.standing(change.id).state is State.PENDING]
        size = batch.pace.canary
        if self.passed or batch.go_on or not size or len(before) < size or len(batch.plan.changes) <= size:
            return False
        self.passed = True
        if not batch.pace.canary_pause:
            batch.stopped = f"the first {size} changes are made: look at them, then go on with --go-on"
            return True
        batch.on_progress(_progress(batch, len(before), len(batch.plan.changes), None))
        _wait(batch, batch.pace.canary_pause.total_seconds())
        wrong = [change.id for change in before if _look(batch, change).there is not change.action.restores]
        if wrong:
            batch.stopped = f"the first changes do not hold or cannot be read: {', '.join(wrong[:3])}"
        return bool(wrong)


def _progress(batch: ApplyRun, done: int, of: int, change: Change | None) -> Progress:
    elapsed = (batch.clock.now() - (batch.started or batch.clock.now())).total_seconds()
    saying = f"{change.id} {batch.journal.standing(change.id).state}" if change else "the first changes are looked at"
    return Progress(done, of, saying, elapsed / max(1, done) * (of - done))
