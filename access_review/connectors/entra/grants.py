"""How each kind of grant in a tenant is looked at, taken away and given back.

That a list does not show one is no proof in a group that hides its members.
"""

from dataclasses import replace
from datetime import UTC

from access_review.changes import Change, Sighting, Target, Thing
from access_review.connectors.entra.applications import read_app_role
from access_review.connectors.entra.changed_objects import OddError, folder_of, link, object_id
from access_review.connectors.entra.consent_scopes import ConsentScopes
from access_review.connectors.entra.grant_lists import (
    ANOTHER,
    PASSED_ON,
    GrantHandle,
    GrantLists,
    ListedGrant,
    approved_id,
    is_standing,
)
from access_review.connectors.entra.graph import Graph, quoted
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.groups import hides_members
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.properties import Object, UnusableError, flag, texts
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.roles import read_assignment, read_managed, scope_of

SYNCED = "the group is synchronised: remove the member in the directory that masters it"
DYNAMIC = "the group is dynamic: change its rule, or the attribute that the rule reads"
MAIL = "the group is mail-enabled: only Exchange changes its members"
HIDDEN = f"the group hides its members, and it takes the application permission {SEES_HIDDEN} to see them"

_ROLES = "/roleManagement/directory"
_PIM = "/identityGovernance/privilegedAccess/group"
_JUSTIFICATION = "access review"


class Grants:
    """The grants of a tenant. One object serves one batch: it knows which scopes of consents the batch has changed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._lists = GrantLists(graph)
        self._consents = ConsentScopes(self._lists)
        self._groups: dict[str, Object] = {}

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
            return self._consents.handle(held, change)
        raise OddError(f"a {held.kind} is not taken away by Graph")

    def remember(self, change: Change) -> None:
        """Note that a batch has carried a change out, of which a read may not know yet."""
        held = change.target.entitlement
        if held is not None and held.kind == "consent":
            self._consents.remember(held, change)

    # Groups

    def _member(self, holder: Thing, group: Thing) -> GrantHandle:
        place = link(object_id(group), "members", object_id(holder))
        # Asked of the member: the group's own list leaves some kinds out.
        there = f"/{folder_of(holder)}/{object_id(holder)}/memberOf?$select=id&$top=999"
        ref = {"@odata.id": f"{self.graph.base}/directoryObjects/{object_id(holder)}"}
        give = f"/groups/{object_id(group)}/members/$ref"

        def look() -> Sighting:
            if any(thing.get("id") == group.native_id for thing in self._lists.every(there)):
                return Sighting(True, self.graph.base)
            if SEES_HIDDEN in self.graph.permissions():
                return Sighting(False, self.graph.base)
            if "visibility" not in (found := self._group(group)):
                raise NotReadError("whether the group hides its members is not said")
            return Sighting(None, self.graph.base, HIDDEN) if hides_members(found) else Sighting(False, self.graph.base)

        return GrantHandle(
            look,
            lambda: self._group_refusal(group) or self.graph.send("DELETE", place),
            lambda: self._group_refusal(group) or self.graph.send("POST", give, body=ref),
        )

    def _group(self, group: Thing) -> Object:
        """Return a group as Graph has it; asked once, since Graph itself refuses what has changed."""
        native = object_id(group)
        if native not in self._groups:
            names = ("groupTypes", "mailEnabled", "onPremisesSyncEnabled", "visibility")
            self._groups[native] = self.graph.get_one("/groups", native, *names)
        return self._groups[native]

    def _group_refusal(self, group: Thing) -> str:
        """Say why Graph does not change a group's members; empty when it does."""
        thing = self._group(group)
        kinds = texts(thing, "groupTypes")
        if flag(thing, "onPremisesSyncEnabled"):
            return SYNCED
        if "DynamicMembership" in kinds:
            return DYNAMIC
        return MAIL if flag(thing, "mailEnabled") and "Unified" not in kinds else ""

    def _managed(self, holder: Thing, group: Thing, change: Change) -> GrantHandle:
        """A membership that PIM keeps: who may become a member, or is one for a time."""
        kind = "eligibility" if change.target.mode == "eligible" else "assignment"
        key = {"groupId": object_id(group), "principalId": object_id(holder), "accessId": "member"}
        names = f"id,groupId,principalId,accessId,memberType,{kind}ScheduleId"
        names += ",assignmentType" if kind == "assignment" else ""
        look = f"{_PIM}/{kind}ScheduleInstances?$filter=groupId eq {quoted(object_id(group))}&$select={names}"
        listed = ListedGrant(look, read_managed, key, holder, approved_id(change), ("id", f"{kind}ScheduleId"))
        return self._schedule(listed, f"{_PIM}/{kind}ScheduleRequests", change.target)

    # Roles

    def _role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        folder = f"{_ROLES}/roleAssignments"
        key = _role_key(holder, role)
        look = f"{folder}?{_of(holder)}&$select=id,principalId,roleDefinitionId,directoryScopeId,appScopeId"
        listed = ListedGrant(look, read_assignment, key, holder, approved_id(change))

        def see() -> Sighting:
            seen = self._lists.see(listed)
            # An activation stands among the assignments too, under an id of its own.
            if seen.another and self._is_activated(holder, role):
                return Sighting(False, self.graph.base, PASSED_ON)
            return seen

        return GrantHandle(
            see, lambda: self._lists.delete(listed, folder), lambda: self.graph.send("POST", folder, body=key)
        )

    def _scheduled_role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        kind = "roleEligibility" if change.target.mode == "eligible" else "roleAssignment"
        listed = replace(_role_schedule(kind, holder, role), approved=approved_id(change))
        return self._schedule(listed, f"{_ROLES}/{kind}ScheduleRequests", change.target)

    def _is_activated(self, holder: Thing, role: Thing) -> bool:
        """Tell whether PIM knows of nothing but an activation; a tenant without PIM has none."""
        try:
            found = list(self._lists.matching(_role_schedule("roleAssignment", holder, role)))
        except (NotReadError, UnusableError):
            return False
        return bool(found) and not any(is_standing(thing) for thing in found)

    def _schedule(self, listed: ListedGrant, order: str, target: Target) -> GrantHandle:
        ends = {"type": "noExpiration"}
        if target.until is not None:
            ends = {"type": "afterDateTime", "endDateTime": target.until.astimezone(UTC).isoformat()}
        plain = {**listed.key, "justification": _JUSTIFICATION}
        give = {**plain, "action": "adminAssign", "scheduleInfo": {"expiration": ends}}

        def take() -> Reply | str:
            # The request names whose it is and of what, not which: so what is there must be what was approved.
            seen = self._lists.see(listed)
            if not seen.there:
                return Reply(404, None)
            return ANOTHER if seen.another else self.graph.send("POST", order, body={**plain, "action": "adminRemove"})

        return GrantHandle(lambda: self._lists.see(listed), take, lambda: self.graph.send("POST", order, body=give))

    # Applications

    def _app_role(self, holder: Thing, role: Thing, change: Change) -> GrantHandle:
        resource, _, role_id = role.native_id.partition("/")
        folder = f"/servicePrincipals/{object_id(resource)}/appRoleAssignedTo"
        key = {"principalId": object_id(holder), "appRoleId": role_id}
        look = f"{folder}?$select=id,principalId,appRoleId&$top=999"
        listed = ListedGrant(look, read_app_role, key, holder, approved_id(change))
        return GrantHandle(
            lambda: self._lists.see(listed),
            lambda: self._lists.delete(listed, folder),
            lambda: self.graph.send("POST", folder, body={**key, "resourceId": resource}),
        )


def _role_key(holder: Thing, role: Thing) -> dict[str, str]:
    return {"principalId": object_id(holder), **scope_of(role.native_id)}


def _role_schedule(kind: str, holder: Thing, role: Thing) -> ListedGrant:
    names = f"id,principalId,roleDefinitionId,directoryScopeId,appScopeId,memberType,{kind}ScheduleId"
    names += ",assignmentType" if kind == "roleAssignment" else ""
    look = f"{_ROLES}/{kind}ScheduleInstances?{_of(holder)}&$select={names}"
    return ListedGrant(look, read_assignment, _role_key(holder, role), holder, ids=("id", f"{kind}ScheduleId"))


def _of(holder: Thing) -> str:
    return f"$filter=principalId eq {quoted(object_id(holder))}"
