"""What a logbook knows of the files and stores of ``runs/``, and how they differ from it; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from access_review.logbook.entries import KILLED
from access_review.logbook.lines import FileMark, LogEntry, LogEvent, StoreMark


class DiscrepancyKind(StrEnum):
    """How something differs from what the logbook says.

    ``damaged``: the logbook itself. ``rolled-back``: a head known from elsewhere is not of it.
    ``gone``, ``different``, ``unreadable``: a file or store. ``shorter``, ``rewritten``: a
    store that lost rows, or holds others. ``unknown``: a file that no line names.
    """

    DAMAGED = "damaged"
    ROLLED_BACK = "rolled-back"
    GONE = "gone"
    DIFFERENT = "different"
    UNREADABLE = "unreadable"
    SHORTER = "shorter"
    REWRITTEN = "rewritten"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Discrepancy:
    """One thing that is not as the logbook says; ``path`` is below ``runs/``, empty for the logbook as a whole."""

    path: str
    kind: DiscrepancyKind
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as some line says; more than one mark while it is being replaced, ``optional`` when it was not there before."""

    marks: tuple[FileMark, ...]
    line: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class KnownStore:
    """A growing store as some line says."""

    mark: StoreMark
    line: int


@dataclass(frozen=True, slots=True)
class KnownThings:
    """Every file and store that should be there, by its path below ``runs/``."""

    files: Mapping[str, KnownFile]
    stores: Mapping[str, KnownStore]


@dataclass(frozen=True, slots=True)
class _After:
    """What holds after some lines, and which is the latest of each event and name."""

    lines: tuple[LogEntry, ...] = ()
    files: Mapping[str, KnownFile] = field(default_factory=dict)
    stores: Mapping[str, KnownStore] = field(default_factory=dict)
    latest: Mapping[tuple[LogEvent, str], int] = field(default_factory=dict)


_asked_last = _After()
"""The lines that were asked about last: a server asks again and again, and a line or two were added since."""


def known_things(entries: Iterable[LogEntry]) -> KnownThings:
    """Return what holds after all lines: a later one takes the place of one of the same event and name."""
    global _asked_last  # noqa: PLW0603 - one answer, kept for the next asking
    lines, known = tuple(entries), _asked_last
    if lines[: len(known.lines)] != known.lines:
        known = _After()
    if len(lines) > len(known.lines):
        _asked_last = known = _after(known, lines)
    return KnownThings(known.files, known.stores)


def _after(known: _After, lines: tuple[LogEntry, ...]) -> _After:
    """Return what holds after lines that begin with those known."""
    files, stores, latest = dict(known.files), dict(known.stores), dict(known.latest)
    for number, entry in enumerate(lines[len(known.lines) :], start=len(known.lines) + 1):
        if entry.event is LogEvent.ANNOUNCED:
            files |= {path: _announced(files.get(path), mark, number) for path, mark in entry.files.items()}
            continue
        replaced = latest.get((entry.event, entry.name))
        if replaced is not None:
            _forget(files, lines[replaced - 1].files, replaced)
            _forget(stores, lines[replaced - 1].stores, replaced)
        latest[entry.event, entry.name] = number
        files |= {path: KnownFile((mark,), number) for path, mark in entry.files.items()}
        stores |= {path: KnownStore(mark, number) for path, mark in entry.stores.items()}
        for gone in entry.removed:
            _remove(files, gone)
            _remove(stores, gone)
    return _After(lines, files, stores, latest)


def _announced(before: KnownFile | None, mark: FileMark, number: int) -> KnownFile:
    marks = before.marks if before else ()
    return KnownFile((*marks, mark), number, optional=before is None or before.optional)


def _forget(things: dict[str, KnownFile] | dict[str, KnownStore], paths: Iterable[str], line: int) -> None:
    for path in paths:
        if path in things and things[path].line == line:
            del things[path]


def _remove(things: dict[str, KnownFile] | dict[str, KnownStore], gone: str) -> None:
    for path in [path for path in things if path == gone or path.startswith(gone + "/")]:
        del things[path]


def first_journals(entries: Sequence[LogEntry]) -> Mapping[str, str]:
    """Return by plan the journal with which its batch began; one that people carried out begins with what is first noted of it."""
    begun = {entry.name: entry.details["journal"] for entry in entries if entry.event is LogEvent.BEGUN}
    noted = [(entry.name, place) for entry in entries if entry.event is LogEvent.JOURNAL for place in entry.stores]
    return {**dict(reversed(noted)), **begun}


@dataclass(frozen=True, slots=True)
class UnshownCalls:
    """The calls of a batch that was killed: its journal (by path) alone says what they were, and rows can have been taken away.

    ``line`` began the batch, or let it go on. They were made before ``until``, when the journal was found so; null while
    no line says where it was.
    """

    plan: str
    journal: str
    line: int
    until: datetime | None = None


def unshown_calls(entries: Iterable[LogEntry]) -> tuple[UnshownCalls, ...]:
    """Return what batches called of which no line was written when they ended, but for runs that were pruned since."""
    found: list[UnshownCalls] = []
    begun: dict[str, UnshownCalls] = {}
    for number, entry in enumerate(entries, start=1):
        ended = begun.pop(entry.name, None) if entry.event in {LogEvent.BEGUN, LogEvent.JOURNAL} else None
        if ended and (entry.event is LogEvent.BEGUN or KILLED in entry.details):
            found.append(replace(ended, until=entry.at))
        if entry.event is LogEvent.BEGUN:
            begun[entry.name] = UnshownCalls(entry.name, entry.details["journal"], number)
        for gone in entry.removed:
            found = [one for one in found if not one.journal.startswith(f"{gone}/")]
            begun = {plan: one for plan, one in begun.items() if not one.journal.startswith(f"{gone}/")}
    return (*found, *begun.values())


def compare_file(
    path: str, known: KnownFile, found: FileMark | None, *, sizes_only: bool = False
) -> Iterator[Discrepancy]:
    """Say how a file differs; ``found`` is null when it is not there."""
    says = f"line {known.line} of the logbook"
    if found is None:
        if not known.optional:
            yield Discrepancy(path, DiscrepancyKind.GONE, f"is gone, {says} knows it")
    elif sizes_only and found.size not in {mark.size for mark in known.marks}:
        yield Discrepancy(path, DiscrepancyKind.DIFFERENT, f"has {found.size} bytes, {_sizes(known)} in {says}")
    elif not sizes_only and found not in known.marks:
        yield Discrepancy(path, DiscrepancyKind.DIFFERENT, f"was changed since {says}")


def compare_store(path: str, known: KnownStore, found: str | None) -> Iterator[Discrepancy]:
    """Say how a store differs; ``found`` is the hash of the row at the known position, null when it has fewer."""
    says = f"line {known.line} of the logbook"
    if found is None:
        rows = known.mark.position
        yield Discrepancy(path, DiscrepancyKind.SHORTER, f"has fewer than {rows} rows, which {says} counted")
    elif found != known.mark.head:
        yield Discrepancy(path, DiscrepancyKind.REWRITTEN, f"row {known.mark.position} is not the one of {says}")


def _sizes(known: KnownFile) -> str:
    return " or ".join(str(size) for size in sorted({mark.size for mark in known.marks}))
