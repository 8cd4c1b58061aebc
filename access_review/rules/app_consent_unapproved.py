"""Applications and consents that nobody approved."""

from access_review.model import Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.MEDIUM,
    needs=("accounts", "entitlements", "grants"),
    controls=("soc2:CC6.1", "iso27001:A.5.19", "iso27001:A.5.21", "iso27001:A.5.22"),
)
def check() -> Relation:
    """OAuth consents and applications outside the approved list of the policy.

    AI applications are named as such. The reason also says how many accounts gave or
    got the consent, what the application itself may do, and whether its publisher is
    another organisation, where that is known. A disabled application can do nothing.
    """
    return select(
        """
        WITH direct AS (
            SELECT h.account, h.entitlement, e.name
            FROM held AS h JOIN entitlements AS e ON e.entitlement = h.entitlement
            WHERE NOT h.mirrored
        ), holders AS (
            SELECT entitlement AS object, count(DISTINCT account) AS accounts
            FROM direct JOIN applications ON applications.object = direct.entitlement GROUP BY entitlement
        ), powers AS (
            SELECT account AS object, min(direct.name) AS name, count(DISTINCT entitlement) AS reach
            FROM direct JOIN applications ON applications.object = direct.account GROUP BY account
        )
        SELECT a.object AS subject, NULL AS about,
               concat(a.name, ' is not among the approved applications',
                      CASE WHEN a.ai THEN '; it is an AI application' ELSE '' END,
                      CASE WHEN a."foreign" THEN '; its publisher is another organisation' ELSE '' END,
                      CASE WHEN accounts IS NULL THEN '' ELSE concat('; accounts that hold it: ', accounts) END,
                      CASE WHEN reach IS NULL THEN '' ELSE concat('; it holds ', powers.name) END,
                      CASE WHEN reach > 1 THEN concat(' and ', reach - 1, ' more') ELSE '' END) AS reason,
               'review' AS remedy
        FROM applications AS a LEFT JOIN holders ON holders.object = a.object
             LEFT JOIN powers ON powers.object = a.object
             LEFT JOIN accounts AS principal ON principal.account = a.object
        WHERE NOT a.approved AND coalesce(principal.enabled, TRUE)
        """
    )
