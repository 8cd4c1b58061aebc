"""Draft role templates from a run: what people hold today, by their attributes, written as files to be read."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from access_review.draft.cautions import DraftEntitlement, ToxicSides
from access_review.draft.matrix import access_matrix
from access_review.draft.templates import DraftInput, TemplateDraft, draft_templates
from access_review.engine import Engine
from access_review.errors import WorkspaceError
from access_review.review import establish
from access_review.runs import Run
from access_review.store import files, reviews, snapshots
from access_review.views import source_yaml
from access_review.workspace import Workspace

REVIEW_AFTER = timedelta(days=180)
"""How long a drafted template holds before it is to be looked at again."""

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
    WHERE h.person IS NOT NULL AND NOT h.mirrored AND h.mode = 'assigned' AND e.effect = 'grants' AND a.kind = 'human'
    ORDER BY ALL
"""
_ENTITLEMENTS = "SELECT entitlement, source, kind, name, privileged, sensitivity FROM entitlements ORDER BY entitlement"


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and the files written for it."""

    draft: TemplateDraft
    people: int
    attributes: tuple[str, ...]
    files: tuple[Path, ...]


def draft_roles(workspace: Workspace, run: Run, folder: Path, today: date, *, min_people: int = 2) -> Drafted:
    """Draft templates from a run into a folder; raises ``WorkspaceError`` where one would be overwritten."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        given = draft_input(engine)
    draft = draft_templates(given, min_people=min_people)
    texts = {
        folder / f"{one.name}.yaml": source_yaml.template(one, today + REVIEW_AFTER)
        for one in draft.templates
        if one.lines
    }
    taken = [path for path in texts if path.exists()]
    if taken:
        raise WorkspaceError(f"{taken[0]} is already there", hint="name an empty folder with --to, and compare")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text.encode())
    return Drafted(draft, len(given.matrix.people), given.attributes, tuple(texts))


def draft_input(engine: Engine) -> DraftInput:
    """Take from a run whose facts are in the engine what a draft is made from."""
    rows = engine.rows(_PEOPLE)
    people: list[dict[str, Any]] = [
        {**{k: str(v) for k, v in json.loads(row["attributes"] or "{}", strict=False).items() if v is not None}, **row}
        for row in rows
    ]
    attributes = _telling(people)
    assignments = {name: [row.get(name) for row in people] for name in ("person", *attributes)}
    known = set(assignments["person"])
    held = [(row["person"], row["entitlement"]) for row in engine.rows(_HELD) if row["person"] in known]
    facts = {
        row["entitlement"]: DraftEntitlement(
            f"{row['source']}:{row['kind']}:{row['name']}", row["privileged"], row["sensitivity"]
        )
        for row in engine.rows(_ENTITLEMENTS)
    }
    matrix = access_matrix([person for person, _ in held], [entitlement for _, entitlement in held])
    return DraftInput(matrix, assignments, attributes, facts, _toxic(engine))


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


def value(drafted: Drafted) -> Mapping[str, Any]:
    """Return a draft as JSON."""
    draft = drafted.draft
    return {
        "format": "access-review/draft@1",
        "people": drafted.people,
        "attributes": list(drafted.attributes),
        "grants": draft.grants,
        "coverage": round(draft.coverage, 4),
        "chance": round(draft.chance, 4),
        "explains": draft.explains,
        "sentence": draft.sentence,
        "files": [path.as_posix() for path in drafted.files],
        "templates": [
            {
                "role": one.name,
                "who": {name: list(values) for name, values in one.who},
                "people": len(one.people),
                "explains": one.newly,
                "lines": [
                    {
                        "pattern": line.pattern,
                        "people": line.people,
                        "holding": line.holding,
                        "held_by_all": line.held_by_all,
                        "confidence": str(line.confidence),
                        "withheld": line.withheld,
                        "cautions": [str(caution.kind) for caution in line.cautions],
                    }
                    for line in one.lines
                ],
                "questions": list(one.questions),
            }
            for one in draft.templates
        ],
        "curve": [{"templates": p.roles, "share": round(p.share, 4)} for p in draft.curve],
        "bundles": [
            {"bundle": b.name, "people": list(b.people), "entitlements": list(b.entitlements)} for b in draft.bundles
        ],
        "left_out": [{"person": g.person, "entitlement": g.entitlement, "reason": g.reason} for g in draft.left_out],
    }
