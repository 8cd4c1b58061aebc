"""People on leave whose accounts are used, or stay open for long."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts"),
    controls=("soc2:CC6.2", "iso27001:A.5.18", "nist:AC-2(3)"),
    timed=True,
    sentences={
        "used": "on leave since {since}; used on {used} or later",
        "enabled": "on leave since {since}; the account is still enabled",
    },
)
def check(*, days: int = 30) -> Relation:
    """Accounts of people on leave that were used since it began, or are still enabled ``days`` later.

    Only a use that certainly falls within the leave counts. A leave whose beginning
    is unknown is not judged.
    """
    return select(
        """
        WITH leaves AS (
            SELECT person, min(starts_latest) AS began
            FROM assignments JOIN people USING (person)
            WHERE people.status = 'leave' AND assignments.status = 'leave'
              AND starts_latest < :now AND coalesce(ends_earliest > :now, TRUE)
            GROUP BY person
        ), seen AS (
            SELECT account, max(signins."at") AS used_at FROM signins WHERE success GROUP BY account
        ), used AS (
            SELECT a.account, a.enabled, began,
                   greatest(coalesce(a.last_used_earliest, seen.used_at), coalesce(seen.used_at, a.last_used_earliest)) AS used_at
            FROM accounts AS a JOIN leaves ON leaves.person = a.person LEFT JOIN seen ON seen.account = a.account
            WHERE a.kind IN ('human', 'guest')
        )
        SELECT account AS subject, NULL AS about,
               CASE WHEN used_at > began THEN 'used' ELSE 'enabled' END AS code,
               strftime(began, '%Y-%m-%d') AS since, strftime(used_at, '%Y-%m-%d') AS used,
               'review' AS remedy
        FROM used WHERE used_at > began OR (enabled AND began < :cutoff)
        """,
        now=AsOf(),
        cutoff=AsOf(timedelta(days=-days)),
    )
