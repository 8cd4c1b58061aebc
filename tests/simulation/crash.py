"""One process that applies a batch to a system on disk and kills itself, with SIGKILL, at its n-th step."""

import os
import signal
from pathlib import Path

from access_review.apply import Batch, apply
from access_review.policy import Applying
from access_review.revocation.journal import Journal
from access_review.revocation.protocol import Judged
from tests.fake import FakeOnDisk, Faults, Time, a_change, a_plan

PLAN = a_plan(a_change(1), a_change(2))
ANSWERS = {"applied": "", "not applied": "lost", "reply lost": "lost after"}


class Steps:
    """Counts steps, and dies at one of them."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self.last = last

    def __call__(self, _: str = "") -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched(Journal):
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


def main(folder: Path, last: int, answer: str) -> int:
    """Apply, and return how many steps there were."""
    steps = Steps(last)
    Watched.steps = steps
    faults = Faults(calls={1: ANSWERS[answer]}, before=steps, after=steps)
    system = FakeOnDisk(folder / "system.json", Time(), faults)
    with Watched(folder / "journal.sqlite", PLAN.digest) as journal:
        apply(
            Batch(PLAN, journal, {"ad": system}, lambda *_: Judged(), system.clock, Applying(canary=0, per_minute=6000))
        )
    return steps.count


def in_a_process(folder: Path, last: int, answer: str) -> int:
    """Apply in a process of its own; return the signal that ended it, 0 for none."""
    child = os.fork()
    if child == 0:
        main(folder, last, answer)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])
