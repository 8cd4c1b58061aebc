"""The logbook on disk: ``runs/logbook.jsonl``, begun once, read whole, only ever added to.

A line is on disk (fsync) before :func:`append` returns. What a crash leaves of a line that
was never finished is taken away by the next one, which says so.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain, size_and_digest
from access_review.logbook.lines import (
    LONGEST_LINE,
    FileMark,
    Logbook,
    LogEntry,
    LogEvent,
    encode,
    first_line,
    grown,
    verified,
)
from access_review.logbook.tree import GrowingTree, TreeHead, leaf
from access_review.store import files
from access_review.store.rights import Right, hold

LOGBOOK = "logbook.jsonl"
LARGEST = 2**30
"""Bytes of a whole logbook that are read; at ten lines a day that is a thousand years."""


def path_of(workspace: Path) -> Path:
    """Return where the logbook of a workspace is."""
    return workspace / "runs" / LOGBOOK


def begin(
    workspace: Path,
    at: datetime,
    *,
    command: str = "",
    new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    known: Iterable[LogEntry] = (),
) -> Logbook:
    """Return the logbook, begun now where there is none; raises ``ArtifactError`` for a damaged one.

    Only what makes the first artifact of a workspace begins one: to begin again is to become
    another workspace, for which no signature was given. ``known`` is what lies there already.
    """
    with hold(workspace, Right.STORE, now=at, command=command):
        path = path_of(workspace)
        if not os.path.lexists(path):
            files.write(path, _first_lines(new_id(), at, known))
            _sync_folder(path.parent)
        return read(workspace)


def _first_lines(name: str, at: datetime, known: Iterable[LogEntry]) -> bytes:
    tree, lines = GrowingTree(), [first_line(name, at)]
    tree.add(leaf(lines[0]))
    for entry in known:
        lines.append(encode(entry, tree.head))
        tree.add(leaf(lines[-1]))
    return b"".join(line + b"\n" for line in lines)


def read(workspace: Path) -> Logbook:
    """Read and check the whole logbook; raises ``ArtifactError`` when it is not there or not as it was written."""
    with _opened(path_of(workspace), os.O_RDONLY) as handle:
        return verified(_all_of(handle))


def append(workspace: Path, *entries: LogEntry, command: str = "") -> TreeHead:
    """Add lines, in order, on disk when this returns; gives the head over all of them.

    Raises ``ArtifactError`` when there is no logbook, when it is damaged, or when the disk
    does not take the lines (then none of them is there), and ``RightHeld``.
    """
    with (
        hold(workspace, Right.STORE, now=entries[-1].at, command=command),
        _opened(path_of(workspace), os.O_RDWR) as handle,
    ):
        data = _all_of(handle)
        tree = grown(data)
        whole = data.rfind(b"\n") + 1
        if torn := data[whole:]:
            digest = "sha256:" + hashlib.sha256(torn).hexdigest()
            repaired = LogEntry(LogEvent.REPAIRED, digest, entries[0].at, details={"bytes": str(len(torn))})
            entries = (repaired, *entries)
        lines = []
        for entry in entries:
            line = encode(entry, tree.head)
            if len(line) > LONGEST_LINE:
                raise ArtifactError(f"a line of {len(line)} bytes is too long for the logbook", hint="this is a bug")
            tree.add(leaf(line))
            lines.append(line + b"\n")
        _write_at(handle, whole, b"".join(lines))
        return tree.head


def replace_files(workspace: Path, entry: LogEntry, contents: Mapping[str, bytes], *, command: str = "") -> TreeHead:
    """Write files that the logbook may know already, and the line that says so; a crash in between leaves either.

    ``contents`` are by path below ``runs/``. Announced, written, then said. Raises as :func:`append` does.
    """
    marks = {path: mark_of_bytes(data) for path, data in contents.items()}
    announced = LogEntry(LogEvent.ANNOUNCED, entry.name, entry.at, files=marks)
    with hold(workspace, Right.STORE, now=entry.at, command=command):
        append(workspace, announced, command=command)
        for path, data in contents.items():
            files.write(workspace / "runs" / path, data)
        return append(workspace, replace(entry, files={**entry.files, **marks}), command=command)


def mark_of(path: Path) -> FileMark:
    """Return size and digest of a file; raises ``ArtifactError`` when it cannot be read."""
    try:
        return FileMark(*size_and_digest(path))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None


def mark_of_bytes(data: bytes) -> FileMark:
    """Return size and digest of bytes."""
    return FileMark(len(data), "sha256:" + hashlib.sha256(data).hexdigest())


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    try:
        handle = open_plain(path, flags)
    except FileNotFoundError:
        hint = "restore runs/ from a backup; in a new workspace, access-review audit begins one"
        raise ArtifactError(f"{path} is not there", hint=hint) from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    try:
        yield handle
    finally:
        os.close(handle)


def _all_of(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    if size > LARGEST:
        raise ArtifactError(f"the logbook has {size} bytes, more than {LARGEST}", hint="restore runs/ from a backup")
    parts = []
    os.lseek(handle, 0, os.SEEK_SET)
    while part := os.read(handle, 2**20):
        parts.append(part)
    return b"".join(parts)


def _write_at(handle: int, place: int, data: bytes) -> None:
    """Put bytes at a place and on disk; what was there is cut off, and all of it again when the disk refuses."""
    try:
        os.ftruncate(handle, place)
        os.lseek(handle, place, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    except OSError as error:
        with suppress(OSError):  # where even that fails, the next line takes away what is torn
            os.ftruncate(handle, place)
        raise ArtifactError(
            f"the logbook cannot be written: {error.strerror}",
            hint="make room, then repeat: nothing was done without it",
        ) from None


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
