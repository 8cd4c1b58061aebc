"""The order of rows by their key: to tell whether they stand in it takes far less than to sort them once more."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def in_order(data: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return rows sorted by their key."""
    return data if is_in_order(data, key) else data.sort_by([(name, "ascending") for name in key])


def is_in_order(data: pa.Table, key: Sequence[str]) -> bool:
    """Tell whether the key of each row, which is never null, comes after that of the row before: none stands twice."""
    return len(data) < 2 or bool(pc.all(_comes_after(data, key)).as_py())


def first_repeated(data: pa.Table, key: Sequence[str]) -> dict[str, object] | None:
    """Return the first key that stands more than once in rows that are sorted by it."""
    place = pc.index(_comes_after(data, key), value=False).as_py() if len(data) > 1 else -1
    return None if place < 0 else dict(data.select(list(key)).slice(place, 1).to_pylist()[0])


def _comes_after(data: pa.Table, key: Sequence[str]) -> pa.ChunkedArray:
    """Tell of every row but the first whether its key comes after that of the row before."""
    before, after = data.slice(0, len(data) - 1), data.slice(1)
    found = pa.scalar(value=False)
    for name in reversed(key):
        found = pc.or_(pc.less(before[name], after[name]), pc.and_(pc.equal(before[name], after[name]), found))
    return found
