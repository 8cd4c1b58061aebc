"""Batches on a tenant over HTTPS, killed at every step and twice resumed; requests and replies are lost on the way."""

import json
import os
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing, change
from access_review.connectors import Source
from access_review.connectors.entra import connector
from access_review.connectors.entra.permissions import WRITING
from access_review.workspace import options_of
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.simulated_tenant.wire import START, Response
from tests.simulation import crash
from tests.support.fake_system import a_plan

pytestmark = pytest.mark.slow

SECRET = "not-a-real-secret-7Q~canary"  # noqa: S105 - of a tenant that lives for one test
SECOND = tuple(int(n) for n in os.environ.get("CRASH_SECOND_REAL", "5").split(","))
ALL = "CRASH_ALL" in os.environ


@contextmanager
def opened(said):
    """Open the tenant as the batch does: by the connector, signed in as the writer."""
    model = options_of(connector.connect).model_validate(said)
    given = {name: getattr(model, name) for name in type(model).model_fields}
    live: Any = connector.connect(Source("entra", Path("/")), **given)
    with live.writing() as writer:
        yield writer


@dataclass(frozen=True)
class Aim:
    """One thing to take away: the change, its ids, by which calls are known, and what the tenant says when it is there."""

    change: Change
    ids: tuple[str, ...]
    fact: str


def aim(action, account, held=None, *, native=None, via="member", mode="assigned", fact):
    end = "child" if account[0] == "group" else "account"
    holder, entitlement = _thing(*account), _thing(*held) if held else None
    target = Target("entra", "entra", entitlement=entitlement, mode=mode, native_id=native, **{end: holder})
    made = change(action, target, Expectation(present=True, person_status="left"), "finding", via)
    return Aim(made, tuple(filter(None, (native, account[1]))), fact)


def _thing(kind, native):
    return Thing(f"entra:{kind}:{native}", native, native)


def aims(tenant, action):
    """Return what to take away by an action: from the sixth user or whatever the tenant has."""
    users, groups = list(tenant.of("users")), list(tenant.of("groups"))
    first = lambda collection, **where: next(  # noqa: E731
        one for one in tenant.of(collection).values() if all(one[k] == v for k, v in where.items())
    )
    if action is Action.REMOVE_MEMBER:
        members = [m for m in tenant.links["groups/members", groups[0]] if tenant.types[m] == "user"]
        return [
            aim(action, ("user", one), ("group", groups[0]), fact=f"groups/members {groups[0]} {one}")
            for one in members[: 1 + ALL]
        ]
    if action is Action.CUT_NESTING:
        tenant.link("groups/members", groups[0], groups[7])
        fact = f"groups/members {groups[0]} {groups[7]}"
        return [aim(action, ("group", groups[7]), ("group", groups[0]), fact=fact)]
    if action is Action.DISABLE_ACCOUNT:
        return [aim(action, ("user", users[5]), fact=f"users {users[5]} enabled")]
    if action is Action.REVOKE_SESSIONS:
        return [aim(action, ("user", users[5]), fact=f"users {users[5]} old sessions")]
    if action is Action.REMOVE_APPROLE:
        one = first("appRoleAssignments", principalType="User")
        role = ("approle", f"{one['resourceId']}/{one['appRoleId']}")
        return [_of(action, one, role, via="approle", collection="appRoleAssignments")]
    if action is Action.REMOVE_CONSENT:
        one = list(tenant.of("oauth2PermissionGrants").values())[1]
        tenant.of("oauth2PermissionGrants")[one["id"]]["scope"] = "User.Read"
        held = ("consent", f"{one['clientId']}/{one['resourceId']}/User.Read")
        return [_of(action, one, held, via="consent", collection="oauth2PermissionGrants")]
    if action is Action.REMOVE_ROLE_ASSIGNMENT:
        one = first("roleAssignments", directoryScopeId="/")
        return [
            _of(action, one, ("role", one["roleDefinitionId"]), via="role-assignment", collection="roleAssignments")
        ]
    one = first("groupEligibilityScheduleInstances")
    held = ("group", one["groupId"])
    return [_of(action, one, held, via="pim", mode="eligible", collection="groupEligibilityScheduleInstances")]


def _of(action, one, held, *, via, collection, mode="assigned"):
    fact = f"{collection} {one['id']}"
    return aim(action, ("user", one["principalId"]), held, native=one["id"], via=via, mode=mode, fact=fact)


class Tenant:
    """A tenant behind HTTPS, whose first write has a fate."""

    opened: Any
    environment: tuple[tuple[str, str], ...]

    def __init__(self, server, kind):
        self.simulator, self.tenant = server.simulator, server.simulator.tenant
        self.environment = (("ENTRA_SECRET", SECRET),)
        registration = {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}}
        cloud = {"sign_in": server.url, "graph": server.url}
        said = {"tenant": TENANT, "reader": registration, "writer": registration, "cloud": cloud}
        self.opened = partial(opened, {**said, "ca_file": str(server.ca)})
        self.aims = aims(self.tenant, kind)
        self.plan = a_plan(*(one.change for one in self.aims), at=START + timedelta(minutes=1))
        self.write = self.simulator.writes.answer
        self.before = deepcopy((self.tenant.collections, self.tenant.links))
        self.facts = self._facts()

    def _facts(self):
        """Return all that the tenant holds, a line each."""
        found = {f"{what} {owner} {one}" for (what, owner), kept in self.tenant.links.items() for one in kept}
        for collection, things in self.tenant.collections.items():
            for native, one in things.items():
                found.add(f"{collection} {native}")
                rest = {k: v for k, v in one.items() if k not in {"accountEnabled", "signInSessionsValidFromDateTime"}}
                found.add(f"{collection} {native} is {json.dumps(rest, sort_keys=True)}")
                if one.get("accountEnabled"):
                    found.add(f"{collection} {native} enabled")
                if collection == "users" and not one.get("signInSessionsValidFromDateTime"):
                    found.add(f"{collection} {native} old sessions")
        return found

    def reset(self, folder, fate):
        del folder
        self.give_back()
        self.asked: list[Any] = []
        self.done: list[Any] = []

        def answer(request):
            first = not self.asked
            self.asked.append(f"{request.path} {request.body}")
            if first and fate == crash.NOT_APPLIED:
                return Response(0, broken="reset")
            self.simulator.clock.sleep(120)  # sessions ended now began before the intent
            said = self.write(request)
            if said.status < 300:
                self.done.append(self.asked[-1])
            return Response(0, broken="reset") if first and fate == crash.REPLY_LOST else said

        self.simulator.writes.answer = answer

    def give_back(self):
        self.tenant.collections, self.tenant.links = deepcopy(self.before)

    def there(self):
        facts = self._facts()
        return [one.fact in facts for one in self.aims]

    def calls(self, change):
        (ids,) = (one.ids for one in self.aims if one.change is change)
        return tuple(sum(any(native in call for native in ids) for call in what) for what in (self.asked, self.done))

    def nothing_else_changed(self):
        named = {native for one in self.aims for native in one.ids}
        return all(any(native in fact for native in named) for fact in self.facts ^ self._facts())


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTRA_SECRET", SECRET)
    simulator = simulate(granted=WRITING, app_roles=frozenset({"User Administrator"}))
    sign_in = SignIn(simulator.clock, secret=SECRET, roles=WRITING)
    simulator.tokens = sign_in.roles_of
    with Server(simulator, tmp_path, sign_in) as served:
        yield served
    assert simulator.violations == []


KINDS = [one for one in Action if not one.restores and one is not Action.MANUAL] if ALL else [Action.REMOVE_MEMBER]


@pytest.mark.sweep(share=1 / 2, each="kind")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fate", crash.FATES)
def test_a_batch_on_a_tenant_killed_at_any_step_ends_in_one_state_each(server, kind, fate, tmp_path):
    scene = Tenant(server, kind)
    steps = crash.whole(scene, tmp_path / "whole", fate)
    assert steps >= 20
    for step in range(1, steps + 1):
        for second in SECOND:
            crash.history(scene, tmp_path / f"{step}-{second}", step, fate, second)
