"""People without what their role must have."""

from datetime import timedelta

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    local=True,
    severity=Severity.LOW,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    whole=("accounts", "grants", "nesting"),
    nothing_without=("expected",),
    controls=("soc2:CC6.2", "iso27001:A.5.18"),
    sentences={
        "missing": "{name} is missing, which the role {role} must have",
    },
)
def check(*, days: int = 2) -> Relation:
    """Entitlements on a ``must`` list that no account of an active person holds, directly or through nesting.

    Being eligible is not holding. An account that only a guess links to the person
    counts as theirs, since a second grant would be worse than a late one. A role held
    for less than ``days`` is still being set up.
    """
    return select(
        """
        WITH musts AS (
            SELECT DISTINCT role, entitlement FROM expected WHERE allows = 'must'
        ), due AS (
            SELECT person, entitlement, min(r.role) AS role
            FROM people JOIN person_roles AS r USING (person) JOIN musts USING (role)
            WHERE people.status = 'active' AND r.spell = 'current' AND coalesce(r.since < :settled, TRUE)
            GROUP BY person, entitlement
        ), gives AS (
            SELECT c.entitlement AS granted, c.reached
            FROM closure AS c
            WHERE c.mode = 'assigned' AND c.reached IN (SELECT entitlement FROM musts)
        ), has AS (
            SELECT DISTINCT h.person, g.reached AS entitlement
            FROM held AS h JOIN gives AS g ON g.granted = h.entitlement
            WHERE h.mode = 'assigned' AND h.person IS NOT NULL
        )
        SELECT due.person AS subject, due.entitlement AS about,
               'missing' AS code, e.name, due.role, 'grant' AS remedy
        FROM due JOIN entitlements AS e ON e.entitlement = due.entitlement
        WHERE NOT EXISTS (SELECT 1 FROM has WHERE has.person = due.person AND has.entitlement = due.entitlement)
        """,
        settled=AsOf(timedelta(days=-days)),
    )
