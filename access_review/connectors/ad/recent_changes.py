"""Reading only what DirSync names, between two listings of a domain: what a look that follows a domain takes a moment with.

A listing of everything finds what no server calls a change of an object: where it is when a unit above it was renamed, when it
was last used, that it is gone for a reader who may not see deleted objects. Between two of them, which are
five minutes apart at most, that is as it was. Whatever looks as if more had changed (a unit that is new or has another name, a deleted object,
a member that nobody knows) makes it a listing at once.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_review.connectors.ad.dirsync import DirSyncChanges, follow_links
from access_review.connectors.ad.domain_reading import DomainObjects, DomainReading

LISTED_EVERY = timedelta(minutes=5)
_KNOWN = frozenset({b"user", b"group", b"foreignSecurityPrincipal", b"contact"})


@dataclass(frozen=True, slots=True)
class LastFound:
    """What the last read found, by which server; ``cookie`` is of the moment before it, ``listed_at`` when all was listed."""

    found: DomainObjects
    service: str
    cookie: bytes
    full_at: datetime
    listed_at: datetime


@dataclass(slots=True)
class Recent:
    """Holds on to the last read from one read to the next; empty where the next is to list everything."""

    last: LastFound | None = None

    def since(self, reading: DomainReading, changes: DirSyncChanges, as_of: datetime) -> DomainObjects | None:
        """Return everything as it is now, null where only a listing can tell. Raises ``Transient``."""
        last, self.last = self.last, None  # whatever goes wrong, the next read lists
        if last is None or not last.cookie or last.service != reading.root.service:
            return None
        if not timedelta() <= as_of - last.listed_at < LISTED_EVERY or (named := changes.named(last.cookie)) is None:
            return None
        found = last.found.copied(last.listed_at)
        wanted = {
            guid
            for guid, (_, values) in named.entries.items()
            if guid in found.objects or _KNOWN & {*values.get("objectClass", ())}
        }
        others = [values for guid, (_, values) in named.entries.items() if guid not in wanted]
        if named.deleted or any("name" in values for values in others):
            return None
        # Links are followed before objects are read again, which come with the new names already.
        known = {guid: found.objects[guid][0] for guid in wanted & found.objects.keys()}
        moved = {dn.encode(): to.encode() for guid, dn in known.items() if (to := named.entries[guid][0]) != dn}
        if moved:
            follow_links(found, moved)
        reading.read_again(found, sorted(wanted))
        if found.doubts or found.short or not wanted <= found.objects.keys():
            return None
        if _strangers(found, wanted) - _strangers(last.found, wanted):
            return None
        found.facts |= {
            "read": f"changes since the whole read of {last.full_at.isoformat()}",
            "read_again": len(wanted),
            "listed_at": last.listed_at.isoformat(),
        }
        self.last = replace(last, found=found, cookie=named.cookie)
        return found


def _strangers(found: DomainObjects, among: AbstractSet[str]) -> set[bytes]:
    """Return who is a member of some groups and no object that is known."""
    held = {
        dn
        for guid in among & found.objects.keys()
        for key, members in found.objects[guid][1].items()
        if key.lower().startswith("member")
        for dn in members
    }
    return held - {dn.encode() for dn, _ in found.objects.values()} if held else held
