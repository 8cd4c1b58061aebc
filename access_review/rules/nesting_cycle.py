"""Groups that contain each other."""

from typing import TYPE_CHECKING

from access_review.model import Family, Relation, Severity
from access_review.rules import COLUMNS, derive, rule

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 3


@rule(
    family=Family.EXCESS,
    severity=Severity.LOW,
    needs=("entitlements", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.15"),
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

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(zip(edges["child"], edges["parent"], strict=True))
    names = dict(zip(edges["child"], edges["name"], strict=True))
    rows: list[tuple[str, None, str, str]] = []
    for component in nx.strongly_connected_components(graph):
        first = min(component)
        if len(component) > 1 or graph.has_edge(first, first):
            rows.append((first, None, describe([names[member] for member in sorted(component)]), "review"))
    rows.sort(key=lambda row: row[0])
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def describe(members: list[str]) -> str:
    """Say which groups form the cycle."""
    if len(members) == 1:
        return f"{members[0]} is a member of itself"
    more = f" and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
    return f"{len(members)} contain each other: {', '.join(members[:SHOWN])}{more}"
