"""The population and the work list, built from facts."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from access_review.artifacts import FRAME, WORKLIST
from access_review.audit import worklist
from access_review.audit.worklist import UNASSIGNED, item_id
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.facts import FACTS, FINDINGS
from access_review.policy import Sampling
from access_review.sample import population
from access_review.sample.draw import SampleState, draw, pledge, verify
from access_review.tables import frame
from tests.support import small_company

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
PEOPLE = {
    # Each with manager, status, kind and sponsor.
    "boss": ("boss", "active", "employee", None),
    "lead": ("boss", "active", "employee", None),
    "away": ("lead", "leave", "employee", None),
    "ana": ("lead", "active", "employee", None),
    "ben": ("away", "active", "employee", None),
    "eve": (None, "active", "contractor", None),
    "idle": ("lead", "active", "employee", None),
    "gone": ("lead", "left", "employee", None),
    "lost": (None, "missing", "employee", None),
    "bot": (None, "active", "agent", "ana"),
}
GRANTS = [
    ("boss", "read"),
    ("ana", "read"),
    ("ana", "nest"),
    ("ben", "write"),
    ("eve", "write"),
    ("eve", "none"),
    ("gone", "read"),
    ("svc", "write"),
    ("pc1", "domain"),
    ("pc2", "write"),
]


def person(name: str) -> str:
    return f"hr:person:{name}"


def account(name: str) -> str:
    return f"ad:user:{name}"


def group(name: str) -> str:
    return f"ad:group:{name}"


def people_rows():
    for name, (manager, status, kind, sponsor) in PEOPLE.items():
        yield {
            "person": person(name),
            "source": "hr",
            "native_id": name,
            "name": name.title(),
            "mail": f"{name}@example.test",
            "kind": kind,
            "status": status,
            "manager": manager and person(manager),
            "sponsor": sponsor and person(sponsor),
        }


def account_rows():
    kinds = {"svc": "service", "pc1": "computer", "pc2": "computer", "glass": "break-glass", "stray": "human"}
    for name in [*(n for n in PEOPLE if n != "idle"), *kinds]:
        yield {
            "account": account(name),
            "source": "ad",
            "native_id": f"guid-{name}",
            "stable_id": True,
            "name": name,
            "kind": kinds.get(name, "human"),
            "enabled": True,
            "person": person(name) if name in PEOPLE else None,
            "last_used_earliest": datetime(2026, 10, 1, tzinfo=UTC) if name == "ana" else None,
            "last_used_latest": datetime(2026, 10, 14, tzinfo=UTC) if name == "ana" else None,
            "never_used": True if name == "ben" else None,
        }


def held_rows():
    for holder, name in GRANTS:
        yield {
            "account": account(holder),
            "entitlement": group(name),
            "mode": "assigned",
            "via": "primary" if name == "domain" else "member",
            "removable": True,
            "mirrored": False,
            "verdict": "",
        }
    yield {
        "account": account("ana"),
        "entitlement": group("copy"),
        "mode": "assigned",
        "via": "member",
        "removable": False,
        "mirrored": True,
        "verdict": "",
    }


def finding(rule: str, subject: str, about: str | None = None, status: str = "new"):
    return {
        "finding": f"{rule} {subject} {about}",
        "rule": rule,
        "subject": subject,
        "about": about,
        "severity": "high",
        "rag": "red",
        "risk": 70,
        "code": "in-words",
        "facts": '{"words":"said"}',
        "checked": True,
        "risk_parts": "{}",
        "remedy": "review",
        "status": status,
        "first_seen": AS_OF,
    }


FOUND = [
    finding("access-beyond-role", account("ana"), group("inner")),
    finding("toxic-pair", person("eve"), "pay-and-approve"),
    finding("leaver-active", account("gone")),
    finding("account-dormant", account("boss"), status="closed"),
    finding("nesting-escalates", group("nest"), group("inner"), status="waived"),
]


def entitlement(name: str):
    return {
        "entitlement": group(name),
        "source": "ad",
        "native_id": name,
        "stable_id": True,
        "kind": "group",
        "name": name.upper(),
        "privileged": True if name == "admin" else None,
        "effect": "grants",
    }


@pytest.fixture
def engine():
    names = ("read", "nest", "inner", "write", "none", "domain", "admin", "copy")
    reached = [(n, n) for n in names] + [("nest", "inner"), ("none", "admin")]
    spells = [
        ("ana", "Contoso", "active"),
        ("ana", "Adatum", "active"),
        ("ana", "Fabrikam", "left"),
        ("gone", "Adatum", "left"),
    ]
    roles = [("ana", "analyst", "Contoso"), ("ana", "tester", "Adatum"), ("ben", "analyst", "Contoso")]
    rows = {
        "people": people_rows(),
        "accounts": account_rows(),
        "held": held_rows(),
        "entitlements": map(entitlement, names),
        "closure": ({"entitlement": group(a), "reached": group(b), "mode": "assigned"} for a, b in reached),
        "person_roles": ({"person": person(p), "role": r, "spell": "current", "client": c} for p, r, c in roles),
        "expected": [],
        "assignments": (
            {"person": person(p), "seq": n, "source": "hr", "client": c, "status": s}
            for n, (p, c, s) in enumerate(spells)
        ),
        "owned": [
            {"object": group("write"), "owner": account("lead"), "person": person("lead"), "status": "active"},
            {"object": group("none"), "owner": account("eve"), "person": person("eve"), "status": "active"},
            {"object": account("stray"), "owner": account("ben"), "person": person("ben"), "status": "active"},
        ],
        "custody": [{"account": account("stray"), "person": person("ben")}],
        "activity": [
            {"account": account("ana"), "object": group("read"), "last_used_latest": datetime(2026, 10, 20, tzinfo=UTC)}
        ],
        "separation": [{"pair": "pay-and-approve", "side": "a", "entitlement": group("write")}],
    }
    with EmbeddedEngine(AS_OF, memory="256MB", threads=1) as made:
        for name, part in rows.items():
            made.register(name, frame(FACTS[name], part))
        made.register("findings", frame(FINDINGS, FOUND))
        yield made


def everything(engine: Engine):
    units = population.list_units(engine)
    made, _ = draw(units, Sampling(rate=1), SampleState(), run="r1", as_of=AS_OF, next_pledge=pledge(b"k" * 32))
    return worklist.list_work(engine, made)


def test_units(engine):
    units = {unit.unit: unit for unit in population.list_units(engine)}
    assert list(units) == sorted(units)
    assert person("idle") not in units
    assert account("pc1") not in units
    assert {account(n) for n in ("svc", "pc2", "glass", "stray")} == {u for u in units if u.startswith("ad:")}
    assert units[person("ana")].clients == ("Adatum", "Contoso")
    assert (units[person("ana")].accounts, units[person("ana")].grants) == (1, 2)
    assert units[person("bot")].manager == person("ana")
    assert units[account("svc")].kind == "account"


def test_census(engine):
    census = {unit.unit: unit.census for unit in population.list_units(engine) if unit.census}
    assert census == {
        person("gone"): "left",
        person("lost"): "missing",
        person("eve"): "privileged",
        account("glass"): "privileged",
    }


def test_one_client_alone(engine):
    units = population.of_client(population.list_units(engine), "Adatum")
    assert [unit.unit for unit in units] == [person("ana"), person("gone")]


def test_the_items_of_one_client_alone(engine):
    items = worklist.of_client(everything(engine).items, "Adatum")
    assert {item.unit for item in items} == {person("ana"), person("gone")}


def test_the_frozen_population_as_a_file(engine):
    frozen = population.SamplingFrame("r1", population.list_units(engine))
    assert FRAME.load(FRAME.dump(frozen)) == frozen


def test_who_reviews(engine):
    reviewers = {(item.account, item.entitlement): item.reviewer for item in everything(engine).items}
    assert reviewers[account("ana"), group("read")] == person("lead")
    # Ben's manager is on leave: the next one up answers.
    assert reviewers[account("ben"), group("write")] == person("lead")
    # The boss is their own manager; an owner who holds the group may not answer either.
    assert reviewers[account("boss"), group("read")] == UNASSIGNED
    assert reviewers[account("eve"), group("none")] == UNASSIGNED
    assert reviewers[account("eve"), group("write")] == person("lead")
    assert reviewers[account("bot"), None] == person("ana")
    assert reviewers[account("svc"), group("write")] == person("lead")
    # Its owner knows its secret, so that would be their own access.
    assert reviewers[account("stray"), None] == UNASSIGNED


def test_nobody_is_asked_about_themselves(engine):
    work = everything(engine)
    assert all(item.reviewer != item.unit for item in work.items)
    assert all(item.reviewer.casefold() not in item.own for item in work.items)


def test_what_the_machine_found(engine):
    found = {(item.account, item.entitlement): item.found for item in everything(engine).items}
    assert found[account("ana"), group("nest")] == "access-beyond-role: said; nesting-escalates: said (waived)"
    assert found[account("ana"), group("read")] == ""
    assert found[account("eve"), group("write")] == "toxic-pair: said"
    assert found[account("eve"), group("none")] == ""
    assert found[account("gone"), group("read")] == "leaver-active: said"
    assert found[account("boss"), group("read")] == ""


def test_last_use_and_names(engine):
    items = {(item.account, item.entitlement): item for item in everything(engine).items}
    assert items[account("ana"), group("read")].last_used == "by 2026-10-20"
    assert items[account("ana"), group("nest")].last_used == "the account: 2026-10-01 to 2026-10-14"
    assert items[account("ben"), group("write")].last_used == "the account was never used"
    assert items[account("eve"), group("write")].last_used == "unknown"
    assert items[account("lead"), None].entitlement_name == "the account itself"
    assert {"ana", "ana@example.test", "ad:user:ana"} <= set(items[account("ana"), group("read")].own)
    assert (account("ana"), group("copy")) not in items


def test_what_every_holder_of_the_role_must_have_is_beside_and_not_asked(engine):
    duty = {"role": "analyst", "entitlement": group("write"), "allows": "must"}
    engine.register("expected", frame(FACTS["expected"], [duty, {**duty, "entitlement": group("nest")}]))
    items = {(item.account, item.entitlement): item for item in everything(engine).items}
    assert (account("ben"), group("write")) not in items
    assert items[account("ben"), None].beside == ("WRITE: every analyst must have it",)
    assert items[account("ben"), None].reviewer == person("lead"), "the account itself is asked about instead"
    assert items[account("ana"), group("nest")].beside == (), "something was found about it, so it is asked about"
    assert items[account("svc"), group("write")].what == "group; 4 people have it"


def test_a_use_known_to_the_day_is_one_day():
    row = {"used_earliest": AS_OF, "used_latest": AS_OF}
    assert worklist._last_used(row) == "2026-11-02"


def test_items_are_stable_and_distinct(engine):
    work = everything(engine)
    assert len({item.item for item in work.items}) == len(work.items)
    assert everything(engine) == work
    assert item_id("r1", "u", "a", None, None) == item_id("r1", "u", "a", None, None)
    assert item_id("r1", "u", "a", None, None) != item_id("r2", "u", "a", None, None)
    assert WORKLIST.load(WORKLIST.dump(work)) == work


def test_each_reviewer_gets_their_own(engine):
    work = everything(engine)
    parts = work.by_reviewer()
    assert UNASSIGNED in parts
    assert sorted(i.item for part in parts.values() for i in part) == sorted(i.item for i in work.items)


def test_an_empty_sample_asks_nothing(engine):
    made, _ = draw((), Sampling(), SampleState(), run="r1", as_of=AS_OF, next_pledge=pledge(b"k" * 32))
    assert worklist.list_work(engine, made).items == ()


def test_no_facts_no_units():
    with EmbeddedEngine(AS_OF, memory="256MB", threads=1) as made:
        for name in ("people", "accounts", "held", "closure", "entitlements", "assignments"):
            table: pa.Table = FACTS[name].schema.empty_table()
            made.register(name, table)
        assert population.list_units(made) == ()


def test_a_real_review_can_be_sampled():
    with small_company.reviewed(small_company.rows(hostile=True)) as found:
        units = population.list_units(found.engine)
        made, _ = draw(
            units, Sampling(), SampleState(), run="r1", as_of=small_company.AS_OF, next_pledge=pledge(b"k" * 32)
        )
        work = worklist.list_work(found.engine, made)
    assert verify(made, units, bytes.fromhex(made.key)) == ()
    census = {unit.unit: unit.census for unit in units if unit.census}
    assert census == {"hr:person:1": "privileged", "hr:person:2": "left"}
    assert {unit.unit: unit.clients for unit in units}["hr:person:2"] == ("Sundown Retail",)
    said = {(item.unit, item.entitlement): item.found for item in work.items}
    assert ("hr:person:1", "ad:group:All-Staff") not in said, "every holder of the role must have it"
    assert any("All-Staff: " in held for item in work.items for held in item.beside)
    assert "toxic-pair" in said["hr:person:1", "ad:group:Payroll"]
    assert "leaver-active" in said["hr:person:2", "ad:group:Finance-Write"]
