"""Files opened as what they should be: a file of bounded size, no link to elsewhere, no pipe, no device.

Whoever may write to a folder may put a pipe where a program looks for a file, and the
program waits for ever; or a link, and it reads or writes something else.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_PART = 2**20


def open_plain(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a file and return its handle; raises ``OSError`` for a link, a folder, a pipe or a device."""
    handle = os.open(path, flags | _FLAGS, mode)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no file", str(path))
    return handle


def followed(path: Path) -> Path:
    """Return where a path leads, links followed; links that lead round in a circle are refused as any file is, when it is opened.

    ``Path.resolve`` raises what is no ``OSError`` for those.
    """
    return Path(os.path.realpath(path))


def read_plain(path: Path, most: int) -> bytes:
    """Return the bytes of a file; raises ``OSError``, also when there are more than ``most``."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        # By its size first: what is too much is not read into memory to be refused.
        data = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if data is None or len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {_size(most)}", str(path))
    return data


@contextmanager
def placed(path: Path) -> Iterator[None]:
    """Have a refusal of the system that names no file name this one: a full disk does not say what it had no room for."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def links_below(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder and leads elsewhere: links, and on Windows junctions too. None of them is followed."""
    waiting = [folder]
    while waiting:
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:  # gone meanwhile: another command's
            for entry in entries:
                if entry.is_symlink() or _is_junction(entry):
                    yield Path(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))


_JUNCTION = 0xA0000003
"""How Windows marks a folder that stands for another."""


def _is_junction(entry: "os.DirEntry[str]", *, windows: bool = os.name == "nt") -> bool:
    return windows and getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) == _JUNCTION


def _size(most: int) -> str:
    return f"{most // 2**20} MiB" if most % 2**20 == 0 else f"{most} bytes"


def size_and_digest(path: Path) -> tuple[int, str]:
    """Return the size of a file in bytes and its digest (``sha256:…``); raises ``OSError``."""
    size, digest = 0, hashlib.sha256()
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        while part := file.read(_PART):
            size += len(part)
            digest.update(part)
    return size, f"sha256:{digest.hexdigest()}"
