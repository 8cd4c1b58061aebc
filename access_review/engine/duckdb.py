"""DuckDB, embedded, over Arrow tables and Parquet files.

Values are bound beside each statement, as DuckDB takes them.

Wide tables are kept narrow: ids and text that repeats are stored as numbers (DuckDB's
enumerations), which statements see as the text they stand for. That is what lets
twenty million grants fit, and it is done once, when a table is kept. Small tables are
kept as they are: to look at their types would take longer than to read them.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from access_review.engine import databases, scratch
from access_review.engine.databases import SpareDatabase, copied, parsed
from access_review.engine.file import GROUP, ParquetFile
from access_review.engine.sql import Bound, applied, identifier, narrowed, prepare
from access_review.model import Relation
from access_review.tables import Row

if TYPE_CHECKING:
    import duckdb

_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
}
"""What DuckDB calls the types of our tables; to have it look at an empty table would take longer."""

FEW = 60_000
"""Up to so many distinct values a column may have to be kept as text that repeats."""

COPIED = 10_000
"""Up to so many rows a registered table is copied."""

WEIGHED = 100_000
"""A file of so many bytes is read without looking at how many rows it has."""

_NEEDED = ("filter_pushdown", "expression_rewriter", "unused_columns")
"""What DuckDB is still to do to the plans of a tiny company."""

TINY = 5_000
"""Up to so many rows in all registered tables plans are run nearly as written: to better one takes longer than to run it."""

SMALL = 50_000
"""Up to so many rows in all registered tables nothing is narrowed."""

_IN_DATABASE = frozenset({"TABLE", "VIEW"})
"""The kinds of what lies in the database itself; of a table of many rows only where it lies is known there."""


@dataclass(slots=True)
class EmbeddedEngine:
    """One database for one run, as :class:`~access_review.engine.Engine` says.

    ``memory`` (``"4GB"``) bounds what tables and joins may take; beyond it they spill to a folder
    that only this user can read and that is gone when the engine closes. ``small`` is
    the number of rows up to which nothing is narrowed, ``copied`` that up to which a registered table is.
    """

    as_of: datetime
    memory: str = "4GB"
    threads: int | None = None
    small: int = SMALL
    copied: int = COPIED
    _opened: "duckdb.DuckDBPyConnection | None" = field(init=False, repr=False, default=None)
    _spill: Path = field(init=False, repr=False)
    _base: SpareDatabase | None = field(init=False, repr=False, default=None)
    _known: dict[str, str] = field(init=False, repr=False, default_factory=dict)
    _rows: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _counts: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _numbered: bool = field(init=False, repr=False, default=False)
    _rooms: int = field(init=False, repr=False, default=0)

    @property
    def _db(self) -> "duckdb.DuckDBPyConnection":
        """The database, opened when it is first asked."""
        if self._opened is None:
            self._opened, self._spill = databases.connect(self.memory, self.threads)
        return self._opened

    @classmethod
    def over(cls, as_of: datetime, database: "duckdb.DuckDBPyConnection", folder: Path) -> Self:
        """Work in a database that is open already, in which nothing is narrowed and everything registered is copied."""
        engine = cls(as_of, small=sys.maxsize, copied=sys.maxsize)
        engine._opened, engine._spill = database, folder
        engine._known, engine._counts = databases.standing(database)
        return engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is None:
            return
        scratch.remove(self._spill)
        if error is None and self._base is not None:
            self._opened.execute("ROLLBACK")
            databases.give(self._base)
        else:
            self._opened.close()
        self._opened = None

    def once(self, make: Callable[[], None], made_of: Callable[[], object] | None) -> None:
        """Make facts, or take up the database in which they were made of the same, where a company is small."""
        if made_of is None or self._opened is not None:
            make()
            return
        whole = (self.as_of, self.memory, self.threads, self.small, made_of())
        found = databases.take(whole)
        if found is None:
            make()
            if self._numbered or not _IN_DATABASE.issuperset(self._known.values()):
                return
            known, counted, counts = dict(self._known), dict(self._rows), dict(self._counts)
            found = SpareDatabase(whole, self.memory, self.threads, self._db, self._spill, known, counted, counts)
        else:
            scratch.make_again(found.scratch)
            self._opened, self._spill = found.database, found.scratch
            self._known, self._rows, self._counts = dict(found.known), dict(found.rows), dict(found.counts)
        # What comes after the facts is taken back when the engine is closed.
        self._db.execute("BEGIN")
        self._base = found

    def register(self, name: str, data: pa.Table | ParquetFile) -> None:
        """Make an Arrow table or a Parquet file known under ``name``, replacing what had that name."""
        self._forget(identifier(name))
        if isinstance(data, ParquetFile) and data.bytes <= WEIGHED:
            data = data.read()
        rows = data.rows if isinstance(data, ParquetFile) else len(data)
        if rows <= self.copied:
            self._copy(name, data)
        elif isinstance(data, ParquetFile):
            self._db.read_parquet(str(data.path)).create_view(name)
            self._known[name] = "FILE"
        else:
            self._db.register(name, data)
            self._known[name] = "ARROW"
        self._rows[name] = self._counts[name] = rows

    def _copy(self, name: str, data: pa.Table | ParquetFile) -> None:
        """Keep a small table: what lies in a file or in Arrow is looked at anew by every statement that names it."""
        self._known[name] = "TABLE"
        if isinstance(data, ParquetFile) and data.rows > COPIED:
            self._db.read_parquet(str(data.path)).create(name)
            return
        if isinstance(data, ParquetFile):
            data = data.read()
        if not len(data) and all(kind in _TYPES for kind in data.schema.types):
            columns = ", ".join(f'"{identifier(part.name)}" {_TYPES[part.type]}' for part in data.schema)
            self._execute(f"CREATE TABLE {name} ({columns})")
            return
        self._db.register("incoming", data)
        self._execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
        self._db.unregister("incoming")

    def create(self, name: str, sql: str, **params: Any) -> int:
        """Keep what a SELECT returns as table ``name``; return the number of its rows."""
        return self._keep(identifier(name), sql, params)

    def view(self, name: str, sql: str, *, steady: bool = False) -> None:
        """Make a SELECT known under ``name``: of a small company one that is ``steady`` is planned once and kept."""
        if steady and not self._numbered:
            self._keep(identifier(name), sql)
            return
        self._forget(identifier(name))
        self._execute(f"CREATE VIEW {name} AS {sql}")
        self._known[name] = "VIEW"

    def drop(self, *names: str) -> None:
        """Forget tables that nothing reads any more."""
        for name in names:
            self._forget(name)

    def is_empty(self, name: str) -> bool:
        """Tell whether a table is known to have no row: the count of what was registered or kept."""
        return self._counts.get(name) == 0

    def changed(self, name: str) -> None:
        """Forget how many rows a table has: others were put in or taken out."""
        self._counts.pop(name, None)

    def columns(self, *names: str) -> Mapping[str, Sequence[str]]:
        """Return the columns of each of these tables, in order."""
        return {name: self._db.table(identifier(name)).columns for name in names}

    def identify(self, kinds: Mapping[str, str]) -> None:
        """Give each id a number, whatever its kind; ``kinds`` has a SELECT of the ids of each kind (one column, none twice).

        Columns said to hold such ids in :meth:`narrow` are then kept as these numbers,
        unless all that is registered is small.
        """
        rows = sum(self._rows.values())
        self._numbered = rows > self.small
        if not self._numbered and rows <= TINY:
            names = "SELECT string_agg(name, ',') FROM duckdb_optimizers() WHERE name NOT IN (SELECT unnest($needed))"
            (unwanted,) = self._execute(names, {"needed": list(_NEEDED)}).fetchone() or ("",)
            self._db.execute(f"SET disabled_optimizers = '{unwanted}'")
        if not self._numbered:
            return
        every = " UNION ALL ".join(
            f"SELECT id, '{identifier(kind)}' AS kind FROM ({sql}) AS t(id)" for kind, sql in kinds.items()
        )
        self._db.execute("DROP TYPE IF EXISTS id_number")
        # Numbers rise with the text, so that sorting by one is sorting by the other.
        self._db.execute(f"CREATE TYPE id_number AS ENUM (SELECT id FROM ({every}) AS every ORDER BY id)")
        # Each statement with such a cast goes through all values of the type before it begins: there is one.
        self._keep("ids", f"SELECT id, kind, CAST(id AS id_number) AS number FROM ({every}) AS every")
        for kind in kinds:
            self.view(f"{kind}_numbers", f"SELECT id, number FROM ids WHERE kind = '{kind}'")

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
        """Keep what a SELECT returns as table ``name``, its ids and the text that repeats as numbers.

        A column that turns out otherwise than ``ids``, ``few`` and ``among`` say is kept as
        it is: slower, and as right.
        """
        if not self._numbered:
            if sql != f"SELECT * FROM {name}":
                self.create(name, sql, **params)
            return
        if few and sql != f"SELECT * FROM {name}":  # what is looked through for the values is found once
            self._keep(name, sql, params)
            sql, params = f"SELECT * FROM {name}", {}
        types = self._types(sql, params)
        ids = {column: kind for column, kind in ids.items() if types[column].id != "enum"}
        kinds = {column: kind for column in few if (kind := self._kind(name, column, sql, params))}
        for column, values in among.items():
            kinds[column] = f"{name}_{column}"
            self._db.execute(f"DROP TYPE IF EXISTS {kinds[column]}")
            listed = {"values": list(values)}
            self._db.execute(f"CREATE TYPE {kinds[column]} AS ENUM (SELECT unnest($values))", listed)
        self._keep(f"{name}_narrowed", narrowed(sql, ids, kinds), params)
        if lost := self._lost(f"{name}_narrowed", ids):
            known = {column: kind for column, kind in ids.items() if column not in lost}
            self._keep(f"{name}_narrowed", narrowed(sql, known, kinds), params)
        for column in ids.keys() - lost:
            self._db.execute(f"ALTER TABLE {name}_narrowed DROP COLUMN lost_{column}")
        self._forget(name)
        self._db.execute(f"ALTER TABLE {name}_narrowed RENAME TO {name}")
        self._known[name] = self._known.pop(f"{name}_narrowed")
        self._counts[name] = self._counts.pop(f"{name}_narrowed")

    def referring(self, name: str, columns: Sequence[str]) -> str:
        """Return a SELECT of a kept table in which columns are ids; text that is no id is beside, as ``<column>_text``."""
        if not self._numbered:
            beside = "".join(f", CAST(NULL AS VARCHAR) AS {column}_text" for column in columns)
            return f"SELECT *{beside} FROM {identifier(name)}"
        types = self._types(f"SELECT * FROM {identifier(name)}")
        number = self._types("SELECT number FROM ids")["number"]
        shown, joins = [f't."{column}"' for column in types if column not in columns], []
        for column in columns:
            if types[column] == number:
                shown += [f"t.{column}", f"CAST(NULL AS VARCHAR) AS {column}_text"]
                continue
            text, known = f"CAST(t.{column} AS VARCHAR)", f"{name}_{column}"
            # All ids are looked through for the few of a table, never the other way round.
            few = f"SELECT DISTINCT CAST({column} AS VARCHAR) AS id FROM {name}"
            self._keep(known, f"SELECT DISTINCT ids.id, number FROM ids JOIN ({few}) AS few ON few.id = ids.id")
            joins.append(f"LEFT JOIN {known} ON {known}.id = {text}")
            shown += [f"{known}.number AS {column}", f"CASE WHEN {known}.id IS NULL THEN {text} END AS {column}_text"]
        return f"SELECT {', '.join(shown)} FROM {name} AS t {' '.join(joins)}"

    def _kind(self, name: str, column: str, sql: str, params: Mapping[str, Any]) -> str | None:
        """Make a type of the values of a column, if they are few."""
        distinct = f"SELECT DISTINCT {column} AS v FROM ({sql}) AS s WHERE {column} IS NOT NULL"
        text, values = prepare(distinct, params, self.as_of)
        if len(self._db.execute(f"SELECT v FROM ({text}) LIMIT {FEW + 1}", values).fetchall()) > FEW:
            return None
        self._db.execute(f"DROP TYPE IF EXISTS {name}_{column}")
        self._db.execute(f"CREATE TYPE {name}_{column} AS ENUM ({text} ORDER BY v)", values)
        return f"{name}_{column}"

    def _lost(self, name: str, columns: Iterable[str]) -> frozenset[str]:
        """Return the columns of a kept table in which some id is none that was identified."""
        return frozenset(
            column for column in columns if self._db.sql(f"SELECT 1 FROM {name} WHERE lost_{column} LIMIT 1").fetchall()
        )

    def _keep(self, name: str, sql: str, params: Mapping[str, Any] = MappingProxyType({})) -> int:
        text, values = prepare(sql, params, self.as_of)
        # What is read may be what has the name now.
        new = f"{name}_new" if name in self._known else name
        (kept,) = self._execute(f"CREATE TABLE {new} AS {text}", values).fetchall()[0]
        if new != name:
            self._forget(name)
            self._db.execute(f"ALTER TABLE {new} RENAME TO {name}")
        self._known[name] = "TABLE"
        self._counts[name] = int(kept)
        return int(kept)

    def _forget(self, name: str) -> None:
        self._rows.pop(name, None)
        self._counts.pop(name, None)
        match self._known.pop(name, None):
            case None:
                pass
            case "ARROW":
                self._db.unregister(name)
            case kind:
                self._execute(f"DROP {'VIEW' if kind == 'FILE' else kind} {name}")

    def query(self, sql: str, **params: Any) -> pa.Table:
        """Return what a SELECT returns."""
        if self._numbered:
            return self._relation(sql, params).to_arrow_table()
        text, values = prepare(sql, params, self.as_of)
        # To copy a small company's rows once more takes less than to plan the statement twice, as a relation does.
        return copied(self._execute(text, values))

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Return what a SELECT returns as dictionaries: for the few, never for the many."""
        rows: list[Row] = self.query(sql, **params).to_pylist()
        return rows

    def batches(self, sql: str, *, rows: int = 100_000, **params: Any) -> pa.RecordBatchReader:
        """Return what a SELECT returns, batch by batch; read it to its end before asking anything else."""
        return self._relation(sql, params).to_arrow_reader(rows)

    def room(self, name: str) -> ParquetFile | None:
        """Return a file in the scratch folder, another one each time, once ids are numbers: all is small before."""
        if not self._numbered:
            return None
        self._rooms += 1
        return ParquetFile(self._spill / f"{identifier(name)}-{self._rooms}.parquet")

    def write(self, sql: str, to: ParquetFile, **params: Any) -> None:
        """Write what a SELECT returns to a Parquet file, in its order."""
        # DuckDB's own writer puts every text of a column into a dictionary: twice the time for what hardly repeats.
        if self._numbered:
            to.write(self.batches(sql, rows=GROUP, **params))
        else:
            to.write(self.query(sql, **params).to_reader(GROUP))

    def _relation(self, sql: str, params: Mapping[str, Any]) -> "duckdb.DuckDBPyRelation":
        text, values = self._spelled_out(sql, params)
        return self._db.sql(parsed(self._db, text), params=values)

    def _execute(self, text: str, values: Mapping[str, Any] = MappingProxyType({})) -> "duckdb.DuckDBPyConnection":
        return self._db.execute(parsed(self._db, text), dict(values) or None)

    def _spelled_out(self, sql: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Bound]]:
        """Return a statement, with its values, of the same in which numbers are the text they stand for."""
        text, values = prepare(sql, params, self.as_of)
        if not self._numbered:
            return text, values
        types = self._types(sql, params)
        if not any(kind.id == "enum" for kind in types.values()):
            return text, values
        shown = (f'CAST("{n}" AS VARCHAR) AS "{n}"' if kind.id == "enum" else f'"{n}"' for n, kind in types.items())
        return f"SELECT {', '.join(shown)} FROM ({text}) AS found", values

    def _types(self, sql: str, params: Mapping[str, Any] = MappingProxyType({})) -> Mapping[str, Any]:
        """Return the types of a SELECT's columns."""
        text, values = prepare(sql, params, self.as_of)
        found = self._db.sql(text, params=values)
        return dict(zip(found.columns, found.types, strict=True))

    def run(self, relation: Relation) -> pa.Table:
        """Evaluate a relation, its function over a small frame included."""
        return applied(relation, self.query(relation.sql, **relation.params))
