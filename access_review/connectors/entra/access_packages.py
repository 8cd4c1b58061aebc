"""Access packages (entitlement management): what each gives, and who holds it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from access_review.connectors.entra.groups import ManagedMembership
from access_review.connectors.entra.properties import Object, date, inner, needed, needed_word, objects, text
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.tables import Row

_MEMBER = "Member_"
_HELD = ("delivered", "partiallyDelivered")


def check_package(thing: Object) -> None:
    """Check that everything used of a package is usable."""
    text(thing, "displayName"), text(thing, "description")
    for scope in objects(thing, "resourceRoleScopes"):
        text(inner(scope, "role"), "originId"), text(inner(scope, "scope"), "originId")
        text(inner(scope, "scope"), "originSystem")


def check_assignment(thing: Object) -> tuple[str, str]:
    """Read the principal and the package of an assignment."""
    _is_held(thing), _span(thing)
    return needed(inner(thing, "target"), "objectId"), needed(inner(thing, "accessPackage"), "id")


def _is_held(assignment: Object) -> bool:
    """Tell whether an assignment gives anything now: part of the package, or all of it."""
    return needed_word(assignment, "state", *_HELD, "delivering", "deliveryFailed", "expired") in _HELD


def _span(thing: Object) -> Row:
    schedule = inner(thing, "schedule")
    return {"since": date(schedule, "startDateTime"), "until": date(inner(schedule, "expiration"), "endDateTime")}


@dataclass
class AccessPackages:
    """The access packages of a tenant. What one gave returns, or is left behind, unless the assignment is ended."""

    directory: TenantObjects
    names: dict[str, str] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)

    def managed(
        self, packages: Iterable[Object], assignments: Iterable[Object]
    ) -> dict[tuple[str, str], ManagedMembership]:
        """Return what to know of memberships that an access package gave."""
        for thing in packages:
            self.names[thing["id"]] = text(thing, "displayName") or thing["id"]
            self.groups[thing["id"]] = {group for group, member in _groups(thing) if member}
        found: dict[tuple[str, str], ManagedMembership] = {}
        for thing in assignments:
            principal, package = check_assignment(thing)
            why = f"given by the access package {self.names.get(package, package)}: end the assignment there"
            edge: Row = {"via": "access-package", "removable": False, "why_not": why}
            if _is_held(thing):
                found |= {(group, principal): ManagedMembership(edge) for group in self.groups.get(package, ())}
        return found

    def rows(self, packages: Iterable[Object], assignments: Iterable[Object]) -> Iterator[TableRow]:
        """Yield the packages, what each leads to, and who holds one."""
        for thing in packages:
            native = thing["id"]
            yield self.directory.entitlement(
                "accesspackage", native, self.names[native], description=text(thing, "description")
            )
            for group, member in _groups(thing):
                if member and group in self.directory.groups:
                    yield self._leads_to(native, self.directory.group(group))
            for principal, role in _app_roles(thing):
                yield self._leads_to(native, self.directory.source.id("approle", f"{principal}/{role}"))
        for thing in assignments:
            principal, package = check_assignment(thing)
            if _is_held(thing) and package in self.names:
                edge: Row = {"removable": False, "why_not": "end the assignment of the access package", **_span(thing)}
                held = self.directory.source.id("accesspackage", package)
                yield self.directory.holding(principal, held, via="access-package", native_id=thing["id"], **edge)

    def _leads_to(self, package: str, parent: str) -> TableRow:
        ends = {"child": self.directory.source.id("accesspackage", package), "parent": parent, "mode": "assigned"}
        why = "what the package gives is set in the package"
        fixed = {"mastered_in": self.directory.source.name, "removable": False, "why_not": why}
        return "nesting", {**ends, "why": "inherits", "reach": "transitive", "native_id": package, **fixed}


def _groups(thing: Object) -> list[tuple[str, bool]]:
    """Return the groups of a package, and whether it makes members (rather than owners)."""
    found: dict[str, bool] = {}
    for scope in objects(thing, "resourceRoleScopes"):
        place, role = inner(scope, "scope"), text(inner(scope, "role"), "originId") or ""
        group = text(place, "originId")
        if group and text(place, "originSystem") == "AadGroup":
            # A package may give both: whoever is made a member is one, whatever else they become.
            found[group] = found.get(group, False) or role.startswith(_MEMBER)
    return sorted(found.items())


def _app_roles(thing: Object) -> list[tuple[str, str]]:
    found = set()
    for scope in objects(thing, "resourceRoleScopes"):
        place, role = inner(scope, "scope"), text(inner(scope, "role"), "originId")
        principal = text(place, "originId")
        if principal and role and text(place, "originSystem") == "AadApplication":
            found.add((principal, role))
    return sorted(found)
