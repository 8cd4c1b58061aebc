"""The log of a plan that people carried out, taken into its journal: what it says done, what it leaves open, what it may not say."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access_review.changes import Action, Change, Sighting
from access_review.errors import PlanRefused
from access_review.plan.record import Plan
from access_review.policy import Applying, Targets
from access_review.revoke import carried_out, verify
from access_review.revoke.carried_out import COLUMNS
from access_review.revoke.states import PROVEN, State
from access_review.store.journal import JournalFile
from tests.support.fake_system import START, FakeSystem, Time, a_change, a_plan, key_of

MINUTE = timedelta(minutes=1)
HEADING = '"At","Plan","Change","Batch","Action","Outcome","Note","By","On"\r\n'


def row(plan: Plan, change: Change, outcome: str, minute: int, note: str = "", **other: str) -> str:
    """Return a row as the program writes it."""
    at = (plan.made_at + minute * MINUTE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
    cells = {
        **dict(zip(COLUMNS[:3], (at, plan.digest, change.id), strict=True)),
        "Batch": plan.batches[0].id,
        "Action": change.action.value,
        "Outcome": outcome,
        "Note": note,
        "By": "CORP\\ann",
        "On": "dc1.corp.example",
        **other,
    }
    return ",".join('"' + cells[name].replace('"', '""') + '"' for name in COLUMNS) + "\r\n"


def log(*rows: str) -> bytes:
    return b"\xef\xbb\xbf" + (HEADING + "".join(rows)).encode()


class Carried:
    """A plan of two removals, the system that it is about, and what the log does to its journal."""

    def __init__(self, folder: Path, *changes: Change) -> None:
        self.clock = Time()
        self.plan = a_plan(*(changes or (a_change(1), a_change(2))))
        self.first, self.second = self.plan.changes[0], self.plan.changes[-1]
        self.system = FakeSystem([key_of(one) for one in self.plan.changes], self.clock)
        self.path = folder / "journal.sqlite"
        self.clock.wait(3600)

    def take(self, data: bytes) -> int:
        with JournalFile(self.path, self.plan.digest) as journal:
            rows = carried_out.read_log(data, self.plan, self.clock.now())
            return carried_out.take_log(self.plan, rows, journal, self.system.holds, by="Ann", now=self.clock.now())

    def verify(self, minutes: int = 0) -> dict[str, str]:
        self.clock.wait(minutes * 60)
        with JournalFile(self.path, self.plan.digest) as journal:
            found = verify.verify(
                self.plan.changes,
                journal,
                {"ad": self.system},
                now=self.clock.now(),
                pace=Applying(),
                targets=Targets(),
            )
        return {one.change: str(one.state) for one in found}

    def rows(self) -> int:
        with JournalFile(self.path, self.plan.digest) as journal:
            return journal.rows

    def of(self, change: Change, *outcomes: str, minute: int = 1) -> list[str]:
        return [row(self.plan, change, outcome, minute + n) for n, outcome in enumerate(outcomes)]

    def done(self, change: Change) -> None:
        self.system.take(key_of(change))


@pytest.fixture
def carried(tmp_path: Path) -> Carried:
    return Carried(tmp_path)


def states(carried: Carried) -> list[str]:
    with JournalFile(carried.path, carried.plan.digest) as journal:
        return [str(journal.standing(one.id).state) for one in carried.plan.changes]


def test_what_the_log_says_done_is_pending_and_two_spaced_reads_prove_it(carried: Carried) -> None:
    for change in carried.plan.changes:
        carried.done(change)
    data = log(*(line for one in carried.plan.changes for line in carried.of(one, "intent", "pending")))
    assert carried.take(data) == 2
    assert set(carried.verify().values()) == {"pending"}
    assert set(carried.verify(5).values()) == {"pending"}
    assert set(carried.verify(11).values()) == {"revoked"}


def test_the_journal_says_who_did_it_and_by_which_hand(carried: Carried) -> None:
    carried.take(log(*carried.of(carried.first, "intent", "pending")))
    with JournalFile(carried.path, carried.plan.digest) as journal:
        standing, notes = journal.standing(carried.first.id), journal.notes
    assert standing.state in PROVEN, "an undo gives it back"
    assert standing.reason.startswith(
        "carried out by hand by CORP\\ann on dc1.corp.example, says Ann: pending at 2026-02-02 08:02:00 UTC"
    )
    assert (standing.server, standing.gone_at) == ("", None), "it was read nowhere yet"
    assert (standing.intended_at, standing.called_at) == (
        datetime(2026, 2, 2, 8, 1, 0, 123456, UTC),
        datetime(2026, 2, 2, 8, 1, 0, 123456, UTC),
    )
    assert [note.what for note in notes][1:] == ["carried out by hand"]


def test_the_same_log_twice_changes_nothing(carried: Carried) -> None:
    carried.done(carried.first)
    data = log(
        *carried.of(carried.first, "intent", "pending"), *carried.of(carried.second, "intent", "unknown", minute=5)
    )
    assert carried.take(data) == 2
    carried.verify()
    before, stood = carried.rows(), states(carried)
    assert carried.take(data) == 0
    assert (carried.rows(), states(carried)) == (before, stood)


@pytest.mark.parametrize(
    ("outcomes", "there", "state"),
    [
        (("intent", "pending"), True, "contradicted"),
        (("intent",), False, "pending"),
        (("intent",), True, "still-there"),
        (("intent", "unknown"), False, "pending"),
        (("intent", "unknown"), True, "still-there"),
        (("intent", "still there"), False, "pending"),
        (("intent", "unknown", "failed"), False, "pending"),
        (("intent", "failed"), True, "deferred"),
        (("failed",), False, "deferred"),
        (("not found",), True, "deferred"),
        (("declined",), True, "deferred"),
        (("absent",), False, "absent"),
        (("absent",), True, "deferred"),
        (("intent", "pending", "there again"), True, "contradicted"),
        (("intent", "unknown", "pending"), False, "pending"),
        (("intent", "pending", "absent"), False, "pending"),
    ],
)
def test_what_the_log_leaves_open_is_looked_at(
    carried: Carried, outcomes: tuple[str, ...], there: bool, state: str
) -> None:
    carried.system.dates = False
    if not there:
        carried.done(carried.first)
    carried.take(log(*carried.of(carried.first, *outcomes)))
    assert carried.verify()[carried.first.id] == state
    assert states(carried)[1] == "planned"


def test_what_was_found_done_is_not_believed_where_it_cannot_be_read(carried: Carried) -> None:
    carried.system.holds = lambda *_: Sighting(None, "dc1", "members are hidden")
    carried.take(log(*carried.of(carried.first, "absent")))
    with JournalFile(carried.path, carried.plan.digest) as journal:
        standing = journal.standing(carried.first.id)
    assert (standing.state, "members are hidden" in standing.reason) == (State.DEFERRED, True)


def test_a_log_that_went_on_is_taken_again(carried: Carried) -> None:
    begun = carried.of(carried.first, "failed")
    carried.take(log(*begun))
    assert states(carried) == ["deferred", "planned"]
    carried.done(carried.first)
    assert carried.take(log(*begun, *carried.of(carried.first, "intent", "pending", minute=9))) == 1
    assert states(carried) == ["pending", "planned"]


def test_an_undo_is_proven_in_the_same_way(tmp_path: Path) -> None:
    carried = Carried(tmp_path, replace(a_change(1), action=Action.ADD_MEMBER))
    carried.take(log(*carried.of(carried.first, "intent", "pending")))
    assert set(carried.verify().values()) == {"pending"}
    assert set(carried.verify(16).values()) == {"restored"}


def test_present_is_read_again(tmp_path: Path) -> None:
    carried = Carried(tmp_path, replace(a_change(1), action=Action.ADD_MEMBER))
    carried.take(log(*carried.of(carried.first, "present")))
    assert states(carried) == ["absent"]


Spoil = Callable[[Carried], bytes]


def _altered(text: str, new: str) -> Spoil:
    return lambda carried: log(*carried.of(carried.first, "intent", "pending")).replace(text.encode(), new.encode())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_altered('"At","Plan"', '"at","Plan"'), "heading"),
        (_altered('"At","Plan"', "At,Plan"), "heading"),
        (_altered(HEADING, ""), "heading"),
        (_altered('"pending"', '"done"'), "no moment or outcome"),
        (_altered('"pending"', '"pending","more"'), "cells"),
        (_altered("2026-02-02T08:02", "2026-02-02T18:02"), "it is 2026-02-02 09:00"),
        (_altered("2026-02-02T08:01", "2025-02-02T08:01"), "the plan was made at"),
        (_altered("Z", ""), "plan was made at"),
        (_altered("remove-member", "disable-account"), "which the plan does not"),
        (_altered("batch-1", "batch-7"), "which the plan does not"),
        (lambda carried: log(row(carried.plan, a_change(9), "pending", 3)), "does not have"),
        (
            lambda carried: log(
                *carried.of(carried.second, "intent", "pending"),
                row(carried.plan, carried.first, "pending", 3, Plan="sha256:" + "0" * 64),
            ),
            "of another plan",
        ),
        (lambda carried: log(*carried.of(carried.first, "pending")).replace(b"ann", b"\xe4nne"), "cannot be read"),
        (
            lambda carried: log(*carried.of(carried.first, "pending")).decode("utf-8").encode("utf-16")[:-1],
            "cannot be read",
        ),
        (_altered('"At"', '#TYPE System.Management.Automation.PSCustomObject\r\n"At"'), "heading"),
        (lambda _: b"", "heading"),
        (lambda carried: log(*carried.of(carried.first, "pending")) * 2, "row 3 of the log is the heading again"),
    ],
)
def test_a_log_that_is_not_this_plans_is_refused_and_nothing_is_taken(
    carried: Carried, spoil: Spoil, said: str
) -> None:
    with pytest.raises(PlanRefused, match=said) as refused:
        carried.take(spoil(carried))
    assert "nothing was taken" in str(refused.value.hint)
    assert states(carried) == ["planned", "planned"]
    assert carried.rows() == 0


def test_a_torn_row_swallows_no_other_and_is_no_fault(carried: Carried) -> None:
    carried.done(carried.first)
    lines = carried.of(carried.first, "intent", "pending")
    torn = lines[0][:-40] + '"\r\n'
    assert len(next(csv.reader(io.StringIO(torn)))) < len(COLUMNS)
    carried.take(log(lines[0], torn, lines[1]))
    assert states(carried) == ["pending", "planned"]
    assert carried.take(log(lines[0])[:-30]) == 0, "cut in the middle of its only row"


def test_what_had_ended_is_not_made_done_by_a_log(carried: Carried) -> None:
    carried.done(carried.first)
    absent = carried.of(carried.first, "absent")
    carried.take(log(*absent))
    before = carried.rows()
    with pytest.raises(PlanRefused, match="ended before: absent"):
        carried.take(log(*absent, *carried.of(carried.first, "intent", "pending", minute=7)))
    assert carried.rows() == before


@pytest.mark.parametrize(
    "copied",
    [
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("\r\n", "\n").encode(),
    ],
    ids=["a copy by > of Windows PowerShell", "the other order of bytes", "ends of lines as on Linux"],
)
def test_a_copy_that_says_the_same_is_the_same(carried: Carried, copied: Callable[[str], bytes]) -> None:
    carried.done(carried.first)
    written = log(*carried.of(carried.first, "intent", "pending"))
    assert carried.take(copied(written.decode("utf-8-sig"))) == 1
    assert carried.take(written) == 0


def test_a_log_twice_over_in_one_file_says_no_more_than_once(carried: Carried) -> None:
    carried.done(carried.first)
    rows = [*carried.of(carried.first, "intent", "pending"), *carried.of(carried.second, "intent", "failed")]
    assert carried.take(log(*rows, *rows)) == 2
    assert states(carried) == ["pending", "deferred"]


def test_what_a_person_did_beside_the_log_is_confirmed_once(carried: Carried) -> None:
    """The program leaves to people what it cannot do, and no order was ever written for it."""
    carried.take(log(*carried.of(carried.first, "intent", "pending")))
    for change in carried.plan.changes:
        carried.done(change)
    with JournalFile(carried.path, carried.plan.digest) as journal:
        for _ in range(2):
            for change in carried.plan.changes:
                verify.confirm(journal, change.id, by="Ann", now=carried.clock.now(), reason="took the badge")
        said = [(row.change, row.state) for row in journal.changes if row.change == carried.second.id]
        standing = journal.standing(carried.second.id)
    assert [state for _, state in said] == [State.INTENT, State.CALLING, State.PENDING]
    assert (standing.reason, standing.attempt) == ("Ann says it is done: took the badge", 1)
    assert set(carried.verify().values()) == {"pending"}
    assert set(carried.verify(16).values()) == {"revoked"}


def test_moments_of_seven_digits_are_read(carried: Carried) -> None:
    (found,) = carried_out.read_log(log(*carried.of(carried.first, "intent")), carried.plan, carried.clock.now())
    assert found.at == START + MINUTE + timedelta(microseconds=123456)
