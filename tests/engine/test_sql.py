import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.sql import bind, identifier, json_path, literal, prepare
from tests.support.snapshots import AS_OF

AWKWARD = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(
        ["'", "''", '"', "o'brien", "a\nb", ":x", "$x", "--", "/*", "NULL", "SELECT", "'; DROP TABLE t; --", "%", "_"]
    ),
)


@pytest.fixture(scope="module")
def engine():
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        engine.register("t", pa.table({"x": ["kept"]}))
        yield engine


@given(AWKWARD)
def test_a_value_is_the_same_bound_and_as_a_literal(engine, value):
    sql = "SELECT :value AS value, ':value' AS quoted"
    expected = [{"value": value, "quoted": ":value"}]
    assert engine.rows(sql, value=value) == expected
    assert engine.rows(bind("SELECT :value AS value", {"value": "t"}, AS_OF)) == [{"value": "t"}]
    text, values = prepare(sql, {"value": value}, AS_OF)
    assert (text, values) == ("SELECT $value AS value, ':value' AS quoted", {"value": value})
    assert literal(value, AS_OF) == "'" + value.replace("'", "''") + "'"
    assert engine.rows("SELECT x FROM t") == [{"x": "kept"}]


@given(AWKWARD | st.sampled_from(["", "*", "a.b", "a\\b", "[0]", "/x~y"]))
def test_a_member_of_an_object_is_found_whatever_it_is_called(engine, name):
    value = json.dumps({"z": "a third", f"{name}2": "another", name: "its own"})
    found = engine.rows("SELECT json_extract_string(:value, :path) AS found", value=value, path=json_path(name))
    assert found == [{"found": "its own"}]


@given(st.lists(AWKWARD, min_size=1, max_size=80, unique=True))
def test_a_value_is_found_among_many_and_another_is_not(engine, values):
    sought, others = values[0], values[1:]
    found = engine.rows("SELECT coalesce(:s IN :all, FALSE) AS is_in, coalesce(:s IN :others, FALSE) AS is_out",
                        s=sought, all=values, others=others)  # fmt: skip
    assert found == [{"is_in": True, "is_out": False}]


@given(AWKWARD)
def test_only_plain_words_name_tables(value):
    if value.isascii() and value.isidentifier():
        assert identifier(value) == value
    else:
        with pytest.raises(ValueError, match="cannot be the name"):
            identifier(value)


@pytest.mark.parametrize("method", ["create", "view"])
def test_no_statement_is_made_of_a_name_that_is_more_than_a_name(engine, method):
    with pytest.raises(ValueError, match="cannot be the name"):
        getattr(engine, method)("t; DROP TABLE t", "SELECT 1 AS x")
