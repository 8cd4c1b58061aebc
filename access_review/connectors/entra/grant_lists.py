"""Looking whether a grant is listed, and deleting it there: the one that was approved, and no other.

A grant is not there only where that shows: an empty list is no proof for who cannot be seen, since lists leave out who is
deleted and a restore brings all of it back. What has another id than what was approved was given since; what an activation
or a group passes on for a while is no assignment. Both are left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from access_review.changes import Change, Sighting, Thing
from access_review.connectors.entra.changed_objects import folder_of, object_id
from access_review.connectors.entra.graph import Graph, GraphRequest
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.live_pages import follow
from access_review.connectors.entra.pages import listed_objects
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.roles import is_activation, is_own

ANOTHER = "what was approved is gone; another one was given since, and is left alone"
PASSED_ON = "what is left is an activation of an eligible one, or a group's: it is no assignment, and is left alone"


@dataclass(frozen=True, slots=True)
class GrantHandle:
    """One way of holding something: how to look, take away and give back."""

    look: Callable[[], Sighting]
    take: Callable[[], Reply | str]
    give: Callable[[], Reply | str]


@dataclass(frozen=True, slots=True)
class ListedGrant:
    """Where a grant is listed: the address, how each there is read, this one in Graph's words, whose it is, and the id approved.

    Each is read as a whole read reads it: one that cannot be may be the grant, and then nobody knows whether it is there.
    """

    address: str
    read: Callable[[Object], object]
    key: Mapping[str, str]
    holder: Thing
    approved: str | None = None
    ids: tuple[str, ...] = ("id",)


@dataclass(frozen=True, slots=True)
class GrantLists:
    """The lists of grants that a tenant has."""

    graph: Graph

    def every(self, address: str) -> Iterator[Object]:
        """Yield every object of a list, page by page; raises ``NotReadError`` where that is not to be had."""
        ask = GraphRequest(address)
        for page in follow(self.graph, ask, lambda: self.graph.get(ask)):
            yield from listed_objects(page)

    def matching(self, listed: ListedGrant) -> Iterator[Object]:
        """Yield what is listed and reads as a grant; raises ``NotReadError`` or ``UnusableError``."""
        wanted = listed.read(listed.key)
        return (thing for thing in self.every(listed.address) if listed.read(thing) == wanted)

    def see(self, listed: ListedGrant) -> Sighting:
        """Look whether a grant is listed: the one that was approved, where its id is known."""
        found = list(self.matching(listed))
        standing = [thing for thing in found if is_standing(thing)]
        if standing:
            known = listed.approved is None or any(
                t.get(name) == listed.approved for t in standing for name in listed.ids
            )
            return Sighting(True, self.graph.base) if known else Sighting(True, self.graph.base, ANOTHER, another=True)
        self.see_holder(listed.holder)
        return Sighting(False, self.graph.base, PASSED_ON if found else "")

    def see_holder(self, holder: Thing) -> None:
        """Raise ``NotReadError`` unless whose grants are looked for is there."""
        self.graph.get_one(f"/{folder_of(holder)}", object_id(holder))

    def delete(self, listed: ListedGrant, folder: str) -> Reply:
        """Delete by the id that was approved; what was given since has another."""
        native = listed.approved
        if native is None:
            native = next((thing["id"] for thing in self.matching(listed)), None)
        return Reply(404, None) if native is None else self.graph.send("DELETE", f"{folder}/{object_id(native)}")


def is_standing(thing: Object) -> bool:
    """Tell whether it is an assignment of the holder's own, and no activation."""
    return is_own(thing) and not is_activation(thing)


def approved_id(change: Change) -> str | None:
    """Return the id of the assignment that was approved to be taken; what is given back gets another."""
    return None if change.action.restores else change.target.native_id
