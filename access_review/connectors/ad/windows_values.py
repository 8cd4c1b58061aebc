"""Values as Active Directory stores them: times, control bits, kinds of group.

Definitions: MS-DTYP (FILETIME), MS-ADTS (``userAccountControl``, ``groupType``).
"""

import re
from datetime import UTC, datetime, timedelta
from enum import IntFlag

from access_review.connectors import no_value

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
NEVER = 2**63 - 1
"""The FILETIME of what never happens."""


class UserAccountControl(IntFlag):
    """Bits of ``userAccountControl`` that decide something here."""

    DISABLED = 0x2
    TRUST = 0x800
    WORKSTATION = 0x1000
    SERVER = 0x2000


_ACCOUNT_TYPES = 0x100 | 0x200 | 0x800 | 0x1000 | 0x2000
"""Bits of ``userAccountControl`` of which an account has one: it is a person's, a machine's or a trust's."""
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]{1,8}")
_DECIMAL = re.compile(r"\d{1,10}")


def account_control(text: str | None) -> int | None:
    """Return the bits of ``userAccountControl``; null for what is no number of 32 bits, or of several kinds of account."""
    if text is not None and _HEXADECIMAL.fullmatch(text):
        control = int(text, 16)
    elif text is not None and _DECIMAL.fullmatch(text):
        control = int(text)
    else:
        return None
    return control if control < 2**32 and (control & _ACCOUNT_TYPES).bit_count() <= 1 else None


_CONTROL_WORDS = (
    (0x2, "disabled"),
    (0x10, "locked-out"),
    (0x20, "no-password-required"),
    (0x10000, "password-never-expires"),
    (0x40000, "smart-card-required"),
    (0x80000, "trusted-for-delegation"),
    (0x100000, "never-delegated"),
    (0x400000, "no-preauthentication"),
    (0x800000, "password-expired"),
    (0x1000000, "delegates-with-any-protocol"),
)


def control_words(control: int, computed: int | None = None) -> tuple[str, ...]:
    """Return words for the bits of ``userAccountControl`` and of ``msDS-User-Account-Control-Computed``."""
    return tuple(word for bit, word in _CONTROL_WORDS if (control | (computed or 0)) & bit)


class GroupType(IntFlag):
    """Bits of ``groupType``."""

    GLOBAL = 0x2
    DOMAIN_LOCAL = 0x4
    UNIVERSAL = 0x8
    SECURITY = 0x80000000


SCOPES = (
    (GroupType.GLOBAL, "global"),
    (GroupType.DOMAIN_LOCAL, "domain-local"),
    (GroupType.UNIVERSAL, "universal"),
)


def filetime(value: int | None) -> datetime | None:
    """Return a FILETIME (100 ns since 1601) as UTC, to the microsecond; 0, below, and 2⁶³-1 are *never* and give null."""
    if value is None or value <= 0 or value >= NEVER:
        return None
    try:
        return no_value.meant(_EPOCH + timedelta(microseconds=value // 10))
    except OverflowError:
        return None
