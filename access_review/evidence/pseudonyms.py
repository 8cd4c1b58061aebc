"""Pseudonyms: who is who is known only to whoever holds the key or the map; without both it cannot be told any more.

A pseudonym is the HMAC-SHA256 of an id under a secret key, so that one id is the same pseudonym in each table and
in each pack made with that key. Names, mail addresses and what is not needed are left away altogether.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

KEY_BYTES = 32
"""Bytes that a key of pseudonyms has at least."""

COVERED: Mapping[str, tuple[str, ...]] = {
    "people": ("person", "native_id", "manager", "sponsor"),
    "assignments": ("person",),
    "accounts": ("account", "native_id", "employee_id"),
    "entitlements": (),
    "grants": ("account",),
    "nesting": (),
    "owners": ("object", "owner"),
    "custody": ("account", "person"),
    "activity": ("account",),
    "signins": ("account",),
    "completeness": (),
    "findings": ("subject", "about", "person"),
    "account_owners": ("account", "person"),
}
"""Which tables a pseudonymised pack has, and the columns of ids in them. An id that is nobody's stays what it is."""
KEPT: Mapping[str, tuple[str, ...]] = {
    "people": ("source", "kind", "status", "left_at_earliest", "left_at_latest", "notified_at", "first_seen_left_at"),
    "assignments": ("seq", "source", "starts_latest", "ends_earliest", "ends_latest", "status", "client", "role"),
    "accounts": ("source", "kind", "enabled", "last_used_earliest", "last_used_latest", "expires_at", "client"),
    "entitlements": (
        "entitlement",
        "source",
        "kind",
        "name",
        "client",
        "system",
        "privileged",
        "sensitivity",
        "effect",
    ),
    "grants": ("entitlement", "mode", "since", "until", "via", "removable"),
    "nesting": ("child", "parent", "mode", "why", "reach"),
    "owners": (),
    "custody": ("starts_at", "ends_at"),
    "activity": ("last_used_earliest", "last_used_latest"),
    "signins": ("at", "success", "country", "managed", "compliant"),
    "completeness": ("source", "subject", "complete", "reason", "received", "expected"),
    "findings": ("rule", "severity", "rag", "risk", "source", "client", "status", "first_seen", "checked"),
    "account_owners": (),
}
"""Their columns that are kept as they are, but for names of people in them, which are struck out."""
NAMING: Mapping[str, tuple[str, ...]] = {
    "people": ("person", "native_id", "name", "mail"),
    "accounts": ("account", "native_id", "name", "principal_name", "display_name", "mail", "employee_id"),
}
"""The columns whose values name people and their accounts."""
STRUCK_OUT = "(a name)"
_SHORT = 4


@dataclass(slots=True)
class Pseudonyms:
    """Gives pseudonyms under a key; ``given`` is the map, to be kept apart or destroyed. ``named`` are ids and names of people."""

    key: bytes = field(repr=False)
    named: frozenset[str]
    given: dict[str, str] = field(default_factory=dict, repr=False)
    _names: re.Pattern[str] | None = None

    def of(self, value: str) -> str:
        """Return the pseudonym of an id."""
        made = "p-" + hmac.digest(self.key, value.encode(), "sha256").hex()[:20]
        self.given[made] = value
        return made

    def of_id(self, value: str) -> str:
        """Return the pseudonym of what is somebody's; any other id, as that of a group, stays."""
        return self.of(value) if value in self.named else self.strike(value)

    def strike(self, text: str) -> str:
        """Return text without the names of people."""
        if self._names is None:
            some = sorted((name for name in self.named if len(name) >= _SHORT), key=lambda name: (-len(name), name))
            self._names = re.compile(rf"(?i)(?<!\w)(?:{'|'.join(map(re.escape, some)) or '(?!)'})(?!\w)")
        return self._names.sub(STRUCK_OUT, text)

    def row(self, table: str, row: Mapping[str, str]) -> list[str]:
        """Return a row of a table under pseudonyms, in the order of :func:`columns`."""
        covered = [self._covered(table, row.get(name) or "") for name in COVERED[table]]
        return covered + [self.strike(row.get(name) or "") for name in KEPT[table]]

    def _covered(self, table: str, value: str) -> str:
        if not value:
            return ""
        return self.of_id(value) if table in {"owners", "findings"} else self.of(value)


def columns(table: str) -> tuple[str, ...]:
    """Return the columns that a table has under pseudonyms."""
    return (*COVERED[table], *KEPT[table])


def named_in(table: str, rows: Iterable[Mapping[str, str]]) -> Iterable[str]:
    """Yield what names somebody in the rows of a table."""
    return (value for row in rows for name in NAMING.get(table, ()) if (value := (row.get(name) or "").strip()))
