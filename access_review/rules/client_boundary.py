"""Access to a client that its holder does not work for."""

from access_review.model import AsOf, Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.1", "iso27001:A.5.15", "iso27001:A.5.20"),
)
def check() -> Relation:
    """Grants that reach an entitlement of a client for which the holder has no current assignment.

    The finding is about the grant, whatever leads on from it. Entitlements without a
    client concern nobody, and people of whom no client is known are not judged:
    unknown is no violation. Groups that restrict take nothing from a client.
    """
    return select(
        """
        WITH reaches AS (
            SELECT DISTINCT c.entitlement, e.client
            FROM closure AS c JOIN entitlements AS e ON e.entitlement = c.reached
            WHERE e.client IS NOT NULL AND e.effect <> 'restricts'
        ), serves AS (
            SELECT DISTINCT person, client FROM assignments JOIN people USING (person)
            WHERE people.status IN ('active', 'leave') AND assignments.status IN ('active', 'leave')
              AND client IS NOT NULL
              AND coalesce(starts_earliest <= :now, TRUE) AND coalesce(ends_latest >= :now, TRUE)
        ), placed AS (
            SELECT person, string_agg(client, ', ' ORDER BY client) AS clients FROM serves GROUP BY person
        ), crossed AS (
            SELECT h.account, h.entitlement, min(r.client) AS client, count(DISTINCT r.client) AS others,
                   min(p.clients) AS clients
            FROM held AS h JOIN reaches AS r ON r.entitlement = h.entitlement
                 JOIN placed AS p ON p.person = h.person
            WHERE NOT h.mirrored AND NOT EXISTS (
                SELECT 1 FROM serves AS s WHERE s.person = h.person AND s.client = r.client)
            GROUP BY h.account, h.entitlement
        )
        SELECT account AS subject, entitlement AS about,
               concat(e.name, ' reaches the client ', crossed.client,
                      CASE WHEN others > 1 THEN concat(' and ', others - 1, ' more') ELSE '' END,
                      '; the holder works for ', clients) AS reason,
               CASE WHEN e.client = crossed.client AND e.effect = 'grants' THEN 'remove' ELSE 'review' END AS remedy
        FROM crossed JOIN entitlements AS e USING (entitlement)
        """,
        now=AsOf(),
    )
