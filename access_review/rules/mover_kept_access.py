"""Access kept from a former role after the time to hand over."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.EXCESS,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "entitlements", "grants", "nesting"),
    controls=("soc2:CC6.3", "iso27001:A.5.18", "nist:PS-5", "pci:7.2.4"),
    sentences={
        "kept": "kept {name} from the former role {role}[ for {client}], which ended on [{ended_on}|an unknown day]",
    },
)
def check() -> Relation:
    """Grants that an ended assignment allowed and no current one does.

    A mover has the ``mover_grace`` of ``policy.yaml`` to hand over, and none when the
    former assignment was for a client the person no longer works for; until then the
    former role still counts among the current ones. When the day of the move is
    unknown, a person decides.
    """
    return select(
        """
        WITH kept AS (
            SELECT account, entitlement, min(verdict) AS verdict, min(former_role) AS former_role,
                   min(former_client) AS former_client, min(former_until) AS former_until
            FROM held JOIN people USING (person)
            WHERE NOT mirrored AND verdict IN ('beyond', 'mixed') AND never IS NULL AND former_role IS NOT NULL
              AND people.kind <> 'agent' AND people.status IN ('active', 'leave')
            GROUP BY account, entitlement
        )
        SELECT account AS subject, entitlement AS about,
               'kept' AS code, name, former_role AS role, former_client AS client,
               strftime(former_until, '%Y-%m-%d') AS ended_on,
               CASE WHEN verdict = 'beyond' AND effect = 'grants' AND former_until IS NOT NULL
                    THEN 'remove' ELSE 'review' END AS remedy
        FROM kept JOIN entitlements USING (entitlement)
        WHERE effect IN ('grants', 'exempts', 'unknown')
        """
    )
