"""The last sign-in as every domain controller knows it.

``lastLogon`` and ``logonCount`` are not replicated: each server counts the sign-ins that it saw
itself. Only when every controller of the domain has been asked is the last use exact.
"""

from access_review.connectors.ad.domain_reading import DomainObjects, DomainReading, RootDse, SearchScope, guid_of
from access_review.connectors.ad.entry import Entry
from access_review.connectors.ad.paging import Query, ReadPace, read_pages
from access_review.connectors.ad.server import Servers
from access_review.connectors.ad.windows_values import UserAccountControl
from access_review.errors import ConnectorError

PART = "last-logon"
_FILTER = "(&(objectClass=user)(lastLogon>=1))"
_ATTRIBUTES = ("objectGUID", "lastLogon", "logonCount")


def merge(
    servers: Servers, scope: SearchScope, pace: ReadPace, root: RootDse, where: str, found: DomainObjects
) -> bool:
    """Take the latest ``lastLogon`` of all servers into what was read from ``where``; tell whether that is exact.

    What is missing for it stands in ``found.parts`` afterwards.
    """
    asked, faults = {root.host.partition(".")[0]}, []
    for server in servers.each():
        if str(server.addresses[0]) == where:
            continue
        try:
            asked.add(_merge_one(server, scope, pace, found))
        except ConnectorError as error:
            faults.append(error.message)
    silent = sorted(_controllers(found) - asked)
    if silent:
        faults.append(f"not asked: {', '.join(silent)}")
    found.parts[PART] = "; ".join(faults) or None
    return not faults and not scope.bases


def _merge_one(servers: Servers, scope: SearchScope, pace: ReadPace, found: DomainObjects) -> str:
    """Merge what one server saw, and return its name; raises ``ConnectorError`` when it does not tell everything."""
    with servers.session() as session:
        root = DomainReading(session, scope, pace).root
        for base in tuple(scope.bases) or (root.base,):
            pages = read_pages(session, Query(base, _FILTER, _ATTRIBUTES), pace)
            if pages.fault:
                raise ConnectorError(servers.source.name, f"{session.address}: {pages.fault}")
            for dn, values in pages.entries:
                guid = guid_of(values)
                if guid is not None and guid in found.objects:
                    _take_later(found, guid, Entry.of(dn, values, dn))
    return root.host.partition(".")[0]


def _take_later(found: DomainObjects, guid: str, other: Entry) -> None:
    dn, values = found.objects[guid]
    known = Entry.of(dn, values, dn)
    for name in _ATTRIBUTES[1:]:
        # Never lower: a server that saw no sign-in has 0, which says nothing of the others.
        latest = max(known.whole(name) or 0, other.whole(name) or 0)
        if latest:
            values[name] = [str(latest).encode()]


def _controllers(found: DomainObjects) -> set[str]:
    """Return the names of the domain's controllers, by the accounts they have."""
    names = set()
    for dn, values in found.objects.values():
        entry = Entry.of(dn, values, dn)
        if (entry.whole("useraccountcontrol") or 0) & UserAccountControl.SERVER:
            names.add((entry.text("samaccountname") or "").rstrip("$").casefold())
    return names
