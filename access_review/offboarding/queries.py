"""What a snapshot knows of those who leave: SQL over the facts, one row for each thing a leaver has or had.

A leaver is somebody whose rosters say so; somebody whose last day is near is
prepared for. What is asked of each thing is whether the leaver can still get at it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, TypedDict, cast

from access_review.engine import Engine
from access_review.model import AsOf


class Instants(TypedDict):
    """When a leaver's employment ended, as far as a snapshot knows: the end has bounds where only a day is known."""

    notified_at: datetime | None
    left_at_earliest: datetime | None
    left_at_latest: datetime | None
    first_seen_left_at: datetime | None


class LeftPerson(Instants):
    """Somebody who has left, with what is still there: numbers of accounts and of direct grants.

    ``unknown`` counts the accounts that nobody knows to be enabled or disabled, ``open`` names those
    that are not known to be disabled. A snapshot alone proves nobody gone, so ``verified_gone_at`` is null.
    """

    person: str
    name: str
    verified_gone_at: datetime | None
    accounts: int
    enabled: int
    unknown: int
    grants: int
    open: list[str]


class LeavingPerson(Instants):
    """Somebody who has left or soon will.

    ``attributes`` is the canonical JSON of each assignment; ``privileged`` that they hold, or may
    activate, privileged access.
    """

    person: str
    name: str
    status: Literal["left", "active", "leave"]
    manager: str | None
    clients: list[str]
    attributes: list[str]
    privileged: bool


class HeldThing(TypedDict):
    """One thing that somebody who leaves has, owns or knows; ``item`` is a value of ``AccessItem``.

    It is ``unlinked`` where it is of an account that was theirs, and that nothing leads to them or certainly to another now.
    """

    person: str
    source: str
    item: str
    state: Literal["open", "done", "unknown", "unlinked"]
    name: str


def list_left(engine: Engine) -> list[LeftPerson]:
    """Return who has left, those with something open first.

    Reads ``people, accounts, grants``, as :mod:`access_review.facts` has them.
    """
    return cast("list[LeftPerson]", engine.rows(_LEAVERS))


def list_leaving(engine: Engine, ahead: timedelta) -> list[LeavingPerson]:
    """Return who has left, and who is still here and will have left ``ahead`` from now at the latest, by person.

    Reads ``people, assignments, held, closure, entitlements``.
    """
    return cast("list[LeavingPerson]", engine.rows(_GOING, now=AsOf(), until=AsOf(ahead)))


def list_access(engine: Engine, ahead: timedelta) -> list[HeldThing]:
    """Return what those of :func:`list_leaving` have, own and know, by person and system.

    Reads ``people, accounts, former_owners, doubts, not_same, held, closure, entitlements, signins, owned, credentials, custody``.
    """
    return cast("list[HeldThing]", engine.rows(_THINGS, now=AsOf(), until=AsOf(ahead)))


def person_statuses(engine: Engine, people: Iterable[str]) -> dict[str, str]:
    """Return the status of some people now; who is in no roster and in none before is not in it."""
    sql = "SELECT person, status FROM people WHERE person IN :people"
    return {row["person"]: row["status"] for row in engine.rows(sql, people=tuple(sorted(people)))}


_LEAVERS = """
    WITH held AS (SELECT account, count(*) AS grants FROM grants WHERE via <> 'primary' GROUP BY account),
    theirs AS (
        SELECT a.person, count(*) AS accounts, CAST(coalesce(sum(h.grants), 0) AS BIGINT) AS grants,
               count(*) FILTER (WHERE a.enabled) AS enabled, count(*) FILTER (WHERE a.enabled IS NULL) AS unknown,
               list(coalesce(a.name, a.account) ORDER BY a.account) FILTER (WHERE coalesce(a.enabled, TRUE)) AS open
        FROM accounts AS a LEFT JOIN held AS h USING (account) GROUP BY a.person
    )
    SELECT p.person, coalesce(p.name, p.person) AS name, p.notified_at, p.left_at_earliest, p.left_at_latest,
           p.first_seen_left_at, CAST(NULL AS TIMESTAMPTZ) AS verified_gone_at,
           coalesce(t.accounts, 0) AS accounts, coalesce(t.enabled, 0) AS enabled, coalesce(t.unknown, 0) AS unknown,
           coalesce(t.grants, 0) AS grants, coalesce(t.open, []) AS open
    FROM people AS p LEFT JOIN theirs AS t USING (person)
    WHERE p.status = 'left'
    ORDER BY coalesce(t.enabled, 0) + coalesce(t.unknown, 0) = 0, coalesce(t.grants, 0) = 0, p.left_at_latest, p.person
"""

_WHO = """
    SELECT * FROM people
    WHERE status = 'left' OR (status IN ('active', 'leave') AND left_at_latest <= :until)
"""

_STRONG = """
    SELECT DISTINCT c.entitlement FROM closure AS c JOIN entitlements AS e ON e.entitlement = c.reached
    WHERE e.privileged OR e.effect = 'exempts'
"""

_GOING = f"""
    WITH who AS ({_WHO}), strong AS ({_STRONG}), powerful AS (
        SELECT DISTINCT h.person FROM held AS h JOIN strong USING (entitlement)
    ), spells AS (
        SELECT person, list(DISTINCT client ORDER BY client) FILTER (client IS NOT NULL) AS clients,
               list(DISTINCT attributes ORDER BY attributes) FILTER (attributes IS NOT NULL) AS attributes
        FROM assignments GROUP BY person
    )
    SELECT who.person, coalesce(who.name, who.person) AS name, who.status, who.manager,
           coalesce(s.clients, []) AS clients, coalesce(s.attributes, []) AS attributes,
           who.notified_at, who.left_at_earliest, who.left_at_latest, who.first_seen_left_at,
           powerful.person IS NOT NULL AS privileged
    FROM who LEFT JOIN spells AS s ON s.person = who.person LEFT JOIN powerful ON powerful.person = who.person
    ORDER BY who.person
"""

# A primary group cannot be left, a group that restricts does no harm, and a synced copy is judged where it is mastered.
# A secret is out of a leaver's reach once it is newer than the leaving; before that, it is what is to be changed.
_THINGS = f"""
    WITH who AS ({_WHO}), strong AS ({_STRONG}), unlinked AS (
        SELECT f.account, f.person FROM former_owners AS f JOIN accounts AS a ON a.account = f.account
        WHERE (a.person IS NULL OR (a.person <> f.person AND (NOT coalesce(a.certain, FALSE)
                                                              OR a.account IN (SELECT account FROM doubts))))
          AND NOT EXISTS (SELECT 1 FROM not_same AS n WHERE n.one = f.account AND n.two = f.person)
    ), own AS (
        SELECT who.person, a.account, a.source, a.name, a.enabled, a.attributes, 'open' AS state
        FROM accounts AS a JOIN who ON who.person = a.person
        UNION ALL
        SELECT who.person, a.account, a.source, a.name, a.enabled, a.attributes, 'unlinked'
        FROM unlinked AS u JOIN who ON who.person = u.person JOIN accounts AS a ON a.account = u.account
    ), living AS (
        SELECT o.object, min(coalesce(p.name, p.person)) AS name
        FROM owned AS o JOIN people AS p ON p.person = o.person
        WHERE p.status IN ('active', 'leave') AND p.person NOT IN (SELECT person FROM who) GROUP BY o.object
    ), names AS (
        SELECT account AS object, coalesce(display_name, name, account) AS name, kind FROM accounts
        UNION ALL SELECT entitlement, name, kind FROM entitlements
    ), keys AS (
        SELECT object, min(set_at) AS oldest, count(*) - count(set_at) AS undated
        FROM credentials WHERE coalesce(expires_at > :now, TRUE) GROUP BY object
    ), secrets AS (
        SELECT a.account, CASE WHEN coalesce(k.undated, 0) = 0
               THEN least(coalesce(a.password_set_at, k.oldest), coalesce(k.oldest, a.password_set_at)) END AS oldest
        FROM accounts AS a LEFT JOIN keys AS k ON k.object = a.account
    )
    SELECT person, source, 'sign-in' AS item,
           CASE WHEN NOT coalesce(enabled, TRUE) THEN 'done' WHEN state = 'unlinked' THEN state
                WHEN enabled THEN 'open' ELSE 'unknown' END AS state,
           coalesce(name, account) AS name
    FROM own
    UNION ALL
    SELECT DISTINCT own.person, own.source, 'sessions', own.state, concat('signed in after the end: ', coalesce(own.name, own.account))
    FROM signins AS s JOIN own ON own.account = s.account JOIN who ON who.person = own.person
    WHERE s.success AND who.status = 'left' AND s."at" > who.left_at_latest AND NOT coalesce(own.enabled, FALSE)
    UNION ALL
    SELECT DISTINCT own.person, split_part(h.entitlement, ':', 1),
           CASE WHEN e.kind = 'licence' THEN 'licences' WHEN strong.entitlement IS NOT NULL THEN 'privileged' ELSE 'grants' END,
           own.state, e.name
    FROM held AS h JOIN own ON own.account = h.account JOIN entitlements AS e ON e.entitlement = h.entitlement
    LEFT JOIN strong ON strong.entitlement = h.entitlement
    WHERE NOT h.mirrored AND h.via <> 'primary' AND e.effect <> 'restricts'
    UNION ALL
    SELECT DISTINCT who.person, split_part(o.object, ':', 1), CASE WHEN n.kind = 'agent' THEN 'agents' ELSE 'owned' END,
           CASE WHEN living.object IS NULL THEN 'open' ELSE 'done' END, coalesce(n.name, o.object)
    FROM owned AS o JOIN who ON who.person = o.person LEFT JOIN living ON living.object = o.object
    LEFT JOIN names AS n ON n.object = o.object
    UNION ALL
    SELECT agent.person, agent.source, 'agents', 'open', coalesce(agent.name, agent.person) FROM (
        SELECT who.person, a.source, a.name FROM people AS a JOIN who ON who.person = a.sponsor
        WHERE a.kind = 'agent' AND a.status NOT IN ('left', 'missing')
    ) AS agent
    UNION ALL
    SELECT DISTINCT who.person, split_part(c.object, ':', 1), 'secrets',
           CASE WHEN coalesce(c.set_at > who.left_at_latest, FALSE) THEN 'done' ELSE 'open' END,
           concat(c.kind, ' of ', coalesce(n.name, c.object))
    FROM credentials AS c JOIN owned AS o ON o.object = c.object JOIN who ON who.person = o.person
    LEFT JOIN names AS n ON n.object = c.object
    WHERE coalesce(c.expires_at > :now, TRUE)
    UNION ALL
    SELECT DISTINCT who.person, split_part(c.account, ':', 1), 'shared',
           CASE WHEN NOT coalesce(a.enabled, TRUE)
                     OR s.oldest > coalesce(least(c.ends_at, who.left_at_latest), who.left_at_latest) THEN 'done' ELSE 'open' END,
           coalesce(a.display_name, a.name, c.account)
    FROM custody AS c JOIN who ON who.person = c.person JOIN accounts AS a ON a.account = c.account
    JOIN secrets AS s ON s.account = c.account
    UNION ALL
    SELECT person, source, 'forwarding', state,
           concat(coalesce(name, account), ' to ', json_extract_string(attributes, '$.forwarding'))
    FROM own WHERE json_extract_string(attributes, '$.forwarding') IS NOT NULL
    ORDER BY 1, 2, 3, 4, 5
"""
