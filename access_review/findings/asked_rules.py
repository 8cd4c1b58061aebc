"""The rules of a review as they are asked, and what of their statements lets one be asked about a part of a company alone."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from access_review import diff
from access_review.engine.relation import NamedRelation
from access_review.engine.sql import tables_read
from access_review.findings.hits import Evaluation, Gaps, why_idle
from access_review.model import AsOf, Relation
from access_review.policy import Policy
from access_review.rules import Rule, load

MADE: Mapping[str, NamedRelation] = {one.name: one for one in diff.RELATIONS}
"""What comparing makes: of everybody it is never kept."""

_COMPARED = re.compile(r"[<>]=?\s*:(\w+)\b(?!\s*[-+*/|])|(?<![\w:]):(\w+)\s*[<>]=?")
_NAMED = re.compile(r"(?<![\w:]):(\w+)")


@dataclass(frozen=True, slots=True)
class AskedRules:
    """The rules under a policy: ``relations`` are what those ask that are asked at all, by rule.

    ``gaps`` are what a review goes without, and ``local`` the rules that can be asked about a part alone.
    """

    rules: tuple[Rule, ...]
    policy: Policy
    gaps: Gaps
    relations: Mapping[str, Relation]
    local: frozenset[str]

    @classmethod
    def of(cls, policy: Policy, gaps: Gaps) -> Self:
        """Ask every rule what it would ask."""
        rules = tuple(load().values())
        asked = [rule for rule in rules if not why_idle(rule, policy, gaps)]
        relations = {rule.id: rule.check(**policy.rule(rule.id).own) for rule in asked}
        local = frozenset(rule.id for rule in asked if is_local(rule, relations[rule.id]))
        return cls(rules, policy, gaps, relations, local)

    def among(self, names: Collection[str]) -> Sequence[Rule]:
        """Return some rules, in their order."""
        return [rule for rule in self.rules if rule.id in names]

    def bounds(self, names: Iterable[str]) -> list[AsOf]:
        """Return what some rules compare times with."""
        return [bound for name in names for bound in bounds_of(self.relations[name])]

    def evaluations(self) -> tuple[Evaluation, ...]:
        """Return which rules are asked at all, and why others are not; nothing is counted."""
        idle = {rule.id: why_idle(rule, self.policy, self.gaps) for rule in self.rules}
        return tuple(Evaluation(name, not why, reason=why) for name, why in idle.items())


def bounds_of(relation: Relation) -> list[AsOf]:
    """Return what a relation compares times with."""
    return [value for value in relation.params.values() if isinstance(value, AsOf)]


def is_local(rule: Rule, asked: Relation) -> bool:
    """Tell whether a rule can be asked about a part alone: it says so, and its times can be told to pass their bounds."""
    return rule.local and compares_directly(asked)


def compares_directly(asked: Relation) -> bool:
    """Tell whether a relation does nothing with times of the snapshot's but compare others with them."""
    moments = {name for name, value in asked.params.items() if isinstance(value, AsOf)}
    named = [name for name in _NAMED.findall(asked.sql) if name in moments]
    compared = [name for pair in _COMPARED.findall(asked.sql) for name in pair if name in moments]
    return len(named) <= len(compared)


def unkept(asked: Relation) -> frozenset[str]:
    """Return what a relation reads that is not kept of everybody."""
    kept_too = {"grants"}
    return tables_read(asked.sql) & (MADE.keys() - kept_too)
