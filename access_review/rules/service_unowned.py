"""Service and shared accounts that nobody answers for."""

from access_review.model import AsOf, Family, Relation, Severity
from access_review.rules import rule, select

MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns Microsoft's own applications; every tenant has hundreds of them."""


@rule(
    family=Family.OWNERSHIP,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "accounts", "owners"),
    whole=("accounts", "owners", "custody"),
    controls=("pci:7.2.5.1", "pci:8.2.2", "iso27001:A.5.16", "soc2:CC6.1"),
    rosterless=True,
    sentences={
        "no-owner": "no owner is named",
        "owner-gone": "its owner {owner} is no one who works here",
        "owners-gone": "none of its {owners} owners works here",
    },
)
def check(*, publishers: tuple[str, ...] = (MICROSOFT,)) -> Relation:
    """Service and shared accounts, not known to be disabled, without a living owner.

    An owner, the person the account is linked to or a custodian in office counts while
    employed, on leave included. An owner who is missing from the roster or quarantined
    is not known to be gone, so nothing is said, and nobody is where no source is a roster. Applications of ``publishers`` (ids of
    tenants) are part of the platform, which nobody here can answer for.
    """
    return select(
        """
        WITH answering AS (
            SELECT object AS account, person FROM owned WHERE person IS NOT NULL
            UNION ALL SELECT account, person FROM accounts WHERE person IS NOT NULL
            UNION ALL SELECT account, person FROM custody WHERE coalesce(ends_at > :now, TRUE)
        ), living AS (
            SELECT DISTINCT account FROM answering JOIN people USING (person) WHERE people.status <> 'left'
        ), named AS (
            SELECT object AS account, min(owner) AS owner, count(*) AS owners FROM owned GROUP BY object
        )
        SELECT a.account AS subject, NULL AS about,
               CASE WHEN owners IS NULL THEN 'no-owner' WHEN owners = 1 THEN 'owner-gone' ELSE 'owners-gone' END AS code,
               owner, owners,
               'assign-owner' AS remedy
        FROM accounts AS a LEFT JOIN named ON named.account = a.account
             LEFT JOIN living ON living.account = a.account
             CROSS JOIN (SELECT count(*) AS people FROM people) AS roster
        WHERE a.kind IN ('service', 'shared') AND coalesce(a.enabled, TRUE) AND living.account IS NULL
          AND (owners IS NULL OR roster.people > 0)
          AND coalesce(json_extract_string(a.attributes, '$.owner_tenant') NOT IN :publishers, TRUE)
        """,
        publishers=publishers,
        now=AsOf(),
    )
