"""Rows in the order of their key, and what differs between two such tables: by every small case."""

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from access_review.row_order import differing, first_repeated, in_order, is_in_order

KEY = ("one", "other")
PAIRS = st.lists(st.tuples(st.sampled_from("abé"), st.integers(0, 3)), max_size=8)


def rows(pairs):
    """Return rows in several chunks, as they come from several sources."""
    schema = pa.schema([("one", pa.string()), ("other", pa.int64())])
    parts = [pa.Table.from_pylist([dict(zip(KEY, pair, strict=True))], schema=schema) for pair in pairs]
    return pa.concat_tables([schema.empty_table(), *parts])


@given(PAIRS)
def test_rows_are_in_order_where_each_key_comes_after_the_one_before(pairs):
    assert is_in_order(rows(pairs), KEY) == all(one < other for one, other in pairwise(pairs))


@given(PAIRS)
def test_rows_are_sorted_by_all_of_their_key(pairs):
    assert [tuple(row.values()) for row in in_order(rows(pairs), KEY).to_pylist()] == sorted(pairs)


@given(PAIRS)
def test_the_first_key_that_stands_twice_is_named(pairs):
    twice = sorted(pair for pair in pairs if pairs.count(pair) > 1)
    assert first_repeated(rows(sorted(pairs)), KEY) == (dict(zip(KEY, twice[0], strict=True)) if twice else None)


VALUES = st.dictionaries(st.integers(0, 30), st.sampled_from(["a", "b", None]))


@given(VALUES, VALUES)
def test_what_differs_between_two_tables_is_found_as_if_by_comparing_every_row(before, now):
    old, new = (
        pa.table(
            {"key": pa.array(sorted(one), pa.int64()), "value": [one[key] for key in sorted(one)]},
            schema=pa.schema([("key", pa.int64()), ("value", pa.string())]),
        )
        for one in (before, now)
    )
    gone, fresh = sorted(before.keys() - now.keys()), [key for key in sorted(now) if before.get(key, 0) != now[key]]
    found = differing(old, new, ["key"], 31)
    assert found
    assert found[0].to_pylist() == [{"key": key} for key in gone]
    assert found[1].to_pylist() == [{"key": key, "value": now[key]} for key in fresh]
    number = len(gone) + len(fresh)
    assert differing(old, new, ["key"], number)
    assert not number or differing(old, new, ["key"], number - 1) is None
