"""What `watch` keeps from look to look, in ``runs/watch/``: the tables of each source, what is open, and one state file.

Tables are written first, each under the digest of its bytes, and the state that names them
last and whole: whenever it ends, the state on disk is that of the last look that did.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.artifacts import WATCH_HALTED, WATCH_HEALTH, WATCHED
from access_review.engine import ParquetFile
from access_review.errors import ArtifactError
from access_review.facts import FINDINGS
from access_review.logbook.tree import TreeHead
from access_review.snapshot.watch_health import WatchHealth
from access_review.snapshot.watched import HaltedJob, HaltedWatch, Parts, WatchState
from access_review.store import files
from access_review.store.snapshots import PARQUET
from access_review.tables import TABLES

FOLDER = "runs/watch"
DELTAS = "deltas"
"""Where connectors keep what lets them read only what changed."""

KEPT = "kept.duckdb"
"""The facts of the last look, of which only what changes is reviewed: a copy, which may be thrown away."""

_BESIDE = 1000
"""So many findings may be others than in the file of what is open, or a tenth of them, before that is written anew."""

_HINT = "remove runs/watch: the next look then begins from the last reviewed run"


def folder_of(workspace: Path) -> Path:
    """Return where all of it lies."""
    return workspace / FOLDER


def read(workspace: Path) -> WatchState:
    """Return what the last look left; nothing where there was none. Raises ``ArtifactError`` for a damaged file."""
    path = folder_of(workspace) / WATCHED.path
    if not path.exists():
        return WatchState()
    data = files.content(path)
    try:
        state = WATCHED.load(data, str(path))
        if state.logbook:
            TreeHead.parse(state.logbook)
    except ArtifactError as error:
        told = error.message if str(path) in error.message else f"{path}: {error.message}"
        raise ArtifactError(told, hint=_HINT) from None
    named = {state.findings: "open", state.changed: "changed"}
    named |= {file: f"{name}.{part}" for name, one in state.sources.items() for part, file in one.parts.items()}
    for file, name in named.items():
        if file and file.rsplit(".", 2)[0] != name:
            raise ArtifactError(f"{path} names {file} for {name}, which it is not", hint=_HINT)
    return state


def write(workspace: Path, state: WatchState) -> None:
    """Keep a state, and remove the tables that no state names any more."""
    folder = folder_of(workspace)
    files.write(folder / WATCHED.path, WATCHED.dump(state))
    named = state.files()
    for path in folder.glob("*.parquet"):
        if path.name not in named:
            path.unlink(missing_ok=True)


def keep_parts(workspace: Path, source: str, parts: Parts) -> Mapping[str, str]:
    """Write the tables of one source; return their files by table."""
    return {name: _keep(workspace, f"{source}.{name}", table) for name, table in parts.items() if len(table)}


def keep_findings(workspace: Path, found: pa.Table) -> str:
    """Write what is open; return the file."""
    return _keep(workspace, "open", found)


def keep_changed(workspace: Path, state: WatchState, ids: Collection[str], found: pa.Table) -> WatchState:
    """Return a state with what became of some findings written beside what was open: ``found`` are those that are open now.

    Raises ``ArtifactError``.
    """
    if not ids:
        return state
    gone = sorted(frozenset(ids) - frozenset(found["finding"].to_pylist()))
    empty = {one.name: pa.nulls(len(gone), one.type) for one in _CHANGED}
    closed = pa.table(
        {**empty, "finding": pa.array(gone, pa.string()), "open": pa.array([False] * len(gone))}, _CHANGED
    )
    now = found.append_column("open", pa.array([True] * len(found), pa.bool_())).cast(_CHANGED)
    parts = [now, closed]
    if state.changed:
        parts.append(_without(table(workspace, state.changed), pa.array(sorted(ids), pa.string())))
    changed = pa.concat_tables(parts).sort_by("finding")
    state = replace(state, changed=_keep(workspace, "changed", changed))
    if len(changed) <= max(_BESIDE, state.open // 10):
        return state
    return replace(state, findings=keep_findings(workspace, open_now(workspace, state)), changed="")


def open_now(workspace: Path, state: WatchState) -> pa.Table:
    """Return what is open, sorted; raises ``ArtifactError``."""
    found = table(workspace, state.findings)
    if not state.changed:
        return found
    changed = table(workspace, state.changed)
    now = changed.filter(changed["open"]).select(found.column_names).cast(found.schema)
    return pa.concat_tables([_without(found, changed["finding"].combine_chunks()), now]).sort_by("finding")


_CHANGED = pa.schema([*(one.with_nullable(True) for one in FINDINGS.schema), pa.field("open", pa.bool_())])


def _without(found: pa.Table, ids: pa.Array) -> pa.Table:
    return found.filter(pc.invert(pc.is_in(found["finding"], ids)))


def parts(workspace: Path, kept: Mapping[str, str]) -> Parts:
    """Return the tables of one source; raises ``ArtifactError``."""
    there = {name: table(workspace, file) for name, file in kept.items()}
    empty = {n: pa.schema([f.with_nullable(True) for f in t.schema]).empty_table() for n, t in TABLES.items()}
    for name, found in there.items():
        if name not in empty or found.column_names != empty[name].column_names:
            raise ArtifactError(f"{folder_of(workspace) / kept[name]} has not the columns of {name}", hint=_HINT)
    return {**empty, **there}


def table(workspace: Path, file: str) -> pa.Table:
    """Return one table, held to the digest in its name; raises ``ArtifactError``."""
    path = folder_of(workspace) / file
    try:
        if _name(file.rsplit(".", 2)[0], files.digest_of(path)) != file:
            raise ArtifactError(f"{path} is not what was written", hint=_HINT)
        found = ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise ArtifactError(f"{path} cannot be read: {type(error).__name__}", hint=_HINT) from None
    return found


def write_health(workspace: Path, health: WatchHealth) -> None:
    """Say how it goes, for those who look from outside."""
    files.write(folder_of(workspace) / WATCH_HEALTH.path, WATCH_HEALTH.dump(health))


def read_health(workspace: Path) -> WatchHealth | None:
    """Return what was last said of how it goes; nothing where nobody has watched. Raises ``ArtifactError`` for a damaged file."""
    path = folder_of(workspace) / WATCH_HEALTH.path
    return files.read(path, WATCH_HEALTH) if path.exists() else None


def has_watched(workspace: Path) -> bool:
    """Tell whether a look was ever kept here."""
    return (folder_of(workspace) / WATCHED.path).exists()


def read_halted(workspace: Path, job: HaltedJob) -> HaltedWatch | None:
    """Return what is known of a job that cannot begin; nothing where it can. Raises ``ArtifactError`` for a damaged file."""
    path = _halted(workspace, job)
    return files.read(path, WATCH_HALTED) if path.exists() else None


def write_halted(workspace: Path, job: HaltedJob, halted: HaltedWatch) -> None:
    """Keep that a job cannot begin, and who has heard of it."""
    files.write(_halted(workspace, job), WATCH_HALTED.dump(halted))


def mark_halted(workspace: Path, job: HaltedJob) -> bool:
    """Mark that a job cannot begin by an empty file, which a full disk takes, and tell whether it was not marked yet.

    Raises ``OSError`` where not even that can be kept.
    """
    try:
        _mark_of_halted(workspace, job).touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    return True


def forget_halted(workspace: Path, job: HaltedJob) -> None:
    """Note that a job has begun."""
    for path in (_halted(workspace, job), _mark_of_halted(workspace, job)):
        path.unlink(missing_ok=True)


def _halted(workspace: Path, job: HaltedJob) -> Path:
    path = folder_of(workspace) / WATCH_HALTED.path
    return path if job is HaltedJob.WATCH else path.with_stem(f"{path.stem}-{job}")


def _mark_of_halted(workspace: Path, job: HaltedJob) -> Path:
    return _halted(workspace, job).with_suffix(".mark")


def _keep(workspace: Path, name: str, found: pa.Table) -> str:
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(found, sink, **PARQUET)
    data = sink.getvalue().to_pybytes()
    file = _name(name, hashlib.sha256(data).hexdigest())
    path = folder_of(workspace) / file
    if not path.exists():
        files.write(path, data)
    return file


def _name(name: str, digest: str) -> str:
    return f"{name}.{digest.removeprefix('sha256:')[:16]}.parquet"
