"""Reading by changes gives what reading everything gives, whatever happened between."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from access_review.connectors.entra.delta import DeltaChanges, Mirror
from access_review.connectors.entra.live import LiveTenant
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.permissions import READING
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.registration import TenantReach
from tests.simulated_tenant import tenants
from tests.simulated_tenant.faults import Fault
from tests.simulated_tenant.reading import SOURCE, WINDOW, Outcome, collected, door, graph, read, simulate
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.wire import Request

TABLES = ("entitlements", "grants", "nesting", "owners", "accounts", "aliases")


def by_changes(simulator: Simulator, path: Path) -> tuple[Outcome, str]:
    client = graph(simulator)
    door = DeltaChanges(client, WINDOW, source_of_authority=True, path=path, of="tenant")
    made = collected(PagedTenant(SOURCE, door))
    client.close()
    return made, door.provenance.get("groups", "")


def send(simulator: Simulator, method: str, path: str, body: Any = None) -> None:
    granted, simulator.granted = simulator.granted, None
    answer = simulator.answer(Request.of(method, path, {}, body))
    simulator.granted = granted
    assert answer.status in (204, 400, 404), answer.body


def stir(simulator: Simulator, dice: random.Random) -> None:
    """Change a few things: members and owners come and go, a group is renamed, another deleted."""
    users, groups = list(simulator.tenant.of("users")), list(simulator.tenant.of("groups"))
    for _ in range(6):
        group, person, what = dice.choice(groups), dice.choice(users), dice.choice(["members", "owners"])
        if dice.random() < 0.5:
            send(simulator, "DELETE", f"/groups/{group}/{what}/{person}/$ref")
        else:
            send(simulator, "POST", f"/groups/{group}/{what}/$ref", {"@odata.id": f"x/{person}"})
    renamed = dice.choice(groups)
    simulator.tenant.of("groups")[renamed]["displayName"] = f"Renamed {dice.random():.6f}"
    simulator.delta.touched("groups", renamed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [2, 200])
def test_changes_give_what_a_full_read_gives(seed: int, limit: int, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    simulator = simulate(tenants.make(seed), page_limit=limit)
    for round_ in range(4):
        made, how = by_changes(simulator, tmp_path / "mirror.json")
        assert how == ("delta, since the last read" if round_ else "delta, from the beginning")
        whole = read(simulator)
        for table in TABLES:
            assert made.canonical(table) == whole.canonical(table)
        assert made.short == whole.short == {}
        stir(simulator, dice)
    assert simulator.violations == []


def test_a_deleted_user_and_a_deleted_group_are_gone(tmp_path: Path) -> None:
    simulator = simulate()
    by_changes(simulator, tmp_path / "m.json")
    send(simulator, "DELETE", f"/users/{list(simulator.tenant.of('users'))[5]}")
    group = list(simulator.tenant.of("groups"))[8]
    del simulator.tenant.of("groups")[group]
    simulator.delta.touched("groups", group)
    for targets in simulator.tenant.links.values():
        if group in targets:
            targets.remove(group)
    made, how = by_changes(simulator, tmp_path / "m.json")
    assert not [row for row in made.rows["entitlements"] if row["native_id"] == group]
    assert how in ("delta, since the last read", "delta, from the beginning")


def test_a_token_that_expired_or_a_count_that_disagrees_starts_anew(tmp_path: Path) -> None:
    simulator = simulate()
    path = tmp_path / "m.json"
    by_changes(simulator, path)
    simulator.clock.sleep(8 * 24 * 3600)
    made, how = by_changes(simulator, path)
    assert how == "delta, from the beginning"
    assert made.short == {}
    kept = json.loads(path.read_text())
    kept["groups"].popitem()
    path.write_text(json.dumps(kept))
    made, how = by_changes(simulator, path)
    assert how == "delta, from the beginning"
    assert made.canonical("grants") == read(simulator).canonical("grants")


def test_changes_cost_far_less_than_everything(tmp_path: Path) -> None:
    simulator = simulate(tenants.make(2, tenants.Size(users=60, groups=80, memberships=500)))
    by_changes(simulator, tmp_path / "m.json")
    simulator.units = 0
    read(simulator)
    whole, simulator.units = simulator.units, 0
    by_changes(simulator, tmp_path / "m.json")
    assert simulator.units < whole - 80 * 2


def test_a_fault_among_the_changes_leaves_the_mirror_as_it_was(tmp_path: Path) -> None:
    simulator = simulate()
    path = tmp_path / "m.json"
    by_changes(simulator, path)
    before = path.read_bytes()
    simulator.faults = [Fault.of("/groups/delta", 0, "503-forever")]
    made, _ = by_changes(simulator, path)
    assert "part:groups" in made.short
    assert not made.one("completeness", subject="grants")["complete"]
    assert path.read_bytes() == before


def test_a_mirror_of_another_tenant_or_a_damaged_one_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    made = Mirror("a", "link", {"g": {"id": "g"}}, {})
    made.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Mirror.load(path, "a") == made
    assert Mirror.load(path, "b") == Mirror("b")
    path.write_text("{")
    assert Mirror.load(path, "a") == Mirror("a")


def test_a_right_to_see_hidden_members_that_came_later_shows_all_of_them(tmp_path: Path) -> None:
    """Who was there all along is no change: another right is another mirror."""
    simulator = simulate()
    simulator.granted = simulator.granted or READING
    native = next(
        group for (what, group), found in simulator.tenant.links.items() if what == "groups/members" and found
    )
    simulator.tenant.of("groups")[native]["visibility"] = "HiddenMembership"

    def held(made: Outcome) -> tuple[set[str], bool]:
        grants = [row for row in made.rows["grants"] if row["via"] == "member" and row["mode"] == "assigned"]
        edges = [(row["entitlement"], row["account"]) for row in grants]
        edges += [(row["parent"], row["child"]) for row in made.rows["nesting"] if row["why"] == "member"]
        unknown = f"entra:group:{native}" in made.short
        return {who for group, who in edges if group == f"entra:group:{native}"}, unknown

    paged = PagedTenant(SOURCE, door(graph(simulator)))
    tenant = LiveTenant(paged, lambda: graph(simulator), TenantReach(mirror=str(tmp_path)))
    assert held(collected(tenant)) == (set(), True)
    simulator.granted |= {SEES_HIDDEN}
    found, unknown = held(collected(tenant))
    assert (found, unknown) == held(read(simulator))
    assert (bool(found), unknown) == (True, False)
