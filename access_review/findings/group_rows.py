"""The statements that group findings: which finding is of which group, and what each group amounts to.

Findings are many and wide. They are read twice: for what they are about, and for a row of small numbers each, of which
everything else is made. A matter is a rule with one thing that it found something about. Mostly a matter is a group,
whoever has the thing; the cells of matter and role that are of other groups are kept beside.
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
    current = _current(engine)
    engine.create("grouped_abouts", _ABOUTS.format(current=current))
    engine.create("grouped_rows", _ROWS.format(current=current))
    engine.create("grouped_matters", _MATTERS, few=few, beyond=beyond, most_of_role=most_of_role)
    engine.view(GROUPED, grouped(engine))
    edged = _NO_EDGES if engine.is_empty("edges_behind") else _EDGED.format(current=current)
    engine.create(NUMBERED, _NUMBERED.format(edged=edged, stated=_STATED.format(current=current)), excused=EXCUSED)
    engine.drop("grouped_rows")


def grouped(engine: Engine, abouts: str = "grouped_abouts") -> str:
    """Return a SELECT of each current finding with the key of its group, or of those about some ``abouts`` alone."""
    return _GROUPED.format(current=_current(engine), abouts=abouts)


def _current(engine: Engine) -> str:
    return f"f.status IN {literal(CURRENT, engine.as_of)} AND f.rule NOT IN {literal(CONTROL_RULES, engine.as_of)}"


ABOUTS_OF = "(SELECT * FROM grouped_abouts WHERE matter IN (SELECT matter FROM grouped_matters WHERE key IN :keys))"
"""What the findings of some groups are about, and perhaps those of others: to look through all findings for it is soon done."""

_POWERS = "SELECT e.entitlement, powers.place FROM powers JOIN entitlements AS e ON e.entitlement = powers.entitlement"

# What each rule found something about, with numbers from 1 on; what is an entitlement is a thing, and 0 is none.
# Of a rule all that is no thing, and what is about nothing, is one matter.
_ABOUTS = f"""
    WITH abouts AS (
        SELECT f.rule, f.about, min(f.about_name) AS name FROM findings AS f
        WHERE {{current}} GROUP BY f.rule, f.about
    ), numbered AS (
        SELECT a.*, p.place AS power, dense_rank() OVER (ORDER BY a.rule) AS rule_number,
               dense_rank() OVER (ORDER BY a.about) AS number,
               CASE WHEN e.entitlement IS NOT NULL THEN dense_rank() OVER (ORDER BY a.about) ELSE 0 END AS thing
        FROM abouts AS a LEFT JOIN entitlements AS e ON e.entitlement = a.about
        LEFT JOIN ({_POWERS}) AS p ON p.entitlement = a.about
    )
    SELECT rule, about, name, power, rule_number, thing, CASE WHEN about IS NOT NULL THEN number END AS number,
           CAST(dense_rank() OVER (ORDER BY rule_number, thing) AS INTEGER) AS matter
    FROM numbered
"""


def _rank(column: str, names: list[str]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(names))
    return f"CASE {column} {cases} END"


# A role that there is none of has the number 0. Of whom no role is known is another, perhaps an account of nobody.
_ROWS = f"""
    SELECT a.matter, CAST(coalesce(r.place, 0) AS INTEGER) AS role, r.person,
           CASE WHEN r.person IS NULL THEN coalesce(f.person, f.subject) END AS other,
           {_rank("f.severity", [str(s) for s in Severity])} AS severity,
           {_rank("f.rag", [str(r) for r in Rag])} AS rag,
           {_rank("f.remedy", [str(r) for r in Remedy])} AS remedy,
           CASE WHEN f.status = 'new' THEN 1 ELSE 0 END AS new,
           f.risk, coalesce(a.power, own.place) AS power, f.first_seen
    FROM findings AS f
    JOIN grouped_abouts AS a ON a.rule = f.rule AND a.about IS NOT DISTINCT FROM f.about
    LEFT JOIN telling_roles AS r ON r.person = f.person
    LEFT JOIN ({_POWERS}) AS own ON own.entitlement = f.subject
    WHERE {{current}}
"""

# An entitlement that people of more roles than these have is one matter, whichever roles they are.
_FEW_ROLES = 3

_RULE, _ROLE, _ENTITLEMENT, _CELL = range(4)
_LEVEL = f"CASE k.level WHEN {_RULE} THEN 'rule' WHEN {_ROLE} THEN 'role' WHEN {_ENTITLEMENT} THEN 'entitlement' ELSE 'role-and-entitlement' END"

# The group of a matter, which has no role here, and those of its roles that are of other groups.
# Keys hold 500 rules, 4 million roles, a billion things.
_MATTERS = f"""
    WITH cells AS (
        SELECT matter, role, count(*) AS number FROM grouped_rows GROUP BY matter, role
    ), matters AS (
        SELECT a.matter, a.rule, a.rule_number, a.thing, c.number, c.roles, c.named, c.apart
        FROM (SELECT DISTINCT matter, rule, rule_number, thing FROM grouped_abouts) AS a JOIN (
            SELECT matter, sum(number) AS number, count(*) AS roles, count(CASE WHEN role > 0 THEN 1 END) AS named,
                   sum(CASE WHEN role > 0 AND number >= :few THEN number ELSE 0 END) AS apart
            FROM cells GROUP BY matter) AS c ON c.matter = a.matter
    ), lacking AS (
        SELECT a.matter, z.place AS role
        FROM role_shares AS s JOIN role_sizes AS z ON z.role = s.role JOIN grouped_abouts AS a ON a.about = s.entitlement
        WHERE z.people >= :few AND s.holding >= :most_of_role * z.people AND a.thing > 0 AND a.rule = :beyond
    ), divided AS (
        SELECT matter FROM matters WHERE thing > 0 AND roles <= {_FEW_ROLES} UNION SELECT matter FROM lacking
    ), levelled AS (
        SELECT c.matter, c.role, CASE
            WHEN lacking.role IS NOT NULL THEN {_CELL}
            WHEN m.roles > {_FEW_ROLES} THEN {_ENTITLEMENT}
            WHEN c.role > 0 AND c.number >= :few THEN {_CELL}
            WHEN m.number - m.apart >= :few THEN {_ENTITLEMENT}
            WHEN c.role > 0 THEN {_ROLE}
            ELSE {_RULE} END AS level
        FROM cells AS c JOIN divided ON divided.matter = c.matter JOIN matters AS m ON m.matter = c.matter
        LEFT JOIN lacking ON lacking.matter = c.matter AND lacking.role = c.role
    ), placed AS (
        SELECT matter, level, CASE WHEN level <> {_ENTITLEMENT} THEN role END AS role,
               count(CASE WHEN role > 0 THEN 1 END) AS roles
        FROM levelled GROUP BY matter, level, CASE WHEN level <> {_ENTITLEMENT} THEN role END
        UNION ALL
        SELECT matter, CASE WHEN thing > 0 THEN {_ENTITLEMENT} ELSE {_RULE} END, CAST(NULL AS INTEGER), named
        FROM matters WHERE NOT EXISTS (SELECT 1 FROM divided WHERE divided.matter = matters.matter)
    ), spelled AS (
        SELECT p.matter, p.role, p.roles, m.rule, m.rule_number, p.level,
               CASE WHEN level IN ({_ROLE}, {_CELL}) THEN p.role ELSE 0 END AS of_role,
               CASE WHEN level IN ({_ENTITLEMENT}, {_CELL}) THEN m.thing ELSE 0 END AS of_thing
        FROM placed AS p JOIN matters AS m ON m.matter = p.matter
    )
    SELECT *, ((rule_number * 4 + level) * 4194304 + of_role) * 1073741824 + of_thing AS key FROM spelled
"""

# By a matter and a role, the group: that of the role, where it has one, comes first.
_KEYED = """
    LEFT JOIN (SELECT * FROM grouped_matters WHERE role IS NOT NULL) AS own ON own.matter = {matter} AND own.role = {role}
    LEFT JOIN (SELECT * FROM grouped_matters WHERE role IS NULL) AS whole ON whole.matter = {matter}
"""
_KEY = "coalesce(own.key, whole.key)"

_ABOUT = "JOIN {abouts} AS a ON a.rule = f.rule AND a.about IS NOT DISTINCT FROM f.about"
_PLACED = f"""
    {_ABOUT}
    LEFT JOIN telling_roles AS r ON r.person = f.person {_KEYED.format(matter="a.matter", role="coalesce(r.place, 0)")}
"""

_GROUPED = f"""
    SELECT f.finding, f.subject, f.subject_name, f.about, f.about_name, f.person_name, f.risk, f.first_seen,
           coalesce(a.power, own_power.place) AS power, {_KEY} AS key
    FROM findings AS f {_PLACED} LEFT JOIN ({_POWERS}) AS own_power ON own_power.entitlement = f.subject
    WHERE {{current}}
"""

_REMEDIES = ", ".join(
    f"count(CASE WHEN remedy = {place} THEN 1 END) AS remedy_{one.name.lower()}" for place, one in enumerate(Remedy)
)

# Everything is said of a group by its own findings; the edge counts only where it gives all of them what they are about.
_EDGED = f"""
        WITH behind AS (
            SELECT {_KEY} AS key, e.child, count(DISTINCT f.subject) AS accounts
            FROM findings AS f JOIN edges_behind AS e ON e.subject = f.subject AND e.about = f.about {_PLACED.format(abouts="grouped_abouts")}
            WHERE coalesce(own.level, whole.level) IN ({_ENTITLEMENT}, {_CELL}) AND {{current}}
            GROUP BY {_KEY}, e.child
        ), having_them AS (
            SELECT key, count(DISTINCT subject) AS subjects FROM {GROUPED}
            WHERE key IN (SELECT key FROM behind) GROUP BY key
        )
        SELECT b.key, min(b.child) AS edge FROM behind AS b JOIN having_them AS h ON h.key = b.key
        WHERE b.accounts = h.subjects AND h.subjects > 1 GROUP BY b.key
"""
_NO_EDGES = "SELECT CAST(NULL AS BIGINT) AS key, CAST(NULL AS VARCHAR) AS edge WHERE FALSE"

# How many people stand behind what is nobody's, a finding says itself.
_STATED = f"""
        SELECT {_KEY} AS key, max(TRY_CAST(nullif(regexp_extract(f.facts, '"people":([0-9]+)', 1), '') AS BIGINT)) AS people
        FROM findings AS f {_ABOUT.format(abouts="grouped_abouts")} {_KEYED.format(matter="a.matter", role=0)}
        WHERE f.person IS NULL AND f.facts LIKE '%"people":%' AND {{current}} GROUP BY {_KEY}
"""

_NUMBERED = f"""
    WITH summed AS (
        SELECT {_KEY} AS key, count(*) AS findings, max(severity) AS severity_rank, min(rag) AS rag_rank, max(risk) AS risk,
               min(power) AS power, CAST(sum(new) AS BIGINT) AS new, min(first_seen) AS since,
               count(DISTINCT person) AS people, {_REMEDIES}
        FROM grouped_rows AS f {_KEYED.format(matter="f.matter", role="f.role")} GROUP BY {_KEY}
    ), others AS (
        SELECT {_KEY} AS key, count(DISTINCT other) AS people
        FROM grouped_rows AS f {_KEYED.format(matter="f.matter", role="f.role")} WHERE f.person IS NULL GROUP BY {_KEY}
    ), kinds AS (
        SELECT key, min(rule) AS rule, min(level) AS level, max(of_role) AS role_number, max(of_thing) AS thing,
               CASE WHEN min(level) = {_ROLE} THEN 1 ELSE CAST(sum(roles) AS BIGINT) END AS roles
        FROM grouped_matters GROUP BY key
    ), things AS (
        SELECT m.key, count(DISTINCT a.number) AS things, min(a.number) AS about_number
        FROM grouped_matters AS m JOIN grouped_abouts AS a ON a.matter = m.matter GROUP BY m.key
    ), stated AS ({{stated}}
    ), said AS (
        SELECT s.key, s.findings, s.severity_rank, s.rag_rank, s.risk, s.power, s.new, s.since,
               {", ".join(f"s.remedy_{one.name.lower()}" for one in Remedy)},
               s.people + coalesce(o.people, 0) AS people, t.things, t.about_number, coalesce(b.people, 0) AS behind,
               k.rule, {_LEVEL} AS level, k.roles, k.role_number, k.thing
        FROM summed AS s JOIN kinds AS k ON k.key = s.key JOIN things AS t ON t.key = s.key
        LEFT JOIN others AS o ON o.key = s.key LEFT JOIN stated AS b ON b.key = s.key
    ), counted AS (
        SELECT s.*, z.role, a.about AS entitlement, a.name AS entitlement_name,
               concat(s.rule, chr(31), s.level, chr(31), coalesce(z.role, ''), chr(31),
                      coalesce(CAST(t.about AS VARCHAR), '')) AS spelled,
               CASE WHEN s.level = 'role-and-entitlement' THEN z.people END AS role_people,
               CASE WHEN s.level = 'role-and-entitlement' AND z.people IS NOT NULL THEN coalesce(r.holding, 0) END AS role_holding,
               h.holders, (SELECT count(*) FROM people WHERE status <> 'left') AS population
        FROM said AS s
        LEFT JOIN role_sizes AS z ON z.place = s.role_number
        LEFT JOIN grouped_abouts AS t ON t.rule = s.rule AND t.number = s.thing
        LEFT JOIN grouped_abouts AS a ON a.rule = s.rule AND a.number = s.about_number AND s.things = 1
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
