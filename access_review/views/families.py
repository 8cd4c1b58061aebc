"""Rules by family, in the order in which a report lists them."""

from collections.abc import Mapping

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Excess": (
        "access-beyond-role",
        "mover-kept-access",
        "never-allowed",
        "nesting-escalates",
        "nesting-cycle",
        "standing-privilege",
        "direct-grant",
        "client-boundary",
        "toxic-pair",
    ),
    "Stale": ("account-dormant", "never-used", "access-unused", "guest-stale"),
    "Offboarding lag": (
        "leaver-active",
        "leaver-residue",
        "contract-ended",
        "leave-active",
        "person-missing",
        "shared-unrotated",
    ),
    "Ownership": (
        "account-unowned",
        "service-unowned",
        "agent-unowned",
        "agent-beyond-purpose",
        "lookalike-account",
    ),
    "AI shadow IT": ("app-consent-unapproved",),
    "Sign-ins": ("signin-after-end", "signin-off-shift", "signin-outside-countries"),
    "Governance": (
        "waiver-expired",
        "waiver-incomplete",
        "birthright-missing",
        "template-unresolved",
        "template-overdue",
        "repeat-finding",
        "not-reviewed-again",
        "not-reviewed",
        "kept-unlogged",
    ),
}

OTHER = "Other"
"""The family of rules that came by entry point."""

_FAMILY = {rule: family for family, rules in FAMILIES.items() for rule in rules}


def family_of(rule: str) -> str:
    """Return the family of a rule."""
    return _FAMILY.get(rule, OTHER)


def order_of(rule: str) -> tuple[int, int, str]:
    """Return what sorts rules by family, then as the family lists them."""
    family = family_of(rule)
    if family == OTHER:
        return len(FAMILIES), 0, rule
    return list(FAMILIES).index(family), FAMILIES[family].index(rule), rule
