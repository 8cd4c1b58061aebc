"""Rows in the order of their key: to tell that they are takes less than to sort them again, and two such tables compare fast."""

from collections.abc import Sequence
from typing import Any

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


def differing(before: pa.Table, now: pa.Table, key: Sequence[str], most: int) -> tuple[pa.Table, pa.Table] | None:
    """Compare rows in order with how they are now: return the keys that are there no more, and the rows that are new or others.

    Nothing is returned where these are more than ``most``.
    """
    gone, fresh, old, new = list[int](), list[int](), 0, 0
    while len(gone) + len(fresh) <= most:
        same = _same(before.slice(old), now.slice(new))
        old, new = old + same, new + same
        one, other = _key(before, key, old), _key(now, key, new)
        if not one and not other:
            return before.select(list(key)).take(pa.array(gone, pa.int64())), now.take(pa.array(fresh, pa.int64()))
        if not other or (one and one < other):
            gone.append(old)
            old += 1
            continue
        fresh.append(new)
        new += 1
        old += one == other
    return None


def _same(one: pa.Table, other: pa.Table) -> int:
    """Return how many rows two tables begin with that are the same."""
    most, found, step = min(len(one), len(other)), 0, 1
    while found < most:
        step = min(step, most - found)
        if one.slice(found, step).equals(other.slice(found, step)):
            found, step = found + step, step * 2
        elif step > 1:
            step //= 2
        else:
            break
    return found


def _key(data: pa.Table, key: Sequence[str], place: int) -> tuple[Any, ...]:
    """Return the key of a row; nothing behind the last one."""
    return tuple(data[name][place].as_py() for name in key) if place < len(data) else ()


def _comes_after(data: pa.Table, key: Sequence[str]) -> pa.ChunkedArray:
    """Tell of every row but the first whether its key comes after that of the row before."""
    before, after = data.slice(0, len(data) - 1), data.slice(1)
    found = pa.scalar(value=False)
    for name in reversed(key):
        found = pc.or_(pc.less(before[name], after[name]), pc.and_(pc.equal(before[name], after[name]), found))
    return found
