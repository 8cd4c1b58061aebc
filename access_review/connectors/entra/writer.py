"""Changing a tenant: one grant, one account at a time, addressed by immutable ids.

Nothing is decided here and nothing repeated (:mod:`access_review.revoke.states`). What Graph
will not do is refused before the call, with what to do instead.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from access_review.changes import Action, Change, Sighting, Target, Thing, WriteAnswer, WriteResult
from access_review.connectors.entra.graph import Graph, GraphRequest, RefusedError, VanishedError, quoted
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.live_pages import follow
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.permissions import LOOKING, writes_with
from access_review.connectors.entra.properties import NEVER, Object, UnusableError, objects, time_or_never
from access_review.connectors.entra.throttle import retry_after
from access_review.errors import ConnectorError

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ROLES = "/roleManagement/directory"
_PIM = "/identityGovernance/privilegedAccess/group"
_JUSTIFICATION = "access review"
_FOLDERS = {"user": "users", "sp": "servicePrincipals", "group": "groups"}
_ACCOUNTS = frozenset({Action.DISABLE_ACCOUNT, Action.ENABLE_ACCOUNT})
_GRANTS = {
    Action.REMOVE_MEMBER: ("group",),
    Action.ADD_MEMBER: ("group",),
    Action.CUT_NESTING: ("group",),
    Action.ADD_NESTING: ("group",),
    Action.REMOVE_ROLE_ASSIGNMENT: ("role",),
    Action.ADD_ROLE_ASSIGNMENT: ("role",),
    Action.END_PIM: ("group", "role"),
    Action.ADD_PIM: ("group", "role"),
    Action.REMOVE_APPROLE: ("approle",),
    Action.ADD_APPROLE: ("approle",),
    Action.REMOVE_CONSENT: ("consent",),
    Action.ADD_CONSENT: ("consent",),
}

SYNCED = "the group is synchronised: remove the member in the directory that masters it"
DYNAMIC = "the group is dynamic: change its rule, or the attribute that the rule reads"
MAIL = "the group is mail-enabled: only Exchange changes its members"
INHERITED = "the licence comes from a group: change the group's licences, or who is in it"
ADMINISTRATOR = (
    "if the account holds a directory role, or is in a restricted administrative unit, the writer's application needs "
    "a role that may manage it"
)


@dataclass(frozen=True, slots=True)
class GrantHandle:
    """One way of holding something: how to look, take away and give back."""

    look: Callable[[], bool]
    take: Callable[[], Reply | str]
    give: Callable[[], Reply | str]


def link(group: str, what: str, target: str) -> str:
    """Return the address of a link of a group: the only place that builds one.

    Without ``/$ref`` the same request deletes the user itself.
    """
    if what not in ("members", "owners") or not (_ID.fullmatch(group) and _ID.fullmatch(target)):
        raise ValueError(f"no link: {group!r} {what!r} {target!r}")
    return f"/groups/{group}/{what}/{target}/$ref"


def covers(change: Change) -> bool:
    """Tell whether a change is one that Graph makes, on a tenant's own objects."""
    target, held = change.target, change.target.entitlement
    holder = target.child or target.account
    if holder is None or holder.kind not in _FOLDERS or not _own(holder, target.source):
        return False
    if change.action is Action.REVOKE_SESSIONS:
        return holder.kind == "user"
    if change.action in _ACCOUNTS:
        return holder.kind != "group"
    if held is None or held.kind not in _GRANTS.get(change.action, ()) or not _own(held, target.source):
        return False
    return held.kind != "consent" or target.native_id is not None


class GraphWriter:
    """A tenant that can be written to; an :class:`~access_review.changes.Executor`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._refusals: dict[str, str] = {}

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look whether the grant, the right to sign in or older sessions are there."""
        try:
            if change.action is Action.REVOKE_SESSIONS:
                return self._sessions(change.target, since)
            if change.action in _ACCOUNTS:
                return self._seen(self._enabled(_account(change.target)))
            return self._seen(self._handle(change).look())
        except RefusedError as error:
            return Sighting(None, self._graph.base, _blind(error, change))
        except _NOT_READ as error:
            return Sighting(None, self._graph.base, str(error))

    def revoke(self, change: Change) -> WriteAnswer:
        """Take away the one thing that the change names."""
        if change.action is Action.DISABLE_ACCOUNT:
            return self._answered(lambda: self._switch(_account(change.target), on=False), change)
        if change.action is Action.REVOKE_SESSIONS:
            return self._answered(
                lambda: self._graph.send("POST", f"/users/{_id(_account(change.target))}/revokeSignInSessions"), change
            )
        return self._answered(lambda: self._handle(change).take(), change)

    def restore(self, change: Change) -> WriteAnswer:
        """Give back the one thing that the change names."""
        if change.action in _ACCOUNTS:
            return self._answered(lambda: self._switch(_account(change.target), on=True), change)
        if change.action is Action.REVOKE_SESSIONS:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, "sessions begin anew by signing in")
        return self._answered(lambda: self._handle(change).give(), change)

    def remove_owner(self, group: str, owner: str) -> WriteAnswer:
        """Remove an owner of a group; the last one stays."""
        return self._answered(lambda: self._graph.send("DELETE", link(group, "owners", owner)))

    def remove_licence(self, user: str, sku: str) -> WriteAnswer:
        """Remove a licence of the user's own. Nothing calls this by itself: data may go with a licence."""

        def remove() -> Reply | str:
            thing = self._graph.get(GraphRequest(f"/users/{_id(user)}?$select=id,licenseAssignmentStates"))
            sources = [s.get("assignedByGroup") for s in objects(thing, "licenseAssignmentStates") if s["skuId"] == sku]
            # Without a state nobody knows whose licence it is; Graph then refuses what is a group's.
            if sources and None not in sources:
                return INHERITED
            body = {"addLicenses": [], "removeLicenses": [sku]}
            return self._graph.send("POST", f"/users/{user}/assignLicense", body=body)

        return self._answered(remove)

    def end_package(self, assignment: str) -> WriteAnswer:
        """End the assignment of an access package, which takes what it gave."""
        body = {"requestType": "adminRemove", "assignment": {"id": _id(assignment)}}
        address = "/identityGovernance/entitlementManagement/assignmentRequests"
        return self._answered(lambda: self._graph.send("POST", address, body=body))

    # Accounts

    def _enabled(self, account: Thing) -> bool | None:
        found = self._graph.get(GraphRequest(f"/{_folder(account)}/{_id(account)}?$select=id,accountEnabled")).get(
            "accountEnabled"
        )
        return found if isinstance(found, bool) else None

    def _switch(self, account: Thing, *, on: bool) -> Reply:
        return self._graph.send("PATCH", f"/{_folder(account)}/{_id(account)}", body={"accountEnabled": on})

    def _sessions(self, target: Target, since: datetime) -> Sighting:
        """Sessions older than the change are there until Graph counts only later ones as valid."""
        account = _account(target)
        thing = self._graph.get(GraphRequest(f"/users/{_id(account)}?$select=id,signInSessionsValidFromDateTime"))
        valid = time_or_never(thing, "signInSessionsValidFromDateTime")
        older = valid is None or valid == NEVER or valid < since.astimezone(UTC)
        return Sighting(older, self._graph.base, "" if older else f"only sessions from {valid} on are valid")

    # Grants and nesting

    def _handle(self, change: Change) -> GrantHandle:
        target = change.target
        holder, held = target.child or target.account, target.entitlement
        if holder is None or held is None:
            raise _OddError("the change names no grant")
        if held.kind == "group":
            return (
                self._managed(holder, held, target)
                if target.mode == "eligible" or change.via == "pim"
                else self._member(holder, held)
            )
        if held.kind == "role":
            return self._role(holder, held, target, change.via)
        if held.kind == "approle":
            return self._app_role(holder, held)
        if held.kind == "consent":
            return self._consent(held, target)
        raise _OddError(f"a {held.kind} is not taken away by Graph")

    def _member(self, holder: Thing, group: Thing) -> GrantHandle:
        place = link(_id(group), "members", _id(holder))
        there = f"/{_folder(holder)}/{_id(holder)}/memberOf?$select=id&$top=999"
        ref = {"@odata.id": f"{self._graph.base}/directoryObjects/{_id(holder)}"}
        give = f"/groups/{_id(group)}/members/$ref"
        return GrantHandle(
            lambda: any(thing.get("id") == group.native_id for thing in self._all(there)),
            lambda: self._group_refusal(group) or self._graph.send("DELETE", place),
            lambda: self._group_refusal(group) or self._graph.send("POST", give, body=ref),
        )

    def _group_refusal(self, group: Thing) -> str:
        """Say why Graph does not change a group's members; asked once, since Graph itself refuses what has changed."""
        native = _id(group)
        if native not in self._refusals:
            self._refusals[native] = self._asked_refusal(native)
        return self._refusals[native]

    def _asked_refusal(self, native: str) -> str:
        names = "id,groupTypes,mailEnabled,onPremisesSyncEnabled"
        thing = self._graph.get(GraphRequest(f"/groups/{native}?$select={names}"))
        kinds = thing.get("groupTypes") or ()
        if thing.get("onPremisesSyncEnabled"):
            return SYNCED
        if "DynamicMembership" in kinds:
            return DYNAMIC
        return MAIL if thing.get("mailEnabled") and "Unified" not in kinds else ""

    def _managed(self, holder: Thing, group: Thing, target: Target) -> GrantHandle:
        """A membership that PIM keeps: who may become a member, or is one for a time."""
        kind = "eligibility" if target.mode == "eligible" else "assignment"
        key = {"groupId": _id(group), "principalId": _id(holder), "accessId": "member"}
        where = f"$filter=groupId eq {quoted(_id(group))}&$select=id,groupId,principalId,accessId"
        return self._schedule(f"{_PIM}/{kind}ScheduleInstances?{where}", f"{_PIM}/{kind}ScheduleRequests", key, target)

    def _role(self, holder: Thing, role: Thing, target: Target, via: str) -> GrantHandle:
        definition, _, scope = role.native_id.partition("@")
        key = {"principalId": _id(holder), "roleDefinitionId": definition, "directoryScopeId": scope or "/"}
        where = f"$filter=principalId eq {quoted(_id(holder))}&$select=id,principalId,roleDefinitionId,directoryScopeId"
        if target.mode == "eligible" or via == "pim":
            kind = "roleEligibility" if target.mode == "eligible" else "roleAssignment"
            look, order = f"{_ROLES}/{kind}ScheduleInstances?{where}", f"{_ROLES}/{kind}ScheduleRequests"
            return self._schedule(look, order, key, target)
        look = f"{_ROLES}/roleAssignments?{where}"
        return GrantHandle(
            lambda: self._first(look, key) is not None,
            lambda: self._delete(self._first(look, key), f"{_ROLES}/roleAssignments"),
            lambda: self._graph.send("POST", f"{_ROLES}/roleAssignments", body=key),
        )

    def _schedule(self, look: str, order: str, key: Mapping[str, str], target: Target) -> GrantHandle:
        ends = {"type": "noExpiration"}
        if target.until is not None:
            ends = {"type": "afterDateTime", "endDateTime": target.until.astimezone(UTC).isoformat()}
        plain = {**key, "justification": _JUSTIFICATION}
        give = {**plain, "action": "adminAssign", "scheduleInfo": {"expiration": ends}}
        return GrantHandle(
            lambda: self._first(look, key) is not None,
            lambda: self._graph.send("POST", order, body={**plain, "action": "adminRemove"}),
            lambda: self._graph.send("POST", order, body=give),
        )

    def _app_role(self, holder: Thing, role: Thing) -> GrantHandle:
        resource, _, role_id = role.native_id.partition("/")
        folder = f"/servicePrincipals/{_id(resource)}/appRoleAssignedTo"
        key = {"principalId": _id(holder), "appRoleId": role_id}
        look = f"{folder}?$select=id,principalId,appRoleId&$top=999"
        return GrantHandle(
            lambda: self._first(look, key) is not None,
            lambda: self._delete(self._first(look, key), folder),
            lambda: self._graph.send("POST", folder, body={**key, "resourceId": resource}),
        )

    def _consent(self, consent: Thing, target: Target) -> GrantHandle:
        """One scope of a consent; the consent itself goes with its last scope."""
        client, resource, scope = consent.native_id.split("/", 2)
        everybody = target.account is not None and target.account.native_id == client
        who = {"consentType": "AllPrincipals"} if everybody else _principal(target)
        key = {"clientId": client, "resourceId": resource, **who}

        def current() -> tuple[str, list[str]]:
            """Return the consent's address and scopes; one that was given anew has another id."""
            address = f"/oauth2PermissionGrants/{_id(target.native_id or '')}"
            try:
                found = self._graph.get(GraphRequest(f"{address}?$select=id,scope"))
            except VanishedError:
                again = self._first(f"/oauth2PermissionGrants?$filter=clientId eq {quoted(_id(client))}", key)
                if again is None:
                    return address, []
                found, address = again, f"/oauth2PermissionGrants/{_id(again['id'])}"
            return address, str(found.get("scope") or "").split()

        def take() -> Reply | str:
            address, scopes = current()
            if left := [one for one in scopes if one != scope]:
                return self._graph.send("PATCH", address, body={"scope": " ".join(left)})
            return self._graph.send("DELETE", address)

        def give() -> Reply | str:
            address, scopes = current()
            if scopes:
                return self._graph.send("PATCH", address, body={"scope": " ".join([*scopes, scope])})
            return self._graph.send("POST", "/oauth2PermissionGrants", body={**key, "scope": scope})

        return GrantHandle(lambda: scope in current()[1], take, give)

    # Reading and answering

    def _all(self, address: str) -> Iterator[Object]:
        ask = GraphRequest(address)
        for page in follow(self._graph, ask, lambda: self._graph.get(ask)):
            yield from page.get("value") or ()

    def _first(self, address: str, key: Mapping[str, str]) -> Object | None:
        return next((t for t in self._all(address) if all(t.get(name) == value for name, value in key.items())), None)

    def _delete(self, found: Object | None, folder: str) -> Reply:
        if found is None:
            return Reply(404, None)
        return self._graph.send("DELETE", f"{folder}/{_id(found['id'])}")

    def _seen(self, there: bool | None) -> Sighting:
        return Sighting(there, self._graph.base)

    def _answered(self, call: Callable[[], Reply | str], change: Change | None = None) -> WriteAnswer:
        """Send, and say what came of it; whatever is unclear is unknown, and the next read decides."""
        try:
            reply = call()
        except RefusedError as error:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, _blind(error, change))
        except (NotReadError, UnusableError, ConnectorError) as error:
            # Only the look before the call, and the sign-in, can raise: nothing was sent.
            return WriteAnswer(WriteResult.TRANSIENT, self._graph.base, str(error))
        except (_OddError, ValueError) as error:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, str(error))
        if isinstance(reply, str):
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, reply)
        return WriteAnswer(_result(reply), self._graph.base, _said(reply, change), retry_after(reply.headers))


class _OddError(Exception):
    """The change is nothing that Graph can do."""


_NOT_READ = (NotReadError, UnusableError, ConnectorError, _OddError)


def _result(reply: Reply) -> WriteResult:
    if reply.status in (429, 503):
        return WriteResult.TRANSIENT
    if reply.failure or reply.status == 0 or reply.status >= 500:
        return WriteResult.UNKNOWN
    if reply.status == 401:
        return WriteResult.TRANSIENT
    if reply.status == 404:
        return WriteResult.ABSENT
    return WriteResult.DONE if reply.status < 300 else WriteResult.REFUSED


def _said(reply: Reply, change: Change | None) -> str:
    if reply.status < 300 and not reply.failure:
        return ""
    return f"{reply.summary}; {_lacking(change)}" if reply.status == 403 and change else reply.summary


def _lacking(change: Change) -> str:
    """Say what the writer's application needs for a change that it was refused."""
    first, *more = writes_with(change)
    needed_permission = f"it takes the application permission {first}, with admin consent"
    if change.action in _ACCOUNTS:
        return f"{needed_permission}; {ADMINISTRATOR}"
    return "; ".join([needed_permission, *(f"{name} besides, where the group may hold roles" for name in more)])


def _blind(error: RefusedError, change: Change | None) -> str:
    """Say what the writer's application needs to look."""
    with_ = (*LOOKING, *(writes_with(change) if change else ()))
    return f"{error}; the writer looks with {', '.join(with_)}"


def _account(target: Target) -> Thing:
    if target.account is None:
        raise _OddError("the change names no account")
    return target.account


def _principal(target: Target) -> dict[str, str]:
    return {"consentType": "Principal", "principalId": _id(_account(target))}


def _own(thing: Thing, source: str) -> bool:
    return thing.id.startswith(f"{source}:")


def _folder(holder: Thing) -> str:
    if holder.kind not in _FOLDERS:
        raise _OddError(f"a {holder.kind} holds nothing that Graph takes away")
    return _FOLDERS[holder.kind]


def _id(named: Thing | str | Any) -> str:
    native = named.native_id if isinstance(named, Thing) else named
    if not isinstance(native, str) or not _ID.fullmatch(native):
        raise _OddError(f"{native!r} is no object id")
    return native
