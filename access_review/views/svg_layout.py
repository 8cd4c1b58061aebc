"""Where the boxes of a picture go: in columns from left to right, each after everything that leads to it.

An arrow that passes over a column has a place kept free for it there, so that no arrow
runs behind a box. Equal graphs are laid out equally.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Column and row, from 0."""

Arrow: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """The place of each box, the way of each arrow through places, and the last row that is used."""

    at: Mapping[str, Place]
    way: Mapping[Arrow, Sequence[Place]]
    lowest: int


def layout(boxes: Sequence[str], arrows: Sequence[Arrow]) -> Placed:
    """Place boxes, and the arrows between them; boxes of one column keep near to what leads to them."""
    column = columns(boxes, arrows)
    by_column: dict[int, list[str | tuple[Arrow, int]]] = defaultdict(list)
    before: dict[str | tuple[Arrow, int], list[str | tuple[Arrow, int]]] = defaultdict(list)
    for box in boxes:
        by_column[column[box]].append(box)
    for start, end in arrows:
        last: str | tuple[Arrow, int] = start
        for passed in range(column[start] + 1, column[end]):
            stop = ((start, end), passed)
            by_column[passed].append(stop)
            before[stop].append(last)
            last = stop
        if column[end] > column[start]:
            before[end].append(last)
    row: dict[str | tuple[Arrow, int], int] = {}
    for _, items in sorted(by_column.items()):
        wished = {item: _mean([row[b] for b in before[item]]) for item in items}
        free = 0
        for item in sorted(items, key=lambda item: wished[item]):  # stable: ties stay in the order given
            row[item] = max(free, int(wished[item]) if len(items) == 1 else 0)
            free = row[item] + 1
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


def _mean(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


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
