"""AI agents with more access than their purpose needs."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OWNERSHIP,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.15", "pci:7.2.5.1", "nist:AC-6(7)"),
    sentences={
        "beyond-roles": "{name} is beyond the roles of the agent; its purpose: [{purpose}|unknown]",
        "above-class": "{name} reaches {reached} ({sensitivity}), above the class of the agent: {data_class}",
    },
)
def check(*, levels: tuple[str, ...] = ("public", "internal", "confidential", "restricted")) -> Relation:
    """Grants of an agent beyond its role templates, or reaching data above its class.

    ``levels`` orders the classes from the least to the most sensitive. A class or a
    sensitivity that is unknown, or not among the levels, is not compared.
    """
    ranks = "".join(f" UNION ALL SELECT :level_{n} AS level, {n} AS place" for n in range(len(levels)))
    return select(
        f"""
        WITH ranks AS (
            SELECT NULL AS level, NULL AS place{ranks}
        ), agents AS (
            SELECT person, purpose, data_class, place
            FROM people LEFT JOIN ranks ON ranks.level = people.data_class
            WHERE kind = 'agent' AND status IN ('active', 'leave')
        ), granted AS (
            SELECT h.account, h.entitlement, h.verdict, h.never, a.purpose, a.data_class, a.place
            FROM held AS h JOIN agents AS a ON a.person = h.person
            WHERE NOT h.mirrored
        ), above AS (
            SELECT g.account, g.entitlement, min(e.name) AS reached, min(e.sensitivity) AS sensitivity
            FROM granted AS g JOIN closure AS c ON c.entitlement = g.entitlement
                 JOIN entitlements AS e ON e.entitlement = c.reached JOIN ranks ON ranks.level = e.sensitivity
            WHERE ranks.place > g.place
            GROUP BY g.account, g.entitlement
        )
        SELECT g.account AS subject, g.entitlement AS about,
               min(CASE WHEN reached IS NULL THEN 'beyond-roles' ELSE 'above-class' END) AS code,
               min(e.name) AS name, min(purpose) AS purpose, min(reached) AS reached, min(above.sensitivity) AS sensitivity,
               min(data_class) AS data_class,
               min(CASE WHEN verdict = 'beyond' AND e.effect = 'grants' THEN 'remove' ELSE 'review' END) AS remedy
        FROM granted AS g JOIN entitlements AS e ON e.entitlement = g.entitlement
             LEFT JOIN above ON above.account = g.account AND above.entitlement = g.entitlement
        WHERE reached IS NOT NULL
           OR (verdict IN ('beyond', 'mixed') AND never IS NULL AND e.effect IN ('grants', 'exempts', 'unknown'))
        GROUP BY g.account, g.entitlement
        """,
        **{f"level_{n}": level for n, level in enumerate(levels)},
    )
