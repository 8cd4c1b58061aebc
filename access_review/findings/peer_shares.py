"""How many others have what findings are about: counted beside a review, never part of a finding.

The role that tells most about a person is the smallest of theirs that several share. Of it, and of everybody, is
counted who has each entitlement that something was found about, directly or through nesting; and which single
nesting edge gives it to those who do not hold it themselves.
"""

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.findings.hits import ABOUT, OBJECT, SUBJECT

MOST_PEOPLE = 200_000
"""People above whom nobody is counted: it would not fit into memory beside the review."""

TOO_FEW = 3
"""People that a role needs before their share says anything."""


def count_shares(engine: Engine, found: str) -> None:
    """Create :data:`RELATIONS` in an engine with a review's facts; ``found`` is the table ``hits`` or ``findings``.

    Of very many people nobody is counted: then the tables are there, and empty.
    """
    (people,) = engine.rows("SELECT count(*) AS number FROM people")
    counted = people["number"] <= MOST_PEOPLE
    subject, about = (SUBJECT, OBJECT) if found == "hits" else ABOUT
    engine.view("at_issue", f"SELECT {subject} AS subject, {about} AS about FROM {found} WHERE about IS NOT NULL")
    for relation in RELATIONS:
        relation.make(engine, few=TOO_FEW, counted=counted)


TELLING_ROLES = NamedRelation(
    "telling_roles",
    "The role that tells most about each person: the smallest that several people have.",
    ("person", "role"),
    """
    WITH having_roles AS (
        SELECT DISTINCT person, role FROM person_roles WHERE spell = 'current'
    ), sizes AS (
        SELECT role, count(*) AS people FROM having_roles GROUP BY role
    ), ordered AS (
        SELECT mine.person, mine.role, row_number() OVER (
            PARTITION BY mine.person
            ORDER BY CASE WHEN sizes.people >= :few THEN 0 ELSE 1 END, sizes.people, mine.role) AS place
        FROM having_roles AS mine JOIN sizes ON sizes.role = mine.role
    )
    SELECT CAST(person AS VARCHAR) AS person, role FROM ordered WHERE place = 1
""",
)

ROLE_SIZES = NamedRelation(
    "role_sizes",
    "How many people have each role now.",
    ("role", "people"),
    """
    SELECT role, count(DISTINCT person) AS people FROM person_roles WHERE spell = 'current' GROUP BY role
""",
)

_GIVING = """
        SELECT DISTINCT c.entitlement, c.reached FROM closure AS c
        WHERE c.mode = 'assigned' AND c.reached IN (SELECT about FROM at_issue) AND :counted
"""

HAVING = NamedRelation(
    "having_at_issue",
    "Who has what something was found about, whether that was about them or not.",
    ("person", "entitlement"),
    f"""
    WITH giving AS ({_GIVING})
    SELECT DISTINCT h.person, g.reached AS entitlement
    FROM held AS h JOIN giving AS g ON g.entitlement = h.entitlement
    WHERE h.mode = 'assigned' AND h.person IS NOT NULL
""",
)

HOLDERS = NamedRelation(
    "holder_shares",
    "How many people have each entitlement that something was found about.",
    ("entitlement", "holders"),
    """
    SELECT CAST(entitlement AS VARCHAR) AS entitlement, count(*) AS holders FROM having_at_issue GROUP BY entitlement
""",
)

ROLE_HOLDERS = NamedRelation(
    "role_shares",
    "The same, of the people with each role.",
    ("role", "entitlement", "holding"),
    """
    SELECT r.role, CAST(h.entitlement AS VARCHAR) AS entitlement, count(*) AS holding
    FROM having_at_issue AS h
    JOIN (SELECT DISTINCT person, role FROM person_roles WHERE spell = 'current') AS r ON r.person = h.person
    GROUP BY r.role, h.entitlement
""",
)

EDGES = NamedRelation(
    "edges_behind",
    "The nesting edges into an entitlement by which an account has it that does not hold it directly.",
    ("subject", "about", "child"),
    """
    WITH indirect AS (
        SELECT DISTINCT i.subject, i.about FROM at_issue AS i
        WHERE :counted AND NOT EXISTS (
            SELECT 1 FROM held AS h WHERE h.account = i.subject AND h.entitlement = i.about)
    )
    SELECT DISTINCT CAST(i.subject AS VARCHAR) AS subject, CAST(i.about AS VARCHAR) AS about,
           CAST(n.child AS VARCHAR) AS child
    FROM indirect AS i
    JOIN nesting AS n ON n.parent = i.about
    JOIN closure AS c ON c.reached = n.child
    JOIN held AS h ON h.account = i.subject AND h.entitlement = c.entitlement
""",
)

RELATIONS = (TELLING_ROLES, ROLE_SIZES, HAVING, HOLDERS, ROLE_HOLDERS, EDGES)
