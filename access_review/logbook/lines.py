"""The lines of a logbook: written, read back and checked, without touching a disk.

A line is canonical JSON and holds the tree head of all lines before it, so none can be
changed, moved, slipped in or left out without the next one saying so. Whoever rewrites all
that follows makes another head, which every signature given since contradicts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785

from access_review.errors import ArtifactError
from access_review.logbook.tree import GrowingTree, TreeHead, inclusion_proof, leaf

FORMAT = "access-review/logbook@1"
LONGEST_LINE = 4 * 2**20
"""Bytes of one line; a run of a thousand files takes a tenth of a megabyte."""

_RESTORE = "restore runs/ from a backup; nothing may be concluded from a logbook that was changed"


class LogEvent(StrEnum):
    """What a line of the logbook is about.

    ``workspace`` is the first line alone. ``repaired``: the line before was torn by a crash and
    taken away. ``announced``: files are about to be replaced, so that a crash in between
    leaves either. The others are named after what was made or done.
    """

    WORKSPACE = "workspace"
    REPAIRED = "repaired"
    ANNOUNCED = "announced"
    RUN = "run"
    REVIEW = "review"
    DRAW = "draw"
    REVEAL = "reveal"
    PLAN = "plan"
    SIGNATURE = "signature"
    BEGUN = "begun"
    JOURNAL = "journal"
    DECISIONS = "decisions"
    STATE = "state"
    CAMPAIGN = "campaign"
    SIGN_OFF = "sign-off"
    EVIDENCE = "evidence"
    FOLLOW_UP = "follow-up"
    OBSERVATION = "observation"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file as it was: its size in bytes and its digest (``sha256:`` and 64 hex digits)."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class StoreMark:
    """A growing store as it was: how many rows it had, and the hash of the last one."""

    position: int
    head: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What one line says.

    ``name`` is what it is about (a run's id, a plan's digest, …): a later line of the same
    event and name takes the place of the earlier. ``files`` and ``stores`` are known from
    here on, by their path below ``runs/``; ``removed`` are known no more, a folder standing
    for all below it. ``details`` are figures and digests for people and for later checks.
    """

    event: LogEvent
    name: str
    at: datetime
    files: Mapping[str, FileMark] = field(default_factory=dict)
    stores: Mapping[str, StoreMark] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Logbook:
    """A logbook that was read and found whole."""

    entries: tuple[LogEntry, ...]
    heads: tuple[TreeHead, ...]
    """The head of the first 0, 1, 2, … lines, all of them last."""
    leaves: tuple[bytes, ...]
    torn: int = 0
    """Bytes of a last line that a crash left unfinished; they count for nothing."""

    @property
    def workspace(self) -> str:
        """The random id of this workspace, part of each signed statement."""
        return self.entries[0].name

    @property
    def head(self) -> TreeHead:
        """The head of all lines."""
        return self.heads[-1]

    def holds(self, head: TreeHead) -> bool:
        """Tell whether a head known from elsewhere is of this logbook: nothing up to it was taken back or changed."""
        return head.size < len(self.heads) and self.heads[head.size] == head

    def of(self, event: LogEvent) -> Iterator[LogEntry]:
        """Yield the lines of an event, oldest first, replaced ones too."""
        return (entry for entry in self.entries if entry.event is event)

    def first(self, name: str, *events: LogEvent) -> LogEntry | None:
        """Return the oldest line of a name that is of one of these events, whatever came after it; none where there is none."""
        return next((entry for entry in self.entries if entry.event in events and entry.name == name), None)

    def latest(self, event: LogEvent, name: str) -> LogEntry | None:
        """Return the line that holds for an event and a name; none where there is none."""
        line = self.line_of(event, name)
        return self.entries[line - 1] if line else None

    def line_of(self, event: LogEvent, name: str) -> int | None:
        """Return the number (from 1) of the line that holds for an event and a name; none where there is none."""
        for line in range(len(self.entries), 0, -1):
            if self.entries[line - 1].event is event and self.entries[line - 1].name == name:
                return line
        return None


def first_line(workspace: str, at: datetime) -> bytes:
    """Return the line that a logbook begins with; ``workspace`` is a random id."""
    return encode(LogEntry(LogEvent.WORKSPACE, workspace, at, details={"format": FORMAT}), GrowingTree().head)


def encode(entry: LogEntry, before: TreeHead) -> bytes:
    """Return one line, without its line end; raises ``ValueError`` for a path outside ``runs/``, a time without zone or details that lack."""
    if not _may_be_written(entry):
        raise ValueError("a path that is not below runs/, a time without a zone, or details that lack")
    return rfc8785.dumps(_plain(entry, before))


REQUIRED: Mapping[LogEvent, frozenset[str]] = {
    LogEvent.SIGNATURE: frozenset({"kind", "about", "person"}),
    LogEvent.BEGUN: frozenset({"journal", "executor"}),
}
"""The details on which others rest: a line that lacks one was written by no version of this tool."""


def _may_be_written(entry: LogEntry) -> bool:
    told = REQUIRED.get(entry.event, frozenset()) <= entry.details.keys()
    return told and entry.at.tzinfo is not None and all(map(inside, (*entry.files, *entry.stores, *entry.removed)))


def _plain(entry: LogEntry, before: TreeHead) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "at": entry.at.astimezone(UTC).isoformat(),
        "event": str(entry.event),
        "head": str(before),
        "name": entry.name,
        "files": {path: {"digest": mark.digest, "size": mark.size} for path, mark in entry.files.items()},
        "stores": {path: {"head": mark.head, "position": mark.position} for path, mark in entry.stores.items()},
        "removed": list(entry.removed),
        "details": dict(entry.details),
    }
    return {name: value for name, value in plain.items() if value not in ({}, [])}


def _written_as(entry: LogEntry, before: TreeHead, line: bytes) -> bool:
    """Tell whether a line is what ``encode`` writes; Python's own JSON is the same for nearly all, and ten times as fast."""
    quick = json.dumps(_plain(entry, before), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (quick.encode() == line and _may_be_written(entry)) or encode(entry, before) == line


def decode(line: bytes) -> tuple[LogEntry, TreeHead]:
    """Return what a line says, and the head before it; raises ``ArtifactError`` for one that ``encode`` does not write."""
    try:
        plain = json.loads(line)
        entry = LogEntry(
            LogEvent(plain["event"]),
            _text(plain["name"]),
            datetime.fromisoformat(_text(plain["at"])),
            {path: FileMark(_count(one["size"]), _text(one["digest"])) for path, one in plain.get("files", {}).items()},
            {
                path: StoreMark(_count(one["position"]), _text(one["head"]))
                for path, one in plain.get("stores", {}).items()
            },
            tuple(map(_text, plain.get("removed", []))),
            {name: _text(value) for name, value in plain.get("details", {}).items()},
        )
        before = TreeHead.parse(_text(plain["head"]))
        same = _written_as(entry, before, line)
    except (ArtifactError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        same = False
    if not same:
        # Written back alike, there is no second reading: no key twice, no field that only some programs see.
        raise ArtifactError("is not as this tool writes it", hint=_RESTORE)
    return entry, before


def verified(data: bytes) -> Logbook:
    """Read and check a whole logbook; raises ``ArtifactError`` naming the first line that is not as it was written.

    Bytes after the last line end are a line that a crash cut short: counted as ``torn``, not read.
    """
    known = _known_beginning(data)
    if known.book is not None and len(data) == len(known.data):
        return known.book
    *lines, rest = data[len(known.data) :].split(b"\n")
    if not lines and known is _NOTHING:
        raise ArtifactError("the logbook is empty", hint=_RESTORE)
    if len(rest) > LONGEST_LINE:
        raise ArtifactError(f"logbook: {len(rest)} bytes follow the last line, more than any line", hint=_RESTORE)
    before = known.book or _EMPTY
    tree, entries, leaves, heads = known.tree.copy(), list(before.entries), list(before.leaves), list(before.heads)
    for number, line in enumerate(lines, start=len(entries) + 1):
        entry = _checked(line, number, tree.head)
        entries.append(entry)
        leaves.append(leaf(line))
        tree.add(leaves[-1])
        heads.append(tree.head)
    book = Logbook(tuple(entries), tuple(heads), tuple(leaves), len(rest))
    if not rest:
        _keep(data, book, tree)
    return book


_EMPTY = Logbook((), (GrowingTree().head,), ())


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Whole lines that were found right, byte for byte, with what was made of them."""

    data: bytes = b""
    book: Logbook | None = None
    tree: GrowingTree = field(default_factory=GrowingTree)


_NOTHING = _Beginning()
_checked_last = _NOTHING
"""What was checked last: a command reads the logbook a dozen times, and the same bytes say the same."""

KEPT = 64 * 2**20
"""Bytes of a logbook that are kept for that."""


def _keep(data: bytes, book: Logbook, tree: GrowingTree) -> None:
    global _checked_last  # noqa: PLW0603 - one beginning, kept for the next reading
    if len(data) <= KEPT:
        _checked_last = _Beginning(data, book, tree)


def _known_beginning(data: bytes) -> _Beginning:
    last = _checked_last
    return last if data.startswith(last.data) else _NOTHING


def grown(data: bytes) -> GrowingTree:
    """Return the tree of a logbook, checking its hashes and its last line alone, which is quick; raises ``ArtifactError``.

    The last line's own head covers every line before it; :func:`verified` says which one is wrong.
    """
    known = _known_beginning(data)
    *lines, _ = data[len(known.data) :].split(b"\n")
    if not lines and known is _NOTHING:
        raise ArtifactError("the logbook is empty", hint=_RESTORE)
    tree = known.tree.copy()
    for line in lines[:-1]:
        tree.add(leaf(line))
    if lines:
        _checked(lines[-1], tree.size + 1, tree.head)
        tree.add(leaf(lines[-1]))
    return tree


def _checked(line: bytes, number: int, before: TreeHead) -> LogEntry:
    """Return what a line says; raises ``ArtifactError`` with its number unless it follows on what is before it."""
    if len(line) > LONGEST_LINE:
        raise ArtifactError(f"logbook, line {number}: {len(line)} bytes are more than any line", hint=_RESTORE)
    try:
        entry, said = decode(line)
    except ArtifactError as error:
        raise ArtifactError(f"logbook, line {number}: {error.message}", hint=error.hint) from None
    if said != before:
        raise ArtifactError(f"logbook, line {number}: a line before it was changed, moved or left out", hint=_RESTORE)
    if (entry.event is LogEvent.WORKSPACE) != (number == 1):
        raise ArtifactError(f"logbook, line {number}: a workspace begins in line 1 and nowhere else", hint=_RESTORE)
    if number == 1 and entry.details.get("format") != FORMAT:
        told = entry.details.get("format")
        raise ArtifactError(f"the logbook has format {told!r}, not {FORMAT!r}", hint="use the version that wrote it")
    return entry


def inside(path: str) -> bool:
    """Tell whether a path stays below the folder it is taken from, on every system."""
    parts = path.split("/")
    return not any(part in {"", ".", ".."} for part in parts) and not set(path) & {"\\", ":", "\0"}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:  # a bool is an int to Python, and to nobody else
        raise TypeError
    return value


def proof_of(book: Logbook, number: int) -> Sequence[bytes]:
    """Return the proof that line ``number`` (from 1) is under the head of all lines; raises ``IndexError``."""
    return inclusion_proof(book.leaves, number - 1)
