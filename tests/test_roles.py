from datetime import timedelta

import pytest

from access_review import roles
from access_review.declared import moment
from access_review.engine.duckdb import EmbeddedEngine
from access_review.settings import Template
from access_review.tables import TABLES, frame
from tests.support.snapshots import AS_OF, fill, snapshot, workspace

ENTITLEMENTS = frame(
    "entitlements",
    [
        fill(TABLES["entitlements"], {"entitlement": f"ad:group:{n}", "name": n})
        for n in ("All", "Fin-R", "Fin-W", "X[1]")
    ]
    + [fill(TABLES["entitlements"], {"entitlement": "app:role:Fin-R", "name": "Fin-R"})],
)


def template(role="analyst", **lists):
    return Template.model_validate({"role": role, **lists})


def resolved(*templates):
    return {one.template.role: one for one in roles.resolve(templates, ENTITLEMENTS)}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("ad:group:Fin-*", {"ad:group:Fin-R", "ad:group:Fin-W"}),
        ("AD:Group:fin-r", {"ad:group:Fin-R"}),
        ("*:*:Fin-R", {"ad:group:Fin-R", "app:role:Fin-R"}),
        ("ad:group:X[1]", {"ad:group:X[1]"}),
        ("ad:group:X[*]", {"ad:group:X[1]"}),
        ("ad:group:Fin", set()),
    ],
)
def test_a_pattern_means_exactly_what_it_names(pattern, names):
    assert resolved(template(may=[pattern]))["analyst"].entitlements("may") == names


def test_a_template_has_what_it_extends_and_forbidding_wins():
    base = template("staff", must=["ad:group:All"], may=["ad:group:Fin-*"])
    own = template(extends=["staff"], never=["ad:group:Fin-W"])
    analyst = resolved(own, base)["analyst"]
    assert analyst.allowed == {"ad:group:All", "ad:group:Fin-R"}
    assert analyst.forbidden == {"ad:group:Fin-W"}
    assert [origin for _, origin in analyst.patterns["may"]] == ["staff"]


def test_what_must_be_allowed_by_name_is_not_carried_and_the_edge_is_named():
    nesting = frame(
        "nesting",
        [
            fill(TABLES["nesting"], {"child": "ad:group:All", "parent": "ad:group:Fin-R"}),
            fill(TABLES["nesting"], {"child": "ad:group:Fin-R", "parent": "ad:group:Fin-W"}),
            fill(TABLES["nesting"], {"child": "ad:group:Fin-W", "parent": "ad:group:X[1]"}),
        ],
    )
    found = roles.resolve([template(must=["ad:group:All"])], ENTITLEMENTS)
    expected, escalations = roles.expected(found, nesting, {"ad:group:Fin-W": "privileged"})
    assert [(r["entitlement"], r["allows"]) for r in expected.to_pylist()] == [
        ("ad:group:All", "must"),
        ("ad:group:Fin-R", "carried"),
    ]
    assert escalations.to_pylist() == [
        {
            "role": "analyst",
            "child": "ad:group:Fin-R",
            "parent": "ad:group:Fin-W",
            "allowed": "ad:group:All",
            "because": "privileged",
        }
    ]


def test_allowed_by_name_it_is_no_escalation():
    nesting = frame("nesting", [fill(TABLES["nesting"], {"child": "ad:group:All", "parent": "ad:group:Fin-W"})])
    found = roles.resolve([template(must=["ad:group:All"], may=["ad:group:Fin-W"])], ENTITLEMENTS)
    _, escalations = roles.expected(found, nesting, {"ad:group:Fin-W": "privileged"})
    assert len(escalations) == 0


FINANCE = template("finance", who={"department": "Finance", "title": ["Analyst", "Senior *"]})
NAMED = template("Agent Harbor")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"attributes": '{"department":"finance","title":"Analyst "}'}, ["finance"]),
        ({"attributes": '{"department":"Finance","title":"Senior Clerk"}'}, ["finance"]),
        ({"attributes": '{"department":"Finance"}'}, []),
        ({"attributes": None, "role": "agent harbor"}, ["Agent Harbor"]),
        (
            {"attributes": '{"department":"Finance","title":"Analyst"}', "role": "Agent Harbor"},
            ["finance", "Agent Harbor"],
        ),
        ({"attributes": None}, []),
    ],
)
def test_a_template_applies_by_attributes_or_by_the_roster_s_role(profile, expected):
    full = {"role": None, "client": None, "kind": "employee", "source": "hr", **profile}
    assert roles.roles_of(full, [FINANCE, NAMED]) == expected


def spells_of(*assignments, person=None):
    with EmbeddedEngine(AS_OF) as engine:
        world = snapshot(
            people=[{"person": "hr:person:1", **(person or {})}],
            assignments=[{"person": "hr:person:1", "seq": n, **a} for n, a in enumerate(assignments, start=1)],
        )
        for name, table in world.tables.items():
            engine.register(name, table)
        engine.register("moment", moment(AS_OF))
        roles.assign(engine, [template("a"), template("b")], workspace().policy)
        spells = {(r["role"], r["spell"]) for r in engine.rows("SELECT role, spell FROM person_roles")}
        current = {r["role"] for r in engine.rows("SELECT role FROM person_role_sets JOIN role_sets USING (role_set)")}
    return spells, current


def days(n):
    return AS_OF + timedelta(days=n)


def ended(role, n, **more):
    return {"role": role, "status": "left", "ends_earliest": days(n), "ends_latest": days(n), **more}


def test_several_jobs_count_together():
    assert spells_of({"role": "a"}, {"role": "b"}) == ({("a", "current"), ("b", "current")}, {"a", "b"})


def test_a_role_just_left_counts_for_the_grace_and_not_longer():
    assert spells_of({"role": "b"}, ended("a", -3)) == ({("b", "current"), ("a", "grace")}, {"a", "b"})
    assert spells_of({"role": "b"}, ended("a", -6)) == ({("b", "current"), ("a", "former")}, {"b"})


def test_there_is_no_grace_across_clients_nor_without_a_new_role():
    assert spells_of({"role": "b", "client": "X"}, ended("a", -3, client="Y"))[1] == {"b"}
    assert spells_of(ended("a", -3))[1] == set()


def test_the_future_has_not_begun_and_the_last_day_is_not_over():
    later = {"role": "a", "starts_earliest": days(1), "starts_latest": days(1)}
    assert spells_of(later) == (set(), set())
    assert spells_of({"role": "a", "ends_earliest": days(-1), "ends_latest": days(1)})[1] == {"a"}


def test_who_left_has_former_roles_and_who_is_unknown_has_none():
    assert spells_of({"role": "a"}, person={"status": "left"}) == ({("a", "former")}, set())
    assert spells_of({"role": "a"}, person={"status": "unknown"}) == (set(), set())
