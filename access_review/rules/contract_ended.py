"""Contracts and approvals that ended while the person is still on the books."""

from datetime import timedelta

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
        "between": "the last assignment ended on {ended_on}, and the next begins on {begins_on}",
    },
)
def check(*, between_days: int = 14) -> Relation:
    """People said to be active whose assignments have all ended, and agents whose approval has.

    Every end must be known and, at the latest it can be, past. The roster is wrong
    one way or the other, so a person decides. So it is where the next assignment begins
    more than ``between_days`` from now: nobody works here meanwhile.
    """
    return select(
        """
        WITH spells AS (
            SELECT person, ends_latest, CASE WHEN starts_earliest > :now THEN starts_earliest END AS begins FROM assignments
        ), ended AS (
            SELECT person, max(CASE WHEN begins IS NULL THEN ends_latest END) AS ended, min(begins) AS begins
            FROM spells GROUP BY person
            HAVING max(CASE WHEN begins IS NULL THEN ends_latest END) < :now
               AND count(CASE WHEN begins IS NULL AND ends_latest IS NULL THEN 1 END) = 0
               AND coalesce(min(begins) > :soon, TRUE)
        )
        SELECT p.person AS subject, NULL AS about,
               CASE WHEN ended IS NULL THEN 'approval' WHEN begins IS NULL THEN 'assignments' ELSE 'between' END AS code,
               strftime(coalesce(ended, approved_until), '%Y-%m-%d') AS ended_on, p.status AS said,
               strftime(begins, '%Y-%m-%d') AS begins_on, 'review' AS remedy
        FROM people AS p LEFT JOIN ended ON ended.person = p.person
        WHERE p.status IN ('active', 'leave')
          AND (ended IS NOT NULL OR (p.kind = 'agent' AND p.approved_until < :now))
        """,
        now=AsOf(),
        soon=AsOf(timedelta(days=between_days)),
    )
