"""What a person can do about a grant that is partly expected, and so cannot be cut cleanly."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import networkx as nx

from access_review.plan.request import Request
from access_review.tables import Row

SHOWN = 5


def alternatives_to(request: Request, grant: Row, goal: str) -> tuple[str, ...]:
    """Return the ways out, the least invasive first: cut the nesting, swap the grant, change the template.

    ``goal`` is the excess; when it is the grant itself, no nesting leads to it.
    """
    held = grant["entitlement"]
    name = _name(request, held)
    ways = [f"cut the nesting {_name(request, c)} → {_name(request, p)}" for c, p in edges_ending(request, held, goal)]
    inner = swap(request, grant)
    if inner and is_held_without(request, grant, inner):
        ways.append(f"take {name} away: what is expected of it, {_listed(request, inner)}, is held without it too")
    elif inner:
        ways.append(f"grant {_listed(request, inner)} instead of {name}, then take {name} away")
    ways.append(f"allow {name} in the role template, if the role needs all of it")
    return tuple(ways)


def edges_ending(request: Request, held: str, goal: str) -> list[tuple[str, str]]:
    """Return the removable nesting edges each of which alone ends ``goal`` for whoever holds ``held``."""
    graph = nx.DiGraph((c, p) for c in sorted(request.reach[held]) for p in request.parents.get(c, ()))
    if held == goal or held not in graph or goal not in graph:
        return []
    # An edge that ends every path lies on this one, since this one is a path.
    path = nx.shortest_path(graph, held, goal)
    ending = []
    for edge in pairwise(path):
        without = graph.copy()
        without.remove_edge(*edge)
        if all(row["removable"] for row in request.edges[edge]) and not nx.has_path(without, held, goal):
            ending.append(edge)
    return ending


def swap(request: Request, grant: Row) -> tuple[str, ...]:
    """Return the fewest expected groups that give everything expected of a mixed grant."""
    allowed = request.allowed.get(grant["role_set"], frozenset())
    wanted = request.reach[grant["entitlement"]] & allowed
    offers = {e: request.reach[e] & wanted for e in wanted if request.reach[e] <= allowed}
    return cover(wanted, offers)


def is_held_without(request: Request, grant: Row, inner: Iterable[str]) -> bool:
    """Tell whether other standing grants of the account, all expected, give everything in ``inner``."""
    others = [
        request.reach[g["entitlement"]]
        for g in request.held[grant["account"]]
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
    for chosen_offer in sorted(chosen, reverse=True):
        rest: set[str] = set().union(*(offers[other] for other in chosen if other != chosen_offer))
        if rest >= wanted:
            chosen.remove(chosen_offer)
    return tuple(sorted(chosen))


def _listed(request: Request, ids: Iterable[str]) -> str:
    names = sorted(_name(request, entitlement) for entitlement in ids)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _name(request: Request, entitlement: str) -> str:
    return str(request.entitlements[entitlement]["name"])
