"""Waivers that have run out."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(family=Family.GOVERNANCE, severity=Severity.MEDIUM, needs=(), controls=("soc2:CC4.1", "iso27001:A.5.18"))
def check() -> Relation:
    """Entries of the exception log whose day has come: what they accepted is open again."""
    return select(
        """
        SELECT waiver AS subject, NULL AS about,
               concat('expired on ', strftime(expires_at, '%Y-%m-%d'), coalesce('; it accepted ' || rule || ' for ' || subject, ''),
                      ' (', place, ')') AS reason,
               'fix' AS remedy
        FROM waivers WHERE expires_at <= :now
        """,
        now=AsOf(),
    )
