"""Killed at every step, with every fate of the call, and killed once more on resuming: one state each."""

import os
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tests.simulation import crash
from tests.support.fake_system import FakeOnDisk, Faults, Time, a_change, a_plan, key_of

pytestmark = pytest.mark.slow

SECOND = tuple(int(n) for n in os.environ.get("CRASH_SECOND", "3,9").split(","))
"""At which step of the resumed run it is killed again; 0 is never."""


@contextmanager
def opened(path, fault, announced):
    """Open the system; its first call ever has a fault."""
    first = not announced.exists()

    def note(what):
        if what == "call":
            announced.touch()

    yield FakeOnDisk(path, Time(), Faults(calls={1: fault} if first else {}, before=note))


class Fake:
    """A system in a file."""

    opened: Any
    environment: tuple[tuple[str, str], ...] = ()

    def __init__(self):
        self.plan = a_plan(a_change(1), a_change(2))

    def reset(self, folder, fate):
        self.path = folder / "system.json"
        FakeOnDisk.create(self.path, [*map(key_of, self.plan.changes), "somebody else's"])
        fault = {crash.NOT_APPLIED: "lost", crash.REPLY_LOST: "lost after"}.get(fate, "")
        self.opened = partial(opened, self.path, fault, folder / "called")

    @property
    def system(self):
        return FakeOnDisk(self.path, Time())

    def give_back(self):
        system = self.system
        for one in self.plan.changes:
            if key_of(one) not in system.there:
                system.give(key_of(one))

    def there(self):
        return [key_of(one) in self.system.there for one in self.plan.changes]

    def calls(self, change):
        log = self.system.log
        return log.count(("revoke called", change.id)), log.count(("revoke", change.id))

    def nothing_else_changed(self):
        return "somebody else's" in self.system.there


@pytest.mark.parametrize("fate", crash.FATES)
def test_a_batch_killed_at_any_step_ends_in_one_state_each(fate, tmp_path):
    scene = Fake()
    steps = crash.whole(scene, tmp_path / "whole", fate)
    assert steps > 20
    for step in range(1, steps + 1):
        for second in SECOND:
            crash.history(scene, tmp_path / f"{step}-{second}", step, fate, second)
