"""Test rows: questions with a known answer among the real ones, to measure who answers them.

A test row asks about a grant that nobody has: of somebody on the reviewer's sheet, in a
system where they have an account, of a kind they hold there, and that none of their
roles, present or former, allows. The right answer is *revoke*. It proves nothing about
access: it is counted in no rate, accepted by no waiver and planned by nobody.

Which rows are planted follows from the seed of the sample, so whoever repeats the draw
repeats them too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

import pyarrow as pa

from access_review.audit.worklist import HOLDERS, UNASSIGNED, WorkItem, Worklist, describe, item_id, sort_key
from access_review.engine import Engine
from access_review.sample.commitment import rank

FEWEST = 5
"""Rows that a sheet has at least for a test row to be among them: beside fewer it would stand out."""

_TRIED = 10
"""Accounts looked at for each row wanted; with some, nothing is left that could be asked."""


def plant_test_rows(engine: Engine, work: Worklist, seed: bytes, each: int) -> Worklist:
    """Return the work list with at most ``each`` test rows on every reviewer's sheet.

    ``seed`` is that of the sample. Reads ``accounts, people, held, closure, entitlements, person_roles,
    person_role_sets, expected, waivers, activity``.
    """
    own_seed = rank(seed, "test rows")
    models = {
        reviewer: tuple(islice(_models(items, own_seed), each * _TRIED))
        for reviewer, items in work.by_reviewer().items()
        if reviewer != UNASSIGNED and len(items) >= FEWEST
    }
    engine.register("tested", _accounts_of(models.values()))
    wrong, used = _wrong_entitlements(engine), _used_grants(engine)
    planted = [
        row
        for of_reviewer in models.values()
        for row in islice((row for model in of_reviewer for row in _row(work.run, model, wrong, used, own_seed)), each)
    ]
    return replace(work, items=tuple(sorted((*work.items, *planted), key=sort_key)))


def _models(items: Iterable[WorkItem], seed: bytes) -> Iterator[WorkItem]:
    """Yield one grant of each person's account, in the order of selection: a test row looks like it."""
    of_account: dict[str, WorkItem] = {}
    for item in sorted(items, key=lambda item: rank(seed, item.item)):
        if item.entitlement and item.unit != item.account:
            of_account.setdefault(item.account, item)
    yield from sorted(of_account.values(), key=lambda item: rank(seed, item.account))


def _row(
    run: str,
    model: WorkItem,
    wrong: Mapping[str, Mapping[str, tuple[str, str]]],
    used: Collection[tuple[str, str | None]],
    seed: bytes,
) -> Iterator[WorkItem]:
    """Yield the test row that looks like ``model``, if there is anything that its holder must not have."""
    choice = wrong.get(model.account, {})
    if not choice:
        return
    entitlement = min(choice, key=lambda name: rank(seed, f"{model.account} {name}"))
    yield replace(
        model,
        item=item_id(run, model.unit, model.account, entitlement, model.mode),
        entitlement=entitlement,
        entitlement_name=choice[entitlement][0],
        what=choice[entitlement][1],
        # When the model's own grant was used says nothing of this one; when the account was, does.
        last_used="unknown" if (model.account, model.entitlement) in used else model.last_used,
        found="",
        findings=(),
        planted=True,
    )


def _accounts_of(models: Iterable[Iterable[WorkItem]]) -> pa.Table:
    accounts = sorted({model.account for of_reviewer in models for model in of_reviewer})
    return pa.table({"account": pa.array(accounts, pa.string())})


def _wrong_entitlements(engine: Engine) -> dict[str, dict[str, tuple[str, str]]]:
    """Return, by account, what its holder does not have and must not have, by name and in words."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for row in engine.rows(_WRONG):
        found.setdefault(row["account"], {})[row["entitlement"]] = row["name"] or row["entitlement"], describe(row)
    return found


def _used_grants(engine: Engine) -> frozenset[tuple[str, str | None]]:
    """Return each account with what it is known to have used, and when."""
    return frozenset((row["account"], row["object"]) for row in engine.rows(_USED))


_USED = """
SELECT a.account, a.object FROM activity AS a JOIN tested AS t ON t.account = a.account
WHERE a.last_used_latest IS NOT NULL
"""

# Held by somebody, so that the question is one that could be asked; by nobody with the same roles.
_WRONG = f"""
WITH {HOLDERS}, asked_of AS (
    SELECT t.account, a.source, a.person, s.role_set
    FROM tested AS t JOIN accounts AS a ON a.account = t.account
    JOIN person_role_sets AS s ON s.person = a.person
), kinds AS (
    SELECT DISTINCT t.account, e.kind
    FROM tested AS t JOIN held AS h ON h.account = t.account JOIN entitlements AS e ON e.entitlement = h.entitlement
), given AS (
    SELECT DISTINCT h.entitlement FROM held AS h WHERE NOT h.mirrored
), of_peers AS (
    SELECT DISTINCT s.role_set, c.reached
    FROM held AS h JOIN person_role_sets AS s ON s.person = h.person JOIN closure AS c ON c.entitlement = h.entitlement
    WHERE s.role_set IN (SELECT role_set FROM asked_of)
), once_allowed AS (
    SELECT DISTINCT r.person, x.entitlement
    FROM person_roles AS r JOIN expected AS x ON x.role = r.role
    WHERE x.allows <> 'never' AND r.person IN (SELECT person FROM asked_of)
), has AS (
    SELECT DISTINCT h.person, c.reached
    FROM held AS h JOIN closure AS c ON c.entitlement = h.entitlement
    WHERE h.person IN (SELECT person FROM asked_of)
)
SELECT p.account, e.entitlement, e.name, e.description, e.kind, e.privileged, e.sensitivity, b.holders
FROM asked_of AS p
JOIN entitlements AS e ON e.source = p.source
JOIN kinds AS k ON k.account = p.account AND k.kind = e.kind
JOIN given AS g ON g.entitlement = e.entitlement
LEFT JOIN holders AS b ON b.entitlement = e.entitlement
WHERE e.effect = 'grants'
  AND NOT EXISTS (SELECT 1 FROM has WHERE has.person = p.person AND has.reached = e.entitlement)
  AND NOT EXISTS (SELECT 1 FROM of_peers AS o WHERE o.role_set = p.role_set AND o.reached = e.entitlement)
  AND NOT EXISTS (
      SELECT 1 FROM closure AS c
      JOIN once_allowed AS x ON x.entitlement = c.reached
      WHERE c.entitlement = e.entitlement AND x.person = p.person)
  AND NOT EXISTS (
      SELECT 1 FROM waivers AS w WHERE w.subject IN (p.account, p.person) AND w.about = e.entitlement)
"""
