"""Accounts that were made and never used."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.STALE,
    local=True,
    severity=Severity.LOW,
    needs=("people", "assignments", "accounts"),
    whole=("accounts", "activity", "signins"),
    controls=("pci:8.2.6", "nist:AC-2(3)", "cis:5.3"),
    rosterless=True,
    sentences={
        "never-used": "created on {created} and never used",
    },
)
def check(*, days: int = 30, apart: tuple[str, ...] = ()) -> Relation:
    """Enabled human accounts created more than ``days`` ago of which their source says that nobody ever signed in.

    The days count from the holder's first day where that came later: an account may be
    made weeks before. As in ``account-dormant``, an account of the same person in another
    source that was used speaks for this one, and so does an account of unknown use in
    another directory, save in those ``apart``. An account whose creation is unknown is
    not judged.
    """
    return select(
        """
        WITH seen AS (
            SELECT account FROM signins WHERE coalesce(success, TRUE)
            UNION SELECT account FROM activity WHERE last_used_latest IS NOT NULL
        ), joining AS (
            SELECT person FROM assignments GROUP BY person
            HAVING count(starts_latest) = count(*) AND min(starts_latest) >= :cutoff
        ), unused AS (
            SELECT a.account, a.person, a.source, a.created_at
            FROM accounts AS a LEFT JOIN people AS p ON p.person = a.person
            WHERE a.kind = 'human' AND a.enabled AND a.never_used AND a.created_at < :cutoff
              AND (p.person IS NULL OR p.status IN ('active', 'leave'))
              AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.account = a.account)
              AND NOT EXISTS (SELECT 1 FROM joining WHERE joining.person = a.person)
        ), elsewhere AS (
            SELECT DISTINCT u.account
            FROM unused AS u JOIN accounts AS o ON o.person = u.person AND o.source <> u.source
                 LEFT JOIN seen ON seen.account = o.account
            WHERE seen.account IS NOT NULL OR o.last_used_latest IS NOT NULL
               OR (o.principal_name IS NOT NULL AND coalesce(o.enabled, TRUE) AND NOT coalesce(o.never_used, FALSE)
                   AND NOT coalesce(o.source IN :apart, FALSE))
        )
        SELECT account AS subject, NULL AS about,
               'never-used' AS code, strftime(created_at, '%Y-%m-%d') AS created,
               'disable' AS remedy
        FROM unused WHERE NOT EXISTS (SELECT 1 FROM elsewhere WHERE elsewhere.account = unused.account)
        """,
        cutoff=AsOf(timedelta(days=-days)),
        apart=apart,
    )
