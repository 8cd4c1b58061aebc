"""Access that a role of its holder forbids."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.15", "pci:7.2.4", "nist:AC-6(7)"),
    sentences={
        "direct": "holds {name}, which a role of the holder forbids ([{roles}|unknown]), directly",
        "carried": "holds {name}, which a role of the holder forbids ([{roles}|unknown]), through {through}[ and {more} more]",
    },
)
def check() -> Relation:
    """Entitlements on the ``never`` list of a role, held directly or reached through nesting.

    One finding for each account and forbidden entitlement, however many grants
    lead to it. Whether those can be cut cleanly decides the remedy.
    """
    return select(
        """
        WITH reached AS (
            SELECT account, never, min(g.name) AS granted, count(DISTINCT g.entitlement) AS grants,
                   max(CASE WHEN verdict = 'beyond' AND g.effect = 'grants' THEN 0 ELSE 1 END) AS unclean,
                   max(CASE WHEN g.entitlement = never THEN 1 ELSE 0 END) AS direct, min(role_set) AS role_set
            FROM held JOIN people USING (person) JOIN entitlements AS g USING (entitlement)
            WHERE NOT mirrored AND never IS NOT NULL AND people.status IN ('active', 'leave')
            GROUP BY account, never
        ), roles AS (
            SELECT role_set, string_agg(role, ', ' ORDER BY role) AS names FROM role_sets GROUP BY role_set
        )
        SELECT account AS subject, never AS about,
               CASE WHEN direct = 1 AND grants = 1 THEN 'direct' ELSE 'carried' END AS code,
               coalesce(e.name, never) AS name, names AS roles, granted AS through,
               CASE WHEN grants > 1 THEN grants - 1 END AS more,
               CASE WHEN unclean = 1 THEN 'review' ELSE 'remove' END AS remedy
        FROM reached LEFT JOIN entitlements AS e ON e.entitlement = never LEFT JOIN roles USING (role_set)
        """
    )
