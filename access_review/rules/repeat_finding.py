"""Findings that stay open run after run."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.MEDIUM,
    needs=(),
    nothing_without=("previous_findings",),
    controls=("soc2:CC4.1", "iso27001:A.5.18"),
    sentences={
        "repeated": "{repeated} for {first_subject}[ about {first_about}], open since {since}",
    },
    subject="{repeated} for {first_subject}[ about {first_about}]",
)
def check(*, days: int = 30) -> Relation:
    """Findings of the run before that were open for more than ``days`` and not waived.

    The review found them and nobody acted, which is a failure of the review. Findings
    that say that the review fell short, of this rule among them, do not count again: they are no access.
    """
    return select(
        """
        SELECT finding AS subject, NULL AS about,
               'repeated' AS code, rule AS repeated,
               coalesce(subject_name, subject) AS first_subject, coalesce(about_name, about) AS first_about,
               strftime(first_seen, '%Y-%m-%d') AS since,
               'review' AS remedy
        FROM previous_findings
        WHERE status IN ('new', 'open') AND first_seen < :cutoff
              AND rule NOT IN ('kept-unlogged', 'not-reviewed', 'not-reviewed-again', 'repeat-finding')
        """,
        cutoff=AsOf(timedelta(days=-days)),
    )
