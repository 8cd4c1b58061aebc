"""Role templates × people: who has which role, and what each role expects.

A template applies to an assignment whose role column names it, or whose attributes
satisfy its ``who``. Allowing an entitlement allows what it carries, except what must
be allowed by name: the privileged, the forbidden, and halves of toxic pairs. Where an
allowed entitlement carries one of those, the nesting edge is an *escalation*.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from access_review.engine import Engine
from access_review.facts import FACTS
from access_review.graph import State, states
from access_review.model import AsOf
from access_review.settings import Pattern, Policy, Template
from access_review.tables import frame

LISTS = ("must", "may", "eligible", "never")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A template after inheritance: each list with what its patterns match, and from which template each came."""

    template: Template
    patterns: Mapping[str, tuple[tuple[Pattern, str], ...]]
    matches: Mapping[Pattern, frozenset[str]]

    def entitlements(self, name: str) -> frozenset[str]:
        """Return what one of the lists names today."""
        return frozenset().union(*(self.matches[p] for p, _ in self.patterns[name]))

    @property
    def allowed(self) -> frozenset[str]:
        """Everything the role may have by name, forbidden things taken out."""
        return (self.entitlements("must") | self.entitlements("may") | self.entitlements("eligible")) - self.forbidden

    @property
    def forbidden(self) -> frozenset[str]:
        """Everything the role must never have."""
        return self.entitlements("never")


class Names:
    """The entitlements by name, to find what a pattern means."""

    def __init__(self, entitlements: pa.Table) -> None:
        self._ids: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        columns = (entitlements[c].to_pylist() for c in ("entitlement", "source", "kind", "name"))
        for entitlement, source, kind, name in zip(*columns, strict=True):
            self._ids[source.casefold(), kind.casefold()].append((name.casefold(), entitlement))

    @cached_property
    def _exact(self) -> Mapping[tuple[str, str, str], frozenset[str]]:
        found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for (source, kind), names in self._ids.items():
            for name, entitlement in names:
                found[source, kind, name].add(entitlement)
        return {key: frozenset(ids) for key, ids in found.items()}

    def match(self, pattern: Pattern) -> frozenset[str]:
        """Return the ids of the entitlements that a pattern names."""
        source, kind, name = pattern.source.casefold(), pattern.kind.casefold(), pattern.name.casefold()
        if pattern.exact:
            return self._exact.get((source, kind, name), frozenset())
        return frozenset(
            entitlement
            for (s, k), names in self._ids.items()
            if matches(source, s) and matches(kind, k)
            for n, entitlement in names
            if matches(name, n)
        )


def matches(pattern: str, text: str) -> bool:
    """Tell whether ``text`` is what the pattern says, ``*`` standing for any text."""
    if "*" not in pattern:
        return pattern == text
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def resolve(templates: Sequence[Template], entitlements: pa.Table) -> tuple[Resolved, ...]:
    """Return every template after inheritance, with what its patterns match."""
    names = Names(entitlements)
    by_role = {template.role: template for template in templates}
    known: dict[Pattern, frozenset[str]] = {}
    resolved = []
    for template in templates:
        line = _lineage(template, by_role)
        patterns = {name: tuple((p, t.role) for t in line for p in getattr(t, name)) for name in LISTS}
        for pattern, _ in (entry for entries in patterns.values() for entry in entries):
            if pattern not in known:
                known[pattern] = names.match(pattern)
        resolved.append(Resolved(template, patterns, known))
    return tuple(resolved)


def _lineage(template: Template, by_role: Mapping[str, Template]) -> list[Template]:
    """Return a template and all it extends, nearest first, each once."""
    line: list[Template] = []
    todo = [template]
    while todo:
        current = todo.pop(0)
        if current not in line:
            line.append(current)
            todo += [by_role[parent] for parent in current.extends]
    return line


def expected(resolved: Sequence[Resolved], nesting: pa.Table, by_name: Mapping[str, str]) -> tuple[pa.Table, pa.Table]:
    """Return the facts ``expected`` and ``escalations``.

    ``by_name`` has the entitlements that nobody gets merely by being carried, each with the reason.
    """
    graph = states(nesting)
    rows: list[dict[str, Any]] = []
    escalations: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in resolved:
        role = one.template.role
        for name in LISTS:
            rows += [{"role": role, "entitlement": e, "allows": name} for e in one.entitlements(name)]
        allowed = one.allowed
        stops = (frozenset(by_name) | one.forbidden) - allowed
        carried: set[str] = set()
        for entitlement in sorted(allowed):
            for child, parent in _carry(graph, entitlement, stops, carried):
                row = {"role": role, "child": child, "parent": parent, "allowed": entitlement}
                escalations.setdefault((role, child, parent), {**row, "because": by_name.get(parent, "never allowed")})
        rows += [{"role": role, "entitlement": e, "allows": "carried"} for e in carried - allowed]
    return frame(FACTS["expected"], rows), frame(FACTS["escalations"], escalations.values())


def _carry(graph: Any, start: str, stops: frozenset[str], carried: set[str]) -> Iterable[tuple[str, str]]:
    """Add to ``carried`` what an allowed entitlement brings, and yield the edges at which that stops."""
    first: State = (start, False, False)
    seen = {first}
    todo = [first] if first in graph else []
    while todo:
        state = todo.pop()
        for after in sorted(graph[state]):
            if after[0] in stops:
                yield state[0], after[0]
            elif after not in seen:
                seen.add(after)
                carried.add(after[0])
                todo.append(after)


def assign(engine: Engine, templates: Sequence[Template], policy: Policy) -> None:
    """Create ``person_roles``, ``role_sets`` and ``person_role_sets`` from the assignments."""
    engine.create("profiles", _PROFILES)
    columns = "profile, role, client, attributes, kind, source"
    profiles = engine.rows(f"SELECT {columns} FROM profiles ORDER BY profile")
    pairs = [(p["profile"], role) for p in profiles for role in roles_of(p, templates)]
    engine.register(
        "profile_roles",
        pa.table(
            {
                "profile": pa.array([p for p, _ in pairs], pa.int64()),
                "role": pa.array([r for _, r in pairs], pa.string()),
            }
        ),
    )
    engine.create("spells", _SPELLS, now=AsOf(), grace_from=AsOf(-policy.mover_grace))
    engine.create("person_roles", _PERSON_ROLES)
    engine.create("role_texts", _ROLE_TEXTS)
    engine.create("role_sets", "SELECT DISTINCT role_set, unnest(string_split(roles, chr(31))) AS role FROM role_texts")
    engine.create("person_role_sets", "SELECT person, role_set FROM role_texts")


def roles_of(profile: Mapping[str, Any], templates: Sequence[Template]) -> list[str]:
    """Return the roles of an assignment with this role column, client, kind, source and attributes."""
    said = {
        **json.loads(profile["attributes"] or "{}"),
        **{k: profile[k] for k in ("role", "client", "kind", "source")},
    }
    known = {key: str(value).strip().casefold() for key, value in said.items() if value is not None}
    return [t.role for t in templates if known.get("role") == t.role.casefold() or (t.who and _satisfies(known, t.who))]


def _satisfies(known: Mapping[str, str], who: Mapping[str, Sequence[str]]) -> bool:
    return all(key in known and any(matches(v.casefold(), known[key]) for v in values) for key, values in who.items())


_PROFILES = """
    WITH told AS (
        SELECT DISTINCT a.role, a.client, a.attributes, p.kind, a.source FROM assignments AS a JOIN people AS p USING (person)
    )
    SELECT row_number() OVER (ORDER BY role, client, attributes, kind, source) AS profile, * FROM told
"""

_SPELLS = """
    WITH timed AS (
        SELECT a.person, a.client, profile, a.starts_latest AS since,
               least(a.ends_latest, CASE WHEN p.status = 'left' THEN p.left_at_latest END) AS until,
               p.status IN ('active', 'leave') AND a.status IN ('active', 'leave')
                   AND coalesce(a.ends_latest > :now, TRUE) AS current,
               coalesce(a.starts_earliest > :now, FALSE) AS future
        FROM assignments AS a JOIN people AS p USING (person)
        JOIN profiles AS f ON a.role IS NOT DISTINCT FROM f.role AND a.client IS NOT DISTINCT FROM f.client
            AND a.attributes IS NOT DISTINCT FROM f.attributes AND p.kind = f.kind AND a.source = f.source
        WHERE p.status <> 'unknown'
    ),
    clients AS (SELECT DISTINCT person, client FROM timed WHERE current AND NOT future)
    SELECT person, client, profile, since, until,
           CASE WHEN current THEN 'current'
                WHEN until > :grace_from AND EXISTS (
                    SELECT 1 FROM clients AS c
                    WHERE c.person = timed.person AND c.client IS NOT DISTINCT FROM timed.client
                ) THEN 'grace'
                ELSE 'former' END AS spell
    FROM timed WHERE NOT future
"""

_PERSON_ROLES = """
    SELECT person, role, spell, min(client) AS client, min(since) AS since, max(until) AS until
    FROM spells JOIN profile_roles USING (profile)
    GROUP BY person, role, spell
"""

_ROLE_TEXTS = """
    WITH texts AS (
        SELECT person, string_agg(role, chr(31) ORDER BY role) AS roles
        FROM (SELECT DISTINCT person, role FROM person_roles WHERE spell <> 'former') AS held
        GROUP BY person
    )
    SELECT person, roles, dense_rank() OVER (ORDER BY roles) AS role_set FROM texts
"""
