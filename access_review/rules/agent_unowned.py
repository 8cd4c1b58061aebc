"""AI agents that no employed person sponsors."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OWNERSHIP,
    local=True,
    severity=Severity.HIGH,
    needs=("people", "accounts", "owners"),
    whole=("accounts", "owners"),
    controls=("soc2:CC6.1", "iso27001:A.5.16", "pci:7.2.5.1"),
    sentences={
        "no-sponsor": "the roster names no sponsor",
        "sponsor-unknown": "its sponsor {sponsor} is in no roster",
        "sponsor-agent": "its sponsor {sponsor} is an agent itself",
        "sponsor-left": "its sponsor {sponsor} has left",
        "no-owner": "no agent of a roster and no employed owner: [{link}|no person matches]",
    },
)
def check() -> Relation:
    """Agents of the roster without an employed sponsor, and agent accounts nobody stands behind.

    An agent account is answered for by the agent or person it is linked to, or by an
    employed owner. A sponsor or owner who is missing from the roster or quarantined is
    not known to be gone, so nothing is said.
    """
    return select(
        """
        WITH living AS (
            SELECT DISTINCT object FROM owned JOIN people USING (person) WHERE people.status <> 'left'
        )
        SELECT p.person AS subject, NULL AS about,
               CASE WHEN p.sponsor IS NULL THEN 'no-sponsor' WHEN s.person IS NULL THEN 'sponsor-unknown'
                    WHEN s.kind = 'agent' THEN 'sponsor-agent' ELSE 'sponsor-left' END AS code,
               coalesce(s.name, s.person, p.sponsor) AS sponsor, NULL AS link, 'assign-owner' AS remedy
        FROM people AS p LEFT JOIN people AS s ON s.person = p.sponsor
        WHERE p.kind = 'agent' AND p.status IN ('active', 'leave')
          AND (s.person IS NULL OR s.kind = 'agent' OR s.status = 'left')
        UNION ALL
        SELECT a.account, NULL, 'no-owner', NULL, link, 'assign-owner'
        FROM accounts AS a LEFT JOIN living ON living.object = a.account
        WHERE a.kind = 'agent' AND coalesce(a.enabled, TRUE) AND a.person IS NULL AND living.object IS NULL
        """
    )
