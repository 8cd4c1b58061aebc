"""Waivers that do not say why, by whom, under which ticket or until when."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.MEDIUM,
    needs=(),
    nothing_without=("waivers",),
    controls=("soc2:CC4.1", "iso27001:A.5.18"),
    sentences={
        "incomplete": "without {missing} ({place})",
    },
)
def check() -> Relation:
    """Entries of the exception log without a reason, an approver, a ticket or an end."""
    return select(
        """
        WITH gaps AS (
            SELECT waiver, place,
                   concat_ws(', ', CASE WHEN coalesce(trim(reason), '') = '' THEN 'reason' END,
                             CASE WHEN coalesce(trim(approver), '') = '' THEN 'approver' END,
                             CASE WHEN coalesce(trim(ticket), '') = '' THEN 'ticket' END,
                             CASE WHEN expires_at IS NULL THEN 'expiry' END) AS missing
            FROM waivers
        )
        SELECT waiver AS subject, NULL AS about, 'incomplete' AS code, missing, place, 'fix' AS remedy
        FROM gaps WHERE missing <> ''
        """
    )
