"""SIDs and GUIDs, the ids that Windows gives: bytes in LDAP, text in collections of other tools. Both forms are read.

Definitions: MS-DTYP.
"""

import re
import struct
import uuid

SID = re.compile(r"S-1-\d{1,15}(-\d{1,10}){0,15}")
"""A SID as text."""


def sid(value: bytes) -> str:
    """Return a SID as text (``S-1-5-21-…``), from its bytes or its text; raises ``ValueError`` for anything else."""
    if value[:2] in {b"S-", b"s-"}:
        text = value.decode("ascii", "replace").upper()
        if not SID.fullmatch(text):
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


def is_domain(sid: str) -> bool:
    """Tell whether a SID was issued by a domain, so that it names one object anywhere."""
    return sid.startswith("S-1-5-21-")


def is_builtin(sid: str) -> bool:
    """Tell whether a SID is of the BUILTIN domain, which every domain has its own copy of."""
    return sid.startswith("S-1-5-32-")


def rid(sid: str) -> int | None:
    """Return the last part of a SID issued by a domain or by BUILTIN, null for others and for what only begins like one."""
    if not (is_domain(sid) or is_builtin(sid)) or not SID.fullmatch(sid):
        return None
    return int(sid.rpartition("-")[2])


def beside(sid: str, rid: int) -> str:
    """Return the SID with another last part in the domain of ``sid``."""
    return f"{sid.rpartition('-')[0]}-{rid}"
