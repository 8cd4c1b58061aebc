"""Accounts that nobody has used for a long time."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.STALE,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "accounts"),
    whole=("accounts", "activity", "signins"),
    controls=("pci:8.2.6", "nist:AC-2(3)", "cis:5.3", "iso27001:A.5.18"),
    rosterless=True,
    sentences={
        "past": "last used on {used} at the latest, by any sign-in of its holder known; past the limit of {days} days",
        "close": "last used on {used} at the latest, by any sign-in of its holder known; close to the limit of {days} days",
    },
)
def check(*, days: int = 90, warn_days: int = 76, apart: tuple[str, ...] = ()) -> Relation:
    """Enabled human accounts whose last use, at the latest it can have been, is ``days`` ago.

    From ``warn_days`` on a person is told, in time for the limit. An account counts as
    used when an account of the same person in another source was: whoever signs in to
    the cloud with a synchronised password may never be seen by a domain controller. For
    the same reason an unknown use in another directory settles nothing, and the account
    is left alone; a directory gives its accounts a principal name, and one that has no
    part in signing in elsewhere can be named in ``apart``. What was never used belongs
    to ``never-used``, the accounts of leavers to ``leaver-active``.
    """
    return select(
        """
        WITH seen AS (
            SELECT account, max(used_at) AS used_at
            FROM (SELECT account, signins."at" AS used_at FROM signins WHERE coalesce(success, TRUE)
                  UNION ALL SELECT account, last_used_latest AS used_at FROM activity) AS uses
            GROUP BY account
        ), used AS (
            SELECT a.account, a.person, a.source, a.kind, a.enabled, a.created_at,
                   greatest(coalesce(a.last_used_latest, s.used_at), coalesce(s.used_at, a.last_used_latest)) AS used_at,
                   a.principal_name IS NOT NULL AND coalesce(a.enabled, TRUE) AND NOT coalesce(a.never_used, FALSE)
                       AND NOT coalesce(a.source IN :apart, FALSE) AS telling
            FROM accounts AS a LEFT JOIN seen AS s ON s.account = a.account
        ), quiet AS (
            SELECT used.* FROM used LEFT JOIN people ON people.person = used.person
            WHERE used.kind = 'human' AND enabled AND used_at < :warn AND coalesce(created_at < :warn, TRUE)
              AND (people.person IS NULL OR people.status IN ('active', 'leave'))
        ), elsewhere AS (
            SELECT q.account, max(o.used_at) AS used_at, max(CASE WHEN o.used_at IS NULL AND o.telling THEN 1 ELSE 0 END) AS unknown
            FROM quiet AS q JOIN used AS o ON o.person = q.person AND o.source <> q.source
            GROUP BY q.account
        ), latest AS (
            SELECT q.account, greatest(q.used_at, coalesce(e.used_at, q.used_at)) AS used_at
            FROM quiet AS q LEFT JOIN elsewhere AS e ON e.account = q.account
            WHERE coalesce(e.unknown, 0) = 0
        )
        SELECT account AS subject, NULL AS about,
               CASE WHEN used_at < :cutoff THEN 'past' ELSE 'close' END AS code,
               strftime(used_at, '%Y-%m-%d') AS used, :days AS days,
               CASE WHEN used_at < :cutoff THEN 'disable' ELSE 'review' END AS remedy
        FROM latest WHERE used_at < :warn
        """,
        days=days,
        warn=AsOf(timedelta(days=-min(warn_days, days))),
        cutoff=AsOf(timedelta(days=-days)),
        apart=apart,
    )
