"""Access that its holder has stopped using."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.STALE,
    local=True,
    severity=Severity.LOW,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "activity"),
    nothing_without=("activity",),
    controls=("iso27001:A.5.18", "nist:AC-6(7)", "soc2:CC6.3"),
    rosterless=True,
    sentences={
        "unused": "{name} was last used on {used} at the latest",
    },
)
def check(*, days: int = 90) -> Relation:
    """Grants whose last use, at the latest it can have been, is more than ``days`` ago.

    Only where a source knows the use: no record of a use is unknown, not unused. What
    a role of the holder must have, and what was granted within ``days``, is not
    concerned.
    """
    return select(
        """
        WITH due AS (
            SELECT DISTINCT role_set, entitlement
            FROM activity JOIN expected ON expected.entitlement = activity.object JOIN role_sets USING (role)
            WHERE allows = 'must'
        ), uses AS (
            -- What was used are few, and are looked up first: what is held are many.
            SELECT a.account, e.entitlement, e.name, u.last_used_latest
            FROM activity AS u JOIN accounts AS a ON a.account = u.account
                 JOIN entitlements AS e ON e.entitlement = u.object
            WHERE u.last_used_latest < :cutoff
        )
        SELECT DISTINCT h.account AS subject, h.entitlement AS about,
               'unused' AS code, u.name, strftime(u.last_used_latest, '%Y-%m-%d') AS used,
               'review' AS remedy
        FROM held AS h JOIN uses AS u ON u.account = h.account AND u.entitlement = h.entitlement
             LEFT JOIN people AS p ON p.person = h.person
             LEFT JOIN due ON due.role_set = h.role_set AND due.entitlement = h.entitlement
        WHERE coalesce(h.since < :cutoff, TRUE) AND NOT h.mirrored
          AND (p.person IS NULL OR p.status IN ('active', 'leave'))
          AND due.role_set IS NULL
        """,
        cutoff=AsOf(timedelta(days=-days)),
    )
