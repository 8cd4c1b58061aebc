"""Collect: read every source into one set of tables, with a verdict on how complete each is.

A snapshot is Parquet files and a manifest: counts, completeness, digests over sorted
rows, the version of the tool, and the run before it. A source that fails is said to
be incomplete and the others go on; a roster that breaks its guard stops everything.
Read back, its tables stay on disk: an engine reads the files itself.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review import __version__, carry_over, connectors
from access_review.connectors import Source
from access_review.connectors.tabular.freshness import AGE
from access_review.engine import ParquetFile
from access_review.errors import ArtifactError, ConnectorError
from access_review.references import resolve
from access_review.runs import MANIFEST, Run, building, finish, name_of, read_json, write_json
from access_review.tables import TABLES, Row, digest, empty, frame
from access_review.workspace import SourceEntry, Workspace

FORMAT = "access-review/snapshot@1"
PARQUET: Mapping[str, Any] = {"compression": "zstd", "dictionary_pagesize_limit": 2**24}
"""How tables are written: ids that repeat are worth a large dictionary, for the engine that reads them."""
_CHUNK = 50_000
_COLLECT = "collect again, or restore the run"

Progress = Callable[[str, int], None]
"""Told a source's name and how many rows have been read from it so far."""


class Stored(Mapping[str, pa.Table]):
    """Tables of which some are Parquet files: one is read into memory only when asked for by name."""

    def __init__(self, parts: Mapping[str, pa.Table | ParquetFile]) -> None:
        self._parts = dict(parts)
        self._digests: dict[str, str] = {}

    def __getitem__(self, name: str) -> pa.Table:
        part = self._parts[name]
        return part.read() if isinstance(part, ParquetFile) else part

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

    def digest(self, name: str) -> str:
        """Return the digest of a table's rows; found once."""
        if name not in self._digests:
            self._digests[name] = digest(self.reader(name))
        return self._digests[name]

    def __or__(self, changed: Mapping[str, pa.Table]) -> "Stored":
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
    def collected(self) -> frozenset[str]:
        """The tables that at least one source filled, wholly or not."""
        return frozenset(self.tables["completeness"]["subject"].to_pylist()) & frozenset(TABLES)


WHOLE_SOURCE = "source"
"""The subject of a verdict on a source that could not be read at all."""

CLOCK = "part:clock"
"""The subject of a verdict on whether a server and this machine agree on the time."""


def collect(
    workspace: Workspace, as_of: datetime, *, previous: Snapshot | None = None, progress: Progress = lambda *_: None
) -> Snapshot:
    """Read all sources; raises ``WorkspaceError`` for what cannot be used as written, ``RosterFault`` for a roster."""
    read = [_read(workspace, entry, as_of, progress) for entry in workspace.sources]
    whole = {name: frame(name, [], also=[t for one in read for t in one[name]]) for name in TABLES}
    whole = carry_over.carry_over(whole, workspace, as_of, previous.tables if previous else None)
    tables = Stored(resolve(whole))
    return Snapshot(as_of, tables, digest_of(as_of, tables), previous.digest if previous else "")


def _read(workspace: Workspace, entry: SourceEntry, as_of: datetime, progress: Progress) -> dict[str, list[pa.Table]]:
    """Read one source; what came before a failure is kept, and said to be incomplete."""
    source = Source(entry.name, workspace.folder / "sources")
    made: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    waiting: dict[str, list[Row]] = {name: [] for name in TABLES}
    count = 0
    for table, row in _rows(source, entry, as_of):
        waiting[table].append(row)
        count += 1
        if len(waiting[table]) == _CHUNK:
            made[table].append(_loose(table, waiting[table]))
            waiting[table] = []
            progress(entry.name, count)
    progress(entry.name, count)
    for table, rows in waiting.items():
        made[table].append(_loose(table, rows))
    _add_missing_verdicts(source, made)
    return made


def _rows(source: Source, entry: SourceEntry, as_of: datetime) -> Iterator[tuple[str, Row]]:
    try:
        yield from connectors.load(entry.file.connector)(source, **entry.options).collect(as_of)
    except ConnectorError as error:
        yield connectors.incomplete(source, WHOLE_SOURCE, error.message.removeprefix(f"{source.name}: "))


def _loose(name: str, rows: list[Row]) -> pa.Table:
    """Convert rows without checking keys yet: that needs all of them."""
    known = TABLES[name].schema
    for row in rows:
        if not row.keys() <= set(known.names):
            raise ValueError(f"{name}: unknown column {min(row.keys() - set(known.names))!r}")
    return pa.Table.from_pylist(rows, schema=pa.schema([f.with_nullable(True) for f in known]))


def _add_missing_verdicts(source: Source, made: dict[str, list[pa.Table]]) -> None:
    """A table without a verdict is incomplete: silence is not success."""
    said = {subject for part in made["completeness"] for subject in part["subject"].to_pylist()}
    silent = [
        name
        for name, parts in made.items()
        if name not in said and name not in ("completeness", "problems") and any(len(part) for part in parts)
    ]
    rows = [connectors.incomplete(source, name, "the connector gave no verdict")[1] for name in silent]
    if not said and not silent:
        rows.append(connectors.incomplete(source, WHOLE_SOURCE, "the connector gave no verdict and no rows")[1])
    made["completeness"].append(_loose("completeness", rows))


def digest_of(as_of: datetime, tables: Mapping[str, pa.Table]) -> str:
    """Return the digest of a snapshot: of its moment and the digests of its tables."""
    known = stored(tables)
    rows = [{"scheme": name, "value": known.digest(name), "id": as_of.isoformat()} for name in TABLES]
    return digest(frame("aliases", rows))


def save(snapshot: Snapshot, workspace: Workspace, previous: Run | None = None) -> Run:
    """Write a snapshot as a run, whole or not at all."""
    import pyarrow.parquet as pq

    with building(workspace.folder) as partial:
        folder = partial / "snapshot"
        folder.mkdir(mode=0o700)
        for name, table in snapshot.tables.items():
            path = folder / f"{name}.parquet"
            pq.write_table(table, path, **PARQUET)
            path.chmod(0o600)
        return conclude(partial, snapshot, workspace, previous)


def conclude(partial: Path, snapshot: Snapshot, workspace: Workspace, previous: Run | None = None) -> Run:
    """Write the manifest of a run whose tables are written, and give the run its name."""
    described = manifest(snapshot, workspace, previous)
    for name, said in described["tables"].items():
        said["file"] = digest_of_file(partial / "snapshot" / f"{name}.parquet")
    write_json(partial / MANIFEST, described)
    return finish(partial, name_of(snapshot.as_of, snapshot.digest))


def manifest(snapshot: Snapshot, workspace: Workspace, previous: Run | None = None) -> dict[str, Any]:
    """Describe a snapshot: what was read, from where, how completely."""
    return {
        "format": FORMAT,
        "tool": __version__,
        "as_of": snapshot.as_of.isoformat(),
        "digest": snapshot.digest,
        "previous": {"run": previous.id, "digest": snapshot.previous} if previous else None,
        "workspace_digest": workspace.digest,
        "tables": {name: _count(stored(snapshot.tables), name) for name in snapshot.tables},
        "sources": {entry.name: _describe(snapshot, entry) for entry in workspace.sources},
    }


def _count(tables: Stored, name: str) -> dict[str, Any]:
    part = tables.part(name)
    rows = part.rows if isinstance(part, ParquetFile) else len(part)
    return {"rows": rows, "digest": tables.digest(name)}


def _describe(snapshot: Snapshot, entry: SourceEntry) -> dict[str, Any]:
    verdicts = [v for v in snapshot.tables["completeness"].to_pylist() if v["source"] == entry.name]
    problems = snapshot.tables["problems"]
    kinds = problems.filter(pc.equal(problems["source"], entry.name)).group_by("kind").aggregate([([], "count_all")])
    return {
        "connector": entry.file.connector,
        # An optional part that was not read is said; what rests on it is the verdict of a table.
        "complete": all(v["complete"] or v["subject"].startswith("part:") for v in verdicts),
        "verdicts": {v["subject"]: {k: v[k] for k in ("complete", "reason", "received", "expected")} for v in verdicts},
        "problems": {row["kind"]: row["count_all"] for row in kinds.to_pylist()},
    }


def load(run: Run) -> Snapshot:
    """Open a snapshot; raises ``ArtifactError`` when a table is missing or is not the one the manifest knows."""
    known = read_json(run.folder / MANIFEST, FORMAT)
    parts: dict[str, pa.Table | ParquetFile] = {}
    for name in TABLES:
        if name in known["tables"]:
            path = run.folder / "snapshot" / f"{name}.parquet"
            verify(path, known["tables"][name])
            parts[name] = ParquetFile(path)
        else:
            parts[name] = empty(name)  # an older run, from before this table
    previous = known["previous"] or {}
    return Snapshot(datetime.fromisoformat(known["as_of"]), Stored(parts), known["digest"], previous.get("digest", ""))


def verify(path: Path, known: Mapping[str, Any], *, made: str = "collected", hint: str = _COLLECT) -> None:
    """Hold a table on disk to what was noted when it was made: equal bytes are enough, a file written anew has equal rows.

    Raises ``ArtifactError``.
    """
    try:
        if digest_of_file(path) == known.get("file"):
            return
        found = Stored({"table": ParquetFile(path)}).digest("table")
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", hint=hint) from None
    if found != known["digest"]:
        raise ArtifactError(f"{path} is not the table that was {made}", hint=hint)


def digest_of_file(path: Path) -> str:
    """Fingerprint a file by its bytes: ``sha256:`` and 64 hex digits."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
