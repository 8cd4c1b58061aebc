"""Accounts of people that belong to nobody known."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OWNERSHIP,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "accounts"),
    whole=("accounts",),
    controls=("soc2:CC6.2", "iso27001:A.5.16", "pci:7.2.4", "cis:5.1"),
    sentences={
        "unowned": "[{link}|no person matches]",
        "unowned-state-unknown": "[{link}|no person matches]; whether it is enabled is unknown",
    },
)
def check() -> Relation:
    """Human accounts, not known to be disabled, that no step of the ladder leads to a person.

    The reason is the one the matching gave. Service and shared accounts belong to
    ``service-unowned``, agents to ``agent-unowned``.
    """
    return select(
        """
        SELECT account AS subject, NULL AS about,
               CASE WHEN enabled THEN 'unowned' ELSE 'unowned-state-unknown' END AS code, link,
               'assign-owner' AS remedy
        FROM accounts WHERE kind = 'human' AND person IS NULL AND coalesce(enabled, TRUE)
        """
    )
