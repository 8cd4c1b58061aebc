"""Held against expected, without ever listing who holds what effectively.

Whether a direct grant goes beyond the roles depends only on the set of roles and the
entitlement, so grants are reduced to distinct *(role set, entitlement)* pairs, each
pair is judged against the closure once, and the verdict is joined back.

``within``
    a role allows the entitlement by name, or it is carried by one that is allowed
``mixed``
    not allowed, but it carries something that is: cutting it would hurt
``beyond``
    neither it nor anything it gives is allowed
"""

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.facts import FACTS, VERDICTS
from access_review.tables import TABLES


def diff(engine: Engine) -> None:
    """Create ``verdicts`` and ``held`` from ``grants``, ``accounts``, ``closure``, ``expected`` and the role tables.

    Leaves :data:`RELATIONS` in the engine; ``grants`` is a view of ``held`` from then on.
    """
    for relation in RELATIONS:
        relation.make(engine)


def _quoted(column: str) -> str:
    return f'"{column}"'


HOLDERS = NamedRelation(
    "holders",
    "Every account with its person and that person's set of current roles.",
    ("account", "person", "certain", "role_set"),
    """
    SELECT accounts.account, accounts.person, accounts.certain, roles.role_set
    FROM accounts LEFT JOIN person_role_sets AS roles ON roles.person = accounts.person
""",
)

PAIRS = NamedRelation(
    "pairs",
    "Each set of roles with each entitlement that somebody of it holds directly: what is judged.",
    ("role_set", "entitlement"),
    """
    SELECT DISTINCT role_set, entitlement
    FROM grants JOIN holders USING (account) WHERE role_set IS NOT NULL
""",
)

ALLOWED = NamedRelation(
    "allowed",
    "What some role of each set allows, by name or carried.",
    ("role_set", "entitlement"),
    """
    SELECT DISTINCT role_set, entitlement
    FROM role_sets JOIN expected USING (role)
    WHERE allows <> 'never'
""",
)

FORBIDDEN = NamedRelation(
    "forbidden",
    "What some role of each set must never have.",
    ("role_set", "entitlement"),
    """
    SELECT DISTINCT role_set, entitlement
    FROM role_sets JOIN expected USING (role)
    WHERE allows = 'never'
""",
)

# Forbidden by one role is forbidden, whatever another allows, carries or merely leads to. Where each role that allows something
# forbids itself what that leads to, the nesting is found, once for its edge, and not everybody who holds it.
VERDICTS_OF_PAIRS = NamedRelation(
    "verdicts",
    "The fact `verdicts`: each pair judged, and the forbidden entitlement that it reaches.",
    ("role_set", "entitlement", "verdict", "never"),
    """
    WITH named AS (
        SELECT pairs.role_set, pairs.entitlement, a.entitlement IS NOT NULL AS allowed, f.entitlement IS NOT NULL AS forbidden
        FROM pairs JOIN entitlements ON entitlements.entitlement = pairs.entitlement
        LEFT JOIN allowed AS a ON a.role_set = pairs.role_set AND a.entitlement = pairs.entitlement
        LEFT JOIN forbidden AS f ON f.role_set = pairs.role_set AND f.entitlement = pairs.entitlement
    ),
    disputed AS (
        SELECT f.role_set, f.entitlement
        FROM forbidden AS f JOIN allowed AS a ON a.role_set = f.role_set AND a.entitlement = f.entitlement
    ),
    others AS (
        SELECT named.role_set, named.entitlement, closure.reached
        FROM named JOIN closure ON closure.entitlement = named.entitlement
        WHERE forbidden OR NOT allowed
    ),
    expected_of_role_sets AS (
        SELECT a.role_set, a.entitlement
        FROM allowed AS a JOIN entitlements ON entitlements.entitlement = a.entitlement
        LEFT JOIN forbidden AS f ON f.role_set = a.role_set AND f.entitlement = a.entitlement
        WHERE f.entitlement IS NULL AND entitlements.effect NOT IN ('restricts', 'distribution')
    ),
    partly AS (
        SELECT DISTINCT others.role_set, others.entitlement
        FROM others JOIN expected_of_role_sets AS e
             ON e.role_set = others.role_set AND e.entitlement = others.reached
    ),
    ways AS (
        SELECT DISTINCT named.role_set, named.entitlement, allowed, f.entitlement AS never
        FROM forbidden AS f JOIN closure ON closure.reached = f.entitlement
        JOIN named ON named.role_set = f.role_set AND named.entitlement = closure.entitlement
    ),
    allowed_without AS (
        SELECT DISTINCT ways.role_set, ways.entitlement, ways.never
        FROM ways JOIN role_sets ON role_sets.role_set = ways.role_set
        JOIN expected AS e ON e.role = role_sets.role AND e.entitlement = ways.entitlement AND e.allows <> 'never'
        LEFT JOIN expected AS n ON n.role = role_sets.role AND n.entitlement = ways.never AND n.allows = 'never'
        WHERE ways.allowed AND n.role IS NULL
    ),
    forbidden_ways AS (
        SELECT ways.role_set, ways.entitlement, min(ways.never) AS never
        FROM ways
        LEFT JOIN disputed AS d ON d.role_set = ways.role_set AND d.entitlement = ways.never
        LEFT JOIN allowed_without AS w
            ON w.role_set = ways.role_set AND w.entitlement = ways.entitlement AND w.never = ways.never
        WHERE NOT ways.allowed OR d.entitlement IS NOT NULL OR w.never IS NOT NULL
        GROUP BY ways.role_set, ways.entitlement
    )
    SELECT named.role_set, named.entitlement,
           CASE WHEN allowed AND NOT forbidden THEN 'within' WHEN partly.role_set IS NOT NULL THEN 'mixed' ELSE 'beyond' END
               AS verdict,
           CASE WHEN forbidden THEN named.entitlement ELSE never END AS never
    FROM named
    LEFT JOIN partly ON partly.role_set = named.role_set AND partly.entitlement = named.entitlement
    LEFT JOIN forbidden_ways AS w ON w.role_set = named.role_set AND w.entitlement = named.entitlement
""",
)

# A membership that is synced from another directory is the same grant seen twice: it is judged where it is mastered.
MIRRORS = NamedRelation(
    "mirrors",
    "Grants that are synced copies of others.",
    ("account", "entitlement"),
    """
    WITH copies AS (
        SELECT copy.account, copy.entitlement, twins.twin, synced.child
        FROM grants AS copy
        JOIN twins ON twins.account = copy.account
        JOIN nesting AS synced ON synced.parent = copy.entitlement AND synced.why = 'synced-to'
    )
    SELECT copies.account, copies.entitlement
    FROM grants AS original JOIN copies ON copies.twin = original.account AND copies.child = original.entitlement
    GROUP BY copies.account, copies.entitlement
""",
)

FORMERLY = NamedRelation(
    "formerly",
    "What people hold beyond their roles and an ended assignment allowed: the latest such.",
    ("person", "entitlement", "role", "client", "until"),
    """
    WITH movers AS (
        SELECT DISTINCT holders.account, holders.person, holders.role_set
        FROM holders JOIN person_roles AS former ON former.person = holders.person AND former.spell = 'former'
        WHERE former.until IS NOT NULL AND holders.role_set IS NOT NULL
    ),
    moved AS (
        SELECT DISTINCT movers.person, movers.role_set, grants.entitlement
        FROM grants JOIN movers ON movers.account = grants.account
    ),
    beyond AS (
        SELECT DISTINCT moved.person, moved.entitlement
        FROM verdicts JOIN moved ON moved.role_set = verdicts.role_set AND moved.entitlement = verdicts.entitlement
        WHERE verdict <> 'within'
    ),
    explained AS (
        SELECT beyond.person, beyond.entitlement, former.role, former.client, former.until,
               row_number() OVER (
                   PARTITION BY beyond.person, beyond.entitlement ORDER BY former.until DESC, former.role
               ) AS latest
        FROM beyond
        JOIN person_roles AS former ON former.person = beyond.person AND former.spell = 'former'
        JOIN expected ON expected.role = former.role AND expected.entitlement = beyond.entitlement
        WHERE expected.allows <> 'never' AND former.until IS NOT NULL
    )
    SELECT person, entitlement, role, client, until FROM explained WHERE latest = 1
""",
    few=("role", "client"),
)

HELD = NamedRelation(
    "held",
    "The fact `held`: every direct grant with its verdict.",
    tuple(FACTS["held"].schema.names),
    """
    SELECT grants.*, holders.person, holders.certain, holders.role_set,
           mirrors.account IS NOT NULL AS mirrored,
           coalesce(verdicts.verdict, '') AS verdict, verdicts.never,
           formerly.role AS former_role, formerly.client AS former_client, formerly.until AS former_until
    FROM grants JOIN holders USING (account)
    LEFT JOIN verdicts ON verdicts.role_set = holders.role_set AND verdicts.entitlement = grants.entitlement
    LEFT JOIN mirrors ON mirrors.account = grants.account AND mirrors.entitlement = grants.entitlement
    LEFT JOIN formerly ON formerly.person = holders.person AND formerly.entitlement = grants.entitlement
""",
    among={"verdict": ("", *VERDICTS)},
)

# A second copy of the widest table would be for nothing.
GRANTS = NamedRelation(
    "grants",
    "The grants as they were read.",
    tuple(TABLES["grants"].schema.names),
    f"SELECT {', '.join(map(_quoted, TABLES['grants'].schema.names))} FROM held",
    view=True,
)

RELATIONS = (HOLDERS, ALLOWED, FORBIDDEN, PAIRS, VERDICTS_OF_PAIRS, MIRRORS, FORMERLY, HELD, GRANTS)
"""What comparing makes, in this order."""
