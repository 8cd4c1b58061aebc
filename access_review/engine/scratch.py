"""Folders for what an engine puts on disk while it works: only this user's, and gone with the process.

Each holds a lock for as long as its process lives. A process that was killed leaves its
folder behind, without a lock: the next one that starts takes it away. A lock and not
the number of the process, since containers that share a folder number theirs apart.
"""

import os
import shutil
import sys
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
    _held[folder] = _hold(folder / _LOCK)
    return folder


def make_again(folder: Path) -> None:
    """Make a folder of this process that was removed, under the same name."""
    folder.mkdir(mode=0o700)
    _held[folder] = _hold(folder / _LOCK)


def remove(folder: Path) -> None:
    """Take away a folder of this process with all that is in it."""
    if (handle := _held.pop(folder, None)) is not None:
        os.close(handle)
    shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Take away the folders of this user that processes left behind when they were killed.

    A folder without a lock is not known to be ours, and stays.
    """
    for folder in sorted(parent.glob(f"{PREFIX}*-*")):
        if folder not in _held and not folder.is_symlink() and _is_free(folder / _LOCK):
            shutil.rmtree(folder, ignore_errors=True)


if sys.platform == "win32":
    # Windows removes no file that is open: to hold one open is to lock it.

    def _hold(lock: Path) -> int:
        return os.open(lock, os.O_CREAT | os.O_RDWR)

    def _is_free(lock: Path) -> bool:
        try:
            lock.unlink()
        except OSError:
            return False
        return True

else:
    import fcntl

    def _hold(lock: Path) -> int:
        waiting = lock.with_suffix(".new")
        handle = os.open(waiting, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        waiting.rename(lock)  # nobody sees the lock before it is held
        return handle

    def _is_free(lock: Path) -> bool:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if os.fstat(handle).st_uid != os.getuid():
                return False
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True
