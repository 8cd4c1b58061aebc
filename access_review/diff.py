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
from access_review.facts import VERDICTS
from access_review.tables import TABLES


def diff(engine: Engine) -> None:
    """Create ``verdicts`` and ``held`` from ``grants``, ``accounts``, ``closure``, ``expected`` and the role tables."""
    engine.create("pairs", _PAIRS)
    engine.create("allowed", _ALLOWED)
    engine.create("forbidden", _FORBIDDEN)
    engine.create("verdicts", _VERDICTS)
    engine.create("mirrors", _MIRRORS)
    engine.narrow("formerly", _FORMERLY, few=("role", "client"))
    engine.narrow("held", _HELD, among={"verdict": ("", *VERDICTS)})
    # A second copy of the widest table would be for nothing.
    engine.view("grants", f"SELECT {', '.join(map(_quoted, TABLES['grants'].schema.names))} FROM held")


def _quoted(column: str) -> str:
    return f'"{column}"'


_PAIRS = """
    SELECT DISTINCT role_set, entitlement
    FROM grants JOIN accounts USING (account) JOIN person_role_sets USING (person)
"""

_ALLOWED = """
    SELECT DISTINCT role_set, entitlement
    FROM role_sets JOIN expected USING (role)
    WHERE allows <> 'never'
"""

_FORBIDDEN = """
    SELECT DISTINCT role_set, entitlement
    FROM role_sets JOIN expected USING (role)
    WHERE allows = 'never'
"""

# Forbidden by one role is forbidden, whatever another allows.
_VERDICTS = """
    WITH reached AS (
        SELECT pairs.role_set, pairs.entitlement, closure.reached, entitlements.effect
        FROM pairs JOIN closure USING (entitlement) JOIN entitlements ON entitlements.entitlement = closure.reached
    ),
    judged AS (
        SELECT r.role_set, r.entitlement,
               bool_or(a.entitlement IS NOT NULL AND r.reached = r.entitlement) AS named,
               bool_or(a.entitlement IS NOT NULL AND f.entitlement IS NULL
                       AND r.effect NOT IN ('restricts', 'distribution')) AS part,
               bool_or(f.entitlement IS NOT NULL AND r.reached = r.entitlement) AS itself_forbidden,
               min(f.entitlement) AS never
        FROM reached AS r
        LEFT JOIN allowed AS a ON a.role_set = r.role_set AND a.entitlement = r.reached
        LEFT JOIN forbidden AS f ON f.role_set = r.role_set AND f.entitlement = r.reached
        GROUP BY r.role_set, r.entitlement
    )
    SELECT role_set, entitlement,
           CASE WHEN named AND NOT itself_forbidden THEN 'within' WHEN part THEN 'mixed' ELSE 'beyond' END AS verdict,
           CASE WHEN itself_forbidden THEN entitlement WHEN NOT named THEN never END AS never
    FROM judged
"""

# A membership that is synced from another directory is the same grant seen twice: it is judged where it is mastered.
_MIRRORS = """
    SELECT copy.account, copy.entitlement
    FROM grants AS copy
    JOIN twins ON twins.account = copy.account
    JOIN nesting AS synced ON synced.parent = copy.entitlement AND synced.why = 'synced-to'
    JOIN grants AS original ON original.account = twins.twin AND original.entitlement = synced.child
    GROUP BY copy.account, copy.entitlement
"""

_FORMERLY = """
    WITH beyond AS (
        SELECT DISTINCT accounts.person, grants.entitlement
        FROM grants JOIN accounts USING (account)
        JOIN person_role_sets USING (person) JOIN verdicts USING (role_set, entitlement)
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
"""

_HELD = """
    SELECT grants.*, accounts.person, accounts.certain, roles.role_set,
           mirrors.account IS NOT NULL AS mirrored,
           coalesce(verdicts.verdict, '') AS verdict, verdicts.never,
           formerly.role AS former_role, formerly.client AS former_client, formerly.until AS former_until
    FROM grants JOIN accounts USING (account)
    LEFT JOIN person_role_sets AS roles ON roles.person = accounts.person
    LEFT JOIN verdicts ON verdicts.role_set = roles.role_set AND verdicts.entitlement = grants.entitlement
    LEFT JOIN mirrors ON mirrors.account = grants.account AND mirrors.entitlement = grants.entitlement
    LEFT JOIN formerly ON formerly.person = accounts.person AND formerly.entitlement = grants.entitlement
"""
