"""A table on disk has the digest that it has in memory, however many rows it has."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review.engine import ParquetFile, file
from access_review.tables import digest

ODD = {
    'na"me': pa.array(['O"Hara', None, "", "ß,\r\n", "\\", "\0"], pa.string()),
    "number": pa.array([0, None, -5, 10**18, 7, -(2**63)], pa.int64()),
    "flag": pa.array([True, None, False, True, True, True], pa.bool_()),
    "at": pa.array(
        [
            datetime(2026, 11, 2, 6, tzinfo=UTC),
            None,
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(500, 1, 1, 0, 0, 0, 10, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        ],
        pa.timestamp("us", "UTC"),
    ),
}


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(file, "THREADED", 0)


def written(folder, table, **how):
    pq.write_table(table, folder / "it's.parquet", **how)
    return ParquetFile(folder / "it's.parquet")


@pytest.mark.usefixtures("many")
def test_whatever_a_column_holds_is_written_as_in_memory(tmp_path):
    table = pa.table(ODD)
    assert written(tmp_path, table).digest() == digest(table)


@pytest.mark.usefixtures("many")
def test_the_rows_of_a_large_file_keep_their_order(tmp_path):
    number = 70_001
    table = pa.table({"id": pa.array([f"id-{place}" for place in range(number)]), "n": pa.array(range(number))})
    assert written(tmp_path, table, row_group_size=9_999).digest() == digest(table)
    back = table.take(pa.array(range(number - 1, -1, -1)))
    assert written(tmp_path, back, row_group_size=9_999).digest() == digest(back) != digest(table)


@pytest.mark.usefixtures("many")
def test_a_type_that_no_table_of_ours_has_is_left_to_memory(tmp_path):
    table = pa.table({"share": pa.array([0.5, None])})
    assert written(tmp_path, table).digest() == digest(table)


@pytest.mark.usefixtures("many")
def test_a_damaged_file_has_no_digest(tmp_path):
    found = written(tmp_path, pa.table({"id": [f"id-{place}" for place in range(50_000)]}), compression="none")
    whole = bytearray(found.path.read_bytes())
    whole[4:2000] = b"\xff" * 1996
    found.path.write_bytes(bytes(whole))
    with pytest.raises(OSError, match="it's"):
        found.digest()
