"""Decide: keep what reviewers answered, read from work sheets or given one by one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit import decisions, filled_sheets
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.audit.judge import Judgement
from access_review.audit.reviewers import People
from access_review.audit.worklist import UNASSIGNED, WorkItem
from access_review.errors import Mistake, Unclear
from access_review.plain_files import read_plain
from access_review.runs import Run
from access_review.store import audits, rosters
from access_review.store.decisions import NewDecision, RunDecisions, claimed, unread

LARGEST = 64 * 2**20
"""Bytes of one sheet; the largest we write is far below."""


def read_sheets(run: Run, paths: Iterable[Path], now: datetime) -> tuple[int, Judgement]:
    """Read filled-in work sheets into a run; return how many answers they held and what the sample proves now.

    ``now`` is on the last day on which something can have been decided. Raises
    ``WorkspaceError`` with every mistake of every sheet, and then keeps nothing.
    """
    sheets, unread = open_sheets(paths)
    read = filled_sheets.read_decisions(
        sheets, store.read(run, WORKLIST), today=now.date(), unread=unread, people=rosters.people_now(run)
    )
    _record(run, read, now)
    return len(read), audits.judgement(run)


def open_sheets(paths: Iterable[Path]) -> tuple[list[tuple[str, bytes]], list[Mistake]]:
    """Return the sheets that can be opened, by name, and why the others cannot."""
    sheets: list[tuple[str, bytes]] = []
    unread: list[Mistake] = []
    for path in paths:
        try:
            sheets.append((path.name, read_plain(path.resolve(), LARGEST)))
        except OSError as error:
            unread.append(Mistake(path.name, 0, 0, f"cannot be read: {error.strerror}"))
    return sheets, unread


@dataclass(frozen=True, slots=True)
class Questions:
    """What somebody is asked one by one: the open items, and the name that stands with the answers."""

    by: str
    items: tuple[WorkItem, ...]


def questions(run: Run, by: str, of: str | None = None) -> Questions:
    """Return the open items of a reviewer, or of another (``of``), that ``by`` may decide.

    Raises ``Unclear`` for who is in no roster.
    """
    people = rosters.people_now(run)
    me = _person(people, by)
    whose = me if of is None else UNASSIGNED if of == UNASSIGNED else _person(people, of)
    items = filled_sheets.open_items(store.read(run, WORKLIST), audits.decisions(run), whose, people.called(me))
    name = people.names[me]
    return Questions(name if people.who(name) == me else me, items)


def _person(people: People, name: str) -> str:
    person = people.who(name)
    if person is None:
        raise Unclear(f"{name!r} is nobody of the rosters who works here", hint="give the id, name or mail of a person")
    return person


def answer_item(
    run: Run, item: WorkItem, answer: ReviewerAnswer, *, by: str, now: datetime, comment: str, seconds: float | None
) -> None:
    """Keep one answer; ``seconds`` is how long it took, null after a pause."""
    day = max(now, run.as_of).date()
    _record(run, [decisions.decision_on(item, answer, by=by, at=day, comment=comment, seconds=seconds)], now)


def _record(run: Run, given: Iterable[Decision], now: datetime) -> None:
    people, new = rosters.people_now(run), tuple(given)

    def decide(known: RunDecisions) -> Iterable[NewDecision]:
        return claimed(unread(known, new), lambda by: filled_sheets.person_in(by, people))

    audits.write(run, decide, now)
