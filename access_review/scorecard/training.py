"""Trainings as they stand: what was assigned by name, and what the organisation's own table says was done; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from access_review.scorecard.follow_up import FollowUp, FollowUpKind

Asked = tuple[str, str]
"""A person, and a course in lower case."""


class TrainingState(StrEnum):
    """Where a training stands; what is ``undone`` has no day by which it is due."""

    ASSIGNED = "assigned"
    UNDONE = "undone"
    DONE = "done"
    OVERDUE = "overdue"
    RUN_OUT = "run-out"

    @property
    def is_late(self) -> bool:
        """Tell whether it should have been done, or done again, by now."""
        return self in {TrainingState.OVERDUE, TrainingState.RUN_OUT}


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """One row of a table of trainings: when it was done, by when it is due, and until when it counts, where that is said."""

    source: str
    person: str
    course: str
    due: datetime | None
    done: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class TrainingFigures:
    """The trainings of the people who work here, by the table of one run: ``done`` and counting, of ``due``.

    ``asked`` has the rows about what was assigned by name, which are not among those counted. A table that was not read
    ``whole`` proves nothing.
    """

    done: int
    due: int
    asked: tuple[TrainingLine, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Training:
    """What somebody was asked to learn, by when, and whether they did.

    ``link`` is where it can be seen that it is done; a training that the table alone knows has its ``source``.
    """

    person: str
    course: str
    due: datetime | None
    state: TrainingState
    link: str = ""
    source: str = ""


def asked_by_name(records: Iterable[FollowUp]) -> frozenset[Asked]:
    """Return what was ever assigned by name."""
    return frozenset((one.about, one.text("course").lower()) for one in records if one.kind is FollowUpKind.TRAINING)


def trainings(records: Iterable[FollowUp], lines: Iterable[TrainingLine], at: datetime) -> tuple[Training, ...]:
    """Return every training as it stands: assigned by name, and those of ``lines`` besides.

    One that was assigned by name is done where somebody says so with a link, or where a line says that it was done on the
    day of its assignment or later.
    """
    told = [one for one in records if one.kind is FollowUpKind.TRAINING and one.at <= at]
    last = {(one.about, one.text("course")): one for one in told}
    first = {(one.about, one.text("course").lower()): one.at for one in reversed(told)}
    known = _by_asked(lines)
    made = []
    for (person, course), record in last.items():
        if (due := record.moment("due")) is None:
            continue
        one = Training(person, course, due, TrainingState.ASSIGNED, record.text("link"))
        since = first[person, course.lower()].replace(hour=0, minute=0, second=0, microsecond=0)
        proof = next(
            (row for row in known.pop((person, course.lower()), ()) if row.done and since <= row.done <= at), None
        )
        if proof or record.said.get("done") is True:
            made.append(replace(one, state=TrainingState.DONE, source=proof.source if proof and not one.link else ""))
        else:
            made.append(replace(one, state=TrainingState.OVERDUE) if due < at else one)
    made += [_of_table(rows, at) for rows in known.values()]
    return tuple(sorted(made, key=lambda one: (one.person, one.course)))


def _by_asked(lines: Iterable[TrainingLine]) -> dict[Asked, list[TrainingLine]]:
    found: dict[Asked, list[TrainingLine]] = {}
    for line in lines:
        found.setdefault((line.person, line.course.lower()), []).append(line)
    return found


def _of_table(rows: Sequence[TrainingLine], at: datetime) -> Training:
    """Return one person's training in one course, of all the times that the table has it."""
    made = Training(rows[0].person, rows[0].course, None, TrainingState.UNDONE, source=rows[0].source)
    done = [row for row in rows if row.done and row.done <= at]
    counting = [row for row in done if row.until is None or row.until > at]
    if counting:
        return replace(made, state=TrainingState.DONE)
    due = max((row.due for row in rows if row.due and row not in done), default=None)
    if due is not None:
        return replace(made, due=due, state=TrainingState.OVERDUE if due <= at else TrainingState.ASSIGNED)
    return replace(made, state=TrainingState.RUN_OUT) if done else made


def counted(table: TrainingFigures | None, records: Sequence[FollowUp], at: datetime) -> tuple[int, int] | None:
    """Return how many trainings are done of those that are due or done; nothing where there is no record of any."""
    lines = table.asked if table else ()
    if table is None and not any(one.due is not None for one in trainings(records, lines, at)):
        return None
    due = due_by_name(records, lines, at)
    done = sum(one.state is TrainingState.DONE for one in due)
    return (table.done if table else 0) + done, (table.due if table else 0) + len(due)


def due_by_name(records: Iterable[FollowUp], lines: Iterable[TrainingLine], at: datetime) -> list[Training]:
    """Return what was assigned by name and is done or late; ``lines`` are the rows of the table about that."""
    named = [one for one in trainings(records, lines, at) if one.due is not None]
    return [one for one in named if one.state is TrainingState.DONE or one.state.is_late]


def by_person(found: Iterable[Training]) -> Mapping[str, list[Training]]:
    """Return the trainings of each person."""
    made: dict[str, list[Training]] = {}
    for one in found:
        made.setdefault(one.person, []).append(one)
    return made
