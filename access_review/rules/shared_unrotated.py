"""Shared secrets that someone who should no longer know them still knows."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "accounts", "custody"),
    nothing_without=("custody",),
    controls=("pci:8.2.2", "soc2:CC6.2", "iso27001:A.5.17", "iso27001:A.6.5"),
    sentences={
        "unrotated": "{name} was a custodian until [{ended_on}|an unknown day]; [its oldest secret is of {set_on}|the age of its secret is unknown]",
    },
)
def check() -> Relation:
    """Shared accounts whose secret is older than the end of a custodian.

    A custodian ends with the custody or by leaving, whichever came first. Every secret
    of the account must be newer than that; one of unknown age, or an end on an unknown
    day, cannot be shown to be, and is reported with that reason. Disabled accounts
    open nothing.
    """
    return select(
        """
        WITH ended AS (
            SELECT c.account, c.person, coalesce(p.name, c.person) AS name,
                   CASE WHEN p.status = 'left' AND coalesce(p.left_at_latest <= :now, TRUE) THEN TRUE ELSE FALSE END AS gone,
                   CASE WHEN c.ends_at <= :now THEN c.ends_at END AS released,
                   coalesce(p.left_at_earliest, p.left_at_latest) AS left_at
            FROM custody AS c LEFT JOIN people AS p ON p.person = c.person
        ), outside AS (
            SELECT account, person, name,
                   CASE WHEN gone THEN least(coalesce(released, left_at), coalesce(left_at, released))
                        ELSE released END AS ended
            FROM ended WHERE gone OR released IS NOT NULL
        ), keys AS (
            SELECT object, min(set_at) AS oldest, count(*) - count(set_at) AS undated
            FROM credentials WHERE coalesce(expires_at > :now, TRUE) GROUP BY object
        ), secrets AS (
            SELECT a.account,
                   CASE WHEN coalesce(k.undated, 0) > 0 THEN NULL
                        ELSE least(coalesce(a.password_set_at, k.oldest), coalesce(k.oldest, a.password_set_at)) END AS oldest
            FROM accounts AS a LEFT JOIN keys AS k ON k.object = a.account
            WHERE coalesce(a.enabled, TRUE)
        )
        SELECT account AS subject, person AS about,
               'unrotated' AS code, name, strftime(ended, '%Y-%m-%d') AS ended_on, strftime(oldest, '%Y-%m-%d') AS set_on,
               'rotate' AS remedy
        FROM outside JOIN secrets USING (account)
        WHERE coalesce(oldest < ended, TRUE)
        """,
        now=AsOf(),
    )
