"""Each refusal by itself, on values made by hand: no engine, no rules."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from access_review.changes import Action, Expectation, Target, Thing, change
from access_review.connectors.ad.capabilities import CAPABILITIES as DIRECTORY
from access_review.connectors.entra.capabilities import CAPABILITIES as TENANT
from access_review.connectors.table.connector import Export
from access_review.errors import PlanRefused
from access_review.plan.alternatives import alternatives_to, edges_ending, swap
from access_review.plan.proof import _blame
from access_review.plan.remedies import changes_for
from access_review.plan.request import PlanGaps, Request
from access_review.plan.withheld import PROTECTIONS, SENTENCES, ToPerson, Withheld, WithheldCode, withheld

USER, COPY, GROUP, OUTER = "ad:user:1", "entra:user:1", "ad:group:G", "ad:group:Outer"
CONNECTORS = {"ad": "ldap", "entra": "entra", "app": "table"}
CAPABILITIES = {"ad": DIRECTORY, "entra": TENANT, "app": Export.capabilities}


def account(name=USER, **more):
    source, _, native = name.split(":")
    row = {"account": name, "source": source, "native_id": native, "stable_id": True, "name": name, "kind": "human"}
    row |= {"enabled": True, "person": "hr:person:1", "certain": True, "link": "matched", "person_name": "Person"}
    return row | {"status": "active", "leaving": False, "employed": False, "twin": None} | more


def entitlement(name=GROUP, **more):
    source, kind, native = name.split(":")
    row = {"entitlement": name, "source": source, "native_id": native, "stable_id": True, "kind": kind, "name": native}
    return row | {"effect": "grants", "scope": None} | more


def grant(name=GROUP, holder=USER, **more):
    row = {"account": holder, "entitlement": name, "mode": "assigned", "via": "member", "native_id": None}
    row |= {"mastered_in": None, "removable": True, "why_not": None, "until_at": None, "mirrored": False}
    return row | {"verdict": "beyond", "never": None, "role_set": 1} | more


def edge(child=OUTER, parent=GROUP, **more):
    row = {
        "child": child,
        "parent": parent,
        "mode": "assigned",
        "why": "member",
        "native_id": None,
        "mastered_in": "ad",
    }
    return row | {"removable": True, "why_not": None} | more


GROUPS = (entitlement(), entitlement(OUTER))
ONE_GRANT = (grant(),)


def world(*accounts, entitlements=GROUPS, grants=ONE_GRANT, edges=(), reach=None, **more):
    held: dict[str, Any] = {}
    nested: dict[tuple[str, str], Any] = {}
    for row in grants:
        held.setdefault(row["account"], []).append(row)
    for row in edges:
        nested.setdefault((row["child"], row["parent"]), []).append(row)
    known = {row["entitlement"]: row for row in entitlements}
    parts: dict[str, Any] = {
        "findings": (),
        "reviews": (),
        "accounts": {row["account"]: row for row in accounts or (account(),)},
        "held": held,
        "entitlements": known,
        "edges": nested,
        "reach": {name: frozenset({name}) for name in known} | (reach or {}),
        "allowed": {},
        "originals": {},
        "quarantined": {},
        "protected": {},
        "gaps": PlanGaps({}, {}, {}),
        "connectors": CONNECTORS,
        "capabilities": CAPABILITIES,
    }
    return Request(**parts | more)


def finding(remedy="remove", subject=USER, about=GROUP, **more):
    row = {"finding": "f", "rule": "some-rule", "subject": subject, "about": about, "remedy": remedy}
    return row | {"reason": "wrong", "carried": False} | more


def asked_of(request, finding):
    return changes_for(replace(request, findings=(finding,)), finding)


def tier(name):
    return withheld(WithheldCode.PROTECTED_BY_SOURCE, detail=name)


def test_a_clean_grant_is_removed():
    (one,) = asked_of(world(), finding())
    assert (one.action, one.target.key, one.because) == (Action.REMOVE_MEMBER, (USER, GROUP, "", "assigned"), ("f",))


CASES = {
    "not checked": (world(), finding(carried=True, reason="not checked this time")),
    "not about one account": (world(), finding(subject="hr:person:1")),
    "not about something": (world(), finding(about="hr:person:2")),
    "no grant of the account's own": (world(grants=()), finding()),
    "person is unknown": (world(account(status="unknown")), finding()),
    "person is None": (world(account(status=None)), finding()),
    "id of ad:user:1 may change": (world(account(stable_id=False)), finding()),
    "id of G may change": (world(entitlements=[entitlement(stable_id=False)]), finding()),
    "looks odd": (world(quarantined={USER: withheld(WithheldCode.QUARANTINED, detail="looks odd")}), finding()),
    "nobody is known": (world(account(person=None)), finding()),
    "is a guess": (world(account(certain=False)), finding()),
    "not certainly over": (world(account(status="left", leaving=True)), finding()),
    "has not ended": (world(account(status="left", employed=True)), finding()),
    "source does not say why": (world(grants=[grant(removable=False)]), finding()),
    "held as inherits": (world(grants=[grant(via="inherits")]), finding()),
    "it is a licence": (world(grants=[grant(via="licence")]), finding()),
    "a role of the holder allows it": (world(grants=[grant(verdict="within")]), finding()),
    "no role of the holder is known": (world(grants=[grant(verdict="")]), finding()),
    "is for a person to decide": (world(), finding("review")),
    "a service account": (world(account(kind="service")), finding("disable", about=None)),
    "is not known": (world(account(enabled=None)), finding("disable", about=None)),
    "disabled already": (world(account(enabled=False)), finding("disable", about=None)),
    "is disabled already": (
        world(account(COPY, twin=USER), account(enabled=False)),
        finding("disable", COPY, None),
    ),
    "protected: its source says: origin": (
        world(account(COPY, twin=USER), account(), protected={USER: tier("origin")}),
        finding("disable", COPY, None),
    ),
    "nesting it is about is not there": (world(), finding("cut", OUTER)),
    "nesting cannot be cut: synced": (world(edges=[edge(removable=False, why_not="synced")]), finding("cut", OUTER)),
    "nesting is no membership": (world(edges=[edge(why="grants-role")]), finding("cut", OUTER)),
    "protected: its source says: crown (G)": (
        world(edges=[edge()], protected={GROUP: tier("crown")}),
        finding("cut", OUTER),
    ),
    "withheld: hr incomplete": (world(gaps=PlanGaps({"hr": "cut short"}, {}, {})), finding()),
    "withheld: ad incomplete": (world(gaps=PlanGaps({}, {"ad": "page 2"}, {})), finding("disable", about=None)),
    "withheld: G incomplete": (world(gaps=PlanGaps({}, {}, {GROUP: "ranged"})), finding()),
}


@pytest.mark.parametrize("reason", CASES)
def test_a_finding_is_left_to_a_person_with_the_reason(reason):
    asked, asks = CASES[reason]
    left = asked_of(asked, asks)
    assert isinstance(left, Withheld)
    assert reason in left.reason


def test_a_leaver_loses_a_grant_whatever_the_roles_say():
    (one,) = asked_of(world(account(status="left"), grants=[grant(verdict="")]), finding())
    assert one.leaver
    assert one.expect_before.verdict == ""


def test_a_copy_is_disabled_at_its_origin_and_its_sessions_end_where_it_signs_in():
    asked = world(account(COPY, twin=USER, status="left"), account(status="left"))
    disable, sessions = asked_of(asked, finding("disable", COPY, None))
    assert (disable.action, disable.target.account.id) == (Action.DISABLE_ACCOUNT, USER)
    assert (sessions.action, sessions.target.account.id) == (Action.REVOKE_SESSIONS, COPY)


def test_a_guest_keeps_the_sessions_of_another_tenant():
    (only,) = asked_of(world(account(COPY, kind="guest", status="left")), finding("disable", COPY, None))
    assert only.action is Action.DISABLE_ACCOUNT


def test_a_synced_grant_is_cut_in_the_directory_that_masters_it():
    mirror = grant("entra:group:G", COPY, mirrored=True, removable=False)
    original = {"original_account": USER, "original_entitlement": GROUP}
    asked = world(
        account(COPY),
        account(),
        entitlements=[entitlement(), entitlement("entra:group:G")],
        grants=[mirror, grant()],
        originals={(COPY, "entra:group:G"): [original]},
    )
    (one,) = asked_of(asked, finding(subject=COPY, about="entra:group:G"))
    assert (one.target.source, one.target.key) == ("ad", (USER, GROUP, "", "assigned"))


def test_nesting_known_from_a_list_is_a_work_order():
    (one,) = asked_of(world(edges=[edge(mastered_in="app")]), finding("cut", OUTER))
    assert (one.action, one.target.manual) == (Action.MANUAL, "take Outer out of G")


# Ways out


def nested(*edges, grants=None, allowed=("ad:group:A",), **more):
    names = sorted({name for pair in edges for name in pair})
    reach = {}
    for name in names:
        found, todo = {name}, [name]
        while todo:
            here = todo.pop()
            todo += [p for c, p in edges if c == here and p not in found]
            found |= {p for c, p in edges if c == here}
        reach[name] = frozenset(found)
    rows = [edge(*pair) for pair in edges]
    held = grants or [grant(OUTER, verdict="mixed")]
    made = [entitlement(name) for name in names]
    return world(entitlements=made, edges=rows, reach=reach, grants=held, allowed={1: frozenset(allowed)}, **more)


A, B, P, MID = "ad:group:A", "ad:group:B", "ad:group:P", "ad:group:Mid"


def test_the_edge_that_ends_an_excess_is_named():
    asked = nested((OUTER, A), (OUTER, MID), (MID, P))
    assert edges_ending(asked, OUTER, P) == [(OUTER, MID), (MID, P)]
    assert alternatives_to(asked, grant(OUTER, verdict="mixed"), P) == (
        "cut the nesting Outer → Mid",
        "cut the nesting Mid → P",
        "grant A instead of Outer, then take Outer away",
        "allow Outer in the role template, if the role needs all of it",
    )


def test_an_excess_with_two_ways_to_it_is_not_ended_by_one_edge():
    assert edges_ending(nested((OUTER, A), (OUTER, P), (OUTER, MID), (MID, P)), OUTER, P) == []
    assert edges_ending(nested((OUTER, A), (OUTER, P)), OUTER, OUTER) == []


def test_nothing_is_offered_in_exchange_when_what_is_expected_brings_excess_too():
    asked = nested((OUTER, A), (A, P))
    assert swap(asked, grant(OUTER, verdict="mixed")) == ()


def test_many_groups_in_exchange_are_counted():
    inner = [f"ad:group:A{n}" for n in range(7)]
    asked = nested(*((OUTER, name) for name in inner), (OUTER, P), allowed=inner)
    ways = alternatives_to(asked, grant(OUTER, verdict="mixed"), OUTER)
    assert "A0, A1, A2, A3, A4 and 2 more" in ways[0]


# The proof


def made(child=None, because="f1"):
    target = Target(
        "ad",
        "ldap",
        account=None if child else Thing(USER, "1", "user"),
        entitlement=Thing(GROUP, "G", "G"),
        child=child,
        person="hr:person:1",
    )
    return change(Action.CUT_NESTING if child else Action.REMOVE_MEMBER, target, Expectation(present=True), because)


def wrong(subject="x", about=None, person=None):
    return {"rule": "birthright-missing", "subject": subject, "about": about, "person": person, "reason": "gone"}


@pytest.mark.parametrize(
    "row", [wrong(subject=USER), wrong(about=GROUP), wrong(person="hr:person:1"), wrong(subject="hr:person:1")]
)
def test_a_change_is_blamed_for_what_is_newly_wrong_with_what_it_touches(row):
    one = made()
    assert "birthright-missing" in _blame([one], {"new": row}, set())[one.id].reason


def test_a_change_is_blamed_for_the_finding_it_does_not_end_and_for_what_is_lost():
    one, cut = made(), made(Thing(OUTER, "Outer", "Outer"), "f2")
    assert set(_blame([one, cut], {"f2": wrong()}, set())) == {cut.id}
    assert set(_blame([one, cut], {}, {(USER, GROUP)})) == {one.id}
    assert set(_blame([one, cut], {}, {("ad:user:9", GROUP)})) == {cut.id}


def test_a_proof_that_fails_for_no_change_refuses_the_plan():
    with pytest.raises(PlanRefused, match="the proof fails"):
        _blame([made()], {"new": wrong()}, set())


# What is withheld


@given(st.sampled_from(WithheldCode), st.text())
def test_a_code_decides_whatever_the_sentence_says(code, text):
    names = [
        *("detail", "name", "holders", "keep", "rule", "kind", "link", "status", "via", "why", "account", "effect")
    ]
    names += ["owner", "other"]
    why = withheld(code, **dict.fromkeys(names, text))
    assert why.protected == (code in PROTECTIONS)
    assert why.refuses == (code in PROTECTIONS | {WithheldCode.INCOMPLETE, WithheldCode.NOT_CHECKED})
    assert why.reason.startswith("protected: ") == why.protected


def test_every_code_has_a_sentence_and_what_is_named_comes_after_it():
    assert set(SENTENCES) == set(WithheldCode)
    assert len(set(SENTENCES.values())) == len(WithheldCode)
    assert replace(withheld(WithheldCode.OPERATOR), about="Ada").reason.endswith("this plan (Ada)")


def test_why_is_not_in_the_file_and_not_in_a_plan_that_was_read():
    left = ToPerson.of(("f",), withheld(WithheldCode.ALLOWED, "waive the finding"))
    assert left.why
    form = TypeAdapter(ToPerson)
    written = {"findings": ["f"], "reason": "a role of the holder allows it", "ways_out": ["waive the finding"]}
    assert form.dump_python(left, mode="json") == written
    again = form.validate_python(written)
    assert (again, again.why) == (left, None)
