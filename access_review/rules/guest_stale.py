"""Guests who have stopped coming, or never came."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.STALE,
    local=True,
    severity=Severity.MEDIUM,
    needs=("accounts",),
    whole=("activity", "signins"),
    controls=("iso27001:A.5.19", "nist:AC-2(3)", "soc2:CC6.2", "pci:8.2.6"),
    sentences={
        "never-used": "invited on {invited} and never used",
        "stale": "last used on {used} at the latest",
    },
)
def check(*, days: int = 60) -> Relation:
    """Guest accounts last used more than ``days`` ago, or invited then and never used.

    Judged by the latest moment the last use can have been; an unknown use or an
    unknown day of invitation is not long ago.
    """
    return select(
        """
        WITH seen AS (
            SELECT account, max(used_at) AS used_at
            FROM (SELECT account, signins."at" AS used_at FROM signins WHERE coalesce(success, TRUE)
                  UNION ALL SELECT account, last_used_latest AS used_at FROM activity) AS uses
            GROUP BY account
        ), guests AS (
            SELECT a.account, a.created_at, coalesce(a.never_used, FALSE) AS never_used,
                   greatest(coalesce(a.last_used_latest, s.used_at), coalesce(s.used_at, a.last_used_latest)) AS used_at
            FROM accounts AS a LEFT JOIN seen AS s ON s.account = a.account
            WHERE a.kind = 'guest' AND coalesce(a.enabled, TRUE)
        )
        SELECT account AS subject, NULL AS about,
               CASE WHEN used_at IS NULL THEN 'never-used' ELSE 'stale' END AS code,
               strftime(created_at, '%Y-%m-%d') AS invited, strftime(used_at, '%Y-%m-%d') AS used,
               'disable' AS remedy
        FROM guests
        WHERE (used_at < :cutoff AND coalesce(created_at < :cutoff, TRUE))
           OR (used_at IS NULL AND never_used AND created_at < :cutoff)
        """,
        cutoff=AsOf(timedelta(days=-days)),
    )
