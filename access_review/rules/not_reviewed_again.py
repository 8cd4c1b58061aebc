"""Access that was not reviewed twice in a row, or more often."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    local=True,
    severity=Severity.CRITICAL,
    needs=("accounts",),
    nothing_without=("unreviewed",),
    controls=("soc2:CC4.1", "iso27001:A.5.18", "pci:7.2.4"),
    sentences={
        "not-reviewed-again": "not reviewed in time in {times} audits in a row, last in {week}[ by {reviewer}]",
    },
)
def check() -> Relation:
    """People and accounts that one audit after another drew and nobody answered for.

    The reviewer was reminded, escalated, and asked again a week later: somebody else has
    to answer, or the reviewer's manager.
    """
    return select(
        """
        SELECT unit AS subject, NULL AS about,
               'not-reviewed-again' AS code, times, week, reviewer,
               'review' AS remedy
        FROM unreviewed
        WHERE times > 1 AND EXISTS (
            SELECT 1 FROM accounts AS a WHERE a.account = unreviewed.unit OR a.person = unreviewed.unit)
        """
    )
