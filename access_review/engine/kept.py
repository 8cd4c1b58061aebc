"""Facts that outlive a command: a database on disk, in which a few rows are changed instead of all of them being read.

One process has it open at a time. Everything that is changed in :meth:`KeptDatabase.at_once` is there together or not
at all, whenever the process ends.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from access_review.engine import databases, scratch
from access_review.engine.databases import copied
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.sql import identifier

if TYPE_CHECKING:
    import duckdb


_INDEXED = """
    SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()
    WHERE table_name LIKE '%_kept' AND column_name LIKE '%_hash' AND schema_name = current_schema() GROUP BY table_name
"""

MANY = 500_000
"""From so many rows a table has indexes: of fewer all hashes are looked through in the time it takes to plan without."""

FEW = 3_000
"""Up to so many values are looked up one by one in an index; for more all hashes are looked through, which takes less then."""

AHEAD = 16_000_000
"""So many bytes may be written ahead, beside the file: to bring them into a large one takes a second."""

_FETCHED = 10_000
"""Up to so many rows DuckDB fetches one by one by an index; it would stop at a fifth of that."""


@dataclass(slots=True)
class KeptDatabase:
    """A database in a file, empty where there is no file; a context manager.

    ``memory`` bounds what it may take, as :class:`access_review.engine.duckdb.EmbeddedEngine` says, and ``many`` is the number
    of rows from which a table has indexes. To open it raises
    ``OSError`` where the file is damaged, of another version of DuckDB, or open elsewhere; so does what it cannot do
    later, for want of room. Nobody else may read it: it is in a folder of this user's alone, or is made where that is so.
    """

    file: Path
    as_of: datetime
    memory: str = "4GB"
    threads: int | None = None
    many: int = MANY
    engine: EmbeddedEngine = field(init=False, repr=False)
    _database: "duckdb.DuckDBPyConnection" = field(init=False, repr=False)
    _folder: Path = field(init=False, repr=False)
    _indexed: dict[str, list[str]] = field(init=False, repr=False)
    _large: set[str] = field(init=False, repr=False)
    _changing: bool = field(init=False, repr=False, default=False)

    def __enter__(self) -> Self:
        before = os.umask(0o077)  # of the whole process, for as long as DuckDB takes to make its files
        try:
            self._database, self._folder = databases.open_file(self.file, self.memory, self.threads)
        finally:
            os.umask(before)
        try:
            self._database.execute(f"SET index_scan_max_count = {_FETCHED}")
            self.engine = EmbeddedEngine.over(self.as_of, self._database, self._folder)
            indexed = self._database.execute(_INDEXED).fetchall()
            large = self._database.execute("SELECT DISTINCT table_name FROM duckdb_indexes()").fetchall()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        self._indexed = {table.removesuffix("_kept"): hashes for table, hashes in indexed}
        self._large = {table.removesuffix("_kept") for (table,) in large}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import duckdb

        scratch.remove(self._folder)
        ahead = self.file.with_name(f"{self.file.name}.wal")
        try:
            if error is None and ahead.exists() and ahead.stat().st_size > AHEAD:
                self.settle()
            self._database.close()
        except duckdb.Error as failed:
            raise OSError(str(failed)) from failed
        if isinstance(error, duckdb.Error):
            raise OSError(str(error)) from error

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let what is changed be so when this ends, and be undone where it ends by an error; within another it is part of that."""
        if self._changing:
            yield
            return
        self._database.execute("BEGIN")
        self._changing = True
        try:
            yield
        except BaseException:
            self._take_back()
            raise
        finally:
            self._changing = False
        self._database.execute("COMMIT")

    def _take_back(self) -> None:
        import duckdb

        try:
            self._database.execute("ROLLBACK")
        except duckdb.Error:
            return  # where the disk is full DuckDB has given the database up; it is opened anew or made anew
        self.engine = EmbeddedEngine.over(self.engine.as_of, self._database, self._folder)

    def index(self, name: str, columns: Sequence[str], order: str = "") -> None:
        """Let the rows of a table be found by some columns fast: their hashes are kept beside. The table is a view then."""
        hashes = ", ".join(f'hash("{identifier(column)}") AS {column}_hash' for column in columns)
        by = f" ORDER BY {identifier(order)}" if order else ""
        self._indexed[name] = [f"{column}_hash" for column in columns]
        rows = self.engine.create(f"{name}_kept", f"SELECT *, {hashes} FROM {identifier(name)}{by}")
        hidden = ", ".join(f"{column}_hash" for column in columns)
        self.engine.drop(name)
        self.engine.view(name, f"SELECT * EXCLUDE ({hidden}) FROM {name}_kept")
        self._large.discard(name)
        if rows >= self.many:
            self._large.add(name)
            for column in columns:
                self._database.execute(f"CREATE INDEX {name}_by_{column} ON {name}_kept ({column}_hash)")

    def settle(self) -> None:
        """Write everything into the file itself, of which some may stand beside until then: to close it does not always do so."""
        self._database.execute("CHECKPOINT")

    def is_indexed(self, name: str) -> bool:
        """Tell whether there is a table of this name whose rows are found by some columns."""
        return name in self._indexed

    def find(self, name: str, column: str, values: Collection[str], columns: Sequence[str] = ()) -> pa.Table:
        """Return the rows of a table in which a column has one of some values: fast where it was indexed by that."""
        hashes = self._hashes(name)
        shown = ", ".join(f'"{identifier(one)}"' for one in columns) or (
            f"* EXCLUDE ({', '.join(hashes)})" if hashes else "*"
        )
        if f"{column}_hash" not in hashes:
            sql = f'SELECT {shown} FROM {identifier(name)} WHERE "{identifier(column)}" IN (SELECT unnest($values))'
            return self._answer(sql, values)
        read = ", ".join(f'"{one}"' for one in dict.fromkeys((column, *columns))) if columns else "*"
        sql = f"""
            WITH asked AS (SELECT unnest($values) AS value),
            few AS MATERIALIZED (SELECT {read} FROM {identifier(name)}_kept WHERE {self._is_asked(name, column, values)})
            SELECT {shown} FROM few WHERE "{column}" IN (SELECT value FROM asked)
        """
        return self._answer(sql, values)

    def _answer(self, sql: str, values: Collection[str]) -> pa.Table:
        return copied(self._database.execute(sql, {"values": list(values)}))

    def _is_asked(self, name: str, column: str, values: Collection[str]) -> str:
        """Return the condition that the hash of a column is that of one of some values, which are ``asked``; others may have it."""
        if name not in self._large or not 0 < len(values) <= FEW:
            return f"{column}_hash IN (SELECT hash(value) FROM asked)"
        # DuckDB looks into an index for what is written down, never for what another table has.
        hashes = self._answer("SELECT DISTINCT hash(unnest($values)) AS value", values)["value"].to_pylist()
        return f"{column}_hash IN ({', '.join(map(str, hashes))})"

    def _hashes(self, name: str) -> list[str]:
        return self._indexed.get(name, [])

    def change(self, name: str, key: Sequence[str], removed: pa.Table, added: pa.Table | None = None) -> pa.Table:
        """Take the rows of some keys out of a table and put rows in; return those that were taken out.

        ``removed`` has the columns of ``key``; ``added`` those of the table. What is added replaces what has its key.
        """
        self.engine.changed(name)
        gone = removed.select(list(key))
        if added is not None:
            gone = pa.concat_tables([gone, added.select(list(key)).cast(gone.schema)])
        hashes = self._hashes(name)
        table = f"{identifier(name)}_kept" if hashes else identifier(name)
        same = " AND ".join(f't."{identifier(one)}" = g."{identifier(one)}"' for one in key)
        found = next((one for one in hashes if one.removesuffix("_hash") in key), None)
        few = f"(SELECT rowid AS place, * FROM {table})"
        if found:
            column = found.removesuffix("_hash")
            asked = f"WITH asked AS (SELECT {column} AS value FROM gone_rows) "
            few = f"({asked}SELECT rowid AS place, * FROM {table} WHERE {self._is_asked(name, column, gone[column].to_pylist())})"
        self._database.register("gone_rows", gone)
        where = f"EXISTS (SELECT 1 FROM gone_rows AS g WHERE {same})"
        taken = self._database.sql(
            f"WITH few AS MATERIALIZED {few} SELECT * FROM few AS t WHERE {where}"
        ).to_arrow_table()
        self._database.unregister("gone_rows")
        self._delete(table, taken.select(["place"]))
        if added is not None:
            self.add(name, added)
        return taken.drop_columns(["place", *hashes])

    def differing(self, name: str, key: Sequence[str], now: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Compare a table with how it is to be: return the keys that are there no more, and the rows that are new or others."""
        keys = ", ".join(f'"{identifier(one)}"' for one in key)
        columns = ", ".join(f'"{identifier(one)}"' for one in now.column_names)
        self._database.register("rows_now", now)
        try:
            gone, fresh = (
                self._database.sql(f"SELECT {shown} FROM {one} EXCEPT ALL SELECT {shown} FROM {other}").to_arrow_table()
                for shown, one, other in (
                    (keys, identifier(name), "rows_now"),
                    (columns, "rows_now", identifier(name)),
                )
            )
        finally:
            self._database.unregister("rows_now")
        return gone, fresh.cast(now.schema)

    def remove(self, name: str, column: str, values: Collection[str]) -> None:
        """Take out the rows of an indexed table in which a column has one of some values."""
        table = f"{identifier(name)}_kept"
        self.engine.changed(name)
        sql = f"""
            WITH asked AS (SELECT unnest($values) AS value),
            few AS MATERIALIZED (
                SELECT rowid AS place, {identifier(column)} AS value FROM {table} WHERE {self._is_asked(name, column, values)}
            )
            SELECT place FROM few WHERE value IN (SELECT value FROM asked)
        """
        if values:
            self._delete(table, self._answer(sql, values))

    def add(self, name: str, added: pa.Table) -> None:
        """Put rows into a table."""
        self.engine.changed(name)
        hashes = self._hashes(name)
        table = f"{identifier(name)}_kept" if hashes else identifier(name)
        if len(added):
            self._database.register("new_rows", added)
            more = "".join(f', hash("{one.removesuffix("_hash")}") AS {one}' for one in hashes)
            self._database.execute(f"INSERT INTO {table} BY NAME SELECT *{more} FROM new_rows")
            self._database.unregister("new_rows")

    def _delete(self, table: str, places: pa.Table) -> None:
        if len(places):
            self._database.register("gone_places", places)
            self._database.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM gone_places)")
            self._database.unregister("gone_places")
