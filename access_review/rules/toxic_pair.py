"""One holder has both sides of a pair that must be kept apart."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "accounts", "entitlements", "grants", "nesting"),
    nothing_without=("separation",),
    controls=("soc2:CC6.3", "iso27001:A.5.3", "nist:AC-5"),
    sentences={
        "both": "has both {one} and {other}[: {because}]",
    },
)
def check() -> Relation:
    """Both sides of a pair of ``separation.yaml``, held over all accounts of a person.

    Also across sources and clients, through nesting, and where a side is only
    eligible: one activation away is not apart. An account without a person is judged
    by itself. Which side goes is for a person to decide.
    """
    return select(
        """
        WITH apart AS (
            SELECT s.pair, s.side, s.reason, e.name, e.entitlement
            FROM entitlements AS e JOIN separation AS s ON s.entitlement = e.entitlement
        ), leads AS (
            SELECT apart.pair, apart.side, apart.reason, apart.name, c.entitlement
            FROM closure AS c JOIN apart ON apart.entitlement = c.reached
        ), sides AS (
            SELECT coalesce(h.person, h.account) AS holder, l.pair, l.side, min(l.reason) AS reason,
                   min(concat(l.name, ' (', coalesce(a.name, a.account), ')')) AS example
            FROM held AS h JOIN leads AS l ON l.entitlement = h.entitlement
                 JOIN accounts AS a ON a.account = h.account
                 LEFT JOIN people AS p ON p.person = h.person
            WHERE NOT h.mirrored AND (p.person IS NULL OR p.status IN ('active', 'leave'))
            GROUP BY coalesce(h.person, h.account), l.pair, l.side
        )
        SELECT a.holder AS subject, a.pair AS about,
               'both' AS code, a.example AS one, b.example AS other, a.reason AS because, 'review' AS remedy
        FROM sides AS a JOIN sides AS b ON b.holder = a.holder AND b.pair = a.pair
        WHERE a.side = 'a' AND b.side = 'b'
        """
    )
