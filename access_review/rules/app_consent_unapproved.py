"""Applications with consents or roles that nobody approved."""

from access_review.model import Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.MEDIUM,
    needs=("entitlements", "grants"),
    controls=("soc2:CC6.1", "iso27001:A.5.19", "iso27001:A.5.21", "iso27001:A.5.22"),
)
def check() -> Relation:
    """OAuth consents and application roles outside the approved list of the policy.

    AI applications are named as such; the reason also says whether the publisher is
    another organisation, where that is known.
    """
    return select(
        """
        WITH holders AS (
            SELECT h.entitlement AS object, count(DISTINCT h.account) AS accounts
            FROM held AS h JOIN applications AS a ON a.object = h.entitlement
            WHERE NOT h.mirrored GROUP BY h.entitlement
        )
        SELECT object AS subject, NULL AS about,
               concat(name, ' is not among the approved applications',
                      CASE WHEN ai THEN '; it is an AI application' ELSE '' END,
                      CASE WHEN "foreign" THEN '; its publisher is another organisation' ELSE '' END,
                      CASE WHEN accounts IS NULL THEN '' ELSE concat('; accounts that hold it: ', accounts) END) AS reason,
               'review' AS remedy
        FROM applications LEFT JOIN holders USING (object)
        WHERE NOT approved
        """
    )
