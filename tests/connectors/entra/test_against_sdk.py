"""The simulator and the reader beside Microsoft's own SDK: the same objects, at a lower price.

``msgraph-sdk`` takes 392 MB, so it lives in an environment of its own:
``ACCESS_REVIEW_MSGRAPH_PYTHON`` names its Python. Without it these tests are skipped.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from access_review.connectors.entra.queries import BY_PART
from tests.simulated_tenant import tenants
from tests.simulated_tenant.metering import units
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.side_by_side import EACH, PATHS, SCRIPT, own, plan
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.transport import Server

PYTHON = os.environ.get("ACCESS_REVIEW_MSGRAPH_PYTHON")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="not held against msgraph-sdk: set ACCESS_REVIEW_MSGRAPH_PYTHON to a Python that has it"
)


def sdk(server: Server) -> dict[str, Any]:
    command = [str(PYTHON), str(SCRIPT), server.simulator.base, str(server.ca)]
    done = subprocess.run(
        command, input=json.dumps(plan(server.simulator.tenant)), capture_output=True, text=True, check=False
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
        _, requests, seconds = own(server.simulator.base, server.ca)
        ours = Run(simulator.units, requests, seconds)
        already = len(simulator.asked)
        said = sdk(server)
        asked = simulator.asked[already:]
        spent = sum(units(request) for request in asked)
        return simulator, ours, Run(spent, len(asked), said["seconds"], said)


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
