"""From codes and facts to sentences: what a rule found, said for people.

A rule's templates stand beside its SELECT, one for each code. ``{name}`` is a fact; text in
brackets is said when every fact in it is known, and what stands behind ``|`` otherwise::

    kept {name}[ for {client}], which ended on [{until}|an unknown day]
"""

import re
from collections.abc import Iterator
from datetime import datetime

from access_review.engine.sql import identifier, literal
from access_review.rules import COLUMNS, Rule

_CHOICE = re.compile(r"\[([^\]|]*)(?:\|([^\]]*))?\]")
_FACT = re.compile(r"\{(\w+)\}")


def facts_of(rule: Rule) -> frozenset[str]:
    """Return the facts that the sentences of a rule name."""
    return frozenset(fact for template in rule.sentences.values() for fact in _FACT.findall(template))


def reason_of(rule: Rule, as_of: datetime) -> str:
    """Return the SQL expression that makes ``reason`` of a rule's columns; null for a code without a sentence."""
    if not rule.sentences:
        return "reason"
    cases = (
        f"WHEN {literal(code, as_of)} THEN {_said(template, as_of)}"
        for code, template in sorted(rule.sentences.items())
    )
    return f"CASE code {' '.join(cases)} END"


def columns_of(rule: Rule) -> tuple[str, ...]:
    """Return the columns that a rule is to return: those of a plain one, or a code and the facts its sentences name."""
    if not rule.sentences:
        return COLUMNS
    return ("subject", "about", "code", *sorted(facts_of(rule)), "remedy")


def _said(template: str, as_of: datetime) -> str:
    """Write a template as SQL."""
    parts: list[str] = []
    last = 0
    for choice in _CHOICE.finditer(template):
        parts += _plain(template[last : choice.start()], as_of)
        known = " AND ".join(f'"{identifier(fact)}" IS NOT NULL' for fact in _FACT.findall(choice[1]))
        said, otherwise = (_joined(_plain(text or "", as_of)) for text in choice.groups())
        parts.append(f"CASE WHEN {known} THEN {said} ELSE {otherwise} END")
        last = choice.end()
    return _joined([*parts, *_plain(template[last:], as_of)])


def _joined(parts: list[str]) -> str:
    return f"concat({', '.join(parts)})" if parts else "''"


def _plain(text: str, as_of: datetime) -> list[str]:
    return list(_parts(text, as_of))


def _parts(text: str, as_of: datetime) -> Iterator[str]:
    for place, part in enumerate(_FACT.split(text)):
        if place % 2:
            yield f'"{identifier(part)}"'
        elif part:
            yield literal(part, as_of)
