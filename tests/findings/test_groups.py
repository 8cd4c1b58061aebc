"""Findings of one matter as one line: what is one, how many others have it, what would end it, and where it stands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from access_review.engine import Engine
from access_review.engine.duckdb import SMALL, EmbeddedEngine
from access_review.findings.groups import (
    Ending,
    FindingGroup,
    GroupLevel,
    count_and_group,
    find_group,
    group_findings,
    rows_of,
)
from access_review.review import Report, review
from access_review.views import groups as view
from access_review.views.summary import titles
from tests.support.snapshots import AS_OF, snapshot, workspace

CLERKS, ANALYSTS, OTHERS = range(20), range(20, 27), range(27, 60)
MIXED = range(45, 53)


def _holds(number: int, name: str) -> dict[str, Any]:
    return {"account": f"ad:user:{number:02}", "entitlement": f"ad:group:{name}"}


def _role(number: int) -> str:
    return "clerk" if number in CLERKS else "analyst" if number in ANALYSTS else f"job-{number}"


@contextmanager
def company(small: int = SMALL, **more: list[dict[str, Any]]) -> Iterator[tuple[Engine, Report]]:
    """60 people: 19 of 20 clerks hold Shared, 7 analysts Ledger-Admins, people of 8 roles Wiki, and 2 clerks odd things.

    What a template forbids (Vault) reaches all analysts by one nesting edge.
    """
    names = ("Base", "Shared", "Ledger-Admins", "Wiki", "Odd-1", "Odd-2", "Inner", "Vault")
    given = [(n, "Base") for n in (*CLERKS, *ANALYSTS, *OTHERS)] + [(n, "Shared") for n in CLERKS[1:]]
    given += [(n, "Ledger-Admins") for n in ANALYSTS] + [(n, "Wiki") for n in MIXED] + [(0, "Odd-1"), (1, "Odd-2")]
    given += [(n, "Inner") for n in ANALYSTS]
    people = [*CLERKS, *ANALYSTS, *OTHERS]
    told = {
        "people": [{"person": f"hr:person:{n:02}", "name": f"Person {n:02}"} for n in people],
        "assignments": [{"person": f"hr:person:{n:02}", "role": _role(n)} for n in people],
        "accounts": [{"account": f"ad:user:{n:02}", "employee_id": f"{n:02}"} for n in people],
        "entitlements": [{"entitlement": f"ad:group:{name}", "name": name} for name in names],
        "nesting": [{"child": "ad:group:Inner", "parent": "ad:group:Vault"}],
        "grants": [_holds(number, name) for number, name in given],
    }
    templates: list[dict[str, Any]] = [
        {"role": role, "may": ["ad:group:Base"]} for role in dict.fromkeys(_role(n) for n in people)
    ]
    templates[1] |= {"never": ["ad:group:Vault"]}
    world = snapshot(**{name: [*rows, *more.get(name, [])] for name, rows in told.items()})
    with EmbeddedEngine(AS_OF, small=small) as engine:
        report = review(world, workspace(templates=templates), engine)
        yield engine, report


@pytest.fixture(scope="module")
def found() -> Iterator[tuple[Engine, Report]]:
    with company() as one:
        yield one


def _all(report: Report) -> tuple[FindingGroup, ...]:
    assert report.groups
    return report.groups.groups


def _one(report: Report, rule: str, entitlement: str | None) -> FindingGroup:
    return next(g for g in _all(report) if (g.rule, g.entitlement_name) == (rule, entitlement))


def test_every_current_finding_is_of_one_group(found: tuple[Engine, Report]) -> None:
    _, report = found
    assert report.groups
    assert report.groups.findings == len(report.findings) == sum(g.findings for g in report.groups.groups)
    assert report.groups.total == len(report.groups.groups) == 5


def test_what_most_of_a_role_have_is_what_the_template_lacks(found: tuple[Engine, Report]) -> None:
    group = _one(found[1], "access-beyond-role", "Shared")
    assert (group.level, group.role, group.findings) == (GroupLevel.CELL, "clerk", 19)
    assert (group.role_holding, group.role_people, group.holders, group.population) == (19, 20, 19, 60)
    assert group.ending is Ending.TEMPLATE
    assert view.ending(group) == "95 % of the role have it: the template lacks it"


def test_what_a_few_hold_and_hardly_anybody_else_is_an_outlier() -> None:
    more = [{"account": f"ad:user:{n}", "employee_id": f"{n}"} for n in range(200, 260)]
    people = [{"person": f"hr:person:{n}"} for n in range(200, 260)]
    with company(people=people, accounts=more) as (_, report):
        group = _one(report, "access-beyond-role", "Ledger-Admins")
    # Of a role, all of whom have it, the template is what is asked about: that comes first.
    assert (group.role_holding, group.role_people, group.holders, group.population) == (7, 7, 7, 120)
    assert group.ending is Ending.TEMPLATE
    few = company(grants=[_holds(n, "Odd-1") for n in (21, 22, 23)])
    with few as (_, report):
        odd = _one(report, "access-beyond-role", "Odd-1")
    assert (odd.role, odd.findings, odd.role_holding, odd.role_people, odd.holders) == ("analyst", 3, 3, 7, 4)
    assert odd.ending is Ending.OUTLIER
    assert view.sentence(odd, titles()) == "3 people of analyst hold Odd-1 beyond their role"
    assert view.share(odd) == "3 of 7 of the role have it, 4 of 60 people"


def test_what_people_of_many_roles_have_is_one_line_and_not_one_a_role(found: tuple[Engine, Report]) -> None:
    group = _one(found[1], "access-beyond-role", "Wiki")
    assert (group.level, group.role, group.findings, group.roles) == (GroupLevel.ENTITLEMENT, None, 8, 8)


def test_one_nesting_edge_that_gives_it_to_all_is_said(found: tuple[Engine, Report]) -> None:
    engine, report = found
    group = _one(report, "never-allowed", "Vault")
    assert (group.people, group.edge_name, group.ending) == (7, "Inner", Ending.EDGE)
    assert view.ending(group) == "one nesting edge, from Inner, gives it to 7 people"
    assert {row["about_name"] for row in rows_of(engine, group.group)} == {"Vault"}


def test_with_somebody_who_holds_it_directly_no_edge_ends_it() -> None:
    with company(grants=[_holds(20, "Vault")]) as (_, report):
        assert _one(report, "never-allowed", "Vault").edge is None


def test_what_is_left_over_one_by_one_is_a_line_of_the_role(found: tuple[Engine, Report]) -> None:
    group = next(g for g in _all(found[1]) if g.level is GroupLevel.ROLE)
    assert (group.role, group.findings, group.things, group.entitlement) == ("clerk", 2, 2, None)
    assert group.first_things == ("Odd-1", "Odd-2")


def test_groups_are_ranked_by_risk_reach_and_how_unusual_and_say_so(found: tuple[Engine, Report]) -> None:
    groups = _all(found[1])
    assert [g.place for g in groups] == [1, 2, 3, 4, 5]
    assert [g.score for g in groups] == sorted((g.score for g in groups), reverse=True)
    for group in groups:
        assert group.score == pytest.approx(group.risk * group.reach * group.unusual, abs=0.01)
    assert groups[0].rule == "never-allowed"
    # Of one risk, what people of many roles have stands before what the template lacks, though fewer have it.
    order = [g.entitlement_name for g in groups if g.rule == "access-beyond-role"]
    assert order.index("Wiki") < order.index("Shared")


def test_a_tie_is_not_decided_by_name() -> None:
    """Renaming everything leaves every group where it stands."""
    with company() as (engine, report):
        before = [(g.place, g.group) for g in _all(report)]
        engine.create(
            "renamed", "SELECT * REPLACE (concat('Z', finding) AS about_name, 'A' AS subject_name) FROM findings"
        )
        engine.view("findings", "SELECT * FROM renamed")
        assert [(g.place, g.group) for g in group_findings(engine).groups] == before


def test_the_groups_of_a_review_read_back_are_those_it_had(found: tuple[Engine, Report]) -> None:
    _, report = found
    with company() as (engine, _):
        engine.register("findings", report.findings)
        assert count_and_group(engine) == report.groups


def test_findings_kept_as_numbers_are_grouped_as_those_in_text(found: tuple[Engine, Report]) -> None:
    ids = {"subject": "accounts", "about": "entitlements", "person": "people"}
    few = ("rule", "severity", "rag", "remedy", "status")
    with company(small=0) as (engine, report):
        assert report.groups == found[1].groups
        engine.narrow("findings", "SELECT * FROM findings", ids=ids, few=few)
        assert group_findings(engine) == report.groups


def test_no_share_of_peers_is_part_of_a_finding(found: tuple[Engine, Report]) -> None:
    with company(grants=[_holds(n, "Shared") for n in OTHERS]) as (_, other):
        assert _one(other, "access-beyond-role", "Shared").holders == 52
        kept = {row["finding"]: row for row in other.findings.to_pylist()}
    assert all(kept[row["finding"]] == row for row in found[1].findings.to_pylist())


def test_a_group_is_found_by_its_place_and_by_the_start_of_its_id(found: tuple[Engine, Report]) -> None:
    engine, report = found
    first = _all(report)[0]
    for wanted in ("1", first.group, first.group[:8]):
        assert find_group(engine, wanted) == first
    for wanted in ("0", "6", "", "%", "zzzzzzzz", "²"):
        assert find_group(engine, wanted) is None


def test_a_group_survives_json_and_a_rule_of_others_is_said_by_its_title(found: tuple[Engine, Report]) -> None:
    groups = found[1].groups
    assert groups
    told = view.groups_summary(groups, titles(), 3)
    assert json.loads(json.dumps(told)) == told
    assert [one["place"] for one in told["first"]] == [1, 2, 3]
    assert all(one["said"] and one["ends"] and one["ranked"] for one in told["first"])


def test_every_rule_of_ours_has_its_phrase() -> None:
    from access_review.findings.control import CONTROL_RULES
    from access_review.rules import load
    from access_review.views.group_phrases import PHRASES

    assert set(load()) == set(PHRASES) | set(CONTROL_RULES)
