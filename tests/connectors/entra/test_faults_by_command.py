"""Faults of the service through the command line and real HTTPS: the same run, or incomplete and why."""

import json
from pathlib import Path

import pytest

from tests.simulated_tenant import tenants
from tests.simulated_tenant.faults import Fault
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.support.command import access_review, lay_out

pytestmark = pytest.mark.slow

SECRET = "not-a-real-secret-2F~canary"  # noqa: S105 - of a tenant that lives for one test


@pytest.fixture
def collect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that collects the tenant under faults, and gives rows and reasons."""
    monkeypatch.setenv("ENTRA_SECRET", SECRET)
    monkeypatch.setenv("PYTHONWARNINGS", "error")

    def run(name: str, *faults: Fault) -> tuple[dict[str, int], dict[str, str]]:
        clock = MachineClock()
        simulator = simulate(tenants.make(3), clock=clock, page_limit=3, faults=list(faults))
        sign_in = SignIn(clock, secret=SECRET)
        simulator.tokens = sign_in.roles_of
        with Server(simulator, tmp_path / name, sign_in) as server:
            options = {
                "tenant": TENANT,
                "reader": {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}},
                "cloud": {"sign_in": server.url, "graph": server.url},
                "ca_file": str(server.ca),
            }
            source = json.dumps({"connector": "entra", "options": options})
            folder = lay_out(tmp_path / f"{name}-workspace", {"sources/entra.yaml": source})
            said = access_review(folder, "collect")
        assert "Traceback" not in said.err
        (manifest,) = folder.glob("runs/*Z-*/manifest.json")
        verdicts = json.loads(manifest.read_text())["sources"]["entra"]["verdicts"]
        assert all(fault.times < Fault.of(fault.path, fault.page, fault.kind).times for fault in faults), "never met"
        short = {subject: v["reason"] for subject, v in verdicts.items() if not v["complete"]}
        received = {subject: v["received"] for subject, v in verdicts.items() if v["complete"]}
        del received["part:provenance"]  # the number of requests
        return received, short

    return run


def test_what_passes_changes_nothing_and_what_does_not_is_said(collect) -> None:
    whole, short = collect("whole")
    assert set(short) == {"part:groups/onPremisesSyncBehavior"}
    passing = [
        Fault.of("/users", 0, "empty-page"),
        Fault.of("/users", 1, "reset"),
        Fault.of("/groups", 0, "replayed"),
        Fault.of("/groups", 1, "500"),
        Fault.of("/applications", 0, "cut"),
    ]
    assert collect("passing", *passing) == (whole, short)
    lasting = [Fault.of("/groups", 1, "loop"), Fault.of("/applications", 0, "403")]
    _, reasons = collect("lasting", *lasting)
    assert "leads back" in reasons["part:groups"]
    assert "Insufficient privileges" in reasons["part:applications"]
    assert {"entitlements", "grants", "credentials"} <= set(reasons)
