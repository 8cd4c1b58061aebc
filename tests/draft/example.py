"""The example company as a draft sees it: its people, who holds what, and what its true templates say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from access_review import workspace
from access_review.draft.cautions import DraftEntitlement, ToxicSides
from access_review.draft.matrix import access_matrix
from access_review.draft.templates import DraftInput
from access_review.engine.duckdb import EmbeddedEngine
from access_review.review import review
from access_review.snapshot import collect

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
ATTRIBUTES = ("kind", "client", "department", "title", "site")

_PEOPLE = """
    SELECT person, p.kind, coalesce(a.client, '') AS client,
        coalesce(a.attributes->>'department', '') AS department, coalesce(a.attributes->>'title', '') AS title,
        coalesce(a.attributes->>'site', '') AS site
    FROM people p JOIN assignments a USING (person)
    WHERE p.kind IN ('employee', 'contractor') AND a.status IN ('active', 'leave')
        AND person IN (SELECT person FROM person_roles WHERE spell = 'current')
    ORDER BY ALL
"""
# Direct grants of people: without copies mastered elsewhere, groups that restrict, and accounts of nobody.
_HELD = """
    SELECT DISTINCT h.person, h.entitlement
    FROM held h JOIN entitlements e USING (entitlement) JOIN accounts a USING (account)
    WHERE h.person IS NOT NULL AND NOT h.mirrored AND h.mode = 'assigned' AND e.effect = 'grants' AND a.kind = 'human'
    ORDER BY ALL
"""
_ALLOWED = """
    SELECT DISTINCT person, entitlement, allows
    FROM person_roles JOIN expected USING (role) WHERE spell = 'current'
"""


@dataclass(frozen=True)
class ExampleDraft:
    """What is drafted from, and the pairs of person and entitlement that the true templates name."""

    given: DraftInput
    must: frozenset[tuple[str, str]]
    allowed: frozenset[tuple[str, str]]


def example_draft(repository: Path) -> ExampleDraft:
    """Review the example company, and take from it what a draft needs."""
    ours = workspace.load(repository)
    snapshot = collect(ours, AS_OF)
    with EmbeddedEngine(AS_OF) as engine:
        review(snapshot, ours, engine)
        people = engine.query(_PEOPLE).to_pydict()
        held = engine.query(_HELD)
        allowed = engine.rows(_ALLOWED)
        sides = engine.rows("SELECT * FROM separation ORDER BY ALL")
        entitlements = engine.rows("SELECT entitlement, source, kind, name, privileged, sensitivity FROM entitlements")
    known = set(people["person"])
    rows = [(p, e) for p, e in zip(*held.to_pydict().values(), strict=True) if p in known]
    matrix = access_matrix([p for p, _ in rows], [e for _, e in rows])
    facts = {
        e["entitlement"]: DraftEntitlement(f"{e['source']}:{e['kind']}:{e['name']}", e["privileged"], e["sensitivity"])
        for e in entitlements
    }
    by_pair: dict[str, dict[str, set[str]]] = {}
    for side in sides:
        by_pair.setdefault(side["pair"], {"a": set(), "b": set()})[side["side"]].add(side["entitlement"])
    toxic = tuple(ToxicSides(pair, frozenset(s["a"]), frozenset(s["b"])) for pair, s in sorted(by_pair.items()))
    return ExampleDraft(
        DraftInput(matrix, people, ATTRIBUTES, facts, toxic),
        _pairs(allowed, {"must"}, set(matrix.entitlements)),
        _pairs(allowed, {"must", "may", "eligible", "carried"}, set(matrix.entitlements))
        - _pairs(allowed, {"never"}, set(matrix.entitlements)),
    )


def _pairs(rows: Sequence[Mapping[str, str]], lists: set[str], held: set[str]) -> frozenset[tuple[str, str]]:
    return frozenset((r["person"], r["entitlement"]) for r in rows if r["allows"] in lists and r["entitlement"] in held)
