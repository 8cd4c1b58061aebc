"""The rights of a workspace: who may carry out a batch, run a campaign, write a store, be its web server.

Each right is a lock on a file under ``runs/.rights/``, so it ends with its process, however
that ends; the file itself stays. Beside it stands who holds it and since when, for the
message to whoever comes second: it informs, and decides nothing.

A thread that holds a right may take it again. Taken together, the order is batch, campaign,
store; only ``store`` is waited for, so no two processes wait for each other.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from access_review.errors import ArtifactError, PlanRefused
from access_review.guarded_files.plain import open_plain, read_plain

if sys.platform == "win32":  # pragma: no cover - each platform has one of the two
    import msvcrt

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        # Not fcntl's own locks: those end when any other handle of the process on this file is closed.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


FOLDER = "runs/.rights"
WAIT = 10.0
"""Seconds that ``store`` is waited for; it is held for milliseconds."""
_PAUSE = 0.01
_LARGEST_HOLDER = 4096


class Right(StrEnum):
    """What one process at a time may do in a workspace.

    ``batch``: apply, verify, undo, for the whole batch. ``campaign``: collect, review, draw,
    sign off, from collect to the sheets. ``store``: write the logbook, the state or decisions.
    ``serve``: be the one web server, which holds another right only while it uses it.
    """

    BATCH = "batch"
    CAMPAIGN = "campaign"
    STORE = "store"
    SERVE = "serve"


_DOING = {
    Right.BATCH: "another batch is being carried out in this workspace",
    Right.CAMPAIGN: "another run or audit is being made in this workspace",
    Right.STORE: "another program is writing the workspace's records",
    Right.SERVE: "another web server of this workspace is running",
}


class RightHeld(PlanRefused):
    """Another process holds the right; says which one, since when."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a right: process id, command as typed, and since when."""

    pid: int
    command: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid}, since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


_held = threading.local()


@contextmanager
def hold(
    workspace: Path,
    right: Right,
    *,
    now: datetime,
    command: str = "",
    wait: float | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold a right while the block runs; raises ``RightHeld`` (exit 4) while another process has it.

    ``now`` and ``command`` are written beside for whoever comes second; ``wait`` is in
    seconds: 10 for ``store`` and none for the others. Raises ``ArtifactError`` when the lock
    cannot be made.
    """
    most = (WAIT if right is Right.STORE else 0.0) if wait is None else wait
    with _locked(workspace / FOLDER / right, _DOING[right], Holder(os.getpid(), command, now), most, pause):
        yield


@contextmanager
def hold_instance(workspace: Path, name: str, *, now: datetime, command: str) -> Iterator[None]:
    """Be the one long-running program of this name in a workspace while the block runs; raises as :func:`hold` does.

    It holds none of the rights by that: it takes one while it uses it.
    """
    message = f"{name} runs in this workspace already"
    with _locked(workspace / FOLDER / name, message, Holder(os.getpid(), command, now), 0, time.sleep):
        yield


def is_held_here(workspace: Path, right: Right) -> bool:
    """Tell whether this thread holds a right already."""
    return (os.getpid(), _resolved(workspace / FOLDER / right)) in _held.__dict__.get("places", ())


def holder(workspace: Path, right: Right) -> Holder | None:
    """Return who wrote that they hold a right; nobody where that is unknown. A note left by a crash is still there."""
    return _read_note(workspace / FOLDER / right)


@contextmanager
def _locked(place: Path, message: str, me: Holder, wait: float, pause: Callable[[float], None]) -> Iterator[None]:
    mine: set[tuple[int, Path]] = _held.__dict__.setdefault("places", set())
    place = _resolved(place)
    this = (os.getpid(), place)  # a forked child has its parent's memory, not its rights
    if this in mine:
        yield
        return
    handle = _open(place.with_name(place.name + ".lock"))
    try:
        _acquire(handle, place, message, wait, pause)
        mine.add(this)
        try:
            _write_note(place, me)
            yield
        finally:
            mine.discard(this)
            # Gone before the lock is: otherwise it could be the next holder's note that is taken away.
            _note(place).unlink(missing_ok=True)
            _unlock(handle)
    finally:
        os.close(handle)


def _resolved(place: Path) -> Path:
    return place.parent.resolve() / place.name


def _open(path: Path) -> int:
    if path.parent.is_symlink():  # a lock that lies elsewhere keeps nobody out
        raise ArtifactError(
            f"{path.parent} is a link to elsewhere, and nothing in runs/ is one", hint="remove the link"
        )
    try:
        for folder in (path.parent.parent, path.parent):  # `parents=True` would leave the outer one open to others
            folder.mkdir(mode=0o700, exist_ok=True)
        return open_plain(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be locked: {error.strerror}", hint="the folder must be writable") from None


def _acquire(handle: int, place: Path, message: str, wait: float, pause: Callable[[float], None]) -> None:
    waited = 0.0
    while not _try_lock(handle):
        if waited >= wait:
            other = _read_note(place)
            raise RightHeld(f"{message}: {other}" if other else message, hint="wait for it to end, then repeat")
        pause(_PAUSE)
        waited += _PAUSE


def _note(place: Path) -> Path:
    return place.with_name(place.name + ".holder")


def _write_note(place: Path, me: Holder) -> None:
    beside = place.with_name(f".{place.name}.{me.pid}")
    text = json.dumps({"command": me.command, "pid": me.pid, "since": me.since.isoformat()})
    try:
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(_note(place))
    except OSError:
        beside.unlink(missing_ok=True)  # a full disk must not stop who only reads and decides; the lock is held


def _read_note(place: Path) -> Holder | None:
    try:
        plain = json.loads(read_plain(_note(place), _LARGEST_HOLDER))
        since = datetime.fromisoformat(plain["since"])
        return Holder(int(plain["pid"]), _one_line(str(plain["command"])), since.astimezone(UTC))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _one_line(command: str) -> str:
    """Whoever may write the folder wrote this: no line ends and no control characters reach a terminal."""
    shown = "".join(sign if sign.isprintable() else " " for sign in command)[:200].strip()
    return shown or "another program"
