"""Files in which a connector keeps what it read for its next read: whole or not there, and their owner's only."""

import os
import tempfile
from pathlib import Path

from access_review.guarded_files.private import private_folder


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, 0600 in a folder 0700; raises ``OSError``."""
    private_folder(path.parent)
    # mkstemp makes the file 0600 from its first moment: at no time can others read it.
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    partial = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
