"""Nesting: what holding an entitlement gives, and the path that explains it.

Not every edge carries on. A walk starts *direct*; a ``member`` or ``inherits`` edge
makes it indirect; a ``direct-only`` edge (an Entra app role or licence of a group)
opens to direct walks alone; ``synced-to`` leaves it as it is, since both ends are one
group. An eligible edge makes everything after it eligible. So reachability is asked
over *(entitlement, carried, eligible)* states, and cycles are condensed first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import pyarrow as pa

from access_review.facts import FACTS
from access_review.tables import frame

State = tuple[str, bool, bool]
"""An entitlement, whether it was reached through nesting, and whether through eligibility."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path: from an entitlement to what it carries, and why."""

    child: str
    parent: str
    why: str
    mode: str


def states(nesting: pa.Table) -> nx.DiGraph:
    """Return the graph of states; every edge has its row's ``why``."""
    graph: nx.DiGraph = nx.DiGraph()
    columns = ("child", "parent", "mode", "why", "reach")
    for child, parent, mode, why, reach in zip(*(nesting[c].to_pylist() for c in columns), strict=True):
        for carried in (False,) if reach == "direct-only" else (False, True):
            for eligible in (False, True):
                after = (parent, carried if why == "synced-to" else True, eligible or mode == "eligible")
                graph.add_edge((child, carried, eligible), after, why=why, mode=mode)
    return graph


def closure(nesting: pa.Table, entitlements: Iterable[str]) -> pa.Table:
    """Return the fact ``closure``: what each entitlement gives when held directly, itself included."""
    graph = states(nesting)
    reach = _reachable(graph)
    reached: list[dict[str, str]] = []
    for entitlement in entitlements:
        modes = {entitlement: "assigned"}
        for other, _, eligible in reach.get((entitlement, False, False), ()):
            if not eligible:
                modes[other] = "assigned"
            else:
                modes.setdefault(other, "eligible")
        reached += [{"entitlement": entitlement, "reached": other, "mode": mode} for other, mode in modes.items()]
    return frame(FACTS["closure"], reached)


def _reachable(graph: nx.DiGraph) -> Mapping[State, frozenset[State]]:
    """Return what each state reaches, itself included."""
    # Groups may contain each other, so close over components, not groups.
    components = nx.condensation(graph)
    below: dict[int, frozenset[State]] = {}
    for component in reversed(list(nx.topological_sort(components))):
        members = frozenset(components.nodes[component]["members"])
        below[component] = members.union(*(below[after] for after in components.successors(component)))
    return {state: below[component] for state, component in components.graph["mapping"].items()}


def paths(nesting: pa.Table) -> "Paths":
    """Prepare to explain paths over this nesting."""
    return Paths(states(nesting))


@dataclass(frozen=True, slots=True)
class Paths:
    """Shortest paths from one entitlement to what it gives; rebuilt when somebody asks."""

    graph: nx.DiGraph

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
