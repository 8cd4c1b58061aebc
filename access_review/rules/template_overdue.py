"""Role templates that should have been looked at again."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.LOW,
    needs=(),
    nothing_without=("templates",),
    controls=("soc2:CC4.1", "iso27001:A.5.15"),
    sentences={
        "overdue": "was to be reviewed by {due} ({place})",
    },
)
def check() -> Relation:
    """Templates whose ``review_by`` has passed; one without a day is not concerned."""
    return select(
        """
        SELECT role AS subject, NULL AS about,
               'overdue' AS code, strftime(review_by, '%Y-%m-%d') AS due, place, 'fix' AS remedy
        FROM templates WHERE review_by < :now
        """,
        now=AsOf(),
    )
