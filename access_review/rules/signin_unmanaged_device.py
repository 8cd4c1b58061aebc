"""Sign-ins from devices that nobody manages."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.MEDIUM,
    needs=("accounts", "signins"),
    nothing_without=("signins",),
    controls=("soc2:CC6.7", "soc2:CC7.2", "iso27001:A.8.1", "iso27001:A.6.7"),
    sentences={
        "unmanaged": "sign-ins from devices that are not managed: {times}, the last on {latest} UTC[ from {device}]"
        "[; Conditional Access {access}]",
    },
)
def check(*, kinds: tuple[str, ...] = ("human",)) -> Relation:
    """Successful sign-ins of accounts of ``kinds`` from a device of which the log says that it is not managed.

    One that is compliant is managed by somebody, whatever else is said. A device of which
    the log does not say whether it is managed is never found. Guests' devices are their
    own organisation's, so guests are left out unless ``kinds`` names them.
    """
    return select(
        """
        WITH loose AS (
            SELECT s.account, s."at", s.device, s.conditional_access
            FROM accounts AS a JOIN signins AS s ON a.account = s.account
            WHERE s.success AND s.managed = FALSE AND NOT coalesce(s.compliant, FALSE) AND a.kind IN :kinds
        ), counted AS (
            SELECT account, count(*) AS times, max("at") AS latest FROM loose GROUP BY account
        )
        SELECT c.account AS subject, NULL AS about, 'unmanaged' AS code, c.times,
               strftime(c.latest, '%Y-%m-%d %H:%M') AS latest, min(l.device) AS device,
               min(CASE l.conditional_access WHEN 'not-applied' THEN 'did not apply' WHEN 'success' THEN 'let it pass'
                                             WHEN 'failure' THEN 'refused it' END) AS access,
               'review' AS remedy
        FROM counted AS c JOIN loose AS l ON l.account = c.account AND l."at" = c.latest
        GROUP BY c.account, c.times, c.latest
        """,
        kinds=kinds,
    )
