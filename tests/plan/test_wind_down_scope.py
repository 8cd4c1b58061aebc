"""Who belongs to a wind-down alone: by every assignment that holds or is to come, and by the last where none does.

And what it does not cover, and that it has a number.
"""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import LimitExceeded
from access_review.plan.limits import WOUND_DOWN, Count
from access_review.plan.recent_removals import RecentRemovals
from access_review.plan.wind_down_scope import belonging, check_people, count_people, uncovered
from access_review.plan.withheld import WithheldCode, withheld
from access_review.settings import WindDown
from tests.support.fake_system import a_change

NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
BOUNDS: dict[str, Any] = {"expected": 5, "since": date(2026, 11, 1), "until": date(2026, 11, 20), "reason": "it ends"}
HARBOR = WindDown(client="Harbor", **BOUNDS)
SITE = WindDown(who={"site": ("Cebu", "Davao")}, **BOUNDS)


def job(client="Harbor", status="active", ends=None, attributes='{"Site":"cebu"}'):
    return {"person": "p", "client": client, "status": status, "ends_latest": ends, "attributes": attributes}


@pytest.mark.parametrize(
    ("rows", "belongs"),
    [
        ([job()], True),
        ([job("HARBOR")], True),
        ([job(None)], False),
        ([job("Meridian")], False),
        ([job(), job("Meridian")], False),
        ([job(), job("Meridian", "leave")], False),
        ([job(), job("Meridian", "active", NOW + DAY)], False),
        ([job(), job("Meridian", "active", NOW - DAY)], True),
        ([job(), job("Meridian", "active", NOW)], True),
        ([job("Harbor", "left")], True),
        ([job("Harbor", "left"), job("Meridian", "left")], False),
        ([job(), job("Meridian", "left", NOW - DAY)], True),
        ([job("Harbor", "left", NOW - DAY)], True),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left", NOW - 9 * DAY)], True),
        ([job("Harbor", "left", NOW - 9 * DAY), job("Meridian", "left", NOW - DAY)], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left", NOW - DAY)], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left")], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian")], False),
    ],
)
def test_of_one_client_alone(rows, belongs):
    assert belonging(rows, HARBOR, NOW) == ({"p"} if belongs else set())


@pytest.mark.parametrize(
    ("attributes", "belongs"),
    [
        ('{"site":"DAVAO"}', True),
        ('{"site":"Manila"}', False),
        ("{}", False),
        (None, False),
        ('{"city":"Cebu"}', False),
    ],
)
def test_of_one_site(attributes, belongs):
    assert belonging([job(attributes=attributes)], SITE, NOW) == ({"p"} if belongs else set())


@pytest.mark.parametrize(
    ("changed", "before", "said"), [(5, 0, ""), (4, 1, ""), (6, 0, "6 people would"), (4, 2, "4 people and 2 before")]
)
def test_more_people_than_were_declared_are_refused_with_both_numbers(changed, before, said):
    count = Count(WOUND_DOWN, "harbor", changed, 5, 5, before)
    if not said:
        check_people(count)
        return
    with pytest.raises(LimitExceeded) as refused:
        check_people(count)
    assert refused.value.message.startswith(f"the wind-down harbor: {said}")
    assert refused.value.message.endswith("would lose access by it, and 5 were declared")
    assert "roles/wind-downs/harbor.yaml" in refused.value.hint


@contextmanager
def engine_with(assignments, powers):
    """Yield an engine in which people do this, and each of ``powers`` holds a group that leads to what is privileged."""
    columns = {"person": pa.string(), "client": pa.string(), "attributes": pa.string(), "status": pa.string()}
    ends = pa.array([row["ends_latest"] for row in assignments], pa.timestamp("us", "UTC"))
    with EmbeddedEngine(NOW, threads=1) as engine:
        jobs = {name: pa.array([row[name] for row in assignments], kind) for name, kind in columns.items()}
        engine.register("assignments", pa.table({**jobs, "ends_latest": ends}))
        people = ["hr:person:1", "hr:person:2", "hr:person:3"]
        engine.register("accounts", pa.table({"account": ["a1", "a2", "a3"], "person": people}))
        held = ["strong" if person in powers else "weak" for person in people]
        engine.register("grants", pa.table({"account": ["a1", "a2", "a3"], "entitlement": held}))
        pairs = {"entitlement": ["strong", "strong", "weak"], "reached": ["strong", "admins", "weak"]}
        engine.register("closure", pa.table(pairs))
        known = {"entitlement": ["strong", "admins", "weak"], "name": ["Strong", "Domain Admins", "Weak"]}
        engine.register("entitlements", pa.table({**known, "privileged": [False, True, False]}))
        yield engine


def of(person, **more):
    return {**job(**more), "person": person}


def test_what_a_wind_down_does_not_cover_is_left_with_the_reason():
    ours, elsewhere, strong = a_change(1), a_change(2), a_change(3)
    named = replace(elsewhere, target=replace(elsewhere.target, person_name="Bo"))
    nesting = replace(ours, id="nesting", target=replace(ours.target, child=ours.target.entitlement))
    loose = replace(ours, id="loose", target=replace(ours.target, account=None))
    owned = replace(ours, id="owned", target=replace(ours.target, person=None))
    rows = [of("hr:person:1", ends=NOW + DAY), of("hr:person:2", client="Meridian"), of("hr:person:3")]
    with engine_with(rows, {"hr:person:3"}) as engine:
        left = uncovered(engine, "harbor", HARBOR, [ours, named, strong, nesting, loose, owned], NOW)
    assert {change: why.reason for change, why in left.items()} == {
        named.id: withheld(WithheldCode.NOT_WOUND_DOWN, name="harbor", detail=f"Bo is not of {HARBOR.of} alone").reason,
        strong.id: withheld(
            WithheldCode.NOT_WOUND_DOWN, name="harbor", detail="hr:person:3 holds Domain Admins, which is privileged"
        ).reason,
        **dict.fromkeys(
            ("nesting", "loose", "owned"),
            withheld(
                WithheldCode.NOT_WOUND_DOWN, name="harbor", detail="it is not about the access of one person"
            ).reason,
        ),
    }
    assert {why.code for why in left.values()} == {WithheldCode.NOT_WOUND_DOWN}
    assert {why.alternatives for why in left.values()} == {("plan it without --wind-down",)}


def test_a_plan_about_nobody_is_not_covered():
    nobody = replace(a_change(1), target=replace(a_change(1).target, person=None))
    with engine_with([], ()) as engine:
        assert list(uncovered(engine, "harbor", HARBOR, [nobody], NOW)) == [nobody.id]


def test_the_people_of_a_plan_and_those_before_are_counted_each_once_against_the_number_declared():
    first, second = a_change(1), a_change(2)
    session = replace(first, id="session")
    nobody = replace(a_change(3), target=replace(first.target, person=None), id="c-nobody")
    ours = {("harbor", "hr:person:2"), ("harbor", "hr:person:9")}
    others = {("second", "hr:person:4"), ("second", "hr:person:5"), ("second", "gone"), ("second", "hr:person:1")}
    before = RecentRemovals(people=frozenset(ours | others))
    clients = {1: "Harbor", 2: "Harbor", 4: "Harbor", 5: "Meridian"}
    rows = [of(f"hr:person:{n}", client=client, ends=NOW + DAY) for n, client in clients.items()]
    with engine_with(rows, ()) as engine:
        count = count_people(engine, "harbor", HARBOR, [first, session, second, nobody], before, NOW)
        alone = count_people(engine, "harbor", HARBOR, [first], RecentRemovals(people=frozenset(ours)), NOW)
    assert count == Count(WOUND_DOWN, "harbor", 3, 5, 5, 3), (
        "9 under its own name; 4 and one whom nobody knows under another"
    )
    assert alone == Count(WOUND_DOWN, "harbor", 1, 5, 5, 2)
