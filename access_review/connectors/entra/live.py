"""A tenant that is read from Microsoft Graph now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from access_review.changes import Capabilities, Change, Mark, ReadablePart
from access_review.connectors import Source, complete, incomplete, stating, system
from access_review.connectors.entra.capabilities import CAPABILITIES
from access_review.connectors.entra.delta import DeltaChanges, mark_changes
from access_review.connectors.entra.graph import Graph, GraphRequest, RefusedError, UntrustedError
from access_review.connectors.entra.live_pages import LivePages, SigninWindow
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.pages import NotReadError, listed_objects
from access_review.connectors.entra.properties import Object, UnusableError, text
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.readable_parts import readable_parts
from access_review.connectors.entra.registration import TenantReach
from access_review.connectors.entra.writer import GraphWriter, covers
from access_review.errors import ConnectorError, Transient
from access_review.tables import Row

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the service's clock may be off before nothing is said about lag."""

ORGANISATION = GraphRequest("/organization?$select=id,displayName")
TRUST_HINT = "name the authority that issued the server's certificate in ca_file"


@dataclass(frozen=True, slots=True)
class LiveTenant:
    """One tenant, reached through ``open_reader``; ``paged`` says how its pages become rows."""

    capabilities: ClassVar[Capabilities] = CAPABILITIES
    tells_readable: ClassVar[bool] = True
    marks: ClassVar[bool] = True
    follows: ClassVar[bool] = True

    paged: PagedTenant
    open_reader: Callable[[], Graph]
    reach: TenantReach = field(default_factory=TenantReach)

    @property
    def source(self) -> Source:
        """The source."""
        return self.paged.source

    def writable(self, open_writer: Callable[[], Graph]) -> "WritableTenant":
        """Return the tenant with a registration that may write."""
        return WritableTenant(self.paged, self.open_reader, self.reach, open_writer=open_writer)

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield ``(table, row)`` for everything the tenant holds, and the verdicts.

        Raises ``ConnectorError`` when sign-in is refused or nobody answers.
        """
        with self._graph() as graph:
            named = self._organisation(graph)
            door = self._door(graph, SigninWindow(as_of - self.reach.sign_ins, as_of), str(named.get("id") or ""))
            sees_hidden = SEES_HIDDEN in graph.permissions()
            yield from replace(self.paged, pages=door, sees_hidden=sees_hidden).collect(as_of)
            yield self._clock(graph, as_of)
            yield self._provenance(graph, door, named)
            if named:
                yield system(self.source, named.get("id"), _name_of(named))

    def mark(self, before: Mark) -> Mark:
        """Return a mark that changes with users, groups and their members, and service principals.

        Roles, consents and sign-ins are not tracked by Graph: they are seen when everything is read.
        Raises ``Transient`` where Graph does not say.
        """
        with self._graph() as graph:
            try:
                return mark_changes(graph, before)
            except NotReadError as error:
                raise Transient(self.source.name, f"Graph does not say what changed: {error}") from error

    def following(self, folder: str) -> "LiveTenant":
        """Return the tenant that keeps its groups in a folder, and reads of them what changed."""
        return replace(self, reach=self.reach.model_copy(update={"mirror": folder}))

    def readable(self, as_of: datetime) -> tuple[ReadablePart, ...]:
        """Say of each part whether it can be read; raises ``ConnectorError`` as :meth:`collect` does."""
        with self._graph() as graph:
            self._organisation(graph)
            return tuple(readable_parts(self._door(graph, SigninWindow(as_of - timedelta(days=1), as_of))))

    @contextmanager
    def _graph(self) -> Iterator[Graph]:
        graph = self.open_reader()
        try:
            yield graph
        finally:
            graph.close()

    def _door(self, graph: Graph, window: SigninWindow, tenant: str = "") -> LivePages:
        without, authority = frozenset(self.reach.without), self.reach.source_of_authority
        if self.reach.mirror is None or not tenant:
            return LivePages(graph, window, without, authority)
        path = self.source.folder / self.reach.mirror / f"{self.source.name}-groups.json"
        # What a mirror was not shown does not come as a change when it may be seen: another right is another mirror.
        of = f"{graph.base} {tenant}" + (f" {SEES_HIDDEN}" if SEES_HIDDEN in graph.permissions() else "")
        return DeltaChanges(graph, window, without, authority, path=path, of=of)

    def _organisation(self, graph: Graph) -> Object:
        """Ask whose tenant it is, which also shows that the service answers at all."""
        try:
            named = listed_objects(graph.get(ORGANISATION))
        except RefusedError:
            return {}
        except UntrustedError as error:
            raise ConnectorError(self.source.name, str(error), hint=TRUST_HINT) from error
        except NotReadError as error:
            raise Transient(self.source.name, f"Graph could not be reached: {error}") from error
        if not named:
            raise Transient(self.source.name, "Graph does not say whose tenant it is")
        return named[0]

    def _clock(self, graph: Graph, as_of: datetime) -> tuple[str, Row]:
        server_time = graph.clock
        if server_time is None:
            return incomplete(self.source, "part:clock", "the service does not say what time it is")
        apart = abs(server_time - as_of)
        if apart > CLOCK_TOLERANCE:
            minutes = round(apart.total_seconds() / 60)
            return incomplete(self.source, "part:clock", f"the service's clock is {minutes} min off")
        return complete(self.source, "part:clock", 0)

    def _provenance(self, graph: Graph, door: LivePages, named: Object) -> tuple[str, Row]:
        """Say how the population was obtained, as canonical JSON, for the evidence."""
        facts: dict[str, Any] = {
            "server": graph.base,
            "tenant": named.get("id"),
            "tenant_name": _name_of(named),
            "queries": door.provenance,
            "pages": dict(door.answers),
            "permissions": sorted(graph.permissions()),
            "requests": graph.requests,
            "resource_units": graph.pace.spent,
            "without": sorted(self.reach.without),
        }
        return stating(complete(self.source, "part:provenance", graph.requests), facts)


def _name_of(tenant: Object) -> str | None:
    """Return what a tenant is called; null where that cannot be read, since its id says which it is."""
    try:
        return text(tenant, "displayName")
    except UnusableError:
        return None


@dataclass(frozen=True, slots=True)
class WritableTenant(LiveTenant):
    """A tenant with a registration that may write, reached through ``open_writer``."""

    open_writer: Callable[[], Graph] = field(kw_only=True)

    def covers(self, change: Change) -> bool:
        """Tell whether a change is one that Graph makes, of the tenant's own objects."""
        return covers(change)

    @contextmanager
    def writing(self) -> Iterator[GraphWriter]:
        """Open a session of the writer's registration; raises ``ConnectorError`` when it is refused."""
        graph = self.open_writer()
        try:
            self._organisation(graph)
            yield GraphWriter(graph)
        finally:
            graph.close()

    @contextmanager
    def verifying(self) -> Iterator[GraphWriter]:
        """Look as the registration that only reads."""
        with self._graph() as graph:
            self._organisation(graph)
            yield GraphWriter(graph)
