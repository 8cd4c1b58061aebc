"""Access granted since the last accepted run that no ticket authorises."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.HIGH,
    needs=(
        "people",
        "assignments",
        "accounts",
        "entitlements",
        "grants",
        "nesting",
        "aliases",
        "tickets",
        "accepted_grants",
    ),
    whole=("tickets",),
    nothing_without=("accepted_sources",),
    controls=("soc2:CC6.2", "soc2:CC6.3", "iso27001:A.5.18", "pci:7.2.5", "nist:AC-2"),
    sentences={
        "no-ticket": "{name} was granted since {accepted}, and no ticket authorises it",
        "self-approved": "{name} was granted since {accepted}; ticket {ticket} was approved by whoever it is for",
        "unapproved": "{name} was granted since {accepted}; ticket {ticket} was approved by nobody",
        "refused": "{name} was granted since {accepted}; ticket {ticket} was refused",
        "ended": "{name} was granted since {accepted}; ticket {ticket} authorised it until {ended} alone",
        "not-yet": "{name} was granted since {accepted}; ticket {ticket} authorises it from {begins} on",
    },
)
def check(*, without_ticket: tuple[str, ...] = ()) -> Relation:
    """Grants that the last accepted (signed off) run did not have, and that no approved ticket covers now.

    A ticket covers what it names for whom it names, and what that carries unless it is privileged, from its beginning to
    its end; one that names a system alone, all of that system. Approved by whoever it is for, by nobody, or refused, it
    covers nothing. Where its words may mean several people or things, or its approval or dates cannot be read, nothing is
    concluded of any of them. Nor is it of a source that the accepted run did not read whole, of a primary
    group, or of a synced copy. ``without_ticket`` names the lists of templates whose lines need none: ``must``, ``may``.
    """
    return select(
        """
        WITH fresh AS (
            SELECT h.account, h.entitlement, e.name, min(s.accepted_at) AS accepted_at
            FROM accepted_sources AS s JOIN entitlements AS e ON e.source = s.source
            JOIN held AS h ON h.entitlement = e.entitlement
            JOIN accounts AS a ON a.account = h.account JOIN accepted_sources AS own ON own.source = a.source
            LEFT JOIN accepted_grants AS b ON b.account = h.account AND b.entitlement = h.entitlement
                 AND (b.mode = h.mode OR b.mode = 'assigned')
            LEFT JOIN role_sets AS r ON r.role_set = h.role_set
            LEFT JOIN expected AS x ON x.role = r.role AND x.entitlement = h.entitlement AND x.allows IN :without_ticket
            WHERE b.account IS NULL AND NOT h.mirrored AND h.via <> 'primary'
            GROUP BY h.account, h.entitlement, e.name HAVING count(x.role) = 0
        ), told AS (
            SELECT f.account, f.entitlement, f.name, f.accepted_at, t.ticket, t.starts_at, t.ends_at,
                   CASE WHEN t.standing IS NULL THEN 'no-ticket'
                        WHEN t.standing IN ('unapproved', 'refused', 'self-approved') THEN t.standing
                        WHEN t.ends_at < :now THEN 'ended'
                        WHEN t.starts_at > :now THEN 'not-yet'
                        ELSE t.standing END AS code
            FROM fresh AS f LEFT JOIN ticketed AS t ON t.account = f.account AND t.entitlement = f.entitlement
        ), ranked AS (
            SELECT *, row_number() OVER (
                PARTITION BY account, entitlement
                ORDER BY CASE code WHEN 'approved' THEN 0 WHEN 'unknown' THEN 1 WHEN 'ended' THEN 2 WHEN 'not-yet' THEN 3
                                   WHEN 'self-approved' THEN 4 WHEN 'unapproved' THEN 5 ELSE 6 END, ticket
            ) AS place
            FROM told
        )
        SELECT account AS subject, entitlement AS about, code, name, ticket,
               strftime(accepted_at, '%Y-%m-%d') AS accepted, strftime(ends_at, '%Y-%m-%d') AS ended,
               strftime(starts_at, '%Y-%m-%d') AS begins, 'review' AS remedy
        FROM ranked WHERE place = 1 AND code NOT IN ('approved', 'unknown')
        """,
        without_ticket=without_ticket or ("",),
        now=AsOf(),
    )
