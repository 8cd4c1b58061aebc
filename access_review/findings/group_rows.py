"""The statements that group findings: which finding is of which group, and what each group amounts to.

Findings are many and wide. What they are about and the roles of people have numbers here; each cell of rule, role and
thing is put into a group once, and the rows of findings are looked at where their group is summed, and kept no second
time.
"""

from access_review.engine import Engine
from access_review.engine.sql import literal
from access_review.findings.control import CONTROL_RULES
from access_review.model import CURRENT, Rag, Remedy, Severity

GROUPED = "grouped_findings"
"""Each current finding about access with the key of its group: a view."""

NUMBERED = "numbered_groups"
"""Each group with its counts, score and place."""

EXCUSED = ("access-beyond-role", "direct-grant", "mover-kept-access")
"""Rules of which a finding weighs less the more others have the same: what is forbidden, or open, weighs the same."""


def create_groups(engine: Engine, *, few: int, beyond: str, most_of_role: float) -> None:
    """Create :data:`GROUPED` and :data:`NUMBERED` from ``findings`` and the shares of peers."""
    current = _CURRENT.format(current=literal(CURRENT, engine.as_of), apart=literal(CONTROL_RULES, engine.as_of))
    engine.create("grouped_abouts", _ABOUTS.format(current=current))
    engine.create("grouped_cells", _CELLS.format(current=current), few=few, beyond=beyond, most_of_role=most_of_role)
    engine.view(GROUPED, _GROUPED.format(current=current))
    edged = _NO_EDGES if engine.is_empty("edges_behind") else _EDGED.format(current=current)
    engine.create(NUMBERED, _NUMBERED.format(edged=edged), excused=EXCUSED)


_CURRENT = "f.status IN {current} AND f.rule NOT IN {apart}"

# Everything that findings are about, with its number from 1 on; what is an entitlement is a thing.
_ABOUTS = """
    WITH abouts AS (
        SELECT f.about, min(f.about_name) AS name FROM findings AS f
        WHERE f.about IS NOT NULL AND {current} GROUP BY f.about
    )
    SELECT a.about, a.name, powers.place AS power, row_number() OVER (ORDER BY a.about) AS number,
           CASE WHEN e.entitlement IS NOT NULL THEN row_number() OVER (ORDER BY a.about) ELSE 0 END AS thing
    FROM abouts AS a LEFT JOIN entitlements AS e ON e.entitlement = a.about
    LEFT JOIN powers ON powers.entitlement = a.about
"""

# An entitlement that people of more roles than these have is one matter, whichever roles they are.
_FEW_ROLES = 3

# A role or thing that there is none of has the number 0. Keys hold 500 rules, 4 million roles, a billion things.
_CELLS = f"""
    WITH cells AS (
        SELECT f.rule, coalesce(r.place, 0) AS role, coalesce(a.thing, 0) AS thing, count(*) AS number
        FROM findings AS f
        LEFT JOIN grouped_abouts AS a ON a.about = f.about
        LEFT JOIN telling_roles AS r ON r.person = f.person
        WHERE {{current}}
        GROUP BY f.rule, coalesce(r.place, 0), coalesce(a.thing, 0)
    ), lacking AS (
        SELECT z.place AS role, a.thing
        FROM role_shares AS s JOIN role_sizes AS z ON z.role = s.role JOIN grouped_abouts AS a ON a.about = s.entitlement
        WHERE z.people >= :few AND s.holding >= :most_of_role * z.people AND a.thing > 0
    ), things AS (
        SELECT rule, thing, sum(number) AS number, count(*) AS roles,
               sum(CASE WHEN role > 0 AND number >= :few THEN number ELSE 0 END) AS apart
        FROM cells WHERE thing > 0 GROUP BY rule, thing
    ), levelled AS (
        SELECT c.*, CASE
            WHEN c.thing = 0 THEN 'rule'
            WHEN lacking.role IS NOT NULL AND c.rule = :beyond THEN 'role-and-entitlement'
            WHEN things.roles > {_FEW_ROLES} THEN 'entitlement'
            WHEN c.role > 0 AND c.number >= :few THEN 'role-and-entitlement'
            WHEN things.number - things.apart >= :few THEN 'entitlement'
            WHEN c.role > 0 THEN 'role'
            ELSE 'rule' END AS level
        FROM cells AS c
        LEFT JOIN lacking ON lacking.role = c.role AND lacking.thing = c.thing
        LEFT JOIN things ON things.rule = c.rule AND things.thing = c.thing
    ), ranked AS (
        SELECT rule, row_number() OVER (ORDER BY rule) AS place FROM (SELECT DISTINCT rule FROM cells) AS rules
    )
    SELECT l.*, ((ranked.place * 4
                  + CASE level WHEN 'rule' THEN 0 WHEN 'role' THEN 1 WHEN 'entitlement' THEN 2 ELSE 3 END) * 4194304
                 + CASE WHEN level IN ('role', 'role-and-entitlement') THEN role ELSE 0 END) * 1073741824
                + CASE WHEN level IN ('entitlement', 'role-and-entitlement') THEN thing ELSE 0 END AS key
    FROM levelled AS l JOIN ranked ON ranked.rule = l.rule
"""

_PLACED = """
    LEFT JOIN grouped_abouts AS a ON a.about = f.about
    LEFT JOIN telling_roles AS r ON r.person = f.person
    JOIN grouped_cells AS c ON c.rule = f.rule AND c.role = coalesce(r.place, 0) AND c.thing = coalesce(a.thing, 0)
"""

_GROUPED = f"""
    SELECT f.finding, f.subject, f.subject_name, f.about, f.about_name, f.person, f.person_name, f.severity, f.rag,
           f.risk, f.remedy, f.status, f.first_seen, f.facts, coalesce(a.power, own.place) AS power,
           a.number AS about_number, r.number AS person_number, c.thing, c.key
    FROM findings AS f {_PLACED} LEFT JOIN powers AS own ON own.entitlement = f.subject
    WHERE {{current}}
"""

_RANK = "CASE {0} {1} END"


def _rank(column: str, names: list[str]) -> str:
    return _RANK.format(column, " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(names)))


_REMEDIES = ", ".join(
    f"CAST(sum(CASE WHEN remedy = '{one}' THEN 1 ELSE 0 END) AS BIGINT) AS remedy_{one.name.lower()}" for one in Remedy
)

# Everything is said of a group by its own findings; the edge counts only where it gives all of them what they are about.
_EDGED = f"""
        WITH behind AS (
            SELECT c.key, e.child, count(DISTINCT f.subject) AS accounts
            FROM findings AS f JOIN edges_behind AS e ON e.subject = f.subject AND e.about = f.about {_PLACED}
            WHERE c.level IN ('entitlement', 'role-and-entitlement') AND {{current}}
            GROUP BY c.key, e.child
        ), having_them AS (
            SELECT key, count(DISTINCT subject) AS subjects FROM {GROUPED}
            WHERE key IN (SELECT key FROM behind) GROUP BY key
        )
        SELECT b.key, min(b.child) AS edge FROM behind AS b JOIN having_them AS h ON h.key = b.key
        WHERE b.accounts = h.subjects AND h.subjects > 1 GROUP BY b.key
"""
_NO_EDGES = "SELECT CAST(NULL AS BIGINT) AS key, CAST(NULL AS VARCHAR) AS edge WHERE FALSE"

_NUMBERED = f"""
    WITH kinds AS (
        SELECT key, min(rule) AS rule, min(level) AS level, CAST(sum(number) AS BIGINT) AS findings,
               max(CASE WHEN level IN ('role', 'role-and-entitlement') THEN role END) AS role_number,
               max(CASE WHEN level IN ('entitlement', 'role-and-entitlement') THEN thing END) AS thing,
               count(DISTINCT CASE WHEN role > 0 THEN role END) AS roles
        FROM grouped_cells GROUP BY key
    ), summed AS (
        SELECT key,
               max({_rank("severity", [str(s) for s in Severity])}) AS severity_rank,
               min({_rank("rag", [str(r) for r in Rag])}) AS rag_rank,
               max(risk) AS risk, min(power) AS power,
               CAST(sum(CASE WHEN status = 'new' THEN 1 ELSE 0 END) AS BIGINT) AS new,
               count(DISTINCT person_number)
               + count(DISTINCT CASE WHEN person_number IS NULL THEN coalesce(person, subject) END) AS people,
               count(DISTINCT about_number) AS things, min(about_number) AS about_number, min(first_seen) AS since,
               CAST(coalesce(max(CASE WHEN facts LIKE '%"people":%' THEN
                   TRY_CAST(nullif(regexp_extract(facts, '"people":([0-9]+)', 1), '') AS BIGINT) END), 0) AS BIGINT) AS behind,
               {_REMEDIES}
        FROM {GROUPED} GROUP BY key
    ), counted AS (
        SELECT s.*, k.rule, k.level, k.findings, k.roles, z.role, a.about AS entitlement, a.name AS entitlement_name,
               concat(k.rule, chr(31), k.level, chr(31), coalesce(z.role, ''), chr(31), coalesce(t.about, '')) AS spelled,
               CASE WHEN k.level = 'role-and-entitlement' THEN z.people END AS role_people,
               CASE WHEN k.level = 'role-and-entitlement' AND z.people IS NOT NULL THEN coalesce(r.holding, 0) END AS role_holding,
               h.holders, (SELECT count(*) FROM people WHERE status <> 'left') AS population
        FROM summed AS s JOIN kinds AS k ON k.key = s.key
        LEFT JOIN role_sizes AS z ON z.place = k.role_number
        LEFT JOIN grouped_abouts AS t ON t.number = k.thing
        LEFT JOIN grouped_abouts AS a ON a.number = s.about_number AND s.things = 1
        LEFT JOIN role_shares AS r ON r.role = z.role AND r.entitlement = a.about
        LEFT JOIN holder_shares AS h ON h.entitlement = a.about
    ), edged AS ({{edged}}
    ), scored AS (
        SELECT c.*, edged.edge, e.name AS edge_name, substr(sha256(c.spelled), 1, 12) AS grouped_as,
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
