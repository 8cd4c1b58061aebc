"""Rules by family, in the order in which a report lists them."""

from functools import cache

from access_review.model import Family
from access_review.rules import load

_FIRST = (
    *("access-beyond-role", "mover-kept-access", "never-allowed", "nesting-escalates", "nesting-cycle"),
    *("standing-privilege", "direct-grant", "client-boundary", "toxic-pair", "grant-unauthorised"),
    *("account-dormant", "never-used", "access-unused", "guest-stale"),
    *("leaver-active", "leaver-residue", "contract-ended", "leave-active", "person-missing", "shared-unrotated"),
    *("account-unowned", "service-unowned", "agent-unowned", "agent-beyond-purpose"),
    *("owner-doubtful", "lookalike-account"),
    "app-consent-unapproved",
    *("signin-after-end", "signin-off-shift", "signin-outside-countries"),
    *("signin-outside-network", "signin-unmanaged-device", "access-outside-ticket"),
    *(
        "waiver-expired",
        "waiver-incomplete",
        "birthright-missing",
        "training-missing",
        "access-untrained",
        "template-unresolved",
        "template-overdue",
    ),
    *("repeat-finding", "not-reviewed-again", "not-reviewed", "kept-unlogged"),
)
"""Within a family these come first, in this order; every other rule follows by name."""


@cache
def _families() -> dict[str, Family]:
    return {rule.id: rule.family for rule in load().values()}


def family_of(rule: str) -> Family:
    """Return the family of a rule; one that is not installed is of another."""
    return _families().get(rule, Family.OTHER)


def order_of(rule: str) -> tuple[int, int, str]:
    """Return what sorts rules by family, then as the family lists them."""
    place = _FIRST.index(rule) if rule in _FIRST else len(_FIRST)
    return list(Family).index(family_of(rule)), place, rule
