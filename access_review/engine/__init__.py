"""What runs the SQL of the pure modules: DuckDB, embedded, or Spark, for those who outgrow one machine.

:class:`Engine` is what those modules are passed. :mod:`access_review.engine.duckdb` and
:mod:`access_review.engine.spark` are the two there are; what they share of SQL as text is
in :mod:`access_review.engine.sql`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, assert_never

import pyarrow as pa

from access_review.engine.file import ParquetFile
from access_review.model import Relation
from access_review.policy import EngineSettings
from access_review.tables import Row

__all__ = ["Engine", "ParquetFile", "open_engine"]


class Engine(Protocol):
    """Named tables, and SELECTs over them; a context manager that leaves nothing behind.

    Parameters of statements are bound by name (``:name``): a value never becomes part of
    a statement. Names of tables and columns come from this package or are checked
    (``ValueError``). A parameter that is not given raises ``KeyError``; a statement that
    the engine cannot run raises the engine's own error, which is a bug.
    """

    as_of: datetime
    """What :class:`~access_review.model.AsOf` counts from."""

    def __enter__(self) -> Self:
        """Open it for one run."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget every table and take away what was put on disk."""
        ...

    def once(self, make: Callable[[], None], made_of: Callable[[], object] | None) -> None:
        """Let ``make`` put facts into this engine, the first thing it is asked, or take up those of an engine of this process before it.

        They follow from what ``made_of`` returns, which is compared, from the moment and from settings of the engine,
        and from nothing else. Without it they are made.
        """
        ...

    def register(self, name: str, data: pa.Table | ParquetFile) -> None:
        """Make a table, in memory or on disk, known under ``name``, replacing what had that name."""
        ...

    def create(self, name: str, sql: str, **params: Any) -> int:
        """Keep what a SELECT returns as table ``name``; return the number of its rows."""
        ...

    def view(self, name: str, sql: str, *, steady: bool = False) -> None:
        """Make a SELECT known under ``name``, to be run whenever it is read.

        With ``steady`` nothing that it reads changes any more, and an engine may keep what it returns.
        """
        ...

    def drop(self, *names: str) -> None:
        """Forget tables that nothing reads any more."""
        ...

    def is_empty(self, name: str) -> bool:
        """Tell whether a table is known to have no row, without looking: nothing is known of a view."""
        ...

    def columns(self, *names: str) -> Mapping[str, Sequence[str]]:
        """Return the columns of each of these tables, in order."""
        ...

    def identify(self, kinds: Mapping[str, str]) -> None:
        """Say which ids there are; ``kinds`` has a SELECT of the ids of each kind (one column, none twice).

        An engine may keep columns that hold such ids as numbers then.
        """
        ...

    def narrow(
        self,
        name: str,
        sql: str,
        *,
        ids: Mapping[str, str] = MappingProxyType({}),
        few: Sequence[str] = (),
        among: Mapping[str, Sequence[str]] = MappingProxyType({}),
        **params: Any,
    ) -> None:
        """Keep what a SELECT returns as table ``name``, in little room.

        ``ids`` says which columns hold ids, and of which kind; ``few`` are columns of few
        values, ``among`` those of known ones. Statements see the text in any case.
        """
        ...

    def referring(self, name: str, columns: Sequence[str]) -> str:
        """Return a SELECT of a kept table in which columns are ids; text that is no id is beside, as ``<column>_text``."""
        ...

    def query(self, sql: str, **params: Any) -> pa.Table:
        """Return what a SELECT returns."""
        ...

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Return what a SELECT returns as dictionaries: for the few, never for the many."""
        ...

    def batches(self, sql: str, *, rows: int = 100_000, **params: Any) -> pa.RecordBatchReader:
        """Return what a SELECT returns, so many rows at a time; read it to its end before asking anything else."""
        ...

    def room(self, name: str) -> ParquetFile | None:
        """Return where a table can be put on disk until the engine closes; nothing where all is small enough for memory."""
        ...

    def write(self, sql: str, to: ParquetFile, **params: Any) -> None:
        """Write what a SELECT returns to a Parquet file, in its order."""
        ...

    def run(self, relation: Relation) -> pa.Table:
        """Evaluate a relation, its function over a small frame included."""
        ...


def open_engine(as_of: datetime, settings: EngineSettings) -> Engine:
    """Open the engine that a workspace's ``policy.yaml`` asks for; raises ``WorkspaceError`` when it is not installed."""
    match settings.kind:
        case "embedded":
            from access_review.engine.duckdb import EmbeddedEngine

            return EmbeddedEngine(as_of, settings.memory, settings.threads)
        case "spark":
            from access_review.engine.spark import SparkEngine

            scratch = Path(settings.scratch) if settings.scratch else None
            return SparkEngine(
                as_of, master=settings.master, options=settings.options, prefix=settings.prefix, scratch=scratch
            )
        case kind:
            assert_never(kind)
