"""What `prune` removed, as the logbook proves it: each file by the digest that a line knew of it before; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from access_review.logbook.known import KnownThings, known_things
from access_review.logbook.lines import Logbook, LogEvent

REMOVED = ("removed", "when", "why", "line", "file", "digest")
"""The columns of the rows that :func:`removed_rows` gives."""
_WHY = "why"


@dataclass(frozen=True, slots=True)
class RemovedThing:
    """What one line of `prune` removed, and why; ``digests`` are by path below ``runs/``.

    ``wrong`` are those of them that lines before knew otherwise, or that this line does not have.
    """

    name: str
    at: datetime
    why: str
    line: int
    digests: Mapping[str, str]
    wrong: tuple[str, ...] = ()


def removed_things(log: Logbook) -> tuple[RemovedThing, ...]:
    """Return what was removed, oldest first, each held to what the lines before it knew."""
    return tuple(
        RemovedThing(
            entry.name,
            entry.at,
            entry.details.get(_WHY, ""),
            number,
            digests := {path: digest for path, digest in sorted(entry.details.items()) if path != _WHY},
            tuple(_wrong(known_things(log.entries[: number - 1]), entry.removed, digests)),
        )
        for number, entry in enumerate(log.entries, 1)
        if entry.event is LogEvent.PRUNE
    )


def _wrong(known: KnownThings, removed: Collection[str], digests: Mapping[str, str]) -> Iterator[str]:
    marks = {path: {mark.digest for mark in one.marks} for path, one in known.files.items()}
    marks |= {path: {one.mark.head} for path, one in known.stores.items()}
    for path, before in sorted(marks.items()):
        below = any(path == gone or path.startswith(gone + "/") for gone in removed)
        if below and digests.get(path) not in before:
            yield path


def removed_rows(things: Collection[RemovedThing]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each file that is gone, and one for what was removed without any."""
    for one in things:
        start = (one.name, one.at.isoformat(), one.why, str(one.line))
        yield from ((*start, path, digest) for path, digest in (one.digests or {"": ""}).items())


def not_compared(log: Logbook, run: str) -> str:
    """Say that what a run's findings were compared with is removed, so that nobody concludes them again; or nothing."""
    rehearsed = {entry.name for entry in log.of(LogEvent.RUN) if entry.details.get("rehearsal")}
    reviewed = {entry.name for entry in log.of(LogEvent.REVIEW)} - rehearsed
    before = max((name for name in reviewed if name[:_MOMENT] < run[:_MOMENT]), default="")
    line = next((one.line for one in removed_things(log) if one.name == before), 0) if before else 0
    return f"line {line} of the logbook removed {before}, with which its findings were compared" if line else ""


_MOMENT = len("20261102T060000Z")
