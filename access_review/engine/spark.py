"""The same statements on Apache Spark, for those who outgrow one machine (extra ``spark``).

Statements are written once, in DuckDB's dialect kept to what Spark SQL has too, and
translated by sqlglot; what the two mean differently is put right in :func:`translate`.
Tables are Parquet files that driver and workers read: of the snapshot, written by the
driver when they are small (the closure, what roles expect), or by the workers.
"""

import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from access_review.engine import scratch as spill
from access_review.engine.file import GROUP, ParquetFile
from access_review.engine.sql import applied, bind, identifier
from access_review.errors import WorkspaceError
from access_review.model import Relation
from access_review.tables import Row

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Said last, whatever a policy says: on these rests that both engines give the same bytes.
# Without ANSI mode a number and a text meet as text, as they do in DuckDB; a fact that is unknown is null, not left out.
_ALWAYS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.jsonGenerator.ignoreNullFields": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}

_AT_FIRST = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}

# Small beside the grants, and joined with all of them: each worker is sent a copy, whatever Spark guesses of their size.
_BROADCAST = ("closure", "verdicts")


@dataclass(slots=True)
class SparkEngine:
    """One Spark session for one run, as :class:`~access_review.engine.Engine` says.

    ``options`` are Spark's own. ``prefix`` is put before the path of a file, as
    ``hdfs://namenode``, where the workers see it by another name; ``scratch`` is a
    folder that driver and workers share, for what is kept and written.
    """

    as_of: datetime
    master: str = "local[*]"
    options: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    scratch: Path | None = None
    _spark: "SparkSession" = field(init=False, repr=False)
    _spill: Path = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.scratch is not None and not self.scratch.is_dir():
            raise WorkspaceError(
                f"engine: scratch is no folder: {self.scratch}", hint="make it where workers see it too"
            )
        self._spark = _session(self.master, {**_AT_FIRST, **self.options, **_ALWAYS})
        self._spill = spill.make(self.scratch)
        if not self._is_shared():
            self._close()
            hint = "scratch must be one that driver and workers share, and prefix what workers put before its path"
            raise WorkspaceError(f"engine: the driver does not find what workers write to {self._spill}", hint=hint)

    def _is_shared(self) -> bool:
        """Return whether the driver sees what workers write: if not, tables would be empty and nobody told."""
        import pyarrow.parquet as pq

        tasks: int = 2 * self._spark.sparkContext.defaultParallelism
        folder = self._place() / "probe"
        self._spark.range(0, tasks, 1, tasks).write.parquet(self._seen(folder))
        seen: int = sum(pq.read_metadata(part).num_rows for part in folder.glob("part-*.parquet"))
        return seen == tasks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        try:
            self._spark.stop()
        finally:
            spill.remove(self._spill)

    def once(self, make: Callable[[], None], made_of: Callable[[], object] | None) -> None:  # noqa: ARG002 - as every engine
        """Make facts: what outgrew one machine is not kept beside."""
        make()

    def register(self, name: str, data: pa.Table | ParquetFile) -> None:
        """Make an Arrow table (small: the driver writes it) or a Parquet file known under ``name``."""
        import pyarrow.parquet as pq

        kept = self._place() / f"{identifier(name)}.parquet"
        if isinstance(data, pa.Table):
            pq.write_table(_spelled_out(data), kept)
        elif data.path.name.startswith((".", "_")):  # Hadoop sees no such file, and what is being written is called so
            shutil.copyfile(data.path, kept)
        else:
            kept = data.path
        # Spark would run a job to look at the columns of each file.
        columns = _columns(pq.read_schema(kept))
        self._name(name, self._spark.read.schema(columns).parquet(self._seen(kept)))

    def create(self, name: str, sql: str, **params: Any) -> int:
        """Keep what a SELECT returns as table ``name``; return the number of its rows.

        It is kept in files: the loss of a worker loses no table, and Spark knows how large
        it is.
        """
        import pyarrow.parquet as pq

        found = self._run(sql, params)
        folder = self._place() / identifier(name)
        found.write.parquet(self._seen(folder))
        self._name(name, self._spark.read.schema(found.schema).parquet(self._seen(folder)))
        return sum(int(pq.read_metadata(part).num_rows) for part in folder.glob("part-*.parquet"))

    def view(self, name: str, sql: str, *, steady: bool = False) -> None:  # noqa: ARG002 - to keep it takes a job
        """Make a SELECT known under ``name``, to be run whenever it is read."""
        self._run(sql, {}).createOrReplaceTempView(identifier(name))

    def drop(self, *names: str) -> None:
        """Forget tables that nothing reads any more."""
        for name in names:
            self._spark.catalog.dropTempView(name)

    def is_empty(self, name: str) -> bool:  # noqa: ARG002 - nothing is known without looking
        """Return false: to look would take a job."""
        return False

    def columns(self, *names: str) -> Mapping[str, Sequence[str]]:
        """Return the columns of each of these tables, in order."""
        return {name: self._spark.table(identifier(name)).columns for name in names}

    def identify(self, kinds: Mapping[str, str]) -> None:
        """Do nothing: Spark encodes what repeats by itself."""

    def narrow(
        self,
        name: str,
        sql: str,
        *,
        ids: Mapping[str, str] = MappingProxyType({}),  # noqa: ARG002 - only the embedded engine numbers
        few: Sequence[str] = (),  # noqa: ARG002 - likewise
        among: Mapping[str, Sequence[str]] = MappingProxyType({}),  # noqa: ARG002 - likewise
        **params: Any,
    ) -> None:
        """Keep what a SELECT returns as table ``name``; a table that would only be kept again stays as it is."""
        if sql != f"SELECT * FROM {name}":
            self.create(name, sql, **params)

    def referring(self, name: str, columns: Sequence[str]) -> str:
        """Return a SELECT of a kept table, its ids as text like all others."""
        beside = "".join(f", CAST(NULL AS VARCHAR) AS {column}_text" for column in columns)
        return f"SELECT *{beside} FROM {identifier(name)}"

    def query(self, sql: str, **params: Any) -> pa.Table:
        """Return what a SELECT returns."""
        return self._run(sql, params).toArrow()

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Return what a SELECT returns as dictionaries: for the few, never for the many."""
        rows: list[Row] = self.query(sql, **params).to_pylist()
        return rows

    def run(self, relation: Relation) -> pa.Table:
        """Evaluate a relation, its function over a small frame included."""
        return applied(relation, self.query(relation.sql, **relation.params))

    def batches(self, sql: str, *, rows: int = 100_000, **params: Any) -> pa.RecordBatchReader:
        """Return what a SELECT returns, batch by batch."""
        return self._written(sql, params, rows)

    def room(self, name: str) -> ParquetFile | None:
        """Return a file in the scratch folder, which the driver writes."""
        return ParquetFile(self._place() / f"{identifier(name)}.parquet")

    def write(self, sql: str, to: ParquetFile, **params: Any) -> None:
        """Write what a SELECT returns to one Parquet file, in its order."""
        to.write(self._written(sql, params, GROUP))

    def _written(self, sql: str, params: Mapping[str, Any], rows: int) -> pa.RecordBatchReader:
        """Let the workers write what a SELECT returns, and read it in their order."""
        import pyarrow.parquet as pq

        folder = self._place() / "parts"
        self._run(sql, params).write.parquet(self._seen(folder))
        parts = [pq.ParquetFile(part) for part in sorted(folder.glob("part-*.parquet"))]
        schema = pa.schema([field.remove_metadata() for field in parts[0].schema_arrow])
        batches = (batch.cast(schema) for part in parts for batch in part.iter_batches(rows))
        return pa.RecordBatchReader.from_batches(schema, batches)

    def _name(self, name: str, table: "DataFrame") -> None:
        (table.hint("broadcast") if name in _BROADCAST else table).createOrReplaceTempView(name)

    def _place(self) -> Path:
        """Return a new folder that driver and workers share, gone when the engine closes."""
        return Path(tempfile.mkdtemp(dir=self._spill))

    def _seen(self, path: Path) -> str:
        """Return what workers call a path."""
        return f"{self.prefix}{path.absolute()}"

    def _run(self, sql: str, params: Mapping[str, Any]) -> "DataFrame":
        return self._spark.sql(translate(bind(sql, params, self.as_of)))


def _session(master: str, options: Mapping[str, str]) -> "SparkSession":
    """Start Spark; raises ``WorkspaceError`` where that is not possible."""
    with warnings.catch_warnings():
        # pyspark tells whoever imports it that it is not ready for pandas 3; no frame of pandas is passed here.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            from pyspark.errors import PySparkRuntimeError
            from pyspark.sql import SparkSession

            builder = SparkSession.builder.master(master).appName("access-review")
            for name, value in options.items():
                builder = builder.config(name, value)
            return builder.getOrCreate()
        except ModuleNotFoundError as error:
            hint = "pip install 'access-review[spark]', and Java 17 or later"
            raise WorkspaceError(f"engine: spark needs {error.name}", hint=hint) from None
        except PySparkRuntimeError as error:
            hint = "Java 17 or later must be on the PATH, or where JAVA_HOME says"
            raise WorkspaceError(f"engine: Spark did not start: {error}", hint=hint) from None


def _columns(schema: pa.Schema) -> Any:
    """Return what Spark calls the columns of a file."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def _spelled_out(data: pa.Table) -> pa.Table:
    """Return a table as Spark takes it: no dictionaries, nothing that may not be null."""
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in data.columns]
    types = [pa.string() if pa.types.is_null(c.type) else c.type for c in columns]
    schema = pa.schema([pa.field(n, t) for n, t in zip(data.column_names, types, strict=True)])
    return pa.table(columns, names=data.column_names).cast(schema)


def translate(sql: str) -> str:
    """Write a statement of DuckDB's dialect as Spark SQL."""
    import sqlglot
    from sqlglot import exp

    def put_right(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.TimeToStr):
            # Spark takes every letter for a part of the time unless it is quoted.
            quoted = re.sub("(?<!%)[A-Za-z]+", r"'\g<0>'", node.args["format"].name)
            node.set("format", exp.Literal.string(quoted))
        return _joined_in_order(node) if isinstance(node, exp.GroupConcat) else node

    tree = sqlglot.parse_one(sql, read="duckdb").transform(put_right)
    return tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _joined_in_order(node: Any) -> Any:
    """Join texts in their own order: Spark's list of collected values has none."""
    from sqlglot import exp

    values, separator = node.this, node.args.get("separator") or exp.Literal.string(",")
    if isinstance(values, exp.Order):
        values = values.this
    collect = "collect_list"
    if isinstance(values, exp.Distinct):
        collect, values = "collect_set", values.expressions[0]
    collected = exp.Anonymous(this="sort_array", expressions=[exp.Anonymous(this=collect, expressions=[values])])
    joined = exp.Anonymous(this="array_join", expressions=[collected, separator])
    return exp.Anonymous(this="nullif", expressions=[joined, exp.Literal.string("")])
