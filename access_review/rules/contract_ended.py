"""Contracts and approvals that ended while the person is still on the books."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "assignments"),
    controls=("soc2:CC6.2", "iso27001:A.6.5", "iso27001:A.5.19", "nist:PS-4"),
    sentences={
        "approval": "the approval ended on {ended_on} and the agent is still active",
        "assignments": "the last assignment ended on {ended_on} and the roster still says {said}",
    },
)
def check() -> Relation:
    """People said to be active whose assignments have all ended, and agents whose approval has.

    Every end must be known and, at the latest it can be, past. The roster is wrong
    one way or the other, so a person decides.
    """
    return select(
        """
        WITH ended AS (
            SELECT person, max(ends_latest) AS ended
            FROM assignments GROUP BY person
            HAVING count(ends_latest) = count(*) AND max(ends_latest) < :now
        )
        SELECT p.person AS subject, NULL AS about,
               CASE WHEN ended IS NULL THEN 'approval' ELSE 'assignments' END AS code,
               strftime(coalesce(ended, approved_until), '%Y-%m-%d') AS ended_on, p.status AS said,
               'review' AS remedy
        FROM people AS p LEFT JOIN ended ON ended.person = p.person
        WHERE p.status IN ('active', 'leave')
          AND (ended IS NOT NULL OR (p.kind = 'agent' AND p.approved_until < :now))
        """,
        now=AsOf(),
    )
