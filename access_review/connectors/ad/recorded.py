"""A directory as it stands in recordings: LDIF files, and exports of csvde, become entries."""

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from access_review.changes import Capabilities, Mark
from access_review.connectors import Source, not_there, shrunk
from access_review.connectors.ad import csvde
from access_review.connectors.ad.capabilities import CAPABILITIES
from access_review.connectors.ad.dialect import DirectoryOptions
from access_review.connectors.ad.entry import Entry
from access_review.connectors.ad.ldif import Ldif, cut_off, declared_entries, split_lines
from access_review.connectors.ad.rows import DirectoryReading
from access_review.connectors.file_marks import mark_files
from access_review.errors import Mistake, WorkspaceError
from access_review.guarded_files.plain import followed, read_plain
from access_review.tables import Row

LARGEST = 16 * 2**30
"""Bytes of one file: ten million accounts. A pipe or a device is no file, and ends nowhere."""


@dataclass(frozen=True, slots=True)
class RecordedDirectory:
    """A directory as it was when its files were written."""

    capabilities: ClassVar[Capabilities] = CAPABILITIES
    recorded: ClassVar[bool] = True
    marks: ClassVar[bool] = True

    source: Source
    files: tuple[str, ...]
    options: DirectoryOptions

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield every row; raises ``WorkspaceError`` with every mistake of every file, after all have been read.

        Raises ``ConnectorError`` where a file is not there: a day without an export is no mistake in the workspace.
        """
        mistakes: list[Mistake] = []
        reading = DirectoryReading(self.source, self.options, as_of)
        found: Counter[str] = Counter()
        yield from reading.rows(self._entries(self._paths(), mistakes, reading, found))
        if len(found) > 1:  # of one file the tables say as much
            yield shrunk.sizes(self.source, {f"{shrunk.OBJECTS}{name}": count for name, count in found.items()})

    def mark(self, before: Mark) -> Mark:
        """Return the mark of its files, those that a pattern finds now."""
        named = (
            self.source.folder / name
            for pattern in self.files
            for name in [pattern, *_matching(self.source.folder, pattern)]
        )
        return mark_files((path for path in named if "*" not in path.name), before)

    def _paths(self) -> list[tuple[str, Path]]:
        found: dict[str, Path] = {}
        gone = []
        for pattern in self.files:
            names = [pattern] if _exists(self.source.folder / pattern) else _matching(self.source.folder, pattern)
            found.update((name, self.source.folder / name) for name in names)
            if not names:
                gone.append(pattern)
        if gone:
            raise not_there(self.source, gone)
        return sorted(found.items())

    def _entries(
        self,
        paths: Sequence[tuple[str, Path]],
        mistakes: list[Mistake],
        reading: DirectoryReading,
        found: Counter[str],
    ) -> Iterator[Entry]:
        for name, path in paths:
            ldif = Ldif(name)
            try:
                if path.suffix.lower() == ".csv":
                    yield from self._rows(name, path, mistakes, reading, found)
                    continue
                lines = list(split_lines(read_plain(followed(path), LARGEST)))
                if cut := cut_off(lines):
                    reading.tally.doubt(f"{name}: {cut}")
                for entry in ldif.entries(lines):
                    found[name] += 1
                    yield entry
                if (said := declared_entries(lines)) is not None and said != found[name]:
                    reading.tally.doubt(f"{name} holds {found[name]:,} entries, and says that {said:,} were found")
            except UnicodeDecodeError as error:
                mistakes.append(Mistake(name, 0, 0, f"not UTF-16, though it starts so: {error.reason}"))
            except OSError as error:
                mistakes.append(Mistake(name, 0, 0, f"cannot be read: {error.strerror}"))
            mistakes.extend(ldif.mistakes)
            for ending in ldif.endings:
                reading.tally.doubt(ending)
        if mistakes:
            raise WorkspaceError.of(mistakes, hint="nothing is taken from a damaged recording: export it again")

    @staticmethod
    def _rows(
        name: str, path: Path, mistakes: list[Mistake], reading: DirectoryReading, found: Counter[str]
    ) -> Iterator[Entry]:
        data = read_plain(followed(path), LARGEST)
        if csvde.is_cut(data):
            reading.tally.doubt(f"{name}: the file does not end with a line end: it may be cut")
        try:
            for entry in csvde.entries(data, name):
                found[name] += 1
                yield entry
        except WorkspaceError as error:
            mistakes.extend(error.mistakes)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _matching(folder: Path, pattern: str) -> list[str]:
    names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    return sorted(name for name in names if _exists(folder / name))
