"""A table on disk, which an engine reads by itself; the middle passes it on without looking at where it lies."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa


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
