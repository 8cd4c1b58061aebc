"""Every rule against its twin: ``tests/rules/<id>.yaml`` holds cases that fire and cases that stay quiet.

A twin names its rule, the time of the snapshot and, for each case, the rows of the
facts concerned, the settings and the findings expected. Columns a case does not care
about get the defaults below; ``left_at``, ``last_used``, ``starts`` and ``ends`` set
both bounds, an entitlement reaches itself, and a grant belongs to its account's person.
"""

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from sqlglot import exp

from access_review.declared import VALID_WAIVERS
from access_review.declared import moment as moment_table
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.sql import bind, tables_read
from access_review.facts import FACTS
from access_review.findings import sentences
from access_review.model import Remedy, Severity
from access_review.review import RESTS_ON
from access_review.roles import TIMED_ASSIGNMENTS
from access_review.rules import Rule, load
from access_review.rules.lookalike_account import lookalikes
from access_review.rules.nesting_cycle import cycles
from access_review.tables import TABLES, frame

RULES = load()
TWINS = Path(__file__).parent
AS_OF = datetime(2026, 2, 1, tzinfo=UTC)
KEYS = ("subject", "about", "remedy", "reason")
BOUNDS = {
    "left_at": ("left_at_earliest", "left_at_latest"),
    "last_used": ("last_used_earliest", "last_used_latest"),
    "starts": ("starts_earliest", "starts_latest"),
    "ends": ("ends_earliest", "ends_latest"),
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "people": {"kind": "employee", "status": "active"},
    "assignments": {"seq": 1, "source": "hr", "status": "active"},
    "accounts": {"stable_id": True, "kind": "human", "certain": True},
    "entitlements": {"stable_id": True, "effect": "grants"},
    "held": {"mode": "assigned", "via": "member", "removable": True, "mirrored": False, "certain": True, "verdict": ""},
    "closure": {"mode": "assigned"},
    "nesting": {"mode": "assigned", "why": "member", "reach": "transitive", "removable": True},
    "person_roles": {"spell": "current"},
    "credentials": {"credential": "key-1", "kind": "secret"},
    "signins": {"success": True},
    "templates": {"place": "roles/templates/t.yaml:1"},
    "training": {"source": "lms", "line": 1},
    "patterns": {"matched": 0, "place": "roles/templates/t.yaml:2"},
    "ticketed": {"source": "itsm", "ticket": "REQ-1", "line": 1, "standing": "approved"},
    "accepted_grants": {"mode": "assigned"},
    "waivers": {"place": "roles/waivers.yaml:1"},
    "applications": {"approved": False, "ai": False},
    "escalations": {"allowed": "ad:group:allowed"},
    "previous_findings": {
        "rule": "access-beyond-role",
        "subject": "ad:user:1",
        "severity": "medium",
        "rag": "amber",
        "risk": 40,
        "code": "held",
        "facts": '{"name":"Ledger-Admins","roles":null}',
        "checked": True,
        "risk_parts": "{}",
        "remedy": "remove",
        "status": "open",
    },
}
# What reading a derived fact takes at least; the verdicts of `held` take all that it rests on.
MADE_OF: Mapping[str, tuple[str, ...]] = {
    "held": ("accounts", "grants"),
    "closure": ("nesting",),
    "person_roles": ("people", "assignments"),
    "role_sets": ("people", "assignments"),
    "person_role_sets": ("people", "assignments"),
    "escalations": ("nesting",),
    "separation": ("entitlements",),
    "applications": ("entitlements",),
    "owned": ("people", "owners"),
    "powers": ("entitlements",),
    "doubts": ("people", "assignments", "accounts"),
    "patterns": ("entitlements",),
    "ticketed": ("people", "accounts", "entitlements", "aliases", "nesting", "tickets"),
}
# Conditions that several rules share, as views of facts.
VIEWS = {relation.name: relation for relation in (TIMED_ASSIGNMENTS, VALID_WAIVERS)}
# Facts that sharpen a rule where a source has them, and that it does without where none has.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "access-outside-ticket": ("activity", "signins"),
    "account-dormant": ("activity", "signins"),
    "guest-stale": ("activity", "signins"),
    "leave-active": ("signins",),
    "leaver-residue": ("credentials", "owners"),
    "never-used": ("activity", "signins"),
    "service-unowned": ("custody",),
    "shared-unrotated": ("credentials",),
}

Case = Mapping[str, Any]


def twin(rule: str) -> dict[str, Any]:
    """Read the cases of a rule."""
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((TWINS / f"{rule}.yaml").read_text(encoding="utf-8"))
    assert loaded.pop("rule") == rule
    return {"as_of": moment(loaded.pop("as_of")), "cases": loaded}


def moment(value: Any) -> Any:
    """Make a date or time of YAML an aware time; anything else stays."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        case date():
            return datetime.combine(value, time(), UTC)
    return value


def cases() -> Iterator[Any]:
    """Yield every case of every twin as a parameter of a test."""
    for path in sorted(TWINS.glob("*.yaml")):
        read = twin(path.stem)
        for name, case in read["cases"].items():
            yield pytest.param(path.stem, read["as_of"], case, id=f"{path.stem}/{name}")


def filled(table: str, row: Case, case: Case) -> dict[str, Any]:
    """Complete a row of a case with the defaults of its table."""
    full: dict[str, Any] = {**DEFAULTS.get(table, {}), **{k: moment(v) for k, v in row.items()}}
    for short, bounds in BOUNDS.items():
        if short in full:
            at = full.pop(short)
            full |= dict.fromkeys(bounds, at)
    own = str(row.get(FACTS[table].key[0]))
    parts = own.split(":")
    match table:
        case "people" | "accounts" | "entitlements":
            full = {"source": parts[0], "native_id": parts[-1], "name": parts[-1], **full}
            if table == "entitlements":
                full.setdefault("kind", parts[1])
        case "signins":
            full.setdefault("signin", f"{full['at']:%Y%m%d%H%M}")
        case "held":
            owners = {a["account"]: a.get("person") for a in case.get("accounts", ())}
            full.setdefault("person", owners.get(row["account"]))
    return full


def register(engine: Engine, case: Case) -> None:
    """Make every fact known to the engine: the rows of the case, and no rows for the rest."""
    rows = {name: [filled(name, row, case) for row in case.get(name, ())] for name in FACTS}
    given = {(row["entitlement"], row["reached"]) for row in rows["closure"]}
    themselves = [(row["entitlement"], row["entitlement"]) for row in rows["entitlements"]]
    rows["closure"] += [
        {"entitlement": e, "reached": r, "mode": "assigned"} for e, r in themselves if (e, r) not in given
    ]
    for name, fact in FACTS.items():
        engine.register(name, frame(fact, rows[name]))
    engine.register("moment", moment_table(engine.as_of))
    for view in VIEWS.values():
        view.make(engine)


def findings(rule: Rule, as_of: datetime, case: Case) -> pa.Table:
    """Run a rule over the facts of a case."""
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in case.get("settings", {}).items()}
    with EmbeddedEngine(as_of, threads=1) as engine:
        register(engine, case)
        found = engine.run(rule.check(**settings))
        assert set(found.column_names) == set(sentences.columns_of(rule))
        engine.register("found", found)
        return engine.query(f"SELECT subject, about, {sentences.found_by(rule, as_of)}, remedy FROM found")


def order(row: Case) -> tuple[str, str]:
    """Return what findings are sorted by."""
    return row["subject"], row.get("about") or ""


@pytest.mark.parametrize(("rule", "as_of", "case"), list(cases()))
def test_a_case_gives_exactly_what_its_twin_expects(rule, as_of, case):
    assert case.keys() <= {*FACTS, "settings", "expect"}, "a case has facts, settings and expectations"
    said = sentences.Sentences.of([RULES[rule]])
    found = [{**row, "rule": rule, "checked": True} for row in findings(RULES[rule], as_of, case).to_pylist()]
    rows = sorted(({**row, "reason": said.reason(row)} for row in found), key=order)
    assert len({(row["subject"], row["about"]) for row in rows}) == len(rows), "one identity, one finding"
    assert all(row["reason"] and "\n" not in row["reason"] for row in rows)
    assert {row["remedy"] for row in rows} <= set(Remedy)
    expected = sorted(case["expect"], key=order)
    assert [(r["subject"], r["about"]) for r in rows] == [(e["subject"], e.get("about")) for e in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert wanted.keys() <= set(KEYS)
        assert wanted.get("remedy", row["remedy"]) == row["remedy"]
        assert wanted.get("reason", "") in row["reason"]


@pytest.mark.parametrize("rule", RULES)
def test_a_twin_shows_the_rule_firing_and_keeping_quiet(rule):
    expected = [case["expect"] for case in twin(rule)["cases"].values()]
    assert any(expected), "no case fires"
    assert not all(expected), "no case stays quiet"


def test_each_twin_belongs_to_a_rule():
    assert {path.stem for path in TWINS.glob("*.yaml")} == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_documents_itself(rule):
    assert rule.title.endswith("."), "the first line of the module is a sentence"
    assert len(rule.title) <= 100
    assert rule.check.__doc__
    assert rule.severity in Severity
    assert rule.controls
    assert all(":" in control for control in rule.controls)
    for name, setting in rule.settings.items():
        assert setting.kind is setting.KEYWORD_ONLY, name
        assert setting.annotation in {int, float, str, tuple[str, ...]}, name
        assert setting.default is not setting.empty, name


@pytest.fixture(scope="module")
def nothing() -> Iterator[Engine]:
    """Yield an engine that knows every fact and not one row."""
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        register(engine, {})
        yield engine


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_finds_nothing_in_nothing(rule, nothing):
    found = nothing.run(rule.check())
    assert set(found.column_names) == set(sentences.columns_of(rule))
    assert found.num_rows == 0


RESTING = [
    pytest.param(rule, table, id=f"{rule.id}-{table}") for rule in RULES.values() for table in rule.nothing_without
]


@pytest.mark.parametrize(("rule", "table"), RESTING)
def test_a_rule_finds_nothing_without_a_row_of_what_it_says(rule, table):
    """It is not run then, so this is shown twice: by how its statement is joined, and by its cases that fire."""
    parsed = sqlglot.parse_one(statement(rule), read="duckdb")
    assert vanishes(parsed, table, {cte.alias: cte.this for cte in parsed.find_all(exp.CTE)})
    read = twin(rule.id)
    firing = next(case for case in read["cases"].values() if case["expect"])
    assert findings(rule, read["as_of"], firing).num_rows
    assert not findings(rule, read["as_of"], {**firing, table: []}).num_rows


def vanishes(node: Any, table: str, ctes: Mapping[str, Any]) -> bool:
    """Tell whether what is read has no row while a table has none, whatever the rows of all others."""
    match node:
        case exp.Table():
            return node.name == table or (node.name in ctes and vanishes(ctes[node.name], table, ctes))
        case exp.Subquery():
            return vanishes(node.this, table, ctes)
        case exp.Union():
            return vanishes(node.left, table, ctes) and vanishes(node.right, table, ctes)
        case exp.Select():
            whole = any(one.find(exp.AggFunc) for one in node.selects) and not node.args.get("group")
            joins = node.args.get("joins") or []
            if whole or any(join.side in {"RIGHT", "FULL"} for join in joins):
                return False
            joined = (join.this for join in joins if join.side != "LEFT")
            return any(vanishes(one, table, ctes) for one in (node.find(exp.From).this, *joined))
    return False


@pytest.mark.parametrize(
    ("sql", "empty"),
    [
        ("SELECT a FROM x JOIN t USING (a)", True),
        ("SELECT a FROM t LEFT JOIN x USING (a)", True),
        ("SELECT a FROM x LEFT JOIN t USING (a)", False),
        ("SELECT a FROM t FULL JOIN x USING (a)", False),
        ("SELECT count(*) AS n FROM t", False),
        ("SELECT a, count(*) AS n FROM t GROUP BY a", True),
        ("WITH y AS (SELECT a FROM t) SELECT a FROM (SELECT a FROM y) AS z", True),
        ("SELECT a FROM t UNION ALL SELECT a FROM x", False),
        ("SELECT a FROM x WHERE a IN (SELECT a FROM t)", False),
    ],
)
def test_what_has_no_row_without_another_is_told_from_its_joins(sql, empty):
    parsed = sqlglot.parse_one(sql, read="duckdb")
    assert vanishes(parsed, "t", {cte.alias: cte.this for cte in parsed.find_all(exp.CTE)}) is empty


def statement(rule: Rule) -> str:
    """Return the SQL of a rule with its parameters filled in."""
    relation = rule.check()
    return bind(relation.sql, relation.params, AS_OF)


def relation_reads(rule: Rule) -> frozenset[str]:
    """Return what our own reading of a rule's SQL says that it reads."""
    return tables_read(rule.check().sql)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_needs_what_it_reads(rule):
    parsed = sqlglot.parse_one(statement(rule), read="duckdb")
    local = {cte.alias for cte in parsed.find_all(exp.CTE)}
    read = {table.name for table in parsed.find_all(exp.Table)} - local
    assert read == relation_reads(rule)
    read = read - set(VIEWS) | {base for name in read & set(VIEWS) for base in VIEWS[name].reads - {"moment"}}
    assert read <= set(FACTS)
    made_of = {base for fact in read for base in MADE_OF.get(fact, ())}
    if {column.name for column in parsed.find_all(exp.Column)} & {"verdict", "never", "former_role"}:
        made_of |= set(RESTS_ON["held"])
    required = (read & set(TABLES) | made_of) - set(OPTIONAL.get(rule.id, ()))
    assert required <= set(rule.needs)
    assert set(rule.whole) <= set(rule.needs) | read


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_reads_as_spark_sql(rule):
    spark = sqlglot.transpile(statement(rule), read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert len(spark) == 1
    assert sqlglot.parse_one(spark[0], read="spark")


def test_parameters_are_all_given_and_all_used():
    for rule in RULES.values():
        relation = rule.check()
        for name in relation.params:
            assert f":{name}" in relation.sql, f"{rule.id} gives {name} and does not use it"


def test_lookalikes_pair_each_character_once_with_ascii():
    alien, latin = lookalikes()
    assert len(alien) == len(set(alien)) > len(latin)
    assert latin.isascii()
    assert dict(zip(alien, latin, strict=False))["а"] == "a"  # Cyrillic
    assert dict(zip(alien, latin, strict=False))["é"] == "e"


def reached(edges: set[tuple[str, str]], start: str) -> set[str]:
    """Return what can be reached from ``start`` in one step or more."""
    found = {parent for child, parent in edges if child == start}
    while more := {parent for child, parent in edges if child in found} - found:
        found |= more
    return found


@given(st.sets(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=14))
def test_a_cycle_is_named_by_its_smallest_member_and_by_nothing_else(edges):
    nesting = pd.DataFrame([(c, p, c) for c, p in edges], columns=["child", "parent", "name"])
    reach = {group: reached(edges, group) for group in "abcdefg"}
    looped = [{g for g in reach[group] if group in reach[g]} for group in reach if group in reach[group]]
    assert cycles(nesting)["subject"].tolist() == sorted({min(members) for members in looped})


def test_a_cycle_in_the_middle_of_a_long_chain_is_found_and_nothing_else():
    names = [f"group-{place:02}" for place in range(60)]
    edges = [*itertools.pairwise(names), (names[32], names[30])]
    (found,) = cycles(pd.DataFrame([(c, p, c) for c, p in edges], columns=["child", "parent", "name"])).to_dict(
        "records"
    )
    assert (found["subject"], found["members"]) == ("group-30", "group-30, group-31, group-32")
