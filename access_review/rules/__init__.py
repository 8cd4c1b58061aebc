"""What a rule is, and how the rules are found.

A rule is one file: ``leaver_active.py`` is the rule ``leaver-active``. Its ``check``
takes settings as keyword-only arguments (``roles/policy.yaml`` may set them) and
returns a :class:`~access_review.model.Relation` with the columns

``subject``
    what is wrong: an account, a person, an entitlement, a template
``about``
    the grant, entitlement, pair or owner concerned, or null; nothing volatile, since
    ``(rule, subject, about)`` is the finding's identity
``remedy``
    what would end it (:class:`~access_review.model.Remedy`)
``code``
    what was found, as a word of the rule
and every fact that its ``sentences`` name, as text or a whole number, null where it is
unknown. ``sentences`` has one for each code (:mod:`access_review.findings.sentences` says
how they are written). A rule without sentences returns ``reason`` instead: why, in one line for a person.

Its ``family`` says under what heading a report lists it.

``needs`` names the facts (:mod:`access_review.facts`) that must have been read.
Findings about a source that was read incompletely there are withheld; facts named
in ``whole`` (and always people and assignments), needed or not, must be complete in every source,
or the rule is not evaluated at all. What else its statement reads it goes without where no source has it; where that
was read incompletely, no finding that may rest on it is closed. ``timed`` rules turn on the hour: their findings are
withheld about a source whose clock and ours disagree, since either may be the wrong one.
Of ``either`` one must have been read, or the rule is not evaluated.
A rule is not run, and has found nothing, while a table named in ``nothing_without`` has no row: name those that every
finding is joined from.
``local`` rules find what they find about one thing from the rows of that account, person or object, of those linked with it
(the holder's other accounts, twins, owners, custodians, a sponsor), from what is no row of an account or person at all
(templates, pairs that exclude each other), and of entitlements from those that one of these names, with what carries and what is reached
from what is held; they compare no time with the snapshot's but by ``<``, ``>`` and their like. When little has changed
they are asked about what that touches alone. Any other rule is run whole: one that counts over accounts, or
compares one with accounts of others, is not local.
``rosterless`` rules are evaluated too where no source is a roster: then nobody is known, and accounts are all there is.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from access_review.errors import RuleError
from access_review.facts import FACTS
from access_review.model import Family, Relation, Severity

if TYPE_CHECKING:
    import pandas as pd

GROUP = "access_review.rules"
COLUMNS = ("subject", "about", "reason", "remedy")
ROSTER = ("people", "assignments")
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One detection: what it needs, how bad it is, and the function that finds it."""

    id: str
    check: Callable[..., Relation]
    severity: Severity
    needs: tuple[str, ...]
    whole: tuple[str, ...]
    controls: tuple[str, ...]
    timed: bool = False
    family: Family = Family.OTHER
    sentences: Mapping[str, str] = field(default_factory=dict)
    rosterless: bool = False
    nothing_without: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    local: bool = False
    subject: str = ""
    """What its subject is called, where that is a finding: a template of the same facts."""

    @property
    def title(self) -> str:
        """First line of the module's docstring."""
        return (inspect.getdoc(inspect.getmodule(self.check)) or "").split("\n", 1)[0]

    @property
    def settings(self) -> Mapping[str, inspect.Parameter]:
        """The settings and their defaults."""
        return inspect.signature(self.check).parameters


def rule(
    *,
    severity: Severity,
    needs: tuple[str, ...],
    whole: tuple[str, ...] = (),
    controls: tuple[str, ...] = (),
    timed: bool = False,
    family: Family = Family.OTHER,
    sentences: Mapping[str, str] = MappingProxyType({}),
    rosterless: bool = False,
    nothing_without: tuple[str, ...] = (),
    either: tuple[str, ...] = (),
    local: bool = False,
    subject: str = "",
) -> Callable[[Callable[..., Relation]], Rule]:
    """Make a module's ``check`` a rule named after its file.

    What is made raises ``RuleError`` for a file whose name no rule can have, and for needs that are no facts.
    """

    def make(check: Callable[..., Relation]) -> Rule:
        name = check.__module__.rsplit(".", 1)[-1].replace("_", "-")
        if not _ID.fullmatch(name):
            raise RuleError(name, "is no name of a rule", hint="name its file in small ASCII letters, digits and _")
        if unknown := {*needs, *nothing_without, *either} - set(FACTS):
            raise RuleError(name, f"needs {min(unknown)!r}, which is no fact", hint=f"known: {', '.join(FACTS)}")
        strict = tuple(dict.fromkeys((*(n for n in needs if n in ROSTER), *whole)))
        return Rule(
            *(name, check, severity, needs, strict, controls, timed, family, sentences, rosterless),
            nothing_without=nothing_without,
            either=either,
            local=local,
            subject=subject,
        )

    return make


def select(sql: str, **params: Any) -> Relation:
    """Return the relation that a SELECT describes."""
    return Relation(sql, params)


def derive(sql: str, then: "Callable[[pd.DataFrame], pd.DataFrame]", **params: Any) -> Relation:
    """Return the relation that a function makes of the few rows a SELECT returns."""
    return Relation(sql, params, then)


def load() -> dict[str, Rule]:
    """Import every rule, ours and those of entry points; raises ``RuleError`` for one that is none, or defined twice."""
    found = list(_ours())
    found += [point.load() for point in _registered(tuple(sys.path))]
    rules: dict[str, Rule] = {}
    for check in found:
        if not isinstance(check, Rule):
            raise RuleError(str(check), "has no @rule above its check")
        if check.id in rules:
            raise RuleError(check.id, "is defined twice")
        rules[check.id] = check
    return dict(sorted(rules.items()))


def ours() -> dict[str, Rule]:
    """Return the rules of this package by id, without those of entry points."""
    return {check.id: check for check in _ours() if isinstance(check, Rule)}


@cache
def _ours() -> tuple[object, ...]:
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return tuple(getattr(module, "check", None) for module in modules)


@lru_cache(maxsize=1)
def _registered(_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Look through the packages on the path once: a command loads the rules for the workspace and for the review."""
    return tuple(entry_points(group=GROUP))
