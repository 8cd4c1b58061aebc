"""Access that was to be reviewed and was not."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    local=True,
    severity=Severity.HIGH,
    needs=("accounts",),
    nothing_without=("unreviewed",),
    controls=("soc2:CC4.1", "iso27001:A.5.18", "pci:7.2.4"),
    sentences={
        "not-reviewed": "was drawn in {week} and not reviewed in time[ by {reviewer}]",
    },
)
def check() -> Relation:
    """People and accounts that the last audit drew and nobody answered for in time.

    It is the review that failed, not the access: no answer is never a revoke. They are
    looked at in the next audit; a second time is ``not-reviewed-again``.
    """
    return select(
        """
        SELECT unit AS subject, NULL AS about, 'not-reviewed' AS code, week, reviewer, 'review' AS remedy
        FROM unreviewed
        WHERE times = 1 AND EXISTS (
            SELECT 1 FROM accounts AS a WHERE a.account = unreviewed.unit OR a.person = unreviewed.unit)
        """
    )
