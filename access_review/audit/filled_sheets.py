"""Reads filled-in work sheets back, every mistake with its cell.

A sheet went through other people's programs: rows are sorted, columns moved and
widened, dates turned into text. What is still certain is read; what is not is a
mistake, and then nothing of any sheet is taken.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise

from access_review.audit.decisions import Decision, Decisions, ReviewerAnswer, decision_on
from access_review.audit.reviewers import People
from access_review.audit.worklist import WorkItem, Worklist, fold
from access_review.connectors.tabular import delimited, workbook
from access_review.connectors.tabular.cells import Raw, Value, cell_text, stored_date
from access_review.connectors.tabular.inert import inert
from access_review.errors import Mistake, WorkspaceError

SHEET = "Review"
"""The sheet of a workbook that is filled in."""
FILLED_IN = ("decision", "comment", "decided by", "decided on")
ANSWERS = ("keep", "revoke", "cannot say")
NEEDED = ("item", "account", "entitlement", *FILLED_IN, "run")
NOT_ASKED = "not asked"
"""What stands in the column ``item`` of the line that says what nobody is asked about."""
PAUSE = timedelta(minutes=30)
"""After so long without an answer, somebody was doing something else."""


def read_decisions(
    sheets: Iterable[tuple[str, bytes]],
    work: Worklist,
    *,
    today: date,
    unread: Iterable[Mistake] = (),
    people: People | None = None,
    lay_there: Collection[str] = (),
) -> "ReadSheets":
    """Read filled-in sheets (XLSX or CSV, by name), in order; rows without an answer give nothing.

    Rows that say the time of day as well also tell how long the answers took.
    ``today`` is the last day on which something can have been decided; ``unread`` are the
    mistakes of sheets that could not even be opened. Of ``people`` everybody who decided must
    be one. Of the sheets that merely ``lay_there``, in a folder that was named, those that are no work sheet of this
    audit at all are left aside and named: as strays. Raises ``WorkspaceError`` with every mistake of every other sheet.
    """
    reading = _Reading(work, today, people, mistakes=list(unread))
    for name, data in sheets:
        try:
            file, raw = _open(name, data)
        except WorkspaceError as error:
            if name in lay_there:
                reading.strays.append((name, error.mistakes[0].message))
            else:
                reading.mistakes += error.mistakes
            continue
        why = stray(raw, work.run)
        if why and name in lay_there:
            reading.strays.append((name, why))
        elif why:
            reading.mistakes.append(Mistake(file, 0, 0, why, "name its run, or take the new sheet"))
        else:
            reading.mistakes += raw.mistakes
            reading.sheet(file, raw)
    if reading.mistakes:
        raise WorkspaceError.of(reading.mistakes, hint="nothing was recorded; correct the sheets and read them again")
    return ReadSheets(timed(reading.taken), tuple(sorted(reading.twice)), reading.places, tuple(sorted(reading.strays)))


@dataclass(frozen=True, slots=True)
class ReadSheets:
    """The answers of some sheets; ``doubles`` are any two files that answer the same items, ``places`` where each stands.

    ``strays`` are the files that are no work sheets of this audit, each with why.
    """

    decisions: tuple[Decision, ...]
    doubles: tuple[tuple[str, str], ...] = ()
    places: Mapping[tuple[str, date], tuple[str, int, int]] = field(default_factory=dict)
    strays: tuple[tuple[str, str], ...] = ()


def stray(raw: Raw, run: str) -> str:
    """Say why a table as a whole is no work sheet of a run: it asks nothing, or was made for another; nothing for one."""
    headings = [fold(cell_text(heading, strip=True) or "") for heading in raw.columns]
    if "item" not in headings:
        return "it has no column 'item', so it is no work sheet"
    if "run" not in headings:
        return ""
    place = headings.index("run")
    runs = {cell_text(values[place], strip=True) or "" for _, values in raw.rows if len(values) > place} - {""}
    return f"it is of run {min(runs)}, not {run}" if runs and run not in runs else ""


def open_items(work: Worklist, answers: Decisions, reviewer: str, me: str, people: People) -> tuple[WorkItem, ...]:
    """Return the items of a reviewer without an answer that ``me`` may decide: none about their own access."""
    return tuple(
        item
        for item in work.items
        if item.reviewer == reviewer and item.item not in answers.current and not people.is_own(me, item.own)
    )


def timed(read: Iterable[tuple[Decision, datetime | None]]) -> tuple[Decision, ...]:
    """Say how long answers took, from the time at which each was written down.

    Those of one person with no pause between them are a sitting; each of them took the
    mean. One answer alone says nothing, nor do many with one time: they were dated together.
    """
    rows = list(read)
    known = sorted((fold(decision.by), at, place) for place, (decision, at) in enumerate(rows) if at)
    took: dict[int, float] = {}
    for _, of_one in groupby(known, key=lambda row: row[0]):
        for sitting in _sittings([(at, place) for _, at, place in of_one]):
            length = sitting[-1][0] - sitting[0][0]
            if length:
                took |= dict.fromkeys((place for _, place in sitting), length.total_seconds() / (len(sitting) - 1))
    return tuple(replace(decision, seconds=took.get(place)) for place, (decision, _) in enumerate(rows))


def _sittings(answers: list[tuple[datetime, int]]) -> Iterator[list[tuple[datetime, int]]]:
    begun = [0, *(n for n in range(1, len(answers)) if answers[n][0] - answers[n - 1][0] > PAUSE), len(answers)]
    yield from (answers[start:end] for start, end in pairwise(begun))


def _open(name: str, data: bytes) -> tuple[str, Raw]:
    match name.lower().rpartition(".")[2]:
        case "xlsx":
            file = f"{name} (sheet {SHEET})"
            return file, workbook.read_workbook(data, file, sheet=SHEET)
        case "csv":
            return name, delimited.read_delimited(data, name)
        case _:
            raise WorkspaceError.of([Mistake(name, 0, 0, "unknown kind of file", "send the sheet as .xlsx or .csv")])


@dataclass(slots=True)
class _Reading:
    """What was read so far: the answers, the first place and answer per item and day, and the mistakes."""

    work: Worklist
    today: date
    people: People | None = None
    items: Mapping[str, WorkItem] = field(init=False)
    taken: list[tuple[Decision, datetime | None]] = field(default_factory=list)
    first: dict[tuple[str, date], tuple[str, Decision]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    twice: set[tuple[str, str]] = field(default_factory=set)
    strays: list[tuple[str, str]] = field(default_factory=list)
    places: dict[tuple[str, date], tuple[str, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.items = {item.item: item for item in self.work.items}

    def sheet(self, file: str, raw: Raw) -> None:
        """Read one sheet."""
        headings = [fold(cell_text(heading, strip=True) or "") for heading in raw.columns]
        counted = Counter(headings)
        wrong = [f"the column {name!r} is missing" for name in NEEDED if not counted[name]]
        wrong += [f"the column {name!r} stands more than once" for name in NEEDED if counted[name] > 1]
        self.mistakes += [Mistake(file, raw.heading_line, 0, said, "as it was sent") for said in wrong]
        if wrong:
            return
        places = {name: headings.index(name) for name in NEEDED}
        for line, values in raw.rows:
            row = _Row(file, line, places, values)
            if not any(value not in {None, ""} for value in values):
                continue
            if len(values) == len(headings):
                self.row(row)
            else:
                said = f"{len(values)} columns where {len(headings)} are expected"
                self.mistakes.append(Mistake(file, line, 0, said))

    def row(self, row: "_Row") -> None:
        """Read one row; an answer counts only when nothing is wrong with it."""
        if fold(row.text("item")) == NOT_ASKED:
            if (
                fold(row.text("decision")) == ReviewerAnswer.REVOKE
            ):  # a keep that was filled down the column says nothing
                hint = (
                    "leave the line empty; to take it away is for who runs the system, or for a change of the template"
                )
                self.mistakes.append(row.mistake("decision", "this line asks nothing", hint))
            return
        item = self.items.get(row.text("item"))
        wrong = list(_misplaced(row, item, self.work.run))
        if item is None or wrong or not row.text("decision"):
            self.mistakes += wrong
            return
        when = row.moment("decided on")
        day = when.date() if when else None
        wrong = list(_unusable(row, item, day, self.work.as_of.date(), self.today, self.people))
        self.mistakes += wrong
        if when is None or day is None or wrong:
            return
        answer = ReviewerAnswer(fold(row.text("decision")))
        given = decision_on(item, answer, by=row.text("decided by"), at=day, comment=row.text("comment"))
        self.add(row, given, None if when.time() == time.min else when)

    def add(self, row: "_Row", decision: Decision, when: datetime | None) -> None:
        """Take an answer; another answer of the same day to the same item contradicts it."""
        place, before = self.first.setdefault((decision.item, decision.at), (f"{row.file}:{row.line}", decision))
        if (other := place.rpartition(":")[0]) != row.file:
            self.twice.add((other, row.file))
        if before.decision is not decision.decision:
            said = f"says {decision.decision}, {place} says {before.decision} on the same day"
            self.mistakes.append(row.mistake("decision", said, "leave one"))
        else:
            self.taken.append((decision, when))
            self.places.setdefault((decision.item, decision.at), (row.file, row.line, row.places["decision"] + 1))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a sheet: cells by heading."""

    file: str
    line: int
    places: Mapping[str, int]
    values: tuple[Value, ...]

    def value(self, name: str) -> Value:
        return self.values[self.places[name]]

    def text(self, name: str) -> str:
        return cell_text(self.value(name), strip=True) or ""

    def moment(self, name: str) -> datetime | None:
        """Return a day and perhaps a time of day, also of text in ISO 8601; else nothing. A day alone is its midnight."""
        value = self.value(name)
        found = stored_date(value)
        if found is None and isinstance(value, str):
            try:
                found = datetime.fromisoformat(value.strip())
            except ValueError:
                return None
        if isinstance(found, datetime):
            return found.replace(tzinfo=None)  # the reviewer's own day, whatever the zone
        return datetime.combine(found, time.min) if found else None

    def mistake(self, name: str, said: str, hint: str = "") -> Mistake:
        return Mistake(self.file, self.line, self.places[name] + 1, f"{name}: {said}", hint)


def _misplaced(row: _Row, item: WorkItem | None, run: str) -> Iterator[Mistake]:
    """Say why a row may not belong to the item it names."""
    named, of_run = row.text("item"), row.text("run")
    if of_run and of_run != run:
        yield row.mistake("run", f"the sheet is of run {of_run}, not {run}", "name its run, or take the new sheet")
        return
    if item is None:
        said = f"{named!r} is no item of run {run}" if named else "is empty, so the row answers nothing"
        yield row.mistake("item", said, "restore the cell from the sheet as it was sent")
        return
    for name, shown in (("account", item.account_name), ("entitlement", item.entitlement_name)):
        if _bare(row.text(name)) != _bare(inert(shown)):
            said = f"{row.text(name)!r}, but {named} is about {inert(shown)!r}"
            yield row.mistake(name, said, "sort whole rows only; restore the cell from the sheet as it was sent")


def _bare(shown: str) -> str:
    """A cell as it is compared: a program may take the quoting apostrophe off, or narrow white space."""
    return fold(shown).replace("'", "")


def names_in(by: str) -> set[str]:
    """Every name in what somebody wrote, as in ``Ana Cruz (ana@example.test)``."""
    return {fold(name) for name in (by, *re.split(r"[<>()\[\],;|/]", by)) if name.strip()}


def person_in(by: str, people: People) -> str | None:
    """Return the one person whom somebody named; nobody where they named several, or a stranger."""
    found = {person for name in names_in(by) if (person := people.who(name))}
    return next(iter(found)) if len(found) == 1 else None


def _unusable(
    row: _Row, item: WorkItem, day: date | None, began: date, today: date, people: People | None
) -> Iterator[Mistake]:
    """Say what is wrong with an answer."""
    if fold(row.text("decision")) not in ANSWERS:
        yield row.mistake(
            "decision", f"{row.text('decision')!r} is no answer", f"one of {', '.join(ANSWERS)}, or empty"
        )
    by = row.text("decided by")
    if not by:
        yield row.mistake("decided by", "is empty", "write who decided")
    elif people and not person_in(by, people):
        hint = "write the id, name or mail of the person who decided"
        yield row.mistake("decided by", f"{by} is not one person of the rosters who works here", hint)
    elif names_in(by) & set(item.own) or (people and people.is_own(person_in(by, people) or "", item.own)):
        hint = "leave the row empty; somebody else decides"
        yield row.mistake("decided by", f"{by} may not decide on their own access", hint)
    if day is None:
        said = f"{row.text('decided on')!r} is no date" if row.text("decided on") else "is empty"
        yield row.mistake("decided on", said, "write the day as 2026-12-31")
    elif not began <= day <= today:
        yield row.mistake("decided on", f"{day} is not between {began} (the sample) and {today}")
