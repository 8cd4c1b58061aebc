"""Access granted to a person directly although a group carries it."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.LOW,
    needs=("people", "accounts", "entitlements", "grants", "nesting"),
    nothing_without=("nesting",),
    controls=("soc2:CC6.3", "iso27001:A.5.15"),
    sentences={
        "direct": "{name} is granted directly although {carrier}[ and {more} more carry it| carries it]",
    },
)
def check(*, kinds: tuple[str, ...] = ("approle",)) -> Relation:
    """Direct grants of ``kinds`` to human accounts where nesting carries the same entitlement.

    Such a grant stays behind when the group is taken away. Leavers belong to
    ``leaver-residue``.
    """
    return select(
        """
        WITH carried AS (
            SELECT parent AS entitlement, min(coalesce(c.name, child)) AS carrier, count(DISTINCT child) AS carriers
            FROM nesting LEFT JOIN entitlements AS c ON c.entitlement = child
            WHERE child <> parent
            GROUP BY parent
        )
        SELECT DISTINCT h.account AS subject, h.entitlement AS about,
               'direct' AS code, e.name, carrier, CASE WHEN carriers > 1 THEN carriers - 1 END AS more,
               'review' AS remedy
        FROM held AS h JOIN entitlements AS e ON e.entitlement = h.entitlement
             JOIN carried ON carried.entitlement = h.entitlement
             JOIN accounts AS a ON a.account = h.account
             LEFT JOIN people AS p ON p.person = h.person
        WHERE NOT h.mirrored AND e.kind IN :kinds AND a.kind = 'human'
          AND (p.person IS NULL OR p.status IN ('active', 'leave'))
        """,
        kinds=kinds,
    )
