"""What ``carry-out.ps1`` wrote down of a plan that people carried out: read, and taken into the plan's journal.

The log is one file of one plan; rows of another plan, changes that it does not have and a heading that
is not the program's refuse all of it. Nothing of it is a proof: what it says was done is *pending* until
reads by this tool agree, what it leaves open is looked at as after a crash, and what it found done
already is looked at too. A row that was taken once is known by its moment, so that a log may be taken
again, and again when the program has gone on.
"""

import codecs
import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from access_review.changes import Change, Sighting
from access_review.errors import PlanRefused
from access_review.plan.record import Plan
from access_review.revoke.journal import Journal, Note
from access_review.revoke.states import UNTOUCHED, State, Transition

COLUMNS = ("At", "Plan", "Change", "Batch", "Action", "Outcome", "Note", "By", "On")
_HEADING = ",".join(f'"{name}"' for name in COLUMNS)
_HINT = "nothing was taken; give the log that the program wrote, as it wrote it"
CLOCKS_APART = timedelta(minutes=5)
"""How far the clock of the machine that it was run on may be off."""

Look = Callable[[Change, datetime], Sighting]
"""How a system is asked whether something is there."""


class Outcome(StrEnum):
    """What the program says of one step."""

    INTENT = "intent"
    PENDING = "pending"
    ABSENT = "absent"
    PRESENT = "present"
    THERE_AGAIN = "there again"
    MISSING_AGAIN = "missing again"
    NOT_FOUND = "not found"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STILL_THERE = "still there"
    STILL_MISSING = "still missing"
    DECLINED = "declined"


_UNCLEAR = frozenset({Outcome.UNKNOWN, Outcome.STILL_THERE, Outcome.STILL_MISSING})
_NOTHING_TO_DO = frozenset({Outcome.ABSENT, Outcome.PRESENT})


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log."""

    at: datetime
    change: str
    outcome: Outcome
    note: str
    by: str
    on: str


def read_log(data: bytes, plan: Plan, now: datetime) -> list[LogRow]:
    """Return the whole rows of a log; raises ``PlanRefused`` for one that is not this plan's."""
    try:
        text = data.decode(_encoding(data))
        head, _, rest = text.partition("\n")
        found = list(csv.reader(io.StringIO(rest, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PlanRefused(f"the log cannot be read: {error}", hint=_HINT) from None
    if head.rstrip("\r") != _HEADING:
        raise PlanRefused("the log has another heading than carry-out.ps1 writes", hint=_HINT)
    inside = frozenset((name, part.id) for part in plan.batches for name in part.changes)
    known = _Known(plan, {one.id: one for one in plan.changes}, inside, now)
    # A break tears the row that is being written: the one before it says what was begun.
    whole = [(number, row) for number, row in enumerate(found, start=2) if len(row) >= len(COLUMNS)]
    return [_row(number, cells, known) for number, cells in whole]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of a log are held against."""

    plan: Plan
    changes: Mapping[str, Change]
    inside: frozenset[tuple[str, str]]
    now: datetime


def _encoding(data: bytes) -> str:
    """Return how a log is written: by the program in UTF-8, and in UTF-16 where ``>`` of Windows PowerShell copied it."""
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _row(number: int, cells: Sequence[str], known: _Known) -> LogRow:
    plan, now = known.plan, known.now

    def refused(what: str) -> PlanRefused:
        return PlanRefused(f"row {number} of the log {what}", hint=_HINT)

    if len(cells) > len(COLUMNS):
        raise refused(f"has {len(cells)} cells, not {len(COLUMNS)}")
    at, of, name, batch, action, outcome, note, by, on = cells
    if tuple(cells[1:]) == COLUMNS[1:]:
        raise refused("is the heading again: bring one log after the other")
    if of != plan.digest:
        raise refused(f"is of another plan: {of[:90]}")
    change = known.changes.get(name)
    if change is None:
        raise refused(f"is of a change that the plan does not have: {name[:90]}")
    if change.action != action or (name, batch) not in known.inside:
        raise refused(f"says {action[:40]} in {batch[:40]} of {name}, which the plan does not")
    try:
        moment, said = datetime.fromisoformat(at), Outcome(outcome)
    except ValueError:
        raise refused(f"has no moment or outcome that is known: {at[:40]}, {outcome[:40]}") from None
    if moment.tzinfo is None or not plan.made_at - CLOCKS_APART <= moment <= now + CLOCKS_APART:
        raise refused(
            f"is of {at[:40]}, and the plan was made at {plan.made_at:%Y-%m-%d %H:%M} UTC and it is {now:%Y-%m-%d %H:%M} UTC"
        )
    return LogRow(moment, name, said, note, by, on)


def first_change(rows: Sequence[LogRow]) -> datetime | None:
    """Return when the first change of a log was begun, or by then was, where its intent was taken out; nothing where none was."""
    begun = _UNCLEAR | {Outcome.INTENT, Outcome.PENDING}
    return min((row.at for row in rows if row.outcome in begun), default=None)


def take_log(plan: Plan, rows: Sequence[LogRow], journal: Journal, look: Look, *, by: str, now: datetime) -> int:
    """Write into the journal what a log says, as carried out by hand; return of how many changes it says something new.

    ``look`` is asked about what was found done already. Raises ``PlanRefused``, before anything is written, where the
    log says done of what has ended otherwise in the journal. Raises ``ArtifactError`` for a step that cannot follow in
    the journal.
    """
    of: dict[str, list[LogRow]] = defaultdict(list)
    for row in rows:
        of[row.change].append(row)
    for change in plan.changes:
        if (state := journal.standing(change.id).state) in _ENDED and _is_done(of.get(change.id, ())):
            raise PlanRefused(
                f"the log says that {change.id} was done, and by the journal it ended before: {state}",
                hint="plan again for it; nothing was taken",
            )
    taken = 0
    known = {(row.change, row.checked_at) for row in journal.changes}
    for change in plan.changes:
        said = of.get(change.id)
        if not said or (change.id, said[-1].at) in known:
            continue
        steps = list(_steps(journal.standing(change.id).state, change, said, look))
        for state, at, reason in steps:
            words = f"carried out by hand by {said[-1].by} on {said[-1].on}, says {by}: {reason}" if reason else ""
            standing = journal.standing(change.id)
            attempt = standing.attempt + (state is State.INTENT)
            called = at if state is State.CALLING else None
            seen = None if state in {State.INTENT, State.CALLING} else said[-1].at
            row_at = at if state in {State.INTENT, State.CALLING} else now
            server = "" if state is State.PENDING else said[-1].on  # nobody's word for it is a read
            journal.add(Transition(change.id, state, row_at, attempt, server, words, seen, called))
        taken += bool(steps)
    if taken:
        journal.note(Note("carried out by hand", now, by))
    journal.flush()
    return taken


_ENDED = frozenset({State.ABSENT, State.SKIPPED, State.REFUSED, State.FAILED})
_Step = tuple[State, datetime, str]


def _steps(state: State, change: Change, said: Sequence[LogRow], look: Look) -> Iterator[_Step]:
    """Yield the rows that lead from where a change stands to what the log says of it; none where it says nothing new."""
    last = said[-1]
    begun = next((row.at for row in said if row.outcome is Outcome.INTENT), last.at)
    words = f"{last.outcome} at {last.at:%Y-%m-%d %H:%M:%S} UTC" + (f", {last.note}" if last.note else "")
    if _is_done(said):
        yield from _called(state, begun)
        if state in UNTOUCHED | {State.INTENT, State.CALLING, State.UNKNOWN, State.ORDERED}:
            yield State.PENDING, last.at, words
    elif _is_unclear(said):
        yield from _called(state, begun)
        if state in UNTOUCHED | {State.INTENT, State.CALLING}:
            yield State.UNKNOWN, last.at, words
    elif state in UNTOUCHED | {State.INTENT}:
        if state is not State.INTENT:
            yield State.INTENT, begun, ""
        if last.outcome in _NOTHING_TO_DO:
            seen = look(change, begun)
            if seen.there is change.action.restores:
                yield State.ABSENT, last.at, words
                return
            words += f"; reading does not show that: {seen.reason or 'it is not as wanted'}"
        yield State.DEFERRED, last.at, words


def _called(state: State, begun: datetime) -> Iterator[_Step]:
    if state in UNTOUCHED:
        yield State.INTENT, begun, ""
    if state in UNTOUCHED | {State.INTENT}:
        yield State.CALLING, begun, ""


def _is_done(said: Sequence[LogRow]) -> bool:
    return any(row.outcome is Outcome.PENDING for row in said)


def _is_unclear(said: Sequence[LogRow]) -> bool:
    """Tell whether a call was made of which nothing is known: an intent that nothing but a refusal followed at once."""
    after = [*(row.outcome for row in said[1:]), None]
    return any(
        row.outcome in _UNCLEAR or (row.outcome is Outcome.INTENT and following is not Outcome.FAILED)
        for row, following in zip(said, after, strict=True)
    )
