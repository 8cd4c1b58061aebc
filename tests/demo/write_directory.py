"""The directory as LDIF, as a search of Active Directory writes it."""

import base64
import struct
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tests.demo import seeded
from tests.demo.company import AS_OF, DOMAIN, NEVER, AdGroup, AdUser, Company

BASE = ",".join(f"DC={label}" for label in DOMAIN.split("."))
DOMAIN_SID = "S-1-5-21-" + "-".join(str(seeded.number(f"domain/{part}", 2**31)) for part in range(3))
CLASSES = {
    "user": ("top", "person", "organizationalPerson", "user"),
    "gmsa": ("top", "person", "organizationalPerson", "user", "computer", "msDS-GroupManagedServiceAccount"),
    "computer": ("top", "person", "organizationalPerson", "user", "computer"),
}
CLASSES["dc"] = CLASSES["computer"]
CONTROL = {"user": 0x200, "gmsa": 0x1000, "computer": 0x1000, "dc": 0x82000}
PRIMARY = {"user": 513, "gmsa": 515, "computer": 515, "dc": 516}
GLOBAL_SECURITY, BUILT_IN_LOCAL, UNIVERSAL_MAIL = -2147483646, -2147483643, 8
NO_END = 2**63 - 1


def files(company: Company) -> Iterator[tuple[str, str]]:
    """Yield the name and content of each file."""
    people = [user for user in company.ad_users.values() if user.number and user.synced]
    others = [user for user in company.ad_users.values() if not (user.number and user.synced)]
    yield "ad/people.ldif", _file(_user(company, user) for user in people)
    yield "ad/other-accounts.ldif", _file(_user(company, user) for user in others)
    yield (
        "ad/groups.ldif",
        _file([*map(_foreign, _strangers(company)), *(_group(company, g) for g in _groups(company))]),
    )


def user_sid(user: AdUser) -> str:
    """Return the SID of an account."""
    return f"{DOMAIN_SID}-{user.rid or _rid(user.login)}"


def group_sid(group: AdGroup) -> str:
    """Return the SID of a group."""
    return group.sid or f"{DOMAIN_SID}-{group.rid or _rid(group.name)}"


def immutable_id(login: str) -> str:
    """Return the id by which the cloud knows an account of the directory."""
    return base64.b64encode(uuid.UUID(seeded.guid(f"ad/user/{login}")).bytes_le).decode()


def _rid(name: str) -> int:
    return 1_000_000 + seeded.number(f"rid/{name.casefold()}", 1_000_000_000)


def _groups(company: Company) -> list[AdGroup]:
    return [company.ad_groups[name] for name in sorted(company.ad_groups)]


def _strangers(company: Company) -> list[str]:
    return sorted({sid for group in company.ad_groups.values() for sid in group.foreign})


def _user(company: Company, user: AdUser) -> list[tuple[str, object]]:
    control = CONTROL[user.form] | (0 if user.enabled else 2)
    return [
        ("dn", user_dn(user)),
        *(("objectClass", name) for name in CLASSES[user.form]),
        ("cn", user.login.rstrip("$")),
        ("sAMAccountName", user.login),
        ("userPrincipalName", f"{user.login}@{DOMAIN}" if user.form == "user" else None),
        ("displayName", user.name),
        ("mail", user.mail),
        ("employeeID", user.number),
        ("objectGUID", uuid.UUID(seeded.guid(f"ad/user/{user.login}")).bytes_le),
        ("objectSid", _packed(user_sid(user))),
        ("primaryGroupID", PRIMARY[user.form] if user.rid != 501 else 514),
        ("userAccountControl", control),
        ("adminCount", 1 if user.tier0 else None),
        ("whenCreated", f"{user.created:%Y%m%d%H%M%S}.0Z"),
        ("pwdLastSet", _filetime(user.password_set)),
        ("accountExpires", _filetime(user.expires) if user.expires else NO_END),
        *_logons(user),
        ("managedBy", user_dn(company.ad_users[user.owner]) if user.owner else None),
    ]


def _logons(user: AdUser) -> list[tuple[str, object]]:
    if user.seen is None:
        return []
    if user.seen == NEVER:
        return [("lastLogon", 0), ("lastLogonTimestamp", 0), ("logonCount", 0)]
    seen = min(user.seen, AS_OF)
    count = 20 + seeded.number(f"logons/{user.login}", 900)
    return [("lastLogon", _filetime(seen)), ("lastLogonTimestamp", _filetime(seen)), ("logonCount", count)]


def user_dn(user: AdUser) -> str:
    """Return the DN of an account."""
    place = f"CN={user.ou}" if user.ou in {"Users", "Computers", "Managed Service Accounts"} else f"OU={user.ou}"
    return f"CN={user.login.rstrip('$')},{place},{BASE}"


def _group_dn(group: AdGroup) -> str:
    place = "CN=Builtin" if group.sid else "CN=Users" if group.rid else "OU=Groups"
    return f"CN={group.name},{place},{BASE}"


def _group(company: Company, group: AdGroup) -> list[tuple[str, object]]:
    members = [
        *(user_dn(company.ad_users[login]) for login in sorted(group.members)),
        *(_group_dn(company.ad_groups[name]) for name in sorted(group.nested)),
        *(_foreign_dn(sid) for sid in sorted(group.foreign)),
    ]
    form = BUILT_IN_LOCAL if group.sid else GLOBAL_SECURITY if group.security else UNIVERSAL_MAIL
    return [
        ("dn", _group_dn(group)),
        ("objectClass", "top"),
        ("objectClass", "group"),
        ("cn", group.name),
        ("sAMAccountName", group.name),
        ("description", group.about),
        ("objectGUID", uuid.UUID(seeded.guid(f"ad/group/{group.name}")).bytes_le),
        ("objectSid", _packed(group_sid(group))),
        ("groupType", form),
        ("adminCount", 1 if group.name in {"Domain Admins", "Administrators"} else None),
        *(("member", dn) for dn in members),
    ]


def _foreign_dn(sid: str) -> str:
    return f"CN={sid},CN=ForeignSecurityPrincipals,{BASE}"


def _foreign(sid: str) -> list[tuple[str, object]]:
    guid = uuid.UUID(seeded.guid(f"ad/foreign/{sid}")).bytes_le
    return [
        ("dn", _foreign_dn(sid)),
        ("objectClass", "top"),
        ("objectClass", "foreignSecurityPrincipal"),
        ("cn", sid),
        ("objectGUID", guid),
        ("objectSid", _packed(sid)),
    ]


def _packed(sid: str) -> bytes:
    authority, *parts = (int(part) for part in sid.split("-")[2:])
    return struct.pack("<BB", 1, len(parts)) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def _filetime(at: datetime) -> int:
    return int((at - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000


def _file(entries: Iterable[list[tuple[str, object]]]) -> str:
    return "version: 1\n\n" + "\n".join("".join(map(_line, entry)) for entry in entries)


def _line(pair: tuple[str, object]) -> str:
    """Write a value; what LDIF cannot hold as it stands is base64."""
    name, value = pair
    if value is None or value == "":
        return ""
    data = value if isinstance(value, bytes) else str(value).encode()
    text = data.decode("ascii", "replace")
    plain = data.isascii() and text.isprintable() and text[0] not in " :<" and not text.endswith(" ")
    return (
        f"{name}: {text}\n"
        if plain and not isinstance(value, bytes)
        else f"{name}:: {base64.b64encode(data).decode()}\n"
    )
