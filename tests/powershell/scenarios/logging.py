"""The log: opened first and by one at a time, whole after a break, and nobody else's."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.powershell.carry import Carry, digest
from tests.powershell.scenarios import scenario
from tests.powershell.written import taking

HEADING = '"At","Plan","Change","Batch","Action","Outcome","Note","By","On"\n'


def _with_log(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "log.csv").write_text(text, "utf-8")

    return write


@scenario
def without_a_log_there_is_no_change(carry: Carry) -> None:
    ran = carry.out(taking(), before=lambda folder: (folder / "log.csv").mkdir())
    assert (ran.code, ran.writes) == (1, []), ran


@scenario
def another_file_stays_as_it_is(carry: Carry) -> None:
    notes = "my,notes\n1,2\n"
    ran = carry.out(taking(), before=_with_log(notes))
    assert (ran.code, ran.writes) == (1, []), ran
    assert (ran.folder / "log.csv").read_text() == notes, ran


def _intent(plan: bytes, change: str) -> str:
    at = "2026-01-01T00:00:00.0000000Z"
    return f'"{at}","{digest(plan)}","{change}","batch-1","disable-account","intent","","me","dc"\n'


def _broken_off(carry: Carry, torn: int) -> tuple[list[dict[str, str]], str]:
    """Return the log of a run that goes on where one broke off with the first change made; ``torn`` characters are missing."""
    plan = taking()
    first = carry.out(plan)
    begun = HEADING + _intent(plan, first.rows[0]["Change"] if first.rows else "")
    text = begun[: len(begun) - torn] if torn else begun
    ran = carry.out(plan, state=first.state, before=_with_log(text))
    return ran.rows, str(ran)


@scenario
def a_torn_row_swallows_no_other(carry: Carry) -> None:
    rows, said = _broken_off(carry, torn=6)
    assert len(rows) >= 12, said
    assert all(row["On"] for row in rows[1:]), said
    assert rows[1]["Outcome"] == "pending", said
    assert rows[-1]["Outcome"] == "absent", said


@scenario
def what_was_done_before_a_break_and_not_recorded_is_found_done(carry: Carry) -> None:
    rows, said = _broken_off(carry, torn=0)
    assert [row["Outcome"] for row in rows[1:3]] == ["pending", "absent"], said
    assert "break" in rows[1]["Note"], said


@scenario
def of_two_at_once_with_one_log_the_second_does_nothing(carry: Carry) -> None:
    with ExitStack() as meanwhile:

        def hold(folder: Path) -> None:
            _with_log(HEADING)(folder)
            meanwhile.enter_context(carry.starts.holding(folder / "log.csv"))

        ran = carry.out(taking(), before=hold)
    assert (ran.code, ran.writes) == (1, []), ran
