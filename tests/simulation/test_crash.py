"""Killed at every step, with every fate of the call, and killed once more on resuming: one state each."""

import os
import signal

import pytest

from access_review.revocation.journal import Journal
from access_review.revocation.protocol import State
from tests.fake import FakeOnDisk, Time, key_of
from tests.simulation import crash

SECOND = tuple(int(n) for n in os.environ.get("CRASH_SECOND", "0,3,9").split(","))
"""At which step of the resumed run it is killed again; 0 is never."""


def history(folder, step, answer, second):
    """Live through one history and say what is wrong with its end."""
    folder.mkdir()
    FakeOnDisk.create(folder / "system.json", [key_of(one) for one in crash.PLAN.changes])
    killed = crash.in_a_process(folder, step, answer) == signal.SIGKILL
    if second:
        crash.in_a_process(folder, second, "applied")
    crash.main(folder, 0, "applied")
    system = FakeOnDisk(folder / "system.json", Time())
    with Journal(folder / "journal.sqlite", crash.PLAN.digest) as journal:
        rows = journal.changes
        states = [journal.standing(one.id).state for one in crash.PLAN.changes]
    assert states == [State.PENDING, State.PENDING], states
    assert not system.there
    for one in crash.PLAN.changes:
        done = system.log.count(("revoke", one.id))
        called = system.log.count(("revoke called", one.id))
        announced = sum(row.change == one.id and row.state is State.CALLING for row in rows)
        assert done == 1, "taken exactly once"
        assert called <= announced, "no call without its intent"
    return killed


@pytest.mark.parametrize("answer", crash.ANSWERS)
def test_a_batch_killed_at_any_step_ends_in_one_state_each(answer, tmp_path):
    (tmp_path / "whole").mkdir()
    FakeOnDisk.create(tmp_path / "whole/system.json", [key_of(one) for one in crash.PLAN.changes])
    steps = crash.main(tmp_path / "whole", 0, answer)
    assert steps > 20
    cases = [(step, second) for step in range(1, steps + 1) for second in SECOND]
    killed = [history(tmp_path / f"{step}-{second}", step, answer, second) for step, second in cases]
    assert all(killed), "each was killed where it was to be"
