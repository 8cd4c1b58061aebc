"""Nesting: what holding an entitlement gives, and the path that explains it.

Not every edge carries on. A walk starts *direct*; a ``member`` or ``inherits`` edge
makes it indirect; a ``direct-only`` edge (an Entra app role or licence of a group)
opens to direct walks alone; ``synced-to`` leaves it as it is, since both ends are one
group. An eligible edge makes everything after it eligible. So reachability is asked
over *(entitlement, carried, eligible)* states.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from access_review.facts import FACTS

if TYPE_CHECKING:
    import networkx as nx

Numbers = NDArray[np.int64]

State = tuple[str, bool, bool]
"""An entitlement, whether it was reached through nesting, and whether through eligibility."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path: from an entitlement to what it carries, and why."""

    child: str
    parent: str
    why: str
    mode: str


def states(nesting: pa.Table) -> "nx.DiGraph":
    """Return the graph of states of ``nesting (child, parent, mode, why, reach)``; edges have ``why`` and ``mode``."""
    import networkx as nx

    graph: nx.DiGraph = nx.DiGraph()
    columns = ("child", "parent", "mode", "why", "reach")
    for child, parent, mode, why, reach in zip(*(nesting[c].to_pylist() for c in columns), strict=True):
        for carried in (False,) if reach == "direct-only" else (False, True):
            for eligible in (False, True):
                after = (parent, carried if why == "synced-to" else True, eligible or mode == "eligible")
                graph.add_edge((child, carried, eligible), after, why=why, mode=mode)
    return graph


@dataclass(frozen=True, slots=True)
class Walks:
    """The graph of states as arrays, for questions about all of it.

    ``names`` are the entitlements, sorted. State ``4 * e + 2 * carried + eligible`` leads
    to ``after[starts[state]:starts[state + 1]]``, in order.
    """

    names: pa.Array
    starts: Numbers
    after: Numbers

    def step(self, states: Numbers) -> tuple[Numbers, Numbers]:
        """Return, for every edge out of some states, the position of its state among them and the state where it leads."""
        counts = self.starts[states + 1] - self.starts[states]
        position = np.repeat(np.arange(len(states)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.after[self.starts[states][position] + within]

    def places(self, entitlements: pa.Array) -> Numbers:
        """Return the number of each entitlement: its place in ``names``. ``entitlements`` is one column of ids."""
        found: Numbers = pc.index_in(entitlements, self.names).to_numpy(zero_copy_only=False)
        return found.astype(np.int64)


def walks(nesting: pa.Table, entitlements: pa.Array) -> Walks:
    """Prepare the graph of states over ``nesting (child, parent, mode, why, reach)`` and these entitlements.

    Entitlements that only the nesting names are part of it. Columns are text; ``entitlements`` is one of ids.
    """
    child, parent = (_whole(nesting[column]) for column in ("child", "parent"))
    known = pc.unique(pa.concat_arrays([entitlements, child, parent]))
    graph = Walks(known.take(pc.sort_indices(known)), _NONE, _NONE)
    children, parents = graph.places(child), graph.places(parent)
    synced, direct_only, eligible_edge = (
        _whole(pc.equal(nesting[column], value)).to_numpy(zero_copy_only=False)
        for column, value in (("why", "synced-to"), ("reach", "direct-only"), ("mode", "eligible"))
    )
    before, after = [], []
    for carried in (0, 1):
        open_ = ~direct_only if carried else np.ones_like(direct_only)
        for eligible in (0, 1):
            arrives = 2 * np.where(synced, carried, 1) + (eligible_edge | bool(eligible))
            before.append((4 * children + 2 * carried + eligible)[open_])
            after.append((4 * parents + arrives)[open_])
    states = 4 * len(graph.names)
    edges = _distinct(np.concatenate(before) * states + np.concatenate(after))
    starts = np.searchsorted(edges, np.arange(states + 1) * states)
    return Walks(graph.names, starts, edges % max(1, states))


def closure(nesting: pa.Table, entitlements: Iterable[str] | pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return the fact ``closure (entitlement, reached, mode)``: what each entitlement gives when held directly.

    ``nesting (child, parent, mode, why, reach)`` may have cycles; each of ``entitlements``
    reaches itself. One row for each pair, sorted; ``mode`` is eligible where every path is.
    All walks are taken at once, a step at a time, each pair of start and state once; a
    cycle ends where it began.
    """
    entitlements = _whole(entitlements)
    graph = walks(nesting, entitlements)
    states = 4 * len(graph.names)
    own = np.unique(graph.places(entitlements))
    new = own * states + 4 * own
    seen = new
    while len(new):
        position, after = graph.step(new % states)
        reached = _distinct(new[position] // states * states + after)
        place = np.minimum(np.searchsorted(seen, reached), len(seen) - 1)
        new = reached[seen[place] != reached]
        seen = np.sort(np.concatenate((seen, new)), kind="stable")  # two sorted runs: merged, not sorted anew
    start, state = seen // states, seen % states
    # Of the states of one entitlement, one without an eligible edge decides; those sort before others by this key.
    key = _distinct((start * len(graph.names) + state // 4) * 2 + state % 2)
    first = np.concatenate(([True], key[1:] // 2 != key[:-1] // 2)) if len(key) else np.zeros(0, bool)
    pair, eligible = key[first] // 2, key[first] % 2
    columns = (
        graph.names.take(pa.array(pair // max(1, len(graph.names)))),
        graph.names.take(pa.array(pair % max(1, len(graph.names)))),
        pa.array(["assigned", "eligible"]).take(pa.array(eligible)),
    )
    return pa.table(columns, schema=FACTS["closure"].schema)


def _whole(column: Iterable[str] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column, or any texts, as one array."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks()
    return column if isinstance(column, pa.Array) else pa.array(list(column), pa.string())


_NONE: Numbers = np.zeros(0, np.int64)


def _distinct(values: Numbers) -> Numbers:
    """Return distinct values in order; sorting measures several times faster than ``np.unique``'s hashing."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


def paths(nesting: pa.Table) -> "Paths":
    """Prepare to explain paths over ``nesting (child, parent, mode, why, reach)``."""
    return Paths(states(nesting))


@dataclass(frozen=True, slots=True)
class Paths:
    """Shortest paths from one entitlement to what it gives; rebuilt when somebody asks."""

    graph: "nx.DiGraph"

    def all_from(self, entitlement: str) -> dict[str, Sequence[Step]]:
        """Return the shortest path to everything reached, assigned paths before eligible ones, ties by name."""
        found: dict[str, tuple[bool, Sequence[Step]]] = {entitlement: (False, ())}
        for (other, _, eligible), steps in self._search((entitlement, False, False)):
            if other not in found or (found[other][0] and not eligible):
                found[other] = (eligible, steps)
        return {other: steps for other, (_, steps) in found.items()}

    def one(self, start: str, goal: str) -> Sequence[Step] | None:
        """Return the shortest path between two entitlements, or None."""
        return self.all_from(start).get(goal)

    def _search(self, start: State) -> Iterator[tuple[State, Sequence[Step]]]:
        """Walk breadth first, neighbours in order, so that equal graphs give equal paths."""
        if start not in self.graph:
            return
        seen: dict[State, Sequence[Step]] = {start: ()}
        level = [start]
        while level:
            coming: list[State] = []
            for state in level:
                edges: Mapping[State, Mapping[str, Any]] = self.graph[state]
                for after in sorted(edges):
                    if after not in seen:
                        step = Step(state[0], after[0], edges[after]["why"], edges[after]["mode"])
                        seen[after] = (*seen[state], step)
                        coming.append(after)
                        yield after, seen[after]
            level = coming
