"""Where the boxes of a picture go: in columns from left to right, each after everything that leads to it.

An arrow that passes over a column has a place kept free for it there, so that no arrow
runs behind a box. Equal graphs are laid out equally.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Column and row, from 0; a row is a quarter of what a box takes, its gap with it."""

Arrow: TypeAlias = tuple[str, str]
_Item: TypeAlias = str | tuple[Arrow, int]
"""A box, or where an arrow passes a column."""

BOX = 4
"""Rows from one box to the next."""

_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Placed:
    """The place of each box, the way of each arrow through places, and the last row that is used."""

    at: Mapping[str, Place]
    way: Mapping[Arrow, Sequence[Place]]
    lowest: int


def layout(boxes: Sequence[str], arrows: Sequence[Arrow]) -> Placed:
    """Place boxes, and the arrows between them; boxes of one column keep near to what leads to them."""
    column = columns(boxes, arrows)
    by_column: dict[int, list[_Item]] = defaultdict(list)
    before: dict[_Item, list[_Item]] = defaultdict(list)
    for box in boxes:
        by_column[column[box]].append(box)
    for start, end in arrows:
        last: _Item = start
        for passed in range(column[start] + 1, column[end]):
            stop = ((start, end), passed)
            by_column[passed].append(stop)
            before[stop].append(last)
            last = stop
        if column[end] > column[start]:
            before[end].append(last)
    after: dict[_Item, list[_Item]] = defaultdict(list)
    for item, earlier in before.items():
        for other in earlier:
            after[other].append(item)
    ordered = _ordered([items for _, items in sorted(by_column.items())], before, after)
    row = _rows(ordered, before, after)
    at = {box: (column[box], row[box]) for box in boxes}
    way = {
        (start, end): (
            at[start],
            *((passed, row[(start, end), passed]) for passed in range(column[start] + 1, column[end])),
            at[end],
        )
        for start, end in arrows
    }
    return Placed(at, way, max(row.values(), default=0))


def _ordered(
    lists: list[list[_Item]], before: Mapping[_Item, Sequence[_Item]], after: Mapping[_Item, Sequence[_Item]]
) -> list[list[_Item]]:
    """Order each column by what its boxes are joined to, to and fro, so that fewer arrows cross."""
    ordered = [list(items) for items in lists]
    place = {item: number for items in ordered for number, item in enumerate(items)}
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        joined = before if forth else after
        for items in ordered if forth else reversed(ordered):
            wished = {item: _mean([place[one] for one in joined.get(item, ())], place[item]) for item in items}
            items.sort(key=lambda item: wished[item])
            place |= {item: number for number, item in enumerate(items)}
    return ordered


def _rows(
    ordered: Sequence[Sequence[_Item]], before: Mapping[_Item, Sequence[_Item]], after: Mapping[_Item, Sequence[_Item]]
) -> dict[_Item, int]:
    """Give each box the row that is nearest to what it is joined to, in quarters of a box and its gap."""
    row: dict[_Item, float] = {}
    for items in ordered:
        row |= _apart(items, [0.0] * len(items))
    for sweep in range(_SWEEPS):
        for items in ordered if sweep % 2 == 0 else reversed(ordered):
            joined = [(*before.get(item, ()), *after.get(item, ())) for item in items]
            wished = [_mean([row[one] for one in near], row[item]) for item, near in zip(items, joined, strict=True)]
            row |= _apart(items, wished)
    lowest = min(row.values(), default=0.0)
    placed: dict[_Item, int] = {}
    for items in ordered:
        free = 0
        for item, gap in zip(items, _gaps(items), strict=True):
            placed[item] = max(free + gap if gap else 0, round(row[item] - lowest))
            free = placed[item]
    return placed


def _apart(items: Sequence[_Item], wished: Sequence[float]) -> dict[_Item, float]:
    """Return the places nearest to those wished for that keep the order and the gaps: runs that press are put together."""
    offsets, total = [], 0
    for gap in _gaps(items):
        total += gap
        offsets.append(total)
    runs: list[tuple[float, int]] = []  # the mean of a run, and how many it has
    for wish, offset in zip(wished, offsets, strict=True):
        mean, number = wish - offset, 1
        while runs and runs[-1][0] > mean:
            other, more = runs.pop()
            mean, number = (mean * number + other * more) / (number + more), number + more
        runs.append((mean, number))
    means = [mean for mean, number in runs for _ in range(number)]
    return {item: mean + offset for item, mean, offset in zip(items, means, offsets, strict=True)}


def _gaps(items: Sequence[_Item]) -> list[int]:
    """Return how far each is from the one above it: an arrow that passes needs less room than a box."""
    half = [BOX // 2 if isinstance(item, str) else 1 for item in items]
    return [0, *(above + below for above, below in pairwise(half))]


def _mean(rows: Sequence[float], otherwise: float) -> float:
    return sum(rows) / len(rows) if rows else otherwise


def columns(boxes: Sequence[str], arrows: Sequence[Arrow]) -> Mapping[str, int]:
    """Return each box's column: one more than the furthest of those before it; what closes a cycle does not count."""
    after: dict[str, list[str]] = {box: [] for box in boxes}
    for start, end in arrows:
        after[start].append(end)
    order, closing = _depth_first(boxes, after)
    column = dict.fromkeys(boxes, 0)
    for box in reversed(order):
        for other in after[box]:
            if (box, other) not in closing:
                column[other] = max(column[other], column[box] + 1)
    return column


def _depth_first(boxes: Sequence[str], after: Mapping[str, Sequence[str]]) -> tuple[list[str], set[Arrow]]:
    """Return the boxes in the order in which they were left, and the arrows back to one not yet left."""
    order: list[str] = []
    closing: set[Arrow] = set()
    entered: set[str] = set()
    left: set[str] = set()
    for root in boxes:
        if root in entered:
            continue
        entered.add(root)
        stack: list[tuple[str, Iterator[str]]] = [(root, iter(after[root]))]
        while stack:
            box, coming = stack[-1]
            other = next(coming, None)
            if other is None:
                order.append(box)
                left.add(box)
                stack.pop()
            elif other not in entered:
                entered.add(other)
                stack.append((other, iter(after[other])))
            elif other not in left:
                closing.add((box, other))
    return order, closing
