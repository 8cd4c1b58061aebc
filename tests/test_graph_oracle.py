"""The simulator and the reader beside Microsoft's own SDK: the same objects, at a lower price.

``msgraph-sdk`` takes 392 MB, so it lives in an environment of its own:
``ACCESS_REVIEW_MSGRAPH_PYTHON`` names its Python. Without it these tests are skipped.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from access_review.connectors.entra import Entra
from access_review.connectors.msgraph.reads import BY_PART
from access_review.connectors.msgraph.wire import Graph
from tests.graph import tenants
from tests.graph.metering import units
from tests.graph.reading import SOURCE, collected, door, simulate
from tests.graph.simulator import Simulator
from tests.graph.transport import Server

PYTHON = os.environ.get("ACCESS_REVIEW_MSGRAPH_PYTHON")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="not held against msgraph-sdk: set ACCESS_REVIEW_MSGRAPH_PYTHON to a Python that has it"
)
SCRIPT = Path(__file__).parent / "graph" / "oracle.py"
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


def plan(simulator: Simulator) -> list[dict[str, Any]]:
    """Return what the SDK is to read: the same properties, page sizes as the SDK leaves them."""
    found = [asked(part, path, part) for part, path in PATHS.items()]
    for part, path in EACH.items():
        natives = simulator.tenant.of(part.partition("/")[0])
        found += [asked(f"{part}/{native}", path.format(native), part) for native in natives]
    return found


def asked(name: str, path: str, part: str) -> dict[str, Any]:
    select = list(BY_PART["signInActivity" if part == "users" else part].names)
    expand = BY_PART[part].expand
    return {"name": name, "path": path.split(), "select": select, "expand": split(expand)}


def split(expand: str) -> list[str]:
    return ["target", "accessPackage($select=id)"] if expand.startswith("target") else [expand] if expand else []


def sdk(server: Server) -> dict[str, Any]:
    command = [str(PYTHON), str(SCRIPT), server.simulator.base, str(server.ca)]
    done = subprocess.run(
        command, input=json.dumps(plan(server.simulator)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@dataclass
class Run:
    """What one reader did."""

    units: int
    requests: int
    seconds: float
    said: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, Run, Run]:
    """Read one tenant with both, throttling off."""
    simulator = simulate(tenants.make(5, tenants.Size(users=1200, groups=120, memberships=6000, applications=10)))
    with Server(simulator, tmp_path_factory.mktemp("oracle")) as server:
        client, seconds = own(server)
        ours = Run(simulator.units, client.requests, seconds)
        already = len(simulator.asked)
        said = sdk(server)
        asked = simulator.asked[already:]
        spent = sum(units(request) for request in asked)
        return simulator, ours, Run(spent, len(asked), said["seconds"], said)


def own(server: Server) -> tuple[Graph, float]:
    session = requests.Session()
    session.trust_env, session.verify = False, str(server.ca)
    client = Graph(server.simulator.base, lambda fresh: "token", session)  # noqa: ARG005
    without = {name for name in BY_PART if name not in PATHS and name not in EACH and name != "signInActivity"}
    began = time.perf_counter()
    made = collected(Entra(SOURCE, door(client, without=frozenset(without), source_of_authority=False)), check=False)
    took = time.perf_counter() - began
    client.close()
    assert {subject for subject, reason in made.short.items() if "without" not in reason} == set()
    return client, took


def test_the_sdk_gets_the_same_objects_with_nothing_left_over(runs: tuple[Simulator, Run, Run]) -> None:
    simulator, _, theirs = runs
    assert theirs.said["left"] == []
    assert simulator.violations == []
    read = theirs.said["read"]
    for part in PATHS:
        original = list(simulator.tenant.of(part).values())
        assert [thing["id"] for thing in read[part]] == [thing["id"] for thing in original], part
        for again, thing in zip(read[part], original, strict=True):
            for name in BY_PART["signInActivity" if part == "users" else part].names:
                assert same(again.get(name), thing.get(name)), (part, name, again.get(name), thing.get(name))
    for (what, owner), targets in simulator.tenant.links.items():
        if what in EACH:
            assert {thing["id"] for thing in read[f"{what}/{owner}"]} == set(targets), what


def same(again: Any, original: Any) -> bool:
    """Tell whether two values mean the same: the SDK drops nulls and writes times in its own form."""
    if isinstance(original, dict):
        return all(same((again or {}).get(name), value) for name, value in original.items())
    if isinstance(original, list):
        return len(again or []) == len(original) and all(same(a, o) for a, o in zip(again or [], original, strict=True))
    if isinstance(original, str) and isinstance(again, str) and original[:2] in ("20", "00") and "T" in original:
        return datetime.fromisoformat(again) == datetime.fromisoformat(original)
    return bool(again == original) or (again is None and original in (None, [], {}))


def test_the_reader_costs_less_and_takes_less_time_for_the_same_data(
    runs: tuple[Simulator, Run, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    _, ours, theirs = runs
    with capsys.disabled():
        for name, run in (("reader", ours), ("msgraph-sdk", theirs)):
            sys.stdout.write(f"\n  {name:12} {run.units:6} units {run.requests:6} requests {run.seconds:7.2f} s")
    assert ours.units < theirs.units
    assert ours.seconds < theirs.seconds
