"""Look at the sources of a workspace: cheaply first, and read anew what changed or was not read for long.

A file that is being written is let settle; a read that is less whole than the one before it
is not believed; whatever fails is tried again, after pauses that grow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from access_review import connectors
from access_review.changes import Connector, Mark, can_follow, can_mark
from access_review.connectors.own_removals import LastRead
from access_review.errors import AccessReviewError
from access_review.model import Clock
from access_review.row_order import in_order
from access_review.snapshot.reading import read_source
from access_review.snapshot.watched import Parts, WatchedSource, digest_of_rows, is_due, not_whole, why_short
from access_review.store import watching
from access_review.tables import TABLES
from access_review.workspace import SourceEntry, Workspace

ROSTERS = timedelta(seconds=30)
"""How old what was read of a roster may become: whose last hour is over is told by reading it again."""
SETTLE = 0.3
"""Seconds for which a file that is another must not change, reading included, for what was read of it to count."""
_LONGEST_PAUSE = {True: timedelta(seconds=5), False: timedelta(minutes=5)}
_KEYS = ("accounts", "entitlements", "grants", "nesting", "people")


@dataclass(frozen=True, slots=True)
class SourceLook:
    """What came of one look: the source as it is known now, its tables where they were read and are others, and what to say.

    ``lost`` says what reading only changes had missed.
    """

    source: WatchedSource
    parts: Parts | None = None
    lost: str = ""


@dataclass
class SourceLooks:
    """Looks at the sources of one workspace as it is declared; ``last`` is how much each held when it was read whole."""

    workspace: Workspace
    clock: Clock
    last: Mapping[str, LastRead] = field(default_factory=dict)
    _polled: dict[str, datetime] = field(default_factory=dict)
    _opened: dict[str, Connector] = field(default_factory=dict)

    def look(self, entry: SourceEntry, known: WatchedSource, *, everything: bool, whole: bool) -> SourceLook | None:
        """Look at one source if it is time to; nothing where it is not, or while it is being written."""
        now = self.clock.now()
        try:
            connector = self._connector(entry)
            recorded = connectors.is_recorded(connector)
            pause = timedelta(
                seconds=self.workspace.policy.watch.files if recorded else self.workspace.policy.watch.systems
            )
            if not everything and not self._is_time(entry, known, pause, now):
                return None
            self._polled[entry.name] = now
            return self._look(entry, connector, known, everything=everything, whole=whole)
        except AccessReviewError as error:
            recorded = entry.name in self._opened and connectors.is_recorded(self._opened[entry.name])
            pause = timedelta(
                seconds=self.workspace.policy.watch.files if recorded else self.workspace.policy.watch.systems
            )
            reason = error.in_a_line.removeprefix(f"{entry.name}: ")
            return SourceLook(known.failed(reason, self.clock.now(), pause, _LONGEST_PAUSE[recorded]))

    def _is_time(self, entry: SourceEntry, known: WatchedSource, pause: timedelta, now: datetime) -> bool:
        if known.again_at and now < known.again_at <= now + _LONGEST_PAUSE[False]:
            return False
        return is_due(self._polled.get(entry.name), pause, now)

    def _look(
        self, entry: SourceEntry, connector: Connector, known: WatchedSource, *, everything: bool, whole: bool
    ) -> SourceLook | None:
        now = self.clock.now()
        mark = connector.mark(known.mark) if can_mark(connector) else None
        moved = mark is not None and mark.content != known.mark.content
        if known.parts and not moved and not everything and not whole and not self._is_old(known, now):
            return SourceLook(replace(known.seen(now), mark=mark or known.mark)) if mark else None
        parts = self._read_at_rest(entry, connector, mark, moved=moved)
        if parts is None:
            return None
        if why := why_short(parts, self._verdicts(known)):
            longest = _LONGEST_PAUSE[connectors.is_recorded(connector)]
            return SourceLook(known.failed(why, now, timedelta(seconds=1), longest))
        return self._believed(entry, connector, replace(known.seen(now), mark=mark or known.mark), parts, whole=whole)

    def _verdicts(self, known: WatchedSource) -> pa.Table | None:
        """Return how whole the read was that is believed, where there is one."""
        file = known.parts.get("completeness")
        return watching.table(self.workspace.folder, file) if file else None

    def _believed(
        self, entry: SourceEntry, connector: Connector, known: WatchedSource, parts: Parts, *, whole: bool
    ) -> SourceLook:
        now, lost = self.clock.now(), ""
        if whole and can_follow(connector):
            everything = self._read(entry, self.workspace.connected(entry), now)
            if why_short(everything, parts["completeness"]):
                whole = False  # the rest of the check is for another time; what changed is known all the same
            elif lost := _missed(parts, everything):
                parts = everything
                self._forget(entry.name)
        whole_at = now if whole or not can_follow(connector) else known.whole_at
        read = replace(known, read_at=now, whole_at=whole_at, short=not_whole(parts["completeness"]))
        digest = digest_of_rows(parts)
        if digest == known.digest:
            return SourceLook(read, lost=lost)
        return SourceLook(replace(read, digest=digest), parts, lost)

    def _is_old(self, known: WatchedSource, now: datetime) -> bool:
        every = ROSTERS if "people" in known.parts else self.workspace.policy.watch.reread
        return is_due(known.read_at, min(every, self.workspace.policy.watch.reread), now)

    def _read_at_rest(
        self, entry: SourceEntry, connector: Connector, mark: Mark | None, *, moved: bool
    ) -> Parts | None:
        """Read a source; nothing where it is a file that was written while it was read, or has ``moved`` and not come to rest."""
        now = self.clock.now()
        try:
            parts = self._read(entry, connector, now)
        except AccessReviewError:
            if mark and self._is_written(connector, mark, now, moved=moved):
                return None
            raise
        return None if mark and self._is_written(connector, mark, now, moved=moved) else parts

    def _is_written(self, connector: Connector, mark: Mark, since: datetime, *, moved: bool) -> bool:
        """Tell whether a file is another than when it began to be read; one that has moved is looked at for a moment at least."""
        if not (can_mark(connector) and connectors.is_recorded(connector)):
            return False
        left = SETTLE - (self.clock.now() - since).total_seconds()
        if moved and left > 0:
            self.clock.wait(left)
        return connector.mark(mark) != mark

    def _read(self, entry: SourceEntry, connector: Connector, now: datetime) -> Parts:
        last = self.last.get(entry.name, LastRead())
        read = read_source(self.workspace, entry, now, last=last, connector=connector)
        return {name: in_order(pa.concat_tables(tables), TABLES[name].key) for name, tables in read.items() if tables}

    def _connector(self, entry: SourceEntry) -> Connector:
        if entry.name not in self._opened:
            connector = self.workspace.connected(entry)
            folder = watching.folder_of(self.workspace.folder) / watching.DELTAS
            self._opened[entry.name] = connector.following(str(folder)) if can_follow(connector) else connector
        return self._opened[entry.name]

    def _forget(self, source: str) -> None:
        folder: Path = watching.folder_of(self.workspace.folder) / watching.DELTAS
        for path in folder.glob(f"{source}[.-]*"):
            path.unlink(missing_ok=True)
        self._opened.pop(source, None)  # it remembers, too


def _missed(parts: Parts, everything: Parts) -> str:
    """Say how many rows reading only changes had lost or kept too long; empty where it is as it should be."""
    wrong = []
    for name in _KEYS:
        known, real = (_keys(one, name) for one in (parts, everything))
        if known != real:
            wrong.append(f"{name}: {len(real - known)} were missing, {len(known - real)} too many")
    return "; ".join(wrong)


def _keys(parts: Parts, name: str) -> set[tuple[object, ...]]:
    if name not in parts:
        return set()
    return {tuple(row.values()) for row in parts[name].select(list(TABLES[name].key)).to_pylist()}
