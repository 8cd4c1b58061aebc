"""Changing a simulated tenant: the one thing named, refused with advice, read back however late."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review.changes import UNDO, Action, Change, Executor, Expectation, Target, Thing, WriteResult
from access_review.connectors.entra.changed_objects import link
from access_review.connectors.entra.grants import DYNAMIC, MAIL, SYNCED
from access_review.connectors.entra.permissions import WRITING
from access_review.connectors.entra.writer import ADMINISTRATOR, GraphWriter, covers
from access_review.errors import ConnectorError
from tests.simulated_tenant.reading import graph, simulate
from tests.simulated_tenant.tenants import GLOBAL_ADMIN, READERS, Object
from tests.simulated_tenant.wire import START, Request, Response, failed


def thing(kind: str, native: str) -> Thing:
    return Thing(f"entra:{kind}:{native}", native, native)


def change(
    action: Action, *, via: str = "member", native_id: str | None = None, mode: str = "assigned", **ends: Any
) -> Change:
    target = Target("entra", "entra", mode=mode, native_id=native_id, **ends)
    return Change("c-1", action, target, via, Expectation(present=True), (), (), "")


class World:
    def __init__(self, **more: Any) -> None:
        self.simulator = simulate(granted=WRITING, app_roles=frozenset({"User Administrator"}), **more)
        self.tenant = self.simulator.tenant
        self.users, self.groups = list(self.tenant.of("users")), list(self.tenant.of("groups"))
        self.graph = graph(self.simulator)
        self.writer = GraphWriter(self.graph)

    def there(self, one: Change) -> bool | None:
        return self.writer.holds(one, START + timedelta(hours=1)).there

    def member(self, number: int) -> Change:
        """Return the removal of a user from a group."""
        group = self.groups[number]
        person = next(m for m in self.tenant.links[("groups/members", group)] if self.tenant.types[m] == "user")
        return change(Action.REMOVE_MEMBER, account=thing("user", person), entitlement=thing("group", group))


@pytest.fixture
def world():
    made = World()
    yield made
    made.graph.close()
    assert made.simulator.violations == []
    assert made.tenant.of("deletedUsers").keys() == simulate().tenant.of("deletedUsers").keys(), "a user was deleted"


def round_trip(world: World, one: Change) -> None:
    """Take away, see it gone, give back, see it there."""
    assert world.there(one) is True
    assert world.writer.revoke(one).result is WriteResult.DONE
    assert world.there(one) is False
    assert world.writer.revoke(one).result in (WriteResult.ABSENT, WriteResult.REFUSED, WriteResult.DONE)
    assert world.writer.restore(one).result is WriteResult.DONE
    assert world.there(one) is True


def test_a_writer_is_what_the_protocol_writes_with(world: World) -> None:
    assert isinstance(world.writer, Executor)


def test_a_member_is_removed_and_put_back_and_nobody_else(world: World) -> None:
    before = {key: list(kept) for key, kept in world.tenant.links.items()}
    one = world.member(0)
    round_trip(world, one)
    assert {key: sorted(kept) for key, kept in world.tenant.links.items()} == {
        key: sorted(kept) for key, kept in before.items()
    }


def test_a_group_is_cut_from_a_group(world: World) -> None:
    parent, child = world.groups[0], world.groups[7]
    world.tenant.link("groups/members", parent, child)
    round_trip(world, change(Action.CUT_NESTING, child=thing("group", child), entitlement=thing("group", parent)))


@pytest.mark.parametrize(("number", "advice"), [(2, SYNCED), (4, DYNAMIC), (6, MAIL), (5, MAIL)])
def test_a_group_that_graph_cannot_change_is_refused_before_the_call(world: World, number: int, advice: str) -> None:
    world.tenant.link("groups/members", world.groups[number], world.users[0])
    one = change(
        Action.REMOVE_MEMBER, account=thing("user", world.users[0]), entitlement=thing("group", world.groups[number])
    )
    answer = world.writer.revoke(one)
    assert (answer.result, answer.reason) == (WriteResult.REFUSED, advice)
    assert world.simulator.writes.made == []
    assert world.there(one) is True


def test_an_account_is_disabled_and_enabled(world: World) -> None:
    round_trip(world, change(Action.DISABLE_ACCOUNT, account=thing("user", world.users[5])))


def test_an_administrator_is_refused_without_a_role_for_it(world: World, outside_data: Path) -> None:
    assert outside_data
    world.simulator.app_roles = frozenset()
    answer = world.writer.revoke(change(Action.DISABLE_ACCOUNT, account=thing("user", world.users[0])))
    assert answer.result is WriteResult.REFUSED
    assert ADMINISTRATOR in answer.reason


def test_sessions_older_than_the_change_are_ended(world: World) -> None:
    one = change(Action.REVOKE_SESSIONS, account=thing("user", world.users[1]))
    assert world.writer.holds(one, START).there is True
    world.simulator.clock.sleep(5)
    assert world.writer.revoke(one).result is WriteResult.DONE
    assert world.writer.holds(one, START).there is False
    assert world.writer.restore(one).result is WriteResult.REFUSED


def test_an_app_role_is_removed(world: World) -> None:
    held = next(a for a in world.tenant.of("appRoleAssignments").values() if a["principalType"] == "User")
    role = thing("approle", f"{held['resourceId']}/{held['appRoleId']}")
    round_trip(
        world,
        change(Action.REMOVE_APPROLE, via="approle", account=thing("user", held["principalId"]), entitlement=role),
    )


def test_one_scope_of_a_consent_is_removed_and_the_consent_with_its_last(world: World) -> None:
    native, held = list(world.tenant.of("oauth2PermissionGrants").items())[1]
    for scope, left in (("Mail.Send", "User.Read"), ("User.Read", None)):
        consent = thing("consent", f"{held['clientId']}/{held['resourceId']}/{scope}")
        one = change(
            Action.REMOVE_CONSENT,
            via="consent",
            native_id=native,
            account=thing("user", held["principalId"]),
            entitlement=consent,
        )
        assert world.there(one) is True
        assert world.writer.revoke(one).result is WriteResult.DONE
        assert world.there(one) is False
        assert world.tenant.of("oauth2PermissionGrants").get(native, {}).get("scope") == left
    assert world.writer.restore(one).result is WriteResult.DONE
    made = list(world.tenant.of("oauth2PermissionGrants").values())[-1]
    assert (made["principalId"], made["scope"]) == (held["principalId"], "User.Read")
    assert made["id"] != native
    assert world.there(one) is True, "given back under another id"
    assert world.writer.revoke(one).result is WriteResult.DONE
    assert world.there(one) is False


COVERED = {
    Action.DISABLE_ACCOUNT: (("user", "sp"), ()),
    Action.REVOKE_SESSIONS: (("user",), ()),
    Action.REMOVE_MEMBER: (("user", "sp", "group"), ("group",)),
    Action.REMOVE_ROLE_ASSIGNMENT: (("user", "sp", "group"), ("role",)),
    Action.END_PIM: (("user", "sp", "group"), ("group", "role")),
    Action.REMOVE_APPROLE: (("user", "sp", "group"), ("approle",)),
    Action.REMOVE_CONSENT: (("user", "sp", "group"), ("consent",)),
    Action.CUT_NESTING: (("user", "sp", "group"), ("group",)),
    Action.MANUAL: ((), ()),
}


@pytest.mark.parametrize("action", [one for one in Action if not one.restores])
def test_what_graph_does_not_do_is_covered_by_nobody_here(world: World, action: Action) -> None:
    """Every action that a plan can hold is either written or ordered from a person; undoing it is the same."""
    holders, held = COVERED[action]
    for holder in ("user", "sp", "group", "blueprint", "device"):
        for kind in ("", "group", "role", "approle", "consent", "licence", "accesspackage"):
            entitlement = thing(kind, world.groups[0]) if kind else None
            one = change(action, native_id="x", account=thing(holder, world.users[0]), entitlement=entitlement)
            assert covers(one) is (holder in holders and (kind in held or not held)), (holder, kind)
            if back := UNDO[action]:
                restoring = replace(one, action=Action(back))
                assert covers(restoring) is covers(one)
    elsewhere = Thing("ad:user:1", world.users[0], "x")
    assert not covers(change(action, account=elsewhere, entitlement=thing("group", world.groups[0])))


def test_what_is_not_covered_raises_nothing(world: World) -> None:
    one = change(Action.REMOVE_MEMBER, account=thing("device", "x"), entitlement=thing("group", world.groups[0]))
    assert world.writer.holds(one, START).there is None
    assert world.writer.revoke(one).result is WriteResult.REFUSED


def test_a_token_that_cannot_be_renewed_is_no_exception(world: World) -> None:
    def refused(_: bool) -> str:
        raise ConnectorError("entra", "AADSTS7000222: the secret has expired")

    world.graph._token = refused
    one = world.member(0)
    seen = world.writer.holds(one, START)
    assert (seen.there, "expired" in seen.reason) == (None, True)
    assert world.writer.revoke(one).result is WriteResult.TRANSIENT


def test_a_directory_role_is_removed_in_its_scope_only(world: World) -> None:
    held = next(r for r in world.tenant.of("roleAssignments").values() if r["directoryScopeId"] != "/")
    wide = thing("role", held["roleDefinitionId"])
    role = thing("role", f"{held['roleDefinitionId']}@{held['directoryScopeId']}")
    person = thing("user", held["principalId"])
    assert (
        world.there(change(Action.REMOVE_ROLE_ASSIGNMENT, via="role-assignment", account=person, entitlement=wide))
        is False
    )
    round_trip(world, change(Action.REMOVE_ROLE_ASSIGNMENT, via="role-assignment", account=person, entitlement=role))


@pytest.mark.parametrize(
    ("collection", "mode"),
    [("roleEligibilityScheduleInstances", "eligible"), ("roleAssignmentScheduleInstances", "assigned")],
)
def test_a_role_in_pim_is_ended(world: World, collection: str, mode: str) -> None:
    held = next(iter(world.tenant.of(collection).values()))
    ends: dict[str, Any] = {
        "account": thing("user", held["principalId"]),
        "entitlement": thing("role", held["roleDefinitionId"]),
    }
    round_trip(world, change(Action.END_PIM, via="pim", mode=mode, **ends))
    assert {held["roleDefinitionId"]} <= {GLOBAL_ADMIN, READERS}


@pytest.mark.parametrize(
    ("collection", "mode"),
    [("groupEligibilityScheduleInstances", "eligible"), ("groupAssignmentScheduleInstances", "assigned")],
)
def test_a_membership_in_pim_is_ended(world: World, collection: str, mode: str) -> None:
    held = next(iter(world.tenant.of(collection).values()))
    ends: dict[str, Any] = {
        "account": thing("user", held["principalId"]),
        "entitlement": thing("group", held["groupId"]),
    }
    round_trip(world, change(Action.END_PIM, via="pim", mode=mode, **ends))


def test_a_removal_is_seen_when_reads_have_caught_up_and_not_before() -> None:
    world = World(lag=40)
    one = world.member(0)
    assert world.writer.revoke(one).result is WriteResult.DONE
    assert world.there(one) is True
    world.simulator.clock.sleep(41)
    assert world.there(one) is False
    world.graph.close()


@pytest.mark.parametrize(
    ("response", "result"),
    [
        (Response(0, broken="reset"), WriteResult.UNKNOWN),
        (failed(500, "InternalServerError"), WriteResult.UNKNOWN),
        (failed(504, "GatewayTimeout"), WriteResult.UNKNOWN),
        (failed(408, "RequestTimeout"), WriteResult.UNKNOWN),
        (failed(429, "TooManyRequests", Retry_After="17"), WriteResult.TRANSIENT),
        (failed(503, "ServiceUnavailable"), WriteResult.TRANSIENT),
        (failed(403, "Authorization_RequestDenied"), WriteResult.REFUSED),
        (failed(404, "Request_ResourceNotFound"), WriteResult.ABSENT),
    ],
)
def test_a_write_is_sent_once_and_its_answer_told_as_it_is(response: Response, result: WriteResult) -> None:
    world = World()
    plain = world.simulator.writes.answer
    sent = []

    def answer(request: Request) -> Response:
        sent.append(request.path)
        return response

    world.simulator.writes.answer = answer
    one = world.member(0)
    said = world.writer.revoke(one)
    assert said.result is result
    assert len(sent) == 1
    assert sent[0].endswith("/$ref")
    assert said.retry_after == (17 if response.status == 429 else None)
    world.simulator.writes.answer = plain
    world.graph.close()


@pytest.mark.parametrize("bad", ["", "a/b", "x?y", "../users", "a b", "é"])
def test_no_address_is_made_of_what_is_no_id(world: World, bad: str) -> None:
    with pytest.raises(ValueError, match="no link"):
        link(world.groups[0], "members", bad)
    answer = world.writer.revoke(
        change(Action.REMOVE_MEMBER, account=thing("user", bad), entitlement=thing("group", world.groups[0]))
    )
    assert answer.result is WriteResult.REFUSED
    assert world.simulator.writes.made == []


def test_the_simulator_deletes_the_user_when_ref_is_missing() -> None:
    simulator = simulate(granted=frozenset({"User.ReadWrite.All", "GroupMember.ReadWrite.All"}))
    (_, group), members = next(
        (key, kept) for key, kept in simulator.tenant.links.items() if key[0] == "groups/members" and kept
    )
    person = next(m for m in members if m in simulator.tenant.of("users"))
    assert simulator.answer(Request.of("DELETE", f"/groups/{group}/members/{person}", {})).status == 204
    assert person in simulator.tenant.of("deletedUsers")
    assert person not in simulator.tenant.of("users")


def every_change(world: World) -> dict[str, Change]:
    """Return one change of every kind that the writer makes."""
    first = {name: next(iter(world.tenant.of(name).values())) for name in world.tenant.collections}
    app_role = next(a for a in world.tenant.of("appRoleAssignments").values() if a["principalType"] == "User")
    role_id, app_role_id = first["roleAssignments"], f"{app_role['resourceId']}/{app_role['appRoleId']}"
    native, consent = list(world.tenant.of("oauth2PermissionGrants").items())[1]
    scope = thing("consent", f"{consent['clientId']}/{consent['resourceId']}/User.Read")
    made = {
        "member": world.member(0),
        "member of a role-assignable group": world.member(3),
        "disable": change(Action.DISABLE_ACCOUNT, account=thing("user", world.users[5])),
        "sessions": change(Action.REVOKE_SESSIONS, account=thing("user", world.users[5])),
        "role": held_by(role_id, Action.REMOVE_ROLE_ASSIGNMENT, "role-assignment", "role", role_id["roleDefinitionId"]),
        "app role": held_by(app_role, Action.REMOVE_APPROLE, "approle", "approle", app_role_id),
        "consent": change(
            Action.REMOVE_CONSENT,
            via="consent",
            native_id=native,
            account=thing("user", consent["principalId"]),
            entitlement=scope,
        ),
    }
    for what, key in (("role", "roleDefinitionId"), ("group", "groupId")):
        for mode, kind in (("eligible", "Eligibility"), ("assigned", "Assignment")):
            run = first[f"{what}{kind}ScheduleInstances"]
            made[f"{mode} {what}"] = held_by(run, Action.END_PIM, "pim", what, run[key], mode)
    return made


def held_by(held: Object, action: Action, via: str, kind: str, native: str, mode: str = "assigned") -> Change:
    return change(
        action, via=via, mode=mode, account=thing("user", held["principalId"]), entitlement=thing(kind, native)
    )


NEEDS = {
    "User.EnableDisableAccount.All": {"disable"},
    "User.RevokeSessions.All": {"sessions"},
    "GroupMember.ReadWrite.All": {"member", "member of a role-assignable group"},
    "AppRoleAssignment.ReadWrite.All": {"app role"},
    "DelegatedPermissionGrant.ReadWrite.All": {"consent"},
    "RoleManagement.ReadWrite.Directory": {
        "role",
        "eligible role",
        "assigned role",
        "member of a role-assignable group",
    },
    "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup": {"eligible group"},
    "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup": {"assigned group"},
    "User.Read.All": {"member", "member of a role-assignable group", "disable", "sessions"},
    "GroupMember.Read.All": {"member", "member of a role-assignable group"},
    "Application.Read.All": {"app role"},
}
"""Which changes cannot be made, or not be looked at, without a permission: by Microsoft's map."""


@pytest.mark.parametrize("missing", sorted(WRITING))
def test_without_a_permission_its_changes_are_refused_with_advice_and_the_others_are_made(
    missing: str, outside_data: Path
) -> None:
    assert outside_data
    assert NEEDS.keys() == WRITING
    for name in every_change(World()):
        world = World()
        world.simulator.granted = WRITING - {missing}
        one = every_change(world)[name]
        before, answer, after = world.writer.holds(one, START), world.writer.revoke(one), world.writer.holds(one, START)
        world.graph.close()
        if name not in NEEDS[missing]:
            assert (before.there, answer.result) == (True, WriteResult.DONE), name
            continue
        said = {answer.reason} if answer.result is WriteResult.REFUSED else {before.reason, after.reason}
        assert all(missing in reason for reason in said), (name, said)
        # What cannot be looked at is unknown, and what is refused is still there: nothing counts as taken away.
        assert after.there is not False, name
        assert answer.result is WriteResult.REFUSED or before.there is after.there is None, name
