"""Collect: read every source into one set of tables, with a verdict on how complete each is.

A snapshot is Parquet files and a manifest: counts, completeness, digests over sorted
rows, the version of the tool, and the run before it. A source that fails is said to
be incomplete and the others go on; a roster that breaks its guard stops everything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review import __version__, connectors, roster_guard
from access_review.connectors import Source
from access_review.errors import ArtifactError, ConnectorError
from access_review.resolve import resolve
from access_review.runs import MANIFEST, Run, building, finish, name_of, read_json, write_json
from access_review.tables import TABLES, Row, digest, empty, frame
from access_review.workspace import SourceEntry, Workspace

FORMAT = "access-review/snapshot@1"
_CHUNK = 50_000

Progress = Callable[[str, int], None]
"""Told a source's name and how many rows have been read from it so far."""


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
    def collected(self) -> frozenset[str]:
        """The tables that at least one source filled, wholly or not."""
        return frozenset(self.tables["completeness"]["subject"].to_pylist()) & frozenset(TABLES)


WHOLE_SOURCE = "source"
"""The subject of a verdict on a source that could not be read at all."""


def collect(
    workspace: Workspace, as_of: datetime, *, previous: Snapshot | None = None, progress: Progress = lambda *_: None
) -> Snapshot:
    """Read all sources; raises ``WorkspaceError`` for what cannot be used as written, ``RosterFault`` for a roster."""
    read = [_read(workspace, entry, as_of, progress) for entry in workspace.sources]
    tables = {name: frame(name, [], also=[t for one in read for t in one[name]]) for name in TABLES}
    tables = roster_guard.carry_over(tables, workspace, as_of, previous.tables if previous else None)
    tables = resolve(tables)
    return Snapshot(as_of, tables, _digest_of(as_of, tables), previous.digest if previous else "")


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
        yield connectors.incomplete(source, WHOLE_SOURCE, error.message)


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


def _digest_of(as_of: datetime, tables: Mapping[str, pa.Table]) -> str:
    rows = [{"scheme": name, "value": digest(tables[name]), "id": as_of.isoformat()} for name in TABLES]
    return digest(frame("aliases", rows))


def save(snapshot: Snapshot, workspace: Workspace, previous: Run | None = None) -> Run:
    """Write a snapshot as a run, whole or not at all."""
    import pyarrow.parquet as pq

    with building(workspace.folder) as partial:
        folder = partial / "snapshot"
        folder.mkdir(mode=0o700)
        for name, table in snapshot.tables.items():
            path = folder / f"{name}.parquet"
            pq.write_table(table, path, compression="zstd")
            path.chmod(0o600)
        write_json(partial / MANIFEST, manifest(snapshot, workspace, previous))
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
        "tables": {n: {"rows": len(t), "digest": digest(t)} for n, t in snapshot.tables.items()},
        "sources": {entry.name: _describe(snapshot, entry) for entry in workspace.sources},
    }


def _describe(snapshot: Snapshot, entry: SourceEntry) -> dict[str, Any]:
    verdicts = [v for v in snapshot.tables["completeness"].to_pylist() if v["source"] == entry.name]
    problems = snapshot.tables["problems"]
    kinds = problems.filter(pc.equal(problems["source"], entry.name)).group_by("kind").aggregate([([], "count_all")])
    return {
        "connector": entry.file.connector,
        "complete": all(v["complete"] for v in verdicts),
        "verdicts": {v["subject"]: {k: v[k] for k in ("complete", "reason", "received", "expected")} for v in verdicts},
        "problems": {row["kind"]: row["count_all"] for row in kinds.to_pylist()},
    }


def load(run: Run) -> Snapshot:
    """Read a snapshot back; raises ``ArtifactError`` when a table is missing or is not the one the manifest knows."""
    import pyarrow.parquet as pq

    known = read_json(run.folder / MANIFEST, FORMAT)
    tables: dict[str, pa.Table] = {}
    for name in TABLES:
        path = run.folder / "snapshot" / f"{name}.parquet"
        if name not in known["tables"]:
            tables[name] = empty(name)  # an older run, from before this table
            continue
        try:
            tables[name] = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise ArtifactError(f"{path} cannot be read: {error}", hint="collect again, or restore the run") from None
        if digest(tables[name]) != known["tables"][name]["digest"]:
            raise ArtifactError(f"{path} is not the table that was collected", hint="collect again, or restore the run")
    previous = known["previous"] or {}
    return Snapshot(datetime.fromisoformat(known["as_of"]), tables, known["digest"], previous.get("digest", ""))
