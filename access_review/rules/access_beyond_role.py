"""Access that no role of its holder allows."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.18", "pci:7.2.4", "nist:AC-6(7)"),
    sentences={
        "held": "holds {name}, which is beyond the roles of the holder: [{roles}|none]",
        "held-in-part": "holds {name}, part of which is beyond the roles of the holder: [{roles}|none]",
        "eligible": "is eligible for {name}, which is beyond the roles of the holder: [{roles}|none]",
        "eligible-in-part": "is eligible for {name}, part of which is beyond the roles of the holder: [{roles}|none]",
    },
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
        WITH both_ways AS (
            SELECT eligible.account, eligible.entitlement, eligible.mode
            FROM held AS assigned JOIN held AS eligible
                 ON eligible.account = assigned.account AND eligible.entitlement = assigned.entitlement
            WHERE eligible.mode = 'eligible' AND assigned.mode = 'assigned'
        ), roles AS (
            SELECT role_set, string_agg(role, ', ' ORDER BY role) AS names FROM role_sets GROUP BY role_set
        )
        SELECT h.account AS subject, h.entitlement AS about,
               concat(CASE WHEN h.mode = 'eligible' THEN 'eligible' ELSE 'held' END,
                      CASE WHEN h.verdict = 'mixed' THEN '-in-part' ELSE '' END) AS code, e.name, names AS roles,
               CASE WHEN h.verdict = 'beyond' AND e.effect = 'grants' THEN 'remove' ELSE 'review' END AS remedy
        FROM held AS h JOIN entitlements AS e ON e.entitlement = h.entitlement
             JOIN people AS p ON p.person = h.person
             LEFT JOIN roles ON roles.role_set = h.role_set
             LEFT JOIN both_ways AS b ON b.account = h.account AND b.entitlement = h.entitlement AND b.mode = h.mode
        WHERE NOT h.mirrored AND h.verdict IN ('beyond', 'mixed') AND h.never IS NULL AND h.former_role IS NULL
          AND p.kind <> 'agent' AND p.status IN ('active', 'leave') AND e.effect IN ('grants', 'exempts', 'unknown')
          AND b.account IS NULL
        """
    )
