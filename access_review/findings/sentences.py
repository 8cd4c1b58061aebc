"""From codes and facts to sentences: what a rule found, said for people where it is shown.

A rule's templates stand beside its SELECT, one for each code. ``{name}`` is a fact; text in
brackets is said when every fact in it is known, and what stands behind ``|`` otherwise::

    kept {name}[ for {client}], which ended on [{until}|an unknown day]

What is kept is the code and, as a JSON object sorted by name, the facts that its template
names: null where one is unknown. No sentence is kept, and nothing is decided on one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from access_review.engine.sql import identifier, literal
from access_review.rules import COLUMNS, Rule, load
from access_review.tables import Row

IN_WORDS = "in-words"
"""The code of what is known in words alone: from a rule without codes, or a run written before there were any."""

WORDS = "words"
"""The fact that such a finding has."""

UNCHECKED = "not checked this time: "
"""Said before a finding that stays as it was, because what it rests on was not read whole."""

RISK_PARTS = ("severity", "privileged", "tier0", "sensitive", "leaver", "enabled_unknown", "old")
"""What a risk is the sum of, each in points, as the policy's weights are called."""

_CHOICE = re.compile(r"\[([^\]|]*)(?:\|([^\]]*))?\]")
_FACT = re.compile(r"\{(\w+)\}")
_GENERAL: Mapping[str, str] = {IN_WORDS: f"{{{WORDS}}}"}


def facts_of(rule: Rule) -> frozenset[str]:
    """Return the facts that the sentences of a rule name."""
    return frozenset(fact for template in rule.sentences.values() for fact in _named(template))


def columns_of(rule: Rule) -> tuple[str, ...]:
    """Return the columns that a rule is to return: those of a plain one, or a code and the facts its sentences name."""
    if not rule.sentences:
        return COLUMNS
    return ("subject", "about", "code", *sorted(facts_of(rule)), "remedy")


def found_by(rule: Rule, as_of: datetime) -> str:
    """Return the SQL columns ``code`` and ``facts`` of what a rule returned; facts are null for a code without a sentence."""
    if not rule.sentences:
        return f"{literal(IN_WORDS, as_of)} AS code, {_object({WORDS: 'reason'})} AS facts"
    codes: dict[str, list[str]] = {}
    for code, template in sorted(rule.sentences.items()):
        known = _object({fact: f'"{identifier(fact)}"' for fact in _named(template)})
        codes.setdefault(known, []).append(code)
    cases = (f"WHEN code IN {literal(alike, as_of)} THEN {known}" for known, alike in codes.items())
    return f"code, CASE {' '.join(cases)} END AS facts"


def _named(template: str) -> tuple[str, ...]:
    return tuple(sorted(set(_FACT.findall(template))))


def _object(facts: Mapping[str, str]) -> str:
    """Write a JSON object as SQL. Facts are text and whole numbers, of which both engines write the same bytes."""
    fields = ", ".join(f'"{name}" := {column}' for name, column in facts.items())
    return f"CAST(to_json(struct_pack({fields})) AS VARCHAR)" if fields else "'{}'"


@dataclass(frozen=True, slots=True)
class Sentences:
    """The templates of every rule, by its id and the code, and of what a subject is called; findings are rows of that table."""

    templates: Mapping[str, Mapping[str, str]]
    subjects: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Self:
        """Return what some rules say."""
        known = list(rules)
        return cls({one.id: one.sentences for one in known}, {one.id: one.subject for one in known if one.subject})

    def reason(self, finding: Row) -> str:
        """Say what was found. A code that no rule knows any more is said as it is, with its facts."""
        facts = json.loads(finding["facts"])
        known = {**_GENERAL, **self.templates.get(finding["rule"], {})}
        template = known.get(finding["code"])
        said = _code_itself(finding["code"], facts) if template is None else _said(template, facts)
        return said if finding["checked"] else UNCHECKED + said

    def shown(self, finding: Row) -> Row:
        """Return a finding as it is shown: its facts as an object, and what people read, in words.

        One that speaks of another finding calls that by what was found, since nobody knows it by its digits.
        """
        objects = {name: json.loads(finding[name]) for name in ("facts", "risk_parts")}
        if (called := self.subjects.get(finding["rule"])) and finding["code"] != IN_WORDS:
            objects["subject_name"] = _said(called, objects["facts"])
        return {**finding, **objects, "reason": self.reason(finding), "risk_reasons": risk_reasons(finding)}


def every_sentence() -> Sentences:
    """Return the templates of all rules there are; raises ``RuleError`` for one that does not load."""
    return Sentences.of(load().values())


def risk_reasons(finding: Row) -> str:
    """Say what the risk of a finding is made of."""
    parts = json.loads(finding["risk_parts"])
    if WORDS in parts:
        return str(parts[WORDS] or "")
    names = {"severity": finding["severity"], "privileged": "privileged", "tier0": "tier 0"}
    names |= {
        "sensitive": f"{finding['sensitivity']} data",
        "leaver": "leaver",
        "enabled_unknown": "state unknown",
        "old": "long open",
    }
    return ", ".join(
        f"{names[part]} {parts[part]}" for part in RISK_PARTS if part == "severity" or parts.get(part, 0) > 0
    )


def _code_itself(code: str, facts: Mapping[str, Any]) -> str:
    known = ", ".join(f"{name} {'unknown' if fact is None else fact}" for name, fact in sorted(facts.items()))
    return f"{code} ({known})" if known else code


def _said(template: str, facts: Mapping[str, Any]) -> str:
    return "".join(_parts(template, facts))


def _parts(template: str, facts: Mapping[str, Any]) -> Iterator[str]:
    for text, choice, otherwise in _compiled(template):
        yield _filled(text, facts)
        if choice is not None:
            known = all(facts.get(fact) is not None for fact in _FACT.findall(choice))
            yield _filled(choice if known else otherwise, facts)


@lru_cache(maxsize=1024)
def _compiled(template: str) -> tuple[tuple[str, str | None, str], ...]:
    """Take a template apart: plain text, and behind it what is said or, instead, what otherwise."""
    parts, last = [], 0
    for choice in _CHOICE.finditer(template):
        parts.append((template[last : choice.start()], choice[1], choice[2] or ""))
        last = choice.end()
    return (*parts, (template[last:], None, ""))


def _filled(text: str, facts: Mapping[str, Any]) -> str:
    return _FACT.sub(lambda match: _plain(facts.get(match[1])), text)


def _plain(fact: object) -> str:
    return "" if fact is None else str(fact)
