"""A finding is closed only where everything that it rests on was read; where its ids do not tell that, it stays open."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from access_review.engine.duckdb import EmbeddedEngine
from access_review.facts import FORMER_OWNERS, CarryForward, KeptFinding, UnreviewedUnit
from access_review.model import CURRENT
from access_review.review import Previous, review
from access_review.tables import frame
from access_review.workspace import Workspace
from tests.support.snapshots import AS_OF, snapshot, workspace

ANA, BO = "hr:person:1", "hr:person:2"
LEFT = {"status": "left", "left_at_latest": AS_OF - timedelta(days=9)}
ON_NUMBER = {"on": ["employee_id", "person"]}
SPACE = workspace(
    match={"ad": [ON_NUMBER], "app": [ON_NUMBER]},
    templates=[{"role": "r", "may": ["ad:group:a"]}],
    pairs=[
        {"pair": "pay", "a": ["ad:group:a"], "b": ["app:role:b"]},
        {"pair": "own", "a": ["ad:group:d"], "b": ["cloud:role:owner"]},
    ],
)
THINGS = ("ad:group:a", "ad:group:c", "ad:group:d", "app:role:b", "cloud:role:owner")
Rows = Mapping[str, Any]


def company(**others: Any) -> Rows:
    """Return a company in which Ana holds both sides of a pair and more than her role allows, and Bo has left."""
    rows = {
        "people": [{"person": ANA}, {"person": BO, **LEFT}],
        "assignments": [{"person": ANA, "role": "r"}, {"person": BO, "role": "r", "status": "left"}],
        "accounts": [
            {"account": "ad:user:1", "employee_id": "1"},
            {"account": "app:user:1", "employee_id": "1"},
            {"account": "ad:user:9", "kind": "shared", "password_set_at": AS_OF - timedelta(days=99)},
        ],
        "entitlements": [{"entitlement": one} for one in THINGS],
        "grants": [
            {"account": "ad:user:1", "entitlement": "ad:group:a"},
            {"account": "ad:user:1", "entitlement": "ad:group:d"},
            {"account": "app:user:1", "entitlement": "app:role:b"},
            *({"account": "ad:user:9", "entitlement": one} for one in ("ad:group:c", "ad:group:d")),
        ],
        "nesting": [{"child": "ad:group:c", "parent": "cloud:role:owner"}],
        "custody": [{"account": "ad:user:9", "person": BO}],
    }
    return {**rows, **others}


def without(table: str, prefix: str) -> Rows:
    """Return the company without the rows of a table whose first id begins so."""
    rows = company()
    return {**rows, table: [row for row in rows[table] if not next(iter(row.values())).startswith(prefix)]}


def unread(source: str, *tables: str) -> list[Rows]:
    return [{"source": source, "subject": table, "complete": False, "reason": "cut"} for table in tables]


def statuses(
    rule: str,
    then: Rows,
    *,
    first: Rows | None = None,
    left_open: CarryForward | None = None,
    owners: pa.Table | None = None,
    space: Workspace = SPACE,
) -> dict[tuple[str, str | None], str]:
    """Review the company and then what it became; return how the findings of a rule stand."""
    left_open = left_open or CarryForward()
    before = at_first(first or company(), left_open, owners, space)
    known = Previous(before, left_open, owners)
    rows = reviewed(1, then, space, known).to_pylist()
    return {(row["subject"], row["about"]): row["status"] for row in rows if row["rule"] == rule}


def reviewed(days: int, rows: Rows, space: Workspace, known: Previous) -> pa.Table:
    at = AS_OF + timedelta(days=days)
    with EmbeddedEngine(at) as engine:
        return review(snapshot(at, **rows), space, engine, known).findings


_first: dict[str, pa.Table] = {}


def at_first(rows: Rows, left_open: CarryForward, owners: pa.Table | None, space: Workspace) -> pa.Table:
    """Return the findings of the company as it was, which most tests begin with: reviewed once."""
    made_of = repr((rows, left_open, owners and owners.to_pylist(), space))
    if made_of not in _first:
        _first[made_of] = reviewed(0, rows, space, Previous(left_open=left_open, owners=owners))
    return _first[made_of]


RESTING_ON_OTHERS = [
    pytest.param("toxic-pair", (ANA, "pay"), "grants", "app", "app", id="a person over several systems"),
    pytest.param("shared-unrotated", ("ad:user:9", BO), "custody", "ad:user:9", "register", id="a register of others"),
    pytest.param("toxic-pair", ("ad:user:9", "own"), "nesting", "ad", "cloud", id="what a group gives"),
]


@pytest.mark.parametrize(("rule", "finding", "table", "prefix", "source"), RESTING_ON_OTHERS)
def test_a_finding_that_rests_on_a_source_which_its_ids_do_not_name_stays_open(rule, finding, table, prefix, source):
    fewer = without(table, prefix)
    assert statuses(rule, {**fewer, "completeness": unread(source, table)})[finding] == "open"
    assert statuses(rule, fewer)[finding] == "closed"


@pytest.mark.parametrize("status", ["missing", "unknown"])
def test_what_is_found_about_somebody_stays_open_while_the_roster_does_not_say_what_became_of_them(status):
    lost = company(people=[{"person": ANA, "status": status}, {"person": BO, "status": "active"}])
    assert statuses("toxic-pair", lost)[ANA, "pay"] == "open"
    assert statuses("access-beyond-role", lost)["ad:user:1", "ad:group:d"] == "open"


@pytest.mark.parametrize(("status", "then"), [("missing", "open"), ("unknown", "open"), ("active", "closed")])
def test_so_is_a_secret_of_theirs_and_nothing_else_about_what_they_own(status, then):
    owned = {
        "owners": [{"object": "ad:user:9", "owner": BO}],
        "credentials": [{"object": "ad:user:9", "credential": "k", "set_at": AS_OF - timedelta(days=99)}],
        "custody": [],
    }
    lost = company(**owned, people=[{"person": ANA}, {"person": BO, "status": status}])
    assert statuses("leaver-residue", lost, first=company(**owned))["ad:user:9", "k"] == then


READ_BESIDE = [
    pytest.param("leaver-residue", ("ad:user:9", BO), "owners", id="who else owns it"),
    pytest.param("leaver-residue", ("ad:user:9", "k"), "credentials", id="its secret"),
    pytest.param("shared-unrotated", ("ad:user:8", BO), "credentials", id="the age of a shared secret"),
    pytest.param("leave-active", ("ad:user:3", None), "signins", id="a use during leave"),
    pytest.param("owner-doubtful", ("ad:user:2", ANA), "owners", id="who answers for it"),
]


@pytest.mark.parametrize(("rule", "finding", "table"), READ_BESIDE)
def test_so_does_one_that_rests_on_what_its_rule_reads_and_does_not_need(rule, finding, table):
    long_ago, cleo = AS_OF - timedelta(days=99), "hr:person:3"
    rows = company(
        people=[{"person": ANA}, {"person": BO, **LEFT}, {"person": cleo, "status": "leave"}],
        assignments=[{"person": cleo, "status": "leave", "starts_latest": AS_OF - timedelta(days=9)}],
        accounts=[
            {"account": "ad:user:2", "employee_id": "2"},
            {"account": "ad:user:3", "employee_id": "3"},
            {"account": "ad:user:8", "kind": "shared", "password_set_at": AS_OF},
            {"account": "ad:user:9", "kind": "service"},
        ],
        grants=[],
        owners=[{"object": "ad:user:9", "owner": BO}, {"object": "ad:user:2", "owner": ANA}],
        credentials=[{"object": f"ad:user:{n}", "credential": "k", "set_at": long_ago} for n in (8, 9)],
        custody=[{"account": "ad:user:8", "person": BO}],
        signins=[{"account": "ad:user:3", "at": AS_OF - timedelta(days=2), "signin": "s", "success": True}],
    )
    fewer = {**rows, table: []}
    short = {**fewer, "completeness": unread("register", table)}
    assert [statuses(rule, then, first=rows)[finding] for then in (short, fewer)] == ["open", "closed"]


@pytest.mark.parametrize(("enabled", "signs_in"), [(True, "open"), (False, "closed")])
def test_an_account_that_leads_to_nobody_any_more_is_no_better_than_it_was(enabled, signs_in):
    theirs = {"account": "ad:user:2", "employee_id": "2"}
    rows = company(accounts=[theirs], grants=[{"account": "ad:user:2", "entitlement": "ad:group:d"}])
    lost = {**rows, "accounts": [{**theirs, "employee_id": None, "enabled": enabled}]}
    owners = frame(FORMER_OWNERS, [{"account": "ad:user:2", "person": BO, "rungs": ""}])
    assert statuses("leaver-active", lost, first=rows, owners=owners)["ad:user:2", None] == signs_in
    assert statuses("leaver-residue", lost, first=rows, owners=owners)["ad:user:2", "ad:group:d"] == "open"
    settled = replace(
        SPACE.sources[0], file=SPACE.sources[0].file.model_copy(update={"not_same": (("ad:user:2", BO),)})
    )
    space = replace(SPACE, sources=(settled, *SPACE.sources[1:]))
    assert statuses("leaver-active", lost, first=rows, owners=owners, space=space)["ad:user:2", None] == "closed"


def test_what_is_of_a_source_that_was_read_is_closed_whatever_else_was_not():
    fewer = without("grants", "ad:user:1")
    other = statuses("access-beyond-role", {**fewer, "completeness": unread("app", "grants")})
    assert other["ad:user:1", "ad:group:d"] == "closed"


@pytest.mark.parametrize("unit", [ANA, "app:user:1"])
def test_who_was_not_reviewed_stays_so_while_their_accounts_are_not_all_seen(unit):
    left_open = CarryForward(unreviewed=(UnreviewedUnit(unit, "2026-W01", 1, "Cy"),))
    fewer = company(accounts=[{"account": "ad:user:2", "employee_id": "2"}], grants=[])
    cut = {**fewer, "completeness": unread("app", "accounts")}
    assert statuses("not-reviewed", cut, left_open=left_open) == {(unit, None): "open"}
    assert statuses("not-reviewed", fewer, left_open=left_open) == {(unit, None): "closed"}


def test_what_was_kept_and_is_in_no_log_stays_so_while_its_source_is_cut():
    with EmbeddedEngine(AS_OF) as engine:
        rows = review(snapshot(**company()), SPACE, engine).findings.to_pylist()
    (excess,) = (row["finding"] for row in rows if row["about"] == "pay")
    kept = KeptFinding(excess, "app:user:1", "app:role:b", "Cy", date(2026, 1, 5))
    fewer = without("grants", "app")
    # It is found when the finding that was kept is known from before.
    told = [kept_unlogged(kept, {**fewer, "completeness": short}) for short in (unread("app", "grants"), [])]
    assert told == ["open", "closed"]


def kept_unlogged(kept: KeptFinding, then: Rows) -> str:
    known = Previous(left_open=CarryForward(kept=(kept,)))
    for days, rows in enumerate((company(), company(), then)):
        with EmbeddedEngine(AS_OF + timedelta(days=days)) as engine:
            report = review(snapshot(AS_OF + timedelta(days=days), **rows), SPACE, engine, known)
        known = Previous(report.findings, known.left_open)
    (status,) = (str(row["status"]) for row in report.findings.to_pylist() if row["rule"] == "kept-unlogged")
    return status


def months_later(then: Rows, space: Workspace = SPACE) -> dict[str, tuple[int, list[str]]]:
    """Review the company, the same five weeks later, and then what it became; return by rule of findings what is said of which.

    The number is how many there are, as the review counts them.
    """
    kept = KeptFinding("", "ad:user:1", "ad:group:d", "Lea", date(2026, 1, 20))
    known, told = Previous(), {}
    for days, rows, spoken in ((0, company(), SPACE), (35, company(), SPACE), (42, then, space)):
        with EmbeddedEngine(AS_OF + timedelta(days=days)) as engine:
            report = review(snapshot(AS_OF + timedelta(days=days), **rows), spoken, engine, known)
        found = {row["finding"]: row for row in report.findings.to_pylist()}
        excess = next(
            one for one, row in found.items() if (row["subject"], row["about"]) == (kept.account, kept.entitlement)
        )
        known = Previous(report.findings, CarryForward(kept=(replace(kept, finding=excess),)))
        counted = {one.rule: one.hits for one in report.evaluations}
        for rule in ("repeat-finding", "kept-unlogged"):
            said = [row for row in found.values() if row["rule"] == rule and row["status"] in CURRENT]
            told[rule] = counted[rule], sorted(found[row["subject"]]["rule"] for row in said)
    return told


OLD = ["access-beyond-role", "access-beyond-role", "service-unowned", "shared-unrotated", "toxic-pair", "toxic-pair"]


def test_what_is_said_of_a_finding_that_stays_open_ends_with_it():
    same = months_later(company())
    assert same == {"repeat-finding": (len(OLD), OLD), "kept-unlogged": (1, ["access-beyond-role"])}
    roles = [{"role": "r", "may": ["ad:group:a", "ad:group:d"]}]
    allowed = replace(SPACE, templates=workspace(templates=roles).templates)
    assert months_later(company(), allowed) == {"repeat-finding": (5, OLD[1:]), "kept-unlogged": (0, [])}


def test_nor_is_anything_said_of_one_that_is_waived_since():
    about = {"rule": "shared-unrotated", "subject": "ad:user:9", "about": BO}
    waiver = {"waiver": "W-1", **about, "reason": "agreed", "approver": "Lea", "expires": date(2026, 6, 1)}
    logged = replace(SPACE, waivers=workspace(waivers=[waiver]).waivers)
    assert months_later(company(), logged)["repeat-finding"] == (5, [one for one in OLD if one != "shared-unrotated"])


def test_what_was_not_read_lets_nobody_off():
    cut = {**without("grants", "ad"), "completeness": unread("ad", "grants")}
    assert months_later(cut)["repeat-finding"] == (len(OLD), OLD)
