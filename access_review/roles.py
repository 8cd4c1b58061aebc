"""Role templates × people: who has which role, and what each role expects.

A template applies to an assignment whose role column names it, or whose attributes
satisfy its ``who``. Allowing an entitlement allows what it carries, except what must
be allowed by name: the privileged, the forbidden, and halves of toxic pairs. Where an
allowed entitlement carries one of those, the nesting edge is an *escalation*.
"""

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pyarrow as pa

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.engine.sql import json_path
from access_review.facts import FACTS
from access_review.graph import Walks, walks
from access_review.model import AsOf
from access_review.policy import Policy
from access_review.settings import Pattern, Template
from access_review.tables import frame, settle

LISTS = ("must", "may", "eligible", "never")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A template after inheritance: each list with what its patterns match, and from which template each came.

    ``training`` are the courses that whoever has the role must have done, ``before`` those, each with a pattern, that whoever
    holds what it names must have done.
    """

    template: Template
    patterns: Mapping[str, tuple[tuple[Pattern, str], ...]]
    matches: Mapping[Pattern, frozenset[str]]
    training: tuple[str, ...] = ()
    before: tuple[tuple[str, Pattern], ...] = ()

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
    """The entitlements by name, to find what a pattern means; made of ``entitlements (entitlement, source, kind, name)``."""

    def __init__(self, entitlements: pa.Table) -> None:
        ids: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        columns = (entitlements[c].to_pylist() for c in ("entitlement", "source", "kind", "name"))
        for entitlement, source, kind, name in zip(*columns, strict=True):
            ids[source.casefold(), kind.casefold()].append((name.casefold(), entitlement))
        self._ids = {key: sorted(names) for key, names in ids.items()}

    def match(self, pattern: Pattern) -> frozenset[str]:
        """Return the ids of the entitlements that a pattern names."""
        source, kind, name = pattern.source.casefold(), pattern.kind.casefold(), pattern.name.casefold()
        return frozenset(
            entitlement
            for (s, k), names in self._ids.items()
            if matches(source, s) and matches(kind, k)
            for n, entitlement in _beginning(names, name.split("*", 1)[0])
            if matches(name, n)
        )


def _beginning(names: Sequence[tuple[str, str]], start: str) -> Iterator[tuple[str, str]]:
    """Yield those of the sorted names that begin with some text: few, when there are many names."""
    for place in range(bisect_left(names, (start,)), len(names)):
        if not names[place][0].startswith(start):
            return
        yield names[place]


def matches(pattern: str, text: str) -> bool:
    """Tell whether ``text`` is what the pattern says, ``*`` standing for any text."""
    if "*" not in pattern:
        return pattern == text
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def resolve(templates: Sequence[Template], entitlements: pa.Table) -> tuple[Resolved, ...]:
    """Return every template after inheritance, with what its patterns match.

    ``entitlements`` has the columns ``entitlement, source, kind, name``. Raises ``KeyError``
    for a template that extends one that is not given, which loading a workspace rules out.
    """
    names = Names(entitlements)
    by_role = {template.role: template for template in templates}
    known: dict[Pattern, frozenset[str]] = {}
    resolved = []
    for template in templates:
        line = _lineage(template, by_role)
        patterns = {name: tuple((p, t.role) for t in line for p in getattr(t, name)) for name in LISTS}
        asked = [one for t in line for one in t.training]
        courses = dict.fromkeys(_in_one_line(one) for one in asked if isinstance(one, str))
        lines = (one for one in asked if not isinstance(one, str))
        before = dict.fromkeys((_in_one_line(one.course), pattern) for one in lines for pattern in one.before)
        for pattern in (*(p for entries in patterns.values() for p, _ in entries), *(p for _, p in before)):
            if pattern not in known:
                known[pattern] = names.match(pattern)
        resolved.append(Resolved(template, patterns, known, tuple(courses), tuple(before)))
    return tuple(resolved)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


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
    """Return the facts ``expected (role, entitlement, allows)`` and ``escalations (role, child, parent, allowed, because)``.

    ``nesting`` has the columns ``child, parent, mode, why, reach``.

    ``by_name`` has the entitlements that nobody gets merely by being carried, each with the reason.
    """
    every = frozenset().union(by_name, *(one.allowed | one.forbidden for one in resolved))
    carrying = _Carrying(walks(nesting, pa.array(sorted(every), pa.string())))
    rows: list[tuple[str, str, str]] = []
    escalations: list[dict[str, Any]] = []
    for one in resolved:
        role = one.template.role
        for name in LISTS:
            rows += [(role, e, name) for e in one.entitlements(name)]
        carried, stopped = carrying.from_(one.allowed, (frozenset(by_name) | one.forbidden) - one.allowed)
        rows += [(role, e, "carried") for e in carried - one.allowed]
        for (child, parent), allowed in stopped.items():
            row = {"role": role, "child": child, "parent": parent, "allowed": allowed}
            escalations.append({**row, "because": by_name.get(parent, "never allowed")})
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=FACTS["expected"].schema.names)
    return settle(FACTS["expected"], table), frame(FACTS["escalations"], escalations)


class _Carrying:
    """What allowed entitlements bring with them, walk by walk: few enough to go through in Python."""

    def __init__(self, graph: Walks) -> None:
        self.names: list[str] = graph.names.to_pylist()
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self._starts, self._after = graph.starts.tolist(), graph.after.tolist()

    def from_(
        self, allowed: frozenset[str], stops: frozenset[str]
    ) -> tuple[frozenset[str], Mapping[tuple[str, str], str]]:
        """Return what is carried, and each edge at which that stops with the first allowed that leads to it."""
        seen: set[int] = set()
        carried: set[int] = set()
        stopped: dict[tuple[str, str], str] = {}
        stop = {self.numbers[name] for name in stops if name in self.numbers}
        for name in sorted(allowed):
            todo = [4 * self.numbers[name]]
            while todo:
                state = todo.pop()
                for after in self._after[self._starts[state] : self._starts[state + 1]]:
                    if after // 4 in stop:
                        stopped.setdefault((self.names[state // 4], self.names[after // 4]), name)
                    elif after not in seen:
                        seen.add(after)
                        carried.add(after // 4)
                        todo.append(after)
        return frozenset(self.names[number] for number in carried), stopped


def assign(engine: Engine, templates: Sequence[Template], policy: Policy) -> None:
    """Create the facts about roles from the tables ``assignments`` and ``people``.

    They are ``person_roles (person, role, spell, client, since, until)``, ``role_sets (role_set, role)`` and
    ``person_role_sets (person, role_set)``. Leaves :data:`RELATIONS` but for ``stated`` and ``role_texts`` in the engine, and ``profile_roles (profile, role)``.
    """
    asked = sorted({name for template in templates for name in template.who})
    paths = {f"path_{i}": json_path(name) for i, name in enumerate(asked)}
    keys = {f"key_{i}": json.dumps(name) for i, name in enumerate(asked)}
    TIMED_ASSIGNMENTS.make(engine)
    replace(STATED, sql=_stated(len(asked))).make(engine, **paths, **keys)
    PROFILES.make(engine)
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
    SPELLS_OF_PEOPLE.make(engine, grace_from=AsOf(-policy.mover_grace))
    for relation in (PERSON_ROLES, ROLE_TEXTS, ROLE_SETS, PERSON_ROLE_SETS):
        relation.make(engine)
    engine.drop(STATED.name, ROLE_TEXTS.name)


def roles_of(profile: Mapping[str, Any], templates: Sequence[Template]) -> list[str]:
    """Return the roles of an assignment: those that its ``role`` names, and those whose ``who`` it satisfies.

    ``profile`` has ``role, client, attributes, kind, source``; ``attributes`` is an object in JSON, or null.
    """
    said = {
        **json.loads(profile["attributes"] or "{}", strict=False),
        **{k: profile[k] for k in ("role", "client", "kind", "source")},
    }
    known = {key: str(value).strip().casefold() for key, value in said.items() if value is not None}
    return [t.role for t in templates if known.get("role") == t.role.casefold() or (t.who and _satisfies(known, t.who))]


def _satisfies(known: Mapping[str, str], who: Mapping[str, Sequence[str]]) -> bool:
    return all(key in known and any(matches(v.casefold(), known[key]) for v in values) for key, values in who.items())


def _stated(attributes: int) -> str:
    """Return a statement of what each assignment says that templates ask for, in JSON as the roster's attributes are.

    With all that a roster maps, a badge number say, each person would be a profile.
    """
    values = [f"json_extract_string(a.attributes, :path_{i})" for i in range(attributes)]
    escaped = [rf"""replace(replace({value}, '\', '\\'), '"', '\"')""" for value in values]
    pairs = [f""":key_{i} || ':"' || {value} || '"'""" for i, value in enumerate(escaped)]
    return f"""
        SELECT a.person, a.role, a.client, concat('{{', concat_ws(',', NULL, {", ".join(pairs) or "NULL"}), '}}') AS attributes,
               a.kind, a.source, a.since, a.until, a.current, a.future
        FROM timed_assignments AS a
        WHERE a.person_status <> 'unknown'
    """


# The end of an assignment is the first moment without it: one that ends at this very moment is over.
TIMED_ASSIGNMENTS = NamedRelation(
    "timed_assignments",
    "Assignments with whether each is `current` at the time of the snapshot or still `future`, as certain as their bounds allow.",
    (
        "person",
        "source",
        "role",
        "client",
        "attributes",
        "kind",
        "person_status",
        "since",
        "until",
        "future",
        "current",
    ),
    """
    SELECT a.person, a.source, a.role, a.client, a.attributes, p.kind, p.status AS person_status, a.starts_latest AS since,
           least(a.ends_latest, CASE WHEN p.status = 'left' THEN p.left_at_latest END) AS until,
           coalesce(a.starts_earliest > moment.as_of, FALSE) AS future,
           p.status IN ('active', 'leave') AND a.status IN ('active', 'leave')
               AND coalesce(a.starts_earliest <= moment.as_of, TRUE)
               AND coalesce(a.ends_latest > moment.as_of, TRUE) AS current
    FROM assignments AS a JOIN people AS p ON p.person = a.person CROSS JOIN moment
    """,
    view=True,
)

STATED = NamedRelation(
    "stated",
    "What each assignment says that templates ask for, from when until when, and whether it is current.",
    ("person", "role", "client", "attributes", "kind", "source", "since", "until", "current", "future"),
    _stated(0),
)
"""Without attributes; :func:`assign` puts in those that templates ask for."""

PROFILES = NamedRelation(
    "profiles",
    "Each distinct thing that assignments say and templates ask for, numbered.",
    ("profile", "role", "client", "attributes", "kind", "source"),
    """
    WITH said AS (SELECT DISTINCT role, client, attributes, kind, source FROM stated)
    SELECT row_number() OVER (ORDER BY role, client, attributes, kind, source) AS profile, * FROM said
""",
)

SPELLS_OF_PEOPLE = NamedRelation(
    "spells",
    "Every assignment that has begun: current, in the time to hand over, or former.",
    ("person", "client", "profile", "since", "until", "spell"),
    """
    WITH timed AS (
        SELECT t.person, t.client, profile, t.since, t.until, t.current, t.future
        FROM stated AS t JOIN profiles AS f
            ON f.attributes = t.attributes AND f.kind = t.kind AND f.source = t.source
            AND f.role IS NOT DISTINCT FROM t.role AND f.client IS NOT DISTINCT FROM t.client
    ),
    clients AS (SELECT DISTINCT person, client FROM timed WHERE current)
    SELECT person, client, profile, since, until,
           CASE WHEN current THEN 'current'
                WHEN until > :grace_from AND EXISTS (
                    SELECT 1 FROM clients AS c
                    WHERE c.person = timed.person AND c.client IS NOT DISTINCT FROM timed.client
                ) THEN 'grace'
                ELSE 'former' END AS spell
    FROM timed WHERE NOT future
""",
)

PERSON_ROLES = NamedRelation(
    "person_roles",
    "The fact `person_roles`.",
    tuple(FACTS["person_roles"].schema.names),
    """
    SELECT person, role, spell, min(client) AS client, min(since) AS since, max(until) AS until
    FROM spells JOIN profile_roles USING (profile)
    GROUP BY person, role, spell
""",
)

ROLE_TEXTS = NamedRelation(
    "role_texts",
    "The current roles of each person as one text, numbered alike where it is alike.",
    ("person", "roles", "role_set"),
    """
    WITH texts AS (
        SELECT person, string_agg(role, chr(31) ORDER BY role) AS roles
        FROM (SELECT DISTINCT person, role FROM person_roles WHERE spell <> 'former') AS held
        GROUP BY person
    )
    SELECT person, roles, dense_rank() OVER (ORDER BY roles) AS role_set FROM texts
""",
)

ROLE_SETS = NamedRelation(
    "role_sets",
    "The fact `role_sets`.",
    tuple(FACTS["role_sets"].schema.names),
    """
    SELECT DISTINCT texts.role_set, held.role
    FROM (SELECT role_set, min(person) AS person FROM role_texts GROUP BY role_set) AS texts
    JOIN (SELECT DISTINCT person, role FROM person_roles WHERE spell <> 'former') AS held ON held.person = texts.person
""",
)

PERSON_ROLE_SETS = NamedRelation(
    "person_role_sets",
    "The fact `person_role_sets`.",
    tuple(FACTS["person_role_sets"].schema.names),
    "SELECT person, role_set FROM role_texts",
)

RELATIONS = (
    TIMED_ASSIGNMENTS,
    STATED,
    PROFILES,
    SPELLS_OF_PEOPLE,
    PERSON_ROLES,
    ROLE_TEXTS,
    ROLE_SETS,
    PERSON_ROLE_SETS,
)
"""What giving roles to people makes, in this order; ``profile_roles`` comes from Python, behind ``profiles``."""
