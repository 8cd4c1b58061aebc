"""Active Directory's dialect: its entries, translated; pure.

Attribute meanings: MS-ADA1 to MS-ADA3, MS-ADTS. Last use: a logon updates
``lastLogon`` on the server that saw it only, and ``lastLogonTimestamp``
everywhere but at most 14 days late, so the true last use is an interval.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from access_review.connectors import no_value
from access_review.connectors.ad import identifiers, replication, well_known
from access_review.connectors.ad.dialect import (
    DirectoryObject,
    DirectoryOptions,
    Doubt,
    NotAPrincipal,
    ObjectKind,
    StandIn,
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
from access_review.connectors.ad.windows_values import (
    SCOPES,
    GroupType,
    UserAccountControl,
    account_control,
    control_words,
    filetime,
)
from access_review.connectors.same_name import folded
from access_review.tables import Row

LAG = timedelta(days=14)
"""How late ``lastLogonTimestamp`` may be."""

_SERVICE = frozenset(
    {"msds-groupmanagedserviceaccount", "msds-managedserviceaccount", "msds-delegatedmanagedserviceaccount"}
)
_TIMES = ("lastLogonTimestamp", "lastLogon", "pwdLastSet", "accountExpires")
NO_CONTROL = "came without userAccountControl: whether they can be used is unknown"
"""What is said once, with a count, of all accounts of which nothing tells whether they can be used."""
_OWN = frozenset({"objectsid", "objectguid", "samaccountname", "objectcategory"})


_SHORTEST = 24
"""Letters below which a member may be a word for nothing: a DN below a domain is longer, and there are millions."""


def recognises(entry: Entry) -> bool:
    """Tell whether an entry comes from Active Directory (or Samba's), by attributes and classes only it has."""
    return bool(_OWN & entry.values.keys()) or bool({"user", "group", "computer"} & entry.classes())


class EntryRole(StrEnum):
    """What an entry of Active Directory is."""

    ACCOUNT = "account"
    GROUP = "group"
    FOREIGN = "foreign"
    CONTACT = "contact"


def role(entry: Entry) -> EntryRole | None:
    """Return what an entry is; null for what holds nothing."""
    classes = entry.classes()
    if "group" in classes:
        return EntryRole.GROUP
    if "foreignsecurityprincipal" in classes:
        return EntryRole.FOREIGN
    # A managed service account need not say that it is a user.
    if "user" in classes or "computer" in classes or _SERVICE & classes:
        return EntryRole.ACCOUNT
    return EntryRole.CONTACT if "contact" in classes else None


def sid(entry: Entry) -> str | None:
    """Return an entry's SID, null without a readable one."""
    return _sid(entry.first("objectsid"))


def _sid(value: bytes | None) -> str | None:
    try:
        return identifiers.sid(value) if value else None
    except ValueError:
        return None


def _guid(entry: Entry) -> str | None:
    """Return an entry's objectGUID, null without a readable one."""
    value = entry.first("objectguid")
    try:
        return identifiers.guid(value) if value else None
    except ValueError:
        return None


def _former_sids(entry: Entry) -> tuple[str, ...]:
    """Return the readable SIDs of an entry's history."""
    return tuple(found for value in entry.values.get("sidhistory", ()) if (found := _sid(value)))


def native_id(entry: Entry) -> str | None:
    """Return the id that never changes: the objectGUID, else the SID.

    Every domain has the same SIDs of its own for BUILTIN, so these carry the domain.
    """
    found = _guid(entry)
    if found:
        return found
    own = sid(entry)
    where = domain(canonical(entry.dn))
    return f"{where.upper()}-{own}" if own and where and identifiers.is_builtin(own) else own


def primary_group(entry: Entry) -> str | None:
    """Return the SID of the primary group."""
    own, number = sid(entry), entry.whole("primarygroupid")
    return identifiers.beside(own, number) if own and number is not None and identifiers.is_domain(own) else None


class ActiveDirectory:
    """Active Directory's way, and Samba's; a :class:`~access_review.connectors.ad.dialect.Dialect`."""

    def __init__(self, options: DirectoryOptions, as_of: datetime) -> None:
        self._options = options
        self._as_of = as_of

    def translate(self, entry: Entry, dn: str) -> Translated:
        """Return what an entry is: an account, a group, a stand-in for a foreign SID, a contact."""
        match role(entry):
            case EntryRole.ACCOUNT:
                return self._account(entry, dn)
            case EntryRole.GROUP:
                return self._group(entry, dn)
            case EntryRole.FOREIGN:
                found = sid(entry)
                return StandIn(found) if found else None
            case EntryRole.CONTACT:
                return NotAPrincipal("unusable", "a contact is not an account")
            case None:
                return None

    def _account(self, entry: Entry, dn: str) -> DirectoryObject:
        primary = primary_group(entry)
        further = self._further_attributes(entry)
        return self._object(
            entry,
            dn,
            ObjectKind.COMPUTER if is_computer(entry) else ObjectKind.USER,
            columns={
                **self._account_columns(entry, dn),
                **account_columns(entry, self._options, "employeeid", **further),
            },
            primary_group=Name("sid", primary) if primary else None,
            doubts=tuple(self._account_doubts(entry, primary)),
            faults=tuple(_faults(entry)),
        )

    def _group(self, entry: Entry, dn: str) -> DirectoryObject:
        return self._object(
            entry,
            dn,
            ObjectKind.GROUP,
            columns=self._group_columns(entry, dn),
            members=tuple(_members(entry)),
            ranges=entry.ranges("member"),
            doubts=(*self._unread(entry, "entitlements", "groupType"), *_nameless(entry)),
        )

    def _object(self, entry: Entry, dn: str, kind: ObjectKind, **differing: Any) -> DirectoryObject:
        options, name, own = self._options, _name(entry), sid(entry)
        native = native_id(entry)
        native_and_stable = (native, True) if native else chosen_id(entry, dn, options.id_attribute)
        return DirectoryObject(
            kind,
            *native_and_stable,
            name,
            dn,
            entry.dn,
            entry.place,
            # The SIDs of BUILTIN stand in every domain: as a name, such a one would be anybody's.
            names=(Name("dn", dn), *((Name("sid", own),) if own and identifiers.is_domain(own) else ())),
            aliases=frozenset((*common_aliases(entry, dn), *_aliases(entry, dn, options.netbios))),
            tier0=is_tier0(entry),
            clients=options.classification.clients(name, dn),
            groups=linked(entry, "memberof"),
            owners=linked(entry, "managedby", "owner"),
            former_sids=_former_sids(entry),
            **differing,
        )

    def _account_columns(self, entry: Entry, dn: str) -> Row:
        name, own, control = _name(entry), sid(entry), _control(entry)
        protected = well_known.protection(name, own, control)
        kind = self._options.classification.kind(name, dn, _kind(entry, own, protected))
        return {
            "name": name,
            "principal_name": entry.text("userprincipalname"),
            "kind": kind,
            "enabled": None if control is None else not control & UserAccountControl.DISABLED,
            "created_at": entry.time("whencreated"),
            **last_use(
                filetime(entry.whole("lastlogon")),
                filetime(entry.whole("lastlogontimestamp")),
                self._as_of,
                exact=self._options.exact_logons,
            ),
            "never_used": _never_used(entry, live=self._options.live),
            "password_set_at": filetime(entry.whole("pwdlastset")),
            "expires_at": filetime(entry.whole("accountexpires")),
            "protected": "break-glass" if kind == "break-glass" else protected,
        }

    def _group_columns(self, entry: Entry, dn: str) -> Row:
        name, group_type, marked = _name(entry), entry.whole("grouptype"), self._options.classification
        mail_only = group_type is not None and not group_type & GroupType.SECURITY
        powerful = is_tier0(entry) or well_known.is_privileged(sid(entry))
        return {
            **group_columns(entry, dn, name, self._options),
            "system": self._options.system or domain(dn),
            "scope": None if group_type is None else next((word for bit, word in SCOPES if group_type & bit), None),
            "privileged": powerful or marked.is_privileged(name, dn),
            "effect": marked.effect_of(name, dn, "distribution" if mail_only else well_known.effect(sid(entry))),
        }

    def _account_doubts(self, entry: Entry, primary: str | None) -> Iterator[Doubt]:
        yield from self._unread(entry, "accounts", "userAccountControl")
        if primary is None:  # every account has one, so it was not asked for
            yield Doubt("accounts were read without objectSid or primaryGroupID", ("grants",))

    def _unread(self, entry: Entry, table: str, mandatory: str) -> Iterator[Doubt]:
        """Doubt a table when what every object has was asked for and did not come."""
        if self._options.live and entry.whole(mandatory) is None:
            yield Doubt(f"{table} came without {mandatory}: may the account read it?", (table,))

    def _further_attributes(self, entry: Entry) -> dict[str, Any]:
        """Return what a live read keeps beside the columns: words for the control bits, and since when it is off."""
        control = _control(entry)
        if control is None or not self._options.live:
            return {}
        words = control_words(control, entry.whole("msds-user-account-control-computed"))
        further: dict[str, Any] = {"flags": list(words)}
        if control & UserAccountControl.DISABLED and (at := _control_changed(entry)):
            further["disabled_since_at_latest"] = at.isoformat()
        return further


def _control(entry: Entry) -> int | None:
    return account_control(entry.text("useraccountcontrol"))


def _faults(entry: Entry) -> Iterator[str]:
    """Yield what is written in an account and is not what it should be, so that it is unknown."""
    control = entry.text("useraccountcontrol")
    if control is None:
        yield NO_CONTROL
    elif account_control(control) is None:
        yield f"userAccountControl is {control!r}, which are no control bits: whether it can be used is unknown"
    for name in _TIMES:
        text = entry.text(name)
        if text is None or no_value.is_nothing(text) or no_value.is_never(text):
            continue
        if entry.whole(name) is None:
            yield f"{name} is {text!r}, which is no time: it is unknown"


def _name(entry: Entry) -> str:
    return entry.text("samaccountname", "cn") or entry.dn


def _kind(entry: Entry, sid: str | None, protected: str | None) -> str:
    classes = entry.classes()
    # Managed service accounts are of class computer too, so these come first.
    if _SERVICE & classes:
        return "service"
    return (
        "computer" if "computer" in classes else well_known.account_kind(_name(entry), sid, protected, _control(entry))
    )


def _members(entry: Entry) -> Iterator[StatedMember]:
    """Yield the members of a group, with since when they are in it where replication metadata was read."""
    metadata = (replication.read_link_value(text) for text in entry.all("msds-replvaluemetadata"))
    since = {canonical(link.dn): link.since for link in metadata if link and link.since and link.name == "member"}
    for text in entry.all("member"):
        if len(text) < _SHORTEST and no_value.is_nothing(text):
            continue
        dn = canonical(text)
        yield StatedMember(Name("dn", dn), since.get(dn))


def _nameless(entry: Entry) -> Iterator[Doubt]:
    """Doubt memberships where a member is an empty text, or a word for nothing: a value was there, and is lost."""
    short = (value for value in entry.values.get("member", ()) if len(value) < _SHORTEST)
    lost = sum(no_value.is_nothing(value.decode("utf-8", "replace")) for value in short)
    if lost:
        yield Doubt(f"{lost} of the members of {_name(entry)} say nothing", ("grants", "nesting"))


def last_use(here: datetime | None, replicated: datetime | None, as_of: datetime, *, exact: bool = False) -> Row:
    """Return the bounds of the last use from ``lastLogon`` of one server, or of all, and ``lastLogonTimestamp``."""
    known = [at for at in (here, replicated) if at]
    if not known:
        return {"last_used_earliest": None, "last_used_latest": None}
    if exact:
        return {"last_used_earliest": max(known), "last_used_latest": max(known)}
    # A later logon would have moved the time stamp, however late.
    latest = min(as_of, replicated + LAG) if replicated else as_of
    return {"last_used_earliest": max(known), "last_used_latest": max(*known, latest)}


def _never_used(entry: Entry, *, live: bool) -> bool | None:
    """Say *never* only where the directory says zero: an absent value may just not have been read.

    A live read has asked for all three, and a server leaves out what it never wrote; one
    zero then shows that the reader may read them.
    """
    stamps = [entry.whole(name) for name in ("lastlogon", "lastlogontimestamp", "logoncount")]
    if stamps == [0, 0, 0] or (live and set(stamps) == {0, None}):
        return True
    return False if any(stamps) else None


def is_tier0(entry: Entry) -> bool:
    """Tell whether AdminSDHolder keeps delegated writers out of an object (``adminCount`` 1)."""
    # It stays 1 after the last protected group is left: this protects too much at times, and never too little.
    return entry.whole("admincount") == 1


def _aliases(entry: Entry, dn: str, netbios: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield scheme and value of the names that only Active Directory gives, SID history apart."""
    if own := sid(entry):
        yield "sid", own
    # Entra Connect makes the immutable id of a user from the bytes of the objectGUID.
    if found := _guid(entry):
        yield "immutable-id", base64.b64encode(identifiers.guid_bytes(found)).decode("ascii")
    if principal := entry.text("userprincipalname"):
        yield "upn", folded(principal)
    name, where = entry.text("samaccountname"), domain(dn) or ""
    # The NetBIOS name of most domains is their first label; of the others the source file says it.
    label = netbios.get(where) or where.partition(".")[0]
    if name and label:
        yield "sam", folded(f"{label}\\{name}")


def _control_changed(entry: Entry) -> datetime | None:
    metadata = (replication.read_attribute(text) for text in entry.all("msds-replattributemetadata"))
    return next((change.changed for change in metadata if change and change.name == "useraccountcontrol"), None)


def is_computer(entry: Entry) -> bool:
    """Tell whether an account is a machine's; managed service accounts derive from computers and are none."""
    classes = entry.classes()
    return "computer" in classes and not classes & _SERVICE
