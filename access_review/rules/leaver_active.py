"""Leavers whose accounts still work."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "accounts"),
    controls=("soc2:CC6.2", "iso27001:A.6.5", "pci:8.2.5", "nist:PS-4", "hipaa:164.308(a)(3)(ii)(C)", "cis:6.2"),
    timed=True,
    sentences={
        "enabled": "[left by {left_by} UTC|left on an unknown day]; the account is enabled[; elsewhere: {elsewhere}]",
        "state-unknown": "[left by {left_by} UTC|left on an unknown day]; whether it is enabled is unknown[; elsewhere: {elsewhere}]",
    },
)
def check(*, grace_hours: int = 0) -> Relation:
    """Accounts still enabled after their owner left.

    An unknown state counts as enabled: a leaver is worth a look. The person has
    left for certain once the latest moment the last day allows has passed; when the
    roster says left without a day, it is past. Accounts that others may depend on
    (service, shared, computer, break-glass) go to a person. It is said beside what the
    person's accounts in other systems are: on, off or unknown.
    """
    return select(
        """
        WITH gone AS (
            SELECT a.account, a.person, a.source, a.kind, a.enabled, p.left_at_latest
            FROM accounts AS a JOIN people AS p ON p.person = a.person
            WHERE p.status = 'left' AND coalesce(p.left_at_latest < :cutoff, TRUE)
        ), states AS (
            -- Of several accounts in one system the worst is said: on, then unknown.
            SELECT person, source, max(CASE WHEN enabled THEN 2 WHEN enabled IS NULL THEN 1 ELSE 0 END) AS worst
            FROM gone WHERE person IN (SELECT person FROM gone WHERE coalesce(enabled, TRUE)) GROUP BY person, source
        ), spoken AS (
            SELECT person, source, concat(CAST(source AS VARCHAR), CASE worst WHEN 2 THEN ' on' WHEN 1 THEN ' unknown' ELSE ' off' END) AS state
            FROM states
        ), others AS (
            SELECT g.account, string_agg(s.state, ', ' ORDER BY s.state) AS elsewhere
            FROM gone AS g JOIN spoken AS s ON s.person = g.person AND s.source <> g.source GROUP BY g.account
        )
        SELECT g.account AS subject, NULL AS about,
               CASE WHEN g.enabled THEN 'enabled' ELSE 'state-unknown' END AS code,
               strftime(g.left_at_latest, '%Y-%m-%d %H:%M') AS left_by, others.elsewhere,
               CASE WHEN g.kind IN ('human', 'guest', 'agent') THEN 'disable' ELSE 'review' END AS remedy
        FROM gone AS g LEFT JOIN others ON others.account = g.account
        WHERE coalesce(g.enabled, TRUE)
        """,
        cutoff=AsOf(timedelta(hours=-grace_hours)),
    )
