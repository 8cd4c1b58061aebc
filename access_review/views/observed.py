"""What a look saw, for the terminal and for scripts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from access_review.snapshot.watched import WatchedSource, WatchState
from access_review.tables import Row
from access_review.views.text import count, visible


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look saw; ``reviewed`` tells whether anything was judged anew.

    ``whole`` is why everything was, empty where only what changed was, and ``wrong`` tells that a check found the latter short.
    ``read`` are sources whose rows are others than before, ``unread`` those that could not be read with the reason,
    ``back`` those that could be again; ``told`` are subjects of alarms, ``failed`` why somebody was not reached.
    """

    at: datetime
    reviewed: bool = False
    opened: Sequence[Row] = ()
    closed: Sequence[Row] = ()
    open: int = 0
    read: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    whole: str = ""
    wrong: bool = False


class ObservedValue(TypedDict):
    """One look as JSON: ids of findings, names of sources, and why everything was reviewed."""

    at: str
    opened: list[str]
    closed: list[str]
    open: int
    read: list[str]
    unread: dict[str, str]
    back: list[str]
    told: list[str]
    not_told: list[str]
    reviewed_whole: str


def value(seen: Observation) -> ObservedValue:
    """Return a look as JSON."""
    return {
        "at": seen.at.isoformat(),
        "opened": [row["finding"] for row in seen.opened],
        "closed": [row["finding"] for row in seen.closed],
        "open": seen.open,
        "read": sorted(seen.read),
        "unread": dict(sorted(seen.unread.items())),
        "back": sorted(seen.back),
        "told": list(seen.told),
        "not_told": list(seen.failed),
        "reviewed_whole": seen.whole,
    }


_IDS = 1000


def details(state: WatchState, seen: Observation, subjects: Sequence[str]) -> Mapping[str, str]:
    """Return what the logbook says of a look: counts, ids of findings, sources, and subjects of alarms; no names of people."""
    ids = {
        "opened": " ".join(row["finding"] for row in seen.opened[:_IDS]),
        "closed": " ".join(row["finding"] for row in seen.closed[:_IDS]),
    }
    counts = {"opened count": str(len(seen.opened)), "closed count": str(len(seen.closed)), "open": str(state.open)}
    sources = {f"source {name}": _said_of(one) for name, one in state.sources.items()}
    told = {"alarms": "; ".join(subjects)} if subjects else {}
    review = {"reviewed whole": seen.whole}
    return {n: text for n, text in {**counts, **ids, **sources, **told, **review, "run": state.run}.items() if text}


def _said_of(one: WatchedSource) -> str:
    if one.since:
        return f"not read since {one.since.isoformat()}: {one.reason}"
    if one.looked_at and one.read_at:
        return f"seen {one.looked_at.isoformat()}, read {one.read_at.isoformat()}"
    return "not seen yet"


def text(seen: Observation) -> str:
    """Say what a look saw, line by line."""
    return "\n".join(map(visible, _lines(seen)))


def _lines(seen: Observation) -> Iterator[str]:
    read = f", read anew: {', '.join(sorted(seen.read))}" if seen.read else ""
    opened, closed = len(seen.opened), len(seen.closed)
    yield f"{seen.at:%Y-%m-%d %H:%M:%S} UTC: {opened} opened, {closed} closed, {seen.open} open{read}"
    for sign, rows in (("+", seen.opened), ("-", seen.closed)):
        for row in rows[:20]:
            about = f", {row['about_name']}" if row["about_name"] else ""
            yield f"  {sign} {row['severity']} {row['rule']}: {row['subject_name']}{about}  {row['finding'][:8]}"
        if len(rows) > 20:
            yield f"  {sign} and {count(len(rows) - 20, 'more')}"
    for source in sorted(seen.back):
        yield f"  {source} can be read again"
    for source, reason in sorted(seen.unread.items()):
        yield f"  {source} cannot be read, and is known as last seen: {reason}"
    for subject in seen.told:
        yield f"  told: {subject}"
    for why in seen.failed:
        yield f"  not told, to be tried again: {why}"
