"""Files as they come and go: a file that exists is whole, and readable by its owner only."""

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from access_review import artifacts
from access_review.artifacts import Artifact
from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain, placed, read_plain, size_and_digest
from access_review.guarded_files.private import private_folder

T = TypeVar("T")
U = TypeVar("U")

_RESTORE = "restore the file or run the stage again"

LARGEST = 2**31
"""Bytes of one file; a plan or a work list of a million items is far below."""


def read(path: Path, artifact: Artifact[T]) -> T:
    """Read a JSON file; raises ``ArtifactError`` when it is not there, damaged or of another format."""
    return artifact.load(content(path), str(path))


def each(path: Path, artifact: Artifact[T], field: str, kind: type[U]) -> Iterator[U]:
    """Yield the items of the only list of many in a JSON file; raises ``ArtifactError`` as :func:`read` does.

    The file is never held whole: a work list has a million items where a company is large.
    """
    try:
        with (
            os.fdopen(open_plain(path, os.O_RDONLY), "rb") as read,
            io.TextIOWrapper(_bounded(read), encoding="utf-8", newline="") as text,
        ):
            yield from artifacts.each(artifact, text, field, kind, str(path))
    except FileNotFoundError:
        raise ArtifactError(f"{path.name} is not there", hint=f"looked in {path.parent}") from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}", hint=_RESTORE) from None


def _bounded(file: BinaryIO) -> BinaryIO:
    """Return an open file; raises ``OSError`` for one larger than any of ours."""
    if os.fstat(file.fileno()).st_size > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return file


def content(path: Path, most: int = LARGEST) -> bytes:
    """Return the bytes of a file; raises ``ArtifactError`` when it is not there, is no file, or has more than ``most``."""
    try:
        return read_plain(path, most)
    except FileNotFoundError:
        raise ArtifactError(f"{path.name} is not there", hint=f"looked in {path.parent}") from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}", hint=_RESTORE) from None


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, 0600 in a folder 0700."""
    with writing(path) as partial:
        partial.write_bytes(data)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a file to write to; it takes the place of ``path`` when it is whole, and is gone otherwise."""
    private_folder(path.parent)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    os.close(handle)
    partial = Path(temporary)
    try:
        with placed(path):
            yield partial
            partial.chmod(0o600)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def digest_of(path: Path) -> str:
    """Fingerprint a file by its bytes: ``sha256:`` and 64 hex digits."""
    return size_and_digest(path)[1]
