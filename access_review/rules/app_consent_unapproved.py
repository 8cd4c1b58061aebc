"""Applications and consents that nobody approved."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select
from access_review.rules.service_unowned import MICROSOFT


@rule(
    family=Family.AI_SHADOW_IT,
    local=True,
    severity=Severity.MEDIUM,
    needs=("accounts", "entitlements", "grants"),
    nothing_without=("applications",),
    controls=("soc2:CC6.1", "iso27001:A.5.19", "iso27001:A.5.21", "iso27001:A.5.22"),
    sentences={
        "ai": "{name} is not among the approved applications; it is an AI application[; accounts that hold it: {holders}][; it holds {holds}][ and {more} more]",
        "ai-foreign": "{name} is not among the approved applications; it is an AI application; its publisher is another organisation[; accounts that hold it: {holders}][; it holds {holds}][ and {more} more]",
        "other": "{name} is not among the approved applications[; accounts that hold it: {holders}][; it holds {holds}][ and {more} more]",
        "other-foreign": "{name} is not among the approved applications; its publisher is another organisation[; accounts that hold it: {holders}][; it holds {holds}][ and {more} more]",
    },
)
def check(*, publishers: tuple[str, ...] = (MICROSOFT,)) -> Relation:
    """OAuth consents and applications outside the approved list of the policy.

    AI applications are named as such. The reason also says how many accounts gave or
    got the consent, what the application itself may do, and whether its publisher is
    another organisation, where that is known. A disabled application can do nothing,
    and those of ``publishers`` (ids of tenants) are part of the platform; what is
    consented to counts all the same.
    """
    return select(
        """
        WITH holders AS (
            SELECT h.entitlement AS object, count(DISTINCT h.account) AS accounts
            FROM held AS h JOIN applications AS a ON a.object = h.entitlement
            WHERE NOT h.mirrored GROUP BY h.entitlement
        ), powers AS (
            SELECT h.account AS object, min(e.name) AS name, count(DISTINCT h.entitlement) AS reach
            FROM held AS h JOIN applications AS a ON a.object = h.account
                 JOIN entitlements AS e ON e.entitlement = h.entitlement
            WHERE NOT h.mirrored GROUP BY h.account
        )
        SELECT a.object AS subject, NULL AS about,
               concat(CASE WHEN a.ai THEN 'ai' ELSE 'other' END, CASE WHEN a."foreign" THEN '-foreign' ELSE '' END) AS code,
               a.name, accounts AS holders, powers.name AS holds, CASE WHEN reach > 1 THEN reach - 1 END AS more,
               'review' AS remedy
        FROM applications AS a LEFT JOIN holders ON holders.object = a.object
             LEFT JOIN powers ON powers.object = a.object
             LEFT JOIN accounts AS principal ON principal.account = a.object
        WHERE NOT a.approved AND coalesce(principal.enabled, TRUE)
          AND coalesce(json_extract_string(principal.attributes, '$.owner_tenant') NOT IN :publishers, TRUE)
        """,
        publishers=publishers,
    )
