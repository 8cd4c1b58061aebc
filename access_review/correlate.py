"""Accounts to people, by the ladder each source declares.

Rung by rung, exact columns unless a rung says what it ignores: the first rung with any candidate decides, and two
candidates there are no owner, not a choice. A synced account takes the person of the
account it is synced from. Names that merely look alike never match; they are findings
(``lookalike-account``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, assert_never

import pyarrow as pa

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.engine.sql import identifier, json_path
from access_review.facts import FACTS
from access_review.model import Relation
from access_review.settings import Ignored, Rung
from access_review.tables import TABLES

MATCHED_KINDS = ("human", "guest", "agent", "break-glass")
"""Service and shared accounts belong to owners and custodians, not to one person."""

# Ids are compared as they stand (00123 is not 123); names people type are not case-sensitive.
_EXACT = ("employee_id", "native_id")


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of one source, in order; ``same`` are accounts whose person is told by ids, before any of them."""

    source: str
    rungs: Sequence[Rung]
    same: Sequence[tuple[str, str]] = ()


def correlate(engine: Engine, ladders: Sequence[Ladder]) -> None:
    """Create ``accounts``: those read, with ``person``, ``rung``, ``certain`` and ``link`` (the reason in words).

    Its columns are those of :mod:`access_review.tables` and these four. Reads ``read_accounts``, ``people``, ``assignments`` and ``aliases``; leaves :data:`RELATIONS` but for
    ``climbed`` in the engine. Raises ``ValueError`` for a rung on what is no column's name.
    """
    engine.register("told", _told(ladders))
    sql, params = _candidates(ladders)
    rungs = {"rung": ("", SAME, *sorted({rung.label for ladder in ladders for rung in ladder.rungs}))}
    replace(CANDIDATES, sql=sql, among=rungs).make(engine, **params)
    for relation in (CLIMBED, TWINS, ACCOUNTS):
        relation.make(engine)
    engine.drop(CLIMBED.name)
    READ_ACCOUNTS.make(engine)


def _candidates(ladders: Sequence[Ladder]) -> tuple[str, dict[str, Any]]:
    """Return the SELECT of every pair that an account and a person make on some rung, and its parameters."""
    parts: list[str] = [_NO_CANDIDATES]
    params: dict[str, Any] = {"kinds": MATCHED_KINDS}
    if any(ladder.same for ladder in ladders):
        parts.append(_TOLD)
    for ladder in ladders:
        for step, rung in enumerate(ladder.rungs, start=1):
            place = len(parts)
            params |= {f"source_{place}": ladder.source, f"rung_{place}": rung.label, f"certain_{place}": rung.certain}
            if rung.attribute is not None:
                params[f"attribute_{place}"] = json_path(rung.attribute)
            parts.append(f"""
                SELECT account, person, {step} AS step, :rung_{place} AS rung, :certain_{place} AS certain
                FROM {accounts_beside_people(rung, f"attribute_{place}")}
                WHERE a.source = :source_{place} AND a.kind IN :kinds
            """)
    return " UNION ALL ".join(parts), params


def _told(ladders: Sequence[Ladder]) -> pa.Table:
    """Return the accounts whose person the source files tell; one told twice has two candidates, and no owner."""
    pairs = sorted({pair for ladder in ladders for pair in ladder.same})
    return pa.table(
        {name: pa.array([p[i] for p in pairs], pa.string()) for i, name in enumerate(("account", "person"))}
    )


SAME = "same"
"""What a person told by ids is matched on; no rung of columns is called so."""

_TOLD = """
    SELECT a.account, p.person, 0 AS step, 'same' AS rung, TRUE AS certain
    FROM told JOIN read_accounts AS a ON a.account = told.account JOIN people AS p ON p.person = told.person
    WHERE a.kind IN :kinds
"""


def accounts_beside_people(rung: Rung, attribute: str) -> str:
    """Return what joins accounts ``a (account, …)`` to people ``p (person, value)`` on a rung, each pair once.

    An HR attribute is looked up in every assignment, by the path that the parameter called ``attribute`` has.
    """
    column, theirs = rung.on
    exact = column in _EXACT and theirs == "person" and rung.ignoring is None
    spelled = partial(_respelled, ignoring=rung.ignoring, exact=exact)
    if rung.attribute is not None:
        # Twice the same of one person, in two assignments or in two spellings, is one person.
        value = spelled(f"json_extract_string(attributes, :{attribute})")
        people = f"(SELECT DISTINCT person, {value} AS value FROM assignments)"
    else:
        value = spelled(identifier("native_id" if theirs == "person" else theirs))
        people = f"(SELECT person, {value} AS value FROM people)"
    return f"read_accounts AS a JOIN {people} AS p ON {spelled(f'a.{identifier(column)}')} = p.value"


def _respelled(value: str, *, ignoring: Ignored | None, exact: bool) -> str:
    """Return the SQL of a value in the form in which it is compared; what is empty then is compared with nothing."""
    value = f"trim({value})" if exact else f"lower(trim({value}))"
    match ignoring:
        case None | Ignored.CASE:
            pass
        case Ignored.LEADING_ZEROS:
            value = f"ltrim({value}, '0')"
        case Ignored.DOMAIN:
            value = rf"split_part({value}, '\', -1)"
        case Ignored.MAIL_DOMAIN:
            value = rf"split_part(split_part({value}, '\', -1), '@', 1)"
        case Ignored.NAME_ORDER:
            words = rf"string_split(trim(regexp_replace({value}, '[\s,.]+', ' ', 'g')), ' ')"
            value = f"array_to_string(list_sort({words}), ' ')"
        case _:
            assert_never(ignoring)
    return f"nullif({value}, '')"


_NO_CANDIDATES = """
    SELECT CAST(NULL AS VARCHAR) AS account, CAST(NULL AS VARCHAR) AS person, 0 AS step, '' AS rung, TRUE AS certain
    FROM read_accounts WHERE FALSE
"""

CANDIDATES = NamedRelation(
    "candidates",
    "Every pair that an account and a person make on some rung of the account's source.",
    ("account", "person", "step", "rung", "certain"),
    "SELECT a.account, p.person, 0 AS step, '' AS rung, TRUE AS certain FROM read_accounts AS a JOIN people AS p ON FALSE",
    among={"rung": ("",)},
)
"""Without a ladder; :func:`correlate` puts in the rungs that sources declare."""

# A rung pairs an account and a person once: the rows of the lowest are its people. Two candidates are no owner, so which
# of them comes first is never asked.
CLIMBED = NamedRelation(
    "climbed",
    "The rung on which each account stands, and its person where there is one candidate only.",
    ("account", "rung", "certain", "people", "person"),
    """
    WITH lowest AS (SELECT account, min(step) AS step FROM candidates GROUP BY account),
    standing AS (SELECT account, person, rung, certain FROM candidates JOIN lowest USING (account, step)),
    counted AS (SELECT account, rung, certain, count(*) AS people FROM standing GROUP BY account, rung, certain)
    SELECT counted.account, counted.rung, counted.certain, counted.people, standing.person
    FROM counted LEFT JOIN standing ON standing.account = counted.account AND counted.people = 1
""",
)

TWINS = NamedRelation(
    "twins",
    "Accounts that are synced copies, each with the account it is synced from.",
    ("account", "twin"),
    """
    WITH origin AS (
        SELECT CASE scheme WHEN 'sid' THEN 'on-premises-sid' ELSE scheme END AS scheme, value, id
        FROM aliases WHERE scheme = 'sid' AND id IN (SELECT account FROM read_accounts)
    ),
    pairs AS (
        SELECT copy.id AS account, origin.id AS twin
        FROM aliases AS copy JOIN origin ON copy.scheme = origin.scheme AND copy.value = origin.value
        WHERE copy.id <> origin.id
    )
    SELECT account, min(twin) AS twin FROM pairs GROUP BY account HAVING count(DISTINCT twin) = 1
""",
    ids={"account": "accounts", "twin": "accounts"},
)

ACCOUNTS = NamedRelation(
    "accounts",
    "The fact `accounts`.",
    tuple(FACTS["accounts"].schema.names),
    """
    WITH ladders AS (
        SELECT a.account, twins.twin, own.people AS own_people, own.rung AS own_rung, own.person AS own_person,
               own.certain AS own_certain, first.person AS twin_person, first.certain AS twin_certain,
               first.people AS twin_people
        FROM read_accounts AS a
        LEFT JOIN climbed AS own ON own.account = a.account
        LEFT JOIN twins ON twins.account = a.account
        LEFT JOIN climbed AS first ON first.account = twins.twin
    ),
    judged AS (
        SELECT account, twin, own_rung, own_people,
               CASE WHEN own_people > 1 OR (twin_people = 1 AND own_people = 1 AND own_person <> twin_person) THEN 'none'
                    WHEN twin_people = 1 THEN 'twin'
                    WHEN own_people = 1 THEN 'own'
                    ELSE 'none' END AS decided,
               own_person, own_certain, twin_person, twin_certain,
               coalesce(own_person <> twin_person, FALSE) AS torn
        FROM ladders
    )
    SELECT a.*,
           CASE decided WHEN 'own' THEN own_person WHEN 'twin' THEN twin_person END AS person,
           CASE decided WHEN 'own' THEN own_rung WHEN 'twin' THEN 'synced' END AS rung,
           CASE decided WHEN 'own' THEN own_certain WHEN 'twin' THEN twin_certain END AS certain,
           CASE WHEN decided = 'own' AND own_rung = 'same' THEN 'its source file says so'
                WHEN decided = 'own' THEN concat('matched on ', own_rung)
                WHEN decided = 'twin' THEN concat('synced from ', twin, ', which belongs to this person')
                WHEN own_people > 1 THEN concat(CAST(own_people AS VARCHAR), ' people match on ', own_rung,
                                                ': two candidates are no owner')
                WHEN torn THEN concat('matches one person on ', own_rung, ' and another as the copy of ', twin)
                ELSE 'no rung of the ladder matches anybody' END AS link
    FROM read_accounts AS a JOIN judged USING (account)
""",
    ids={"account": "accounts", "person": "people"},
)


READ_ACCOUNTS = NamedRelation(
    "read_accounts",
    "The accounts as they were read; a second copy of a wide table would be for nothing.",
    tuple(TABLES["accounts"].schema.names),
    f"SELECT {', '.join(TABLES['accounts'].schema.names)} FROM accounts",
    view=True,
)

RELATIONS = (CANDIDATES, CLIMBED, TWINS, ACCOUNTS, READ_ACCOUNTS)
"""What correlating makes, in this order."""


def candidates_of(account: str) -> Relation:
    """Return every pair that the ladder made for an account, rung by rung: ``step, rung, certain, person, name``."""
    sql = """
        SELECT step, rung, certain, people.person, name
        FROM candidates JOIN people USING (person) WHERE account = :account ORDER BY step, people.person
    """
    return Relation(sql, {"account": account})
