"""Codes and facts as sentences."""

import pyarrow as pa
import pytest

from access_review.engine.duckdb import EmbeddedEngine
from access_review.findings.sentences import columns_of, facts_of, reason_of
from access_review.model import Relation, Severity
from access_review.rules import Rule, load
from tests.support.snapshots import AS_OF


def said(template: str, **facts: object) -> str:
    rule = Rule("own", lambda: Relation("", {}), Severity.LOW, (), (), (), sentences={"it's": template})
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        row = {"code": "it's", **dict.fromkeys(facts_of(rule)), **facts}
        engine.register("found", pa.table({name: [value] for name, value in row.items()}))
        (made,) = engine.rows(f"SELECT {reason_of(rule, AS_OF)} AS reason FROM found")
    return str(made["reason"])


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
    assert said(template, **facts) == sentence


@pytest.mark.parametrize("rule", load().values(), ids=load())
def test_the_rules_that_come_with_the_tool_return_codes(rule):
    assert rule.sentences, "its findings are told apart by a code, not by text"
    assert "reason" not in columns_of(rule)
    for template in rule.sentences.values():
        assert template.count("[") == template.count("]")
        assert template.count("{") == template.count("}")
