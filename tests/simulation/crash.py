"""Processes that apply a batch and kill themselves, with SIGKILL, at the n-th step; and the histories made of them.

The system, in memory of the test or a real server, outlives them and sees what they really did. Processes are
forked from one that has imported everything and has no threads, unlike the test, whose servers have.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from access_review.changes import Change, Executor
from access_review.plan.record import Plan
from access_review.policy import Applying
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.states import Recheck, State
from access_review.store.journal import JournalFile
from tests.support.fake_system import Time

APPLIED, NOT_APPLIED, REPLY_LOST, GIVEN_BACK = "applied", "not applied", "reply lost", "given back meanwhile"
FATES = (APPLIED, NOT_APPLIED, REPLY_LOST, GIVEN_BACK)
"""What becomes of the first call; with the last, it is applied, and somebody gives it back after the first kill."""

PACE = Applying(canary=0, per_minute=6000)
EXPECTED_NOW = Recheck(skipped="it became expected")


class Steps:
    """Counts steps, and dies at one of them."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self.last = last

    def __call__(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched(JournalFile):
    """A journal with a step before and after whatever it does to the disk."""

    steps: Steps

    def add(self, row):
        self.steps()
        after = super().add(row)
        self.steps()
        return after

    def flush(self):
        self.steps()
        super().flush()
        self.steps()


@dataclass
class Stepped:
    """An executor with a step before and after whatever it says to the system."""

    inner: Executor
    steps: Steps

    def holds(self, change, since):
        return self._between(self.inner.holds, change, since)

    def revoke(self, change):
        return self._between(self.inner.revoke, change)

    def restore(self, change):
        return self._between(self.inner.restore, change)

    def _between(self, call: Callable[..., Any], *arguments: Any) -> Any:
        self.steps()
        said = call(*arguments)
        self.steps()
        return said


@dataclass(frozen=True)
class Run:
    """One process: what it applies, how it reaches the system, and at which step it dies (0: never)."""

    folder: Path
    plan: Plan
    opened: Callable[[], AbstractContextManager[Executor]]
    last: int = 0
    judged: Recheck = field(default_factory=Recheck)
    environment: tuple[tuple[str, str], ...] = ()


def main(run: Run) -> int:
    """Apply, and return how many steps there were."""
    os.environ.update(run.environment)
    steps = Steps(run.last)
    Watched.steps = steps
    source = run.plan.changes[0].target.source
    with run.opened() as system, Watched(run.folder / "journal.sqlite", run.plan.digest) as journal:
        clock = Time(run.plan.made_at)
        apply(ApplyRun(run.plan, journal, {source: Stepped(system, steps)}, lambda *_: run.judged, clock, PACE))
    return steps.count


@cache
def _origin() -> subprocess.Popen[bytes]:
    """Start the process that all others are forked from; it ends with the one that started it."""
    command = [sys.executable, "-m", "tests.simulation.origin"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # what this process can import
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def in_a_process(run: Run) -> int:
    """Apply in a process of its own; return the signal that ended it, 0 for none."""
    origin = _origin()
    assert origin.stdin is not None
    assert origin.stdout is not None
    pickle.dump(run, origin.stdin)
    origin.stdin.flush()
    status = int(origin.stdout.readline())
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the process failed: see its traceback"
    return os.WTERMSIG(status)


class Scene(Protocol):
    """A system that outlives the processes, and what a history may ask of it."""

    plan: Plan
    opened: Callable[[], AbstractContextManager[Executor]]
    environment: tuple[tuple[str, str], ...]

    def reset(self, folder: Path, fate: str) -> None:
        """Put everything back as it was; ``fate`` is that of the first call from now on."""

    def give_back(self) -> None:
        """Let somebody else give back what is gone."""

    def there(self) -> list[bool]:
        """Return of each change whether its thing is there."""

    def calls(self, change: Change) -> tuple[int, int]:
        """Return how often a change was called since the reset, and how often it was done."""

    def nothing_else_changed(self) -> bool:
        """Tell whether all that no change names is as it was."""


def whole(scene: Scene, folder: Path, fate: str) -> int:
    """Apply without any kill, in this process, and return how many steps there are."""
    folder.mkdir()
    scene.reset(folder, fate)
    return main(Run(folder, scene.plan, scene.opened, environment=scene.environment))


def history(scene: Scene, folder: Path, step: int, fate: str, second: int) -> None:
    """Kill at ``step``, resume and kill at ``second`` (0: not), resume to the end; and check that all is right then."""
    folder.mkdir()
    scene.reset(folder, fate)
    run = Run(folder, scene.plan, scene.opened, step, environment=scene.environment)
    assert in_a_process(run) == signal.SIGKILL, "killed where it was to be"
    if fate == GIVEN_BACK:
        scene.give_back()
        run = replace(run, judged=EXPECTED_NOW)
    before = [scene.calls(one) for one in scene.plan.changes]
    if second:
        in_a_process(replace(run, last=second))
    in_a_process(replace(run, last=0))
    with JournalFile(folder / "journal.sqlite", scene.plan.digest) as journal:
        rows = journal.changes
        states = [journal.standing(one.id).state for one in scene.plan.changes]
    counts = [scene.calls(one) for one in scene.plan.changes]
    announced = [sum(row.change == one.id and row.state is State.CALLING for row in rows) for one in scene.plan.changes]
    for (called, done), calls in zip(counts, announced, strict=True):
        assert called <= calls, "no call without its intent"
        assert done <= 1, "nothing is taken twice"
    assert scene.nothing_else_changed()
    if fate == GIVEN_BACK:
        assert counts == before, "what was given back on purpose is not taken again"
        assert all(scene.there())
        assert set(states) <= {State.SKIPPED, State.PENDING}, states
        return
    for state, (_, done), calls, there in zip(states, counts, announced, scene.there(), strict=True):
        # Two kills and a lost request may be all the attempts there are: then it is still there, and said to be.
        used_up = calls == PACE.attempts and there and not done
        assert state is (State.FAILED if used_up else State.PENDING), states
        assert used_up or (done == 1 and not there), "taken exactly once"
