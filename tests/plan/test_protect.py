"""Who and what no plan touches, on a few rows: each way to be guarded by itself, and each near miss."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from access_review.changes import Action, Expectation, Target, Thing, change
from access_review.engine.duckdb import EmbeddedEngine
from access_review.plan import consequences
from access_review.plan.protect import guard, last_holders, protection
from access_review.policy import Protect
from access_review.review import establish
from tests.support.planning import account, add, company, declared, grant, group, leave, nest
from tests.support.planning import change as changed
from tests.support.snapshots import AS_OF, snapshot

NATURE, SOURCE_SAYS = "protected: a break-glass account", "protected: its source says: tier 0"
POLICY, OPERATOR = (
    "protected: roles/policy.yaml names it",
    "protected: it belongs to an operator or to whoever asks for this plan",
)


@contextmanager
def opened(rows):
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        establish(snapshot(**rows).tables, declared(), engine)
        yield engine


def guarded(protect=None, requested_by="", rows=None):
    """Return what is guarded, with the reasons."""
    with opened(rows or SMALL) as engine:
        guard(engine, Protect.model_validate(protect or {}), requested_by)
        rows = engine.rows("SELECT id, code, detail FROM guarded ORDER BY id, code, detail")
        named = {(row["id"], protection(row).reason) for row in rows}
        first = {row["id"]: protection(row).reason for row in engine.rows("SELECT id, code, detail FROM protections")}
        assert first == {one: min(reason for other, reason in named if other == one) for one, _ in named}
        return named


SMALL = add(
    company(4),
    accounts=[
        {"account": "ad:user:svc:one:two", "employee_id": None},
        account(9, kind="service", name="svc_sync%1", principal_name="Sync@Example.test", display_name="Sync!"),
    ],
    entitlements=[group("Mail", "entra"), group("Fin", "entra")],
)
SMALL = changed(SMALL, "accounts", "ad:user:3", mail="Three@Example.test", principal_name="u3@example.test")
SMALL = changed(SMALL, "people", "hr:person:4", mail="Four@Example.test")


def test_nothing_is_guarded_that_nothing_speaks_for():
    assert guarded() == set()
    assert guarded(requested_by="hr:person:99") == set()


def test_break_glass_and_what_its_source_holds_untouchable_are_guarded():
    rows = changed(
        changed(SMALL, "accounts", "ad:user:1", kind="break-glass"), "accounts", "ad:user:2", protected="tier 0"
    )
    assert guarded(rows=rows) == {("ad:user:1", NATURE), ("ad:user:2", SOURCE_SAYS)}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ad:user:1", {"ad:user:1"}),
        ("AD:User:USER1", {"ad:user:1"}),
        ("ad:user:user*", {"ad:user:1", "ad:user:2", "ad:user:3", "ad:user:4"}),
        ("*:service:*", {"ad:user:9"}),
        ("ad:user:svc:one:*", {"ad:user:svc:one:two"}),
        ("ad:*:sync@example.test", {"ad:user:9"}),
        ("ad:user:sync!", {"ad:user:9"}),
        ("ad:user:svc_sync%1", {"ad:user:9"}),
        ("ad:user:svc?sync%1", set()),
        ("ad:user:s_c_sync%1", set()),
        ("ad:user:svc%", set()),
        ("entra:user:user1", set()),
        ("ad:robot:user1", set()),
        ("ad:user:user", set()),
        ("user1", set()),
        ("ad:user", set()),
    ],
)
def test_a_pattern_names_accounts_by_source_kind_and_any_of_their_names(pattern, found):
    assert guarded({"accounts": [pattern]}) == {(one, POLICY) for one in found}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ad:group:Fin", {"ad:group:Fin"}),
        ("*:group:fin", {"ad:group:Fin", "entra:group:Fin"}),
        ("ad:group:Fin*", {"ad:group:Fin", "ad:group:Fin-Read"}),
        ("ad:role:Fin", set()),
        ("entra:*:*", {"entra:group:Mail", "entra:group:Fin"}),
    ],
)
def test_a_pattern_names_entitlements(pattern, found):
    assert guarded({"entitlements": [pattern]}) == {(one, POLICY) for one in found}


def test_several_patterns_hold_each():
    found = guarded({"accounts": ["ad:user:1", "ad:user:user2"], "entitlements": ["ad:group:Fin", "ad:group:All"]})
    assert {one for one, _ in found} == {"ad:user:1", "ad:user:2", "ad:group:Fin", "ad:group:All"}


@pytest.mark.parametrize(
    ("who", "found"),
    [
        ("HR:person:2", {"ad:user:2"}),
        ("2", {"ad:user:2"}),
        ("AD:user:3", {"ad:user:3"}),
        ("three@example.TEST", {"ad:user:3"}),
        ("U3@example.test", {"ad:user:3"}),
        ("four@example.test", {"ad:user:4"}),
        ("Person 2", set()),
    ],
)
def test_whoever_asks_and_the_operators_keep_their_own_accounts(who, found):
    assert guarded(requested_by=who) == {(one, OPERATOR) for one in found}
    assert {(one, why) for one, why in guarded({"operators": [who]}) if why == OPERATOR} == {
        (one, OPERATOR) for one in found
    }


def test_an_operators_account_may_be_named_by_a_pattern_too():
    assert ("ad:user:1", POLICY) in guarded({"operators": ["ad:user:user1"]})


def test_a_synced_copy_is_guarded_with_its_origin_and_an_origin_with_its_copy():
    rows = add(
        SMALL,
        accounts=[account(n, "entra", employee_id=None) for n in (1, 2)],
        aliases=[
            {"scheme": scheme, "value": f"S-{n}", "id": f"{source}:user:{n}"}
            for n in (1, 2)
            for scheme, source in (("sid", "ad"), ("on-premises-sid", "entra"))
        ],
    )
    both = {"ad:user:1", "entra:user:1"}
    assert {one for one, _ in guarded({"accounts": ["ad:user:1"]}, rows=rows)} == both
    assert {one for one, _ in guarded({"accounts": ["entra:user:1"]}, rows=rows)} == both


# The last usable holders


UNTIL = AS_OF + timedelta(hours=24)
"""When the plan ends."""


def taking(*names, disable=(), rows=None, keep=2):
    """Return what is refused when these lose Admins, and those are disabled: who, and how many would be left."""
    rows = rows or company(6)
    admins = Thing("ad:group:Admins", "Admins", "Admins")

    def target(number, held):
        return Target("ad", "ldap", Thing(f"ad:user:{number}", "", ""), held, mode="assigned" if held else "")

    made = [change(Action.REMOVE_MEMBER, target(n, admins), Expectation(present=True), "f") for n in names]
    made += [change(Action.DISABLE_ACCOUNT, target(n, None), Expectation(present=True), "f") for n in disable]
    who = {one.id: int(one.target.key[0].rsplit(":", 1)[1]) for one in made}
    with opened(rows) as engine:
        guard(engine, Protect(), "")
        consequences.foresee(engine, snapshot(**rows).tables, made)
        return {(who[row["change"]], row["name"], row["holders"]) for row in last_holders(engine, keep, UNTIL)}


def test_as_many_stay_as_must_after_everything_together():
    assert taking(1) == set()
    assert taking(1, 2) == {(1, "Admins", 1), (2, "Admins", 1)}
    assert taking(1, disable=(2,)) == {(1, "Admins", 1), (2, "Admins", 1)}
    assert taking(1, 2, 3) == {(n, "Admins", 0) for n in (1, 2, 3)}
    assert taking(1, 2, keep=1) == set()
    assert taking(1, 2, 3, keep=0) == set()
    assert taking(1, keep=3) == {(1, "Admins", 2)}


@pytest.mark.parametrize(
    ("table", "key", "values"),
    [
        ("people", "hr:person:3", {"status": "leave"}),
        ("people", "hr:person:3", {"status": "unknown"}),
        ("people", "hr:person:3", {"left_at_earliest": UNTIL, "left_at_latest": UNTIL + timedelta(hours=9)}),
        ("people", "hr:person:3", {"left_at_latest": UNTIL + timedelta(hours=9)}),
        ("accounts", "ad:user:3", {"expires_at": AS_OF - timedelta(days=30)}),
        ("accounts", "ad:user:3", {"expires_at": UNTIL}),
        ("accounts", "ad:user:3", {"enabled": False}),
        ("accounts", "ad:user:3", {"enabled": None}),
        ("accounts", "ad:user:3", {"employee_id": None}),
    ],
)
def test_a_holder_who_cannot_work_does_not_count(table, key, values):
    assert taking(1, rows=changed(company(6), table, key, **values)) == {(1, "Admins", 1)}


def test_a_holder_who_works_beyond_the_end_of_the_plan_counts():
    later = UNTIL + timedelta(seconds=1)
    rows = changed(company(6), "people", "hr:person:3", left_at_earliest=later, left_at_latest=later)
    assert taking(1, rows=changed(rows, "accounts", "ad:user:3", expires_at=later)) == set()


def test_who_has_left_is_no_usable_holder_and_two_accounts_of_one_person_are_one():
    assert taking(1, rows=leave(company(6), 3)) == {(1, "Admins", 1)}
    twice = add(company(6), accounts=[account(7, employee_id="3")], grants=[grant(7, "Admins")])
    twice = {**twice, "people": [row for row in twice["people"] if row["person"] != "hr:person:7"]}
    assert taking(1, 2, rows=twice) == {(1, "Admins", 1), (2, "Admins", 1)}


def test_a_disabled_account_takes_nobody_away_when_it_goes():
    rows = changed(company(6), "accounts", "ad:user:1", enabled=False)
    rows = changed(rows, "accounts", "ad:user:2", enabled=False)
    assert taking(1, rows=rows) == set()


def test_who_holds_it_through_another_group_counts():
    rows = add(company(6), nesting=[nest("Other", "Admins")], grants=[grant(5, "Other")])
    assert taking(1, 2, rows=rows) == set()
    assert taking(1, 2, disable=(5,), rows=rows) == {(n, "Admins", 1) for n in (1, 2, 5)}


def test_what_needs_no_second_holder_is_not_concerned():
    rows = company(6)
    rows = {**rows, "entitlements": [{**row, "privileged": False} for row in rows["entitlements"]]}
    assert taking(1, 2, 3, rows=rows) == set()
    for kind in ("approle", "consent", "licence"):
        assert taking(1, 2, 3, rows=changed(company(6), "entitlements", "ad:group:Admins", kind=kind)) == set()
