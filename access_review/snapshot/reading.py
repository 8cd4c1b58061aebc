"""Read one source: its rows as loose tables, with a verdict on each, and what came before a failure kept.

What was read of each source is put together in :func:`access_review.snapshot.assemble`, where
references between sources are settled and keys are held to be unique.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import pyarrow as pa

from access_review import connectors
from access_review.connectors import Connector, Source, shrunk
from access_review.connectors.contradictions import believed, without_doubtful
from access_review.connectors.own_removals import LastRead
from access_review.errors import ConnectorError
from access_review.tables import TABLES, Row
from access_review.workspace import SourceEntry, Workspace

_CHUNK = 50_000

Progress = Callable[[str, int], None]
"""Told a source's name and how many rows have been read from it so far."""


def read_source(
    workspace: Workspace,
    entry: SourceEntry,
    as_of: datetime,
    progress: Progress = lambda *_: None,
    last: LastRead = LastRead(),  # noqa: B008 - frozen
    connector: Connector | None = None,
) -> dict[str, list[pa.Table]]:
    """Read one source; what came before a failure is kept, and said to be incomplete; raises ``WorkspaceError`` for no connector."""
    source = Source(entry.name, workspace.folder / "sources")
    made: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    waiting: dict[str, list[Row]] = {name: [] for name in TABLES}
    count = 0
    for table, row in _rows(source, entry, as_of, connector):
        waiting[table].append(row)
        count += 1
        if len(waiting[table]) == _CHUNK:
            made[table].append(_loose(table, waiting[table]))
            waiting[table] = []
            progress(entry.name, count)
    progress(entry.name, count)
    for table, rows in waiting.items():
        made[table].append(_loose(table, rows))
    made["accounts"] = without_doubtful(made["accounts"], made["problems"])
    _add_missing_verdicts(source, made)
    verdicts, problems = _compared(workspace, entry, source, made, as_of, last)
    made["completeness"] = [_loose("completeness", verdicts)]
    made["problems"].append(_loose("problems", problems))
    return made


def _compared(
    workspace: Workspace,
    entry: SourceEntry,
    source: Source,
    made: Mapping[str, list[pa.Table]],
    as_of: datetime,
    last: LastRead,
) -> tuple[list[Row], list[Row]]:
    """Return the verdicts on a source, what was read of it held against what it held before, and the problems."""
    live = bool(last.counts) and not connectors.is_recorded(workspace.connected(entry))
    return shrunk.compared(source, made, last, on=as_of.date(), accepted=entry.file.accept_fewer, live=live)


def _rows(
    source: Source, entry: SourceEntry, as_of: datetime, connector: Connector | None
) -> Iterator[tuple[str, Row]]:
    try:
        connector = connector or connectors.load(entry.file.connector)(source, **entry.options)
        yield from believed(source, connector.collect(as_of), as_of)
    except ConnectorError as error:
        yield connectors.incomplete(source, connectors.WHOLE_SOURCE, error.message.removeprefix(f"{source.name}: "))


def _loose(name: str, rows: list[Row]) -> pa.Table:
    """Convert rows without checking keys yet: that needs all of them."""
    known = TABLES[name].schema
    columns = frozenset(known.names)
    for row in rows:
        if not row.keys() <= columns:
            raise ValueError(f"{name}: unknown column {min(row.keys() - columns)!r}")
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
        rows.append(
            connectors.incomplete(source, connectors.WHOLE_SOURCE, "the connector gave no verdict and no rows")[1]
        )
    made["completeness"].append(_loose("completeness", rows))
