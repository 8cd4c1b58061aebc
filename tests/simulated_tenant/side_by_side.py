"""The same tenant for two readers: what Microsoft's SDK is asked for, part by part, so that it reads what ours does."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from access_review.connectors.entra.graph import Graph
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.queries import BY_PART
from tests.simulated_tenant.reading import SOURCE, Outcome, collected, door
from tests.simulated_tenant.tenants import Tenant

SCRIPT = Path(__file__).with_name("oracle.py")
PATHS = {
    "users": "users",
    "deletedUsers": "directory deleted_items graph_user",
    "groups": "groups",
    "conditionalAccessPolicies": "identity conditional_access policies",
    "subscribedSkus": "subscribed_skus",
    "administrativeUnits": "directory administrative_units",
    "roleDefinitions": "role_management directory role_definitions",
    "roleAssignments": "role_management directory role_assignments",
    "roleAssignmentScheduleInstances": "role_management directory role_assignment_schedule_instances",
    "roleEligibilityScheduleInstances": "role_management directory role_eligibility_schedule_instances",
    "servicePrincipals": "service_principals",
    "applications": "applications",
    "oauth2PermissionGrants": "oauth2_permission_grants",
    "accessPackages": "identity_governance entitlement_management access_packages",
    "accessPackageAssignments": "identity_governance entitlement_management assignments",
    "signIns": "audit_logs sign_ins",
}
EACH = {
    "groups/members": "groups by_group_id:{} members",
    "groups/owners": "groups by_group_id:{} owners",
    "applications/owners": "applications by_application_id:{} owners",
    "servicePrincipals/owners": "service_principals by_service_principal_id:{} owners",
    "servicePrincipals/appRoleAssignedTo": "service_principals by_service_principal_id:{} app_role_assigned_to",
}


def plan(tenant: Tenant, *, top: bool = False) -> list[dict[str, Any]]:
    """Return what the SDK is to read: the same properties; ``top`` asks for pages as large as ours."""
    return [{**one, "top": None if not top else one["top"]} for one in _plan(tenant)]


def _plan(tenant: Tenant) -> Iterator[dict[str, Any]]:
    for part, path in PATHS.items():
        yield _asked(part, path, part)
    for part, path in EACH.items():
        for native in tenant.of(part.partition("/")[0]):
            yield _asked(f"{part}/{native}", path.format(native), part)


def _asked(name: str, path: str, part: str) -> dict[str, Any]:
    read = BY_PART["signInActivity" if part == "users" else part]
    expand = BY_PART[part].expand
    split = ["target", "accessPackage($select=id)"] if expand.startswith("target") else [expand] if expand else []
    return {"name": name, "path": path.split(), "select": list(read.names), "expand": split, "top": read.top}


def own(base: str, ca: Path) -> tuple[Outcome, int, float]:
    """Read the same with our reader; return the rows, the requests and the seconds it took."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(ca)
    client = Graph(base, lambda fresh: "token", session)  # noqa: ARG005
    without = {name for name in BY_PART if name not in PATHS and name not in EACH and name != "signInActivity"}
    began = time.perf_counter()
    made = collected(
        PagedTenant(SOURCE, door(client, without=frozenset(without), source_of_authority=False)), check=False
    )
    took = time.perf_counter() - began
    client.close()
    assert {subject for subject, reason in made.short.items() if "without" not in reason} == set()
    return made, client.requests, took
