"""What changed between two runs: granted, taken, joined, left, nested, by whom where a source or a batch tells.

What only one of the two runs could have seen is no change: a source that the earlier run did not read whole has granted
nothing since, one that the later run did not read whole has taken nothing. Given and taken again in between is not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from access_review.engine import Engine
from access_review.snapshot import Snapshot, stored

BEFORE = ("people", "accounts", "entitlements", "grants", "nesting")
"""Tables of the earlier run that are registered as ``before_<name>``."""


class AccessChangeKind(StrEnum):
    """What happened."""

    GRANTED = "granted"
    TAKEN = "taken"
    NESTED = "nested"
    UNNESTED = "unnested"
    JOINED = "joined"
    LEFT = "left"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One change: of a person, of what an account holds, or of a nesting edge (``account`` is the child then).

    Names are what people read. ``by`` says who did it where that is known. ``standing`` is what tickets say of a grant
    (``facts.TICKET_STANDINGS``, ``ended``, ``not-yet`` or ``no-ticket``), empty where no tickets are loaded, or not all were read and none of them authorises it. ``verdict``
    is what the roles say of it. ``behind`` counts who has something by a nesting edge.
    """

    kind: AccessChangeKind
    person: str | None = None
    person_name: str | None = None
    account: str | None = None
    account_name: str | None = None
    entitlement: str | None = None
    entitlement_name: str | None = None
    source: str | None = None
    mode: str | None = None
    privileged: bool | None = None
    at: datetime | None = None
    by: str | None = None
    ticket: str | None = None
    standing: str = ""
    verdict: str = ""
    behind: int | None = None
    newcomer: bool = False


@dataclass(frozen=True, slots=True)
class ChangedAccess:
    """The changes between two runs, and of which sources nobody can say what changed, with the reason.

    ``tickets`` is whether a source says what was authorised; ``unclear`` counts its lines that may mean several people
    or things; ``unmatched`` counts those that name nobody, or nothing, that the sources have; ``unread`` are the sources
    whose tickets were not read whole, with the reason.
    """

    since: str
    since_at: datetime
    at: datetime
    changes: tuple[AccessChange, ...]
    unseen: Mapping[str, str]
    tickets: bool = False
    unclear: tuple[str, ...] = ()
    unmatched: int = 0
    unread: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: AccessChangeKind) -> tuple[AccessChange, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)


def find_changes(
    engine: Engine,
    before: Snapshot,
    now: Snapshot,
    *,
    since: str,
    removed: Mapping[tuple[str, str], str],
) -> ChangedAccess:
    """Compare an earlier run, by the name ``since``, with the facts that the engine holds of this one.

    ``removed`` says by account (or child) and entitlement which batch of ours took something.
    """
    for name in BEFORE:
        engine.register(f"before_{name}", stored(before.tables).part(name))
    engine.register("batches", _batches(removed))
    unread = now.incomplete("tickets") if "tickets" in now.collected else {}
    changes = []
    for kind, sql in _SQL.items():
        table, seen_in = _SEEN[kind]
        whole = sorted((before if seen_in == "before" else now).whole(table))
        rows = engine.rows(sql, whole=whole, now=now.as_of, tickets="tickets" in now.collected)
        found = [AccessChange(kind, **row) for row in rows]
        changes += [_as_far_as_read(one) for one in found] if unread else found
    return ChangedAccess(
        since,
        before.as_of,
        now.as_of,
        tuple(changes),
        _unseen(before, now),
        "tickets" in now.collected,
        tuple(row["ticket"] for row in engine.rows(_UNCLEAR)),
        engine.rows(_UNMATCHED)[0]["lines"],
        unread,
    )


def _as_far_as_read(change: AccessChange) -> AccessChange:
    """Leave open what no ticket authorises where not all of them were read: the one that does may be among the others."""
    return change if change.standing == "approved" else replace(change, standing="", ticket=None)


def _batches(removed: Mapping[tuple[str, str], str]) -> pa.Table:
    rows = [(account, entitlement, by) for (account, entitlement), by in sorted(removed.items())]
    names = ("account", "entitlement", "batch")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _unseen(before: Snapshot, now: Snapshot) -> Mapping[str, str]:
    """Say of each source what cannot be told of it."""
    then, later = before.whole("grants"), now.whole("grants")
    found = {}
    for source in sorted(later - then):
        found[source] = before.incomplete("grants").get(source, "no such source then")
    unread = now.incomplete("grants")
    for source in sorted(then - later):
        found[source] = unread.get(source, "no such source any more")
    return found


_SEEN: Mapping[AccessChangeKind, tuple[str, str]] = {
    AccessChangeKind.GRANTED: ("grants", "before"),
    AccessChangeKind.TAKEN: ("grants", "now"),
    AccessChangeKind.NESTED: ("nesting", "before"),
    AccessChangeKind.UNNESTED: ("nesting", "now"),
    AccessChangeKind.JOINED: ("people", "before"),
    AccessChangeKind.LEFT: ("people", "before"),
    AccessChangeKind.VANISHED: ("people", "before"),
}
"""What must have been read whole, and in which run, for something to be new or gone."""

_GRANTED = """
    WITH fresh AS (
        SELECT h.account, h.entitlement, h.mode, h.person, h.since, h.verdict, a.name AS account_name, e.name,
               e.source, e.privileged
        FROM held AS h JOIN entitlements AS e ON e.entitlement = h.entitlement
        JOIN accounts AS a ON a.account = h.account
        LEFT JOIN before_grants AS b ON b.account = h.account AND b.entitlement = h.entitlement
             AND (b.mode = h.mode OR b.mode = 'assigned')
        WHERE b.account IS NULL AND NOT h.mirrored AND e.source IN :whole AND a.source IN :whole
    ), told AS (
        SELECT f.account, f.entitlement, f.mode, t.ticket, r.approved_by,
               CASE WHEN t.standing IS NULL THEN 'no-ticket'
                    WHEN t.standing IN ('unapproved', 'refused', 'self-approved') THEN t.standing
                    WHEN t.ends_at < :now THEN 'ended' WHEN t.starts_at > :now THEN 'not-yet'
                    ELSE t.standing END AS standing
        FROM fresh AS f LEFT JOIN ticketed AS t ON t.account = f.account AND t.entitlement = f.entitlement
        LEFT JOIN tickets AS r ON r.source = t.source AND r.ticket = t.ticket AND r.line = t.line
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY account, entitlement, mode
            ORDER BY CASE standing WHEN 'approved' THEN 0 WHEN 'unknown' THEN 1 WHEN 'ended' THEN 2 WHEN 'not-yet' THEN 3
                                   WHEN 'self-approved' THEN 4 WHEN 'unapproved' THEN 5 ELSE 6 END, ticket
        ) AS place
        FROM told
    ), givers AS (
        SELECT account, entitlement, min(granted_by) AS granted_by FROM granters GROUP BY account, entitlement
    )
    SELECT CAST(f.person AS VARCHAR) AS person, p.name AS person_name, CAST(f.account AS VARCHAR) AS account, f.account_name,
           CAST(f.entitlement AS VARCHAR) AS entitlement, f.name AS entitlement_name, CAST(f.source AS VARCHAR) AS source,
           CAST(f.mode AS VARCHAR) AS mode, f.privileged, f.since AS at,
           coalesce(g.granted_by, CASE WHEN r.standing = 'approved' THEN concat(r.approved_by, ' approved ', r.ticket) END)
               AS by,
           r.ticket, CASE WHEN :tickets THEN r.standing ELSE '' END AS standing,
           CAST(f.verdict AS VARCHAR) AS verdict,
           f.person IS NOT NULL AND coalesce(was.status IN ('left', 'missing'), TRUE) AS newcomer
    FROM fresh AS f
    JOIN ranked AS r ON r.account = f.account AND r.entitlement = f.entitlement AND r.mode = f.mode AND r.place = 1
    LEFT JOIN people AS p ON p.person = f.person
    LEFT JOIN before_people AS was ON was.person = f.person
    LEFT JOIN givers AS g ON g.account = f.account AND g.entitlement = f.entitlement
    ORDER BY coalesce(f.privileged, FALSE) DESC, lower(f.name), f.entitlement, p.name, f.account, f.mode
"""

_TAKEN = """
    SELECT CAST(a.person AS VARCHAR) AS person, p.name AS person_name, b.account, coalesce(ba.name, a.name) AS account_name,
           b.entitlement, be.name AS entitlement_name, be.source, b.mode, be.privileged,
           coalesce(x.batch, CASE WHEN a.account IS NULL THEN 'with its account, which is gone'
                                  WHEN e.entitlement IS NULL THEN 'with the entitlement, which is gone' END) AS by
    FROM before_grants AS b JOIN before_entitlements AS be ON be.entitlement = b.entitlement
    JOIN before_accounts AS ba ON ba.account = b.account
    LEFT JOIN grants AS g ON g.account = b.account AND g.entitlement = b.entitlement
         AND (g.mode = b.mode OR g.mode = 'assigned')
    LEFT JOIN accounts AS a ON a.account = b.account
    LEFT JOIN entitlements AS e ON e.entitlement = b.entitlement
    LEFT JOIN people AS p ON p.person = a.person
    LEFT JOIN batches AS x ON x.account = b.account AND x.entitlement = b.entitlement
    WHERE g.account IS NULL AND be.source IN :whole AND ba.source IN :whole
    ORDER BY coalesce(be.privileged, FALSE) DESC, lower(be.name), b.entitlement, p.name, b.account, b.mode
"""

_NESTED = """
    WITH fresh AS (
        SELECT n.child, n.parent, n.mode FROM nesting AS n
        LEFT JOIN before_nesting AS b ON b.child = n.child AND b.parent = n.parent AND b.mode = n.mode
        WHERE b.child IS NULL AND n.why <> 'synced-to'
    ), behind AS (
        SELECT f.child, count(DISTINCT coalesce(CAST(h.person AS VARCHAR), CAST(h.account AS VARCHAR))) AS people
        FROM (SELECT DISTINCT child FROM fresh) AS f JOIN closure AS c ON c.reached = f.child
        JOIN held AS h ON h.entitlement = c.entitlement
        GROUP BY f.child
    )
    SELECT CAST(f.child AS VARCHAR) AS account, c.name AS account_name, CAST(f.parent AS VARCHAR) AS entitlement,
           p.name AS entitlement_name, CAST(p.source AS VARCHAR) AS source, CAST(f.mode AS VARCHAR) AS mode,
           p.privileged, coalesce(behind.people, 0) AS behind
    FROM fresh AS f JOIN entitlements AS c ON c.entitlement = f.child JOIN entitlements AS p ON p.entitlement = f.parent
    LEFT JOIN behind ON behind.child = f.child
    WHERE c.source IN :whole AND p.source IN :whole
    ORDER BY coalesce(p.privileged, FALSE) DESC, coalesce(behind.people, 0) DESC, lower(p.name), f.parent, f.child, f.mode
"""

_UNNESTED = """
    SELECT b.child AS account, c.name AS account_name, b.parent AS entitlement, p.name AS entitlement_name,
           p.source, b.mode, p.privileged, x.batch AS by
    FROM before_nesting AS b JOIN before_entitlements AS c ON c.entitlement = b.child
    JOIN before_entitlements AS p ON p.entitlement = b.parent
    LEFT JOIN nesting AS n ON n.child = b.child AND n.parent = b.parent AND n.mode = b.mode
    LEFT JOIN batches AS x ON x.account = b.child AND x.entitlement = b.parent
    WHERE n.child IS NULL AND b.why <> 'synced-to' AND c.source IN :whole AND p.source IN :whole
    ORDER BY coalesce(p.privileged, FALSE) DESC, lower(p.name), b.parent, b.child, b.mode
"""

_PEOPLE = """
    WITH first AS (SELECT person, min(starts_earliest) AS starts FROM assignments GROUP BY person)
    SELECT CAST(p.person AS VARCHAR) AS person, p.name AS person_name, CAST(p.source AS VARCHAR) AS source, {at} AS at
    FROM people AS p LEFT JOIN before_people AS b ON b.person = p.person
    LEFT JOIN first ON first.person = p.person
    WHERE p.source IN :whole AND {condition}
    ORDER BY p.name, p.person
"""

_SQL: Mapping[AccessChangeKind, str] = {
    AccessChangeKind.GRANTED: _GRANTED,
    AccessChangeKind.TAKEN: _TAKEN,
    AccessChangeKind.NESTED: _NESTED,
    AccessChangeKind.UNNESTED: _UNNESTED,
    AccessChangeKind.JOINED: _PEOPLE.format(
        at="first.starts",
        condition="p.status IN ('active', 'leave') AND (b.person IS NULL OR b.status IN ('left', 'missing'))",
    ),
    AccessChangeKind.LEFT: _PEOPLE.format(at="p.left_at_latest", condition="p.status = 'left' AND b.status <> 'left'"),
    AccessChangeKind.VANISHED: _PEOPLE.format(
        at="CAST(NULL AS TIMESTAMP)", condition="p.status = 'missing' AND b.status <> 'missing'"
    ),
}

_UNCLEAR = """
    SELECT DISTINCT concat(t.ticket, ' (', t.source, ')') AS ticket FROM tickets AS t
    JOIN ticketed AS k ON k.source = t.source AND k.ticket = t.ticket AND k.line = t.line AND k.standing = 'unknown'
    ORDER BY 1
"""

_UNMATCHED = """
    SELECT count(*) AS lines FROM tickets AS t
    WHERE NOT EXISTS (SELECT 1 FROM ticketed AS k WHERE k.source = t.source AND k.ticket = t.ticket AND k.line = t.line)
"""
