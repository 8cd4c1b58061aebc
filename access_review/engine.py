"""Runs the SQL that the pure modules write.

DuckDB, embedded, over Arrow tables and Parquet files. Statements use named
parameters (``:name``) that become literals here and nowhere else, so that the same
text runs on any engine.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from access_review.model import AsOf, Relation

if TYPE_CHECKING:
    import duckdb

# What stands in quotes is text, whatever it looks like; `::` is a cast.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):([a-z_]\w*)")


def literal(value: Any, as_of: datetime) -> str:
    """Write a value as SQL; a sequence becomes a bracketed list for ``IN`` that is never empty."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case AsOf():
            return literal(value.at(as_of), as_of)
        case datetime():
            return f"TIMESTAMPTZ '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        case Iterable():
            return "(" + (", ".join(literal(v, as_of) for v in value) or "NULL") + ")"
    raise TypeError(f"{type(value).__name__} cannot be written as SQL")


def bind(sql: str, params: Mapping[str, Any], as_of: datetime) -> str:
    """Fill in the named parameters of a statement; raises ``KeyError`` for one that is not given."""
    return _PARAMETER.sub(lambda match: literal(params[match[1]], as_of) if match[1] else match[0], sql)


@dataclass(slots=True)
class Engine:
    """One database for one run; a context manager. ``as_of`` is what :class:`AsOf` counts from."""

    as_of: datetime
    memory: str = "4GB"
    threads: int | None = None
    _db: "duckdb.DuckDBPyConnection" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import duckdb

        # Nothing is loaded from outside, and a statement in a snapshot's text can reach no file.
        settings: dict[str, Any] = {"memory_limit": self.memory, "autoinstall_known_extensions": False}
        if self.threads:
            settings["threads"] = self.threads
        self._db = duckdb.connect(":memory:", config=settings)
        self._db.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def register(self, name: str, data: pa.Table | Path) -> None:
        """Make an Arrow table or a Parquet file known under ``name``, replacing what had that name."""
        if isinstance(data, Path):
            self._db.execute(
                f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({literal(str(data), self.as_of)})"
            )
        else:
            self._db.register(name, data)

    def create(self, name: str, sql: str, **params: Any) -> None:
        """Keep what a SELECT returns as table ``name``."""
        self._db.execute(f"CREATE OR REPLACE TABLE {name} AS {bind(sql, params, self.as_of)}")

    def query(self, sql: str, **params: Any) -> pa.Table:
        """Return what a SELECT returns."""
        return self._db.sql(bind(sql, params, self.as_of)).to_arrow_table()

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Return what a SELECT returns as dictionaries: for the few, never for the many."""
        rows: list[dict[str, Any]] = self.query(sql, **params).to_pylist()
        return rows

    def batches(self, sql: str, *, rows: int = 100_000, **params: Any) -> pa.RecordBatchReader:
        """Return what a SELECT returns, batch by batch; read it to its end before asking anything else."""
        return self._db.sql(bind(sql, params, self.as_of)).to_arrow_reader(rows)

    def run(self, relation: Relation) -> pa.Table:
        """Evaluate a relation, its function over a small frame included."""
        found = self.query(relation.sql, **relation.params)
        if relation.then is None:
            return found
        return pa.Table.from_pandas(relation.then(found.to_pandas()), preserve_index=False)
