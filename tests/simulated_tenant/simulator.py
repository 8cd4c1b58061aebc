"""Microsoft Graph v1.0, as far as a review reads and writes it: one tenant behind its protocol.

What is reproduced, from Microsoft's documentation: server-driven paging, ``$select``,
``$count`` with ``ConsistencyLevel``, ``$batch``, delta tokens that live seven days,
resource-unit throttling, application permissions, error documents, reads that lag
behind writes, and the deletion of a user when ``/$ref`` is missing.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import format_datetime
from urllib.parse import quote

from tests.simulated_tenant.contract import Judge, Violation
from tests.simulated_tenant.delta import Delta
from tests.simulated_tenant.faults import Fault
from tests.simulated_tenant.metering import Throttle, units
from tests.simulated_tenant.permissions import Needs, pattern, suffices
from tests.simulated_tenant.tenants import Object, Tenant
from tests.simulated_tenant.wire import Request, Response, VirtualClock, failed
from tests.simulated_tenant.writes import Writes

DEFAULTS = {
    "users": "id businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname "
    "userPrincipalName"
}
_DIRECTORY = ("users", "groups", "servicePrincipals", "applications", "administrativeUnits")
_ROLES = "roleManagement/directory"
_PIM = "identityGovernance/privilegedAccess/group"
_PACKAGES = "identityGovernance/entitlementManagement"
LISTS = {
    "users": "users",
    "groups": "groups",
    "servicePrincipals": "servicePrincipals",
    "applications": "applications",
    "subscribedSkus": "subscribedSkus",
    "oauth2PermissionGrants": "oauth2PermissionGrants",
    "directory/administrativeUnits": "administrativeUnits",
    "directory/deletedItems/microsoft.graph.user": "deletedUsers",
    "identity/conditionalAccess/policies": "conditionalAccessPolicies",
    f"{_ROLES}/roleDefinitions": "roleDefinitions",
    f"{_ROLES}/roleAssignments": "roleAssignments",
    f"{_ROLES}/roleAssignmentScheduleInstances": "roleAssignmentScheduleInstances",
    f"{_ROLES}/roleEligibilityScheduleInstances": "roleEligibilityScheduleInstances",
    f"{_PIM}/assignmentScheduleInstances": "groupAssignmentScheduleInstances",
    f"{_PIM}/eligibilityScheduleInstances": "groupEligibilityScheduleInstances",
    f"{_PACKAGES}/accessPackages": "accessPackages",
    f"{_PACKAGES}/assignments": "accessPackageAssignments",
    "auditLogs/signIns": "signIns",
}
HELD = frozenset(
    {
        "oauth2PermissionGrants",
        "appRoleAssignments",
        "roleAssignments",
        "roleAssignmentScheduleInstances",
        "roleEligibilityScheduleInstances",
        "groupAssignmentScheduleInstances",
        "groupEligibilityScheduleInstances",
    }
)
"""What principals hold."""
PREMIUM = re.compile(
    r"/(auditLogs|identityGovernance|roleManagement/directory/role\w+ScheduleInstances)", re.IGNORECASE
)
LINKS = {"members", "owners", "sponsors", "appRoleAssignedTo", "scopedRoleMembers"}


@dataclass
class Simulator:
    """One tenant's service. Threads may share it; answers are made one at a time."""

    tenant: Tenant
    clock: VirtualClock = field(default_factory=VirtualClock)
    base: str = "https://graph.example.test/v1.0"
    page_limit: int | None = None
    throttled: bool = False
    latency: float = 0.0
    lag: float = 0.0
    needs: Needs | None = None
    granted: frozenset[str] | None = None
    app_roles: frozenset[str] = frozenset()
    judge: Judge | None = None
    tokens: Callable[[str], frozenset[str] | None] | None = None
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttle = Throttle(len(self.tenant.of("users")))
        self.units = 0
        self.visits: list[tuple[str, int]] = []
        self.used: set[str] = set()
        self.violations: list[str] = []
        self.asked: list[Request] = []
        self._lock = threading.RLock()
        self.writes = Writes(self)
        self.delta = Delta(self)

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        with self._lock:
            self.clock.sleep(self.latency)
            response = self._answer(request)
            response.headers.setdefault("Date", format_datetime(self.clock.utc, usegmt=True))
            response.headers.setdefault("request-id", "00000000-0000-4000-8000-000000000001")
            return response

    def _answer(self, request: Request, *, part: bool = False) -> Response:
        self.asked.append(request)
        if request.method == "GET":
            self.units += units(request)
        if request.path != "/$batch" and self.throttled and (refused := self.throttle.admit(request, self.clock.now())):
            return refused
        try:
            refused = self._refused(request) or self._unlicensed(request)
            if refused:
                return refused
            if self.judge:
                self.judge.check_request(request)
            response = self._batch(request) if request.path == "/$batch" and not part else self._route(request)
            if self.judge and not response.broken:
                self.judge.check_response(request, response)
        except Violation as error:
            self.violations.append(str(error))
            return failed(400, "BadRequest", str(error))
        response.headers.update(self.throttle.headers(request))
        return response

    def _refused(self, request: Request) -> Response | None:
        granted = self.granted
        if self.tokens:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            found = self.tokens(token) if scheme == "Bearer" else None
            # The parts of a batch carry no token of their own.
            if found is None and "authorization" in request.headers:
                return failed(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
            granted = found if granted is None else granted
        if granted is None or self.needs is None:
            return None
        enough = suffices(self.needs, granted, request)
        if request.path != "/$batch":
            self.used |= enough
        if not enough:
            return failed(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        return None

    def _unlicensed(self, request: Request) -> Response | None:
        said = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        path = request.path
        if "entitlementManagement" in path and not self.tenant.governance:
            return failed(403, "AadPremiumLicenseRequired", said)
        if not self.tenant.premium and PREMIUM.match(path) and "entitlementManagement" not in path:
            return failed(400, "AadPremiumLicenseRequired", said)
        if not self.tenant.premium and "signInActivity" in request.options.get("$select", ""):
            return failed(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Tenant has no premium license")
        return None

    # Routing

    def _route(self, request: Request) -> Response:
        path = request.path.strip("/")
        if request.method != "GET":
            return self.writes.answer(request)
        if path == "organization":
            return Response(200, {"value": [{"id": self.tenant.id, "displayName": "Norwind Outsourcing"}]})
        if path in LISTS:
            return self._list(request, LISTS[path], self._objects(request, LISTS[path]))
        if path.endswith("/delta"):
            return self.delta.answer(request)
        if path in (
            "servicePrincipals/microsoft.graph.agentIdentity",
            "servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal",
        ):
            kind = path.rpartition(".")[2]
            things = [t for n, t in self.tenant.of("servicePrincipals").items() if self.tenant.types.get(n) == kind]
            return self._list(request, "servicePrincipals", things)
        segments = request.segments
        if len(segments) == 4 and segments[2].startswith("microsoft.graph."):
            segments = [*segments[:2], segments[3]]
        if segments[0] == "directory" and len(segments) == 4:
            segments = segments[1:]
        if len(segments) == 3 and segments[0] != "directory":
            return self._under(request, *segments)
        if segments[0] == "directory" and len(segments) == 3:
            segments = segments[1:]
        if len(segments) == 2:
            return self._single(request, segments[0], segments[1])
        if path.startswith((f"{_ROLES}/", f"{_PACKAGES}/")):
            collection = LISTS.get("/".join(segments[:-1]))
            if collection:
                return self._single(request, collection, segments[-1])
        return failed(400, "BadRequest", f"Resource not found for the segment '{segments[-1]}'.")

    def _objects(self, request: Request, collection: str) -> Iterable[Object] | Response:
        things: Iterable[Object] = self.visible(collection).values()
        where = request.options.get("$filter", "")
        if collection in ("groupAssignmentScheduleInstances", "groupEligibilityScheduleInstances"):
            by = re.fullmatch(r"(groupId|principalId) eq '([^']+)'", where)
            if not by:
                return failed(400, "MissingProvider", "The required filters groupId or principalId are missing.")
            return [thing for thing in things if thing[by[1]] == by[2]]
        if collection == "signIns" and where:
            bounds = re.findall(r"createdDateTime (ge|le) (\S+)", where)
            low = next((value for sign, value in bounds if sign == "ge"), "")
            high = next((value for sign, value in bounds if sign == "le"), "9999")
            return [thing for thing in things if low <= thing["createdDateTime"] <= high]
        if where:
            return self._filtered(things, where)
        return things

    def _filtered(self, things: Iterable[Object], where: str) -> list[Object] | Response:
        clauses = [re.fullmatch(r"(\w+) eq '([^']*)'", part.strip()) for part in where.split(" and ")]
        if not all(clauses):
            return failed(400, "Request_UnsupportedQuery", f"Unsupported filter {where!r}")
        return [t for t in things if all(c is not None and t.get(c[1]) == c[2] for c in clauses)]

    def _under(self, request: Request, folder: str, native: str, last: str) -> Response:
        if self.tenant.find(native) is None and native not in self.tenant.of(folder):
            return failed(404, "Request_ResourceNotFound", f"Resource '{native}' does not exist.")
        if last == "onPremisesSyncBehavior":
            return self._page(request, self._shown(self.tenant.of("syncBehaviours")[native], request, ""))
        if last == "appRoleAssignments":
            things = [t for t in self.visible("appRoleAssignments").values() if t["principalId"] == native]
            return self._list(request, "appRoleAssignments", things)
        if last == "memberOf":
            owners = [
                o
                for (what, o) in self.tenant.links
                if what == "groups/members" and not self.hides(o) and native in self.linked(what, o)
            ]
            return self._list(request, "", [self.tenant.of("groups")[o] for o in owners], typed=True)
        if last not in LINKS:
            return failed(400, "BadRequest", f"Resource not found for the segment '{last}'.")
        targets = [] if last == "members" and self.hides(native) else self.linked(f"{folder}/{last}", native)
        if last == "appRoleAssignedTo":
            known = self.visible("appRoleAssignments")
            return self._list(request, "appRoleAssignments", [known[t] for t in targets if t in known])
        if last == "scopedRoleMembers":
            return self._list(request, last, [self.tenant.of(last)[t] for t in targets])
        found = [self.tenant.find(target) for target in targets]
        return self._list(request, "", [thing for pair in found if pair for thing in (pair[1],)], typed=True)

    def _single(self, request: Request, collection: str, native: str) -> Response:
        thing = self.visible(collection).get(native)
        if thing is None:
            return failed(404, "Request_ResourceNotFound", f"Resource '{native}' does not exist.")
        return Response(200, self._shown(thing, request, collection))

    # What reads see

    def visible(self, collection: str) -> dict[str, Object]:
        """Return objects as reads see them now, which lags behind the writes; what a deleted user holds is not listed."""
        found = self.writes.seen(collection, self.tenant.of(collection))
        if collection not in HELD:
            return found
        deleted = self.tenant.of("deletedUsers").keys()
        return {native: thing for native, thing in found.items() if thing.get("principalId") not in deleted}

    def hides(self, group: str) -> bool:
        """Tell whether a group's members are not shown to this application: no error says so."""
        hidden = self.tenant.of("groups").get(group, {}).get("visibility") == "HiddenMembership"
        return hidden and self.granted is not None and "Member.Read.Hidden" not in self.granted

    def linked(self, what: str, owner: str) -> list[str]:
        """Return links as reads see them now."""
        return self.writes.seen_links(what, owner, self.tenant.links.get((what, owner), []))

    def _list(
        self, request: Request, collection: str, things: Iterable[Object] | Response, *, typed: bool = False
    ) -> Response:
        if isinstance(things, Response):
            return things
        options = request.options
        everything = things if isinstance(things, list) else list(things)
        if options.get("$count") == "true" and not request.eventual:
            return failed(400, "Request_UnsupportedQuery", "$count needs the header ConsistencyLevel: eventual")
        start = self._offset(request, options)
        if start is None:
            return failed(400, "Directory_ExpiredPageToken", "The page token is not valid.")
        size = self._page_size(collection, options)
        page = [self._shown(thing, request, collection, typed=typed) for thing in everything[start : start + size]]
        body: Object = {"@odata.context": f"{self.base}/$metadata#{request.path.strip('/')}"} if not collection else {}
        if options.get("$count") == "true" and start == 0:
            body["@odata.count"] = len(everything)
        body["value"] = page
        if start + size < len(everything):
            body["@odata.nextLink"] = self._link(request, start + size)
        return self._page(request, body, start // size, start)

    def _page_size(self, collection: str, options: dict[str, str]) -> int:
        most = 1000 if collection == "signIns" else 999
        if "signInActivity" in options.get("$select", ""):
            most = 500
        size = int(options.get("$top") or 100)
        return max(1, min(size, most, self.page_limit or most))

    def _page(self, request: Request, body: Object, page: int = 0, start: int = 0) -> Response:
        self.visits.append((request.path, page))
        good = Response(200, body)
        for fault in self.faults:
            if fault.meets(request, page):
                return fault.apply(good, self._link(request, start, fresh=True), self._link(request, 0))
        return good

    def _link(self, request: Request, start: int, *, fresh: bool = False) -> str:
        kept = {name: value for name, value in request.options.items() if name not in ("$skiptoken", "$count")}
        token = (
            base64.urlsafe_b64encode(
                json.dumps([start, pattern(request.path), len(self.asked) if fresh else 0]).encode()
            )
            .decode()
            .rstrip("=")
        )
        query = "&".join(
            f"{name}={quote(value, safe='(),$=')}" for name, value in {**kept, "$skiptoken": token}.items()
        )
        return f"{self.base}{quote(request.path)}?{query}"

    def _offset(self, request: Request, options: dict[str, str]) -> int | None:
        token = options.get("$skiptoken")
        if token is None:
            return 0
        try:
            start, shape, _ = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except ValueError:
            return None
        return int(start) if shape == pattern(request.path) else None

    def _shown(self, thing: Object, request: Request, collection: str, *, typed: bool = False) -> Object:
        options = request.options
        selected = options.get("$select") or DEFAULTS.get(collection, "").replace(" ", ",")
        kind = self.tenant.types.get(thing["id"], "")
        derived = kind.startswith("agent") and collection == "servicePrincipals"
        shown: Object = {"@odata.type": f"#microsoft.graph.{kind}"} if kind and (typed or derived) else {}
        names = selected.split(",") if selected else [n for n in thing if n not in _ON_REQUEST]
        shown |= {name: thing[name] for name in names if name in thing}
        for expanded in re.findall(r"(?:^|,)(\w+)", re.sub(r"\([^)]*\)", "", options.get("$expand", ""))):
            shown[expanded] = thing.get(expanded)
        return shown

    # $batch

    def _batch(self, request: Request) -> Response:
        parts = request.body.get("requests") if isinstance(request.body, dict) else None
        if not isinstance(parts, list) or len(parts) > 20 or len({p["id"] for p in parts}) != len(parts):
            return failed(400, "BadRequest", "A batch has at most 20 requests with ids of their own.")
        done: dict[str, Response] = {}
        for part in parts:
            if any(done[before].status >= 400 for before in part.get("dependsOn", ())):
                done[part["id"]] = failed(424, "FailedDependency")
                continue
            inner = Request.of(part["method"], part["url"], part.get("headers", {}), part.get("body"))
            done[part["id"]] = self._answer(inner, part=True)
            if done[part["id"]].broken == "reset":
                return done[part["id"]]
        broken = next((r.broken for r in done.values() if r.broken), "")
        responses = [{"id": i, "status": r.status, "headers": r.headers, "body": r.body} for i, r in done.items()]
        return Response(200, {"responses": responses[::-1]}, broken=broken)  # in any order


_ON_REQUEST = frozenset({"signInActivity", "resourceRoleScopes", "target", "accessPackage"})
