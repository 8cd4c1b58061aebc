"""How each kind of grant in a tenant is looked at, taken away and given back.

A grant is not there only where that shows: an empty list is no proof for who cannot be seen, since
lists leave out who is deleted and a restore brings all of it back, nor for a group that hides its
members. What has another id than what was approved was given since; what an activation or a group
passes on for a while is no assignment. Both are left alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from access_review.changes import Change, Sighting, Target, Thing
from access_review.connectors.entra.graph import Graph, GraphRequest, VanishedError, quoted
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.groups import hides_members
from access_review.connectors.entra.live_pages import follow
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.roles import is_activation, is_own

FOLDERS = {"user": "users", "sp": "servicePrincipals", "group": "groups"}
SYNCED = "the group is synchronised: remove the member in the directory that masters it"
DYNAMIC = "the group is dynamic: change its rule, or the attribute that the rule reads"
MAIL = "the group is mail-enabled: only Exchange changes its members"
HIDDEN = f"the group hides its members, and it takes the application permission {SEES_HIDDEN} to see them"
ANOTHER = "what was approved is gone; another one was given since, and is left alone"
PASSED_ON = "what is left is an activation of an eligible one, or a group's: it is no assignment, and is left alone"

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ROLES = "/roleManagement/directory"
_PIM = "/identityGovernance/privilegedAccess/group"
_JUSTIFICATION = "access review"


class OddError(Exception):
    """The change is nothing that Graph can do."""


@dataclass(frozen=True, slots=True)
class GrantHandle:
    """One way of holding something: how to look, take away and give back."""

    look: Callable[[], Sighting]
    take: Callable[[], Reply | str]
    give: Callable[[], Reply | str]


@dataclass(frozen=True, slots=True)
class _Listed:
    """Where a grant is listed: the address, what tells it from others, whose it is, and the id that was approved."""

    address: str
    key: Mapping[str, str]
    holder: Thing
    approved: str | None = None
    ids: tuple[str, ...] = ("id",)


@dataclass(slots=True)
class Grants:
    """The grants of a tenant. One object serves one batch: it knows which scopes of consents the batch has changed."""

    graph: Graph
    _groups: dict[str, Object] = field(default_factory=dict)
    _scopes: dict[tuple[str, str, str], dict[str, bool]] = field(default_factory=dict)

    def handle(self, change: Change) -> GrantHandle:
        """Return how the grant of a change is handled; raises :class:`OddError` for what Graph cannot do."""
        target = change.target
        holder, held = target.child or target.account, target.entitlement
        if holder is None or held is None:
            raise OddError("the change names no grant")
        scheduled = target.mode == "eligible" or change.via == "pim"
        if held.kind == "group":
            return self._managed(holder, held, change) if scheduled else self._member(holder, held)
        if held.kind == "role":
            return self._scheduled_role(holder, held, change) if scheduled else self._role(holder, held, change)
        if held.kind == "approle":
            return self._app_role(holder, held, change)
        if held.kind == "consent":
            return self._consent(held, change)
        raise OddError(f"a {held.kind} is not taken away by Graph")

    def remember(self, change: Change) -> None:
        """Note that a batch has carried a change out, of which a read may not know yet."""
        held = change.target.entitlement
        if held is not None and held.kind == "consent":
            self._edited(held, change.target)[held.native_id.split("/", 2)[2]] = change.action.restores

    # Groups

    def _member(self, holder: Thing, group: Thing) -> GrantHandle:
        place = link(object_id(group), "members", object_id(holder))
        # Asked of the member: the group's own list leaves some kinds out.
        there = f"/{folder_of(holder)}/{object_id(holder)}/memberOf?$select=id&$top=999"
        ref = {"@odata.id": f"{self.graph.base}/directoryObjects/{object_id(holder)}"}
        give = f"/groups/{object_id(group)}/members/$ref"

        def look() -> Sighting:
            if any(thing.get("id") == group.native_id for thing in self._all(there)):
                return Sighting(True, self.graph.base)
            if hides_members(self._group(group)) and SEES_HIDDEN not in self.graph.permissions():
                return Sighting(None, self.graph.base, HIDDEN)
            return Sighting(False, self.graph.base)

        return GrantHandle(
            look,
            lambda: self._group_refusal(group) or self.graph.send("DELETE", place),
            lambda: self._group_refusal(group) or self.graph.send("POST", give, body=ref),
        )

    def _group(self, group: Thing) -> Object:
        """Return a group as Graph has it; asked once, since Graph itself refuses what has changed."""
        native = object_id(group)
        if native not in self._groups:
            names = "id,groupTypes,mailEnabled,onPremisesSyncEnabled,visibility"
            self._groups[native] = self.graph.get(GraphRequest(f"/groups/{native}?$select={names}"))
        return self._groups[native]

    def _group_refusal(self, group: Thing) -> str:
        """Say why Graph does not change a group's members; empty when it does."""
        thing = self._group(group)
        kinds = thing.get("groupTypes") or ()
        if thing.get("onPremisesSyncEnabled"):
            return SYNCED
        if "DynamicMembership" in kinds:
            return DYNAMIC
        return MAIL if thing.get("mailEnabled") and "Unified" not in kinds else ""

    def _managed(self, holder: Thing, group: Thing, change: Change) -> GrantHandle:
        """A membership that PIM keeps: who may become a member, or is one for a time."""
        kind = "eligibility" if change.target.mode == "eligible" else "assignment"
        key = {"groupId": object_id(group), "principalId": object_id(holder), "accessId": "member"}
        names = f"id,groupId,principalId,accessId,memberType,{kind}ScheduleId"
        names += ",assignmentType" if kind == "assignment" else ""
        look = f"{_PIM}/{kind}ScheduleInstances?$filter=groupId eq {quoted(object_id(group))}&$select={names}"
        listed = _Listed(look, key, holder, _approved(change), ("id", f"{kind}ScheduleId"))
        return self._schedule(listed, f"{_PIM}/{kind}ScheduleRequests", change.target)

    # Roles

    def _role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        folder = f"{_ROLES}/roleAssignments"
        key = _role_key(holder, role)
        look = f"{folder}?{_of(holder)}&$select=id,principalId,roleDefinitionId,directoryScopeId"
        listed = _Listed(look, key, holder, _approved(change))

        def see() -> Sighting:
            seen = self._see(listed)
            # An activation stands among the assignments too, under an id of its own.
            if seen.another and self._is_activated(holder, role):
                return Sighting(False, self.graph.base, PASSED_ON)
            return seen

        return GrantHandle(see, lambda: self._delete(listed, folder), lambda: self.graph.send("POST", folder, body=key))

    def _scheduled_role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        kind = "roleEligibility" if change.target.mode == "eligible" else "roleAssignment"
        listed = _Listed(
            _role_schedule(kind, holder),
            _role_key(holder, role),
            holder,
            _approved(change),
            ("id", f"{kind}ScheduleId"),
        )
        return self._schedule(listed, f"{_ROLES}/{kind}ScheduleRequests", change.target)

    def _is_activated(self, holder: Thing, role: Thing) -> bool:
        """Tell whether PIM knows of nothing but an activation; a tenant without PIM has none."""
        try:
            found = list(self._matching(_role_schedule("roleAssignment", holder), _role_key(holder, role)))
        except NotReadError:
            return False
        return bool(found) and not any(_is_standing(thing) for thing in found)

    def _schedule(self, listed: _Listed, order: str, target: Target) -> GrantHandle:
        ends = {"type": "noExpiration"}
        if target.until is not None:
            ends = {"type": "afterDateTime", "endDateTime": target.until.astimezone(UTC).isoformat()}
        plain = {**listed.key, "justification": _JUSTIFICATION}
        give = {**plain, "action": "adminAssign", "scheduleInfo": {"expiration": ends}}

        def take() -> Reply | str:
            # The request names whose it is and of what, not which: so what is there must be what was approved.
            seen = self._see(listed)
            if not seen.there:
                return Reply(404, None)
            return ANOTHER if seen.another else self.graph.send("POST", order, body={**plain, "action": "adminRemove"})

        return GrantHandle(lambda: self._see(listed), take, lambda: self.graph.send("POST", order, body=give))

    # Applications

    def _app_role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        resource, _, role_id = role.native_id.partition("/")
        folder = f"/servicePrincipals/{object_id(resource)}/appRoleAssignedTo"
        key = {"principalId": object_id(holder), "appRoleId": role_id}
        listed = _Listed(f"{folder}?$select=id,principalId,appRoleId&$top=999", key, holder, _approved(change))
        return GrantHandle(
            lambda: self._see(listed),
            lambda: self._delete(listed, folder),
            lambda: self.graph.send("POST", folder, body={**key, "resourceId": resource}),
        )

    def _consent(self, consent: Thing, change: Change) -> GrantHandle:
        """One scope of a consent; the consent itself goes with its last scope."""
        target, scope = change.target, consent.native_id.split("/", 2)[2]
        key, edited = _consent_key(consent, target), self._edited(consent, target)

        def current() -> tuple[str, list[str]]:
            """Return the consent's address and scopes as they are read; one that was given anew has another id."""
            address = f"/oauth2PermissionGrants/{object_id(target.native_id or '')}"
            try:
                found = self.graph.get(GraphRequest(f"{address}?$select=id,scope"))
            except VanishedError:
                look = f"/oauth2PermissionGrants?$filter=clientId eq {quoted(object_id(key['clientId']))}"
                again = next(self._matching(look, key), None)
                if again is None:
                    return address, []
                found, address = again, f"/oauth2PermissionGrants/{object_id(again['id'])}"
            return address, str(found.get("scope") or "").split()

        def look() -> Sighting:
            if scope in current()[1]:
                return Sighting(True, self.graph.base)
            self._see_holder(account_of(target))
            return Sighting(False, self.graph.base)

        def write(*, there: bool) -> Reply | str:
            address, read = current()
            before, edited[scope] = edited.get(scope), there
            # A read may still show what this batch has just taken: written back, it would be given again.
            left = [one for one in read if edited.get(one, True)]
            left += sorted(one for one, given in edited.items() if given and one not in left)
            try:
                if not left:
                    reply = self.graph.send("DELETE", address)
                elif read or not there:
                    reply = self.graph.send("PATCH", address, body={"scope": " ".join(left)})
                else:
                    reply = self.graph.send("POST", "/oauth2PermissionGrants", body={**key, "scope": " ".join(left)})
            except Exception:
                _forget(edited, scope, before)
                raise
            # What was refused is not done: the next scope of this consent must not take it along.
            if (
                not reply.failure
                and (400 <= reply.status < 500 or reply.status == 503)
                and reply.status not in (404, 408)
            ):
                _forget(edited, scope, before)
            return reply

        return GrantHandle(look, lambda: write(there=False), lambda: write(there=True))

    def _edited(self, consent: Thing, target: Target) -> dict[str, bool]:
        client, resource, _ = consent.native_id.split("/", 2)
        return self._scopes.setdefault((client, resource, account_of(target).native_id), {})

    # Reading

    def _all(self, address: str) -> Iterator[Object]:
        ask = GraphRequest(address)
        for page in follow(self.graph, ask, lambda: self.graph.get(ask)):
            yield from page.get("value") or ()

    def _matching(self, address: str, key: Mapping[str, str]) -> Iterator[Object]:
        return (t for t in self._all(address) if all(t.get(name) == value for name, value in key.items()))

    def _see(self, listed: _Listed) -> Sighting:
        """Look whether a grant is listed: the one that was approved, where its id is known."""
        found = list(self._matching(listed.address, listed.key))
        standing = [thing for thing in found if _is_standing(thing)]
        if standing:
            known = listed.approved is None or any(
                t.get(name) == listed.approved for t in standing for name in listed.ids
            )
            return Sighting(True, self.graph.base) if known else Sighting(True, self.graph.base, ANOTHER, another=True)
        self._see_holder(listed.holder)
        return Sighting(False, self.graph.base, PASSED_ON if found else "")

    def _see_holder(self, holder: Thing) -> None:
        """Raise ``NotReadError`` unless whose grants are looked for is there."""
        native = object_id(holder)
        if self.graph.get(GraphRequest(f"/{folder_of(holder)}/{native}?$select=id")).get("id") != native:
            raise NotReadError("whose it is cannot be read")

    def _delete(self, listed: _Listed, folder: str) -> Reply:
        """Delete by the id that was approved; what was given since has another."""
        native = listed.approved
        if native is None:
            native = next((thing["id"] for thing in self._matching(listed.address, listed.key)), None)
        return Reply(404, None) if native is None else self.graph.send("DELETE", f"{folder}/{object_id(native)}")


def link(group: str, what: str, target: str) -> str:
    """Return the address of a link of a group: the only place that builds one.

    Without ``/$ref`` the same request deletes the user itself.
    """
    if what not in ("members", "owners") or not (_ID.fullmatch(group) and _ID.fullmatch(target)):
        raise ValueError(f"no link: {group!r} {what!r} {target!r}")
    return f"/groups/{group}/{what}/{target}/$ref"


def _is_standing(thing: Object) -> bool:
    """Tell whether it is an assignment of the holder's own, and no activation."""
    return is_own(thing) and not is_activation(thing)


def _approved(change: Change) -> str | None:
    """Return the id of the assignment that was approved to be taken; what is given back gets another."""
    return None if change.action.restores else change.target.native_id


def _role_key(holder: Thing, role: Thing) -> dict[str, str]:
    definition, _, scope = role.native_id.partition("@")
    return {"principalId": object_id(holder), "roleDefinitionId": definition, "directoryScopeId": scope or "/"}


def _role_schedule(kind: str, holder: Thing) -> str:
    names = f"id,principalId,roleDefinitionId,directoryScopeId,memberType,{kind}ScheduleId"
    names += ",assignmentType" if kind == "roleAssignment" else ""
    return f"{_ROLES}/{kind}ScheduleInstances?{_of(holder)}&$select={names}"


def _of(holder: Thing) -> str:
    return f"$filter=principalId eq {quoted(object_id(holder))}"


def _consent_key(consent: Thing, target: Target) -> dict[str, str]:
    client, resource, _ = consent.native_id.split("/", 2)
    account = account_of(target)
    if account.native_id == client:
        return {"clientId": client, "resourceId": resource, "consentType": "AllPrincipals"}
    who = {"consentType": "Principal", "principalId": object_id(account)}
    return {"clientId": client, "resourceId": resource, **who}


def _forget(edited: dict[str, bool], scope: str, before: bool | None) -> None:
    edited.pop(scope)
    if before is not None:
        edited[scope] = before


def account_of(target: Target) -> Thing:
    """Return the account that a change names; raises :class:`OddError` where there is none."""
    if target.account is None:
        raise OddError("the change names no account")
    return target.account


def folder_of(holder: Thing) -> str:
    """Return the collection that a holder is in; raises :class:`OddError` for what holds nothing here."""
    if holder.kind not in FOLDERS:
        raise OddError(f"a {holder.kind} holds nothing that Graph takes away")
    return FOLDERS[holder.kind]


def object_id(named: Thing | str | object) -> str:
    """Return an id that may stand in an address; raises :class:`OddError` for any other."""
    native = named.native_id if isinstance(named, Thing) else named
    if not isinstance(native, str) or not _ID.fullmatch(native):
        raise OddError(f"{native!r} is no object id")
    return native
