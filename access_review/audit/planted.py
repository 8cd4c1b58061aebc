"""Test rows: questions with a known answer among the real ones, to measure who answers them.

A test row asks about a grant that nobody has: of somebody on the reviewer's sheet, in a
system where they have an account, of a kind they hold there, and that none of their
roles, present or former, allows. The right answer is *revoke*. It proves nothing about
access: it is counted in no rate, accepted by no waiver and planned by nobody.

Which rows are planted follows from the seed of the sample, so whoever repeats the draw
repeats them too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import pyarrow as pa

from access_review.audit.worklist import HOLDERS, UNASSIGNED, WorkItem, Worklist, describe, item_id, sort_key
from access_review.engine import Engine
from access_review.sample.commitment import rank
from access_review.tables import Row

FEWEST = 5
"""Rows that a sheet has at least for a test row to be among them: beside fewer it would stand out."""

_TRIED = 10
"""Accounts looked at for each row wanted; with some, nothing is left that could be asked."""

_LISTED = 200
"""For so many accounts at a time it is listed what their holders must not have."""


def plant_test_rows(engine: Engine, work: Worklist, seed: bytes, each: int) -> Worklist:
    """Return the work list with at most ``each`` test rows on every reviewer's sheet.

    ``seed`` is that of the sample. Reads ``accounts, people, held, closure, entitlements, person_roles,
    person_role_sets, expected, waivers, activity``.
    """
    own_seed = rank(seed, "test rows")
    waiting = {
        reviewer: islice(_models(items, own_seed), each * _TRIED)
        for reviewer, items in work.by_reviewer().items()
        if reviewer != UNASSIGNED and len(items) >= FEWEST
    }
    engine.create("given", _GIVEN)
    found: dict[str, list[tuple[WorkItem, str]]] = {reviewer: [] for reviewer in waiting if each}
    # Whoever has a row to ask at the first try, as nearly everybody has, is looked at no further.
    while tried := _next_models(waiting, found, each):
        wrong = _wrong_entitlements(engine, [model.account for model in tried.values()], own_seed)
        for reviewer, model in tried.items():
            if model.account in wrong:
                found[reviewer].append((model, wrong[model.account]))
    chosen = [one for rows in found.values() for one in rows]
    what = _described(engine, [entitlement for _, entitlement in chosen])
    used = _used_grants(engine, [model.account for model, _ in chosen])
    planted = [_row(work.run, model, what[entitlement], used) for model, entitlement in chosen]
    return replace(work, items=tuple(sorted((*work.items, *planted), key=sort_key)))


def _next_models(
    waiting: Mapping[str, Iterator[WorkItem]], found: Mapping[str, Sequence[object]], each: int
) -> dict[str, WorkItem]:
    """Return what is tried next for every reviewer who has fewer than ``each`` rows and something left to try."""
    tried = {reviewer: next(waiting[reviewer], None) for reviewer, rows in found.items() if len(rows) < each}
    return {reviewer: model for reviewer, model in tried.items() if model}


def _models(items: Iterable[WorkItem], seed: bytes) -> Iterator[WorkItem]:
    """Yield one grant of each person's account, in the order of selection: a test row looks like it."""
    of_account: dict[str, WorkItem] = {}
    for item in sorted(items, key=lambda item: rank(seed, item.item)):
        if item.entitlement and item.unit != item.account:
            of_account.setdefault(item.account, item)
    yield from sorted(of_account.values(), key=lambda item: rank(seed, item.account))


def _row(run: str, model: WorkItem, wrong: Row, used: Collection[tuple[str, str | None]]) -> WorkItem:
    """Return the test row that looks like ``model`` and asks for what its holder must not have."""
    return replace(
        model,
        item=item_id(run, model.unit, model.account, wrong["entitlement"], model.mode),
        entitlement=wrong["entitlement"],
        entitlement_name=wrong["name"] or wrong["entitlement"],
        what=describe(wrong),
        # When the model's own grant was used says nothing of this one; when the account was, does.
        last_used="unknown" if (model.account, model.entitlement) in used else model.last_used,
        found="",
        findings=(),
        planted=True,
    )


def _wrong_entitlements(engine: Engine, accounts: Sequence[str], seed: bytes) -> dict[str, str]:
    """Return, by account, of what its holder does not have and must not have the one that the seed chooses.

    That is most of what there is, so it is listed for a few accounts at a time and never kept.
    """
    found: dict[str, tuple[bytes, str]] = {}
    for some in _at_a_time(sorted(set(accounts))):
        engine.register("tested", pa.table({"account": pa.array(some, pa.string())}))
        for batch in engine.batches(_WRONG):
            for account, entitlement in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                place = rank(seed, f"{account} {entitlement}"), entitlement
                found[account] = min(found.get(account, place), place)
    return {account: entitlement for account, (_, entitlement) in found.items()}


def _described(engine: Engine, entitlements: Sequence[str]) -> dict[str, Row]:
    """Return what some entitlements are called and are, and how many have each."""
    engine.register("chosen", pa.table({"entitlement": pa.array(sorted(set(entitlements)), pa.string())}))
    return {row["entitlement"]: row for row in engine.rows(_CHOSEN)}


def _at_a_time(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (accounts[begin : begin + _LISTED] for begin in range(0, len(accounts), _LISTED))


def _used_grants(engine: Engine, accounts: Sequence[str]) -> frozenset[tuple[str, str | None]]:
    """Return each of some accounts with what it is known to have used."""
    engine.register("tested", pa.table({"account": pa.array(sorted(set(accounts)), pa.string())}))
    return frozenset((row["account"], row["object"]) for row in engine.rows(_USED))


_USED = """
SELECT a.account, a.object FROM activity AS a JOIN tested AS t ON t.account = a.account
WHERE a.last_used_latest IS NOT NULL
"""

_GIVEN = f"""
WITH {HOLDERS}
SELECT h.entitlement, h.holders FROM holders AS h
WHERE h.entitlement IN (SELECT entitlement FROM held WHERE NOT mirrored)
"""

_CHOSEN = """
SELECT c.entitlement, e.name, e.description, e.kind, e.privileged, e.sensitivity, g.holders
FROM chosen AS c JOIN entitlements AS e ON e.entitlement = c.entitlement JOIN given AS g ON g.entitlement = c.entitlement
"""

# Held by somebody, so that the question is one that could be asked; by nobody with the same roles.
_WRONG = """
WITH asked_of AS (
    SELECT t.account, a.source, a.person, s.role_set
    FROM tested AS t JOIN accounts AS a ON a.account = t.account
    JOIN person_role_sets AS s ON s.person = a.person
), kinds AS (
    SELECT DISTINCT t.account, e.kind
    FROM tested AS t JOIN held AS h ON h.account = t.account JOIN entitlements AS e ON e.entitlement = h.entitlement
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
SELECT p.account, e.entitlement
FROM asked_of AS p
JOIN entitlements AS e ON e.source = p.source
JOIN kinds AS k ON k.account = p.account AND k.kind = e.kind
JOIN given AS g ON g.entitlement = e.entitlement
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
