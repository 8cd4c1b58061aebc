"""Codes and facts as sentences."""

import json
import re

import pyarrow as pa
import pytest

from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.findings.sentences import (
    IN_WORDS,
    Sentences,
    columns_of,
    every_sentence,
    facts_of,
    found_by,
    risk_reasons,
)
from access_review.model import Relation, Severity
from access_review.rules import Rule, load
from tests.support.snapshots import AS_OF

# Whatever a name may hold, and what each engine might write otherwise: quotes, controls, other planes, SQL and JSON.
ODD = (
    "q\"uo'te",
    "back\\slash",
    "nl\nx\ttab",
    "\x01\x1f\x7f",
    "é😀\u2028\u202e",
    'a/b<&>,"x":null',
    "x'; DROP TABLE {day} [a|b]",
)
CODES = {"named": "{name} is of {number}[ since {day}]", "known": "of {number}, the {name}", "bare": "nothing to name"}


def rule(sentences: dict[str, str]) -> Rule:
    return Rule("own", lambda: Relation("", {}), Severity.LOW, (), (), (), sentences=sentences)


def kept(own: Rule, engine: Engine, **row: object) -> dict[str, object]:
    """Return what is kept of a row that a rule returned."""
    engine.register("found", pa.table({name: [value] for name, value in row.items()}))
    (made,) = engine.rows(f"SELECT {found_by(own, AS_OF)} FROM found")
    return {"rule": own.id, "checked": True, **made}


def said(template: str, **facts: object) -> str:
    one = rule({"it's": template})
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        return Sentences.of([one]).reason(kept(one, engine, code="it's", **{**dict.fromkeys(facts_of(one)), **facts}))


@pytest.mark.parametrize(
    ("template", "facts", "sentence"),
    [
        ("no owner is named", {}, "no owner is named"),
        ("kept {name}", {"name": "Fin-Read"}, "kept Fin-Read"),
        ("kept {name}[ for {client}]", {"name": "Fin-Read", "client": "Northgate"}, "kept Fin-Read for Northgate"),
        ("kept {name}[ for {client}]", {"name": "Fin-Read"}, "kept Fin-Read"),
        ("[left by {day}|left on an unknown day]; enabled", {"day": "2026-01-31"}, "left by 2026-01-31; enabled"),
        ("[left by {day}|left on an unknown day]; enabled", {}, "left on an unknown day; enabled"),
        ("[{one} and {other}|alone]", {"one": "a"}, "alone"),
        ("times: {times}", {"times": 3}, "times: 3"),
        ("o'clock: {select}", {"select": "x'; DROP TABLE {day} [a|b]"}, "o'clock: x'; DROP TABLE {day} [a|b]"),
    ],
)
def test_a_sentence_says_its_facts_and_leaves_out_what_is_not_known(template, facts, sentence):
    assert said(template, **dict.fromkeys(facts_of(rule({"": template})) - facts.keys()) | facts) == sentence


def test_what_is_kept_are_the_facts_of_the_code_sorted_and_null_where_unknown():
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        facts = {code: kept(rule(CODES), engine, code=code, name="Fin", number=2, day=None) for code in CODES}
        other = kept(rule(CODES), engine, code="other", name="Fin", number=2, day=None)
    assert facts["named"]["facts"] == '{"day":null,"name":"Fin","number":2}'
    assert facts["known"]["facts"] == '{"name":"Fin","number":2}'
    assert facts["bare"]["facts"] == "{}"
    assert other["facts"] is None, "a code without a sentence, which the rule's contract refuses"


@pytest.mark.parametrize("name", ODD)
def test_a_fact_is_kept_as_it_is(name):
    assert said("it is {name}.", name=name) == f"it is {name}."


def test_what_has_no_code_is_said_in_its_words_and_what_nobody_knows_any_more_as_it_is():
    sentences = Sentences.of([rule(CODES)])
    row = {"rule": "own", "checked": True, "facts": json.dumps({"words": "{day} is odd"})}
    assert sentences.reason({**row, "code": IN_WORDS}) == "{day} is odd"
    assert sentences.reason({**row, "code": IN_WORDS, "rule": "gone"}) == "{day} is odd"
    assert sentences.reason({**row, "code": "was", "facts": '{"n":2,"day":null}'}) == "was (day unknown, n 2)"
    assert sentences.reason({**row, "code": "bare", "checked": False}) == "not checked this time: nothing to name"
    assert sentences.reason({**row, "code": "named", "rule": "gone", "facts": "{}"}) == "named"


def test_the_parts_of_a_risk_are_said_where_they_count():
    parts = {
        "severity": 0,
        "privileged": 20,
        "tier0": 20,
        "sensitive": 10,
        "leaver": 0,
        "enabled_unknown": 5,
        "old": 10,
    }
    row = {"severity": "low", "sensitivity": "client", "risk_parts": json.dumps(parts)}
    assert risk_reasons(row) == "low 0, privileged 20, tier 0 20, client data 10, state unknown 5, long open 10"


@pytest.mark.parametrize("rule", load().values(), ids=load())
def test_the_rules_that_come_with_the_tool_return_codes(rule):
    assert rule.sentences, "its findings are told apart by a code, not by text"
    assert "reason" not in columns_of(rule)
    for template in rule.sentences.values():
        assert template.count("[") == template.count("]")
        assert template.count("{") == template.count("}")


@pytest.mark.parametrize(
    ("name", "facts", "called"),
    [
        (
            "repeat-finding",
            {"repeated": "never-allowed", "first_subject": "ana", "first_about": "Admins", "since": "2026-01-01"},
            "never-allowed for ana about Admins",
        ),
        (
            "kept-unlogged",
            {"against": "leaver-active", "subject_name": "ana", "about_name": None, "reviewer": "Bo", "kept_on": "x"},
            "leaver-active for ana",
        ),
    ],
)
def test_a_finding_about_a_finding_calls_that_by_what_was_found(name, facts, called):
    """Nobody knows it by sixty-four digits."""
    row = {"rule": name, "code": next(iter(load()[name].sentences)), "facts": json.dumps(facts), "checked": True}
    row |= {
        "severity": "medium",
        "sensitivity": None,
        "risk_parts": '{"severity":30}',
        "subject": "f" * 64,
        "subject_name": "f" * 64,
    }
    assert every_sentence().shown(row)["subject_name"] == called
    old = row | {"code": IN_WORDS, "facts": json.dumps({"words": "open for long"})}
    assert every_sentence().shown(old)["subject_name"] == "f" * 64


def test_every_rule_about_findings_says_what_they_are_called():
    about = {one.id for one in load().values() if one.subject}
    assert about == {"kept-unlogged", "repeat-finding"}
    for name in about:
        one = load()[name]
        assert set(columns_of(one)) >= set(re.findall(r"{(\w+)}", one.subject))
