"""Access that a role allows after a training only."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting", "training"),
    whole=("training",),
    nothing_without=("courses_before",),
    controls=("iso27001:A.6.3", "soc2:CC1.4", "nist:AT-3"),
    sentences={
        "held": "holds {name}, before which the role {role} asks for {courses}: no record says that it was done and counts",
    },
)
def check() -> Relation:
    """What a person holds by a role whose template asks for a training before it, and no record says that it was done.

    However it is reached, and where it is only eligible, too. Done is what ``training-missing`` takes for it.
    """
    return select(
        """
        WITH leads AS (
            SELECT c.role, c.course, c.folded, c.entitlement AS goal, way.entitlement
            FROM courses_before AS c JOIN closure AS way ON way.reached = c.entitlement
        ), learned AS (
            SELECT DISTINCT person, lower(course) AS folded FROM training
            WHERE done_at <= :now AND coalesce(valid_until > :now, TRUE)
        ), lacking AS (
            SELECT DISTINCT h.account, leads.goal, leads.role, leads.course
            FROM held AS h JOIN leads ON leads.entitlement = h.entitlement
                 JOIN person_roles AS r ON r.person = h.person AND r.role = leads.role AND r.spell = 'current'
                 JOIN people AS p ON p.person = h.person
                 LEFT JOIN learned AS l ON l.person = h.person AND l.folded = leads.folded
            WHERE NOT h.mirrored AND p.status IN ('active', 'leave') AND l.folded IS NULL
        ), each_course AS (
            SELECT account, goal, course, min(role) AS role FROM lacking GROUP BY account, goal, course
        )
        SELECT account AS subject, goal AS about, 'held' AS code, min(e.name) AS name, min(role) AS role,
               string_agg(course, ', ' ORDER BY course) AS courses, 'train' AS remedy
        FROM each_course JOIN entitlements AS e ON e.entitlement = goal
        GROUP BY account, goal
        """,
        now=AsOf(),
    )
