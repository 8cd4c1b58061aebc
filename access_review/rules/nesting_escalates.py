"""A nested group that hands out more than the roles meant."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    severity=Severity.HIGH,
    needs=("people", "assignments", "entitlements", "nesting"),
    nothing_without=("escalations",),
    controls=("soc2:CC6.3", "iso27001:A.8.2", "nist:AC-6(7)"),
    sentences={
        "carries": "{name} carries {carried}[ ({because})][ and is reached from {reached_from}], allowed to {role}[ and {more} more roles]; people with such a role: {people}",
    },
)
def check() -> Relation:
    """Nesting by which an allowed entitlement carries what must be allowed by name.

    Allowing an entitlement allows what it carries, except what is privileged,
    forbidden or half of a toxic pair. One finding for each edge, with the number of
    people whose current roles are concerned, not one for each of them.
    """
    return select(
        """
        WITH edges AS (
            SELECT child, parent, min(allowed) AS allowed, min(because) AS because, count(DISTINCT role) AS roles,
                   min(role) AS role
            FROM escalations GROUP BY child, parent
        ), sizes AS (
            SELECT role_set, count(*) AS people FROM person_role_sets GROUP BY role_set
        ), concerned AS (
            SELECT DISTINCT child, parent, role_set FROM escalations JOIN role_sets USING (role)
        ), counted AS (
            SELECT child, parent, CAST(sum(people) AS BIGINT) AS people
            FROM concerned JOIN sizes USING (role_set) GROUP BY child, parent
        )
        SELECT child AS subject, parent AS about,
               'carries' AS code, coalesce(c.name, child) AS name, coalesce(p.name, parent) AS carried, because,
               CASE WHEN allowed <> child THEN coalesce(a.name, allowed) END AS reached_from, role,
               CASE WHEN roles > 1 THEN roles - 1 END AS more, coalesce(people, 0) AS people,
               'cut' AS remedy
        FROM edges LEFT JOIN counted USING (child, parent)
             LEFT JOIN entitlements AS c ON c.entitlement = child
             LEFT JOIN entitlements AS p ON p.entitlement = parent
             LEFT JOIN entitlements AS a ON a.entitlement = allowed
        """
    )
