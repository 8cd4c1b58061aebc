"""Deciding in a terminal: a real one, through a pseudo-terminal, on the example company."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from access_review import runs, store
from access_review.artifacts import WORKLIST
from access_review.audit import reviewers
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.filled_sheets import open_items
from access_review.audit.worklist import UNASSIGNED
from access_review.store import audits
from access_review.store.snapshots import load

pytestmark = pytest.mark.slow

AT = "2026-11-02T06:00:00Z"
NEXT_DAY = ("--as-of", "2026-11-03T09:00:00Z")
PATIENCE = 60


@pytest.fixture(scope="module")
def audited(audited_example):
    """Return the folder and run of the example company, audited, and a reviewer with a test row and other items."""
    run = runs.find(audited_example)
    sheets = store.read(run, WORKLIST).by_reviewer()
    reviewer = next(who for who, items in sheets.items() if who != UNASSIGNED and any(i.planted for i in items))
    return audited_example, run, reviewer


class Terminal:
    """The command in a terminal of its own; ``expect`` waits for text, ``type`` answers."""

    def __init__(self, folder, *words):
        self.here, there = pty.openpty()
        command = [sys.executable, "-W", "error", "-m", "access_review", "-C", str(folder), *NEXT_DAY, *words]
        environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"}
        self.process = subprocess.Popen(
            command, stdin=there, stdout=there, stderr=there, cwd=folder, env=environment, start_new_session=True
        )
        os.close(there)
        self.seen = ""

    def expect(self, wanted: str) -> str:
        """Read until something is said; return what was said up to it."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(wanted, self.seen)):
            assert time.monotonic() < end, f"{wanted!r} never came; seen: {self.seen}"
            if select.select([self.here], [], [], 1)[0]:
                try:
                    read = os.read(self.here, 65536)
                except OSError as error:  # Linux says so when the other side is closed
                    raise AssertionError(f"{wanted!r} never came; seen: {self.seen}") from error
                self.seen += read.decode(errors="replace").replace("\r", "")
        said, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return said

    def type(self, text: str) -> None:
        os.write(self.here, text.encode())

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        os.close(self.here)
        return code


def test_a_reviewer_answers_skips_stops_and_goes_on_later(audited):
    folder, run, reviewer = audited
    work = store.read(run, WORKLIST)
    people = reviewers.people_of(load(run).tables["people"].to_pylist())
    mine = open_items(work, audits.decisions(run), reviewer, reviewer, people)
    assert len(mine) >= 5

    first = Terminal(folder, "decide", "--by", reviewer)
    first.expect(f"{len(mine)} items to answer")
    shown = first.expect("q stop: ")
    item = mine[0]
    assert f"1 of {len(mine)}" in shown
    assert item.person in shown
    assert item.entitlement_name in shown
    assert "machine says" in shown
    first.type("k\n")
    first.expect("Reason")
    first.type("needs it for the month end\n")
    first.expect("q stop: ")
    first.type("x\n")  # no answer there is
    first.expect("is none of these")
    first.type("d\n")
    first.expect("Reason: ")
    first.type("\n")  # a reason is wanted
    first.type("not my team\n")
    first.expect("q stop: ")
    first.type("s\n")
    first.expect("q stop: ")
    first.type("q\n")
    first.expect(f"2 answers kept, {len(mine) - 2} items still open")
    assert first.ended() == 0

    kept = audits.decisions(run).current
    assert {name: (d.decision, d.comment) for name, d in kept.items()} == {
        mine[0].item: (ReviewerAnswer.KEEP, "needs it for the month end"),
        mine[1].item: (ReviewerAnswer.CANNOT_SAY, "not my team"),
    }
    assert all(d.seconds is not None and d.seconds >= 0 for d in kept.values())
    assert {people.who(d.by) for d in kept.values()} == {reviewer}

    again = Terminal(folder, "decide", "--by", people.names[reviewer])
    again.expect(f"{len(mine) - 2} items to answer")
    again.expect("q stop: ")
    again.type("r\n")
    again.expect("Reason: ")
    again.type("\x04")  # the end of input before the reason: nothing is kept of this one
    again.expect("0 answers kept")
    assert again.ended() == 0
    assert audits.decisions(run).current == kept


def test_whoever_is_in_no_roster_is_not_asked_and_without_a_terminal_nobody_is(audited):
    folder, _, reviewer = audited
    stranger = Terminal(folder, "decide")
    stranger.expect("Who are you")
    stranger.type("Nobody Known\n")
    stranger.expect("nobody of the rosters")
    assert stranger.ended() == 2
    for words in ((), ("--by", reviewer)):
        blind = subprocess.run(
            [sys.executable, "-m", "access_review", "-C", str(folder), "decide", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert blind.returncode == 2
        assert "without a terminal" in blind.stderr


def test_nobody_is_asked_about_their_own_access(audited):
    _, run, _ = audited
    work = store.read(run, WORKLIST)
    people = reviewers.people_of(load(run).tables["people"].to_pylist())
    answers = audits.decisions(run)
    # The sample is drawn anew each time: whoever is in it, as if the sheet were their own.
    item = next(i for i in work.items if i.unit in people.here and i.item not in answers.current)
    assert item in open_items(work, answers, item.reviewer, "hr:person:nobody", people)
    asked = open_items(work, answers, item.reviewer, item.unit, people)
    assert all(i.unit != item.unit for i in asked)
