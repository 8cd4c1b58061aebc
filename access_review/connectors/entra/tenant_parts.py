"""The parts a tenant is read in, which tables each fills, and what a part that was not read means for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access_review.connectors import Source, complete, incomplete
from access_review.connectors.entra.tenant_objects import TableRow

ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class TenantPart:
    """One collection, or one per object.

    ``with_`` names the part that makes it indispensable for the tables it fills;
    for those in ``alone`` nothing else could take its place.
    """

    name: str
    fills: tuple[str, ...]
    with_: str = ""
    alone: tuple[str, ...] = ()


PARTS = (
    TenantPart("users", ("accounts", "aliases", "grants"), ALWAYS),
    TenantPart("signInActivity", ()),
    TenantPart("deletedUsers", ()),
    TenantPart("groups", ("entitlements", "aliases", "grants", "nesting", "owners"), ALWAYS),
    TenantPart("groups/onPremisesSyncBehavior", ()),
    TenantPart("groups/members", ("grants", "nesting"), ALWAYS),
    TenantPart("groups/owners", ("owners",), ALWAYS),
    TenantPart("conditionalAccessPolicies", ("entitlements", "grants")),
    TenantPart("subscribedSkus", ("entitlements", "grants", "nesting")),
    TenantPart("administrativeUnits", ()),
    TenantPart("administrativeUnits/members", ()),
    TenantPart("administrativeUnits/scopedRoleMembers", ()),
    TenantPart("roleDefinitions", ("entitlements", "grants", "nesting")),
    TenantPart("roleAssignments", ("entitlements", "grants", "nesting"), "roleDefinitions"),
    TenantPart("roleAssignmentScheduleInstances", ("entitlements", "grants", "nesting")),
    TenantPart("roleEligibilityScheduleInstances", ("entitlements", "grants", "nesting")),
    TenantPart("groupAssignmentScheduleInstances", ("grants", "nesting")),
    TenantPart("groupEligibilityScheduleInstances", ("grants", "nesting")),
    TenantPart("agentIdentities", ("accounts", "aliases", "grants", "owners")),
    TenantPart("agentIdentities/sponsors", ("owners",), "agentIdentities"),
    TenantPart("agentIdentityBlueprintPrincipals", ("accounts", "aliases", "entitlements", "nesting")),
    TenantPart(
        "servicePrincipals",
        ("accounts", "aliases", "entitlements", "grants", "nesting", "owners", "credentials"),
        alone=("credentials",),
    ),
    TenantPart("servicePrincipals/appRoleAssignedTo", ("grants", "nesting"), "servicePrincipals"),
    TenantPart("servicePrincipals/owners", ("owners",), "servicePrincipals"),
    TenantPart("applications", ("aliases", "credentials", "owners"), "servicePrincipals"),
    TenantPart("applications/owners", ("owners",), "applications"),
    TenantPart("oauth2PermissionGrants", ("entitlements", "grants", "nesting")),
    TenantPart("accessPackages", ("entitlements", "grants", "nesting")),
    TenantPart("accessPackageAssignments", ("grants",), "accessPackages"),
    TenantPart("signIns", ("signins",)),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the reading of a part ended; ``absent`` is a part nobody tried to read."""

    complete: bool
    reason: str = ""
    received: int = 0
    expected: int | None = None
    absent: bool = False

    @property
    def broken(self) -> bool:
        """Tell whether the part was tried and did not arrive whole."""
        return not self.complete and not self.absent


def verdicts(source: Source, read: Mapping[str, Verdict], rows: Mapping[str, int]) -> Iterator[TableRow]:
    """Yield the verdict on each part (``part:<name>``) and on each table.

    A table is incomplete when a part that fills it broke off, or was not read
    though another part makes it indispensable: members always, role assignments
    once there are role definitions. A part that nobody saved, and that nothing
    depends on, is said to be missing and takes nothing from the rest. A table of which
    no part was tried, as sign-ins without their licence, is not filled: rules that need it are not evaluated.
    """
    for part in PARTS:
        verdict, subject = read[part.name], f"part:{part.name}"
        if verdict.complete:
            yield complete(source, subject, verdict.received, verdict.expected)
        else:
            counts = {"received": verdict.received, "expected": verdict.expected}
            yield incomplete(source, subject, verdict.reason, **counts)
    for table in sorted({table for part in PARTS for table in part.fills}):
        if all(read[part.name].absent for part in PARTS if table in part.fills):
            continue  # the source does not fill this table: no verdict, and no failure either
        faults = [f"{part.name}: {read[part.name].reason}" for part in PARTS if _harms(part, table, read)]
        received = rows.get(table, 0)
        if faults:
            yield incomplete(source, table, "; ".join(faults), received=received)
        else:
            yield complete(source, table, received)
    if rows.get("activity"):
        # Graph tells the last use of what is activated only; of anything else there is no row, which is unknown.
        yield complete(source, "activity", rows["activity"])


def _harms(part: TenantPart, table: str, read: Mapping[str, Verdict]) -> bool:
    verdict = read[part.name]
    if table not in part.fills or verdict.complete:
        return False
    if part.with_ == ALWAYS or table in part.alone or verdict.broken:
        return True
    return part.with_ != "" and not read[part.with_].absent
