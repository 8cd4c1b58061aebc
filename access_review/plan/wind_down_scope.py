"""Wind-downs: a client that ends, a site that closes, declared with how many people lose their access by it.

What is planned under one is not held to the shares that no other plan passes, but to the number
that was declared and signed. In return it takes nothing but from people who belong to it alone,
and who hold nothing privileged.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from access_review.changes import Change
from access_review.engine import Engine
from access_review.errors import LimitExceeded
from access_review.plan.limits import WOUND_DOWN, Count
from access_review.plan.recent_removals import RecentRemovals
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.settings import WindDown
from access_review.tables import Row


def belonging(assignments: Iterable[Row], declared: WindDown, now: datetime) -> frozenset[str]:
    """Return who belongs to a wind-down alone: by every assignment that holds, or by the last where none does.

    An assignment that says no client, or that is yet to begin with another, is one elsewhere: doubt takes nothing.
    """
    of_person: dict[str, list[Row]] = defaultdict(list)
    for row in assignments:
        of_person[row["person"]].append(row)
    return frozenset(
        person for person, rows in of_person.items() if all(_is_of(row, declared) for row in _holding(rows, now))
    )


def _holding(rows: Sequence[Row], now: datetime) -> Sequence[Row]:
    """Return the assignments that hold or are to come, or else those that ended last."""
    holding = [
        row
        for row in rows
        if row["status"] in {"active", "leave"} and (row["ends_latest"] is None or row["ends_latest"] > now)
    ]
    if holding:
        return holding
    last = max((row["ends_latest"] for row in rows if row["ends_latest"]), default=None)
    return [row for row in rows if row["ends_latest"] in {None, last}]


def _is_of(row: Row, declared: WindDown) -> bool:
    if declared.client:
        return (row["client"] or "").casefold() == declared.client.casefold()
    known = {key.casefold(): str(value).casefold() for key, value in json.loads(row["attributes"] or "{}").items()}
    return all(
        known.get(key.casefold()) in {value.casefold() for value in values} for key, values in declared.who.items()
    )


def uncovered(
    engine: Engine, name: str, declared: WindDown, changes: Sequence[Change], now: datetime
) -> dict[str, Withheld]:
    """Return the changes that a wind-down does not cover, each with the reason. Reads an engine after a review."""
    persons = sorted({one.target.person for one in changes if one.target.person})
    rows = engine.rows(_ASSIGNMENTS, persons=persons) if persons else []
    belong = belonging(rows, declared, now)
    powers = {row["person"]: row["name"] for row in engine.rows(_PRIVILEGED, persons=persons)} if persons else {}
    why = {one.id: _why(one, declared, belong, powers) for one in changes}
    return {
        change: withheld(WithheldCode.NOT_WOUND_DOWN, "plan it without --wind-down", name=name, detail=detail)
        for change, detail in why.items()
        if detail
    }


def _why(change: Change, declared: WindDown, belong: Collection[str], powers: Mapping[str, str]) -> str:
    """Say why a change is not covered; empty where it is."""
    person = change.target.person
    if person is None or change.target.account is None or change.target.child is not None:
        return "it is not about the access of one person"
    if person not in belong:
        return f"{change.target.person_name or person} is not of {declared.of} alone"
    if person in powers:
        return f"{change.target.person_name or person} holds {powers[person]}, which is privileged"
    return ""


def count_people(
    engine: Engine, name: str, declared: WindDown, changes: Iterable[Change], taken: RecentRemovals, now: datetime
) -> Count:
    """Count the people of a plan, and those from whom plans under wind-downs took before, against its number.

    Whoever lost access under a declaration of another name counts too where they are of the same client or site, or
    where nobody can say any more: a second file does not begin anew. Reads an engine after a review.
    """
    own = {one.target.person or one.id for one in changes}
    others = sorted(taken.wound_down_by_others(name))
    rows = list(engine.rows(_ASSIGNMENTS, persons=others)) if others else []
    elsewhere = {row["person"] for row in rows} - belonging(rows, declared, now)
    before = (taken.wound_down(name) | (set(others) - elsewhere)) - own
    return Count(WOUND_DOWN, name, len(own), declared.expected, declared.expected, len(before))


def check_people(count: Count) -> None:
    """Raise ``LimitExceeded`` where more people would lose access than were declared."""
    if count.exceeded:
        already = f" and {count.taken} before" if count.taken else ""
        raise LimitExceeded(
            f"the wind-down {count.where}: {count.changed} people{already} would lose access by it, and "
            f"{count.allowed} were declared",
            hint=f"look whether the roster is right; then plan for fewer with --person, or correct `expected` in "
            f"roles/wind-downs/{count.where}.yaml, which two people then sign again",
        )


_ASSIGNMENTS = "SELECT person, client, attributes, status, ends_latest FROM assignments WHERE person IN :persons"

_PRIVILEGED = """
    SELECT a.person, min(e.name) AS name
    FROM accounts AS a JOIN grants AS g ON g.account = a.account
    JOIN closure AS c ON c.entitlement = g.entitlement JOIN entitlements AS e ON e.entitlement = c.reached
    WHERE e.privileged AND a.person IN :persons
    GROUP BY a.person ORDER BY a.person
"""
