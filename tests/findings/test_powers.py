"""What is powerful by its id: a group or role decides, not what is set on its members, nor what it is called."""

from typing import Any

import pyarrow as pa

from access_review.connectors.ad import well_known
from access_review.connectors.entra import roles
from access_review.engine.duckdb import EmbeddedEngine
from access_review.explain.account_access import _HELD
from access_review.findings.groups import rows_of
from access_review.findings.sentences import risk_reasons
from access_review.review import review
from access_review.views.summary import highest
from tests.support.snapshots import snapshot, workspace

GLOBAL, APPLICATION = "62e90394-69f5-4237-9190-012177145e10", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
DOMAIN = "S-1-5-21-1-2-3"


def test_tier_0_that_no_role_allows_is_red_and_shown_first():
    held: dict[str, dict[str, Any]] = {
        "ad:group:admins": {"name": "Domänen-Admins", "privileged": True},
        "ad:group:builtin": {"name": "Backup Operators", "privileged": True},
        "ad:group:stale": {"name": "Domain Admins (old)", "privileged": True},  # adminCount stayed 1
        "ad:group:plain": {"name": "Plain"},
        f"ad:role:{GLOBAL}": {"name": "Global Administrator", "kind": "role", "privileged": True},
        f"ad:role:{APPLICATION}": {"name": "Application Administrator", "kind": "role", "privileged": True},
        f"ad:role:{GLOBAL}/unit": {"name": "Global Administrator @ Unit", "kind": "role", "privileged": True},
    }
    sids = {"admins": f"{DOMAIN}-512", "builtin": "S-1-5-32-551", "stale": f"{DOMAIN}-5512", "plain": f"{DOMAIN}-519"}
    world = snapshot(
        people=[{"person": "hr:person:1"}],
        assignments=[{"person": "hr:person:1", "role": "clerk"}],
        accounts=[{"account": "ad:user:1", "employee_id": "1"}],
        entitlements=[{"entitlement": one, **more} for one, more in held.items()],
        aliases=[{"scheme": "sid", "value": sid, "id": f"ad:group:{name}"} for name, sid in sids.items()],
        grants=[{"account": "ad:user:1", "entitlement": one} for one in held],
    )
    with EmbeddedEngine(world.as_of, threads=1) as engine:
        report = review(world, workspace(templates=[{"role": "clerk"}]), engine)
        assert report.groups
        group = next(one for one in report.groups.groups if one.rule == "access-beyond-role")
        acted_on = [row["about"] for row in rows_of(engine, group.group)]
        shown = [row["entitlement"] for row in engine.rows(_HELD, account="ad:user:1")]
    full = report.findings.schema.get_field_index("risk")
    equal = report.findings.set_column(full, "risk", pa.array([100] * len(report.findings)))
    first = [row["about"] for row in highest([equal], 99) if row["rule"] == "access-beyond-role"]
    assert set(first[:3]) == {"ad:group:admins", "ad:group:builtin", f"ad:role:{GLOBAL}"}
    assert acted_on.index("ad:group:admins") < acted_on.index("ad:group:builtin"), (
        "of one tier, the most powerful first"
    )
    assert set(group.first_things[:2]) == {"Domänen-Admins", "Global Administrator"}
    rows = report.findings.to_pylist()
    found = {row["about"]: (row["rag"], risk_reasons(row)) for row in rows if row["rule"] == "access-beyond-role"}
    powerful = ("red", "medium 30, privileged 20, tier 0 20")
    assert found == {
        "ad:group:admins": powerful,
        "ad:group:builtin": powerful,
        "ad:group:stale": ("amber", "medium 30, privileged 20"),
        "ad:group:plain": ("green", "medium 30"),
        f"ad:role:{GLOBAL}": powerful,
        f"ad:role:{APPLICATION}": ("amber", "medium 30, privileged 20"),
        f"ad:role:{GLOBAL}/unit": ("amber", "medium 30, privileged 20"),
    }
    assert shown.index(f"ad:role:{GLOBAL}") < shown.index(f"ad:role:{APPLICATION}") < shown.index("ad:group:plain")


def test_every_fact_is_told_once_and_in_order():
    for powers in (list(well_known.powers()), list(roles.powers())):
        assert len({value for value, _, _ in powers}) == len(powers) > 10
        assert sorted(place for _, place, _ in powers) == list(range(1, len(powers) + 1))
        assert {tier for _, place, tier in powers if place == 1} == {True}
    assert roles.PRIVILEGED_ROLES[0] == GLOBAL
