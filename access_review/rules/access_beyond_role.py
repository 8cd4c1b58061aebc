"""Access that no role of its holder allows."""

from access_review.model import Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.18", "pci:7.2.4", "nist:AC-6(7)"),
)
def check() -> Relation:
    """Grants that reach more than the holder's current roles allow.

    A grant that is only partly beyond the roles goes to a person: taking it away
    would take what is expected too. Groups that restrict, and distribution lists,
    are not excess. What a former assignment allowed belongs to
    ``mover-kept-access``, what a role forbids to ``never-allowed``, what an agent
    holds to ``agent-beyond-purpose``; people without any role are not judged here.
    """
    return select(
        """
        WITH excess AS (
            SELECT account, entitlement, mode, verdict, role_set
            FROM held JOIN people USING (person)
            WHERE NOT mirrored AND verdict IN ('beyond', 'mixed') AND never IS NULL AND former_role IS NULL
              AND people.kind <> 'agent' AND people.status IN ('active', 'leave')
        ), once AS (
            SELECT * FROM excess WHERE mode = 'assigned'
            UNION ALL
            SELECT * FROM excess AS eligible
            WHERE mode = 'eligible' AND NOT EXISTS (
                SELECT 1 FROM excess AS assigned
                WHERE assigned.mode = 'assigned' AND assigned.account = eligible.account
                  AND assigned.entitlement = eligible.entitlement)
        ), roles AS (
            SELECT role_set, string_agg(role, ', ' ORDER BY role) AS names FROM role_sets GROUP BY role_set
        )
        SELECT account AS subject, entitlement AS about,
               concat(CASE WHEN mode = 'eligible' THEN 'is eligible for ' ELSE 'holds ' END, name,
                      CASE WHEN verdict = 'mixed' THEN ', part of which is beyond' ELSE ', which is beyond' END,
                      ' the roles of the holder: ', coalesce(names, 'none')) AS reason,
               CASE WHEN verdict = 'beyond' AND effect = 'grants' THEN 'remove' ELSE 'review' END AS remedy
        FROM once JOIN entitlements USING (entitlement) LEFT JOIN roles USING (role_set)
        WHERE effect IN ('grants', 'exempts', 'unknown')
        """
    )
