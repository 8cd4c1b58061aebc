"""What the standing removal covers, of a company in which each person holds one thing that speaks for or against it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from access_review.changes import Action, Capabilities
from access_review.plan.derive import PlanInputs
from access_review.plan.record import PinnedInputs
from access_review.plan.requested_changes import removal_candidates
from access_review.review import Previous
from tests.support import snapshots

NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)
THINGS: dict[str, dict[str, Any]] = {
    "Books": {},
    "Alone": {},
    "Unnamed": {},
    "Strong": {"privileged": True},
    "Perhaps": {"privileged": None},
    "Leads": {},
    "Narrows": {},
    "Odd": {"effect": "unknown"},
    "Untested": {},
    "Otherwise": {},
    "Together": {},
    "Banned": {},
    "Banned-untested": {},
    "Twice": {"entitlement": "ad:group:twice-1", "name": "Twice"},
    "Power": {"privileged": True},
    "Slows": {"effect": "restricts"},
}
TESTED = ("Books", "Alone", "Unnamed", "Strong", "Perhaps", "Leads", "Narrows", "Twice")
TESTS = [
    *({"has": [f"ad:group:{name}"], "expect": ["access-beyond-role"]} for name in TESTED),
    {"has": ["ad:group:Untest*"], "expect": ["access-beyond-role"]},
    {"has": ["ad:group:Otherwise"], "expect": ["never-allowed"]},
    {"has": ["ad:group:Together", "ad:group:Books"], "expect": ["access-beyond-role"]},
    {"has": ["ad:group:Banned"], "expect": ["never-allowed"]},
    {"has": ["ad:group:Banned-untested"], "expect": ["access-beyond-role"]},
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "role": "clerk",
        "who": {"department": ["Finance"]},
        "may": [f"ad:group:{name}" for name in THINGS if name not in {"Power", "Slows"}],
    },
    {
        "role": "seller",
        "who": {"department": ["Sales"]},
        "never": ["ad:group:Banned", "ad:group:Banned-untested"],
        "tests": TESTS,
    },
    {"role": "helper", "who": {"site": ["Cebu"]}},
]
NAMED = [f"ad:group:{name}" for name in THINGS if name not in {"Unnamed", "Power", "Slows"}]
REMOVAL = {
    "rules": ["mover-kept-access", "never-allowed"],
    "entitlements": NAMED,
    "daily": 9,
    "until": date(2027, 1, 1),
}
HOLDS = {name: name for name in THINGS if name not in {"Power", "Slows"}}
HOLDS |= {"Helper": "Books", "Guess": "Books"}
NO_ROLE_SAYS = "no test of the template seller that holds says that {} is {}"


def candidates(**more):
    people, assignments, accounts, grants = [], [], [], []
    for one, held in HOLDS.items():
        person, account = f"hr:person:{one}", f"ad:user:{one}"
        site = ', "site": "Cebu"' if one == "Helper" else ""
        people.append({"person": person, "name": one})
        assignments += [
            {"person": person, "seq": 1, "attributes": f'{{"department": "Sales"{site}}}'},
            {
                "person": person,
                "seq": 2,
                "status": "left",
                "attributes": '{"department": "Finance"}',
                "starts_earliest": NOW - timedelta(days=900),
                "starts_latest": NOW - timedelta(days=900),
                "ends_earliest": NOW - timedelta(days=40),
                "ends_latest": NOW - timedelta(days=40),
            },
        ]
        known = {"mail": f"{one}@x.test"} if one == "Guess" else {"employee_id": one}
        accounts.append({"account": account, **known})
        people[-1]["mail"] = f"{one}@x.test"
        grants.append({"account": account, "entitlement": THINGS[held].get("entitlement", f"ad:group:{held}")})
    read = snapshots.snapshot(
        NOW,
        people=people,
        assignments=assignments,
        accounts=accounts,
        grants=grants,
        entitlements=[
            *({"entitlement": f"ad:group:{name}", "privileged": False} | said for name, said in THINGS.items()),
            {"entitlement": "ad:group:twice-2", "name": "TWICE", "privileged": False},
        ],
        nesting=[
            {"child": "ad:group:Leads", "parent": "ad:group:Power"},
            {"child": "ad:group:Narrows", "parent": "ad:group:Slows"},
        ],
    )
    ladder = [{"on": ["employee_id", "person"]}, {"on": ["mail", "mail"], "certain": False}]
    workspace = snapshots.workspace(
        templates=TEMPLATES, match={"ad": ladder, "hr": []}, policy={"standing_removal": REMOVAL, **more}
    )
    can = {"ad": Capabilities(actions=frozenset({Action.REMOVE_MEMBER}))}
    inputs = PlanInputs(read, workspace, Previous(), PinnedInputs("", "", None, "", None), can, {})
    found = removal_candidates(inputs, "the standing approval")
    taken = {one.target.account.name: one.action for one in found.changes}
    left = {
        row["subject"].rsplit(":", 1)[1]: why.removeprefix("the standing removal does not cover it: ")
        for row, why in found.left
    }
    return taken, left


@pytest.fixture(scope="module")
def judged():
    return candidates()


def test_only_what_is_named_tested_harmless_and_certainly_somebodys_is_covered(judged):
    taken, left = judged
    assert taken == dict.fromkeys(("Books", "Alone", "Banned"), Action.REMOVE_MEMBER)
    assert left == {
        "Strong": "Strong is privileged",
        "Perhaps": "whether Perhaps is privileged is not known: say it in sources/ad.yaml",
        "Leads": "Power is privileged",
        "Narrows": "Slows does more than grant (restricts)",
        "Odd": "what it does is not known",
        "Untested": NO_ROLE_SAYS.format("Untested", "access-beyond-role"),
        "Otherwise": NO_ROLE_SAYS.format("Otherwise", "access-beyond-role"),
        "Together": NO_ROLE_SAYS.format("Together", "access-beyond-role"),
        "Banned-untested": NO_ROLE_SAYS.format("Banned-untested", "never-allowed"),
        "Helper": "no test of the template helper that holds says that Books is access-beyond-role",
        "Guess": "who owns it is a guess (matched on mail = mail)",
        "Twice": "it does not name Twice, or several are called so",
    }


def test_a_rule_that_is_not_named_takes_nothing():
    taken, left = candidates(standing_removal={**REMOVAL, "rules": ["client-boundary"]})
    assert (taken, left) == ({}, {})
