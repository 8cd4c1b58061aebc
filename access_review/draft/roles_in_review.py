"""The roles of a run as they are, from an engine in which a review's facts stand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from access_review.draft.review_input import draft_input
from access_review.draft.updates import OwnLine, RolesToday
from access_review.engine import Engine
from access_review.roles import Resolved

_MEMBERS = """
    SELECT DISTINCT r.role, r.person FROM person_roles AS r JOIN people AS p USING (person)
    WHERE r.spell <> 'former' AND p.status IN ('active', 'leave')
"""
_ALLOWED = "SELECT DISTINCT role, entitlement, allows FROM expected"
_HELD = """
    SELECT DISTINCT h.entitlement, h.person FROM held AS h JOIN entitlements AS e USING (entitlement)
    WHERE h.person IS NOT NULL AND NOT h.mirrored AND h.mode = 'assigned' AND e.effect = 'grants'
"""
_REACHED = """
    SELECT DISTINCT c.reached AS entitlement, h.person
    FROM held AS h JOIN closure AS c ON c.entitlement = h.entitlement WHERE h.person IS NOT NULL
"""


def roles_today(engine: Engine, resolved: Sequence[Resolved]) -> RolesToday:
    """Take the roles of a run: who has each, what its template says and who holds what."""
    given = draft_input(engine)
    members = _sets(engine, _MEMBERS, "role", "person")
    allowed: dict[str, set[str]] = defaultdict(set)
    forbidden: dict[str, set[str]] = defaultdict(set)
    for row in engine.rows(_ALLOWED):
        (forbidden if row["allows"] == "never" else allowed)[row["role"]].add(row["entitlement"])
    below = _extending(resolved)
    lines = [
        OwnLine(one.template.role, part, str(pattern), one.matches[pattern])
        for one in resolved
        for part in ("must", "may", "eligible")
        for pattern, origin in one.patterns[part]
        if origin == one.template.role
    ]
    roles = [one.template.role for one in resolved]
    return RolesToday(
        {role: frozenset().union(*(members.get(other, frozenset()) for other in below[role])) for role in roles},
        {role: frozenset(allowed[role]) for role in roles},
        {role: frozenset(forbidden[role]) for role in roles},
        lines,
        _sets(engine, _HELD, "entitlement", "person"),
        _sets(engine, _REACHED, "entitlement", "person"),
        given.entitlements,
        given.toxic,
        given.never_used,
    )


def _sets(engine: Engine, sql: str, key: str, value: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    table = engine.query(sql)
    for one, other in zip(table[key].to_pylist(), table[value].to_pylist(), strict=True):
        found[one].add(other)
    return {one: frozenset(others) for one, others in found.items()}


def _extending(resolved: Sequence[Resolved]) -> Mapping[str, frozenset[str]]:
    """Return for each role itself and the roles whose templates extend it, by however many steps."""
    parents = {one.template.role: one.template.extends for one in resolved}
    below = {role: {role} for role in parents}
    for role, above in parents.items():
        todo, seen = list(above), set()
        while todo:
            parent = todo.pop()
            if parent not in seen:
                seen.add(parent)
                below[parent].add(role)
                todo += parents.get(parent, ())
    return {role: frozenset(others) for role, others in below.items()}
