"""A table on disk, which an engine reads by itself; the middle passes it on without looking at where it lies."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from access_review import tables

_WRITTEN = {
    pa.string(): """replace({0}, '"', '""')""",
    pa.bool_(): "CAST({0} AS VARCHAR)",
    pa.int64(): "CAST({0} AS VARCHAR)",
    pa.timestamp("us", "UTC"): "strftime({0} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%fZ')",
}
"""How the types of our tables are written in the CSV text that is a table's digest, as SQL."""


def content(table: "pa.Table | ParquetFile") -> bytes:
    """Return a hash of a table's rows and columns as they are kept: the same only for what is read the same.

    Raises as :class:`ParquetFile` does.
    """
    if isinstance(table, ParquetFile):
        return hashlib.sha256(table.path.read_bytes()).digest()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).digest()


THREADED = 100_000
"""From so many rows a table is read by several threads."""

GROUP = 122_880
"""So many rows of a large table are compressed and read as one."""

DICTIONARY = 65_536
"""A column whose different values in a group of rows take more bytes is written as it is: to look each one up takes longer than it saves."""


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A table as a Parquet file; it is read when somebody asks, whole or batch by batch.

    Every method raises ``OSError`` or ``pyarrow.ArrowInvalid`` where the file is missing or damaged.
    """

    path: Path

    @property
    def bytes(self) -> int:
        """How large the file is."""
        return self.path.stat().st_size

    @property
    def rows(self) -> int:
        """How many rows the table has, from the end of the file alone."""
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self.path).num_rows)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table, from the end of the file alone."""
        import pyarrow.parquet as pq

        return pq.read_schema(self.path)

    def read(self) -> pa.Table:
        """Return the table in memory."""
        import pyarrow.parquet as pq

        # Nothing is looked for in the folder, and a small table is read sooner than threads begin.
        with pq.ParquetFile(self.path) as file:
            return file.read(use_threads=file.metadata.num_rows > THREADED)

    def reader(self, columns: list[str] | None = None) -> pa.RecordBatchReader:
        """Return the table, or some columns of it, batch by batch."""
        import pyarrow.parquet as pq

        file = pq.ParquetFile(self.path)
        schema = file.schema_arrow
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, file.iter_batches(columns=columns))

    def write(self, batches: pa.RecordBatchReader) -> None:
        """Write a table here batch by batch, each of them a group of rows that is compressed as one."""
        import pyarrow.parquet as pq

        how = {"compression": "zstd", "dictionary_pagesize_limit": DICTIONARY}
        with pq.ParquetWriter(self.path, batches.schema, **how) as writer:
            for batch in batches:
                writer.write_batch(batch)

    def digest(self) -> str:
        """Return the digest of the rows, as :func:`access_review.tables.digest` does, of many in half the time."""
        if self.rows <= THREADED or any(kind not in _WRITTEN for kind in self.schema.types):
            return tables.digest(self.reader())
        names = io.BytesIO()
        tables.write_rows(self.schema.empty_table().to_reader(), names)
        found = hashlib.sha256(names.getvalue())
        for text in self._written():
            found.update(text)
        return "sha256:" + found.hexdigest()

    def _written(self) -> Iterator[memoryview]:
        """Yield the rows as CSV text, in order, some thousands at a time: they lie one behind the other in a column of text."""
        import duckdb

        columns = ", ',', ".join(_field(column) for column in self.schema)
        try:
            with duckdb.connect(config=_READING) as database:
                database.execute("SET TimeZone = 'UTC'")
                rows = database.sql(
                    f"SELECT concat({columns}, chr(10)) AS line FROM read_parquet($file)",
                    params={"file": str(self.path)},
                )
                for batch in rows.to_arrow_reader(_AT_ONCE):
                    (lines,) = batch.columns
                    _, offsets, text = lines.buffers()
                    ends = memoryview(offsets).cast("i")
                    yield memoryview(text)[ends[lines.offset] : ends[lines.offset + len(lines)]]
        except duckdb.Error as error:
            raise OSError(f"{self.path}: {error}") from None


_AT_ONCE = 20_000
_READING: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "preserve_insertion_order": True,
    "autoinstall_known_extensions": False,
}


def _field(column: pa.Field) -> str:
    name = '"' + column.name.replace('"', '""') + '"'
    written = _WRITTEN[column.type].format(name)
    return f"CASE WHEN {name} IS NULL THEN '' ELSE concat('\"', {written}, '\"') END"
