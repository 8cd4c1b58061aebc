"""Entries of Active Directory as rows; pure.

Attribute meanings: MS-ADA1 to MS-ADA3, MS-ADTS. Last use: a logon updates
``lastLogon`` on the server that saw it only, and ``lastLogonTimestamp``
everywhere but at most 14 days late, so the true last use is an interval.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from access_review.connectors.ad import identifiers, replication
from access_review.connectors.ad.entry import Entry, canonical, domain
from access_review.connectors.ad.identifiers import GroupType, UserAccountControl
from access_review.connectors.classification import Classification
from access_review.tables import Row

LAG = timedelta(days=14)

_SERVICE = frozenset(
    {"msds-groupmanagedserviceaccount", "msds-managedserviceaccount", "msds-delegatedmanagedserviceaccount"}
)
_OWN = frozenset({"objectsid", "objectguid", "samaccountname", "objectcategory"})


def is_own(entry: Entry) -> bool:
    """Tell whether an entry comes from Active Directory (or Samba's), by attributes and classes only it has."""
    return bool(_OWN & entry.values.keys()) or bool({"user", "group"} & entry.classes())


def role(entry: Entry) -> str | None:
    """Return what an entry is here: account, group, foreign, contact; null for what holds nothing."""
    classes = entry.classes()
    if "group" in classes:
        return "group"
    if "foreignsecurityprincipal" in classes:
        return "foreign"
    if "user" in classes or "computer" in classes or _SERVICE & classes:
        return "account"
    return "contact" if "contact" in classes else None


def sid(entry: Entry) -> str | None:
    """Return an entry's SID, null without a readable one."""
    return _sid(entry.first("objectsid"))


def _sid(value: bytes | None) -> str | None:
    try:
        return identifiers.sid(value) if value else None
    except ValueError:
        return None


def guid(entry: Entry) -> str | None:
    """Return an entry's objectGUID, null without a readable one."""
    value = entry.first("objectguid")
    try:
        return identifiers.guid(value) if value else None
    except ValueError:
        return None


def former_sids(entry: Entry) -> tuple[str, ...]:
    """Return the readable SIDs of an entry's history."""
    return tuple(found for value in entry.values.get("sidhistory", ()) if (found := _sid(value)))


def native_id(entry: Entry) -> str | None:
    """Return the id that never changes: the objectGUID, else the SID.

    Every domain has the same SIDs of its own for BUILTIN, so these carry the domain.
    """
    found = guid(entry)
    if found:
        return found
    own = sid(entry)
    where = domain(canonical(entry.dn))
    return f"{where.upper()}-{own}" if own and where and identifiers.is_builtin(own) else own


def primary_group(entry: Entry) -> str | None:
    """Return the SID of the primary group."""
    own, number = sid(entry), entry.whole("primarygroupid")
    return identifiers.beside(own, number) if own and number is not None and identifiers.is_domain(own) else None


def account(entry: Entry, marks: Classification, as_of: datetime, *, live: bool = False, exact: bool = False) -> Row:
    """Return the columns of an account that Active Directory fills.

    ``live``: every attribute was asked for. ``exact``: ``lastLogon`` is of every server.
    """
    name, dn, own = entry.text("samaccountname", "cn") or entry.dn, canonical(entry.dn), sid(entry)
    control = entry.whole("useraccountcontrol")
    protected = identifiers.protection(name, own, control)
    classes = entry.classes()
    plain = identifiers.account_kind(own, protected)
    if _SERVICE & classes:
        plain = "service"
    elif "computer" in classes:
        plain = "computer"
    kind = marks.kind(name, dn, plain)
    return {
        "name": name,
        "principal_name": entry.text("userprincipalname"),
        "kind": kind,
        "enabled": None if control is None else not control & UserAccountControl.DISABLED,
        "created_at": entry.time("whencreated"),
        **last_use(
            identifiers.filetime(entry.whole("lastlogon")),
            identifiers.filetime(entry.whole("lastlogontimestamp")),
            as_of,
            exact=exact,
        ),
        "never_used": _never_used(entry, live=live),
        "password_set_at": identifiers.filetime(entry.whole("pwdlastset")),
        "expires_at": identifiers.filetime(entry.whole("accountexpires")),
        "protected": "break-glass" if kind == "break-glass" else protected,
    }


def last_use(here: datetime | None, replicated: datetime | None, as_of: datetime, *, exact: bool = False) -> Row:
    """Return the bounds of the last use from ``lastLogon`` of one server, or of all, and ``lastLogonTimestamp``."""
    known = [at for at in (here, replicated) if at]
    if not known:
        return {"last_used_earliest": None, "last_used_latest": None}
    if exact:
        return {"last_used_earliest": max(known), "last_used_latest": max(known)}
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


def group(entry: Entry, marks: Classification) -> Row:
    """Return the columns of an entitlement that Active Directory fills."""
    name, dn = entry.text("samaccountname", "cn") or entry.dn, canonical(entry.dn)
    kind = entry.whole("grouptype")
    mail_only = kind is not None and not kind & GroupType.SECURITY
    return {
        "name": name,
        "system": domain(dn),
        "scope": None if kind is None else next((word for bit, word in identifiers.SCOPES if kind & bit), None),
        "privileged": is_tier0(entry) or identifiers.is_privileged(sid(entry)) or marks.is_privileged(name, dn),
        "effect": marks.effect_of(name, dn, "distribution" if mail_only else "grants"),
    }


def is_tier0(entry: Entry) -> bool:
    """Tell whether AdminSDHolder keeps delegated writers out of an object (``adminCount`` 1)."""
    return entry.whole("admincount") == 1


def aliases(entry: Entry, netbios: str | None) -> Iterator[tuple[str, str]]:
    """Yield scheme and value of every other name, SID history apart."""
    if own := sid(entry):
        yield "sid", own
    if found := guid(entry):
        yield "immutable-id", base64.b64encode(identifiers.guid_bytes(found)).decode("ascii")
    if principal := entry.text("userprincipalname"):
        yield "upn", principal.casefold()
    name = entry.text("samaccountname")
    where = netbios or (domain(canonical(entry.dn)) or "").partition(".")[0]
    if name and where:
        yield "sam", f"{where}\\{name}".casefold()


def kept_apart(entry: Entry) -> dict[str, Any]:
    """Return what is kept with an account beside its columns: words for its control bits, and since when it is off."""
    found: dict[str, Any] = {}
    control = entry.whole("useraccountcontrol")
    if control is not None:
        found["flags"] = list(identifiers.control_words(control, entry.whole("msds-user-account-control-computed")))
    if control is not None and control & UserAccountControl.DISABLED and (at := _control_changed(entry)):
        found["disabled_since_at_latest"] = at.isoformat()
    return found


def _control_changed(entry: Entry) -> datetime | None:
    known = (replication.attribute(text) for text in entry.all("msds-replattributemetadata"))
    return next((one.changed for one in known if one and one.name == "useraccountcontrol"), None)


def members_since(entry: Entry) -> Mapping[str, datetime]:
    """Return since when members are in a group, by canonical DN, where replication metadata was read."""
    known = (replication.value(text) for text in entry.all("msds-replvaluemetadata"))
    return {canonical(one.dn): one.since for one in known if one and one.since and one.name == "member"}


def is_computer(entry: Entry) -> bool:
    """Tell whether an account is a machine's; managed service accounts derive from computers and are none."""
    classes = entry.classes()
    return "computer" in classes and not classes & _SERVICE
