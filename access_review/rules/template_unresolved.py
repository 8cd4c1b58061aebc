"""Lines of a role template that match nothing."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.LOW,
    needs=("entitlements",),
    whole=("entitlements",),
    nothing_without=("patterns",),
    controls=("soc2:CC6.3", "iso27001:A.5.15"),
    sentences={
        "unresolved": "{pattern} under {listed} matches no entitlement ({place})",
    },
)
def check() -> Relation:
    """Patterns under ``must``, ``may`` or ``eligible`` that name no entitlement of today.

    What is forbidden need not exist, so ``never`` is not concerned.
    """
    return select(
        """
        SELECT role AS subject, concat("list", ' ', pattern) AS about,
               'unresolved' AS code, pattern, "list" AS listed, place, 'fix' AS remedy
        FROM patterns WHERE matched = 0 AND "list" <> 'never'
        """
    )
