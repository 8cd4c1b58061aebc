"""Directory roles, and what privileged identity management (PIM) says of roles and groups."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from access_review.connectors.entra.groups import ManagedMembership, membership
from access_review.connectors.entra.properties import (
    Object,
    UnusableError,
    date,
    flag,
    inner,
    needed,
    needed_word,
    text,
    word,
)
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.tables import Row

SYNC_ROLE = "d29b2b05-8046-44ba-8758-1e26182fcf32"
"""Template of the role that directory-synchronisation accounts hold."""


@cache
def _known() -> Sequence[Mapping[str, Any]]:
    """Return what is known of built-in roles, the most powerful first, from the file beside this module."""
    known: Sequence[Mapping[str, Any]] = json.loads(files(__package__).joinpath("known_roles.json").read_text("utf-8"))[
        "roles"
    ]
    return known


PRIVILEGED_ROLES = tuple(role["template"] for role in _known())
"""Templates of built-in roles that count as privileged: those Microsoft labels so, and the two that read all
mail and files. Graph v1.0 does not say which are."""


def powers() -> Iterator[tuple[str, int, bool]]:
    """Yield each privileged role's template, its place in the order of power, and whether it controls the directory itself."""
    for place, role in enumerate(_known(), start=1):
        yield role["template"], place, role.get("tier") == 0


def powerful_names() -> Iterator[str]:
    """Yield what the privileged roles are called."""
    return (role["name"] for role in _known())


APP_SCOPE = "app:"
"""What stands before a scope that only an application knows: ``/`` is everything there, and not the tenant."""

ACTIVATED: Row = {"removable": False, "why_not": "activated through PIM: end the eligibility"}


class RoleAssignment(NamedTuple):
    """A role as it can be given: to whom, which definition, for what part of the tenant."""

    principal: str
    role: str
    scope: str


class RoleDefinition(NamedTuple):
    """What a role is."""

    template: str
    name: str
    description: str | None


@dataclass
class Roles:
    """The directory roles of a tenant."""

    directory: TenantObjects
    privileged: Sequence[str] = PRIVILEGED_ROLES
    definitions: dict[str, RoleDefinition] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    restricted: set[str] = field(default_factory=set)
    scoped: set[tuple[str, str]] = field(default_factory=set)
    _emitted: set[tuple[str, str]] = field(default_factory=set)

    def define(self, thing: Object) -> Iterator[TableRow]:
        """Translate a role definition: what can be held for the whole tenant."""
        native = thing["id"]
        template, name = text(thing, "templateId") or native, text(thing, "displayName") or native
        self.definitions[native] = RoleDefinition(template, name, text(thing, "description"))
        yield from self._entitlement(thing["id"], "/")

    def unit(self, thing: Object) -> None:
        """Remember what an administrative unit is called, and whether only its own administrators change its members."""
        self.units[thing["id"]] = text(thing, "displayName") or thing["id"]
        if flag(thing, "isMemberManagementRestricted"):
            self.restricted.add(thing["id"])

    def protect(self, unit: str, thing: Object) -> Iterable[TableRow]:
        """Let nothing be planned on a group that a restricted unit protects."""
        removal = self.directory.groups.get(thing["id"])
        if unit in self.restricted and removal is not None and removal["removable"]:
            why = f"in the restricted administrative unit {self.units[unit]}: only its own administrators change it"
            self.directory.groups[thing["id"]] = {**removal, "removable": False, "why_not": why}
        return ()

    def administrator(self, unit: str, thing: Object) -> Iterator[TableRow]:
        """Hold an administrator of a unit against the role assignments, which should list it too."""
        text(thing, "roleId")
        principal, scope = needed(inner(thing, "roleMemberInfo"), "id"), f"/administrativeUnits/{unit}"
        if self.scoped and (principal, scope) not in self.scoped:
            reason = f"{self.directory.name_of(principal)} administers {self.units[unit]} by no role assignment read"
            yield self.directory.unusable(f"administrativeUnits/{unit}/scopedRoleMembers/{thing['id']}", reason)

    def holdings(
        self, assignments: Iterable[Object], active: Iterable[Object], eligible: Iterable[Object]
    ) -> Iterator[TableRow]:
        """Translate who holds which role, once each.

        Graph lists an activation among the assignments too. Where the eligibility
        behind it is known, that is what is held, and the activation is its last use.
        Instances that come through a group are the group's own.
        """
        eligibilities = {read_assignment(thing): thing for thing in eligible if is_own(thing)}
        # Of an assignment and an activation of the same, the assignment is what is held.
        standing_last = sorted(filter(is_own, active), key=is_activation, reverse=True)
        instances = {read_assignment(thing): thing for thing in standing_last}
        assigned = {read_assignment(thing): thing for thing in assignments}
        self.scoped |= {(key.principal, key.scope) for key in (*assigned, *instances, *eligibilities)}
        for key in sorted(assigned.keys() | instances.keys()):
            instance = instances.get(key)
            yield from self._entitlement(key.role, key.scope)
            if instance and is_activation(instance) and key in eligibilities:
                yield from self._use(key, instance)
            else:
                yield self._standing(key, assigned.get(key), instance)
        for key, thing in sorted(eligibilities.items()):
            yield from self._entitlement(key.role, key.scope)
            native = text(thing, "roleEligibilityScheduleId") or thing["id"]
            yield self._held(key, mode="eligible", via="pim", native_id=native, **span(thing))

    def _standing(self, key: RoleAssignment, assignment: Object | None, run: Object | None) -> TableRow:
        if run is None:
            return self._held(key, via="role-assignment", native_id=assignment["id"] if assignment else None)
        time, native = span(run), text(run, "roleAssignmentScheduleId") or run["id"]
        if is_activation(run):
            return self._held(key, via="pim", native_id=native, **time, **ACTIVATED)
        if assignment is not None and time["until"] is None:
            return self._held(key, via="role-assignment", native_id=assignment["id"], **time)
        return self._held(key, via="pim", native_id=native, **time)

    def _held(self, key: RoleAssignment, *, via: str, mode: str = "assigned", **edge: Any) -> TableRow:
        return self.directory.holding(key.principal, self.id(key.role, key.scope), via=via, mode=mode, **edge)

    def _use(self, key: RoleAssignment, run: Object) -> Iterator[TableRow]:
        if not self.directory.is_group(key.principal):
            account = self.directory.row_id(key.principal)
            yield used(account, self.id(key.role, key.scope), run)

    def id(self, role: str, scope: str) -> str:
        """Return the id of a role held for a scope."""
        return self.directory.source.id("role", _native(role, scope))

    def _entitlement(self, role: str, scope: str) -> Iterator[TableRow]:
        if (role, scope) in self._emitted:
            return
        self._emitted.add((role, scope))
        template, name, description = self.definitions.get(role) or RoleDefinition(role, role, None)
        yield self.directory.entitlement(
            "role",
            _native(role, scope),
            name if scope == "/" else f"{name} @ {self._scope_name(scope)}",
            privileged=template in self.privileged,
            description=description,
            scope=scope,
        )

    def _scope_name(self, scope: str) -> str:
        native = scope.rpartition("/")[2]
        return self.units.get(native) or self.directory.names.get(native) or scope


def _native(role: str, scope: str) -> str:
    return role if scope == "/" else f"{role}@{scope}"


def read_assignment(thing: Object) -> RoleAssignment:
    """Read principal, definition and scope of an assignment or schedule instance."""
    scope, of_app = text(thing, "directoryScopeId"), text(thing, "appScopeId")
    if scope is None and of_app is None:
        raise UnusableError("directoryScopeId and appScopeId are missing", "directoryScopeId")
    return RoleAssignment(
        needed(thing, "principalId"), needed(thing, "roleDefinitionId"), scope or f"{APP_SCOPE}{of_app}"
    )


def scope_of(role_id: str) -> Mapping[str, str]:
    """Return definition and scope of a role's native id, by the names that Graph has for them."""
    definition, _, scope = role_id.partition("@")
    kind = "appScopeId" if scope.startswith(APP_SCOPE) else "directoryScopeId"
    return {"roleDefinitionId": definition, kind: scope.removeprefix(APP_SCOPE) or "/"}


def is_own(thing: Object) -> bool:
    """Tell whether a schedule instance is the principal's own, not one that a group passes on."""
    return word(thing, "memberType", "Direct", "Group", "Inherited") in (None, "Direct")


def is_activation(thing: Object) -> bool:
    """Tell whether a schedule instance is an activation of what its principal is eligible for, and no assignment."""
    return word(thing, "assignmentType", "Assigned", "Activated") == "Activated"


def span(thing: Object) -> Row:
    """Read from when until when."""
    return {"since": date(thing, "startDateTime"), "until": date(thing, "endDateTime")}


def used(account: str, entitlement: str, run: Object) -> TableRow:
    """Return an activation as the last use: not before it began."""
    began = date(run, "startDateTime")
    return "activity", {"account": account, "object": entitlement, "last_used_earliest": began}


def syncing(assignments: Iterable[Object]) -> frozenset[str]:
    """Return the ids of the principals that synchronise the directory."""
    return frozenset(
        needed(thing, "principalId") for thing in assignments if needed(thing, "roleDefinitionId") == SYNC_ROLE
    )


def check_schedule(name: str, *reads: Callable[[Object], object]) -> Callable[[Object], None]:
    """Return a check that everything used of a schedule instance is usable: of which schedule, whose it is, when, and more."""

    def check(thing: Object) -> None:
        text(thing, name), is_own(thing), span(thing)
        for read in reads:
            read(thing)

    return check


@dataclass(frozen=True, slots=True)
class GroupSchedules:
    """What PIM says of memberships: who may become a member, and which memberships it made."""

    directory: TenantObjects
    active: Sequence[Object]
    eligible: Sequence[Object]

    def managed(self) -> dict[tuple[str, str], ManagedMembership]:
        """Return what to know of memberships that the group's member list shows as well."""
        eligibilities = self._eligibilities()
        return {
            read_membership(instance): _managed(instance, read_membership(instance) in eligibilities)
            for instance in sorted(filter(_is_member, self.active), key=is_activation, reverse=True)
        }

    def rows(self) -> Iterator[TableRow]:
        """Yield eligible memberships and the last use of each."""
        directory, eligibilities = self.directory, self._eligibilities()
        for (group_id, principal), thing in sorted(eligibilities.items()):
            native = text(thing, "eligibilityScheduleId") or thing["id"]
            edge = {"native_id": native, "mastered_in": directory.source.name, "removable": True, **span(thing)}
            yield membership(directory, group_id, principal, "", "eligible", via="pim", **edge)
        for instance in sorted(
            (r for r in self.active if _is_member(r) and read_membership(r) in eligibilities), key=read_membership
        ):
            group_id, principal = read_membership(instance)
            if is_activation(instance) and not directory.is_group(principal):
                yield used(directory.row_id(principal), directory.row_id(group_id), instance)
        for thing in self.eligible:
            if _access(thing) == "owner":
                reason = "who may become an owner of a group is not reviewed"
                at = f"groupEligibilityScheduleInstances/{thing['id']}"
                yield directory.unusable(at, reason, directory.row_id(read_membership(thing)[0]))

    def _eligibilities(self) -> dict[tuple[str, str], Object]:
        return {read_membership(thing): thing for thing in self.eligible if _is_member(thing)}


def _is_member(thing: Object) -> bool:
    return _access(thing) == "member" and is_own(thing)


def _access(thing: Object) -> str:
    return needed_word(thing, "accessId", "member", "owner")


def read_managed(thing: Object) -> tuple[str, str, str]:
    """Read group, principal and which of ``member`` and ``owner`` they are, of a membership schedule instance."""
    return *read_membership(thing), _access(thing)


def read_membership(thing: Object) -> tuple[str, str]:
    """Read group and principal of a membership schedule instance."""
    return needed(thing, "groupId"), needed(thing, "principalId")


def _managed(run: Object, eligible: bool) -> ManagedMembership:
    native = text(run, "assignmentScheduleId") or run["id"]
    edge: Row = {"via": "pim", "native_id": native, **span(run)}
    if is_activation(run):
        return ManagedMembership({**edge, **ACTIVATED}, drop=eligible)
    return ManagedMembership(edge)
