"""Access used outside the time that its tickets allow."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting", "aliases", "tickets"),
    whole=("tickets",),
    either=("activity", "signins"),
    nothing_without=("ticketed",),
    controls=("soc2:CC6.3", "soc2:CC7.2", "iso27001:A.5.18", "iso27001:A.8.15", "nist:AC-2(3)"),
    sentences={
        "after": "{name} was used on {used} at the earliest; its last ticket, {ticket}, ended on {bound}",
        "before": "{name} was used on {used} at the latest; its first ticket, {ticket}, begins on {bound}",
        "between": "{name} was used on {used}, between the times of its tickets; the nearest, {ticket}, ended on {bound}",
        "signed-in": "signed in to {name} outside the time of ticket {ticket}: {times}, the last on {used} UTC",
    },
)
def check() -> Relation:
    """Use of an entitlement, and sign-ins to its system, at times that no approved ticket of the holder covers.

    Only for what approved tickets name and no role of the holder allows: what has no ticket is judged by
    ``grant-unauthorised``. A ticket without a beginning or an end has none. Nothing is concluded where
    a ticket may mean several people or things. A use of which only the day is known counts as outside if all of that
    day is. A sign-in is to what its application says: the system, or the entitlement's name.
    """
    return select(_OUTSIDE)


# What tickets name and no role allows; when it was used, and signed in to, at a time that none of them covers.
_OUTSIDE = """
    WITH spans AS (
        SELECT t.account, t.entitlement, min(t.place) AS place, min(t.starts_at) AS earliest, max(t.ends_at) AS latest,
               max(CASE WHEN t.standing = 'unknown' THEN 1 ELSE 0 END) AS doubtful
        FROM ticketed AS t WHERE t.standing IN ('approved', 'unknown') GROUP BY t.account, t.entitlement
    ), allowed AS (
        SELECT DISTINCT account, entitlement FROM held WHERE verdict = 'within'
    ), judged AS (
        SELECT s.account, s.entitlement, s.place, e.name
        FROM spans AS s JOIN entitlements AS e ON e.entitlement = s.entitlement
        LEFT JOIN allowed ON allowed.account = s.account AND allowed.entitlement = s.entitlement
        WHERE s.doubtful = 0 AND allowed.account IS NULL
    ), uses AS (
        SELECT j.account, j.entitlement, j.name, u.last_used_earliest, u.last_used_latest,
               max(CASE WHEN coalesce(u.last_used_latest >= t.starts_at, TRUE)
                         AND coalesce(u.last_used_earliest <= t.ends_at, TRUE) THEN 1 ELSE 0 END) AS covered,
               max(CASE WHEN t.ends_at < u.last_used_earliest THEN t.ends_at END) AS ended,
               min(CASE WHEN t.starts_at > u.last_used_latest THEN t.starts_at END) AS begins,
               max_by(t.ticket, t.ends_at) AS last_ticket, min_by(t.ticket, t.starts_at) AS first_ticket
        FROM judged AS j JOIN activity AS u ON u.account = j.account AND u.object = j.entitlement
        JOIN ticketed AS t ON t.account = j.account AND t.entitlement = j.entitlement AND t.standing = 'approved'
        WHERE u.last_used_latest IS NOT NULL
        GROUP BY j.account, j.entitlement, j.name, u.last_used_earliest, u.last_used_latest
    ), entered AS (
        SELECT DISTINCT j.account, j.place, s.signin, s."at"
        FROM judged AS j JOIN signins AS s ON s.account = j.account
             AND lower(trim(s.application)) IN (lower(trim(j.place)), lower(trim(j.name)))
        WHERE s.success
    ), outside AS (
        SELECT n.account, n.place, n.signin, n."at", max(t.ticket) AS ticket,
               max(CASE WHEN coalesce(n."at" >= t.starts_at, TRUE) AND coalesce(n."at" <= t.ends_at, TRUE)
                        THEN 1 ELSE 0 END) AS covered
        FROM entered AS n JOIN ticketed AS t ON t.account = n.account AND t.place = n.place
        GROUP BY n.account, n.place, n.signin, n."at"
    ), free AS (
        SELECT DISTINCT a.account, lower(e.name) AS place
        FROM allowed AS a JOIN entitlements AS e ON e.entitlement = a.entitlement
        UNION SELECT a.account, lower(e.system)
        FROM allowed AS a JOIN entitlements AS e ON e.entitlement = a.entitlement
        UNION SELECT a.account, lower(e.source)
        FROM allowed AS a JOIN entitlements AS e ON e.entitlement = a.entitlement
    ), signed_in AS (
        SELECT o.account, o.place, max(o.ticket) AS ticket, count(*) AS times, max(o."at") AS latest
        FROM outside AS o LEFT JOIN free ON free.account = o.account AND free.place = lower(o.place)
        WHERE o.covered = 0 AND free.account IS NULL GROUP BY o.account, o.place
    )
    SELECT account AS subject, CAST(entitlement AS VARCHAR) AS about,
           CASE WHEN ended IS NULL THEN 'before' WHEN begins IS NULL THEN 'after' ELSE 'between' END AS code, name,
           CASE WHEN ended IS NULL THEN first_ticket ELSE last_ticket END AS ticket,
           strftime(coalesce(CASE WHEN ended IS NULL THEN last_used_latest ELSE last_used_earliest END, last_used_latest),
                    '%Y-%m-%d') AS used,
           strftime(coalesce(ended, begins), '%Y-%m-%d') AS bound, CAST(NULL AS BIGINT) AS times, 'review' AS remedy
    FROM uses WHERE covered = 0
    UNION ALL
    SELECT account, concat('sign-in to ', place), 'signed-in', place, ticket, strftime(latest, '%Y-%m-%d %H:%M'),
           CAST(NULL AS VARCHAR), times, 'review'
    FROM signed_in
"""
