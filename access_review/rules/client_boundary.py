"""Access to a client that its holder does not work for."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.1", "iso27001:A.5.15", "iso27001:A.5.20"),
    sentences={
        "crossed": "{name} reaches the client {client}[ and {more} more]; the holder works for {works_for}",
    },
)
def check() -> Relation:
    """Grants that reach an entitlement of a client for which the holder has no current assignment.

    The finding is about the grant, whatever leads on from it. Entitlements without a
    client concern nobody, and people of whom no client is known are not judged:
    unknown is no violation. Groups that restrict take nothing from a client. A client is
    the same in capitals, small letters and with spaces around it.
    """
    return select(
        """
        WITH reaches AS (
            SELECT DISTINCT c.entitlement, e.client, lower(trim(e.client)) AS folded
            FROM closure AS c JOIN entitlements AS e ON e.entitlement = c.reached
            WHERE e.client IS NOT NULL AND e.effect <> 'restricts'
        ), holders AS (
            SELECT DISTINCT person FROM accounts WHERE person IS NOT NULL
        ), serves AS (
            SELECT DISTINCT h.person, t.client FROM timed_assignments AS t JOIN holders AS h ON h.person = t.person
            WHERE t.current AND t.client IS NOT NULL
        ), ends AS (
            SELECT person, min(client) AS first, max(client) AS last FROM serves GROUP BY person
        ), said AS (
            -- Most people work for one client, and to string many together takes longer than all else here.
            SELECT person, first AS clients FROM ends WHERE first = last
            UNION ALL
            SELECT s.person, string_agg(s.client, chr(31) ORDER BY s.client)
            FROM serves AS s JOIN ends ON ends.person = s.person WHERE ends.first <> ends.last GROUP BY s.person
        ), sets AS (
            -- Those who work for the same clients are judged once, by an example of them.
            SELECT clients, min(person) AS example FROM said GROUP BY clients
        ), placed AS (
            SELECT person, example FROM said JOIN sets ON sets.clients = said.clients
        ), concerned AS (
            SELECT h.account, h.entitlement, p.example FROM held AS h JOIN placed AS p ON p.person = h.person
            WHERE NOT h.mirrored AND h.entitlement IN (SELECT entitlement FROM reaches)
        ), pairs AS (
            SELECT DISTINCT example, entitlement FROM concerned
        ), crossed AS (
            SELECT pairs.example, pairs.entitlement, min(r.client) AS client, count(*) AS others
            FROM pairs JOIN reaches AS r ON r.entitlement = pairs.entitlement
                 LEFT JOIN serves AS s ON s.person = pairs.example AND lower(trim(s.client)) = r.folded
            WHERE s.person IS NULL
            GROUP BY pairs.example, pairs.entitlement
        ), crossing AS (
            SELECT DISTINCT g.account, g.entitlement, g.example
            FROM concerned AS g JOIN crossed AS c ON c.example = g.example AND c.entitlement = g.entitlement
        )
        SELECT g.account AS subject, g.entitlement AS about,
               'crossed' AS code, e.name, c.client, CASE WHEN others > 1 THEN others - 1 END AS more,
               replace(sets.clients, chr(31), ', ') AS works_for,
               CASE WHEN e.client = c.client AND e.effect = 'grants' THEN 'remove' ELSE 'review' END AS remedy
        FROM crossing AS g JOIN crossed AS c ON c.example = g.example AND c.entitlement = g.entitlement
             JOIN sets ON sets.example = g.example
             JOIN entitlements AS e ON e.entitlement = g.entitlement
        """
    )
