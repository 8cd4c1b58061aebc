"""What may be drawn for review: the population, and what a reviewer is asked about each unit.

A unit is one person with every account and grant; an account that belongs to nobody
is a unit of its own. Whoever has no account has nothing to review and is not in it,
nor is a computer account without an owner that holds no more than every computer does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from access_review.engine import Engine
from access_review.model import AsOf

Census = Literal["left", "missing", "privileged"]


@dataclass(frozen=True, slots=True)
class ReviewUnit:
    """One person, or one account that belongs to nobody.

    ``census`` is the reason why the unit is always looked at; null when it may be
    drawn. ``clients`` are those of the present assignments, of somebody who has none
    those of all former ones. ``manager`` is the sponsor of an agent. Synced copies of
    a grant are not counted again.
    """

    unit: str
    kind: Literal["person", "account"]
    name: str | None
    clients: tuple[str, ...]
    manager: str | None
    census: Census | None
    accounts: int
    grants: int


@dataclass(frozen=True, slots=True)
class SamplingFrame:
    """The population of one run, frozen: what :func:`access_review.sample.verify` chooses from again."""

    run: str
    units: tuple[ReviewUnit, ...]


CLIENTS = """
    SELECT person,
           coalesce(list(DISTINCT client ORDER BY client)
                        FILTER (status <> 'left' AND coalesce(ends_latest > :now, TRUE)),
                    list(DISTINCT client ORDER BY client)) AS clients
    FROM assignments WHERE client IS NOT NULL GROUP BY person
"""
"""SQL: the clients of each person by their present assignments; who has none keeps those of the former ones."""

# An entitlement of unknown privilege is not called privileged: it stays in the part that is drawn from.
_UNITS = f"""
WITH account_units AS (
    SELECT a.account, coalesce(p.person, a.account) AS unit, p.person, a.name, a.display_name, a.client, a.kind
    FROM accounts a LEFT JOIN people p ON p.person = a.person
), own AS (
    SELECT account, entitlement, mode, via FROM held WHERE NOT mirrored
), privileged AS (
    SELECT DISTINCT own.account
    FROM own JOIN closure c ON c.entitlement = own.entitlement JOIN entitlements e ON e.entitlement = c.reached
    WHERE e.privileged OR e.effect = 'exempts'
    UNION SELECT account FROM accounts WHERE kind = 'break-glass'
), counted AS (
    SELECT account, count(*) AS grants, count(*) FILTER (via <> 'primary') AS chosen FROM own GROUP BY account
), clients AS ({CLIENTS})
SELECT u.unit,
       CASE WHEN u.person IS NULL THEN 'account' ELSE 'person' END AS kind,
       CASE WHEN u.person IS NULL THEN min(coalesce(u.display_name, u.name)) ELSE min(p.name) END AS name,
       CASE WHEN u.person IS NULL THEN [min(u.client)] ELSE coalesce(min(k.clients), []) END AS clients,
       min(CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END) AS manager,
       CASE WHEN min(p.status) IN ('left', 'missing') THEN min(p.status)
            WHEN count(v.account) > 0 THEN 'privileged' END AS census,
       count(*) AS accounts,
       CAST(coalesce(sum(n.grants), 0) AS BIGINT) AS grants
FROM account_units u
LEFT JOIN people p ON p.person = u.person
LEFT JOIN clients k ON k.person = u.person
LEFT JOIN counted n ON n.account = u.account
LEFT JOIN privileged v ON v.account = u.account
WHERE u.person IS NOT NULL OR u.kind <> 'computer' OR coalesce(n.chosen, 0) > 0
GROUP BY u.unit, u.person
ORDER BY u.unit
"""


def list_units(engine: Engine) -> tuple[ReviewUnit, ...]:
    """Return every unit, sorted by id.

    Reads ``people, assignments, accounts, held, closure, entitlements``, as
    :mod:`access_review.facts` has them.
    """
    columns = engine.query(_UNITS, now=AsOf()).to_pydict()
    columns["clients"] = [tuple(name for name in names if name) for names in columns["clients"]]
    units = (ReviewUnit(*row) for row in zip(*(columns[name] for name in ReviewUnit.__slots__), strict=True))
    return tuple(sorted(units, key=lambda unit: unit.unit))


def of_client(units: Iterable[ReviewUnit], client: str) -> tuple[ReviewUnit, ...]:
    """Return the units of one client alone; who works for several is in each one's."""
    return tuple(unit for unit in units if client in unit.clients)


def in_order(units: Iterable[ReviewUnit], client: str, ranks: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the units of a client that may be drawn, in the order of selection; ``ranks`` has those drawn from."""
    own = (unit.unit for unit in of_client(units, client) if unit.unit in ranks)
    return tuple(sorted(own, key=lambda unit: (ranks[unit], unit)))
