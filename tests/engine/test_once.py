"""Facts of a small company that follow from the same are made once, and nobody sees what was put beside them since."""

import contextlib
from datetime import timedelta

import pyarrow as pa
import pytest

from access_review.engine import databases
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.file import ParquetFile, content
from access_review.review import review
from tests.support import small_company
from tests.support.snapshots import AS_OF

THINGS = pa.table({"id": ["a", "b"]})


@pytest.fixture(autouse=True)
def _alone():
    databases.close()
    yield
    databases.close()


def made(engine, of="these"):
    """Make facts, or take them up; tell how often they were made."""
    calls = []

    def make():
        calls.append(of)
        engine.register("things", THINGS)
        engine.create("facts", "SELECT id FROM things WHERE id > 'a'")
        engine.view("seen", "SELECT * FROM facts")

    engine.once(make, of and (lambda: of))
    return len(calls)


def test_what_was_made_is_taken_up_without_what_came_after():
    with EmbeddedEngine(AS_OF) as first:
        assert made(first) == 1
        first.create("facts", "SELECT 'changed' AS id")
        first.register("beside", THINGS)
        first.drop("seen")
        spill = first._spill
    assert not spill.exists()
    with EmbeddedEngine(AS_OF) as second:
        assert made(second) == 0
        assert second._spill.stat().st_mode & 0o777 == 0o700
        assert second.rows("SELECT * FROM seen") == second.rows("SELECT * FROM facts") == [{"id": "b"}]
        assert (
            second.is_empty("facts"),
            second.rows("SELECT 1 AS n FROM duckdb_tables() WHERE table_name = 'beside'"),
        ) == (False, [])
        second.register("beside", THINGS)


def test_it_is_made_anew_for_another_moment_other_rows_and_while_it_is_in_use():
    with EmbeddedEngine(AS_OF) as first:
        made(first)
        with EmbeddedEngine(AS_OF) as beside:
            assert made(beside) == 1
    for engine, of in (
        (EmbeddedEngine(AS_OF + timedelta(seconds=1)), "these"),
        (EmbeddedEngine(AS_OF), "others"),
        (EmbeddedEngine(AS_OF, "1GB"), "these"),
    ):
        with engine:
            assert made(engine, of) == 1


def test_it_is_made_anew_after_an_error_and_where_a_company_is_large_or_something_came_before():
    with contextlib.suppress(ZeroDivisionError), EmbeddedEngine(AS_OF) as broken:
        made(broken)
        raise ZeroDivisionError
    for _ in range(2):
        with EmbeddedEngine(AS_OF) as large:
            assert made(large, None) == 1
        with EmbeddedEngine(AS_OF) as used:
            used.register("before", THINGS)
            assert made(used) == 1


def test_no_more_than_a_few_are_kept():
    for of in "abc":
        with EmbeddedEngine(AS_OF) as engine:
            made(engine, of)
    with EmbeddedEngine(AS_OF) as first, EmbeddedEngine(AS_OF) as last:
        assert (made(first, "a"), made(last, "c")) == (1, 0)


def test_one_that_is_kept_no_longer_is_emptied_for_the_next():
    opened_before = []
    for of in "abcd":
        with EmbeddedEngine(AS_OF) as engine:
            made(engine, of)
            opened_before.append(engine._db)
    # The first two were emptied: the fourth has the first one's, and so on.
    assert opened_before[3] is opened_before[0]
    with EmbeddedEngine(AS_OF, threads=1) as other, EmbeddedEngine(AS_OF) as engine:
        assert other._db not in opened_before
        assert engine._db is opened_before[1]
        assert engine.rows("SELECT table_name FROM duckdb_tables()") == []
        assert engine.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal") == []
        assert engine._spill.is_dir()


def test_one_is_emptied_only_so_often():
    emptied = []
    for number in range(6 * databases.EMPTIED):
        with EmbeddedEngine(AS_OF) as engine:
            assert made(engine, str(number)) == 1
            emptied.append(engine.rows("SELECT coalesce(getvariable('emptied'), 0) AS times")[0]["times"])
    assert max(emptied) == databases.EMPTIED - 1
    assert emptied.count(0) > databases.KEPT + 1, "others are opened"


def test_two_tables_are_the_same_when_they_are_read_the_same(tmp_path):
    import pyarrow.parquet as pq

    assert content(THINGS) == content(pa.table({"id": ["a", "b"]}))
    assert (
        len(
            {
                content(THINGS),
                content(THINGS.slice(0, 1)),
                content(pa.table({"id": ["a", None]})),
                content(pa.table({"it": ["a", "b"]})),
            }
        )
        == 4
    )
    pq.write_table(THINGS, tmp_path / "things.parquet")
    before = content(ParquetFile(tmp_path / "things.parquet"))
    pq.write_table(THINGS.slice(1), tmp_path / "things.parquet")
    assert content(ParquetFile(tmp_path / "things.parquet")) != before


def test_a_review_of_what_was_taken_up_finds_the_same():
    told = small_company.rows()
    with small_company.reviewed(told) as first:
        database = opened(first.engine)
    with small_company.reviewed(told) as again:
        assert opened(again.engine) is database
        assert again.report.digest == first.report.digest
    told["people"][0] |= {"status": "left"}
    with small_company.reviewed(told) as other:
        assert opened(other.engine) is not database
        assert other.report.digest != first.report.digest
    with EmbeddedEngine(small_company.AS_OF, threads=1) as engine:
        assert review(first.snapshot, first.workspace, engine).digest == first.report.digest


def opened(engine):
    assert isinstance(engine, EmbeddedEngine)
    return engine._db
