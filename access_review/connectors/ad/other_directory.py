"""The dialect of directories other than Active Directory: their entries, translated; pure.

Object classes: RFC 4519 (person, groupOfNames, groupOfUniqueNames,
organizationalRole), RFC 2798 (inetOrgPerson), RFC 2307 (posixAccount,
posixGroup). Operational attributes: RFC 4512, the password policy draft, and
those of 389 Directory Server, OpenLDAP and eDirectory for locks and last use.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from access_review.connectors import no_value
from access_review.connectors.ad.dialect import (
    DirectoryObject,
    DirectoryOptions,
    ObjectKind,
    StatedMember,
    Translated,
    account_columns,
    chosen_id,
    common_aliases,
    group_columns,
    linked,
)
from access_review.connectors.ad.entry import Entry, canonical, domain
from access_review.connectors.ad.membership import Name
from access_review.connectors.same_name import folded
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
_LOCKS = ("nsaccountlock", "logindisabled")
# The password policy draft writes this time for a lock that no time ends.
_LOCKED_FOR_GOOD = "000001010000Z"
# uniqueMember may put a bit string behind the DN (RFC 4517, 3.3.21).
_UNIQUE_ID = re.compile(r"#'[01]*'B$")


class OtherDirectory:
    """The way of OpenLDAP, 389 Directory Server and eDirectory; a :class:`~access_review.connectors.ad.dialect.Dialect`."""

    def __init__(self, options: DirectoryOptions) -> None:
        self._options = options

    def translate(self, entry: Entry, dn: str) -> Translated:
        """Return what an entry is: an account, a group, or nothing."""
        classes = entry.classes()
        if classes & _GROUPS:
            return self._group(entry, dn)
        return self._account(entry, dn) if classes & _ACCOUNTS else None

    def _account(self, entry: Entry, dn: str) -> DirectoryObject:
        name = entry.text("uid", "cn") or entry.dn
        columns = {**self._account_columns(entry, dn, name), **account_columns(entry, self._options, "employeenumber")}
        uids = (Name("uid", folded(uid)) for uid in entry.texts("uid"))
        return self._object(
            entry,
            dn,
            ObjectKind.USER,
            name,
            uids,
            columns=columns,
            primary_group=_primary_group(entry),
            faults=tuple(_faults(entry)),
        )

    def _group(self, entry: Entry, dn: str) -> DirectoryObject:
        name, dynamic = entry.text("cn") or entry.dn, _is_dynamic(entry)
        return self._object(
            entry,
            dn,
            ObjectKind.GROUP,
            name,
            _gids(entry),
            columns=self._group_columns(entry, dn, name),
            members=tuple(StatedMember(member) for member in _members(entry)),
            ranges=entry.ranges("member"),
            has_dynamic_members=dynamic,
        )

    def _object(
        self, entry: Entry, dn: str, kind: ObjectKind, name: str, further_names: Iterable[Name], **differing: Any
    ) -> DirectoryObject:
        return DirectoryObject(
            kind,
            *chosen_id(entry, dn, self._options.id_attribute),
            name,
            dn,
            entry.dn,
            entry.place,
            names=(Name("dn", dn), *further_names),
            aliases=frozenset(common_aliases(entry, dn)),
            clients=self._options.classification.clients(name, dn),
            groups=linked(entry, "memberof"),
            owners=linked(entry, "managedby", "owner"),
            reaches=True,
            **differing,
        )

    def _account_columns(self, entry: Entry, dn: str, name: str) -> Row:
        kind = self._options.classification.kind(name, dn, "human")
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

    def _group_columns(self, entry: Entry, dn: str, name: str) -> Row:
        """Return the columns of an entitlement; who is powerful only the workspace knows."""
        marked = self._options.classification
        return {
            **group_columns(entry, dn, name, self._options),
            "system": self._options.system or domain(dn),
            "privileged": marked.is_privileged(name, dn) if marked.privileged else None,
            "effect": marked.effect_of(name, dn),
        }


def _is_dynamic(entry: Entry) -> bool:
    """Tell whether the members of a group are a query, which cannot be read off it."""
    return bool(entry.classes() & _DYNAMIC) or "memberurl" in entry.values


def _enabled(entry: Entry) -> bool | None:
    """Read the locks: a lock that ends by itself says nothing about the account."""
    for name in _LOCKS:
        locked = entry.flag(name)
        if locked is not None:
            return not locked
    return False if entry.text("pwdaccountlockedtime") == _LOCKED_FOR_GOOD else None


def _faults(entry: Entry) -> Iterator[str]:
    """Yield which locks are written and cannot be read, so that whether an account can be used is unknown."""
    for name in _LOCKS:
        text = entry.text(name)
        if text is not None and entry.flag(name) is None and not no_value.is_nothing(text):
            yield f"{name} is {text!r}, which is neither true nor false: whether it can be used is unknown"


def _expires(entry: Entry) -> datetime | None:
    """Read ``shadowExpire``, days since 1970; below 1 is never."""
    days = entry.whole("shadowexpire")
    if days is None or not 0 < days < 1_000_000:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)


def _gids(entry: Entry) -> Iterator[Name]:
    """Yield the number by which POSIX accounts name their primary group."""
    if (number := entry.whole("gidnumber")) is not None and "posixgroup" in entry.classes():
        yield Name("gid", str(number))


def _members(entry: Entry) -> Iterator[Name]:
    """Yield the members of a group."""
    for attribute in ("member", "roleoccupant"):
        yield from (Name("dn", canonical(text)) for text in entry.all(attribute))
    for text in entry.all("uniquemember"):
        yield Name("dn", canonical(_UNIQUE_ID.sub("", text)))
    # POSIX groups name logins, not objects: two accounts of one login make such a member ambiguous.
    if "posixgroup" in entry.classes():
        yield from (Name("uid", folded(text)) for text in entry.texts("memberuid"))


def _primary_group(entry: Entry) -> Name | None:
    """Return the primary group of a POSIX account."""
    number = entry.whole("gidnumber") if "posixaccount" in entry.classes() else None
    return None if number is None else Name("gid", str(number))
