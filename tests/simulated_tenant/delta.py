"""Delta queries: everything first, then what changed since a token that lives seven days."""

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.simulated_tenant.tenants import Object
from tests.simulated_tenant.wire import Request, Response, failed

if TYPE_CHECKING:
    from tests.simulated_tenant.simulator import Simulator

LIFE = 7 * 24 * 3600
MEMBERS = 20
"""Members told of one group on one page; the group comes again with the rest."""
_LINKS = ("members", "owners")


class Delta:
    """The log of a tenant, and the answers made of it."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self._log: list[tuple[str, str, str, str, bool]] = []

    def touched(self, collection: str, native: str) -> None:
        """Note that an object changed, came or went."""
        self._log.append((collection, native, "", "", True))

    def linked(self, collection: str, native: str, what: str, target: str, *, added: bool) -> None:
        """Note that a link came or went."""
        self._log.append((collection, native, what, target, added))

    def answer(self, request: Request) -> Response:
        collection, options = request.segments[0], request.options
        if any(name in options for name in ("$top", "$expand", "$orderby")):
            return failed(400, "Request_UnsupportedQuery", "not with delta")
        if "signInActivity" in options.get("$select", ""):
            return failed(400, "Request_UnsupportedQuery", "signInActivity is not tracked")
        token = options.get("$deltatoken") or options.get("$skiptoken")
        if token == "latest":  # noqa: S105 - Graph's word for: nothing of what was, all that comes
            state: dict[str, Any] = {"from": len(self._log), "to": len(self._log), "at": 0, "first": False}
            state |= {"select": options.get("$select", ""), "born": self._simulator.clock.now()}
        elif token is None:
            state = {"from": 0, "to": len(self._log), "at": 0, "select": options.get("$select", "")}
            state |= {"first": True, "born": self._simulator.clock.now()}
        else:
            state = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            if self._simulator.clock.now() - state["born"] > LIFE:
                location = f"{self._simulator.base}/{collection}/delta?$select={state['select']}"
                return failed(410, "SyncStateNotFound", "The token has expired", Location=location)
            if "$deltatoken" in options:
                state |= {"from": state["to"], "to": len(self._log), "at": 0, "first": False}
                state["born"] = self._simulator.clock.now()
        entries = self._first(collection, state) if state["first"] else self._since(collection, state)
        size = self._simulator.page_limit or 200
        page = entries[state["at"] : state["at"] + size]
        more = state["at"] + size < len(entries)
        name = "nextLink" if more else "deltaLink"
        following = {**state, "at": state["at"] + size} if more else state
        body = {"value": page, f"@odata.{name}": self._link(collection, following, more=more)}
        return self._simulator._page(request, body, state["at"] // size)

    def _link(self, collection: str, state: dict[str, Any], *, more: bool) -> str:
        token = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
        return f"{self._simulator.base}/{collection}/delta?${'skiptoken' if more else 'deltatoken'}={quote(token)}"

    def _first(self, collection: str, state: dict[str, Any]) -> list[Object]:
        found: list[Object] = []
        later: list[Object] = []
        for native, thing in self._simulator.tenant.of(collection).items():
            shown, rest = self._whole(collection, native, thing, state["select"])
            found.append(shown)
            later += rest
        return found + later

    def _whole(self, collection: str, native: str, thing: Object, select: str) -> tuple[Object, list[Object]]:
        names = select.split(",")
        shown = {name: thing[name] for name in names if name in thing} | {"id": native}
        rest = []
        for link in _LINKS:
            if link not in names:
                continue
            unseen = link == "members" and self._simulator.hides(native)
            targets = [] if unseen else self._simulator.tenant.links.get((f"{collection}/{link}", native), [])
            told = [self._target(target) for target in targets]
            if told:
                shown[f"{link}@delta"] = told[:MEMBERS]
            rest += [{"id": native, f"{link}@delta": told[i : i + MEMBERS]} for i in range(MEMBERS, len(told), MEMBERS)]
        return shown, rest

    def _target(self, native: str) -> Object:
        return {
            "@odata.type": f"#microsoft.graph.{self._simulator.tenant.types.get(native, 'directoryObject')}",
            "id": native,
        }

    def _since(self, collection: str, state: dict[str, Any]) -> list[Object]:
        found: dict[str, Object] = {}
        for where, native, what, target, added in self._log[state["from"] : state["to"]]:
            if where != collection:
                continue
            thing = self._simulator.tenant.of(collection).get(native)
            if thing is None:
                kept = native in self._simulator.tenant.of("deletedUsers")
                found[native] = {"id": native, "@removed": {"reason": "changed" if kept else "deleted"}}
                continue
            names = state["select"].split(",")
            shown = found.setdefault(native, {})
            shown |= {name: thing[name] for name in names if name in thing} | {"id": native}
            if what and what in names and not (what == "members" and self._simulator.hides(native)):
                told = shown.setdefault(f"{what}@delta", [])
                told[:] = [t for t in told if t["id"] != target]
                told.append(
                    self._target(target) if added else {**self._target(target), "@removed": {"reason": "deleted"}}
                )
        told = list(found.values())
        return told + told[:1]  # replays happen
