"""Folders for what an engine puts on disk while it works: only this user's, and gone with the process.

Each holds a lock for as long as its process lives. A process that was killed leaves its
folder behind, without a lock: the next one that starts takes it away. A lock and not
the number of the process, since containers that share a folder number theirs apart.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "access-review-"
_LOCK = "lock"

_held: dict[Path, int] = {}


def make(within: Path | None = None) -> Path:
    """Return a new folder (0700), by default where temporary files go, after taking away abandoned ones there."""
    parent = within or Path(tempfile.gettempdir())
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    waiting = folder / f"{_LOCK}.new"
    handle = os.open(waiting, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    waiting.rename(folder / _LOCK)  # nobody sees the lock before it is held
    _held[folder] = handle
    return folder


def remove(folder: Path) -> None:
    """Take away a folder of this process with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if (handle := _held.pop(folder, None)) is not None:
        os.close(handle)


def sweep(parent: Path) -> None:
    """Take away the folders of this user that processes left behind when they were killed."""
    for folder in sorted(parent.glob(f"{PREFIX}*-*")):
        if folder not in _held and _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    """Tell whether nobody holds the lock of a folder; one without a lock is not known to be ours."""
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
