"""A directory that is being read from its servers now."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from access_review.changes import Capabilities, Change, Mark
from access_review.connectors import Source, complete, incomplete, stating
from access_review.connectors.ad import dirsync, executor, last_logon
from access_review.connectors.ad.capabilities import CAPABILITIES
from access_review.connectors.ad.dialect import DirectoryOptions
from access_review.connectors.ad.dirsync import DirSyncChanges
from access_review.connectors.ad.domain_reading import FILTER, DomainObjects, DomainReading, RootDse, SearchScope
from access_review.connectors.ad.entry import canonical
from access_review.connectors.ad.executor import DirectoryExecutor, EveryServer
from access_review.connectors.ad.login import Login
from access_review.connectors.ad.paging import ReadPace
from access_review.connectors.ad.reach import DirectoryReach
from access_review.connectors.ad.recent_changes import LastFound, Recent
from access_review.connectors.ad.rows import DirectoryReading
from access_review.connectors.ad.server import Servers, Session
from access_review.tables import Row

CLOCK_TOLERANCE = timedelta(minutes=5)

# Kept with every account of a live read, by their names in the review; what the source file maps goes first.
STANDARD_ATTRIBUTES: Mapping[str, str] = {
    "changed_at": "whenChanged",
    "admin_count": "adminCount",
    "manager": "manager",
    "service_principal_names": "servicePrincipalName",
}


@dataclass(frozen=True, slots=True)
class LiveDirectory:
    """A domain on its servers; ``read_within`` is how long a read may take, in seconds.

    ``state_file`` is the file that lets the next read take only what changed (null: every read takes
    everything), and ``full_every`` how long that may go on.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES
    marks: ClassVar[bool] = True
    follows: ClassVar[bool] = True

    source: Source
    servers: Servers
    options: DirectoryOptions
    scope: SearchScope
    page: int
    read_within: float
    every_server: bool
    state_file: Path | None
    full_every: timedelta
    recent: Recent | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, servers: Servers, options: DirectoryOptions, reach: DirectoryReach) -> "LiveDirectory":
        """Return the domain on these servers, of which is read what ``reach`` says."""
        source = servers.source
        further = (*options.attributes.values(), options.employee_id or "employeeID")
        kept = {**STANDARD_ATTRIBUTES, **options.attributes}
        states = source.folder.parent / "runs" / "directory"
        return cls(
            source,
            servers,
            replace(options, attributes=kept, directory="active-directory"),
            SearchScope(tuple(reach.bases), further, reach.deleted, reach.history, reach.closures_checked),
            page=reach.page_size,
            read_within=reach.read_within.total_seconds(),
            every_server=reach.last_logon == "every-server",
            state_file=states / f"{source.name}.parquet" if reach.incremental else None,
            full_every=reach.full_every,
        )

    def writable(self, login: Login, guard: str | None) -> "WritableDirectory":
        """Return the domain with an account that may write to it."""
        as_read = {each.name: getattr(self, each.name) for each in fields(self)}
        return WritableDirectory(**as_read, writers=replace(self.servers, login=login), guard=guard)

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield every row, the verdicts last; raises ``ConnectorError`` when nothing can be read at all."""
        pace = ReadPace(self.page, time.monotonic() + self.read_within)
        with self.servers.session() as session:
            reading = DomainReading(session, self.scope, pace)
            found = self._read(session, reading, as_of)
            where = str(session.address)
        exact = self.every_server and last_logon.merge(self.servers, self.scope, pace, reading.root, where, found)
        yield from self._rows(found, as_of, exact=exact)
        yield from self._part_verdicts(found, reading.root, as_of)
        yield self._provenance(found, reading.root, where)

    def mark(self, before: Mark) -> Mark:  # noqa: ARG002 - the server's own number needs none
        """Return the server's change number: whatever is written raises it. Another server counts by itself.

        Raises ``ConnectorError``.
        """
        with self.servers.session() as session:
            root = RootDse.of(session)
        return Mark(f"{root.service} {root.usn}")

    def following(self, folder: str) -> "LiveDirectory":
        """Return the directory that keeps each read in a folder, and reads what changed by DirSync or change numbers."""
        return replace(self, state_file=Path(folder) / f"{self.source.name}.parquet", recent=Recent())

    def _read(self, session: Session, reading: DomainReading, as_of: datetime) -> DomainObjects:
        """Read everything, or what changed since the last read where that is wanted and possible."""
        if self.state_file is None:
            return reading.read_all()
        changes = DirSyncChanges(reading, session, self.scope)
        if self.recent and (recent := self.recent.since(reading, changes, as_of)):
            return recent
        before = dirsync.load_state(self.state_file, self.scope)
        cookie = changes.cookie()  # before anything is read: what changes meanwhile is news to the next read
        # Small faults would add up for ever, so that everything is read anew every so often.
        found = None
        if before is not None and before.full_at <= as_of < before.full_at + self.full_every:
            found = changes.since(before)
        if found is None:
            found, full_at = reading.read_all(), as_of
        else:
            full_at = before.full_at if before else as_of
        found.facts["read"] = "whole" if full_at == as_of else f"changes since the whole read of {full_at.isoformat()}"
        if left := dirsync.state_of(root := reading.root, cookie, full_at, found):
            dirsync.save_state(self.state_file, self.scope, left)
            if self.recent and not self.scope.bases:  # what is moved from base to base is found by a listing alone
                self.recent.last = LastFound(found, root.service, cookie, full_at, as_of)
        return found

    def _rows(self, found: DomainObjects, as_of: datetime, *, exact: bool) -> Iterator[tuple[str, Row]]:
        options = replace(self.options, live=True, exact_logons=exact)
        reading = DirectoryReading(self.source, options, found.listed_at or as_of)
        for reason, tables in found.doubts:
            reading.tally.doubt(reason, *tables)
        for guid, reason in found.short.items():
            reading.add_short_group(canonical(found.objects[guid][0]), reason)
        yield from reading.rows(found.entries())
        found.facts["canaries_seen"] = {name: "yes" if seen else "no" for name, seen in reading.tally.canaries.items()}
        found.facts["excluded"] = dict(reading.excluded)

    def _part_verdicts(self, found: DomainObjects, root: RootDse, as_of: datetime) -> Iterator[tuple[str, Row]]:
        parts = {**found.parts, "clock": _clock(root.now, as_of)}
        for part, reason in sorted(parts.items()):
            subject = f"part:{part}"
            yield incomplete(self.source, subject, reason) if reason else complete(self.source, subject, 0)

    def _provenance(self, found: DomainObjects, root: RootDse, where: str) -> tuple[str, Row]:
        """Say how the population was obtained, as canonical JSON, for the evidence."""
        facts: dict[str, Any] = {
            **found.facts,
            "server": where,
            "host": root.host,
            "bases": list(self.scope.bases) or [root.base],
            "filter": FILTER,
            "attributes": list(self.scope.attributes),
            "pages": found.pages,
            "usn": root.usn,
            "deleted": len(found.deleted),
            "objects": len(found.objects),
        }
        listed = found.facts.get("listed_again")
        listed = listed if isinstance(listed, int) else None
        return stating(complete(self.source, "part:provenance", len(found.objects), listed), facts)


@dataclass(frozen=True, slots=True)
class WritableDirectory(LiveDirectory):
    """A domain with an account that may write to it; ``guard`` names an attribute that each removal swaps."""

    writers: Servers = field(kw_only=True)
    guard: str | None = field(kw_only=True)

    def covers(self, change: Change) -> bool:
        """Tell whether a change is one of members or sign-in, of the domain's own objects."""
        return executor.covers(change)

    @contextmanager
    def writing(self) -> Iterator[DirectoryExecutor]:
        """Open a session of the account that may write; raises ``ConnectorError``."""
        with closing(DirectoryExecutor(self.writers, self.guard)) as directory:
            directory.open()
            yield directory

    @contextmanager
    def verifying(self) -> Iterator[EveryServer]:
        """Look on every server, as the account that only reads."""
        with closing(EveryServer(self.servers)) as everywhere:
            yield everywhere


def _clock(server: datetime | None, as_of: datetime) -> str | None:
    if server is None:
        return "the server does not say what time it is"
    apart = abs(server - as_of)
    return f"the server's clock is {round(apart.total_seconds() / 60)} min off" if apart > CLOCK_TOLERANCE else None
