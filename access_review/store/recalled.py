"""Files of a run that are asked for again and again: read once, and good while the file is the same.

A server reads the same work list with each page. What it read holds as long as the file is
the same one, of the same size, last written at the same moment. A clock of files ticks in
milliseconds, so one that was written just now is not believed to be the same: it is read again.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from access_review.artifacts import Artifact
from access_review.logbook.lines import FileMark
from access_review.runs import Run
from access_review.store import files
from access_review.store.logbook import mark_of

T = TypeVar("T")

SETTLED = 1_000_000_000
"""Nanoseconds after which a file cannot have been written again at the moment that it says."""
_MOST = 256
"""How many files; an audit a week makes 52 a year."""


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What changes with a file, whoever writes it: which one it is, its size, when it was written and when touched."""

    device: int
    inode: int
    size: int
    written: int
    touched: int

    @property
    def settled(self) -> bool:
        """Tell whether so long ago that writing it again would show."""
        return time.time_ns() - max(self.written, self.touched) > SETTLED


@dataclass(frozen=True, slots=True)
class _Recalled:
    stamp: FileStamp
    value: Any


_lock = threading.Lock()
_known: dict[tuple[Path, str], _Recalled] = {}


def stamp_of(path: Path | str) -> FileStamp | None:
    """Return the stamp of a file; nothing where there is none. A link is not followed."""
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return FileStamp(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def read_again(run: Run, artifact: Artifact[T]) -> T:
    """Read a file of a run as :func:`access_review.store.read` does, or return what it said while it is the same.

    Every caller gets the same value: nobody may change it. Raises ``ArtifactError``.
    """
    path = run.folder / artifact.path
    return _again(path, artifact.format, lambda: files.read(path, artifact))


def mark_again(path: Path) -> FileMark:
    """Return size and digest of a file, found once while it is the same; raises ``ArtifactError`` for one that cannot be read."""
    return _again(path, "mark", lambda: mark_of(path))


def _again(path: Path, what: str, make: Callable[[], T]) -> T:
    """Return what was made of a file before, while it is the same, or make it."""
    stamp, key = stamp_of(path), (path, what)
    with _lock:
        known = _known.get(key)
    if known is not None and known.stamp == stamp:
        value: T = known.value
        return value
    value = make()
    if stamp is not None and stamp.settled:
        with _lock:
            _known.pop(key, None)
            while len(_known) >= _MOST:
                del _known[next(iter(_known))]
            _known[key] = _Recalled(stamp, value)
    return value
