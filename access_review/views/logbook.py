"""The logbook in words, and what differs from it."""

from collections.abc import Sequence
from typing import TypedDict

from access_review.logbook.known import Discrepancy
from access_review.logbook.lines import Logbook, LogEntry
from access_review.views.text import count, visible


class LogbookLine(TypedDict):
    """One line: ``at`` in ISO 8601, ``stores`` the number of rows of each file that only grows."""

    line: int
    at: str
    event: str
    name: str
    details: dict[str, str]
    files: list[str]
    stores: dict[str, int]


class LogbookValue(TypedDict):
    """A logbook, from its first line."""

    workspace: str
    head: str
    lines: list[LogbookLine]


class Difference(TypedDict):
    """A file that is not as the logbook has it."""

    path: str
    kind: str
    message: str


class CheckedLogbook(TypedDict):
    """What differs from a logbook; its fields are null where there is none."""

    workspace: str | None
    head: str | None
    differs: list[Difference]


def value(log: Logbook) -> LogbookValue:
    """Return the logbook for scripts."""
    return {
        "workspace": log.workspace,
        "head": str(log.head),
        "lines": [
            {
                "line": number,
                "at": entry.at.isoformat(),
                "event": str(entry.event),
                "name": entry.name,
                "details": dict(entry.details),
                "files": sorted(entry.files),
                "stores": {path: mark.position for path, mark in sorted(entry.stores.items())},
            }
            for number, entry in enumerate(log.entries, 1)
        ],
    }


def text(log: Logbook, *, width: int) -> str:
    """Return the logbook for people, one thing that happened a line, and the head to keep elsewhere."""
    rows = [_row(number, entry)[:width].rstrip() for number, entry in enumerate(log.entries, 1)]
    return "\n".join((*rows, "", f"Head:   {log.head}", "        Keep it elsewhere: access-review logbook --head HEAD"))


def _row(number: int, entry: LogEntry) -> str:
    what = entry.name if len(entry.name) < 40 else entry.name[:19] + "…"
    more = " ".join(f"{name} {value[:19]}" for name, value in sorted(entry.details.items()) if value)
    return visible(f"{number:6}  {entry.at:%Y-%m-%d %H:%M}  {entry.event:10} {what}  {more}")


def checked_value(log: Logbook | None, found: Sequence[Discrepancy]) -> CheckedLogbook:
    """Return what differs for scripts."""
    return {
        "workspace": log.workspace if log else None,
        "head": str(log.head) if log else None,
        "differs": [{"path": one.path, "kind": str(one.kind), "message": one.message} for one in found],
    }


def checked_text(log: Logbook | None, found: Sequence[Discrepancy]) -> str:
    """Return what differs for people."""
    if log is None or found:
        return "\n".join(
            (f"{count(len(found), 'thing')} not as the logbook says:", *(f"  {visible(str(one))}" for one in found))
        )
    return f"Everything is as its {count(len(log.entries), 'line')} say.\nHead:   {log.head}"
