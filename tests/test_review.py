import contextlib
import json
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_review import findings
from access_review.engine import ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import RuleError, Unclear
from access_review.explain.lookup import look_up
from access_review.facts import PREVIOUS_FINDINGS
from access_review.findings import Gaps
from access_review.findings.selected import pieces_with, rows_with
from access_review.findings.sentences import every_sentence, risk_reasons
from access_review.graph import closure
from access_review.model import Relation, Severity
from access_review.review import establish, review
from access_review.rules import Rule
from access_review.snapshot import Snapshot
from tests.support.snapshots import AS_OF, snapshot, workspace

GROUPS = "abcdef"


def group(name, **more):
    return {"entitlement": f"ad:group:{name}", **more}


def account(number, **more):
    return {"account": f"ad:user:{number}", "employee_id": str(number), **more}


def holds(number, name, **more):
    return {"account": f"ad:user:{number}", "entitlement": f"ad:group:{name}", **more}


def nests(child, parent, **more):
    return {"child": f"ad:group:{child}", "parent": f"ad:group:{parent}", **more}


def reviewed(world, space, previous=None):
    with EmbeddedEngine(world.as_of) as engine:
        report = review(world, space, engine, previous)
        held = {(r["account"], r["entitlement"]): r for r in engine.rows("SELECT * FROM held")}
    return report, held


def found(report, rule):
    return {(f["subject"], f["about"]) for f in report.findings.to_pylist() if f["rule"] == rule}


def company(**more):
    rows = {
        "people": [{"person": "hr:person:1"}, {"person": "hr:person:2", "status": "left", "left_at_latest": AS_OF}],
        "assignments": [
            {"person": "hr:person:1", "role": "r"},
            {"person": "hr:person:2", "role": "r", "status": "left"},
        ],
        "accounts": [account(1), account(2)],
        "entitlements": [group(name) for name in GROUPS],
        "grants": [holds(1, "a"), holds(1, "b")],
        "nesting": [],
    }
    return snapshot(**{**rows, **more})


SPACE = workspace(templates=[{"role": "r", "may": ["ad:group:a"]}])


@given(
    grants=st.sets(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(GROUPS)), min_size=1),
    edges=st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(GROUPS)), max_size=12),
    may=st.fixed_dictionaries({role: st.sets(st.sampled_from(GROUPS)) for role in "pqr"}),
    roles=st.fixed_dictionaries({n: st.sets(st.sampled_from("pqr")) for n in (1, 2, 3)}),
)
@settings(max_examples=40, deadline=None)
def test_the_pairwise_verdict_is_the_verdict_account_by_account(grants, edges, may, roles):
    """The distinct-pairs diff against the plain way: each account's own roles and closure."""
    world = snapshot(
        people=[{"person": f"hr:person:{n}"} for n in (1, 2, 3)],
        assignments=[
            {"person": f"hr:person:{n}", "seq": s, "role": r} for n in roles for s, r in enumerate(sorted(roles[n]), 1)
        ],
        accounts=[account(n) for n in (1, 2, 3)],
        entitlements=[group(name) for name in GROUPS],
        grants=[holds(n, g) for n, g in grants],
        nesting=[nests(c, p) for c, p in edges],
    )
    space = workspace(templates=[{"role": r, "may": [f"ad:group:{g}" for g in sorted(may[r])]} for r in "pqr"])
    with EmbeddedEngine(world.as_of) as engine:
        establish(world.tables, space, engine)  # no rule is asked
        held = {(r["account"], r["entitlement"]): r for r in engine.rows("SELECT * FROM held")}
    rows = closure(world.tables["nesting"], [f"ad:group:{g}" for g in GROUPS]).to_pylist()
    reach = {g: {r["reached"][-1] for r in rows if r["entitlement"][-1] == g} for g in GROUPS}
    for number, name in grants:
        allowed = {g for role in roles[number] for named in may[role] for g in reach[named]}
        verdict = "within" if name in allowed else "mixed" if reach[name] & allowed else "beyond"
        expected = verdict if roles[number] else ""
        assert held[f"ad:user:{number}", f"ad:group:{name}"]["verdict"] == expected


def test_the_same_inputs_in_another_order_give_the_same_digest():
    world = company()
    shuffled = Snapshot(
        world.as_of, {n: t.take(pa.array(range(len(t))[::-1], pa.int64())) for n, t in world.tables.items()}, "x"
    )
    assert reviewed(world, SPACE)[0].digest == reviewed(shuffled, SPACE)[0].digest


def test_a_grant_beyond_the_roles_is_found_and_one_within_is_not():
    report, _ = reviewed(company(), SPACE)
    assert found(report, "access-beyond-role") == {("ad:user:1", "ad:group:b")}


@pytest.mark.parametrize("effect", ["restricts", "distribution"])
def test_groups_that_take_away_are_not_excess(effect):
    world = company(entitlements=[group("a"), group("b", effect=effect)])
    assert found(reviewed(world, SPACE)[0], "access-beyond-role") == set()


def test_a_forbidden_entitlement_is_its_own_finding_through_nesting_too():
    space = workspace(templates=[{"role": "r", "may": ["ad:group:a"], "never": ["ad:group:c"]}])
    report, _ = reviewed(company(nesting=[nests("b", "c")]), space)
    assert found(report, "never-allowed") == {("ad:user:1", "ad:group:c")}
    assert found(report, "access-beyond-role") == set()


def test_what_one_role_allows_and_another_forbids_is_found_where_nesting_carries_it():
    templates = [{"role": "r", "may": ["ad:group:a"]}, {"role": "s", "never": ["ad:group:c"]}]
    both = [{"person": "hr:person:1", "seq": seq, "role": role} for seq, role in enumerate("rs", 1)]
    world = company(assignments=both, grants=[holds(1, "a")], nesting=[nests("a", "b"), nests("b", "c")])
    report, held = reviewed(world, workspace(templates=templates))
    assert found(report, "never-allowed") == {("ad:user:1", "ad:group:c")}
    assert [row["remedy"] for row in report.findings.to_pylist() if row["rule"] == "never-allowed"] == ["review"]
    assert held["ad:user:1", "ad:group:a"]["verdict"] == "within"
    report, _ = reviewed(company(grants=[holds(1, "a")], nesting=[nests("a", "c")]), workspace(templates=templates))
    assert found(report, "never-allowed") == set()  # nobody has the role that forbids


@pytest.mark.parametrize("privileged", ["b", "c"])
def test_what_one_role_forbids_is_found_where_another_leads_to_it_and_does_not_allow_it(privileged):
    """What is privileged is not allowed by being carried, so that no role allows what the other forbids."""
    templates = [{"role": "r", "may": ["ad:group:a"]}, {"role": "s", "never": ["ad:group:c"]}]
    both = [{"person": "hr:person:1", "seq": seq, "role": role} for seq, role in enumerate("rs", 1)]
    entitlements = [group(name, privileged=name == privileged) for name in GROUPS]
    nesting = [nests("a", "b"), nests("b", "c")]
    world = company(assignments=both, entitlements=entitlements, grants=[holds(1, "a")], nesting=nesting)
    report, _ = reviewed(world, workspace(templates=templates))
    assert found(report, "never-allowed") == {("ad:user:1", "ad:group:c")}


def test_nesting_that_carries_what_the_same_role_forbids_is_one_finding_of_its_edge():
    space = workspace(templates=[{"role": "r", "may": ["ad:group:a"], "never": ["ad:group:c"]}])
    report, _ = reviewed(company(grants=[holds(1, "a")], nesting=[nests("a", "c")]), space)
    assert found(report, "nesting-escalates") == {("ad:group:a", "ad:group:c")}
    assert found(report, "never-allowed") == set()


def test_findings_about_an_incomplete_source_are_withheld_and_said_to_be():
    short = [{"source": "ad", "subject": "grants", "complete": False, "reason": "page 2 answered busy"}]
    report, _ = reviewed(company(completeness=short), SPACE)
    assert found(report, "access-beyond-role") == set()
    said = next(e for e in report.evaluations if e.rule == "access-beyond-role")
    assert (said.withheld, said.reason) == (1, "ad: page 2 answered busy")


@pytest.mark.parametrize(("reason", "leavers"), [(None, {("ad:user:2", None)}), ("the clock is 9 min off", set())])
def test_a_doubtful_clock_withholds_what_turns_on_the_hour_and_nothing_else(reason, leavers):
    left = {"person": "hr:person:2", "status": "left", "left_at_latest": AS_OF - timedelta(minutes=1)}
    verdict = {"source": "ad", "subject": "part:clock", "complete": reason is None, "reason": reason}
    report, _ = reviewed(company(people=[{"person": "hr:person:1"}, left], completeness=[verdict]), SPACE)
    assert found(report, "leaver-active") == leavers
    assert found(report, "access-beyond-role") == {("ad:user:1", "ad:group:b")}
    said = next(e for e in report.evaluations if e.rule == "leaver-active")
    assert (said.withheld, said.reason) == ((1, f"ad: {reason}") if reason else (0, ""))


def test_an_incomplete_roster_evaluates_no_rule_about_people():
    short = [{"source": "hr", "subject": "people", "complete": False, "reason": "cut short"}]
    report, _ = reviewed(company(completeness=short), SPACE)
    assert found(report, "leaver-active") == set()
    assert not next(e for e in report.evaluations if e.rule == "leaver-active").evaluated


def test_a_finding_is_new_then_open_then_closed_then_new_again():
    first, _ = reviewed(company(), SPACE)
    later = AS_OF + timedelta(days=7)
    again = Snapshot(later, company().tables, "y")
    second, _ = reviewed(again, SPACE, first.findings)
    clean, _ = reviewed(Snapshot(later, company(grants=[holds(1, "a")]).tables, "z"), SPACE, second.findings)
    back, _ = reviewed(again, SPACE, clean.findings)

    def status(report):
        return {
            (f["status"], f["first_seen"]) for f in report.findings.to_pylist() if f["rule"] == "access-beyond-role"
        }

    assert status(first) == {("new", AS_OF)}
    assert status(second) == {("open", AS_OF)}
    assert status(clean) == {("closed", AS_OF)}
    assert {s for s, _ in status(back)} == {"new"}


def test_an_incomplete_read_closes_nothing():
    first, _ = reviewed(company(), SPACE)
    short = [{"source": "ad", "subject": "grants", "complete": False, "reason": "cut"}]
    second, _ = reviewed(company(grants=[], completeness=short), SPACE, first.findings)
    kept = [f for f in second.findings.to_pylist() if f["rule"] == "access-beyond-role"]
    assert [(f["status"], f["checked"]) for f in kept] == [("open", False)]
    assert every_sentence().reason(kept[0]).startswith("not checked this time: holds ")
    third, _ = reviewed(company(grants=[], completeness=short), SPACE, second.findings)
    assert [f for f in third.findings.to_pylist() if f["rule"] == "access-beyond-role"] == kept
    closed, _ = reviewed(company(grants=[holds(1, "a")]), SPACE, third.findings)
    (gone,) = [f for f in closed.findings.to_pylist() if f["rule"] == "access-beyond-role"]
    assert (gone["status"], gone["checked"], gone["facts"]) == ("closed", True, kept[0]["facts"])


def _short(source: str, subject: str) -> list[dict[str, object]]:
    return [{"source": source, "subject": subject, "complete": False, "reason": "cut"}]


_ROWS_UNREAD = {"people": [{"person": f"hr:person:{n}", "name": f"P{n}", "status": "unknown"} for n in (1, 2)]}


@pytest.mark.parametrize(
    "unread",
    [
        pytest.param({**_ROWS_UNREAD, "completeness": _short("hr", "people")}, id="rows of the roster"),
        pytest.param(
            {"accounts": [], "grants": [], "completeness": _short("ad", "accounts") + _short("ad", "grants")},
            id="the accounts",
        ),
        pytest.param(
            {
                **_ROWS_UNREAD,
                **{name: [] for name in ("accounts", "grants", "entitlements")},
                "completeness": [one for name in ("accounts", "grants", "entitlements") for one in _short("ad", name)]
                + _short("hr", "people"),
            },
            id="everything",
        ),
    ],
)
def test_what_cannot_be_read_this_time_makes_no_risk_smaller_and_no_name_unknown(unread):
    people = [
        {"person": "hr:person:1", "name": "P1"},
        {"person": "hr:person:2", "name": "P2", "status": "left", "left_at_latest": AS_OF - timedelta(days=3)},
    ]
    powerful = {
        "people": people,
        "entitlements": [group("a"), group("b", privileged=True, sensitivity="restricted", client="acme")],
        "grants": [holds(1, "b"), holds(2, "b")],
    }
    first, _ = reviewed(company(**powerful), SPACE)
    later = company(**{**powerful, **unread})
    second, _ = reviewed(Snapshot(AS_OF + timedelta(days=7), later.tables, "y"), SPACE, first.findings)
    said = ("risk", "rag", "risk_parts", "person", "person_name", "subject_name", "about_name", "client", "sensitivity")
    told = [
        {f["finding"]: tuple(f[name] for name in said) for f in report.findings.to_pylist() if f["rule"] in _OF_BOTH}
        for report in (first, second)
    ]
    assert len(told[0]) == 3
    assert told[1] == told[0]


_OF_BOTH = {"access-beyond-role", "leaver-active", "leaver-residue"}


def test_who_works_here_after_all_weighs_as_no_leaver_though_their_accounts_cannot_be_read():
    people = [{"person": "hr:person:2", "status": "left", "left_at_latest": AS_OF - timedelta(days=3)}]
    first, _ = reviewed(company(people=people), SPACE)
    back = company(people=[{"person": "hr:person:2"}], accounts=[], completeness=_short("ad", "accounts"))
    second, _ = reviewed(Snapshot(AS_OF + timedelta(days=7), back.tables, "y"), SPACE, first.findings)
    weights = [
        {json.loads(f["risk_parts"])["leaver"] for f in report.findings.to_pylist() if f["rule"] == "leaver-active"}
        for report in (first, second)
    ]
    assert weights == [{15}, {0}]


WAIVER = {"waiver": "W-1", "rule": "access-beyond-role", "subject": "ad:user:1", "about": "ad:group:b"}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"reason": "cover", "approver": "lead", "expires": "2026-03-01"}, "waived"),
        ({"reason": "cover", "approver": "lead", "expires": "2026-01-01"}, "new"),
        ({"reason": "cover", "expires": "2026-03-01"}, "new"),
        ({"reason": "cover", "approver": "lead"}, "new"),
    ],
)
def test_only_a_whole_and_unexpired_waiver_waives(more, status):
    space = workspace(templates=[{"role": "r", "may": ["ad:group:a"]}], waivers=[{**WAIVER, **more}])
    report, _ = reviewed(company(), space)
    assert [f["status"] for f in report.findings.to_pylist() if f["rule"] == "access-beyond-role"] == [status]


def test_the_risk_says_what_it_is_made_of():
    world = company(entitlements=[group("a"), group("b", privileged=True, sensitivity="restricted")])
    finding = next(f for f in reviewed(world, SPACE)[0].findings.to_pylist() if f["rule"] == "access-beyond-role")
    assert risk_reasons(finding) == "medium 30, privileged 20, restricted data 10"
    assert (finding["risk"], finding["rag"]) == (60, "amber")


def test_a_synced_membership_is_judged_once_where_it_is_mastered():
    world = company(
        accounts=[account(1), {"account": "entra:user:1"}],
        entitlements=[group("b"), {"entitlement": "entra:group:b"}],
        grants=[
            holds(1, "b"),
            {"account": "entra:user:1", "entitlement": "entra:group:b", "removable": False, "mastered_in": "ad"},
        ],
        nesting=[{"child": "ad:group:b", "parent": "entra:group:b", "why": "synced-to"}],
        aliases=[
            {"scheme": "sid", "value": "S-1", "id": "ad:user:1"},
            {"scheme": "on-premises-sid", "value": "S-1", "id": "entra:user:1"},
        ],
    )
    report, held = reviewed(world, SPACE)
    assert held["entra:user:1", "entra:group:b"]["mirrored"] is True
    assert found(report, "access-beyond-role") == {("ad:user:1", "ad:group:b")}


@pytest.mark.parametrize(
    ("rule", "table"),
    [
        ("service-unowned", "custody"),
        ("account-dormant", "signins"),
        ("never-used", "activity"),
        ("guest-stale", "signins"),
    ],
)
def test_what_may_explain_a_silence_must_be_whole_where_it_is_read_at_all(rule, table):
    unread = [{"source": "badge", "subject": table, "complete": False, "reason": "cut"}]
    report, _ = reviewed(company(completeness=unread), SPACE)
    said = next(e for e in report.evaluations if e.rule == rule)
    assert (said.evaluated, said.reason) == (False, f"{table} of badge is incomplete: cut")


@pytest.mark.parametrize("rule", ["account-unowned", "service-unowned", "agent-unowned", "lookalike-account"])
def test_nobody_is_called_without_an_owner_while_another_source_may_know_one(rule):
    """A synced account takes its person from the directory: where that was not read, the owner is unknown, not missing."""
    unread = [{"source": "ad", "subject": "accounts", "complete": False, "reason": "page 2 answered busy"}]
    copies = [{"account": f"entra:user:{n}", "kind": kind} for n, kind in enumerate(("human", "service", "agent"), 1)]
    world = company(accounts=[account(1), *copies], completeness=unread)
    report, _ = reviewed(world, SPACE)
    said = next(e for e in report.evaluations if e.rule == rule)
    assert found(report, rule) == set()
    assert (said.evaluated, said.reason) == (False, "accounts of ad is incomplete: page 2 answered busy")


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 'a' AS subject", "returns \\['subject'\\]"),
        ("SELECT NULL AS subject, NULL AS about, 'r' AS reason, 'review' AS remedy", "returns subject empty"),
        ("SELECT 'a' AS subject, NULL AS about, 'r' AS reason, 'forget' AS remedy", "suggests 'forget'"),
        (
            """
            SELECT account AS subject, NULL AS about, 'r' AS reason, 'review' AS remedy FROM accounts
            UNION ALL SELECT account, NULL, 'again', 'review' FROM accounts WHERE account = 'ad:user:2'
            """,
            "reports one subject and about twice",
        ),
    ],
)
def test_a_rule_that_breaks_its_contract_is_named(sql, said, on_disk, tmp_path):
    world, space = snapshot(accounts=[account(n) for n in (1, 2, 3)]), workspace()
    rule = Rule("own-rule", lambda: Relation(sql, {}), Severity.LOW, (), (), ())
    gaps = Gaps(frozenset(), {}, {})
    to = ParquetFile(tmp_path / "findings.parquet") if on_disk else None

    def judged(engine):
        evaluations = findings.evaluate(engine, [rule], space.policy, gaps)
        return findings.conclude(engine, space.policy, evaluations, gaps, [rule], to)

    with EmbeddedEngine(world.as_of) as engine:
        establish(world.tables, space, engine)
        engine.register("previous_findings", PREVIOUS_FINDINGS.schema.empty_table())
        with pytest.raises(RuleError, match=f"rule own-rule: {said}"):
            judged(engine)


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT 'a' AS subject, NULL AS about, 'r' AS reason, 'review' AS remedy",
            "returns \\['subject', 'about', 'reason'",
        ),
        (
            "SELECT 'a' AS subject, NULL AS about, 'used' AS code, 'review' AS remedy",
            "returns \\['subject', 'about', 'code'",
        ),
        (
            "SELECT 'a' AS subject, NULL AS about, 'odd' AS code, 'd' AS day, 'fix' AS remedy",
            "returns a code that has no sentence",
        ),
        (
            "SELECT 'a' AS subject, NULL AS about, NULL AS code, 'd' AS day, 'fix' AS remedy",
            "returns a code that has no sentence",
        ),
    ],
)
def test_a_rule_of_codes_that_breaks_its_contract_is_named(sql, said, on_disk, tmp_path):
    world, space = snapshot(accounts=[account(n) for n in (1, 2, 3)]), workspace()
    rule = Rule("own-rule", lambda: Relation(sql, {}), Severity.LOW, (), (), (), sentences={"used": "used on {day}"})
    gaps = Gaps(frozenset(), {}, {})
    to = ParquetFile(tmp_path / "findings.parquet") if on_disk else None

    def judged(engine):
        evaluations = findings.evaluate(engine, [rule], space.policy, gaps)
        return findings.conclude(engine, space.policy, evaluations, gaps, [rule], to)

    with EmbeddedEngine(world.as_of) as engine:
        establish(world.tables, space, engine)
        engine.register("previous_findings", PREVIOUS_FINDINGS.schema.empty_table())
        with pytest.raises(RuleError, match=f"rule own-rule: {said}"):
            judged(engine)


AWKWARD = ("o'brien", 'a"b', "select", "a\nb", "a b", "--", "%", "x';drop")


@pytest.mark.parametrize("name", AWKWARD)
def test_runs_of_sources_with_any_name_are_reviewed(name):
    """Only a workspace that is loaded is held to plain names: what was read before is still read."""
    world = snapshot(
        people=[{"person": f"{name}:person:1", "source": name}],
        assignments=[{"person": f"{name}:person:1", "role": name, "source": name}],
        accounts=[{"account": f"{name}:user:1", "employee_id": "1", "source": name}],
        entitlements=[{"entitlement": f"{name}:group:{name}", "source": name, "kind": "group", "name": name}],
        grants=[{"account": f"{name}:user:1", "entitlement": f"{name}:group:{name}"}],
        completeness=[
            {"source": name, "subject": "accounts", "complete": False, "reason": name},
            {"source": name, "subject": "people", "complete": True},
        ],
    )
    space = workspace(match={name: [{"on": ["employee_id", "person"]}]}, templates=[{"role": name}])
    report, held = reviewed(world, space)
    (row,) = held.values()
    assert row["person"] == f"{name}:person:1"
    assert row["verdict"] == "beyond"
    excess = next(e for e in report.evaluations if e.rule == "access-beyond-role")
    assert (excess.hits, excess.withheld, excess.reason) == (0, 1, f"{name}: {name}")


class Watched:
    """A connection to the engine's database that notes every statement."""

    def __init__(self, connection):
        self.connection, self.statements = connection, []

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *more):
        self.statements.append(str(getattr(statement, "query", statement)))
        return self.connection.execute(statement, *more)

    def sql(self, statement, **more):
        self.statements.append(str(getattr(statement, "query", statement)))
        return self.connection.sql(statement, **more)


MARK = "zqx"
MARKED = st.lists(st.sampled_from([*AWKWARD, '"', "'", "\\", ";", "\n", ":as_of", "$1", "/*", "NULL"]), max_size=3).map(
    lambda parts: MARK + "".join(parts)
)


@given(*[MARKED] * 4)
@settings(max_examples=6, deadline=None)
def test_no_name_reaches_the_engine_as_text_of_a_statement(source, role, group_name, attribute):
    """Names of sources, roles, groups, clients, and of attributes with their values, in data and in the workspace alike."""
    world = snapshot(
        people=[{"person": f"{source}:person:1", "source": source, "name": role}],
        assignments=[
            {
                "person": f"{source}:person:1",
                "role": role,
                "client": group_name,
                "source": source,
                "attributes": json.dumps({attribute: role}),
            }
        ],
        accounts=[{"account": f"{source}:user:1", "employee_id": "1", "source": source, "name": group_name}],
        entitlements=[
            {"entitlement": f"{source}:group:{group_name}", "source": source, "kind": "group", "name": group_name}
        ],
        grants=[{"account": f"{source}:user:1", "entitlement": f"{source}:group:{group_name}"}],
        completeness=[{"source": source, "subject": "people", "complete": True}],
    )
    space = workspace(
        match={source: [{"on": ["employee_id", "person"]}]},
        templates=[{"role": role, "who": {attribute: role, "client": group_name}}],
        policy={"protect": {"accounts": [f"{source}:user:{role}"], "entitlements": [f"{source}:group:{role}"]}},
    )
    with EmbeddedEngine(AS_OF) as engine:
        watched = Watched(engine._db)
        setattr(engine, "_opened", watched)  # noqa: B010 - it stands in for what it watches
        review(world, space, engine)
        (row,) = engine.rows("SELECT verdict FROM held")
        assert row["verdict"] in {"", "beyond"}  # none where the role only looks alike
        with contextlib.suppress(Unclear):
            look_up(engine, role)
    assert len(watched.statements) > 50
    assert [text for text in watched.statements if MARK in text] == []


@pytest.mark.parametrize(("ends", "spell"), [(timedelta(0), "former"), (timedelta(microseconds=1), "current")])
def test_an_assignment_that_ends_at_this_moment_is_over(ends, spell):
    until = AS_OF + ends
    world = company(assignments=[{"person": "hr:person:1", "role": "r", "client": "Northgate", "ends_latest": until}])
    with EmbeddedEngine(AS_OF) as engine:
        establish(world.tables, SPACE, engine)
        assert {row["current"] for row in engine.rows("SELECT current FROM timed_assignments")} == {spell == "current"}
        assert [row["spell"] for row in engine.rows("SELECT spell FROM person_roles")] == [spell]


@pytest.mark.parametrize("small", [0, 1_000_000])
def test_findings_are_the_same_however_tables_are_kept(small):
    world = company(nesting=[nests("b", "c"), nests("c", "b")])
    with EmbeddedEngine(AS_OF, small=small) as engine:
        report = review(world, SPACE, engine)
    with EmbeddedEngine(AS_OF) as engine:
        assert report.digest == review(world, SPACE, engine).digest
    assert found(report, "nesting-cycle")


@pytest.mark.parametrize("on_disk", [False, True])
def test_findings_are_asked_for_by_what_they_have_in_memory_and_on_disk(tmp_path, on_disk):
    world = company(nesting=[nests("b", "c"), nests("c", "b")])
    file = ParquetFile(tmp_path / "findings.parquet") if on_disk else None
    with EmbeddedEngine(AS_OF) as engine:
        report = review(world, SPACE, engine, to=file) if file else review(world, SPACE, engine)
        every = report.findings.to_pylist()
        rules = {row["rule"] for row in every}
        assert len(rules) > 1
        assert list(rows_with(report.pieces())) == every
        for rule in sorted(rules):
            assert list(rows_with(report.pieces(), rule=[rule], status=["new"])) == [
                row for row in every if row["rule"] == rule
            ]
        assert not list(rows_with(report.pieces(), rule=rules, status=["closed"]))
        assert not list(rows_with(report.pieces(), rule=[]))
        assert sum(map(len, pieces_with(report.pieces(), status=["new", "closed"]))) == len(every)
