"""What leavers leave behind: access, things they own, secrets they know."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "accounts", "entitlements", "grants"),
    controls=("soc2:CC6.2", "iso27001:A.5.18", "iso27001:A.6.5", "nist:PS-4", "hipaa:164.308(a)(3)(ii)(C)"),
    timed=True,
    sentences={
        "held": "{name} is still held by someone [who left by {departed}|who left on an unknown day]",
        "owned": "is owned by someone [who left by {departed}|who left on an unknown day], beside others",
        "owned-alone": "is owned by someone [who left by {departed}|who left on an unknown day], and by nobody else",
        "secret": "its {kind} was not changed since it was owned by someone [who left by {departed}|who left on an unknown day]",
    },
)
def check() -> Relation:
    """Grants, ownership and unchanged secrets of people who have left, disabled accounts included.

    A primary group cannot be left and a group that restricts does no harm, so neither
    counts; a distribution list still delivers mail, so it does. A secret of something
    a leaver owned must be newer than the leaving. Shared accounts that the leaver knew
    the secret of belong to ``shared-unrotated``.
    """
    return select(
        """
        WITH leavers AS (
            SELECT person, left_at_latest, strftime(left_at_latest, '%Y-%m-%d') AS departed
            FROM people WHERE status = 'left' AND coalesce(left_at_latest < :now, TRUE)
        ), kept AS (
            SELECT h.account, h.entitlement, min(l.departed) AS departed
            FROM held AS h JOIN leavers AS l ON l.person = h.person
            WHERE NOT h.mirrored AND h.via <> 'primary'
            GROUP BY h.account, h.entitlement
        ), living AS (
            SELECT DISTINCT object FROM owned WHERE status IN ('active', 'leave')
        ), secrets AS (
            SELECT c.object, c.credential, min(c.kind) AS kind, min(l.departed) AS departed
            FROM credentials AS c JOIN owned AS o ON o.object = c.object JOIN leavers AS l ON l.person = o.person
            WHERE coalesce(c.expires_at > :now, TRUE) AND coalesce(c.set_at < l.left_at_latest, TRUE)
            GROUP BY c.object, c.credential
        )
        SELECT account AS subject, entitlement AS about, 'held' AS code, name, NULL AS kind, departed,
               CASE WHEN effect IN ('grants', 'distribution') THEN 'remove' ELSE 'review' END AS remedy
        FROM kept JOIN entitlements USING (entitlement) WHERE effect <> 'restricts'
        UNION ALL
        SELECT o.object, o.owner,
               CASE WHEN living.object IS NULL THEN 'owned-alone' ELSE 'owned' END, NULL, NULL, departed,
               CASE WHEN living.object IS NULL THEN 'assign-owner' ELSE 'review' END
        FROM owned AS o JOIN leavers AS l ON l.person = o.person LEFT JOIN living ON living.object = o.object
        UNION ALL
        SELECT object, credential, 'secret', NULL, kind, departed, 'rotate'
        FROM secrets
        """,
        now=AsOf(),
    )
