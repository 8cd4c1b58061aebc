"""Snapshots on disk: Parquet files and a manifest, which a run is built of and named by.

Read back, the tables stay on disk: an engine reads the files itself.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from access_review.artifacts import MANIFEST
from access_review.engine import ParquetFile
from access_review.errors import ArtifactError, PlanRefused
from access_review.runs import Run, building, finish
from access_review.snapshot import Manifest, Snapshot, Stored, manifest, run_name
from access_review.store import files, read
from access_review.tables import TABLES, Row, empty
from access_review.workspace import Workspace

PARQUET: Mapping[str, Any] = {"compression": "zstd", "dictionary_pagesize_limit": 2**24}
"""How tables are written: ids that repeat are worth a large dictionary, for the engine that reads them."""

_COLLECT = "collect again, or restore the run"


def save(snapshot: Snapshot, workspace: Workspace, previous: Run | None = None, *, rehearsal: bool = False) -> Run:
    """Write a snapshot as a run, whole or not at all; the same snapshot again is the run already there."""
    import pyarrow.parquet as pq

    with building(workspace.folder, rehearsal=rehearsal) as partial:
        (partial / "snapshot").mkdir(mode=0o700)
        for name, table in snapshot.tables.items():
            path = _table(partial, name)
            pq.write_table(table, path, **PARQUET)
            path.chmod(0o600)
        return conclude(partial, snapshot, workspace, previous, rehearsal=rehearsal)


def conclude(
    partial: Path, snapshot: Snapshot, workspace: Workspace, previous: Run | None = None, *, rehearsal: bool = False
) -> Run:
    """Write the manifest of a run whose tables are written, and give the run its name."""
    described = manifest(snapshot, workspace, previous.id if previous else "", rehearsal=rehearsal)
    tables = {
        name: replace(table, file=files.digest_of(_table(partial, name))) for name, table in described.tables.items()
    }
    files.write(partial / MANIFEST.path, MANIFEST.dump(replace(described, tables=tables)))
    return finish(partial, run_name(snapshot.as_of, snapshot.digest))


def load(run: Run, tables: Iterable[str] = tuple(TABLES)) -> Snapshot:
    """Open a snapshot, or a part of it; raises ``ArtifactError`` when a table is missing or is not the one the manifest knows."""
    known = read_manifest(run)
    parts = {name: _part(run, known, name) for name in tables}
    return Snapshot(known.as_of, Stored(parts), known.digest, known.previous.digest if known.previous else "")


def _part(run: Run, known: Manifest, name: str) -> pa.Table | ParquetFile:
    """Return one table of a run, held to what its manifest says; raises ``ArtifactError``."""
    if name not in known.tables:
        return empty(name)  # an older run, from before this table
    path = _table(run.folder, name)
    verify(path, digest=known.tables[name].digest, file=known.tables[name].file)
    return _with_columns(name, ParquetFile(path))


def _with_columns(name: str, file: ParquetFile) -> pa.Table | ParquetFile:
    """Return a table of an older run with the columns that it has got since, of which nothing is known."""
    there = file.schema.names
    lacking = [column for column in TABLES[name].schema if column.name not in there]
    if not lacking:
        return file
    table = file.read()
    for column in lacking:
        table = table.append_column(column.with_nullable(True), pa.nulls(len(table), column.type))
    return table.select(TABLES[name].schema.names)


def read_manifest(run: Run) -> Manifest:
    """Read what a run says of its snapshot; raises ``ArtifactError``."""
    return read(run, MANIFEST)


def refuse_rehearsal(run: Run) -> None:
    """Raise ``PlanRefused`` for a run that read a live source and calls it another moment.

    Raises ``ArtifactError`` for a damaged manifest.
    """
    if read_manifest(run).rehearsal:
        raise PlanRefused(
            f"{run.id} is a rehearsal: a trial, or a live source read under --as-of, which shows another moment than it says",
            hint="leave --trial and --as-of out: access-review audit",
        )


def table(run: Run, name: str) -> pa.Table:
    """Return one table of a run, without the others; raises ``ArtifactError``."""
    return Stored({name: _part(run, read_manifest(run), name)})[name]


def people(run: Run) -> Sequence[Row]:
    """Return the people whom a run read from the rosters; raises ``ArtifactError``."""
    rows: list[Row] = table(run, "people").to_pylist()
    return rows


def people_called(run: Run, names: Collection[str]) -> Iterator[Row]:
    """Yield the people of a run of whom one of these is the id, the roster's id, the mail address or the name.

    The table is read batch by batch, and only what tells who somebody is. Raises ``ArtifactError``.
    """
    asked = {name.strip().casefold() for name in names}
    called = ("person", "native_id", "mail", "name")
    part = _part(run, read_manifest(run), "people")
    columns = [*called, "status"]
    rows = part.reader(columns) if isinstance(part, ParquetFile) else part.select(columns).to_reader()
    for batch in rows:
        for row in batch.to_pylist():
            if any((row[name] or "").casefold() in asked for name in called):
                yield row


def verify(path: Path, *, digest: str, file: str, made: str = "collected", hint: str = _COLLECT) -> None:
    """Hold a table on disk to what was noted when it was made: its bytes' digest ``file``, or that of its rows.

    Equal bytes are enough; a file written anew has equal rows. Raises ``ArtifactError``.
    """
    try:
        if files.digest_of(path) == file:
            return
        found = Stored({"table": ParquetFile(path)}).digest("table")
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", hint=hint) from None
    if found != digest:
        raise ArtifactError(f"{path} is not the table that was {made}", hint=hint)


def _table(folder: Path, name: str) -> Path:
    return folder / "snapshot" / f"{name}.parquet"
