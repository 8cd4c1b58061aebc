"""People who vanished from the roster without a termination."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OFFBOARDING_LAG,
    local=True,
    severity=Severity.HIGH,
    needs=("people",),
    controls=("soc2:CC6.2", "iso27001:A.6.5", "nist:PS-4"),
    sentences={
        "missing": "{name} was in an earlier roster and is gone without a termination",
    },
)
def check() -> Relation:
    """People of an earlier run whom the roster no longer names.

    Missing is not terminated: nothing is planned until a person has found out.
    """
    return select(
        """
        SELECT person AS subject, NULL AS about,
               'missing' AS code, coalesce(name, person) AS name,
               'review' AS remedy
        FROM people WHERE status = 'missing'
        """
    )
