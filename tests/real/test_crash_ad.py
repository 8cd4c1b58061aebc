"""Batches on a real domain controller, killed at every step and twice resumed; a proxy loses requests and replies."""

import os
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from access_review.changes import Action, Expectation, Target, Thing, change
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.writer import address_of
from tests.faults.ldap_proxy import MODIFY, Proxy, Reset
from tests.real.ad import connected, options
from tests.real.conftest import servers
from tests.real.example_domain import SERVICE_PASSWORD, WRITER
from tests.simulation import crash
from tests.support.fake_system import a_plan

SECOND = tuple(int(n) for n in os.environ.get("CRASH_SECOND_REAL", "5").split(","))
ALL = "CRASH_ALL" in os.environ
NAMES: dict[Action, list[tuple[str, str | None]]] = {
    Action.REMOVE_MEMBER: [("user05", "Large"), ("user06", "Large")][: 1 + ALL],  # type: ignore[dict-item]
    Action.DISABLE_ACCOUNT: [("user07", None)],
    Action.CUT_NESTING: [("Deep-3", "Finance-Read")],
}
KINDS = list(NAMES) if ALL else [Action.REMOVE_MEMBER]


@contextmanager
def opened(said):
    """Open the domain as the batch does: by the connector, as the writer."""
    with connected(said).writing() as directory:
        yield directory


class Fated(Proxy):
    """A proxy that gives the first change its fate, and notes all."""

    fate = ""

    def begin(self, fate):
        self.fate, self.asked, self.done = fate, [], []
        self.faults = [self.answered]

    def _note(self, message):
        request = super()._note(message)
        self.seen.clear()
        if message.operation == MODIFY:
            self.asked.append(message.content)
            if self._first(crash.NOT_APPLIED):
                raise Reset
        return request

    def answered(self, request, answer):
        if request.operation == MODIFY:
            if answer[-1].code == 0:
                self.done.append(request.message.content)
            if self._first(crash.REPLY_LOST):
                raise Reset
        return answer

    def _first(self, fate):
        if self.fate != fate:
            return False
        self.fate = ""
        return True


class Norwind:
    """The small domain behind its proxy."""

    opened: Any
    environment: tuple[tuple[str, str], ...]

    def __init__(self, domain, proxy, admin, kind):
        self.proxy, self.admin, self.base = proxy, admin, domain.base
        self.environment = (("TEST_AD_SERVICE", SERVICE_PASSWORD),)
        login = {"user": f"{WRITER}@{domain.dns}", "password": {"env": "TEST_AD_SERVICE"}}
        self.opened = partial(opened, options(domain, server=proxy.url, writer=login))
        self.plan = a_plan(*(self._change(kind, member, group) for member, group in NAMES[kind]))
        self.give_back()
        self.others = self._others()

    def _change(self, kind, member, group):
        held = self._thing("group", group) if group else None
        end = "child" if kind is Action.CUT_NESTING else "account"
        target = Target("ad", "ldap", entitlement=held, mode="assigned", **{end: self._thing("user", member)})
        return change(kind, target, Expectation(present=True, person_status="left"), f"finding-{member}")

    def _thing(self, kind, name):
        native = identifiers.guid(self._one(f"(sAMAccountName={name})", "objectGUID")["objectGUID"][0])
        return Thing(f"ad:{kind}:{native}", native, name)

    def _one(self, query, *attributes):
        return self.admin.search(self.base, query, list(attributes), scope="SUBTREE").entries[0][1]

    def _others(self):
        """Return every member of every group, and every control, that no change names."""
        found = self.admin.search(
            self.base, "(|(member=*)(userAccountControl=*))", ["member", "userAccountControl"], scope="SUBTREE"
        )
        named = {one.target.account.name for one in self.plan.changes if one.target.account}
        named |= {one.target.child.name for one in self.plan.changes if one.target.child}
        kept = {}
        for dn, values in found.entries:
            members = sorted(v for v in values.get("member", ()) if v.decode()[3:].split(",")[0] not in named)
            control = () if dn[3:].split(",")[0] in named else values.get("userAccountControl", ())
            kept[dn] = (members, control)
        return kept

    def reset(self, folder, fate):
        del folder
        self.give_back()
        self.proxy.begin(fate)

    def give_back(self):
        for one, there in zip(self.plan.changes, self.there(), strict=True):
            if not there:
                native, held = (one.target.child or one.target.account).native_id, one.target.entitlement
                what = {"userAccountControl": [("MODIFY_REPLACE", ["512"])]}
                if held:
                    what = {"member": [("MODIFY_ADD", [address_of(native)])]}
                answer = self.admin.modify(address_of(held.native_id if held else native), what)
                assert answer.fault is None, answer

    def there(self):
        return [self._there(one) for one in self.plan.changes]

    def _there(self, one):
        native, held = (one.target.child or one.target.account).native_id, one.target.entitlement
        ((_, values),) = self.admin.search(
            address_of(native), "(objectClass=*)", ["userAccountControl", "memberOf"]
        ).entries
        if held is None:
            return not int(values["userAccountControl"][0]) & 2
        return any(value.decode().startswith(f"CN={held.name},") for value in values.get("memberOf", ()))

    def calls(self, one):
        native = (one.target.child or one.target.account).native_id.encode()
        return tuple(sum(native in content for content in what) for what in (self.proxy.asked, self.proxy.done))

    def nothing_else_changed(self):
        return self._others() == self.others


@pytest.fixture(scope="module")
def proxy(own_domain, authority, tmp_path_factory):
    with Fated(own_domain.address, authority, tmp_path_factory.mktemp("tls")).served() as served:
        yield served


@pytest.fixture(scope="module")
def admin(own_domain, tmp_path_factory):
    with servers(tmp_path_factory.mktemp("admin"), own_domain, "Administrator").session() as session:
        yield session


@pytest.mark.sweep(share=1 / 4, each="kind")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fate", crash.FATES)
def test_a_batch_on_a_domain_killed_at_any_step_ends_in_one_state_each(own_domain, proxy, admin, kind, fate, tmp_path):
    scene = Norwind(own_domain, proxy, admin, kind)
    steps = crash.whole(scene, tmp_path / "whole", fate)
    assert steps >= 20
    for step in range(1, steps + 1):
        for second in SECOND:
            crash.history(scene, tmp_path / f"{step}-{second}", step, fate, second)
