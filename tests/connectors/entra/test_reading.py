"""Reading a simulated tenant over Microsoft Graph: all of it, or what is missing and why."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access_review.connectors.entra.graph import GraphRequest
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.permissions import READING
from access_review.connectors.entra.queries import QUERIES, SEES_HIDDEN
from access_review.connectors.entra.readable_parts import readable_parts
from access_review.connectors.entra.tenant_parts import PARTS
from access_review.connectors.entra.throttle import Bucket, ThrottlePace, Time, cost, retry_after
from tests.simulated_tenant import tenants
from tests.simulated_tenant.metering import units
from tests.simulated_tenant.reading import SOURCE, door, graph, held, read, simulate
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.wire import Request, VirtualClock


def test_a_whole_tenant_is_read_completely() -> None:
    simulator = simulate()
    made = read(simulator)
    assert made.short == {}
    assert simulator.violations == []
    found = {(row["entitlement"].rpartition(":")[2], row["account"].rpartition(":")[2]) for row in made.rows["grants"]}
    found |= {(row["parent"].rpartition(":")[2], row["child"].rpartition(":")[2]) for row in made.rows["nesting"]}
    assert set(held(simulator.tenant)) <= found
    counted = Counter(row["via"] for row in made.rows["grants"])
    assert counted.keys() == {
        "member",
        "role-assignment",
        "pim",
        "approle",
        "consent",
        "licence",
        "access-package",
        "inherits",
        "list",
    }
    everything = ("users", "servicePrincipals")
    assert len(made.rows["accounts"]) == sum(len(simulator.tenant.of(name)) for name in everything)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_small_pages_change_nothing(limit: int) -> None:
    whole, paged = read(simulate()), read(simulate(page_limit=limit))
    for table in whole.rows:
        if table != "completeness":
            assert paged.canonical(table) == whole.canonical(table)
    assert paged.short == {}


def test_every_part_has_a_request_and_every_request_a_part() -> None:
    assert {read.part for read in QUERIES} == {part.name for part in PARTS}
    assert len({read.part for read in QUERIES}) == len(QUERIES)


def test_every_request_names_what_it_selects() -> None:
    simulator = simulate()
    read(simulator)
    reads = [r for r in simulator.asked if r.method == "GET"]
    assert len(reads) > 80
    assert [r.path for r in reads if "$select" not in r.options] == []


def test_no_permission_is_asked_for_that_no_request_needs(outside_data: Path) -> None:
    assert outside_data
    simulator = simulate()
    read(simulator, source_of_authority=False)
    assert simulator.used >= READING
    assert "Directory.ReadWrite.All" not in READING
    assert not [name for name in READING if "Write" in name]


@pytest.mark.parametrize("missing", sorted(READING))
def test_without_a_permission_what_it_reads_is_unknown_and_named(missing: str, outside_data: Path) -> None:
    assert outside_data
    made = read(simulate(granted=READING - {missing}), source_of_authority=False)
    parts = {r.part for r in QUERIES if r.permission == missing}
    reasons = [reason for subject, reason in made.short.items() if subject.removeprefix("part:") in parts]
    # Directory.Read.All is there for consents and suffices for nearly everything else.
    covered = missing != "Directory.Read.All"
    if not reasons and covered:
        made = read(simulate(granted=READING - {missing, "Directory.Read.All"}), source_of_authority=False)
        reasons = [reason for subject, reason in made.short.items() if subject.removeprefix("part:") in parts]
    assert any("Insufficient privileges" in reason and missing in reason for reason in reasons)


def test_what_is_left_out_on_purpose_takes_nothing_from_the_rest() -> None:
    without = frozenset({"roleAssignmentScheduleInstances", "groupEligibilityScheduleInstances", "signInActivity"})
    made = read(simulate(), without=without)
    assert made.short == {f"part:{name}": "left out on purpose (without)" for name in without}
    assert made.one("completeness", subject="grants")["complete"]
    assert all(row.get("last_used_latest") is None for row in made.rows["accounts"])


def test_a_right_that_was_lost_is_not_access_that_is_gone(outside_data: Path) -> None:
    assert outside_data
    made = read(simulate(granted=READING - {"RoleManagement.Read.Directory", "Directory.Read.All"}))
    assert not made.one("completeness", subject="grants")["complete"]
    assert "RoleManagement.Read.Directory" in made.short["grants"]


def test_a_tenant_without_premium_licences_is_complete_without_what_it_cannot_have() -> None:
    tenant = tenants.make(1)
    tenant.premium = tenant.governance = False
    made = read(simulate(tenant))
    assert "no licence" in made.short["part:roleEligibilityScheduleInstances"]
    assert "no licence" in made.short["part:signInActivity"]
    assert "no licence" in made.short["part:accessPackages"]
    assert made.one("completeness", subject="grants")["complete"]
    assert {row.get("never_used") for row in made.rows["accounts"]} == {None}


def test_a_user_is_never_unused_only_where_graph_says_so() -> None:
    made = read(simulate())
    said = {row["native_id"]: row for row in made.rows["accounts"] if ":user:" in row["account"]}
    users = simulate().tenant.of("users")
    for native, thing in users.items():
        activity = thing.get("signInActivity")
        if activity is None:
            assert (said[native]["never_used"], said[native]["last_used_latest"]) == (None, None)
        elif activity["lastSuccessfulSignInDateTime"].startswith("0001"):
            assert said[native]["last_used_earliest"] is None
            assert said[native]["last_used_latest"] is not None
        else:
            assert said[native]["last_used_earliest"] == said[native]["last_used_latest"]


def test_a_count_that_moved_during_the_read_is_asked_for_again() -> None:
    simulator = simulate(page_limit=2)

    class Joining(Simulator):
        joined = False

        def _list(self, request, collection, things, **more):
            if collection == "groups" and "$skiptoken" in request.options and not self.joined:
                Joining.joined = True
                first = next(iter(self.tenant.of("groups").values()))
                self.tenant.add("groups", {**first, "id": "99999999-0000-4000-8000-000000000000"}, "group")
            return super()._list(request, collection, things, **more)

    joining = Joining(simulator.tenant, page_limit=2)
    made = read(joining)
    assert made.short == {}
    assert made.one("completeness", subject="part:groups")["received"] == 13


def test_a_link_to_another_server_never_sees_the_token() -> None:
    client = graph(simulate())
    with pytest.raises(NotReadError, match="another server"):
        client.get(GraphRequest("https://elsewhere.example.test/v1.0/users"))
    for address in ("https://graph.example.test.evil.example/v1.0/users", "http://graph.example.test/v1.0/users"):
        with pytest.raises(NotReadError, match="another server"):
            client.get(GraphRequest(address))
    client.close()


def test_a_check_says_what_can_be_read_and_what_a_missing_permission_costs(outside_data: Path) -> None:
    assert outside_data
    simulator = simulate(granted=READING - {"Policy.Read.All", "AuditLog.Read.All"})
    client = graph(simulator)
    said = {one.part: one for one in readable_parts(door(client, source_of_authority=False))}
    client.close()
    assert [name for name, one in said.items() if not one.can and not one.absent] == [
        "signInActivity",
        "conditionalAccessPolicies",
        "signIns",
    ]
    policy = said["conditionalAccessPolicies"]
    assert policy.permission == "Policy.Read.All"
    assert policy.lost == "Groups that restrict or exempt look like any other, and might be cut."
    assert said["groups/members"].can
    assert said["groups/onPremisesSyncBehavior"].absent
    # A check is cheap: no group's members but one's.
    assert sum(r.path.endswith("/members") for r in simulator.asked) <= 20 * 5


def test_an_eligible_membership_and_an_agent_come_through() -> None:
    made = read(simulate())
    eligible = [row for row in made.rows["grants"] if row["mode"] == "eligible"]
    assert {row["entitlement"].split(":")[1] for row in eligible} == {"role", "group"}
    agents = [row for row in made.rows["accounts"] if row["kind"] == "agent"]
    assert len(agents) == 2
    inherits = [row for row in made.rows["nesting"] if row["why"] == "inherits" and ":blueprint:" in row["child"]]
    assert inherits
    assert all(row["reach"] == "transitive" for row in inherits)
    direct = [row for row in made.rows["nesting"] if ":approle:" in row["parent"] and ":group:" in row["child"]]
    assert direct
    assert all(row["reach"] == "direct-only" for row in direct)


# Groups that hide their members


def hiding(simulator: Simulator) -> str:
    """Let a group with members hide them, and return its id."""
    native = next(g for (what, g), members in simulator.tenant.links.items() if what == "groups/members" and members)
    simulator.tenant.of("groups")[native]["visibility"] = "HiddenMembership"
    return native


def test_who_is_in_a_group_that_hides_its_members_is_unknown_without_the_right() -> None:
    simulator = simulate()
    simulator.granted = simulator.granted or READING
    native = hiding(simulator)
    made = read(simulator)
    assert all(
        SEES_HIDDEN in made.short[subject] for subject in (f"entra:group:{native}", "part:groups/members", "grants")
    )
    assert [row["locator"] for row in made.rows["problems"] if row["subject"] == f"entra:group:{native}"] == [
        f"groups/{native}/members"
    ]
    simulator.granted |= {SEES_HIDDEN}
    seen = read(simulator)
    assert seen.short == {}
    assert set(held(simulator.tenant)) <= {
        *((row["entitlement"].rpartition(":")[2], row["account"].rpartition(":")[2]) for row in seen.rows["grants"]),
        *((row["parent"].rpartition(":")[2], row["child"].rpartition(":")[2]) for row in seen.rows["nesting"]),
    }


def test_a_group_that_hides_nobody_is_known_to_be_empty_only_with_the_right() -> None:
    simulator = simulate()
    simulator.granted = simulator.granted or READING
    native = hiding(simulator)
    simulator.tenant.links["groups/members", native] = []
    assert f"entra:group:{native}" in read(simulator).short
    simulator.granted |= {SEES_HIDDEN}
    assert read(simulator).short == {}


# The throttle


@pytest.mark.parametrize(
    "url",
    [
        "/users?$select=id&$top=999",
        "/users?$top=5",
        "/users",
        "/groups/x/members?$select=id&$top=999",
        "/groups/x/owners?$select=id",
        "/groups/x/transitiveMembers",
        "/subscribedSkus?$select=id",
        "/identityGovernance/entitlementManagement/accessPackages?$select=id&$expand=x",
    ],
)
def test_the_reader_and_the_simulator_count_alike_though_they_share_no_code(url: str) -> None:
    assert cost(url) == units(Request.of("GET", url, {}))


def test_the_pace_keeps_within_a_budget() -> None:
    clock = VirtualClock()
    pace = ThrottlePace(Time(clock.now, clock.sleep, lambda: 0.0))
    for _ in range(100):
        pace.admit("directory", 100)
    assert clock.now() == pytest.approx((10_000 - 3150) * 10 / 3150, rel=0.01)
    pace.sized(20_000)
    before = clock.now()
    pace.admit("directory", 7200)
    assert clock.now() - before == pytest.approx(10, rel=0.03)


def test_a_closed_gate_holds_everybody_back_and_only_that_workload() -> None:
    clock = VirtualClock()
    pace = ThrottlePace(Time(clock.now, clock.sleep))
    pace.close("directory", 30)
    pace.admit("reports", 1)
    assert clock.now() == 0
    pace.admit("directory", 1)
    assert clock.now() == 30


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = Bucket(10, 10)
    assert bucket.wait_for(10, 0) == 0
    assert bucket.wait_for(10, 1000) == 0
    assert bucket.wait_for(10, 1000) == 10


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Tue, 24 Nov 2026 09:00:30 GMT", "Date": "Tue, 24 Nov 2026 09:00:00 GMT"}, 30),
        ({"Retry-After": "Tue, 24 Nov 2026 09:00:30 GMT"}, None),
        ({"Retry-After": "Tue, 24 Nov 2026 09:00:30 -0000", "Date": "Tue, 24 Nov 2026 09:00:00 GMT"}, 30),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "99999999999"}, 3600),
        ({"Retry-After": "Tue, 24 Nov 2099 09:00:30 GMT", "Date": "Tue, 24 Nov 2026 09:00:00 GMT"}, 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date_an_hour_at_most(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_back_off_doubles_up_to_a_minute_with_jitter() -> None:
    pace = ThrottlePace(Time(jitter=lambda: 1.0))
    assert [pace.back_off(n) for n in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    low = ThrottlePace(Time(jitter=lambda: 0.0))
    assert low.back_off(3) == 4


# The source's own pages


def test_the_saved_demo_and_the_live_reader_go_through_the_same_parser() -> None:
    simulator = simulate()
    client = graph(simulator)
    opened = PagedTenant(SOURCE, door(client))
    assert sum(table == "accounts" for table, _ in opened.collect(datetime(2026, 11, 24, tzinfo=UTC))) == 17
    client.close()
