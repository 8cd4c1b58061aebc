"""Grants of a simulated tenant that a change must not touch, and reads that must not count as proof."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from access_review.changes import Action, Change, Remembering, WriteResult
from access_review.connectors.entra.grant_lists import ANOTHER, PASSED_ON
from access_review.connectors.entra.grants import HIDDEN
from access_review.connectors.entra.permissions import WRITING
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.writer import GraphWriter
from tests.connectors.entra.test_writer import World, change, every_change, held_by, thing
from tests.simulated_tenant.reading import graph, read, simulate
from tests.simulated_tenant.tenants import GLOBAL_ADMIN, Object
from tests.simulated_tenant.wire import START


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.graph.close()
    assert made.simulator.violations == []


# What is not shown


def test_a_group_that_hides_its_members_shows_nothing_and_proves_nothing(world: World) -> None:
    one = world.member(0)
    world.tenant.of("groups")[world.groups[0]]["visibility"] = "HiddenMembership"
    seen = world.writer.holds(one, START)
    assert (seen.there, seen.reason) == (None, HIDDEN)


def test_who_has_the_right_sees_members_that_are_hidden_and_that_they_are_gone() -> None:
    simulator = simulate()
    simulator.granted = WRITING | {SEES_HIDDEN}
    world = World()
    world.simulator.granted = simulator.granted
    one = world.member(0)
    world.tenant.of("groups")[world.groups[0]]["visibility"] = "HiddenMembership"
    writer = GraphWriter(graph(world.simulator))
    assert writer.holds(one, START).there is True
    assert writer.revoke(one).result is WriteResult.DONE
    assert writer.holds(one, START).there is False
    world.graph.close()


def test_a_group_that_is_not_there_proves_nothing(world: World) -> None:
    one = world.member(0)
    world.tenant.links[("groups/members", world.groups[0])].clear()
    assert world.there(one) is False
    other = World()
    other.tenant.links[("groups/members", other.groups[0])].clear()
    del other.tenant.of("groups")[other.groups[0]]
    assert other.there(one) is None
    other.graph.close()


GRANTS = ("role", "app role", "consent", "eligible role", "assigned role", "eligible group", "assigned group", "member")


@pytest.mark.parametrize("name", GRANTS)
def test_what_a_deleted_user_held_is_not_gone_since_a_restore_brings_it_back(world: World, name: str) -> None:
    one = every_change(world)[name]
    assert world.there(one) is True
    assert one.target.account is not None
    world.simulator.writes._delete_user(one.target.account.native_id)
    assert world.there(one) is None


# What was given since


def held(world: World, name: str) -> tuple[Change, str]:
    """Return the removal of a grant by the id that it has, and the collection that it is in."""
    one = every_change(world)[name]
    collection = {
        "role": "roleAssignments",
        "app role": "appRoleAssignments",
        "eligible role": "roleEligibilityScheduleInstances",
        "assigned role": "roleAssignmentScheduleInstances",
        "eligible group": "groupEligibilityScheduleInstances",
        "assigned group": "groupAssignmentScheduleInstances",
    }[name]
    account, entitlement = one.target.account, one.target.entitlement
    assert account is not None
    assert entitlement is not None
    keys = {"principalId": account.native_id}
    found = next(
        t
        for t in world.tenant.of(collection).values()
        if t["principalId"] == keys["principalId"]
        and entitlement.native_id in (t.get("roleDefinitionId"), t.get("groupId"), _approle(t))
    )
    return replace(one, target=replace(one.target, native_id=found["id"])), collection


def _approle(thing: Object) -> str:
    return f"{thing.get('resourceId')}/{thing.get('appRoleId')}"


def renew(world: World, one: Change, collection: str) -> None:
    """Take a grant away and give the same anew: it has another id."""
    native = str(one.target.native_id)
    old = world.tenant.of(collection).pop(native)
    fresh = {**old, "id": f"fresh-{native}"}
    for name in [name for name in old if name.endswith("ScheduleId")]:
        fresh[name] = f"fresh-{old[name]}"
    world.tenant.add(collection, fresh)
    for (what, _), targets in world.tenant.links.items():
        if what == "servicePrincipals/appRoleAssignedTo":
            targets[:] = [fresh["id"] if t == native else t for t in targets]


@pytest.mark.parametrize(
    "name", ["role", "app role", "eligible role", "assigned role", "eligible group", "assigned group"]
)
def test_what_was_given_since_has_another_id_and_is_left_alone(world: World, name: str) -> None:
    one, collection = held(world, name)
    assert world.there(one) is True
    renew(world, one, collection)
    kept = dict(world.tenant.of(collection))
    seen = world.writer.holds(one, START)
    assert (seen.there, seen.another, seen.reason) == (True, True, ANOTHER)
    assert world.writer.revoke(one).result in (WriteResult.ABSENT, WriteResult.REFUSED)
    assert world.tenant.of(collection) == kept
    assert world.there(replace(one, action=Action(one.undo or Action.ADD_ROLE_ASSIGNMENT))) is True


@pytest.mark.parametrize(
    ("name", "passed_on"),
    [
        ("assigned role", {"assignmentType": "Activated"}),
        ("assigned role", {"memberType": "Group"}),
        ("assigned group", {"assignmentType": "activated"}),
        ("assigned group", {"memberType": "group"}),
    ],
)
def test_an_activation_and_what_a_group_passes_on_are_no_assignment(
    world: World, name: str, passed_on: dict[str, str]
) -> None:
    one, collection = held(world, name)
    world.tenant.of(collection)[str(one.target.native_id)].update(passed_on)
    kept = dict(world.tenant.of(collection))
    seen = world.writer.holds(one, START)
    assert (seen.there, seen.reason) == (False, PASSED_ON)
    assert world.writer.revoke(one).result is WriteResult.ABSENT
    assert world.tenant.of(collection) == kept


def test_an_activation_among_the_role_assignments_is_none_either(world: World) -> None:
    """Whoever made a standing role eligible meanwhile is not to be told that somebody gave it back."""
    run = next(iter(world.tenant.of("roleAssignmentScheduleInstances").values()))
    one = held_by(run, Action.REMOVE_ROLE_ASSIGNMENT, "role-assignment", "role", run["roleDefinitionId"])
    key = {name: run[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")}
    world.tenant.collections["roleAssignments"] = {"activated-now": {"id": "activated-now", **key}}
    run["assignmentType"] = "Activated"
    gone = replace(one, target=replace(one.target, native_id="as-approved-0123456789-0123456789"))
    seen = world.writer.holds(gone, START)
    assert (seen.there, seen.another, seen.reason) == (False, False, PASSED_ON)
    assert world.writer.revoke(gone).result is WriteResult.ABSENT
    assert list(world.tenant.of("roleAssignments")) == ["activated-now"]


@pytest.mark.parametrize("first", [0, 1])
def test_the_reader_takes_an_assignment_beside_its_activation_for_what_is_held(first: int) -> None:
    simulator = simulate()
    simulator.granted = None
    tenant = simulator.tenant
    runs = tenant.of("roleAssignmentScheduleInstances")
    native, run = next(iter(runs.items()))
    pair = [{**run, "id": native}, {**run, "id": "activation", "assignmentType": "Activated"}]
    tenant.collections["roleAssignmentScheduleInstances"] = {t["id"]: t for t in (pair[first], pair[1 - first])}
    tenant.collections["roleAssignments"] = {}
    found: list[dict[str, Any]] = [
        row
        for row in read(simulator).rows["grants"]
        if row["via"] == "pim" and row["mode"] == "assigned" and row["entitlement"].endswith(run["roleDefinitionId"])
    ]
    assert [row["removable"] for row in found] == [True]
    assert run["roleDefinitionId"] in {GLOBAL_ADMIN, run["roleDefinitionId"]}


# What this batch took


def scopes(world: World) -> tuple[str, Change, Change]:
    """Return a consent with three scopes, and the removal of two of them."""
    native, consent = list(world.tenant.of("oauth2PermissionGrants").items())[1]
    consent["scope"] = "Calendars.Read Files.Read Mail.Read"

    def of(scope: str) -> Change:
        held = thing("consent", f"{consent['clientId']}/{consent['resourceId']}/{scope}")
        holder = thing("user", consent["principalId"])
        return change(Action.REMOVE_CONSENT, via="consent", native_id=native, account=holder, entitlement=held)

    return native, of("Calendars.Read"), of("Mail.Read")


def test_two_scopes_of_one_consent_stay_taken_while_reads_are_old() -> None:
    world = World(lag=3600)
    native, first, second = scopes(world)
    for one in (first, second):
        assert world.writer.revoke(one).result is WriteResult.DONE
        assert world.there(one) is True, "the read is old"
    assert world.tenant.of("oauth2PermissionGrants")[native]["scope"] == "Files.Read"
    world.simulator.clock.sleep(timedelta(hours=2).total_seconds())
    assert [world.there(one) for one in (first, second)] == [False, False]
    world.graph.close()


def test_a_scope_taken_before_a_break_stays_taken_while_reads_are_old() -> None:
    world = World(lag=3600)
    native, first, second = scopes(world)
    assert world.writer.revoke(first).result is WriteResult.DONE
    resumed = GraphWriter(world.graph)
    assert isinstance(resumed, Remembering)
    resumed.remember(first)
    assert resumed.revoke(second).result is WriteResult.DONE
    assert world.tenant.of("oauth2PermissionGrants")[native]["scope"] == "Files.Read"
    world.graph.close()


def test_the_last_scopes_take_the_consent_along_while_reads_are_old() -> None:
    world = World(lag=3600)
    native, first, second = scopes(world)
    world.tenant.of("oauth2PermissionGrants")[native]["scope"] = "Calendars.Read Mail.Read"
    assert [world.writer.revoke(one).result for one in (first, second)] == [WriteResult.DONE] * 2
    assert native not in world.tenant.of("oauth2PermissionGrants")
    world.graph.close()


def test_a_scope_that_was_refused_is_not_taken_with_the_next(world: World) -> None:
    native, first, second = scopes(world)
    world.simulator.granted = frozenset()
    plain = world.simulator.writes.answer
    from tests.simulated_tenant.wire import failed

    world.simulator.writes.answer = lambda request: failed(403, "Authorization_RequestDenied")  # noqa: ARG005
    assert world.writer.revoke(first).result is WriteResult.REFUSED
    world.simulator.writes.answer = plain
    world.simulator.granted = WRITING
    assert world.writer.revoke(second).result is WriteResult.DONE
    assert world.tenant.of("oauth2PermissionGrants")[native]["scope"] == "Calendars.Read Files.Read"


def test_two_scopes_are_given_back_while_reads_are_old() -> None:
    world = World(lag=3600)
    native, first, second = scopes(world)
    assert [world.writer.revoke(one).result for one in (first, second)] == [WriteResult.DONE] * 2
    assert [GraphWriter.restore(world.writer, one).result for one in (first, second)] == [WriteResult.DONE] * 2
    given = world.tenant.of("oauth2PermissionGrants")[native]["scope"].split()
    assert sorted(given) == ["Calendars.Read", "Files.Read", "Mail.Read"]
    world.graph.close()
