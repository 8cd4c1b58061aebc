"""Leavers who signed in after their end."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.CRITICAL,
    needs=("people", "accounts", "signins"),
    nothing_without=("signins",),
    controls=("soc2:CC7.2", "iso27001:A.8.15", "iso27001:A.6.5", "pci:8.2.5", "nist:PS-4"),
    timed=True,
    sentences={
        "after-end": "left by {left_by} UTC; sign-ins since then: {times}, the last on {latest} UTC",
    },
)
def check() -> Relation:
    """Successful sign-ins later than the latest moment the last day allows.

    A leaver whose last day is unknown is not judged here, nor is a sign-in whose
    outcome is unknown.
    """
    return select(
        """
        SELECT account AS subject, NULL AS about,
               'after-end' AS code, strftime(min(left_at_latest), '%Y-%m-%d %H:%M') AS left_by, count(*) AS times,
               strftime(max("at"), '%Y-%m-%d %H:%M') AS latest,
               'disable' AS remedy
        FROM signins JOIN accounts USING (account) JOIN people USING (person)
        WHERE success AND people.status = 'left' AND "at" > left_at_latest
        GROUP BY account
        """
    )
