"""Decide: keep what reviewers answered, read from work sheets or given one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit import decisions, filled_sheets
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.audit.judge import Judgement
from access_review.audit.reviewers import People
from access_review.audit.worklist import UNASSIGNED, WorkItem
from access_review.errors import Mistake, Unclear, WorkspaceError
from access_review.guarded_files.plain import followed, read_plain
from access_review.runs import Run
from access_review.store import audits, rosters
from access_review.store.decisions import Assurance, NewDecision, RunDecisions, StoredDecision, claimed, unread

_SHEETS = (".xlsx", ".csv")

LARGEST = 64 * 2**20
"""Bytes of one sheet; the largest we write is far below."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How many answers sheets held, what the sample proves now, which sheets answer the same, and what was left aside.

    ``strangers`` are files of no kind that a sheet has, ``strays`` those that are no work sheet of this audit, with why.
    """

    answers: int
    judgement: Judgement
    doubles: tuple[tuple[str, str], ...]
    strangers: tuple[str, ...]
    strays: tuple[tuple[str, str], ...]


def read_sheets(run: Run, paths: Iterable[Path], now: datetime) -> ReadBack:
    """Read filled-in work sheets into a run, or all that lie in a folder, and what else lies there by name alone.

    ``now`` is on the last day on which something can have been decided. Raises
    ``WorkspaceError`` with every mistake of every sheet, and then keeps nothing; ``Unclear`` where no sheet is.
    """
    named, lay_there, strangers = _within(paths)
    sheets, unread = open_sheets(named)
    read = filled_sheets.read_decisions(
        sheets,
        store.read(run, WORKLIST),
        today=now.date(),
        unread=unread,
        people=rosters.people_now(run, now),
        lay_there=lay_there,
    )
    _record(run, read.decisions, now, read.places)
    return ReadBack(len(read.decisions), audits.judgement(run), read.doubles, strangers, read.strays)


def _within(paths: Iterable[Path]) -> tuple[list[Path], frozenset[str], tuple[str, ...]]:
    """Return the sheets named, and those of each folder named; the names of the latter, and of what else lies in a folder.

    A file that a spreadsheet program keeps beside an open one is neither.
    """
    sheets: list[Path] = []
    strangers: list[str] = []
    lay_there: set[str] = set()
    for path in paths:
        if not path.is_dir():
            sheets.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if not one.name.startswith((".", "~$")))
        found = [one for one in inside if one.is_file() and one.suffix.lower() in _SHEETS]
        sheets += found
        lay_there |= {one.name for one in found}
        strangers += [one.name for one in inside if one not in found]
    if not sheets:
        raise Unclear("no work sheet is there", hint="give sheets, .xlsx or .csv, or the folder that they came back to")
    return sheets, frozenset(lay_there), tuple(strangers)


def open_sheets(paths: Iterable[Path]) -> tuple[list[tuple[str, bytes]], list[Mistake]]:
    """Return the sheets that can be opened, by name, and why the others cannot."""
    sheets: list[tuple[str, bytes]] = []
    unread: list[Mistake] = []
    for path in paths:
        try:
            sheets.append((path.name, read_plain(followed(path), LARGEST)))
        except OSError as error:
            unread.append(Mistake(path.name, 0, 0, f"cannot be read: {error.strerror}"))
    return sheets, unread


@dataclass(frozen=True, slots=True)
class Questions:
    """What somebody is asked one by one: the open items, and the name that stands with the answers."""

    by: str
    items: tuple[WorkItem, ...]


def questions(run: Run, by: str, of: str | None, now: datetime) -> Questions:
    """Return the open items of a reviewer, or of another (``of``), that ``by`` may decide.

    Raises ``Unclear`` for who is in no roster.
    """
    people = rosters.people_now(run, now)
    me = _person(people, by)
    whose = me if of is None else UNASSIGNED if of == UNASSIGNED else _person(people, of)
    items = filled_sheets.open_items(store.read(run, WORKLIST), audits.decisions(run), whose, me, people)
    name = people.names[me]
    return Questions(name if people.who(name) == me else me, items)


def _person(people: People, name: str) -> str:
    person = people.who(name)
    if person is None:
        message, hint = people.why_nobody(name)
        raise Unclear(message, hint=hint)
    return person


def answer_item(
    run: Run, item: WorkItem, answer: ReviewerAnswer, *, by: str, now: datetime, comment: str, seconds: float | None
) -> None:
    """Keep one answer; ``seconds`` is how long it took, null after a pause."""
    day = max(now, run.as_of).date()
    _record(run, [decisions.decision_on(item, answer, by=by, at=day, comment=comment, seconds=seconds)], now)


Places = Mapping[tuple[str, date], tuple[str, int, int]]
"""Where in which sheet an item is answered, with its day."""


def _record(run: Run, given: Iterable[Decision], now: datetime, places: Places = MappingProxyType({})) -> None:
    people, new = rosters.people_now(run, now), tuple(given)

    def decide(known: RunDecisions) -> Iterable[NewDecision]:
        return claimed(
            _not_meanwhile(known, unread(known, new), places), lambda by: filled_sheets.person_in(by, people)
        )

    audits.write(run, decide, now)


def _not_meanwhile(known: RunDecisions, new: Iterable[Decision], places: Places) -> tuple[Decision, ...]:
    """Return the answers of sheets to items that nobody has answered signed in; the same answer again is left aside.

    A name in a cell does not take the place of somebody who signed in. Raises ``WorkspaceError`` with every row that says
    another thing, and what was answered meanwhile.
    """
    left: list[Decision] = []
    mistakes: list[Mistake] = []
    for one in new:
        stands = known.standing.get(one.item)
        if stands is None or stands.assurance is Assurance.CLAIMED or _is_withdrawn(stands):
            left.append(one)
        elif stands.decision.decision is not one.decision:
            when = stands.recorded_at.astimezone(UTC)
            meanwhile = (
                f"{stands.decision.by} answered {stands.decision.decision} signed in, on {when:%Y-%m-%d %H:%M} UTC"
            )
            hint = "leave the cell empty, or change the answer in the browser"
            place = places.get((one.item, one.at), ("the answer", 0, 0))
            mistakes.append(Mistake(*place, f"decision: says {one.decision}, but meanwhile {meanwhile}", hint))
    if mistakes:
        raise WorkspaceError.of(mistakes, hint="nothing was recorded; correct the sheets and read them again")
    return tuple(left)


def _is_withdrawn(stored: StoredDecision) -> bool:
    return stored.decision.decision is ReviewerAnswer.WITHDRAWN
