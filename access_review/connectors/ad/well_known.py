"""Who is known by their SID or name alone: powerful groups, protected accounts, identities that are no objects.

Definitions: Microsoft's lists of well-known SIDs and of groups that AdminSDHolder protects.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from access_review.connectors.ad.identifiers import SID, is_builtin, is_domain, rid
from access_review.connectors.ad.windows_values import UserAccountControl

ADMINISTRATOR, KRBTGT = 500, 502

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


def identity_name(sid: str) -> str | None:
    """Name an identity that is not an object with members, such as Authenticated Users; null for objects.

    ``S-1-12-1`` SIDs are cloud-only objects of Entra ID.
    """
    if is_domain(sid) or is_builtin(sid) or sid.startswith("S-1-12-1-") or not SID.fullmatch(sid):
        return None
    return _WELL_KNOWN.get(sid, "a well-known identity")


def is_privileged(sid: str | None) -> bool:
    """Tell whether a group's SID is one that Windows itself makes powerful."""
    if sid is None:
        return False
    return _group(sid).get("privileged", False) is True


def effect(sid: str | None) -> str:
    """Return what holding a group does by its SID: Protected Users takes ways to sign in away, and gives nothing."""
    return str(_group(sid).get("effect", "grants")) if sid else "grants"


def powers() -> Iterator[tuple[str, int, bool]]:
    """Yield the SID of each powerful group (``*`` for that of any domain), its place in the order of power, and whether it is tier 0."""
    for kind, prefix in (("domain_groups", "S-1-5-21-*-"), ("builtin_groups", "S-1-5-32-")):
        for number, group in _facts()[kind].items():
            if group.get("privileged"):
                yield f"{prefix}{number}", group["place"], group["tier"] == 0


def powerful_names() -> Iterator[str]:
    """Yield what the powerful groups are called where Windows speaks English."""
    for kind in ("domain_groups", "builtin_groups"):
        yield from (group["name"] for group in _facts()[kind].values() if group.get("privileged"))


def _group(sid: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _facts()["builtin_groups" if is_builtin(sid) else "domain_groups"].get(str(rid(sid)), {})
    return found


@cache
def _facts() -> Mapping[str, Any]:
    """Return what Microsoft documents of well-known ids, from the file beside this module."""
    text = files(__package__).joinpath("well_known.json").read_text("utf-8")
    facts: Mapping[str, Any] = json.loads(text)
    return facts


def is_krbtgt(name: str | None) -> bool:
    """Tell whether a name is that of the account that signs tickets, of a domain or of one of its read-only servers."""
    return re.fullmatch(r"krbtgt(?:_\d+)?", (name or "").casefold()) is not None


def protection(name: str | None, sid: str | None, control: int | None = None) -> str | None:
    """Say why an account is never touched, by what it is; null when nothing says so.

    Sync accounts go by the names that Microsoft Entra Connect gives them.
    """
    number = rid(sid) if sid and is_domain(sid) else None
    folded = (name or "").casefold()
    if number == KRBTGT or is_krbtgt(folded):
        return "krbtgt: signs every Kerberos ticket"
    if number == ADMINISTRATOR:
        return "built-in Administrator"
    if folded.startswith(("msol_", "aad_", "sync_")):
        return "directory synchronisation account"
    if control is not None and control & UserAccountControl.TRUST:
        return "trust account of another domain"
    return None


def account_kind(name: str | None, sid: str | None, protected: str | None, control: int | None = None) -> str:
    """Return the kind of a user object by its SID and its protection.

    What the directory itself is made of (krbtgt, trusts, the built-in Guest) is a machine's: nobody answers for it,
    as for a computer.
    """
    number = rid(sid) if sid and is_domain(sid) else None
    known: Mapping[str, Any] = _facts()["accounts"].get(str(number), {})
    if known:
        return str(known["kind"])
    if is_krbtgt(name) or (control is not None and control & UserAccountControl.TRUST):
        return "computer"
    return "service" if protected else "human"
