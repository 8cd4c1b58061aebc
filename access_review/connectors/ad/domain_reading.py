"""One read of one domain: everything that is there, and every reason to think that it was not everything.

The order matters. The server's change number (USN) is noted, all objects are listed with
their values, long member lists are fetched to their end; then all objects are listed
again by id alone. What changed meanwhile is read once more, what one pass saw and the
other did not is doubted, and a sample of accounts is held against the groups that the
server itself computes for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import ldap3

from access_review.connectors.ad import active_directory, identifiers
from access_review.connectors.ad.active_directory import EntryRole
from access_review.connectors.ad.entry import Entry, canonical, generalized_time
from access_review.connectors.ad.lookup import ANYTHING, look_up
from access_review.connectors.ad.paging import Query, ReadPace, Values, entry_of, finish_ranges, first_range, read_pages
from access_review.connectors.ad.server import Session
from access_review.connectors.ad.token_groups import SecurityGroups, differences, sample_accounts
from access_review.errors import ConnectorError
from access_review.model import Json

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
MEMBER_TABLES = ("grants", "nesting")
FILTER = "(|(objectClass=user)(objectClass=group)(objectClass=foreignSecurityPrincipal)(objectClass=contact))"
ATTRIBUTES = (
    *("objectClass", "objectGUID", "objectSid", "sIDHistory", "sAMAccountName", "cn", "displayName", "description"),
    *("mail", "whenCreated", "whenChanged", "uSNChanged", "adminCount", "manager", "managedBy"),
    *("userPrincipalName", "userAccountControl", "msDS-User-Account-Control-Computed", "primaryGroupID"),
    *("pwdLastSet", "accountExpires", "lastLogon", "lastLogonTimestamp", "logonCount", "servicePrincipalName"),
    "groupType",
    first_range("member"),
)
VALUE_HISTORY, ATTRIBUTE_HISTORY = "msDS-ReplValueMetaData", "msDS-ReplAttributeMetaData"
POLICY = (
    *("minPwdLength", "maxPwdAge", "minPwdAge", "pwdHistoryLength", "pwdProperties"),
    *("lockoutThreshold", "lockoutDuration", "lockOutObservationWindow"),
)

_ROOT = (
    *("defaultNamingContext", "dnsHostName", "dsServiceName", "highestCommittedUSN", "currentTime"),
    *("supportedCapabilities", "namingContexts", "vendorName"),
)
_LISTED = ("objectGUID", "uSNChanged")
_DELETED = ("objectClass", "objectGUID", "objectSid", "sAMAccountName", "isDeleted", "lastKnownParent", "whenChanged")
_DELETED_FILTER = "(&(isDeleted=TRUE)(|(objectClass=user)(objectClass=group)))"
# A large domain is never still: after so many rounds what is left is doubt, not a longer read.
_ROUNDS = 3
# Samba has a few objects of its own without a change number: so many are read again each time, more are doubted.
_UNNUMBERED = 100


@dataclass(frozen=True, slots=True)
class SearchScope:
    """What is read: below which bases (none: the whole domain), with which further attributes."""

    bases: Sequence[str] = ()
    further: Sequence[str] = ()
    deleted: bool = True
    history: bool = False
    closures_checked: int = 25

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute that is asked for, once each."""
        history = (first_range(VALUE_HISTORY),) if self.history else ()
        known = {name.casefold() for name in ATTRIBUTES}
        return ATTRIBUTES + tuple(sorted({a for a in self.further if a.casefold() not in known})) + history


@dataclass(frozen=True, slots=True)
class RootDse:
    """What a server says of itself."""

    base: str
    host: str
    service: str
    usn: int
    now: datetime | None

    @classmethod
    def of(cls, session: Session) -> "RootDse":
        """Ask; raises ``ConnectorError``, also for a server that is no Active Directory or does not say which it is."""
        shown = look_up(session, "", _ROOT)
        entry = Entry.of("", shown[1] if shown else {}, "root DSE")
        if ACTIVE_DIRECTORY not in entry.texts("supportedcapabilities"):
            hint = "set directory: other, and base"
            raise ConnectorError(session.source.name, f"{session.address} is not Active Directory", hint=hint)
        base, service = entry.text("defaultnamingcontext", "namingcontexts"), entry.text("dsservicename")
        usn = entry.whole("highestcommittedusn")
        # Without these two nobody could tell that anything changed.
        if not base or not service or usn is None:
            raise ConnectorError(session.source.name, f"{session.address} does not say which server it is, or its USN")
        host = (entry.text("dnshostname") or "").casefold()
        return cls(base, host, service, usn, generalized_time(entry.text("currenttime") or ""))


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing by id has it: its DN, its change number (null: unknown), and what else was asked for."""

    dn: str
    usn: int | None
    values: Values = field(repr=False)


@dataclass(slots=True)
class DomainObjects:
    """What was read: objects by GUID, deleted ones apart, and what is in doubt.

    ``doubts`` are pairs of a reason and the tables concerned (none: all); ``short`` holds
    the reason per group whose members are in doubt, by GUID; ``parts`` the reason
    per optional part that could not be read, null for those that could. ``listed_at`` is when everything was listed, where
    that was before: what changes without being called changed, such as a last use, is of then.
    """

    objects: dict[str, tuple[str, Values]] = field(default_factory=dict)
    deleted: list[tuple[str, Values]] = field(default_factory=list)
    doubts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    short: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str | None] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)
    pages: int = 0
    listed_at: datetime | None = None

    def doubt(self, reason: str, *tables: str) -> None:
        """Note why tables (all, when none is named) are incomplete."""
        if (reason, tables) not in self.doubts:
            self.doubts.append((reason, tables))

    def copied(self, listed_at: datetime) -> "DomainObjects":
        """Return the same, listed then, of which objects, links and facts may be replaced."""
        return replace(
            self,
            listed_at=listed_at,
            objects={guid: (dn, dict(values)) for guid, (dn, values) in self.objects.items()},
            facts=dict(self.facts),
            short=dict(self.short),
            doubts=list(self.doubts),
        )

    def entries(self) -> Iterator[Entry]:
        """Yield the objects, ordered by id."""
        for guid in sorted(self.objects):
            yield entry_of(*self.objects[guid])
        for dn, values in self.deleted:
            yield entry_of(dn, values)


class DomainReading:
    """Reads one domain through one session."""

    def __init__(self, session: Session, scope: SearchScope, pace: ReadPace) -> None:
        self._session = session
        self._scope = scope
        self._pace = pace
        self.root = RootDse.of(session)
        self._bases = tuple(scope.bases) or (self.root.base,)

    def read_all(self) -> DomainObjects:
        """Read everything; raises ``Transient`` only when nothing was read at all."""
        found = DomainObjects()
        for base in self._bases:
            self._list(base, found)
        self._finish(found, list(found.objects))
        self.check(found)
        return found

    def check(self, found: DomainObjects, *, listed: bool = False) -> None:
        """Settle what was read and hold it against the server's own counts and closures; never raises.

        ``listed``: all objects have been listed a second time already, and that listing was followed.
        """
        if found.doubts:  # it is incomplete already: no need to burden a server that failed
            return
        try:
            if not listed or RootDse.of(self._session).usn != self.root.usn:
                self._settle(found, self.root.usn)
            self._count_back_links(found)
            self._check_closures(found)
            self._read_apart(found)
        except ConnectorError as error:
            found.doubt(error.message)

    def _list(self, base: str, found: DomainObjects) -> None:
        pages = read_pages(self._session, Query(base, FILTER, self._scope.attributes), self._pace)
        found.pages += pages.pages
        for dn, values in pages.entries:
            self._keep(found, dn, values)
        if pages.fault:
            found.doubt(pages.fault)

    def _keep(self, found: DomainObjects, dn: str, values: Values) -> str | None:
        guid = guid_of(values)
        if guid is None:
            found.doubt("an object came without objectGUID: the account may not read it")
            return None
        found.objects[guid] = dn, values
        return guid

    def _finish(self, found: DomainObjects, guids: Sequence[str]) -> None:
        """Fetch what is missing of long lists."""
        for guid in guids:
            _, values = found.objects[guid]
            if any(";range=" in name.lower() for name in values) and (
                reason := finish_ranges(self._session, guid, values, self._pace)
            ):
                found.short[guid] = reason

    def _settle(self, found: DomainObjects, before: int) -> None:
        """List again, by id alone, until both lists agree."""
        for _ in range(_ROUNDS):
            after = RootDse.of(self._session).usn
            listed = self.list_ids(found)
            if listed is None:
                return
            found.facts["listed_again"] = len(listed)
            changed = {g for g, item in listed.items() if (item.usn or 0) > before}
            fresh, gone = listed.keys() - found.objects.keys(), found.objects.keys() - listed.keys()
            # New objects are above the noted number; what is below it was there, and the first listing left it out.
            if lost := sum((listed[g].usn or before + 1) <= before for g in fresh):
                found.doubt(f"{lost} objects were missing from the pages of the first listing")
            self.read_again(found, sorted(g for g, item in listed.items() if item.usn is None))
            if not changed and not fresh and not gone:
                return
            self.read_again(found, sorted(changed | fresh))
            self.drop_gone(found, sorted(gone))
            before = after
        found.doubt("the directory kept changing while it was read")

    def list_ids(self, found: DomainObjects, *further: str) -> dict[str, ListedObject] | None:
        """Return every object by GUID, null (and a doubt) when the listing ended early or does not tell what changed."""
        listed: dict[str, ListedObject] = {}
        for base in self._bases:
            pages = read_pages(self._session, Query(base, FILTER, (*_LISTED, *further)), self._pace)
            if pages.fault:
                found.doubt(f"the second listing: {pages.fault}")
                return None
            for dn, values in pages.entries:
                if (guid := guid_of(values)) is None:
                    found.doubt("an object came without objectGUID in the second listing")
                    return None
                listed[guid] = ListedObject(dn, Entry.of(dn, values, dn).whole("usnchanged"), values)
        unnumbered = sum(item.usn is None for item in listed.values())
        if unnumbered > _UNNUMBERED:
            found.doubt(f"{unnumbered} objects came without uSNChanged, so nobody knows whether they changed meanwhile")
            return None
        return listed

    def read_again(self, found: DomainObjects, guids: Sequence[str]) -> None:
        """Read objects again that changed, or were not there, in the first pass."""
        for guid in guids:
            found.short.pop(guid, None)
            try:
                shown = look_up(self._session, f"<GUID={guid}>", self._scope.attributes, FILTER)
            except ConnectorError as error:
                found.doubt(f"an object that changed meanwhile cannot be read again: {error.message}")
                continue
            if shown is None:
                found.objects.pop(guid, None)
            elif self._keep(found, *shown) == guid:
                self._finish(found, [guid])
            else:
                found.doubt("another object came than the one that changed meanwhile")

    def drop_gone(self, found: DomainObjects, guids: Sequence[str]) -> None:
        """Drop objects that are gone; one that is not, or of which that is not known, was left out by the second listing."""
        for guid in guids:
            try:
                shown = look_up(self._session, f"<GUID={guid}>", ["objectGUID"])
            except ConnectorError as error:
                found.doubt(f"whether an object is gone that the second listing does not show: {error.message}")
                continue
            if shown is None:
                found.objects.pop(guid, None)
            else:
                # It is there, so the listing cannot be believed in what else it does not show.
                found.doubt("objects were missing from the pages of the second listing")

    def _count_back_links(self, found: DomainObjects) -> None:
        """Count the members of each group that came in pieces a second way: by who points back to it."""
        known = {canonical(dn): guid for guid, (dn, _) in found.objects.items()}
        for guid, (dn, values) in found.objects.items():
            if sum(name.lower().startswith("member;range=") for name in values) < 2 or guid in found.short:
                continue
            entry = entry_of(dn, values)
            query = Query(self.root.base, f"(memberOf={escape_filter(dn)})", ("objectGUID",))
            pages = read_pages(self._session, query, self._pace)
            if pages.fault:
                found.short[guid] = f"its members cannot be counted: {pages.fault}"
                continue
            counted = {g for _, v in pages.entries if (g := guid_of(v)) in found.objects}
            received = {known[name] for text in entry.all("member") if (name := canonical(text)) in known}
            # Fewer may point back than were received: back-links of protected accounts are not everybody's to read.
            if missed := counted - received:
                found.short[guid] = f"{len(missed)} objects point back to it that did not come among its members"

    def _check_closures(self, found: DomainObjects) -> None:
        entries = {guid: entry_of(*entry_values) for guid, entry_values in found.objects.items()}
        accounts = {g: e for g, e in entries.items() if active_directory.role(e) is EntryRole.ACCOUNT}
        groups = SecurityGroups(entries.values())
        silent = 0
        for guid in sample_accounts(accounts, self._scope.closures_checked):
            token = tokens(self._session, guid)
            if token is None:
                silent += 1
                continue
            for reason in differences(groups, accounts[guid], token, whole=not self._scope.bases):
                found.doubt(reason, *MEMBER_TABLES)
        checked = min(self._scope.closures_checked, len(accounts))
        found.facts["closures_checked"] = checked - silent
        found.parts["closures"] = f"the server gave no tokenGroups for {silent} of {checked}" if silent else None

    def _read_apart(self, found: DomainObjects) -> None:
        """Read what is apart from the objects: deleted ones, password policy, attribute histories."""
        if self._scope.deleted:
            show = ldap3.protocol.microsoft.show_deleted_control(criticality=True)
            deleted = self._listed_apart(found, "deleted-objects", _DELETED_FILTER, _DELETED, show)
            found.deleted += [(dn, values) for dn, values in deleted if guid_of(values) not in found.objects]
        self._read_policy(found)
        if self._scope.history:
            self._read_disabled_since(found)

    def _read_disabled_since(self, found: DomainObjects) -> None:
        """Fetch when attributes of disabled accounts last changed; it is much text, so of these only."""
        query = "(&(objectClass=user)(userAccountControl:1.2.840.113556.1.4.803:=2))"
        for _, values in self._listed_apart(found, "history", query, ("objectGUID", ATTRIBUTE_HISTORY)):
            if (guid := guid_of(values)) in found.objects and ATTRIBUTE_HISTORY in values:
                found.objects[guid][1][ATTRIBUTE_HISTORY] = values[ATTRIBUTE_HISTORY]

    def _listed_apart(
        self, found: DomainObjects, part: str, query: str, attributes: Sequence[str], *controls: Any
    ) -> Iterator[tuple[str, Values]]:
        """Yield what is listed of an optional part below every base; a part is read when it is below all of them."""
        found.parts[part] = None
        for base in self._bases:
            pages = read_pages(self._session, Query(base, query, attributes, controls), self._pace)
            found.parts[part] = found.parts[part] or pages.fault
            yield from pages.entries

    def _read_policy(self, found: DomainObjects) -> None:
        answer = self._session.search(self.root.base, ANYTHING, POLICY)
        held = {name: values[0] for _, entry in answer.entries for name, values in entry.items() if values}
        found.parts["password-policy"] = answer.fault or (None if held else "the account may not read it")
        found.facts["password_policy"] = {name: held[name].decode("ascii", "replace") for name in sorted(held)}


def tokens(session: Session, guid: str) -> list[str] | None:
    """Return the SIDs of the groups that the server computes for an account, null when it does not.

    Raises ``Transient`` when the connection is lost.
    """
    answer = session.search(f"<GUID={guid}>", ANYTHING, ["tokenGroups"])
    values = answer.entries[0][1].get("tokenGroups") if answer.entries and not answer.fault else None
    try:
        return [identifiers.sid(value) for value in values] if values else None
    except ValueError:
        return None


def escape_filter(text: str) -> str:
    """Return text as it stands in a filter (RFC 4515)."""
    return "".join(f"\\{ord(c):02x}" if c in "\\*()\x00" else c for c in text)


def guid_of(values: Mapping[str, Sequence[bytes]]) -> str | None:
    """Return the objectGUID of what was read, null without a readable one."""
    found = values.get("objectGUID")
    try:
        return identifiers.guid(found[0]) if found else None
    except ValueError:
        return None
