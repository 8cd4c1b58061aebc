"""Privileged access held all the time instead of when needed."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.8.2", "nist:AC-6(7)", "pci:7.2.4"),
    rosterless=True,
    sentences={
        "unlisted": "holds {name} all the time, without an end, and no role of the holder lists it",
        "nested": "reaches {name} all the time through {via}[ and {more} more], which carries it",
        "eligible-only": "holds {name} all the time, which the role {role} allows as eligible only",
    },
)
def check(*, kinds: tuple[str, ...] = ("role",)) -> Relation:
    """Standing grants of what should be eligible only.

    Two cases: the holder's roles list the entitlement as ``eligible`` and none as
    ``must`` or ``may``; or a human or guest account holds a privileged entitlement of
    one of ``kinds`` without an end, and no role of the holder lists it. Break-glass
    accounts stand by design; what a role forbids belongs to ``never-allowed``. Whether
    an entitlement is privileged must be known. Where no source is a roster, no role can
    list anything: then everything privileged is looked at, of whatever kind, and who reaches it through a nested group.
    """
    return select(
        """
        WITH watched AS (
            SELECT entitlement, name, coalesce(privileged, FALSE) AND roster.people = 0 AS bare,
                   coalesce(privileged, FALSE) AND (coalesce(kind IN :kinds, FALSE) OR roster.people = 0) AS privileged
            FROM entitlements CROSS JOIN (SELECT count(*) AS people FROM people) AS roster
            WHERE (privileged AND (kind IN :kinds OR roster.people = 0))
               OR entitlement IN (SELECT entitlement FROM expected WHERE allows = 'eligible')
        ), listed AS (
            SELECT role_set, entitlement,
                   max(CASE WHEN allows = 'eligible' THEN 0 ELSE 1 END) AS standing,
                   max(CASE WHEN allows = 'eligible' THEN role END) AS eligible_by
            FROM watched JOIN expected USING (entitlement) JOIN role_sets USING (role)
            WHERE allows IN ('must', 'may', 'eligible')
            GROUP BY role_set, entitlement
        ), carried AS (
            SELECT c.entitlement, c.reached, w.name
            FROM closure AS c JOIN watched AS w ON w.entitlement = c.reached AND w.bare
            WHERE c.mode = 'assigned' AND c.entitlement NOT IN (SELECT entitlement FROM watched WHERE bare)
        ), behind AS (
            -- What is reached through another of them, which it does not lead back to.
            SELECT DISTINCT far.entitlement, far.reached
            FROM carried AS far
                 JOIN carried AS near ON near.entitlement = far.entitlement AND near.reached <> far.reached
                 JOIN closure AS through ON through.entitlement = near.reached AND through.reached = far.reached
                 LEFT JOIN closure AS back ON back.entitlement = far.reached AND back.reached = near.reached
            WHERE through.mode = 'assigned' AND back.entitlement IS NULL
        ), nearest AS (
            SELECT c.entitlement, c.reached, c.name
            FROM carried AS c LEFT JOIN behind AS b ON b.entitlement = c.entitlement AND b.reached = c.reached
            WHERE b.entitlement IS NULL
        )
        SELECT h.account AS subject, h.entitlement AS about,
               CASE WHEN l.eligible_by IS NULL THEN 'unlisted' ELSE 'eligible-only' END AS code, w.name, l.eligible_by AS role,
               'review' AS remedy, CAST(NULL AS VARCHAR) AS via, CAST(NULL AS BIGINT) AS more
        FROM held AS h JOIN watched AS w ON w.entitlement = h.entitlement
             JOIN accounts AS a ON a.account = h.account
             LEFT JOIN people AS p ON p.person = h.person
             LEFT JOIN listed AS l ON l.role_set = h.role_set AND l.entitlement = h.entitlement
        WHERE h.mode = 'assigned' AND NOT h.mirrored AND h."until" IS NULL AND a.kind <> 'break-glass'
          AND (p.person IS NULL OR p.status IN ('active', 'leave'))
          AND coalesce(l.standing, 0) = 0 AND h.never IS NULL
          AND (l.eligible_by IS NOT NULL OR (w.privileged AND a.kind IN ('human', 'guest')))
        UNION ALL
        SELECT h.account, n.reached, 'nested', min(n.name), CAST(NULL AS VARCHAR), 'review', min(coalesce(e.name, h.entitlement)),
               CASE WHEN count(*) > 1 THEN count(*) - 1 END
        FROM held AS h JOIN nearest AS n ON n.entitlement = h.entitlement JOIN accounts AS a ON a.account = h.account
             LEFT JOIN entitlements AS e ON e.entitlement = h.entitlement
        WHERE h.mode = 'assigned' AND NOT h.mirrored AND h."until" IS NULL AND a.kind IN ('human', 'guest')
          AND NOT EXISTS (SELECT 1 FROM held AS own WHERE own.account = h.account AND own.entitlement = n.reached)
        GROUP BY h.account, n.reached
        """,
        kinds=kinds,
    )
