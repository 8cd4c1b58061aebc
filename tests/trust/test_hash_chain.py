import re
import sqlite3

import pytest

from access_review.errors import ArtifactError
from access_review.store.hash_chain import (
    START,
    StoreForm,
    chained_rows,
    head_at,
    opened_store,
    opened_to_write,
    row_digest,
    times_written,
)
from access_review.store.journal import START as BEGINNING


@pytest.fixture
def store(tmp_path):
    """A store of three rows that holds nothing but what a chain needs."""
    path = tmp_path / "a store?.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, said TEXT, previous TEXT, digest TEXT) STRICT")
    before = START
    for seq, said in enumerate("abc", start=1):
        body = {"seq": seq, "said": said, "previous": before}
        before = row_digest(body)
        connection.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", [*body.values(), before])
    connection.commit()
    connection.close()
    return path


def execute(store, statement):
    connection = sqlite3.connect(store)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_rows_are_read_in_their_order_and_chained_as_journals_are(store):
    rows = chained_rows(store)
    assert [row["said"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["previous"] == START == BEGINNING == "sha256:" + "0" * 64


def test_the_head_at_a_position_is_that_rows_hash(store):
    heads = [START, *(row["digest"] for row in chained_rows(store))]
    assert [head_at(store, position) for position in range(5)] == [*heads, None]
    assert head_at(store.with_name("none"), 0) == START


@pytest.mark.parametrize("statement", ["CREATE VIEW v AS SELECT 1", "CREATE INDEX i ON rows (said)", "DROP TABLE rows"])
def test_a_store_holds_rows_and_nothing_besides(store, statement):
    execute(store, statement)
    for reads in (lambda: chained_rows(store), lambda: head_at(store, 1)):
        with pytest.raises(ArtifactError, match="is no store of this tool"):
            reads()


def test_an_empty_store_passes_only_where_it_may(store):
    execute(store, "DROP TABLE rows")
    with opened_store(store, may_be_empty=True) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    execute(store, "CREATE TABLE other (x TEXT)")
    with pytest.raises(ArtifactError, match="it holds 1 objects"), opened_store(store, may_be_empty=True):
        pass


@pytest.mark.parametrize("column", ["seq", "previous", "digest"])
def test_a_table_without_a_chain_is_refused(store, column):
    execute(store, "ALTER TABLE rows RENAME TO old")
    names = [name for name in ("seq", "said", "previous", "digest") if name != column]
    execute(store, f"CREATE TABLE rows AS SELECT {', '.join(names)} FROM old")
    execute(store, "DROP TABLE old")
    with pytest.raises(ArtifactError, match=rf"{re.escape(str(store))}(: row 1 is not as| cannot be used)"):
        chained_rows(store)


def test_a_store_that_cannot_be_written_or_is_of_another_program_is_named(store):
    form = StoreForm("what was said", 1, "CREATE TABLE rows (seq INTEGER PRIMARY KEY)")
    for path, said in (
        (store.parent, f"{store.parent} cannot be written: Is a directory"),
        (store, f"{store} is no store of what was said, or from a newer version"),
    ):
        with pytest.raises(ArtifactError) as refused, opened_to_write(path, form):
            pass
        assert refused.value.message == said
    store.write_bytes(b"SQLite format 3\0" + bytes(900))
    with pytest.raises(ArtifactError, match="cannot be used: file is not a database"):
        chained_rows(store)


def test_each_change_of_a_store_counts_by_whatever_program(store):
    before = times_written(store)
    execute(store, "UPDATE rows SET said = 'b' WHERE seq = 1")
    assert (len(before), before < times_written(store)) == (4, True)
    with pytest.raises(ArtifactError, match="cannot be used: No such file"):
        times_written(store.with_name("none"))


def test_a_store_that_is_not_there_is_not_made(store):
    with pytest.raises(ArtifactError, match="cannot be used: No such file"):
        chained_rows(store.with_name("none"))
    assert not store.with_name("none").exists()
