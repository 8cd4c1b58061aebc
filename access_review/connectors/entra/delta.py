"""Groups, their members and owners by what changed since the last read (delta queries).

A mirror on disk holds them as of the last read, with the token that asks for what came
after. It is believed only as long as the service's own count of groups agrees; a token
that has expired (7 days) or a doubt starts it anew. Everything else, the last sign-ins
above all, Graph does not track, and is read in full.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from access_review.changes import Mark
from access_review.connectors.entra.graph import EVENTUAL_CONSISTENCY, ExpiredError, Graph, GraphRequest, RejectedError
from access_review.connectors.entra.live_pages import LivePages, follow
from access_review.connectors.entra.pages import NotReadError, Page, listed, listed_objects
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.queries import GROUPS
from access_review.connectors.private_file import write_private

FORMAT = "access-review/mirror@2"
LINKS = ("members", "owners")
START = GraphRequest(f"/groups/delta?$select={','.join(GROUPS.split())},{','.join(LINKS)}")
COUNT = GraphRequest("/groups?$select=id&$top=1&$count=true", EVENTUAL_CONSISTENCY)


TRACKED = (
    "/users/delta?$select=id,accountEnabled",
    "/groups/delta?$select=id,members,owners",
    "/servicePrincipals/delta?$select=id",
)
LATEST = "&$deltatoken=latest"


def mark_changes(graph: Graph, before: Mark) -> Mark:
    """Ask what changed since the look before; the links that ask for what comes after are in ``seen``.

    A link that is not taken any more is a change: nobody knows what happened meanwhile. Raises ``NotReadError``.
    """
    try:
        known = json.loads(before.seen or "{}")
        links = {what: str(known[what]) for what in TRACKED} if isinstance(known, dict) and known else {}
    except (ValueError, KeyError):
        links = {}
    changed, after = not links, {}
    for what in TRACKED:
        found = None
        if what in links:
            try:
                found = _walk(graph, links[what])
            except (ExpiredError, RejectedError):
                changed = True
        any_changed, after[what] = found or _walk(graph, what + LATEST)
        changed = changed or any_changed
    seen = json.dumps(after, sort_keys=True)
    return Mark(seen if changed else before.content, seen)


def _walk(graph: Graph, url: str) -> tuple[bool, str]:
    """Follow a delta to its end; return whether it holds anything, and the link for the next time."""
    changed, link = False, None
    ask = GraphRequest(graph.relative(url))
    for page in follow(graph, ask, lambda: graph.get(ask)):
        changed = changed or bool(listed(page))
        link = page.get("@odata.deltaLink", link)
    if not isinstance(link, str):
        raise NotReadError("the changes end without a deltaLink")
    return changed, link


@dataclass
class Mirror:
    """The groups of one tenant (``of``) at one moment; ``link`` asks for what changed after it."""

    of: str
    link: str = ""
    groups: dict[str, Object] = field(default_factory=dict)
    linked: dict[str, dict[str, dict[str, Object]]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, of: str) -> "Mirror":
        """Read a mirror; one that is missing, damaged or of another tenant is empty."""
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] == FORMAT and content["of"] == of:
                return cls(of, content["link"], content["groups"], content["linked"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return cls(of)

    def save(self, path: Path) -> None:
        """Write the mirror whole, for its owner only."""
        content = {"format": FORMAT, "of": self.of, "link": self.link, "groups": self.groups, "linked": self.linked}
        write_private(path, json.dumps(content).encode())

    def apply(self, thing: Object) -> None:
        """Take over one object of a delta answer; the same one again does no harm. Raises ``NotReadError``."""
        native = thing["id"]
        if "@removed" in thing:
            self.groups.pop(native, None)
            self.linked.pop(native, None)
            return
        plain = {name: value for name, value in thing.items() if not name.endswith("@delta")}
        self.groups[native] = {**self.groups.get(native, {}), **plain}
        links = self.linked.setdefault(native, {name: {} for name in LINKS})
        for name in LINKS:
            for target in listed_objects({"value": thing.get(f"{name}@delta", [])}):
                if "@removed" in target:
                    links[name].pop(target["id"], None)
                else:
                    links[name][target["id"]] = target

    def update(self, graph: Graph) -> bool:
        """Ask for what changed; true when it had to start anew. Raises ``NotReadError`` and is then of no use."""
        try:
            if self.link:
                self._follow(graph, GraphRequest(self.link))
                if self._agrees(graph):
                    return False
        except (ExpiredError, RejectedError):
            pass  # the token is too old, or not taken any more
        self.link, self.groups, self.linked = "", {}, {}
        self._follow(graph, START)
        if not self._agrees(graph):
            raise NotReadError(f"{len(self.groups)} groups received, the server counts others")
        return True

    def _follow(self, graph: Graph, ask: GraphRequest) -> None:
        link = None
        for page in follow(
            graph, GraphRequest(graph.relative(ask.url)), lambda: graph.get(GraphRequest(graph.relative(ask.url)))
        ):
            for thing in listed_objects(page):
                self.apply(thing)
            link = page.get("@odata.deltaLink", link)
        if not isinstance(link, str):
            raise NotReadError("the changes end without a deltaLink")
        self.link = link

    def _agrees(self, graph: Graph) -> bool:
        # A change that was lost shows nowhere but in the number.
        return graph.get(COUNT).get("@odata.count") == len(self.groups)


@dataclass
class DeltaChanges(LivePages):
    """A door that serves groups, members and owners from a mirror brought up to date, and everything else as it is."""

    path: Path = field(default_factory=Path)
    of: str = ""
    _mirror: Mirror | None = None

    def __call__(self, collection: str) -> Iterator[Page]:
        """Yield the pages; raises ``NotReadError`` where they end early."""
        parts = collection.split("/")
        if collection == "groups":
            yield from self._remembered("groups", self._mirrored())
        elif len(parts) == 3 and parts[0] == "groups" and parts[2] in LINKS and self._mirror:
            links = self._mirror.linked.get(parts[1], {}).get(parts[2], {})
            yield {"value": list(links.values()), "@odata.count": len(links)}
        else:
            yield from super().__call__(collection)

    def _mirrored(self) -> Iterator[Page]:
        mirror = Mirror.load(self.path, self.of)
        anew = mirror.update(self.graph)
        mirror.save(self.path)
        self._mirror = mirror
        self.provenance["groups"] = "delta, from the beginning" if anew else "delta, since the last read"
        yield {"value": list(mirror.groups.values()), "@odata.count": len(mirror.groups)}
