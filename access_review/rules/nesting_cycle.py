"""Groups that contain each other."""

from typing import TYPE_CHECKING

from access_review.model import Family, Relation, Severity
from access_review.rules import derive, rule

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 3

_ROUNDS = 10
"""So often edges at the ends are left out: to look through a graph for cycles takes longer than to make it smaller."""


@rule(
    family=Family.EXCESS,
    severity=Severity.LOW,
    needs=("entitlements", "nesting"),
    nothing_without=("nesting",),
    controls=("soc2:CC6.3", "iso27001:A.5.15"),
    sentences={
        "itself": "{members} is a member of itself",
        "cycle": "{number} contain each other: {members}[ and {more} more]",
    },
)
def check() -> Relation:
    """Cycles in the nesting, a group that is its own member included.

    Whoever holds one group of a cycle holds all of them, so a large cycle makes
    everything inherit everything. The subject is the smallest id of the cycle.
    """
    return derive(
        """
        SELECT child, parent, coalesce(c.name, child) AS name
        FROM nesting LEFT JOIN entitlements AS c ON c.entitlement = child
        """,
        then=cycles,
    )


def cycles(edges: "pd.DataFrame") -> "pd.DataFrame":
    """Return one finding for each strongly connected component that is a cycle."""
    import networkx as nx
    import pandas as pd

    edges = _linking(edges)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(zip(edges["child"], edges["parent"], strict=True))
    names = dict(zip(edges["child"], edges["name"], strict=True))
    rows: list[tuple[str | None, ...]] = []
    for component in nx.strongly_connected_components(graph):
        first = min(component)
        if len(component) > 1 or graph.has_edge(first, first):
            rows.append((first, None, *described([names[member] for member in sorted(component)]), "review"))
    rows.sort(key=str)
    return pd.DataFrame(rows, columns=["subject", "about", "code", "members", "number", "more", "remedy"], dtype="str")


def _linking(edges: "pd.DataFrame") -> "pd.DataFrame":
    """Return the edges that cycles can be made of, and few others: those that follow upon an edge, and have one follow."""
    import numpy as np
    import pandas as pd

    numbers, _ = pd.factorize(pd.concat([edges["child"], edges["parent"]]))
    children, parents = numbers.reshape(2, -1)
    kept = np.arange(len(edges))
    for _ in range(_ROUNDS):
        child, parent = children[kept], parents[kept]
        kept = kept[np.isin(child, parent) & np.isin(parent, child)]
    return edges.iloc[kept]


def described(members: list[str]) -> tuple[str | None, ...]:
    """Say which groups form the cycle: code, their names, how many there are, how many more than are named."""
    more = str(len(members) - SHOWN) if len(members) > SHOWN else None
    return "itself" if len(members) == 1 else "cycle", ", ".join(members[:SHOWN]), str(len(members)), more
