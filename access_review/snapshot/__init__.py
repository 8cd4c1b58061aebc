"""Collect: read every source into one set of tables, with a verdict on how complete each is.

A snapshot is tables and a manifest: counts, completeness, digests over sorted rows, the
version of the tool, and the run before it. A source that fails is said to be incomplete
and the others go on; a roster that breaks its guard stops everything.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from access_review import __version__, connectors
from access_review.connectors import WHOLE_SOURCE, emptied_groups, renamed_accounts, shrunk
from access_review.connectors.own_removals import LastRead
from access_review.connectors.tabular.freshness import AGE
from access_review.engine import ParquetFile
from access_review.errors import every
from access_review.snapshot import carry_over
from access_review.snapshot.reading import Progress, read_source
from access_review.snapshot.references import resolve
from access_review.tables import SINCE, TABLES, Row, digest, frame
from access_review.workspace import Workspace

_KEPT = 10_000


class Stored(Mapping[str, pa.Table]):
    """Tables of which some are Parquet files: one is read into memory only when asked for by name.

    A small one stays there: the verdicts of completeness are asked for by everything that concludes.
    """

    def __init__(self, parts: Mapping[str, pa.Table | ParquetFile]) -> None:
        self._parts = dict(parts)
        self._digests: dict[str, str] = {}
        self._read: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        part = self._read.get(name, self._parts[name])
        if not isinstance(part, ParquetFile):
            return part
        table = part.read()
        if len(table) <= _KEPT:
            self._read[name] = table
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def part(self, name: str) -> pa.Table | ParquetFile:
        """Return a table, or where it is on disk: what an engine registers."""
        return self._parts[name]

    def reader(self, name: str) -> pa.RecordBatchReader:
        """Return a table batch by batch."""
        part = self._parts[name]
        return part.reader() if isinstance(part, ParquetFile) else part.to_reader()

    def rows(self, name: str) -> int:
        """Count the rows of a table."""
        part = self._parts[name]
        return part.rows if isinstance(part, ParquetFile) else len(part)

    def digest(self, name: str) -> str:
        """Return the digest of a table's rows; found once."""
        if name not in self._digests:
            part = self._parts[name]
            self._digests[name] = part.digest() if isinstance(part, ParquetFile) else digest(part.to_reader())
        return self._digests[name]

    def take_over(self, before: "Stored") -> None:
        """Take over tables in memory that are the very same, with their digests: to compare two takes far less than to hash one."""
        for name, part in self._parts.items():
            other = before.part(name) if name in before else None
            if isinstance(part, pa.Table) and isinstance(other, pa.Table) and part.equals(other):
                self._parts[name], self._digests[name] = other, before.digest(name)

    def __or__(self, changed: Mapping[str, pa.Table | ParquetFile]) -> "Stored":
        return Stored(self._parts | dict(changed))


def stored(tables: Mapping[str, pa.Table]) -> Stored:
    """Return tables as an engine can take them, wherever they are."""
    return tables if isinstance(tables, Stored) else Stored(tables)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tables of one moment. ``previous`` is the digest of the run before, empty for the first."""

    as_of: datetime
    tables: Mapping[str, pa.Table] = field(repr=False)
    digest: str
    previous: str = ""

    def incomplete(self, table: str) -> Mapping[str, str]:
        """Return the sources that fill ``table`` and did not read it whole, with the reason."""
        verdicts = self.tables["completeness"].to_pylist()
        broken = {v["source"]: v["reason"] for v in verdicts if v["subject"] == WHOLE_SOURCE}
        short = {v["source"]: v["reason"] for v in verdicts if v["subject"] == table and not v["complete"]}
        return broken | short

    def whole(self, table: str) -> frozenset[str]:
        """Return the sources that fill ``table`` and read it whole."""
        verdicts = self.tables["completeness"].to_pylist()
        return frozenset(v["source"] for v in verdicts if v["subject"] == table) - self.incomplete(table).keys()

    @property
    def stale(self) -> Mapping[str, str]:
        """The sources that are older than they may be, with the reason."""
        verdicts = self.tables["completeness"].to_pylist()
        return {v["source"]: v["reason"] for v in verdicts if v["subject"] == AGE and not v["complete"]}

    @property
    def clocks(self) -> Mapping[str, str]:
        """The sources whose clock does not agree with ours, or that do not say what time it is, with the reason."""
        verdicts = self.tables["completeness"].to_pylist()
        return {v["source"]: v["reason"] for v in verdicts if v["subject"] == CLOCK and not v["complete"]}

    @property
    def systems(self) -> Mapping[str, tuple[str | None, str | None]]:
        """Which system each source is of, by identity and name, where its connector says so."""
        verdicts = self.tables["completeness"].to_pylist()
        said = {v["source"]: json.loads(v["reason"]) for v in verdicts if v["subject"] == connectors.SYSTEM}
        return {source: (system["identity"], system["name"]) for source, system in said.items()}

    @property
    def last_read(self) -> Mapping[str, LastRead]:
        """How much each source held of what was read whole, by subject, and of groups by their ids."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.tables["completeness"].to_pylist():
            found[row["source"]].append(row)
        counts = {source: shrunk.counted(rows, accepted=False) for source, rows in found.items()}
        return {
            source: LastRead(
                count | (emptied_groups.remembered(source, self.tables) if "grants" in count else {}),
                accounts=partial(accounts_of, self.tables, source) if count.get("accounts") else None,
            )
            for source, count in counts.items()
        }

    @property
    def collected(self) -> frozenset[str]:
        """The tables that at least one source filled, wholly or not."""
        return frozenset(self.tables["completeness"]["subject"].to_pylist()) & frozenset(TABLES)


def accounts_of(tables: Mapping[str, pa.Table], source: str) -> pa.Table:
    """Return the accounts of a source, by what one is known by under another id."""
    columns = ["source", *renamed_accounts.COLUMNS]
    part = stored(tables).part("accounts")
    read = part.reader(columns).read_all() if isinstance(part, ParquetFile) else part.select(columns)
    return read.filter(pc.equal(read["source"], source))


CLOCK = "part:clock"
"""The subject of a verdict on whether a server and this machine agree on the time."""


def collect(
    workspace: Workspace,
    as_of: datetime,
    *,
    previous: Snapshot | None = None,
    last: Mapping[str, LastRead] | None = None,
    progress: Progress = lambda *_: None,
) -> Snapshot:
    """Read all sources; raises ``WorkspaceError`` for what cannot be used as written, ``RosterFault`` for a roster.

    ``last`` is how much each source held when it was last read whole; that of the run before where it is not given.
    """
    known = (previous.last_read if previous else {}) if last is None else last
    read = every(
        partial(read_source, workspace, entry, as_of, progress, known.get(entry.name, LastRead()))
        for entry in workspace.sources_at(as_of)
    )
    return assemble(workspace, as_of, read, previous)


def assemble(
    workspace: Workspace,
    as_of: datetime,
    read: Iterable[Mapping[str, Sequence[pa.Table]]],
    previous: Snapshot | None = None,
    last: Snapshot | None = None,
) -> Snapshot:
    """Make one snapshot of what was read of each source, whenever that was; raises ``RosterFault`` for a roster cut short.

    ``last`` was made before of mostly the same: what is known of its tables holds of those that are as they were.
    """
    parts = list(read)
    whole = {name: frame(name, [], also=[table for part in parts for table in part.get(name, ())]) for name in TABLES}
    before = previous.tables if previous else None
    whole = carry_over.carry_over(whole, workspace, as_of, before)
    tables = Stored(resolve(whole, before, _believed(workspace, as_of)))
    if last:
        tables.take_over(stored(last.tables))
    return Snapshot(as_of, tables, digest_of(as_of, tables), previous.digest if previous else "")


def _believed(workspace: Workspace, as_of: datetime) -> frozenset[str]:
    """Return the sources that hold less, as their files accept."""
    return frozenset(one.name for one in workspace.sources if shrunk.is_accepted(one.file.accept_fewer, as_of.date()))


def collect_again(
    workspace: Workspace, taken: Snapshot, names: Collection[str], as_of: datetime, last: Mapping[str, LastRead]
) -> Snapshot:
    """Return a snapshot in which the sources of these names are as they can be read now, and the others as they were.

    ``last`` is how much each held before, and what batches took of it since. Raises as :func:`collect` does.
    """
    entries = [entry for entry in workspace.sources if entry.name in names]
    read = [read_source(workspace, entry, as_of, last=last.get(entry.name, LastRead())) for entry in entries]
    again = {entry.name for entry in entries}
    whole = {}
    for name in TABLES:
        fresh = frame(name, [], also=[table for tables in read for table in tables[name]])
        whole[name] = frame(name, [], also=[fresh, _of_others(name, taken.tables[name], fresh, again)])
    settled = resolve(
        carry_over.carry_over(whole, workspace, as_of, taken.tables), taken.tables, _believed(workspace, as_of)
    )
    tables = Stored(settled)
    return Snapshot(as_of, tables, digest_of(as_of, tables), taken.digest)


_SAID_BY = {"aliases": "id", "grants": "entitlement", "nesting": "parent"}
"""The column whose id names the source that says a row, where no column does so itself."""


def _of_others(name: str, before: pa.Table, fresh: pa.Table, again: Collection[str]) -> pa.Table:
    """Return the rows of a table that were read from other sources; who says owners and the like is not kept with them."""
    table = before.cast(TABLES[name].schema)
    if "source" in table.column_names:
        return table.filter(pc.invert(pc.is_in(table["source"], pa.array(sorted(again), pa.string()))))
    if name in _SAID_BY:
        source = pc.list_element(pc.split_pattern(table[_SAID_BY[name]], ":", max_splits=1), 0)
        return table.filter(pc.invert(pc.is_in(source, pa.array(sorted(again), pa.string()))))
    keys = list(TABLES[name].key)
    return table.join(fresh.select(keys), keys=keys, join_type="left anti").select(table.column_names)


def run_name(as_of: datetime, digest: str) -> str:
    """Return the name of the run with this time and snapshot digest."""
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest.removeprefix('sha256:')[:8]}"


def digest_of(as_of: datetime, tables: Mapping[str, pa.Table]) -> str:
    """Return the digest of a snapshot: of its moment and the digests of its tables, problems without where they stand."""
    known = stored(tables)
    digests = {name: known.digest(name) for name in TABLES if name not in SINCE or (name in known and known.rows(name))}
    digests["problems"] = digest(_without_places(tables["problems"]))
    rows = [{"scheme": name, "value": value, "id": as_of.isoformat()} for name, value in digests.items()]
    return digest(frame("aliases", rows))


_LINES = r"\blines? \d+(, \d+)*"


def _without_places(problems: pa.Table) -> pa.Table:
    """Return problems without where they stand: the same rows in another order are the same snapshot."""
    columns = ["source", "kind", "subject", "reason"]
    reasons = pc.replace_substring_regex(problems["reason"], _LINES, "")
    told = problems.set_column(problems.schema.get_field_index("reason"), "reason", reasons).select(columns)
    return told.sort_by([(name, "ascending") for name in columns])


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """One table of a snapshot: its rows, the digest of them, and that of the bytes of its file."""

    rows: int
    digest: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether one table, or part, of a source was read whole, why not, and how many rows there were and should be."""

    complete: bool
    reason: str | None
    received: int | None
    expected: int | None


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """How one source was read: by subject how completely, and by kind how many inputs could not be used."""

    connector: str
    complete: bool
    verdicts: Mapping[str, Completeness]
    problems: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """The run that a snapshot was compared with, and the digest of its snapshot."""

    run: str
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot holds: what was read, from where, how completely.

    A ``rehearsal`` read a live source and calls it another moment: nothing is planned on it or compared with it.
    """

    tool: str
    as_of: datetime
    digest: str
    previous: PreviousRun | None
    workspace_digest: str
    tables: Mapping[str, ManifestTable]
    sources: Mapping[str, ManifestSource]
    rehearsal: bool = False

    @property
    def complete(self) -> bool:
        """Tell whether every source was read whole."""
        return all(source.complete for source in self.sources.values())


def manifest(snapshot: Snapshot, workspace: Workspace, previous: str = "", *, rehearsal: bool = False) -> Manifest:
    """Describe a snapshot; ``previous`` is the name of the run before, empty for the first."""
    tables = stored(snapshot.tables)
    return Manifest(
        tool=__version__,
        as_of=snapshot.as_of,
        digest=snapshot.digest,
        previous=PreviousRun(previous, snapshot.previous) if previous else None,
        workspace_digest=workspace.digest,
        tables={name: ManifestTable(tables.rows(name), tables.digest(name)) for name in tables},
        sources=_sources(snapshot, workspace),
        rehearsal=rehearsal,
    )


def _sources(snapshot: Snapshot, workspace: Workspace) -> dict[str, ManifestSource]:
    """Describe the sources that are declared and not retired, and those that are not declared any more."""
    known = {entry.name: entry.file.connector for entry in workspace.sources_at(snapshot.as_of)}
    verdicts = snapshot.tables["completeness"].to_pylist()
    known |= {v["source"]: "" for v in verdicts if v["subject"] == carry_over.UNDECLARED}
    return {name: _describe(snapshot, name, known[name]) for name in sorted(known)}


def _describe(snapshot: Snapshot, name: str, connector: str) -> ManifestSource:
    verdicts = [v for v in snapshot.tables["completeness"].to_pylist() if v["source"] == name]
    problems = snapshot.tables["problems"]
    kinds = problems.filter(pc.equal(problems["source"], name)).group_by("kind").aggregate([([], "count_all")])
    return ManifestSource(
        connector=connector,
        # An optional part that was not read is said; what rests on it is the verdict of a table.
        complete=all(v["complete"] or v["subject"].startswith("part:") for v in verdicts),
        verdicts={
            v["subject"]: Completeness(v["complete"], v["reason"], v["received"], v["expected"]) for v in verdicts
        },
        problems={row["kind"]: row["count_all"] for row in kinds.to_pylist()},
    )
