"""What a person can do about a grant that is partly expected, and so cannot be cut cleanly."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import networkx as nx

from access_review.plan.request import Request
from access_review.tables import Row

SHOWN = 5


def alternatives_to(asked: Request, grant: Row, goal: str) -> tuple[str, ...]:
    """Return the ways out, the least invasive first: cut the nesting, swap the grant, change the template.

    ``goal`` is the excess; when it is the grant itself, no nesting leads to it.
    """
    held = grant["entitlement"]
    name = _name(asked, held)
    ways = [f"cut the nesting {_name(asked, c)} → {_name(asked, p)}" for c, p in edges_ending(asked, held, goal)]
    inner = swap(asked, grant)
    if inner and is_held_without(asked, grant, inner):
        ways.append(f"take {name} away: what is expected of it, {_listed(asked, inner)}, is held without it too")
    elif inner:
        ways.append(f"grant {_listed(asked, inner)} instead of {name}, then take {name} away")
    ways.append(f"allow {name} in the role template, if the role needs all of it")
    return tuple(ways)


def edges_ending(asked: Request, held: str, goal: str) -> list[tuple[str, str]]:
    """Return the removable nesting edges each of which alone ends ``goal`` for whoever holds ``held``."""
    graph = nx.DiGraph((c, p) for c, p in asked.edges if c in asked.reach[held])
    if held == goal or held not in graph or goal not in graph:
        return []
    # An edge that ends every path lies on this one, since this one is a path.
    path = nx.shortest_path(graph, held, goal)
    ending = []
    for edge in pairwise(path):
        without = graph.copy()
        without.remove_edge(*edge)
        if all(row["removable"] for row in asked.edges[edge]) and not nx.has_path(without, held, goal):
            ending.append(edge)
    return ending


def swap(asked: Request, grant: Row) -> tuple[str, ...]:
    """Return the fewest expected groups that give everything expected of a mixed grant."""
    allowed = asked.allowed.get(grant["role_set"], frozenset())
    wanted = asked.reach[grant["entitlement"]] & allowed
    offers = {e: asked.reach[e] & wanted for e in wanted if asked.reach[e] <= allowed}
    return cover(wanted, offers)


def is_held_without(asked: Request, grant: Row, inner: Iterable[str]) -> bool:
    """Tell whether other standing grants of the account, all expected, give everything in ``inner``."""
    others = [
        asked.reach[g["entitlement"]]
        for g in asked.held[grant["account"]]
        if g["verdict"] == "within" and g["mode"] == "assigned"
    ]
    return frozenset().union(*others) >= set(inner)


def cover(wanted: frozenset[str], offers: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Choose sets that together hold everything ``wanted``: greedily, most of what is still open first, then by id.

    Returns nothing when they cannot. The choice is irredundant: without any one of it something is missing.
    """
    missing, chosen = set(wanted), []
    while missing:
        best = min(offers, key=lambda offer: (-len(offers[offer] & missing), offer), default=None)
        if best is None or not offers[best] & missing:
            return ()
        chosen.append(best)
        missing -= offers[best]
    for one in sorted(chosen, reverse=True):
        rest: set[str] = set().union(*(offers[other] for other in chosen if other != one))
        if rest >= wanted:
            chosen.remove(one)
    return tuple(sorted(chosen))


def _listed(asked: Request, ids: Iterable[str]) -> str:
    names = sorted(_name(asked, one) for one in ids)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _name(asked: Request, entitlement: str) -> str:
    return str(asked.entitlements[entitlement]["name"])
