"""A tenant of 20,000 users, 3,000 groups and 150,000 memberships, read under the real throttle on a virtual clock."""

import pytest

from tests.simulated_tenant import tenants
from tests.simulated_tenant.reading import Outcome, graph, held, read
from tests.simulated_tenant.simulator import Simulator

pytestmark = pytest.mark.slow


def memberships(made: Outcome) -> set[tuple[str, str]]:
    """Return group and member of everything that was read."""
    found = {(r["entitlement"], r["account"]) for r in made.rows["grants"] if r["mode"] == "assigned"}
    found |= {(r["parent"], r["child"]) for r in made.rows["nesting"] if r["why"] == "member"}
    return {(group.rpartition(":")[2], member.rpartition(":")[2]) for group, member in found}


def test_a_large_tenant_is_read_without_one_lost_row_within_the_published_limits() -> None:
    # Microsoft's schema judges the same requests in every other test; here it would only take time.
    tenant = tenants.make(7, tenants.LARGE)
    simulator = Simulator(tenant, throttled=True, latency=0.005)
    client = graph(simulator)
    made = read(simulator, client=client, check=False)
    assert made.short == {}
    expected = set(held(tenant))
    assert (len(tenant.of("users")), len(tenant.of("groups"))) == (20_000, 3_000)
    assert len(expected) >= 150_000
    assert expected <= memberships(made)
    assert len({r["account"] for r in made.rows["accounts"]}) == 20_000 + len(tenant.of("servicePrincipals"))
    # Eight thousand units per ten seconds: the reader keeps within them without being told.
    assert simulator.throttle.refused == 0
    assert simulator.throttle.spent < 18_000
    assert simulator.clock.now() > (simulator.throttle.spent - 8_000) * 10 / 8_000
    assert client.requests < 1_000


def test_where_others_use_up_the_limit_the_reader_waits_as_it_is_told_and_loses_nothing() -> None:
    tenant = tenants.make(8, tenants.Size(users=600, groups=400, memberships=6000))
    simulator = Simulator(tenant, throttled=True, latency=0.001)
    simulator.throttle.directory.size /= 20
    simulator.throttle.directory.level = 0
    client = graph(simulator, attempts=60)
    made = read(simulator, client=client, check=False)
    assert simulator.throttle.refused > 100
    assert made.short == {}
    assert set(held(tenant)) <= memberships(made)
