"""The statements that group findings: which finding is of which group, and what each group amounts to."""

from access_review.engine import Engine
from access_review.findings.control import CONTROL_RULES
from access_review.model import CURRENT, Rag, Remedy, Severity

GROUPED = "grouped_findings"
"""Each current finding about access with the key of its group."""

NUMBERED = "numbered_groups"
"""Each group with its counts, score and place."""

EXCUSED = ("access-beyond-role", "direct-grant", "mover-kept-access")
"""Rules of which a finding weighs less the more others have the same: what is forbidden, or open, weighs the same."""


def create_groups(engine: Engine, *, few: int, beyond: str, most_of_role: float) -> None:
    """Create :data:`GROUPED` and :data:`NUMBERED` from ``findings`` and the shares of peers."""
    engine.create(
        GROUPED, _GROUPED, current=CURRENT, apart=CONTROL_RULES, few=few, beyond=beyond, most_of_role=most_of_role
    )
    engine.create(NUMBERED, _NUMBERED, excused=EXCUSED)


# An entitlement that people of more roles than these have is one matter, whichever roles they are.
_FEW_ROLES = 3

_GROUPED = f"""
    WITH current AS (
        SELECT f.finding, f.rule, f.subject, f.subject_name, f.about, f.about_name, f.person, f.person_name,
               f.severity, f.rag, f.risk, f.remedy, f.status, f.first_seen, f.facts, r.role,
               CASE WHEN e.entitlement IS NOT NULL THEN f.about END AS thing,
               coalesce(given.place, own.place) AS power
        FROM findings AS f
        LEFT JOIN powers AS given ON given.entitlement = f.about
        LEFT JOIN powers AS own ON own.entitlement = f.subject
        LEFT JOIN telling_roles AS r ON r.person = f.person
        LEFT JOIN entitlements AS e ON e.entitlement = f.about
        WHERE f.status IN :current AND f.rule NOT IN :apart
    ), cells AS (
        SELECT c.rule, c.role, c.thing, count(*) AS number,
               coalesce(max(CASE WHEN c.rule = :beyond AND z.people >= :few
                                      AND s.holding >= :most_of_role * z.people THEN 1 END), 0) AS lacking
        FROM current AS c
        LEFT JOIN role_sizes AS z ON z.role = c.role
        LEFT JOIN role_shares AS s ON s.role = c.role AND s.entitlement = c.thing
        WHERE c.thing IS NOT NULL AND c.role IS NOT NULL
        GROUP BY c.rule, c.role, c.thing
    ), things AS (
        SELECT rule, thing, count(*) AS number, count(DISTINCT coalesce(role, '')) AS roles
        FROM current WHERE thing IS NOT NULL GROUP BY rule, thing
    ), apart AS (
        SELECT rule, thing, sum(number) AS number FROM cells WHERE number >= :few GROUP BY rule, thing
    ), levelled AS (
        SELECT c.*, CASE
            WHEN c.thing IS NULL THEN 'rule'
            WHEN cells.lacking = 1 THEN 'role-and-entitlement'
            WHEN things.roles > {_FEW_ROLES} THEN 'entitlement'
            WHEN cells.number >= :few THEN 'role-and-entitlement'
            WHEN things.number - coalesce(apart.number, 0) >= :few THEN 'entitlement'
            WHEN c.role IS NOT NULL THEN 'role'
            ELSE 'rule' END AS level
        FROM current AS c
        LEFT JOIN cells ON cells.rule = c.rule AND cells.role = c.role AND cells.thing = c.thing
        LEFT JOIN things ON things.rule = c.rule AND things.thing = c.thing
        LEFT JOIN apart ON apart.rule = c.rule AND apart.thing = c.thing
    )
    SELECT *, concat(rule, chr(31), level, chr(31),
                     CASE WHEN level IN ('role', 'role-and-entitlement') THEN role ELSE '' END, chr(31),
                     CASE WHEN level IN ('entitlement', 'role-and-entitlement') THEN thing ELSE '' END) AS key
    FROM levelled
"""

_RANK = "CASE {0} {1} END"


def _rank(column: str, names: list[str]) -> str:
    return _RANK.format(column, " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(names)))


_REMEDIES = ", ".join(
    f"CAST(sum(CASE WHEN remedy = '{one}' THEN 1 ELSE 0 END) AS BIGINT) AS remedy_{one.name.lower()}" for one in Remedy
)

# Everything is said of a group by its own findings; the edge counts only where it gives all of them what they are about.
_NUMBERED = f"""
    WITH behind AS (
        SELECT g.key, g.thing, e.child, count(DISTINCT g.subject) AS accounts
        FROM {GROUPED} AS g JOIN edges_behind AS e ON e.subject = g.subject AND e.about = g.about
        WHERE g.level IN ('entitlement', 'role-and-entitlement') GROUP BY g.key, g.thing, e.child
    ), summed AS (
        SELECT key, min(rule) AS rule, min(level) AS level,
               CASE WHEN min(level) IN ('role', 'role-and-entitlement') THEN min(role) END AS role,
               CASE WHEN count(DISTINCT about) = 1 THEN min(about) END AS entitlement,
               CASE WHEN count(DISTINCT about) = 1 THEN min(about_name) END AS entitlement_name,
               max({_rank("severity", [str(s) for s in Severity])}) AS severity_rank,
               min({_rank("rag", [str(r) for r in Rag])}) AS rag_rank,
               max(risk) AS risk, min(power) AS power, count(*) AS findings,
               CAST(sum(CASE WHEN status = 'new' THEN 1 ELSE 0 END) AS BIGINT) AS new,
               count(DISTINCT coalesce(person, subject)) AS people, count(DISTINCT about) AS things,
               count(DISTINCT subject) AS subjects, count(DISTINCT role) AS roles, min(first_seen) AS since,
               CAST(coalesce(max(TRY_CAST(nullif(regexp_extract(facts, '"people":([0-9]+)', 1), '') AS BIGINT)), 0)
                    AS BIGINT) AS behind,
               {_REMEDIES}
        FROM {GROUPED} GROUP BY key
    ), counted AS (
        SELECT s.*, z.people AS role_people, CASE WHEN z.people IS NOT NULL THEN coalesce(r.holding, 0) END AS role_holding,
               h.holders, (SELECT count(*) FROM people WHERE status <> 'left') AS population
        FROM summed AS s
        LEFT JOIN role_sizes AS z ON z.role = s.role AND s.level = 'role-and-entitlement'
        LEFT JOIN role_shares AS r ON r.role = s.role AND r.entitlement = s.entitlement
        LEFT JOIN holder_shares AS h ON h.entitlement = s.entitlement
    ), edged AS (
        SELECT b.key, min(b.child) AS edge FROM behind AS b JOIN summed AS s ON s.key = b.key
        WHERE b.accounts = s.subjects AND s.subjects > 1 GROUP BY b.key
    ), scored AS (
        SELECT c.*, edged.edge, e.name AS edge_name, substr(sha256(c.key), 1, 12) AS grouped_as,
               round(1 + log10(greatest(c.people, c.behind, 1)) / 5.0, 4) AS reach,
               round(1 - CASE WHEN c.rule IN :excused THEN 0.5 ELSE 0 END * coalesce(c.role_holding / CAST(nullif(c.role_people, 0) AS DOUBLE),
                                        c.holders / CAST(nullif(c.population, 0) AS DOUBLE), 0), 4) AS unusual
        FROM counted AS c LEFT JOIN edged ON edged.key = c.key
        LEFT JOIN entitlements AS e ON e.entitlement = edged.edge
    )
    SELECT *, round(risk * reach * unusual, 2) AS score,
           row_number() OVER (
               ORDER BY round(risk * reach * unusual, 2) DESC, risk DESC, power NULLS LAST, severity_rank DESC, findings DESC, since, grouped_as
           ) AS place
    FROM scored
"""
