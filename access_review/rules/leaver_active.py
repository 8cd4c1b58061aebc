"""Leavers whose accounts still work."""

from datetime import timedelta

from access_review.model import AsOf, Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.HIGH,
    needs=("people", "accounts"),
    controls=("soc2:CC6.2", "iso27001:A.6.5", "pci:8.2.5", "nist:PS-4", "hipaa:164.308(a)(3)(ii)(C)"),
)
def check(*, grace_hours: int = 0) -> Relation:
    """Accounts still enabled after their owner left.

    An unknown state counts as enabled: a leaver is worth a look. The person has
    left for certain once the latest moment the last day allows has passed.
    """
    return select(
        """
        SELECT account AS subject, NULL AS about,
               concat('left ', strftime(left_at_latest, '%Y-%m-%d %H:%M'), ' UTC; ',
                      CASE WHEN enabled THEN 'the account is enabled' ELSE 'whether it is enabled is unknown' END)
                   AS reason,
               'disable' AS remedy
        FROM accounts JOIN people USING (person)
        WHERE coalesce(enabled, TRUE) AND status = 'left' AND left_at_latest < :cutoff
        """,
        cutoff=AsOf(timedelta(hours=-grace_hours)),
    )
