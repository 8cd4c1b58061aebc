"""Windows identities and times as Active Directory stores them.

SIDs and GUIDs are bytes in LDAP and text in collections of other tools; both
forms are read. Definitions: MS-DTYP (SID, GUID, FILETIME), MS-ADTS
(userAccountControl, groupType, sAMAccountName), and Microsoft's lists of
well-known SIDs and of groups that AdminSDHolder protects.
"""

import re
import struct
import uuid
from datetime import UTC, datetime, timedelta
from enum import IntFlag

_SID = re.compile(r"S-1-\d{1,15}(-\d{1,10}){0,15}")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
NEVER = 2**63 - 1


class UserAccountControl(IntFlag):
    """Bits of ``userAccountControl`` that decide something here."""

    DISABLED = 0x2
    TRUST = 0x800
    WORKSTATION = 0x1000
    SERVER = 0x2000


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

ADMINISTRATOR, GUEST, KRBTGT, DEFAULT_ACCOUNT = 500, 501, 502, 503

# Domain groups: Domain Admins, Domain Controllers, Schema and Enterprise Admins, Group Policy Creator Owners,
# Read-only Domain Controllers, Key Admins, Enterprise Key Admins.
_PRIVILEGED_RIDS = frozenset({512, 516, 518, 519, 520, 521, 526, 527})
# Builtin groups: Administrators; Account, Server, Print and Backup Operators; Replicator.
_PRIVILEGED_BUILTIN = frozenset({544, 548, 549, 550, 551, 552})

# Identities every logon gets by the way it happens: no object lists who they are.
_WELL_KNOWN = {
    "S-1-1-0": "Everyone",
    "S-1-2-0": "Local",
    "S-1-3-0": "Creator Owner",
    "S-1-5-1": "Dialup",
    "S-1-5-2": "Network",
    "S-1-5-3": "Batch",
    "S-1-5-4": "Interactive",
    "S-1-5-6": "Service",
    "S-1-5-7": "Anonymous Logon",
    "S-1-5-9": "Enterprise Domain Controllers",
    "S-1-5-10": "Self",
    "S-1-5-11": "Authenticated Users",
    "S-1-5-12": "Restricted",
    "S-1-5-13": "Terminal Server User",
    "S-1-5-14": "Remote Interactive Logon",
    "S-1-5-15": "This Organization",
    "S-1-5-17": "IUSR",
    "S-1-5-18": "Local System",
    "S-1-5-19": "Local Service",
    "S-1-5-20": "Network Service",
    "S-1-5-1000": "Other Organization",
}


def sid(value: bytes) -> str:
    """Return a SID as text (``S-1-5-21-…``), from its bytes or its text; raises ``ValueError`` for anything else."""
    if value[:2] in {b"S-", b"s-"}:
        text = value.decode("ascii", "replace").upper()
        if not _SID.fullmatch(text):
            raise ValueError(f"not a SID: {text!r}")
        return text
    if len(value) < 8 or value[0] != 1 or value[1] > 15 or len(value) != 8 + 4 * value[1]:
        raise ValueError(f"not a SID: {len(value)} bytes")
    authority = int.from_bytes(value[2:8], "big")
    parts = struct.unpack(f"<{value[1]}I", value[8:])
    return "-".join(("S-1", str(authority), *map(str, parts)))


def guid(value: bytes) -> str:
    """Return a GUID in lower case with dashes, from its 16 bytes or its text; raises ``ValueError`` for anything else."""
    if len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    return str(uuid.UUID(value.decode("ascii", "replace")))


def guid_bytes(text: str) -> bytes:
    """Return the 16 bytes that a directory stores for a GUID."""
    return uuid.UUID(text).bytes_le


def filetime(value: int | None) -> datetime | None:
    """Return a FILETIME (100 ns since 1601) as UTC, to the microsecond; 0, below, and 2⁶³-1 are *never* and give null."""
    if value is None or value <= 0 or value >= NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=value // 10)
    except OverflowError:
        return None


def is_domain(sid: str) -> bool:
    """Tell whether a SID was issued by a domain, so that it names one object anywhere."""
    return sid.startswith("S-1-5-21-")


def is_builtin(sid: str) -> bool:
    """Tell whether a SID is of the BUILTIN domain, which every domain has its own copy of."""
    return sid.startswith("S-1-5-32-")


def rid(sid: str) -> int | None:
    """Return the last part of a SID issued by a domain or by BUILTIN, null for others."""
    if not is_domain(sid) and not is_builtin(sid):
        return None
    return int(sid.rpartition("-")[2])


def beside(sid: str, rid: int) -> str:
    """Return the SID with another last part in the domain of ``sid``."""
    return f"{sid.rpartition('-')[0]}-{rid}"


def well_known(sid: str) -> str | None:
    """Name an identity that is not an object with members, such as Authenticated Users; null for objects.

    ``S-1-12-1`` SIDs are cloud-only objects of Entra ID.
    """
    if is_domain(sid) or is_builtin(sid) or sid.startswith("S-1-12-1-") or not _SID.fullmatch(sid):
        return None
    return _WELL_KNOWN.get(sid, "a well-known identity")


def is_privileged(sid: str | None) -> bool:
    """Tell whether a group's SID is one that Windows itself makes powerful."""
    if sid is None:
        return False
    return rid(sid) in (_PRIVILEGED_BUILTIN if is_builtin(sid) else _PRIVILEGED_RIDS)


def protection(name: str | None, sid: str | None, control: int | None = None) -> str | None:
    """Say why an account is never touched, by what it is; null when nothing says so.

    Sync accounts go by the names that Microsoft Entra Connect gives them.
    """
    number = rid(sid) if sid and is_domain(sid) else None
    folded = (name or "").casefold()
    if number == KRBTGT or folded == "krbtgt" or re.fullmatch(r"krbtgt_\d+", folded):
        return "krbtgt: signs every Kerberos ticket"
    if number == ADMINISTRATOR:
        return "built-in Administrator"
    if folded.startswith(("msol_", "aad_", "sync_")):
        return "directory synchronisation account"
    if control is not None and control & UserAccountControl.TRUST:
        return "trust account of another domain"
    return None


def account_kind(sid: str | None, protected: str | None) -> str:
    """Return the kind of a user object by its SID and its protection: guest, service or human."""
    number = rid(sid) if sid and is_domain(sid) else None
    if number == GUEST:
        return "guest"
    if number == DEFAULT_ACCOUNT or (protected and number != ADMINISTRATOR):
        return "service"
    return "human"
