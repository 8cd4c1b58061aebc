"""Put the contested cells of a kernel into as few roles as a greedy search finds.

The cells are the nodes of a graph with an edge where two can share a role; a role is a
clique. Nodes are numbered in the order of the cells, sets of them are plain integers.
"""

import random
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_

from access_review.draft.kernel import Cell
from access_review.draft.matrix import mask_of, members

MAX_CELLS = 6_000
"""Above this the graph is not searched: whole rows and columns are taken, see :func:`tile_cover`."""

_TIE_ORDERS = 20
_WORK = 40_000_000  # nodes compared in all tie orders of one component: some seconds


def share_graph(cells: Sequence[Cell], rows: Sequence[int], columns: Sequence[int]) -> list[int]:
    """Return for each cell the cells that can share a role with it, itself left out."""
    in_row: dict[int, int] = {}
    in_column: dict[int, int] = {}
    for node, (row, column) in enumerate(cells):
        in_row[row] = in_row.get(row, 0) | 1 << node
        in_column[column] = in_column.get(column, 0) | 1 << node
    live_rows, live_columns = mask_of(list(in_row)), mask_of(list(in_column))
    beside = {r: reduce(or_, (in_column[c] for c in members(rows[r] & live_columns)), 0) for r in in_row}
    below = {c: reduce(or_, (in_row[r] for r in members(columns[c] & live_rows)), 0) for c in in_column}
    return [beside[row] & below[column] & ~(1 << node) for node, (row, column) in enumerate(cells)]


def clique_cover(graph: Sequence[int]) -> tuple[list[list[int]], int]:
    """Return cliques that hold every node, and how many there must be at least."""
    cliques: list[list[int]] = []
    bound = 0
    for component in _components(graph):
        nodes = members(component)
        bound += _independent(graph, component)
        attempts = max(1, min(_TIE_ORDERS, _WORK // len(nodes) ** 2))
        best: list[list[int]] | None = None
        for attempt in range(attempts):
            order = list(nodes)
            # The first order is by id; the others are drawn the same way on every machine.
            if attempt:
                random.Random(attempt).shuffle(order)  # noqa: S311 - ties, not secrets
            found = _greedy(graph, component, order)
            if best is None or len(found) < len(best):
                best = found
        cliques += best or []
    return cliques, bound


def tile_cover(cells: Sequence[Cell], rows: Sequence[int], columns: Sequence[int]) -> list[list[Cell]]:
    """Return cliques that hold every cell, for kernels too large for a graph.

    Each takes all that is left of one row, or of one column, with whoever can share it: whichever holds more
    cells. So there are never more than rows and columns, and with structure far fewer.
    """
    in_row: dict[int, int] = {}
    in_column: dict[int, int] = {}
    for row, column in cells:
        in_row[row] = in_row.get(row, 0) | 1 << column
        in_column[column] = in_column.get(column, 0) | 1 << row
    # Cells with little beside them have little choice, and come first.
    order = sorted(cells, key=lambda c: (in_row[c[0]].bit_count() + in_column[c[1]].bit_count(), c))
    cliques = []
    for row, column in order:
        if not in_row[row] >> column & 1:
            continue
        wide = in_row[row]
        high = reduce(and_, (columns[c] for c in members(wide)))
        tall = in_column[column]
        broad = reduce(and_, (rows[r] for r in members(tall)))
        clique = max(_left_in(in_row, high, wide), _left_in(in_row, tall, broad), key=len)
        for r, c in clique:
            in_row[r] &= ~(1 << c)
            in_column[c] &= ~(1 << r)
        cliques.append(clique)
    return cliques


def _left_in(in_row: Mapping[int, int], high: int, wide: int) -> list[Cell]:
    return [(row, column) for row in members(high) for column in members(in_row.get(row, 0) & wide)]


def _components(graph: Sequence[int]) -> list[int]:
    components = []
    unseen = (1 << len(graph)) - 1
    while unseen:
        component = edge = unseen & -unseen
        while edge:
            edge = reduce(or_, (graph[n] for n in members(edge)), 0) & ~component
            component |= edge
        components.append(component)
        unseen &= ~component
    return components


def _greedy(graph: Sequence[int], component: int, order: Sequence[int]) -> list[list[int]]:
    """Start each clique at the node with the fewest neighbours left, take in whoever keeps the most candidates."""
    left = component
    rank = {node: place for place, node in enumerate(order)}
    cliques = []
    while left:
        start = min(members(left), key=lambda n: ((graph[n] & left).bit_count(), rank[n]))
        clique, candidates = [start], graph[start] & left
        while candidates:
            among = candidates
            node = min(members(candidates), key=lambda n: (-(graph[n] & among).bit_count(), rank[n]))
            clique.append(node)
            candidates &= graph[node]
        left &= ~mask_of(clique)
        cliques.append(clique)
    return cliques


def _independent(graph: Sequence[int], component: int) -> int:
    """Count nodes of which no two can share a role, fewest neighbours first: so many roles at least."""
    left, count = component, 0
    while left:
        node = min(members(left), key=lambda n: ((graph[n] & left).bit_count(), n))
        left &= ~(graph[node] | 1 << node)
        count += 1
    return count
