"""Entries of directories other than Active Directory as rows; pure.

Object classes: RFC 4519 (person, groupOfNames, groupOfUniqueNames,
organizationalRole), RFC 2798 (inetOrgPerson), RFC 2307 (posixAccount,
posixGroup). Operational attributes: RFC 4512, the password policy draft, and
those of 389 Directory Server, OpenLDAP and eDirectory for locks and last use.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from access_review.connectors.ad.entry import Entry, canonical, domain
from access_review.connectors.ad.membership import Name
from access_review.connectors.classification import Classification
from access_review.tables import Row

_ACCOUNTS = frozenset({"person", "account", "posixaccount", "inetorgperson", "organizationalperson"})
_DYNAMIC = frozenset({"groupofurls", "dynamicgroup"})
_GROUPS = _DYNAMIC | {
    "group",
    "groupofnames",
    "groupofuniquenames",
    "groupofentries",
    "groupofmembers",
    "posixgroup",
    "organizationalrole",
}
_LOCKED_FOR_GOOD = "000001010000Z"
_UNIQUE_ID = re.compile(r"#'[01]*'B$")


def role(entry: Entry) -> str | None:
    """Return what an entry is here: account or group; null for what holds nothing."""
    classes = entry.classes()
    if classes & _GROUPS:
        return "group"
    return "account" if classes & _ACCOUNTS else None


def is_dynamic(entry: Entry) -> bool:
    """Tell whether the members of a group are a query, which cannot be read off it."""
    return bool(entry.classes() & _DYNAMIC) or "memberurl" in entry.values


def native_id(entry: Entry) -> str | None:
    """Return the entryUUID (RFC 4530) or what 389 Directory Server has in its place."""
    found = entry.text("entryuuid", "nsuniqueid")
    return found.lower() if found else None


def account(entry: Entry, marks: Classification) -> Row:
    """Return the columns of an account that such a directory fills."""
    name, dn = entry.text("uid", "cn") or entry.dn, canonical(entry.dn)
    kind = marks.kind(name, dn, "human")
    used = entry.time("authtimestamp", "pwdlastsuccess", "lastlogintime")
    return {
        "name": name,
        "principal_name": entry.text("krbprincipalname", "userprincipalname"),
        "kind": kind,
        "enabled": _enabled(entry),
        "created_at": entry.time("createtimestamp"),
        "last_used_earliest": used,
        "last_used_latest": used,
        "never_used": False if used else None,
        "password_set_at": entry.time("pwdchangedtime"),
        "expires_at": _expires(entry),
        "protected": "break-glass" if kind == "break-glass" else None,
    }


def _enabled(entry: Entry) -> bool | None:
    """Read the locks: a lock that ends by itself says nothing about the account."""
    for name in ("nsaccountlock", "logindisabled"):
        locked = entry.flag(name)
        if locked is not None:
            return not locked
    return False if entry.text("pwdaccountlockedtime") == _LOCKED_FOR_GOOD else None


def _expires(entry: Entry) -> datetime | None:
    """Read ``shadowExpire``, days since 1970; below 1 is never."""
    days = entry.whole("shadowexpire")
    if days is None or not 0 < days < 1_000_000:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)


def group(entry: Entry, marks: Classification) -> Row:
    """Return the columns of an entitlement that such a directory fills; who is powerful only the workspace knows."""
    name, dn = entry.text("cn") or entry.dn, canonical(entry.dn)
    return {
        "name": name,
        "system": domain(dn),
        "privileged": marks.is_privileged(name, dn) if marks.privileged else None,
        "effect": marks.effect_of(name, dn),
    }


def names(entry: Entry, *, group: bool) -> Iterator[Name]:
    """Yield the names by which groups speak of this entry, its DN apart."""
    if group:
        if (number := entry.whole("gidnumber")) is not None and "posixgroup" in entry.classes():
            yield Name("gid", str(number))
    else:
        yield from (Name("uid", uid.casefold()) for uid in entry.texts("uid"))


def members(entry: Entry) -> Iterator[Name]:
    """Yield the members of a group."""
    for attribute in ("member", "roleoccupant"):
        yield from (Name("dn", canonical(text)) for text in entry.all(attribute))
    for text in entry.all("uniquemember"):
        yield Name("dn", canonical(_UNIQUE_ID.sub("", text)))
    if "posixgroup" in entry.classes():
        yield from (Name("uid", text.casefold()) for text in entry.texts("memberuid"))


def primary_group(entry: Entry) -> Name | None:
    """Return the primary group of a POSIX account."""
    number = entry.whole("gidnumber") if "posixaccount" in entry.classes() else None
    return None if number is None else Name("gid", str(number))
