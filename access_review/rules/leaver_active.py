"""Leavers whose accounts still work."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    severity=Severity.HIGH,
    needs=("people", "accounts"),
    controls=("soc2:CC6.2", "iso27001:A.6.5", "pci:8.2.5", "nist:PS-4", "hipaa:164.308(a)(3)(ii)(C)", "cis:6.2"),
    timed=True,
    sentences={
        "enabled": "[left by {left_by} UTC|left on an unknown day]; the account is enabled",
        "state-unknown": "[left by {left_by} UTC|left on an unknown day]; whether it is enabled is unknown",
    },
)
def check(*, grace_hours: int = 0) -> Relation:
    """Accounts still enabled after their owner left.

    An unknown state counts as enabled: a leaver is worth a look. The person has
    left for certain once the latest moment the last day allows has passed; when the
    roster says left without a day, it is past. Accounts that others may depend on
    (service, shared, computer, break-glass) go to a person.
    """
    return select(
        """
        SELECT account AS subject, NULL AS about,
               CASE WHEN enabled THEN 'enabled' ELSE 'state-unknown' END AS code,
               strftime(left_at_latest, '%Y-%m-%d %H:%M') AS left_by,
               CASE WHEN accounts.kind IN ('human', 'guest', 'agent') THEN 'disable' ELSE 'review' END AS remedy
        FROM accounts JOIN people USING (person)
        WHERE coalesce(enabled, TRUE) AND status = 'left' AND coalesce(left_at_latest < :cutoff, TRUE)
        """,
        cutoff=AsOf(timedelta(hours=-grace_hours)),
    )
