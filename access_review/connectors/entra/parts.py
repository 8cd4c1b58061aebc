"""The parts a tenant is read in, which tables each fills, and what a part that was not read means for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access_review.connectors import Source, complete, incomplete
from access_review.connectors.entra.directory import TableRow

ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Part:
    """One collection, or one per object.

    ``with_`` names the part that makes it indispensable for the tables it fills;
    for those in ``alone`` nothing else could take its place.
    """

    name: str
    fills: tuple[str, ...]
    with_: str = ""
    alone: tuple[str, ...] = ()


PARTS = (
    Part("users", ("accounts", "aliases", "grants"), ALWAYS),
    Part("signInActivity", ()),
    Part("deletedUsers", ()),
    Part("groups", ("entitlements", "aliases", "grants", "nesting", "owners"), ALWAYS),
    Part("groups/onPremisesSyncBehavior", ()),
    Part("groups/members", ("grants", "nesting"), ALWAYS),
    Part("groups/owners", ("owners",), ALWAYS),
    Part("conditionalAccessPolicies", ("entitlements", "grants")),
    Part("subscribedSkus", ("entitlements", "grants", "nesting")),
    Part("administrativeUnits", ()),
    Part("administrativeUnits/members", ()),
    Part("administrativeUnits/scopedRoleMembers", ()),
    Part("roleDefinitions", ("entitlements", "grants", "nesting")),
    Part("roleAssignments", ("entitlements", "grants", "nesting"), "roleDefinitions"),
    Part("roleAssignmentScheduleInstances", ("entitlements", "grants", "nesting")),
    Part("roleEligibilityScheduleInstances", ("entitlements", "grants", "nesting")),
    Part("groupAssignmentScheduleInstances", ("grants", "nesting")),
    Part("groupEligibilityScheduleInstances", ("grants", "nesting")),
    Part("agentIdentities", ("accounts", "aliases", "grants", "owners")),
    Part("agentIdentities/sponsors", ("owners",), "agentIdentities"),
    Part("agentIdentityBlueprintPrincipals", ("accounts", "aliases", "entitlements", "nesting")),
    Part(
        "servicePrincipals",
        ("accounts", "aliases", "entitlements", "grants", "nesting", "owners", "credentials"),
        alone=("credentials",),
    ),
    Part("servicePrincipals/appRoleAssignedTo", ("grants", "nesting"), "servicePrincipals"),
    Part("servicePrincipals/owners", ("owners",), "servicePrincipals"),
    Part("applications", ("aliases", "credentials", "owners"), "servicePrincipals"),
    Part("applications/owners", ("owners",), "applications"),
    Part("oauth2PermissionGrants", ("entitlements", "grants", "nesting")),
    Part("accessPackages", ("entitlements", "grants", "nesting")),
    Part("accessPackageAssignments", ("grants",), "accessPackages"),
    Part("signIns", ("signins",)),
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


def _harms(part: Part, table: str, read: Mapping[str, Verdict]) -> bool:
    verdict = read[part.name]
    if table not in part.fills or verdict.complete:
        return False
    if part.with_ == ALWAYS or table in part.alone or verdict.broken:
        return True
    return part.with_ != "" and not read[part.with_].absent
