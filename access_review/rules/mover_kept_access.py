"""Access kept from a former role after the time to hand over."""

from datetime import timedelta

from access_review.model import AsOf, Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.18", "nist:PS-5", "pci:7.2.4"),
)
def check(*, grace_days: int = 5) -> Relation:
    """Grants that an ended assignment allowed and no current one does.

    A mover has ``grace_days`` to hand over, and none when the former assignment was
    for a client the person no longer works for. When the day of the move is unknown,
    a person decides.
    """
    return select(
        """
        WITH kept AS (
            SELECT account, entitlement, person, min(verdict) AS verdict, min(former_role) AS former_role,
                   min(former_client) AS former_client, min(former_until) AS former_until
            FROM held JOIN people USING (person)
            WHERE NOT mirrored AND verdict IN ('beyond', 'mixed') AND never IS NULL AND former_role IS NOT NULL
              AND people.kind <> 'agent' AND people.status IN ('active', 'leave')
            GROUP BY account, entitlement, person
        ), clients AS (
            SELECT DISTINCT person, client FROM assignments
            WHERE status IN ('active', 'leave')
              AND coalesce(starts_earliest <= :now, TRUE) AND coalesce(ends_latest >= :now, TRUE)
        ), left_client AS (
            SELECT account, entitlement FROM kept
            WHERE former_client IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM clients
                WHERE clients.person = kept.person AND coalesce(clients.client, kept.former_client) = kept.former_client)
        )
        SELECT account AS subject, entitlement AS about,
               concat('kept ', name, ' from the former role ', former_role,
                      CASE WHEN left_client.account IS NULL THEN '' ELSE concat(' for ', former_client) END,
                      coalesce(', which ended on ' || strftime(former_until, '%Y-%m-%d'),
                               ', which ended on an unknown day')) AS reason,
               CASE WHEN verdict = 'beyond' AND effect = 'grants' AND former_until IS NOT NULL
                    THEN 'remove' ELSE 'review' END AS remedy
        FROM kept JOIN entitlements USING (entitlement) LEFT JOIN left_client USING (account, entitlement)
        WHERE effect IN ('grants', 'exempts', 'unknown')
          AND coalesce(former_until < CASE WHEN left_client.account IS NULL THEN :cutoff ELSE :now END, TRUE)
        """,
        now=AsOf(),
        cutoff=AsOf(timedelta(days=-grace_days)),
    )
