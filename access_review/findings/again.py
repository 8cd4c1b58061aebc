"""Judge a part of a company again, from kept facts, as if all of it had been reviewed.

Facts that are about an account, a person or an object are narrowed to those of a scope, the others are taken whole; what
everybody holds is compared with the roles for the scope alone, and the rules that are ``local`` are run on that.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review import diff
from access_review.declared import VALID_WAIVERS
from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.engine.sql import identifier, tables_read
from access_review.findings.conclusion import conclude
from access_review.findings.hits import OBJECT, SUBJECT, Evaluation, Gaps, evaluate, why_idle
from access_review.findings.scope import KeptFacts
from access_review.model import AsOf
from access_review.model import Relation as Asked
from access_review.policy import Policy
from access_review.roles import TIMED_ASSIGNMENTS
from access_review.rules import Rule

VIEWS = (TIMED_ASSIGNMENTS, VALID_WAIVERS)
"""What is known by name and made of other facts whenever it is read."""

MADE: Mapping[str, NamedRelation] = {one.name: one for one in diff.RELATIONS}
"""What comparing makes: of everybody it is never kept."""

_BY: Mapping[str, str] = {
    **dict.fromkeys(
        ("accounts", "grants", "activity", "signins", "granters", "ticketed", "doubts", "twins"), "account"
    ),
    **dict.fromkeys(("custody", "accepted_grants"), "account"),
    **dict.fromkeys(("people", "assignments", "person_roles", "person_role_sets", "training"), "person"),
    **dict.fromkeys(("owned", "owners", "credentials"), "object"),
}
"""The column by which a fact is about an account, a person or an object."""

_OF_ROLES: Mapping[str, str] = {
    "role_sets": "SELECT * FROM role_sets WHERE role_set IN (SELECT role_set FROM person_role_sets WHERE person IN :ids)",
    "expected": "SELECT * FROM expected WHERE role IN (SELECT role FROM person_roles WHERE person IN :ids)",
}

_COMPARED = re.compile(r"[<>]=?\s*:(\w+)\b(?!\s*[-+*/|])|(?<![\w:]):(\w+)\s*[<>]=?")
_NAMED = re.compile(r"(?<![\w:]):(\w+)")


def is_local(rule: Rule, asked: Asked) -> bool:
    """Tell whether a rule can be asked about a part alone: it says so, and its times can be told to pass their bounds."""
    return rule.local and compares_directly(asked)


def compares_directly(asked: Asked) -> bool:
    """Tell whether a relation does nothing with times of the snapshot's but compare others with them."""
    moments = {name for name, value in asked.params.items() if isinstance(value, AsOf)}
    named = [name for name in _NAMED.findall(asked.sql) if name in moments]
    compared = [name for pair in _COMPARED.findall(asked.sql) for name in pair if name in moments]
    return len(named) <= len(compared)


def unkept(asked: Asked) -> frozenset[str]:
    """Return what a relation reads that is not kept of everybody."""
    kept_too = {"grants"}
    return tables_read(asked.sql) & (MADE.keys() - kept_too)


def establish_part(kept: KeptFacts, part: Engine, ids: Collection[str], asked: Iterable[Asked]) -> int:
    """Put what some relations read into an engine, narrowed to the rows about ``ids``; ``held`` is made there.

    Returns how many grants that is.
    """
    wanted = set().union(*(tables_read(one.sql) for one in asked))
    wanted |= set().union(*(one.reads for one in MADE.values()))
    views = [view for view in VIEWS if view.name in wanted]
    wanted |= set().union(*(view.reads for view in views))
    number = _copy(kept, part, sorted(wanted - MADE.keys() - {view.name for view in VIEWS}), ids)
    for view in views:
        view.make(part)
    diff.diff(part)
    return number


def _copy(kept: KeptFacts, part: Engine, names: Iterable[str], ids: Collection[str]) -> int:
    asked = sorted(ids)
    grants = kept.find("grants", "account", asked)
    part.register("grants", grants)
    for name in names:
        if name == "closure":
            part.register(name, _closure(kept, pc.unique(grants["entitlement"]).to_pylist()))
        elif name in _BY:
            part.register(name, kept.find(name, _BY[name], asked))
        elif name in _OF_ROLES:
            part.register(name, kept.engine.query(_OF_ROLES[name], ids=asked))
        else:
            part.register(name, kept.engine.query(f"SELECT * FROM {identifier(name)}"))
    part.identify({})  # of what is that small nothing is numbered, and plans are run as they are written
    return len(grants)


def _closure(kept: KeptFacts, given: Iterable[str]) -> pa.Table:
    """Return what is reached from what is given, and from there."""
    unread = kept.engine.query("SELECT DISTINCT subject FROM problems WHERE subject IS NOT NULL")["subject"].to_pylist()
    reached = kept.find("closure", "entitlement", sorted({*given, *unread}), ["reached"])
    return kept.find("closure", "entitlement", pc.unique(reached["reached"]).to_pylist())


def hits_of(engine: Engine, rules: Sequence[Rule], policy: Policy, gaps: Gaps) -> pa.Table:
    """Run rules over the facts in an engine; return what they report, as :data:`HITS`."""
    evaluate(engine, rules, policy, gaps)
    return engine.query(
        f"SELECT finding, rule, {SUBJECT} AS subject, {OBJECT} AS about, code, facts, remedy, severity FROM hits"
    )


HITS = ("finding", "rule", "subject", "about", "code", "facts", "remedy", "severity")


def conclude_again(
    kept: KeptFacts,
    part: Engine,
    standing: pa.Table,
    before: pa.Table,
    hits: pa.Table,
    rules: Sequence[Rule],
    policy: Policy,
    gaps: Gaps,
) -> pa.Table:
    """Return findings as they are now; those that are none any more are not among them.

    ``hits`` are what the rules say that were asked again, ``standing`` the findings that other rules still report, and
    ``before`` is what the last whole run found of all these. Raises ``RuleError`` as concluding does.
    """
    every = pa.concat_tables([standing.select(HITS).cast(hits.schema), hits])
    ids = _named_by(every) | _named_by(before)
    owned = kept.find("accounts", "account", sorted(ids), ["person"])
    _copy(kept, part, _CONCLUDED, ids | frozenset(owned["person"].drop_null().to_pylist()))
    VALID_WAIVERS.make(part)
    part.register("previous_findings", before)
    for name in ("subject_text", "about_text"):
        every = every.append_column(name, pa.nulls(len(every), pa.string()))
    part.register("hits", every)
    found = conclude(part, policy, told(rules, policy, gaps), gaps, rules)
    assert isinstance(found, pa.Table)  # noqa: S101 - no file was given
    return found


def told(rules: Sequence[Rule], policy: Policy, gaps: Gaps) -> tuple[Evaluation, ...]:
    """Return which rules are asked at all, and why others are not; nothing is counted."""
    return tuple(Evaluation(rule.id, not (why := why_idle(rule, policy, gaps)), reason=why) for rule in rules)


_CONCLUDED = (
    "accounts",
    "people",
    "entitlements",
    "powers",
    "closure",
    "problems",
    "signins",
    "activity",
    "waivers",
    "moment",
)


def _named_by(found: pa.Table) -> frozenset[str]:
    return frozenset(found["subject"].to_pylist()) | frozenset(found["about"].drop_null().to_pylist())


def due_between(
    asked: Iterable[Asked], since: datetime, until: datetime, more: Iterable[AsOf] = ()
) -> dict[str, datetime]:
    """Return the spans in which a time would have passed a bound of some relations, as parameters ``from_0, to_0, …``."""
    bounds = {value.offset for one in asked for value in one.params.values() if isinstance(value, AsOf)}
    bounds |= {one.offset for one in more}
    spans: dict[str, datetime] = {}
    for place, offset in enumerate(sorted(bounds)):
        spans |= {f"from_{place}": since + offset, f"to_{place}": until + offset}
    return spans


def is_due(columns: Sequence[str], spans: Mapping[str, Any]) -> str:
    """Return the condition that one of some columns lies in one of the spans of :func:`due_between`."""
    tests = [
        f'"{identifier(column)}" BETWEEN :from_{place} AND :to_{place}'
        for column in columns
        for place in range(len(spans) // 2)
    ]
    return " OR ".join(tests) or "FALSE"
