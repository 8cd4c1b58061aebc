"""What a workspace says about names: which are privileged, restrict, are service accounts, belong to a client.

Patterns know ``*`` and ``?`` and ignore case; brackets are ordinary, since names
have them. A pattern with ``=`` is about the distinguished name and may stop at
any level: ``OU=Service Accounts,*`` holds whatever stands below such a unit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from access_review.connectors.same_name import folded

Effect = Literal["restricts", "exempts", "distribution", "unknown"]

# Where two patterns disagree, the more careful word holds.
_CAREFUL_FIRST: tuple[Effect, ...] = ("restricts", "unknown", "exempts", "distribution")


@dataclass(frozen=True, slots=True)
class Classification:
    """The patterns of one source."""

    privileged: Sequence[str] = ()
    effect: Mapping[Effect, Sequence[str]] = field(default_factory=dict)
    service_accounts: Sequence[str] = ()
    shared_accounts: Sequence[str] = ()
    break_glass: Sequence[str] = ()
    client: Mapping[str, str] = field(default_factory=dict)
    sensitivity: Mapping[str, str] = field(default_factory=dict)

    def is_privileged(self, name: str, dn: str) -> bool:
        """Tell whether a group is called privileged."""
        return matches(self.privileged, name, dn)

    def kind(self, name: str, dn: str, otherwise: str) -> str:
        """Return the kind of an account."""
        if matches(self.break_glass, name, dn):
            return "break-glass"
        if matches(self.shared_accounts, name, dn):
            return "shared"
        return "service" if matches(self.service_accounts, name, dn) else otherwise

    def effect_of(self, name: str, dn: str, otherwise: str = "grants") -> str:
        """Return what holding a group does."""
        for effect in _CAREFUL_FIRST:
            if matches(self.effect.get(effect, ()), name, dn):
                return effect
        return otherwise

    def sensitivity_of(self, name: str, dn: str) -> str | None:
        """Return the class of data behind an entitlement, by the first pattern that fits; null is unknown."""
        return _first(self.sensitivity, name, dn)

    def clients(self, name: str, dn: str) -> tuple[str, ...]:
        """Return the clients that a name belongs to: none, one, or a contradiction."""
        return tuple(sorted({client for pattern, client in self.client.items() if matches((pattern,), name, dn)}))


def _first(words: Mapping[str, str], name: str, dn: str) -> str | None:
    return next((word for pattern, word in words.items() if matches((pattern,), name, dn)), None)


def matches(patterns: Sequence[str], name: str, dn: str) -> bool:
    """Tell whether a name or its distinguished name (in canonical form) fits one of the patterns."""
    return any(_compiled(p).fullmatch(dn if "=" in p else folded(name)) is not None for p in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = re.escape(folded(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(f"(?:.*,)?{wild}" if "=" in pattern else wild, re.DOTALL)
