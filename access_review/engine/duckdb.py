"""Runs the SQL that the pure modules write.

DuckDB, embedded, over Arrow tables and Parquet files. Statements use named
parameters (``:name``) that become literals here and nowhere else, so that the same
text runs on any engine (:mod:`access_review.engine.spark` is the other one).

Wide tables are kept narrow: ids and text that repeats are stored as numbers (DuckDB's
enumerations), which statements see as the text they stand for. That is what lets
twenty million grants fit, and it is done once, when a table is kept.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self, assert_never

import pyarrow as pa

from access_review.engine import scratch as spill
from access_review.model import AsOf, Relation
from access_review.policy import EngineSettings

if TYPE_CHECKING:
    import duckdb

# What stands in quotes is text, whatever it looks like; `::` is a cast.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):([a-z_]\w*)")

_UNWANTED = ("cte_inlining", "common_subplan", "partitioned_execution", "build_side_probe_side")
"""What DuckDB does to plans and must not.

The first three copy every value of every enumeration for each operator: with a million
ids, planning took 50 of 180 processor seconds of a review, and 4 of its 7 GB; with ten
million, one statement took 17 GB. The last turns joins round by estimates that are far
too low once a few flags are filtered by; so statements name the many before JOIN, and
the few, of which a table is built, behind it.
"""

FEW = 60_000
"""Up to so many distinct values a column may have to be kept as text that repeats."""


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


def open_engine(as_of: datetime, settings: EngineSettings) -> "Engine":
    """Open the engine that a workspace's ``policy.yaml`` asks for; raises ``WorkspaceError`` when it is not installed."""
    match settings.kind:
        case "embedded":
            return Engine(as_of, settings.memory, settings.threads)
        case "spark":
            from access_review.engine.spark import SparkEngine

            scratch = Path(settings.scratch) if settings.scratch else None
            return SparkEngine(
                as_of, master=settings.master, options=settings.options, prefix=settings.prefix, scratch=scratch
            )
        case kind:
            assert_never(kind)


@dataclass(slots=True)
class Engine:
    """One database for one run; a context manager. ``as_of`` is what :class:`AsOf` counts from.

    ``memory`` bounds what tables and joins may take; beyond it they spill to a folder
    that only this user can read and that is gone when the engine closes.
    """

    as_of: datetime
    memory: str = "4GB"
    threads: int | None = None
    _db: "duckdb.DuckDBPyConnection" = field(init=False, repr=False)
    _spill: Path = field(init=False, repr=False)
    _known: dict[str, str] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        import duckdb

        self._spill = spill.make()
        # Nothing is loaded from outside, and a statement in a snapshot's text can reach no file.
        settings: dict[str, Any] = {
            "memory_limit": self.memory,
            "temp_directory": str(self._spill / "duckdb"),
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
        }
        if self.threads:
            settings["threads"] = self.threads
        self._db = duckdb.connect(":memory:", config=settings)
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.execute("SET enable_progress_bar = FALSE")
        self._db.execute(f"SET disabled_optimizers = '{','.join(_UNWANTED)}'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        spill.remove(self._spill)

    def register(self, name: str, data: pa.Table | Path) -> None:
        """Make an Arrow table or a Parquet file known under ``name``, replacing what had that name."""
        self._forget(name)
        if isinstance(data, Path):
            self._db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({literal(str(data), self.as_of)})")
            self._known[name] = "VIEW"
        else:
            self._db.register(name, data)
            self._known[name] = "ARROW"

    def create(self, name: str, sql: str, **params: Any) -> None:
        """Keep what a SELECT returns as table ``name``."""
        self._keep(name, bind(sql, params, self.as_of))

    def view(self, name: str, sql: str, **params: Any) -> None:
        """Make a SELECT known under ``name``, to be run whenever it is read."""
        self._forget(name)
        self._db.execute(f"CREATE VIEW {name} AS {bind(sql, params, self.as_of)}")
        self._known[name] = "VIEW"

    def drop(self, *names: str) -> None:
        """Forget tables that nothing reads any more."""
        for name in names:
            self._forget(name)

    def identify(self, kinds: Mapping[str, str]) -> None:
        """Give each id a number, whatever its kind; ``kinds`` has a SELECT of the ids of each kind (one column, none twice).

        Columns said to hold such ids in :meth:`narrow` are then kept as these numbers.
        """
        every = " UNION ALL ".join(f"SELECT id FROM ({sql}) AS t(id)" for sql in kinds.values())
        self._db.execute("DROP TYPE IF EXISTS id_number")
        # Numbers rise with the text, so that sorting by one is sorting by the other.
        self._db.execute(f"CREATE TYPE id_number AS ENUM (SELECT id FROM ({every}) AS every ORDER BY id)")
        for kind, sql in kinds.items():
            self._keep(f"{kind}_numbers", f"SELECT id, CAST(id AS id_number) AS number FROM ({sql}) AS t(id)")
        self.view("ids", " UNION ALL ".join(f"SELECT id, number FROM {kind}_numbers" for kind in kinds))

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

        ``ids`` says which columns hold ids, and of which kind. ``few`` are columns with few
        values, ``among`` those with known ones. A column that turns out otherwise is kept
        as it is: slower, and as right.
        """
        source = bind(sql, params, self.as_of)
        numbered = self._numbered(source)
        ids = {column: kind for column, kind in ids.items() if "ids" in self._known and column not in numbered}
        kinds = {column: kind for column in few if (kind := self._kind(name, column, source))}
        for column, values in among.items():
            kinds[column] = f"{name}_{column}"
            self._db.execute(f"DROP TYPE IF EXISTS {kinds[column]}")
            self._db.execute(f"CREATE TYPE {kinds[column]} AS ENUM {literal(values, self.as_of)}")
        self._keep(f"{name}_narrowed", self._narrowed(source, ids, kinds))
        if lost := self._lost(f"{name}_narrowed", ids):
            known = {column: kind for column, kind in ids.items() if column not in lost}
            self._keep(f"{name}_narrowed", self._narrowed(source, known, kinds))
        for column in ids.keys() - lost:
            self._db.execute(f"ALTER TABLE {name}_narrowed DROP COLUMN lost_{column}")
        self._forget(name)
        self._db.execute(f"ALTER TABLE {name}_narrowed RENAME TO {name}")
        self._known[name] = self._known.pop(f"{name}_narrowed")

    def referring(self, name: str, columns: Sequence[str]) -> str:
        """Return a SELECT of a kept table in which columns are ids; text that is no id is beside, as ``<column>_text``."""
        found = self._db.sql(f"SELECT * FROM {name}")
        kinds = dict(zip(found.columns, found.types, strict=True))
        number = self._db.sql("SELECT number FROM ids").types[0] if "ids" in self._known else None
        shown, joins = [column for column in kinds if column not in columns], []
        for column in columns:
            if number in (None, kinds[column]):
                shown += [column, f"CAST(NULL AS VARCHAR) AS {column}_text"]
                continue
            text, known = f"CAST(t.{column} AS VARCHAR)", f"{name}_{column}"
            # All ids are looked through for the few of a table, never the other way round.
            few = f"SELECT DISTINCT CAST({column} AS VARCHAR) AS id FROM {name}"
            self._keep(known, f"SELECT DISTINCT ids.id, number FROM ids JOIN ({few}) AS few ON few.id = ids.id")
            joins.append(f"LEFT JOIN {known} ON {known}.id = {text}")
            shown += [f"{known}.number AS {column}", f"CASE WHEN {known}.id IS NULL THEN {text} END AS {column}_text"]
        return f"SELECT {', '.join(shown)} FROM {name} AS t {' '.join(joins)}"

    def _numbered(self, source: str) -> frozenset[str]:
        """Return the columns of a SELECT that are numbers already."""
        found = self._db.sql(source)
        return frozenset(name for name, kind in zip(found.columns, found.types, strict=True) if kind.id == "enum")

    def _kind(self, name: str, column: str, source: str) -> str | None:
        """Make a type of the values of a column, if they are few."""
        values = f"SELECT DISTINCT {column} AS v FROM ({source}) AS s WHERE {column} IS NOT NULL"
        if len(self._db.sql(f"SELECT v FROM ({values}) LIMIT {FEW + 1}").fetchall()) > FEW:
            return None
        self._db.execute(f"DROP TYPE IF EXISTS {name}_{column}")
        self._db.execute(f"CREATE TYPE {name}_{column} AS ENUM ({values} ORDER BY v)")
        return f"{name}_{column}"

    @staticmethod
    def _narrowed(source: str, ids: Mapping[str, str], kinds: Mapping[str, str]) -> str:
        # A join finds the number of an id several times faster than a cast to the enumeration does.
        joins = [
            f"LEFT JOIN {kind}_numbers AS n{i} ON n{i}.id = s.{column}" for i, (column, kind) in enumerate(ids.items())
        ]
        columns = [f"n{i}.number AS {column}" for i, column in enumerate(ids)]
        columns += [f"CAST(s.{column} AS {kind}) AS {column}" for column, kind in kinds.items()]
        replaced = f" REPLACE ({', '.join(columns)})" if columns else ""
        lost = "".join(
            f", n{i}.number IS NULL AND s.{column} IS NOT NULL AS lost_{column}" for i, column in enumerate(ids)
        )
        return f"SELECT s.*{replaced}{lost} FROM ({source}) AS s {' '.join(joins)}"

    def _lost(self, name: str, columns: Iterable[str]) -> frozenset[str]:
        """Return the columns of a kept table in which some id is none that was identified."""
        return frozenset(
            column for column in columns if self._db.sql(f"SELECT 1 FROM {name} WHERE lost_{column} LIMIT 1").fetchall()
        )

    def _keep(self, name: str, bound: str) -> None:
        # What is read may be what has the name now.
        self._db.execute(f"CREATE TABLE {name}_new AS {bound}")
        self._forget(name)
        self._db.execute(f"ALTER TABLE {name}_new RENAME TO {name}")
        self._known[name] = "TABLE"

    def _forget(self, name: str) -> None:
        match self._known.pop(name, None):
            case None:
                pass
            case "ARROW":
                self._db.unregister(name)
            case kind:
                self._db.execute(f"DROP {kind} {name}")

    def query(self, sql: str, **params: Any) -> pa.Table:
        """Return what a SELECT returns."""
        return self._db.sql(self._text(bind(sql, params, self.as_of))).to_arrow_table()

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Return what a SELECT returns as dictionaries: for the few, never for the many."""
        rows: list[dict[str, Any]] = self.query(sql, **params).to_pylist()
        return rows

    def batches(self, sql: str, *, rows: int = 100_000, **params: Any) -> pa.RecordBatchReader:
        """Return what a SELECT returns, batch by batch; read it to its end before asking anything else."""
        return self._db.sql(self._text(bind(sql, params, self.as_of))).to_arrow_reader(rows)

    def write(self, sql: str, path: Path, **params: Any) -> None:
        """Write what a SELECT returns to a Parquet file, in its order."""
        shown, to = self._text(bind(sql, params, self.as_of)), literal(str(path), self.as_of)
        # The next level takes a third more time to write and saves a twentieth of the file.
        self._db.execute(f"COPY ({shown}) TO {to} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")

    def _text(self, bound: str) -> str:
        """Return a SELECT of the same in which numbers are the text they stand for."""
        found = self._db.sql(bound)
        kinds = dict(zip(found.columns, found.types, strict=True))
        if not any(kind.id == "enum" for kind in kinds.values()):
            return bound
        shown = (f'CAST("{n}" AS VARCHAR) AS "{n}"' if kind.id == "enum" else f'"{n}"' for n, kind in kinds.items())
        return f"SELECT {', '.join(shown)} FROM ({bound}) AS found"

    def run(self, relation: Relation) -> pa.Table:
        """Evaluate a relation, its function over a small frame included."""
        found = self.query(relation.sql, **relation.params)
        if relation.then is None:
            return found
        return pa.Table.from_pandas(relation.then(found.to_pandas()), preserve_index=False)
