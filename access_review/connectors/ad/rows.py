"""LDAP entries as rows, recorded and live alike.

An entry goes one way: its dialect translates it whole, the account or group becomes rows as it
comes, and its memberships are resolved at the end. Which dialect an entry is of is decided entry by
entry, so files of several domains and forests may stand together in one source. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from access_review.connectors import Source, complete, incomplete, problem
from access_review.connectors.ad import active_directory
from access_review.connectors.ad.active_directory import ActiveDirectory
from access_review.connectors.ad.dialect import (
    Dialect,
    DirectoryObject,
    DirectoryOptions,
    NotAPrincipal,
    StandIn,
    Translated,
)
from access_review.connectors.ad.domains_seen import DomainsSeen
from access_review.connectors.ad.entry import Entry, Range, canonical, domain, missing
from access_review.connectors.ad.membership import MEMBER_TABLES, Memberships, Name, Principal
from access_review.connectors.ad.other_directory import OtherDirectory
from access_review.connectors.ad.tally import Tally
from access_review.connectors.contradictions import TORN, are_many
from access_review.tables import Row

TABLES = ("accounts", "entitlements", "grants", "nesting", "aliases", "owners")

_SAID = frozenset({"mail", "employeeid", "employeenumber", "displayname", "description", "userprincipalname"})
"""Attributes that people fill in, and so with words for nothing; names and links are what they are."""

_DELETED_NAME = re.compile(r"(?:\\0A|\n)DEL:[0-9a-f]{8}-[0-9a-f-]{27}(?:,|$)", re.IGNORECASE)
_DELETED = NotAPrincipal("dangling-member", "deleted object")


class DirectoryReading:
    """One pass over the entries of a source."""

    def __init__(self, source: Source, options: DirectoryOptions, as_of: datetime) -> None:
        self._source = source
        self._options = options
        self._active_directory: Dialect = ActiveDirectory(options, as_of)
        self._other_directory: Dialect = OtherDirectory(options)
        self._memberships = Memberships(source)
        self._said = _SAID | {name.lower() for name in options.attributes.values()}
        if options.employee_id:
            self._said |= {options.employee_id.lower()}
        self._read: dict[str, tuple[int, Principal]] = {}
        self._ids: set[str] = set()
        self._torn: dict[str, bool] = {}
        self._namesakes = 0
        self._uncontrolled = 0
        self._ranges: dict[str, list[Range]] = {}
        self._short: dict[str, str] = {}
        self._domains = DomainsSeen()
        self.tally = Tally(source, TABLES, canaries=options.canaries)
        self.excluded: Counter[str] = Counter()

    def add_short_group(self, dn: str, reason: str) -> None:
        """Say that not all members of a group, by its canonical DN, were received, and why."""
        self._short[dn] = reason

    def rows(self, entries: Iterable[Entry]) -> Iterator[tuple[str, Row]]:
        """Yield every row of the source, its verdicts last."""
        for entry in entries:
            yield from self.tally.through(self._entry_rows(entry))
        yield from self.tally.through(self._memberships.rows())
        if self._uncontrolled and not self._options.live:  # a live read doubts the table: it has asked for them
            reason = f"{self._uncontrolled:,} of the accounts {active_directory.NO_CONTROL}"
            yield problem(self._source, "accounts", "unusable", reason)
        self._doubt_memberships()
        yield from self._torn_verdicts()
        yield from self._range_verdicts()
        yield from self.tally.verdicts(self._options.expected)
        yield from self._domains.rows(self._source)

    def _entry_rows(self, entry: Entry) -> Iterator[tuple[str, Row]]:
        dn = canonical(entry.dn)
        if not dn:  # the root DSE
            return
        if entry.continues:
            yield from self._continuation(entry, dn)
            return
        if "objectclass" not in entry.values:
            self.tally.doubt("an entry has no objectClass, so nobody can tell what it is")
            yield problem(self._source, entry.place, "unusable", "no objectClass", subject=dn)
            return
        match self._translated(entry.saying(self._said, self._options.empty), dn):
            case DirectoryObject() as found:
                yield from self._object_rows(found, entry.fingerprint())
            case StandIn(sid):
                self.excluded["stands for an object of another domain"] += 1
                self._memberships.add_foreign(Name("dn", dn), sid)
            case NotAPrincipal(kind, reason) as excluded:
                self.excluded[reason] += 1
                self._memberships.add_unable(Name("dn", dn), kind, reason)
                if excluded is _DELETED:
                    yield problem(self._source, entry.place, "unusable", reason, subject=dn)
            case None:
                self.excluded["neither an account nor a group"] += 1
                if self._options.live:  # nothing else was asked for
                    self.tally.doubt("an object came whose objectClass or objectSid does not tell what it is")
                    yield problem(self._source, entry.place, "unusable", "it is not told what it is", subject=dn)

    def _continuation(self, entry: Entry, dn: str) -> Iterator[tuple[str, Row]]:
        """Add further members to a group that was read before."""
        if dn not in self._read:
            self.tally.doubt("values were added to an object that was not read before", *MEMBER_TABLES)
            yield problem(self._source, entry.place, "unresolved", "adds values to an object not read before", dn)
            return
        _, principal = self._read[dn]
        for text in entry.all("member") if principal.group else ():
            self._memberships.add_member(principal, Name("dn", canonical(text)))

    def _translated(self, entry: Entry, dn: str) -> Translated:
        # An export of chosen attributes lacks the flag; the name that a deleted object gets says as much.
        if entry.flag("isdeleted") or _DELETED_NAME.search(entry.dn):
            return _DELETED
        is_active_directory = (
            active_directory.recognises(entry)
            if self._options.directory is None
            else self._options.directory == "active-directory"
        )
        if not is_active_directory:
            return self._other_directory.translate(entry, dn)
        found = self._active_directory.translate(entry, dn)
        # Other directories borrow attributes of Active Directory: an inetOrgPerson with a sAMAccountName is an account.
        return (
            self._other_directory.translate(entry, dn) if found is None and self._options.directory is None else found
        )

    def _object_rows(self, found: DirectoryObject, fingerprint: int) -> Iterator[tuple[str, Row]]:
        if found.dn in self._read:
            before, principal = self._read[found.dn]
            if self._source.id(found.kind, found.native_id) != principal.id and found.stable_id:
                yield from self._namesake(found, principal)
                yield from self._new_object_rows(found, fingerprint)
                return
            # The very same record again, as overlapping searches give it, is no contradiction.
            if before != fingerprint:
                yield from self._second_record(found, principal)
            return
        yield from self._new_object_rows(found, fingerprint)

    def _namesake(self, found: DirectoryObject, before: Principal) -> Iterator[tuple[str, Row]]:
        """Say that two objects have one DN: their ids differ, so they are two, and neither is who a DN means.

        Only these two are in doubt, and the groups that name their DN.
        """
        other = self._source.id(found.kind, found.native_id)
        self._namesakes += 1
        for one, twin, is_group in ((before.id, other, before.group), (other, before.id, found.is_group)):
            if one not in self._torn:
                reason = f"another object ({twin}) has the same DN: neither gets what is held by that name"
                yield problem(self._source, found.place if one == other else one, "quarantined", reason, one)
            self._torn[one] = is_group

    def _new_object_rows(self, found: DirectoryObject, fingerprint: int) -> Iterator[tuple[str, Row]]:
        principal = Principal(self._source.id(found.kind, found.native_id), found.is_group, found.tier0)
        self._read[found.dn] = fingerprint, principal
        # Two DNs with one id: a copy of the recording, or an object renamed between two of its files.
        if principal.id in self._ids:
            yield from self._contradiction(found, principal)
            return
        self._ids.add(principal.id)
        self.tally.see(found.name, found.written_dn)
        for doubt in found.doubts:
            self.tally.doubt(doubt.reason, *doubt.tables)
        yield self._row(found, principal)
        if len(found.clients) > 1:
            reason = f"its name belongs to more than one client: {', '.join(found.clients)}"
            yield problem(self._source, found.place, "ambiguous", reason, subject=principal.id)
        self._uncontrolled += active_directory.NO_CONTROL in found.faults
        if faults := [fault for fault in found.faults if fault != active_directory.NO_CONTROL]:
            yield problem(self._source, found.place, "unusable", "; ".join(faults), subject=principal.id)
        self._note_members(found, principal)
        self._note_links(found, principal)
        for scheme, value in sorted(found.aliases):
            yield "aliases", {"scheme": scheme, "value": value, "id": principal.id}

    def _second_record(self, found: DirectoryObject, principal: Principal) -> Iterator[tuple[str, Row]]:
        """Take a second record of an object: the next piece of a long member list, or a contradiction."""
        if principal.group and found.ranges:
            self._note_members(found, principal)
        else:
            yield from self._contradiction(found, principal)

    def _contradiction(self, found: DirectoryObject, principal: Principal) -> Iterator[tuple[str, Row]]:
        """Take another record of an object: what either says it holds, it may hold, and nothing is planned on it."""
        self._torn[principal.id] = principal.group
        yield problem(self._source, found.place, "quarantined", TORN, principal.id)
        self._memberships.add_principal(principal, *found.names)
        if principal.group == found.is_group:
            self._note_members(found, principal)
        if found.primary_group:
            self._memberships.add_primary_group(principal, found.primary_group)

    def _torn_verdicts(self) -> Iterator[tuple[str, Row]]:
        """Say of groups in doubt that they are; above so many objects the files are of two moments, or of two directories."""
        if are_many(len(self._torn) - self._namesakes, len(self._ids)):  # two objects of one name are one case
            self.tally.doubt(f"{len(self._torn):,} objects stand more than once, with different values")
        for group in sorted(one for one, is_group in self._torn.items() if is_group):
            yield incomplete(self._source, group, TORN)
        for group in sorted(self._memberships.unclear - self._torn.keys()):
            yield incomplete(self._source, group, "a member is named by the DN that two objects have")

    def _row(self, found: DirectoryObject, principal: Principal) -> tuple[str, Row]:
        table, key = ("entitlements", "entitlement") if found.is_group else ("accounts", "account")
        return table, {
            key: principal.id,
            "source": self._source.name,
            "native_id": found.native_id,
            "stable_id": found.stable_id,
            "client": found.clients[0] if len(found.clients) == 1 else None,
            **found.columns,
        }

    def _note_members(self, found: DirectoryObject, group: Principal) -> None:
        if found.ranges:
            self._ranges.setdefault(group.id, []).extend(found.ranges)
        for member in found.members:
            self._memberships.add_member(group, member.name, member.since)
        if found.has_dynamic_members:
            self.tally.doubt(f"{group.id} is dynamic: its members are a query", *MEMBER_TABLES)

    def _note_links(self, found: DirectoryObject, principal: Principal) -> None:
        self._memberships.add_principal(principal, *found.names)
        for name in found.names:
            self._domains.see(name.value if name.scheme == "sid" else None, domain(found.dn))
        if found.primary_group:
            self._memberships.add_primary_group(principal, found.primary_group)
        for sid in found.former_sids:
            self._memberships.add_former_sid(principal, sid)
        for group in found.groups:
            self._memberships.add_back_link(principal, group, reaches=found.reaches)
        for owner in found.owners:
            self._memberships.add_owner(principal, owner)

    def _doubt_memberships(self) -> None:
        """Doubt what a recording without ``member`` looks like: groups in which nobody is."""
        if count := self._memberships.unanswered:
            self.tally.doubt(f"{count} memberOf values are not among the members of their group", *MEMBER_TABLES)
        groups = self.tally.received["entitlements"]
        if groups and not self._memberships.stated:
            self.tally.doubt("no group has a member: was the attribute read?", *MEMBER_TABLES)
        if not groups and self._options.live:
            self.tally.doubt("no group was read, and groups are everywhere", "entitlements", *MEMBER_TABLES)
        self.tally.doubt_one_side(self._memberships)

    def _range_verdicts(self) -> Iterator[tuple[str, Row]]:
        short = {self._read[dn][1].id: reason for dn, reason in self._short.items() if dn in self._read}
        for group in sorted(self._ranges.keys() | short.keys()):
            ranges = self._ranges.get(group, [])
            at, received = missing(ranges), sum(piece.count for piece in ranges)
            if at is None and group not in short:
                # A list that came in one piece is as good as one without pieces: it needs no verdict of its own.
                if len(ranges) > 1:
                    yield complete(self._source, group, received)
            else:
                reason = short.get(group) or f"members from number {at} on were not read"
                self.tally.doubt(f"{group}: {reason}", *MEMBER_TABLES)
                yield incomplete(self._source, group, reason, received=received)
