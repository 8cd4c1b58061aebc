"""A reader and the simulator it reads, put together for tests."""

import base64
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from access_review import tables
from access_review.connectors import Source
from access_review.connectors.entra.graph import Graph
from access_review.connectors.entra.live_pages import LivePages, SigninWindow
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.permissions import READING
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.throttle import ThrottlePace, Time
from tests.simulated_tenant import contract, permissions, tenants
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.tenants import Tenant
from tests.simulated_tenant.transport import session
from tests.simulated_tenant.wire import START

SOURCE = Source("entra", Path("/"))
WINDOW = SigninWindow(START - timedelta(days=30), START)


def outside() -> Path | None:
    """Return the folder of Microsoft's schema and permissions, when there is one."""
    folder = os.environ.get("ACCESS_REVIEW_OUTSIDE_DATA")
    return Path(folder).resolve() / "graph-contract" if folder else None


def simulate(tenant: Tenant | None = None, **more: Any) -> Simulator:
    """Return a simulator; where outside data is, Microsoft's schema judges it and Microsoft's map guards it."""
    made = Simulator(tenant or tenants.make(1), **more)
    folder = outside()
    if folder:
        made.judge = contract.Judge(contract.load(folder / "v1.0.csdl"))
        made.needs = permissions.load(folder / "permissions.json")
        made.granted = (
            READING | {"Group-OnPremisesSyncBehavior.ReadWrite.All"} if made.granted is None else made.granted
        )
    return made


def graph(simulator: Simulator, **more: Any) -> Graph:
    """Return a client of the simulator that shares its clock."""
    pace = ThrottlePace(Time(simulator.clock.now, simulator.clock.sleep, lambda: 0.5))
    return Graph(simulator.base, lambda fresh: token(simulator), session(simulator), pace, **more)  # noqa: ARG005


def token(simulator: Simulator) -> str:
    """Return a token that says what the application may do, as Entra's does."""
    said = json.dumps({"roles": sorted(simulator.granted or ())}).encode()
    return f"header.{base64.urlsafe_b64encode(said).decode().rstrip('=')}.signature"


@dataclass
class Outcome:
    """What a reading yielded."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def short(self) -> dict[str, str]:
        """The verdicts that are not complete, with the reason."""
        return {v["subject"]: v["reason"] for v in self.rows["completeness"] if not v["complete"]}

    def canonical(self, table: str) -> list[str]:
        """Return the rows of a table in an order of their own."""
        return sorted(json.dumps(row, sort_keys=True, default=str) for row in self.rows[table])

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        (row,) = [r for r in self.rows[table] if all(r.get(name) == value for name, value in where.items())]
        return row


def read(simulator: Simulator, *, client: Graph | None = None, check: bool = True, **options: Any) -> Outcome:
    """Read the whole tenant; ``check`` holds the rows against the tables' contracts."""
    used = client or graph(simulator)
    try:
        sees_hidden = SEES_HIDDEN in used.permissions()
        return collected(PagedTenant(SOURCE, door(used, **options), sees_hidden=sees_hidden), check=check)
    finally:
        used.close()


def door(client: Graph, **options: Any) -> LivePages:
    """Return a door with everything asked for."""
    return LivePages(client, **{"window": WINDOW, "source_of_authority": True, **options})


def collected(connector: Any, *, check: bool = True) -> Outcome:
    """Collect what a connector yields."""
    made = Outcome()
    for table, row in connector.collect(START):
        made.rows[table].append(row)
    if check:
        for table, rows in made.rows.items():
            tables.frame(table, rows)
    return made


def held(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yield who is in which group, straight from the tenant: what a reading has to find."""
    for (what, group), members in tenant.links.items():
        if what == "groups/members":
            yield from ((group, member) for member in members if tenant.types.get(member) != "device")
