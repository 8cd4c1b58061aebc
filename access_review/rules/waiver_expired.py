"""Waivers that have run out."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.MEDIUM,
    needs=(),
    nothing_without=("waivers",),
    controls=("soc2:CC4.1", "iso27001:A.5.18"),
    sentences={
        "expired": "expired on {expired_on}[; it accepted {accepted} for {accepted_for}] ({place})",
    },
)
def check() -> Relation:
    """Entries of the exception log whose day has come: what they accepted is open again."""
    return select(
        """
        SELECT waiver AS subject, NULL AS about,
               'expired' AS code, strftime(expires_at, '%Y-%m-%d') AS expired_on, rule AS accepted, subject AS accepted_for,
               place, 'fix' AS remedy
        FROM waivers WHERE expires_at <= :now
        """,
        now=AsOf(),
    )
