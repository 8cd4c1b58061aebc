"""A tenant that is being read now: the door to its collections, over :class:`~.graph.Graph`.

Collections have the names that saved pages have. Those of every group or application
are asked twenty at a time, some batches ahead of who consumes them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from access_review.connectors.entra.graph import BATCH, EVENTUAL_CONSISTENCY, Graph, GraphRequest, RefusedError, quoted
from access_review.connectors.entra.pages import AbsentError, NotReadError, Page, listed, next_link
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.queries import BY_PART, GraphQuery

SOURCE_OF_AUTHORITY = "groups/onPremisesSyncBehavior"
_EMPTY_PAGES = 1000
_PARENTS = {
    "groups": ("groups",),
    "applications": ("applications",),
    "servicePrincipals": ("agentIdentities", "agentIdentityBlueprintPrincipals", "servicePrincipals"),
    "agentIdentities": ("agentIdentities",),
    "administrativeUnits": ("administrativeUnits",),
}
"""The collections whose objects each have collections of their own."""


@dataclass(frozen=True, slots=True)
class SigninWindow:
    """The time whose sign-ins are read."""

    since: datetime
    until: datetime

    @property
    def filter(self) -> str:
        """The window as Graph's filter."""
        since, until = (at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (self.since, self.until))
        return f"createdDateTime ge {since} and createdDateTime le {until}"


def first_request(read: GraphQuery, native: str = "", *, where: str = "") -> GraphRequest:
    """Return the request of the first page."""
    query = {
        "$select": ",".join(read.names),
        "$expand": read.expand,
        "$filter": where,
        "$top": str(read.top or ""),
        "$count": "true" if read.count else "",
    }
    text = "&".join(f"{name}={quote(value, safe='(),$=:')}" for name, value in query.items() if value)
    return GraphRequest(
        f"{read.path.replace('{id}', quote(native, safe=''))}?{text}", EVENTUAL_CONSISTENCY if read.count else {}
    )


@dataclass
class LivePages:
    """Yields the pages of a collection; what it sees on the way tells it what will be asked next.

    ``provenance`` says what was asked, ``answers`` how many pages came of each part.

    ``without`` names parts that are deliberately not read: they are *absent*, which
    takes nothing from the rest. A part that the service refuses is a fault instead,
    since a right that was lost must not look like access that is gone.
    """

    graph: Graph
    window: SigninWindow | None = None
    without: frozenset[str] = frozenset()
    source_of_authority: bool = False
    seen: dict[str, list[str]] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    _candidates: list[str] = field(default_factory=list)
    _synced: list[str] = field(default_factory=list)
    _fans: dict[str, "Fan"] = field(default_factory=dict)
    _last_use: NotReadError | None = None

    def __call__(self, collection: str) -> Iterator[Page]:
        """Yield the pages; raises ``NotReadError`` where they end early."""
        parts = collection.split("/")
        part = collection if len(parts) == 1 else f"{parts[0]}/{parts[-1]}"
        self._check_asked(part)
        if len(parts) == 3:
            pages = self._of_one(BY_PART[part], parts[1])
        elif part in _COMPOSED:
            pages = _COMPOSED[part](self)
        else:
            pages = self._remembered(part, self._paged(BY_PART[part]))
        for page in pages:
            self.answers[part] += 1
            yield page

    def _check_asked(self, part: str) -> None:
        if part not in BY_PART:
            raise AbsentError("not known to Graph v1.0")
        if part in self.without:
            raise AbsentError("left out on purpose (without)")
        if part == SOURCE_OF_AUTHORITY and not self.source_of_authority:
            raise AbsentError("not asked for (source_of_authority)")

    def _paged(self, read: GraphQuery, *, where: str = "") -> Iterator[Page]:
        ask = first_request(read, where=where)
        self.provenance[read.part] = ask.url
        received, counted = 0, None
        for page in follow(self.graph, ask, lambda: self._get(read, ask)):
            counted = page.get("@odata.count", counted)
            received += len(listed(page))
            # Objects came or went during the read: what counts is the number at its end.
            moved = next_link(page) is None and counted not in (None, received)
            yield {**page, "@odata.count": self._recount(read)} if moved else page

    def _get(self, read: GraphQuery, ask: GraphRequest) -> Object:
        try:
            return self.graph.get(ask)
        except RefusedError as error:
            raise _needs(read, error) from error

    def _recount(self, read: GraphQuery) -> int:
        ask = GraphRequest(f"{read.path}?$select=id&$top=1&$count=true", EVENTUAL_CONSISTENCY)
        counted = self.graph.get(ask).get("@odata.count")
        if not isinstance(counted, int):
            raise NotReadError("the server does not say how many there are now")
        return counted

    def _remembered(self, part: str, pages: Iterator[Page]) -> Iterator[Page]:
        ids = self.seen.setdefault(part, [])
        for page in pages:
            value = page.get("value")
            if isinstance(value, list):
                objects = [thing for thing in value if isinstance(thing, dict) and isinstance(thing.get("id"), str)]
                ids += [thing["id"] for thing in objects]
                if part == "groups":
                    self._candidates += [thing["id"] for thing in objects if _may_be_managed(thing)]
                    self._synced += [thing["id"] for thing in objects if thing.get("onPremisesSyncEnabled") is True]
            if part == "users" and isinstance(page.get("@odata.count"), int):
                self.graph.pace.sized(page["@odata.count"])
            yield page

    def _users(self) -> Iterator[Page]:
        """Read users with their last sign-in, or without it where that is refused."""
        part = "users" if "signInActivity" in self.without else "signInActivity"
        pages = self._remembered("users", self._paged(BY_PART[part]))
        try:
            first = next(pages, None)
        except (RefusedError, AbsentError) as error:
            if part == "users":
                raise
            self._last_use = error
            pages = self._remembered("users", self._paged(BY_PART["users"]))
            first = next(pages, None)
        if first is not None:
            yield first
        yield from pages

    def _last_uses(self) -> Iterator[Page]:
        if self._last_use:
            raise self._last_use
        yield {"value": []}

    def _sign_ins(self) -> Iterator[Page]:
        if self.window is None:
            raise AbsentError("no window of sign-ins is asked for")
        yield from self._paged(BY_PART["signIns"], where=self.window.filter)

    def _of_one(self, read: GraphQuery, native: str) -> Iterator[Page]:
        if read.part not in self._fans:
            self.provenance[read.part] = f"{first_request(read, '{id}').url.replace('%7Bid%7D', '{id}')}, one by one"
            folder = read.part.partition("/")[0]
            natives = [native for part in _PARENTS[folder] for native in self.seen.get(part, ())]
            natives = self._synced if read.part == SOURCE_OF_AUTHORITY else natives
            self._fans[read.part] = Fan(self.graph, natives, lambda native: first_request(read, native))
        try:
            yield from self._fans[read.part].pages(native)
        except RefusedError as error:
            raise _needs(read, error) from error

    def _managed_groups(self, part: str) -> Iterator[Page]:
        """Ask PIM about every group that it can manage, since it answers for one group at a time."""
        read = BY_PART[part]
        self.provenance[part] = f"{read.path}, group by group"
        # A group that came twice is asked about once.
        candidates = list(dict.fromkeys(self._candidates))
        fan = Fan(self.graph, candidates, lambda native: first_request(read, where=f"groupId eq {quoted(native)}"))
        left = len(candidates)
        if not left:
            yield {"value": []}
        try:
            for native in candidates:
                left -= 1
                for page in fan.pages(native):
                    end = next_link(page) is None
                    yield {**page, "@odata.nextLink": f"{native}/after"} if end and left else page
        except RefusedError as error:
            raise _needs(read, error) from error


_COMPOSED: Mapping[str, Callable[[LivePages], Iterator[Page]]] = {
    "users": LivePages._users,  # noqa: SLF001 - the table of one class
    "signInActivity": LivePages._last_uses,  # noqa: SLF001
    "signIns": LivePages._sign_ins,  # noqa: SLF001
    "groupAssignmentScheduleInstances": lambda door: door._managed_groups("groupAssignmentScheduleInstances"),  # noqa: SLF001
    "groupEligibilityScheduleInstances": lambda door: door._managed_groups("groupEligibilityScheduleInstances"),  # noqa: SLF001
}


def _may_be_managed(group: Object) -> bool:
    """Tell whether PIM can manage a group: neither dynamic nor synchronised."""
    kinds = group.get("groupTypes")
    dynamic = isinstance(kinds, list) and "DynamicMembership" in kinds
    return not dynamic and group.get("onPremisesSyncEnabled") is not True


def _needs(read: GraphQuery, error: NotReadError) -> RefusedError:
    return RefusedError(f"{error}; needs the application permission {read.permission}, with admin consent")


def follow(graph: Graph, ask: GraphRequest, first: Callable[[], Object]) -> Iterator[Object]:
    """Yield a page and those its nextLinks lead to, verbatim; each has a list of values.

    Raises ``NotReadError`` for any other answer, and for a link that is none or was followed before.
    """
    followed, empty = {ask.url}, 0
    answer = first()
    while True:
        page = answer if "value" in answer or "@odata.id" in answer else _single(answer)
        things = listed(page)
        yield page
        link = next_link(answer)
        if link is None:
            return
        empty = 0 if things else empty + 1
        if empty > _EMPTY_PAGES:
            raise NotReadError(f"{empty} empty pages in a row")
        url = graph.relative(link)
        if url in followed:
            raise NotReadError("a nextLink leads back to a page already read")
        followed.add(url)
        answer = graph.get(GraphRequest(url, ask.headers))


def _single(document: Object) -> Object:
    """Return a single object as a page that holds it; an error stays what it is."""
    return document if "error" in document or "id" not in document else {"value": [document]}


class Fan:
    """One request for each of many objects, in batches, ``parallel`` of them under way."""

    def __init__(self, graph: Graph, natives: Sequence[str], ask: Callable[[str], GraphRequest]) -> None:
        natives = list(dict.fromkeys(natives))
        self._graph, self._ask = graph, ask
        self._chunks = [natives[i : i + BATCH] for i in range(0, len(natives), BATCH)]
        self._place = {native: n for n, chunk in enumerate(self._chunks) for native in chunk}
        self._under_way: dict[int, Future[dict[str, Callable[[], Object]]]] = {}
        self._next = 0

    def pages(self, native: str) -> Iterator[Page]:
        """Yield the pages of one object."""
        yield from follow(self._graph, self._ask(native), lambda: self._first(native))

    def _first(self, native: str) -> Object:
        # An answer is handed out once; whoever asks a second time is given what holds now.
        place = self._place.pop(native, None)
        if place is None:
            return self._graph.get(self._ask(native))
        ahead = min(len(self._chunks), place + 1 + self._graph.parallel)
        for n in range(self._next, ahead):
            self._under_way[n] = self._graph.pool.submit(self._chunk, self._chunks[n])
        self._next = max(self._next, ahead)
        answers = self._under_way[place].result()
        result = answers.pop(native)
        if not answers:
            del self._under_way[place]
        return result()

    def _chunk(self, natives: Sequence[str]) -> dict[str, Callable[[], Object]]:
        return dict(zip(natives, self._graph.get_all([self._ask(native) for native in natives]), strict=True))
