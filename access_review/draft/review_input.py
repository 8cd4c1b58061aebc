"""What a draft and a comparison with peers are made from, taken from an engine in which a review's facts stand."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from access_review.draft.cautions import DraftEntitlement, ToxicSides
from access_review.draft.matrix import access_matrix
from access_review.draft.templates import DraftInput
from access_review.engine import Engine

_COLUMNS = ("kind", "client")
_MOST_VALUES = 0.5  # different values a person at most: what nearly everybody has alone explains nothing
_MOST_ATTRIBUTES = 8

_PEOPLE = """
    SELECT p.person, p.kind, a.client, a.attributes
    FROM people AS p JOIN assignments AS a USING (person)
    WHERE p.kind IN ('employee', 'contractor') AND a.status IN ('active', 'leave')
    ORDER BY ALL
"""
# Direct grants of people: without copies mastered elsewhere, groups that restrict, and accounts of nobody.
_HELD = """
    SELECT DISTINCT h.person, h.entitlement
    FROM held AS h JOIN entitlements AS e USING (entitlement) JOIN accounts AS a USING (account)
    WHERE h.person IN (
            SELECT p.person FROM people AS p JOIN assignments AS s USING (person)
            WHERE p.kind IN ('employee', 'contractor') AND s.status IN ('active', 'leave')
        )
      AND NOT h.mirrored AND h.mode = 'assigned' AND e.effect = 'grants' AND a.kind = 'human'
    ORDER BY ALL
"""
_ENTITLEMENTS = """
    SELECT e.entitlement, e.source, e.kind, e.name, e.privileged, e.sensitivity, carried.carries
    FROM entitlements AS e LEFT JOIN (
        SELECT c.entitlement, min(coalesce(p.name, p.entitlement)) AS carries
        FROM closure AS c JOIN entitlements AS p ON p.entitlement = c.reached
        WHERE p.privileged AND c.mode = 'assigned' AND c.entitlement <> c.reached
        GROUP BY c.entitlement
    ) AS carried ON carried.entitlement = e.entitlement
    ORDER BY e.entitlement
"""
# Only where a source says so: no record of a use is unknown, not unused.
_NEVER_USED = """
    SELECT DISTINCT h.person, h.entitlement
    FROM held AS h JOIN accounts AS a USING (account)
         LEFT JOIN activity AS u ON u.account = h.account AND u.object = h.entitlement
    WHERE h.person IS NOT NULL AND a.kind = 'human' AND a.never_used AND u.last_used_latest IS NULL
"""
_NAMES = """
    SELECT person AS id, name FROM people WHERE name IS NOT NULL
    UNION ALL SELECT entitlement, name FROM entitlements WHERE name IS NOT NULL
"""


def draft_input(engine: Engine) -> DraftInput:
    """Take from a run whose facts are in the engine what a draft is made from."""
    people: list[dict[str, Any]] = [
        {**{k: str(v) for k, v in json.loads(row["attributes"] or "{}", strict=False).items() if v is not None}, **row}
        for row in engine.rows(_PEOPLE)
    ]
    attributes = _telling(people)
    assignments = {name: [row.get(name) for row in people] for name in ("person", *attributes)}
    held = engine.query(_HELD)
    facts = {
        row["entitlement"]: DraftEntitlement(
            f"{row['source']}:{row['kind']}:{row['name']}", row["privileged"], row["sensitivity"], row["carries"]
        )
        for row in engine.rows(_ENTITLEMENTS)
    }
    never_used = frozenset((row["person"], row["entitlement"]) for row in engine.rows(_NEVER_USED))
    matrix = access_matrix(held["person"], held["entitlement"])
    return DraftInput(matrix, assignments, attributes, facts, _toxic(engine), never_used)


def names_of(engine: Engine) -> Mapping[str, str]:
    """Return what people and entitlements are called, by id."""
    return {row["id"]: row["name"] for row in engine.rows(_NAMES)}


def _telling(people: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the attributes that may explain access: some people share a value, and not all the same one."""
    names = [*_COLUMNS, *sorted({name for row in people for name in row} - {*_COLUMNS, "person", "attributes"})]
    filled = Counter(name for row in people for name in names if row.get(name))
    different = {name: len({row.get(name) for row in people if row.get(name)}) for name in names}
    found = [n for n in names if different[n] > 1 and different[n] <= _MOST_VALUES * filled[n]]
    best = sorted(found, key=lambda n: (-filled[n], different[n], n))[:_MOST_ATTRIBUTES]
    return tuple(name for name in names if name in best)


def _toxic(engine: Engine) -> tuple[ToxicSides, ...]:
    by_pair: dict[str, dict[str, set[str]]] = {}
    for side in engine.rows("SELECT * FROM separation ORDER BY ALL"):
        by_pair.setdefault(side["pair"], {"a": set(), "b": set()})[side["side"]].add(side["entitlement"])
    return tuple(ToxicSides(pair, frozenset(s["a"]), frozenset(s["b"])) for pair, s in sorted(by_pair.items()))
