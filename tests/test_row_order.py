from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from access_review.row_order import first_repeated, in_order, is_in_order

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
