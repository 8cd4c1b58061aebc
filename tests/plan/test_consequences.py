"""What a set of changes takes away, held to what is reached before and after them, found by walking."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing
from access_review.changes import change as change_of
from access_review.engine.duckdb import EmbeddedEngine
from access_review.graph import closure
from access_review.plan.consequences import foresee
from access_review.review import establish
from tests.support.planning import account, declared, grant, group, nest
from tests.support.snapshots import AS_OF, snapshot

PEOPLE, GROUPS = 6, 9
Reached = set[tuple[str, str, bool]]


def drawn(seed: int) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw a directory with circles, and which of its grants and edges go."""
    draw = random.Random(seed)  # noqa: S311 - a company, no secret
    names = [f"G{n}" for n in range(GROUPS)]
    pairs = {(draw.choice(names), draw.choice(names)) for _ in range(14)}
    mode = {pair: draw.choice(["assigned", "assigned", "eligible"]) for pair in sorted(pairs)}
    edges = [nest(child, parent, mode=mode[child, parent]) for child, parent in sorted(pairs) if child != parent]
    held = sorted(
        {(n, draw.choice(names), draw.choice(["assigned", "eligible"])) for n in range(PEOPLE) for _ in range(4)}
    )
    grants = [grant(n, name, mode=how) for n, name, how in held]
    rows: dict[str, list[dict[str, Any]]] = {
        "accounts": [account(n) for n in range(PEOPLE)],
        "entitlements": [group(name) for name in names],
        "grants": grants,
        "nesting": edges,
    }
    return rows, draw.sample(grants, 7), draw.sample(edges, 2 if seed % 3 else 0)


def thing(name: str) -> Thing:
    return Thing(name, name, name)


def changes(grants: Iterable[dict[str, Any]], edges: Iterable[dict[str, Any]]) -> list[Change]:
    def of(action: Action, entitlement: str, mode: str, **about: Any) -> Change:
        target = Target("ad", "ldap", entitlement=thing(entitlement), mode=mode, **about)
        return change_of(action, target, Expectation(present=True), "f")

    taken = [of(Action.REMOVE_MEMBER, g["entitlement"], g["mode"], account=thing(g["account"])) for g in grants]
    return taken + [of(Action.CUT_NESTING, e["parent"], e["mode"], child=thing(e["child"])) for e in edges]


def reached(rows: dict[str, list[dict[str, Any]]]) -> Reached:
    """Return who reaches what, and whether only when activated, by every path."""
    tables = snapshot(**rows).tables
    leads = closure(tables["nesting"], tables["entitlements"]["entitlement"]).to_pylist()
    return {
        (g["account"], c["reached"], "eligible" in {g["mode"], c["mode"]})
        for g in rows["grants"]
        for c in leads
        if c["entitlement"] == g["entitlement"]
    }


@pytest.mark.parametrize("small", [0, 50_000])
@pytest.mark.parametrize("seed", range(9))
def test_what_is_lost_is_what_is_reached_before_and_not_after(seed, small):
    rows, grants, edges = drawn(seed)
    wanted = changes(grants, edges)
    after = rows | {
        "grants": [one for one in rows["grants"] if one not in grants],
        "nesting": [one for one in rows["nesting"] if one not in edges],
    }
    lost = reached(rows) - reached(after)
    assert lost
    tables = snapshot(**rows).tables
    with EmbeddedEngine(AS_OF, small=small) as engine:
        establish(tables, declared(), engine)
        foresee(engine, tables, wanted)
        found = {
            (row["account"], row["entitlement"], row["mode"] == "eligible") for row in engine.rows("SELECT * FROM lost")
        }
        losses = engine.rows("SELECT change, account, entitlement FROM losses")
    assert found == lost
    assert {(row["account"], row["entitlement"]) for row in losses} == {(who, what) for who, what, _ in lost}
    assert {row["change"] for row in losses} <= {one.id for one in wanted}
