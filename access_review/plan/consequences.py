"""What a set of changes takes away: the tables after it, and who loses what through which change."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from access_review.changes import Action, Change
from access_review.engine import Engine, ParquetFile
from access_review.graph import closure
from access_review.plan.protect import protection
from access_review.plan.withheld import PROTECTIONS, Withheld, WithheldCode, withheld
from access_review.snapshot import Stored, stored
from access_review.tables import TABLES, Row, settle

_TEXT = pa.string()


def foresee(engine: Engine, tables: Mapping[str, pa.Table], changes: Sequence[Change]) -> None:
    """Foresee what ``changes`` take from the snapshot's tables, synchronisation to the cloud included.

    Creates in the engine ``taken_grants`` (change, account, entitlement, mode: grants that
    go, synced copies included), ``disabled_after`` (change, account), ``grants_after``,
    ``closure_after``, and ``losses`` (change, account, entitlement, mode): what an account
    reaches now and no longer reaches afterwards. ``excused`` are the losses that a reviewer
    decided on although a role may have them.
    """
    _register(engine, changes)
    engine.create("taken_grants", _TAKEN_GRANTS)
    engine.create("disabled_after", _DISABLED_AFTER)
    engine.view("grants_after", _GRANTS_AFTER, steady=True)
    if not engine.is_empty("planned_edges"):
        nesting = _settled(engine, "nesting", _NESTING_AFTER)
        engine.register("recomputed", closure(nesting, tables["entitlements"]["entitlement"].to_pylist()))
        ids = dict.fromkeys(("entitlement", "reached"), "entitlements")
        engine.create("closure_after", "SELECT * FROM recomputed")
        engine.narrow("closure_after", "SELECT * FROM closure_after", ids=ids)
    else:
        engine.create("closure_after", "SELECT * FROM closure")
    engine.create("at_stake", _AT_STAKE)
    engine.create("kept_at_stake", _KEPT_AT_STAKE)
    engine.create("lost", _LOST)
    engine.drop("at_stake", "kept_at_stake")
    engine.create("losses", _LOSSES)
    engine.create("excused", _EXCUSED)


def tables_after(engine: Engine, tables: Mapping[str, pa.Table]) -> Stored:
    """Return the snapshot's tables as they are after the changes that :func:`foresee` looked at last."""
    after: dict[str, pa.Table | ParquetFile] = {}
    if not engine.is_empty("taken_grants"):
        after["grants"] = _after(engine, "grants", "SELECT * FROM grants_after")
    if not engine.is_empty("disabled_after"):
        after["accounts"] = _after(engine, "accounts", _ACCOUNTS_AFTER)
    if not engine.is_empty("planned_edges"):
        after["nesting"] = _settled(engine, "nesting", _NESTING_AFTER)
    return stored(tables) | after


def _after(engine: Engine, name: str, sql: str) -> pa.Table | ParquetFile:
    """Return what is left of a table, on disk where it is large: rows of one that kept its contract when it was read."""
    room = engine.room(f"{name}_after")
    if room is None:
        return _settled(engine, name, sql)
    engine.write(sql, room)
    return room


def _settled(engine: Engine, name: str, sql: str) -> pa.Table:
    return settle(name, engine.query(sql).cast(TABLES[name].schema))


def _register(engine: Engine, changes: Sequence[Change]) -> None:
    grants, edges, disabled = [], [], []
    for change in changes:
        account, entitlement, child, mode = change.target.key
        if child:
            edges.append((change.id, child, entitlement, mode))
        elif entitlement:
            grants.append((change.id, account, entitlement, mode))
        elif change.action is not Action.REVOKE_SESSIONS:
            disabled.append((change.id, account))
    engine.register("decided_changes", _table(("change",), [(change.id,) for change in changes if change.decided]))
    _register_targets(engine, "planned_grants", ("change", "account", "entitlement", "mode"), grants)
    _register_targets(engine, "planned_edges", ("change", "child", "parent", "mode"), edges)
    _register_targets(engine, "planned_disables", ("change", "account"), disabled)


_KINDS = {"account": "accounts", "entitlement": "entitlements", "child": "entitlements", "parent": "entitlements"}
"""The columns of what is planned that hold ids, each with its kind."""


def _register_targets(engine: Engine, name: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Make known what is planned; of a large company by the numbers of the ids, as the tables that it is joined with."""
    engine.register(name, _table(columns, rows))
    ids = {column: _KINDS[column] for column in columns if column in _KINDS}
    engine.narrow(name, f"SELECT * FROM {name}", ids=ids)


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], _TEXT) for i, name in enumerate(names)})


def unexpected(engine: Engine) -> dict[str, Withheld]:
    """Return the changes that take away more than excess, and why. Reads what :func:`foresee` made.

    Of several reasons, one that refuses the change comes before one that merely makes it needless.
    """
    found: dict[str, list[Withheld]] = defaultdict(list)
    for row in engine.rows(_UNEXPECTED):
        found[row["change"]].append(_loss(row))
    return {change: min(reasons, key=lambda why: (not why.refuses, why.reason)) for change, reasons in found.items()}


def _loss(row: Row) -> Withheld:
    code = WithheldCode(row["code"])
    match code:
        case WithheldCode.INCOMPLETE:
            return withheld(code, name=row["unread"], detail=row["detail"])
        case WithheldCode.LOSS_STATUS_UNCERTAIN:
            return withheld(code, account=row["account_name"], name=row["name"], status=row["status"] or "")
        case WithheldCode.LOSS_OF_EFFECT:
            return withheld(code, account=row["account_name"], name=row["name"], effect=row["effect"])
        case _ if code in PROTECTIONS:
            return protection(row, about=row["protected_name"])
        case _:
            return withheld(code, account=row["account_name"], name=row["name"])


def collateral(engine: Engine) -> Sequence[Row]:
    """Return what each change takes beside its own target: change, entitlement, name, source, accounts."""
    return engine.rows(_COLLATERAL)


# A copy goes when no grant that it follows is left.
_TAKEN_GRANTS = """
    WITH follows AS (
        SELECT copy.account, copy.entitlement, original.account AS original_account,
               original.entitlement AS original_entitlement, original.mode AS original_mode
        FROM mirrors AS copy
        JOIN twins ON twins.account = copy.account
        JOIN nesting AS synced ON synced.parent = copy.entitlement AND synced.why = 'synced-to'
        JOIN grants AS original ON original.account = twins.twin AND original.entitlement = synced.child
        WHERE twins.twin IN (SELECT account FROM planned_grants)
    ),
    settled AS (
        SELECT follows.account, follows.entitlement, planned.change,
               bool_and(planned.change IS NOT NULL) OVER (PARTITION BY follows.account, follows.entitlement) AS gone
        FROM follows LEFT JOIN planned_grants AS planned
          ON planned.account = original_account AND planned.entitlement = original_entitlement
             AND planned.mode = original_mode
    )
    SELECT change, account, entitlement, mode FROM planned_grants
    UNION
    SELECT settled.change, account, entitlement, grants.mode
    FROM settled JOIN grants USING (account, entitlement) WHERE gone
"""

_DISABLED_AFTER = """
    SELECT change, account FROM planned_disables
    UNION SELECT change, twins.account FROM planned_disables AS d JOIN twins ON twins.twin = d.account
"""

_GRANTS_AFTER = """
    SELECT * FROM grants AS g WHERE NOT EXISTS (
        SELECT 1 FROM taken_grants AS t
        WHERE t.account = g.account AND t.entitlement = g.entitlement AND t.mode = g.mode)
"""

_NESTING_AFTER = """
    SELECT * FROM nesting AS n WHERE NOT EXISTS (
        SELECT 1 FROM planned_edges AS e WHERE e.child = n.child AND e.parent = n.parent AND e.mode = n.mode)
"""

_ACCOUNTS_AFTER = """
    SELECT a.* REPLACE (CASE WHEN d.account IS NULL THEN a.enabled ELSE FALSE END AS enabled)
    FROM read_accounts AS a LEFT JOIN (SELECT DISTINCT account FROM disabled_after) AS d ON d.account = a.account
"""

# What an account may lose is what a grant that goes, or a way through nesting that is cut, leads to. That is a small part of
# what all its grants lead to, which for a large company is tens of millions of rows.
_AT_STAKE = """
    WITH cut AS (
        SELECT entitlement, reached, mode FROM closure
        EXCEPT SELECT entitlement, reached, mode FROM closure_after
    )
    SELECT g.account, c.reached AS entitlement, g.mode = 'eligible' OR c.mode = 'eligible' AS eligible
    FROM grants AS g
    JOIN (SELECT DISTINCT account, entitlement, mode FROM taken_grants) AS t
      ON t.account = g.account AND t.entitlement = g.entitlement AND t.mode = g.mode
    JOIN closure AS c ON c.entitlement = g.entitlement
    UNION
    SELECT g.account, cut.reached, g.mode = 'eligible' OR cut.mode = 'eligible'
    FROM grants AS g JOIN cut ON cut.entitlement = g.entitlement
"""

_KEPT_AT_STAKE = """
    SELECT DISTINCT s.account, s.entitlement, s.eligible
    FROM grants_after AS g
    JOIN (SELECT DISTINCT account FROM at_stake) AS holder ON holder.account = g.account
    JOIN closure_after AS c ON c.entitlement = g.entitlement
    JOIN at_stake AS s
      ON s.account = g.account AND s.entitlement = c.reached
         AND s.eligible = (g.mode = 'eligible' OR c.mode = 'eligible')
"""

_LOST = """
    SELECT account, entitlement, CASE WHEN eligible THEN 'eligible' ELSE 'assigned' END AS mode
    FROM (SELECT account, entitlement, eligible FROM at_stake
          EXCEPT SELECT account, entitlement, eligible FROM kept_at_stake) AS gone
"""

_LOSSES = """
    SELECT DISTINCT t.change, lost.account, lost.entitlement, lost.mode
    FROM taken_grants AS t
    JOIN closure AS c ON c.entitlement = t.entitlement
    JOIN lost ON lost.account = t.account AND lost.entitlement = c.reached
    UNION
    SELECT DISTINCT cut.change, lost.account, lost.entitlement, lost.mode
    FROM grants AS g
    JOIN (
        SELECT DISTINCT e.change, up.entitlement, down.reached
        FROM closure AS up JOIN planned_edges AS e ON e.child = up.reached
        JOIN closure AS down ON down.entitlement = e.parent
    ) AS cut ON cut.entitlement = g.entitlement
    JOIN lost ON lost.account = g.account AND lost.entitlement = cut.reached
"""

# Of what a reviewer takes away, a role still must have what is on its must list; and what another line allows by name
# does not go because something that leads to it does.
_EXCUSED = """
    WITH named AS (
        SELECT role_set, entitlement, max(CASE allows WHEN 'must' THEN 1 ELSE 0 END) AS must
        FROM role_sets JOIN expected USING (role)
        WHERE allows IN ('must', 'may', 'eligible') GROUP BY role_set, entitlement
    )
    SELECT DISTINCT l.change, l.account, l.entitlement
    FROM losses AS l JOIN decided_changes AS d ON d.change = l.change
    JOIN accounts AS a ON a.account = l.account
    LEFT JOIN person_role_sets AS r ON r.person = a.person
    LEFT JOIN named ON named.role_set = r.role_set AND named.entitlement = l.entitlement
    LEFT JOIN taken_grants AS t
      ON t.change = l.change AND t.account = l.account AND t.entitlement = l.entitlement
    WHERE named.entitlement IS NULL OR (t.change IS NOT NULL AND named.must = 0)
"""

# Through a nesting edge a change reaches accounts that no finding named: each must be as certain as those.
_UNEXPECTED = """
    WITH judged AS (
        SELECT l.change, a.name AS account_name, e.name, e.effect, e.kind, a.person, p.status,
               a.certain AND a.account NOT IN (SELECT account FROM doubted) AS certain,
               coalesce(ia.source, ie.source) AS unread, coalesce(ia.reason, ie.reason) AS unread_reason,
               coalesce(ga.code, ge.code) AS protected,
               CASE WHEN ga.code IS NULL THEN ge.detail ELSE ga.detail END AS protected_detail,
               CASE WHEN ga.code IS NULL THEN e.name ELSE a.name END AS protected_name,
               allowed.entitlement IS NOT NULL AND forbidden.entitlement IS NULL AND excused.change IS NULL
                   AND coalesce(p.status <> 'left', TRUE) AS expected
        FROM losses AS l
        JOIN accounts AS a ON a.account = l.account
        JOIN entitlements AS e ON e.entitlement = l.entitlement
        LEFT JOIN people AS p ON p.person = a.person
        LEFT JOIN protections AS ga ON ga.id = l.account
        LEFT JOIN protections AS ge ON ge.id = l.entitlement
        LEFT JOIN unread_sources AS ia ON ia.source = a.source
        LEFT JOIN unread_sources AS ie ON ie.source = e.source
        LEFT JOIN person_role_sets AS r ON r.person = a.person
        LEFT JOIN allowed ON allowed.role_set = r.role_set AND allowed.entitlement = l.entitlement
        LEFT JOIN forbidden ON forbidden.role_set = r.role_set AND forbidden.entitlement = l.entitlement
        LEFT JOIN excused
          ON excused.change = l.change AND excused.account = l.account AND excused.entitlement = l.entitlement
    ),
    reasons AS (
        SELECT *,
               CASE WHEN protected IS NOT NULL THEN protected_detail ELSE unread_reason END AS detail,
               CASE WHEN protected IS NOT NULL THEN protected
                    WHEN unread IS NOT NULL THEN 'incomplete'
                    WHEN person IS NULL OR NOT coalesce(certain, FALSE) THEN 'loss-owner-uncertain'
                    WHEN coalesce(status, '') NOT IN ('active', 'leave', 'left') THEN 'loss-status-uncertain'
                    WHEN expected THEN 'loss-expected'
                    WHEN effect IN ('restricts', 'exempts', 'unknown') THEN 'loss-of-effect'
                    WHEN kind = 'licence' THEN 'loss-of-licence' END AS code
        FROM judged
    ),
    placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY change, code ORDER BY unread, protected_name, account_name, name, detail, status, effect) AS place
        FROM reasons WHERE code IS NOT NULL
    )
    SELECT change, code, account_name, name, status, effect, unread, detail, protected_name
    FROM placed WHERE place = 1 ORDER BY change, code
"""

_COLLATERAL = """
    SELECT l.change, l.entitlement, e.name, e.source, count(DISTINCT l.account) AS accounts
    FROM losses AS l JOIN entitlements AS e ON e.entitlement = l.entitlement
    LEFT JOIN planned_grants AS own
      ON own.change = l.change AND own.account = l.account AND own.entitlement = l.entitlement
    WHERE own.change IS NULL
    GROUP BY l.change, l.entitlement, e.name, e.source
    ORDER BY l.change, e.name, l.entitlement
"""
