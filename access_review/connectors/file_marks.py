"""Whether files have changed: told by their times first, and by what is in them where these are others."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from access_review.changes import Connector, Mark, can_mark, is_recorded
from access_review.guarded_files.plain import followed, size_and_digest

ABSENT = "absent"
_MODIFIED = 2
"""Where the time of the last change, in nanoseconds, stands in what is known of a file."""


def mark_files(paths: Iterable[Path], before: Mark) -> Mark:
    """Return the mark of files, and of all files below folders; one that is not there counts as such.

    A file is read again only where size or times are not those of the look before. What merely
    got another time has the same content.
    """
    known = _known(before)
    now = {str(path): _look(path, known.get(str(path))) for path in sorted(set(_every(paths)))}
    content = json.dumps([[path, one[-1]] for path, one in now.items()], separators=(",", ":"))
    return Mark(content, json.dumps(now, separators=(",", ":")), _written(now.values()))


def _written(looks: Iterable[list[object]]) -> datetime | None:
    """Return when the newest of some files was written; nothing where none is there."""
    times = [one[_MODIFIED] for one in looks if len(one) > 1]
    newest = max((one for one in times if isinstance(one, int)), default=None)
    return datetime.fromtimestamp(newest / 1e9, UTC) if newest is not None else None


def _every(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (one for one in path.rglob("*") if not one.is_dir()) if path.is_dir() else (path,)


def written_at(connector: Connector) -> datetime | None:
    """Return when an export was written: one that is read twice is one read.

    Nothing of a system that is read as it is now, and where nobody knows.
    """
    return connector.mark(Mark()).written if is_recorded(connector) and can_mark(connector) else None


def mark_locations(folder: Path, locations: Iterable[str], before: Mark) -> Mark:
    """Return the mark of files at paths from a folder; one at an address has none, and is read anew each time."""
    return mark_files((folder / location for location in locations if "://" not in location), before)


def _known(before: Mark) -> dict[str, list[object]]:
    try:
        found = json.loads(before.seen or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _look(path: Path, known: list[object] | None) -> list[object]:
    try:
        about = followed(path).stat()
        stamp: list[object] = [about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns]
        if known and known[:-1] == stamp:
            return known
        return [*stamp, size_and_digest(followed(path))[1]]
    except OSError as error:
        return [ABSENT if isinstance(error, FileNotFoundError) else str(error.strerror)]
