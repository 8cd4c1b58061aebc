"""Predict: what reviewers' past decisions say about what is held today, or about a table of open items."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.draft import learned
from access_review.draft.decision_columns import Column, DecidedItems, items_of_table, like
from access_review.draft.predicted import PredictedRisk, predict
from access_review.errors import AccessReviewError, Unclear
from access_review.findings.selected import rows_with
from access_review.runs import Run
from access_review.stages.inspect import inspect_files
from access_review.store import audits, reviews, snapshots
from access_review.tables import Row
from access_review.workspace import Workspace

OWN = ("person", "entitlement", "system", "client", "roles", "manager", "rule")
"""What is known of every item of this tool's own; attributes of the roster come beside."""

_ATTRIBUTES = 3
_ANSWERS = {ReviewerAnswer.KEEP: False, ReviewerAnswer.REVOKE: True}

# Who holds what today, each as it would be asked about.
_HELD = """
    WITH roles_now AS (
        SELECT person, string_agg(DISTINCT role, ', ' ORDER BY role) AS roles
        FROM person_roles WHERE spell IN ('current', 'grace') GROUP BY person
    ), clients AS (
        SELECT person, string_agg(DISTINCT client, ', ' ORDER BY client) AS client
        FROM person_roles WHERE spell IN ('current', 'grace') AND client IS NOT NULL GROUP BY person
    ), rules AS (
        SELECT subject, about, min(rule) AS rule FROM findings WHERE status <> 'closed' AND about IS NOT NULL GROUP BY ALL
    )
    SELECT h.account, h.entitlement AS id, p.person AS unit, coalesce(p.name, p.person) AS person,
           coalesce(e.name, h.entitlement) AS entitlement, e.source AS system, c.client, r.roles, p.manager, f.rule
    FROM held AS h JOIN people AS p USING (person) JOIN entitlements AS e USING (entitlement)
         LEFT JOIN roles_now AS r USING (person) LEFT JOIN clients AS c USING (person)
         LEFT JOIN rules AS f ON f.subject = h.account AND f.about = h.entitlement
    WHERE NOT h.mirrored AND h.mode = 'assigned' AND p.status IN ('active', 'leave')
    ORDER BY ALL
"""


def predict_items(
    workspace: Workspace | None, run: Run | None, decisions: Path | None, items: Path | None, now: datetime
) -> PredictedRisk:
    """Learn from this tool's own decisions, or from a table of them, and say what follows for what is open.

    Open is what people hold in the run, or a table of items. Raises ``Unclear`` for a file that does not say it,
    and ``ArtifactError``.
    """
    decided = _table(decisions, now) if decisions else _own_decisions(workspace)
    columns, revoked = decided.decided()
    if items:
        wanted = _table(items, now, every=True)
        found = like(wanted.columns, list(columns))
        if found is None and columns:
            raise Unclear(f"{items} has none of the columns decided on", hint=f"they are {', '.join(columns)}")
        return predict(columns, revoked, found, answers=wanted.revoked)
    enough = len(revoked) >= learned.MIN_DECISIONS  # what everybody holds is read for nothing where there are fewer
    held = _held(workspace, run) if workspace and run and enough else None
    found = like(held, list(columns)) if held else None
    by = [name for name in ("manager", "entitlement", "person", *columns) if name in columns]
    return predict(columns, revoked, found, by=list(dict.fromkeys(by))[: len(OWN)])


def predict_for_report(workspace: Workspace, run: Run) -> PredictedRisk | None:
    """Say what follows from this tool's own decisions for what is held, or that they are too few.

    Nothing where they cannot be read: a report does not fail over an earlier audit, and ``predict`` says what is wrong.
    """
    try:
        given = [one.decision for past, _ in audits.all_audits(workspace.folder) for one in _current(past)]
        if len(given) < learned.MIN_DECISIONS:
            return PredictedRisk(learned.too_few(len(given), given.count(ReviewerAnswer.REVOKE)), {})
        return predict_items(workspace, run, None, None, run.as_of)
    except AccessReviewError:
        return None


def _current(run: Run) -> Iterator[Decision]:
    return (one for one in audits.decisions(run).current.values() if one.decision in _ANSWERS)


def _table(path: Path, now: datetime, *, every: bool = False) -> DecidedItems:
    seen = inspect_files([path], now)
    found = seen.found.tables.get(path.as_posix())
    if found is None:
        raise Unclear(f"{path} is no table", hint=f"see what it is: access-review inspect {path}")
    taken = items_of_table(found.table, seen.table(path.as_posix()), every=every)
    if not every and all(answer is None for answer in taken.revoked):
        raise Unclear(
            f"{path} does not say what was decided",
            hint="one column, called decision, action or the like, says keep or revoke (approve or deny, 1 or 0)",
        )
    return taken


def _own_decisions(workspace: Workspace | None) -> DecidedItems:
    if workspace is None:
        return DecidedItems({}, ())
    rows = [row for run, _ in audits.all_audits(workspace.folder) for row in _answered(run)]
    attributes = _telling([row for row, _ in rows])
    names = (*OWN, *attributes)
    return DecidedItems({n: [row.get(n) or "" for row, _ in rows] for n in names}, [answer for _, answer in rows])


def _answered(run: Run) -> Iterator[tuple[dict[str, str], bool]]:
    """Yield what was decided about in one audit, as it was then; test rows say nothing about access."""
    current = audits.decisions(run).current
    if not current:
        return
    snapshot = snapshots.load(run)
    people = {row["person"]: row for row in snapshot.tables["people"].to_pylist()}
    attributes = _attributes(snapshot.tables["assignments"].to_pylist())
    items = store.read(run, WORKLIST).items
    asked = {finding for item in items if item.item in current for finding in item.findings}
    findings = {row["finding"]: row for row in rows_with(reviews.read(run).pieces(), finding=asked)}
    for item in items:
        decision = current.get(item.item)
        if decision is None or item.planted or item.entitlement is None or decision.decision not in _ANSWERS:
            continue
        about = [findings[one]["rule"] for one in item.findings if one in findings and findings[one]["about"]]
        yield (
            {
                **attributes.get(item.unit, {}),
                "person": item.person,
                "entitlement": item.entitlement_name,
                "system": item.system,
                "client": ", ".join(item.clients),
                "roles": item.roles,
                "manager": (people.get(item.unit) or {}).get("manager") or "",
                "rule": min(about, default=""),
            },
            _ANSWERS[decision.decision],
        )


def _held(workspace: Workspace, run: Run) -> dict[str, Column]:
    with reviews.opened(workspace, run) as facts:
        rows = facts.engine.rows(_HELD)
        attributes = _attributes(facts.engine.rows("SELECT person, status, attributes FROM assignments ORDER BY ALL"))
    known = [{**attributes.get(row["unit"], {}), **row} for row in rows]
    names = sorted({name for row in known for name in row})
    return {name: [str(row.get(name) or "") for row in known] for name in names}


def _attributes(assignments: Sequence[Row]) -> Mapping[str, dict[str, str]]:
    """Return what the roster says of each person's work, of several assignments the last that goes on."""
    return {
        row["person"]: {
            name: str(value) for name, value in json.loads(row["attributes"] or "{}", strict=False).items() if value
        }
        for row in assignments
        if row["status"] in ("active", "leave")
    }


def _telling(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the attributes that most items have and that differ, those of most values first."""
    filled = Counter(name for row in rows for name in row if name not in OWN)
    different = {name: len({row.get(name) for row in rows}) for name in filled}
    found = [n for n in filled if different[n] > 1 and 2 * filled[n] >= len(rows)]
    return tuple(sorted(found, key=lambda name: (-different[name], name))[:_ATTRIBUTES])
