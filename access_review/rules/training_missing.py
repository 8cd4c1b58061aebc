"""People without the training that their role asks for."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "training"),
    whole=("training",),
    nothing_without=("role_courses",),
    controls=("iso27001:A.6.3", "soc2:CC1.4", "nist:AT-3"),
    sentences={
        "never": "was never assigned {course}, which the role {role} asks for",
        "assigned": "has not done {course} yet, which the role {role} asks for; it is due by {due}",
        "overdue": "has not done {course}, which the role {role} asks for; it was due by {due}",
        "undone": "was assigned {course}, which the role {role} asks for, and has not done it",
        "run-out": "did {course}, which the role {role} asks for; it counted until {ended}",
    },
)
def check(*, days: int = 0) -> Relation:
    """Active people of a role whose template lists a training that no record says they have done.

    It is a precondition: a training that is assigned and not done yet is missing too. One that was done counts until its
    record says that it ends. Courses are compared without regard to case and blanks. A role held for less than ``days``
    is still being set up.
    """
    return select(
        """
        WITH asked AS (
            SELECT people.person, c.course, c.folded, min(r.role) AS role
            FROM people JOIN person_roles AS r USING (person) JOIN role_courses AS c ON c.role = r.role
            WHERE people.status = 'active' AND r.spell = 'current' AND coalesce(r.since <= :settled, TRUE)
            GROUP BY people.person, c.course, c.folded
        ), learned AS (
            SELECT person, lower(course) AS folded,
                   max(CASE WHEN done_at <= :now AND coalesce(valid_until > :now, TRUE) THEN 1 ELSE 0 END) AS counts,
                   max(CASE WHEN done_at <= :now THEN valid_until END) AS ended,
                   max(CASE WHEN done_at IS NULL THEN due_at END) AS due
            FROM training GROUP BY person, lower(course)
        )
        SELECT a.person AS subject, a.course AS about,
               CASE WHEN l.folded IS NULL THEN 'never'
                    WHEN l.due IS NOT NULL AND l.due <= :now THEN 'overdue'
                    WHEN l.due IS NOT NULL THEN 'assigned'
                    WHEN l.ended IS NOT NULL THEN 'run-out'
                    ELSE 'undone' END AS code,
               a.course, a.role, strftime(l.due, '%Y-%m-%d') AS due, strftime(l.ended, '%Y-%m-%d') AS ended,
               'train' AS remedy
        FROM asked AS a LEFT JOIN learned AS l ON l.person = a.person AND l.folded = a.folded
        WHERE coalesce(l.counts, 0) = 0
        """,
        settled=AsOf(timedelta(days=-days)),
        now=AsOf(),
    )
