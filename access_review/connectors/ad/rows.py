"""LDAP entries as rows: Active Directory and others, recorded and live alike.

What kind of directory an entry comes from is decided entry by entry, so files of
several domains and forests may stand together in one source. Pure: entries go
in, rows come out, accounts and groups as they come and memberships at the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import rfc8785

from access_review.changes import Action, Capabilities
from access_review.connectors import Source, complete, incomplete, problem
from access_review.connectors.ad import active_directory, identifiers, other_directory
from access_review.connectors.ad.entry import Entry, Range, canonical, domain, missing
from access_review.connectors.ad.membership import MEMBER_TABLES, Membership, Memberships, Name, Tally
from access_review.connectors.classification import Classification
from access_review.tables import Row

DirectoryKind = Literal["active-directory", "other"]

CAPABILITIES = Capabilities(
    actions=frozenset({Action.DISABLE_ACCOUNT, Action.REMOVE_MEMBER, Action.CUT_NESTING}), script="directory"
)
"""What a directory can do: its groups can be cut, and its accounts be disabled, whichever way it is read."""

TABLES = ("accounts", "entitlements", "grants", "nesting", "aliases", "owners")


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """What a source file says about its directory; the meaning of each stands at ``ldap.connect``."""

    marks: Classification = field(default_factory=Classification)
    directory: DirectoryKind | None = None
    id_attribute: str | None = None
    employee_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    netbios: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    canaries: Sequence[str] = ()
    live: bool = False
    exact_logons: bool = False


class DirectoryReading:
    """One pass over the entries of a source."""

    def __init__(self, source: Source, options: DirectoryOptions, as_of: datetime) -> None:
        self._source = source
        self._options = options
        self._as_of = as_of
        self._memberships = Memberships(source)
        self._read: dict[str, tuple[int, Membership]] = {}
        self._ids: set[str] = set()
        self._ranges: dict[str, list[Range]] = {}
        self._short: dict[str, str] = {}
        self.tally = Tally(source, TABLES, canaries=options.canaries)

    def short(self, dn: str, reason: str) -> None:
        """Say that not all members of a group, by its canonical DN, were received, and why."""
        self._short[dn] = reason

    def rows(self, entries: Iterable[Entry]) -> Iterator[tuple[str, Row]]:
        """Yield every row of the source, its verdicts last."""
        for entry in entries:
            yield from self.tally.through(self._entry(entry))
        yield from self.tally.through(self._memberships.rows())
        self._doubt_memberships()
        yield from self._range_verdicts()
        yield from self.tally.verdicts(self._options.expected)

    def _doubt_memberships(self) -> None:
        """Doubt what a recording without ``member`` looks like: groups in which nobody is."""
        if count := self._memberships.unanswered:
            self.tally.doubt(f"{count} memberOf values are not among the members of their group", *MEMBER_TABLES)
        groups = self.tally.received["entitlements"]
        if groups and not self._memberships.stated:
            self.tally.doubt("no group has a member: was the attribute read?", *MEMBER_TABLES)
        if not groups and self._options.live:
            self.tally.doubt("no group was read, and groups are everywhere", "entitlements", *MEMBER_TABLES)
        if not groups and self._memberships.unread:
            self.tally.doubt("accounts are in groups, and no group was read", "entitlements", *MEMBER_TABLES)

    def _entry(self, entry: Entry) -> Iterator[tuple[str, Row]]:
        dn = canonical(entry.dn)
        if not dn:  # the root DSE
            return
        if "objectclass" not in entry.values:
            self.tally.doubt("an entry has no objectClass, so nobody can tell what it is")
            yield problem(self._source, entry.place, "unusable", "no objectClass", subject=dn)
            return
        own = self._is_active_directory(entry)
        role = active_directory.role(entry) if own else other_directory.role(entry)
        if entry.flag("isdeleted"):
            self._memberships.no_member(Name("dn", dn), "dangling-member", "deleted object")
            yield problem(self._source, entry.place, "unusable", "deleted object", subject=dn)
        elif role == "foreign":
            if sid := active_directory.sid(entry):
                self._memberships.stands_for(Name("dn", dn), sid)
        elif role == "contact":
            self._memberships.no_member(Name("dn", dn), "unusable", "a contact is not an account")
        elif role:
            yield from self._object(entry, dn, own=own, group=role == "group")

    def _is_active_directory(self, entry: Entry) -> bool:
        if self._options.directory is None:
            return active_directory.is_own(entry)
        return self._options.directory == "active-directory"

    def _object(self, entry: Entry, dn: str, *, own: bool, group: bool) -> Iterator[tuple[str, Row]]:
        mark = hash(tuple(sorted((name, *values) for name, values in entry.values.items())))
        if dn in self._read:
            before, held = self._read[dn]
            if before != mark:
                yield from self._again(entry, held, own=own)
            return
        native, stable = self._identity(entry, dn, own=own)
        computer = own and active_directory.is_computer(entry)
        kind = "group" if group else "computer" if computer else "user"
        held = Membership(self._source.id(kind, native), group, own and active_directory.is_tier0(entry))
        self._read[dn] = mark, held
        if held.id in self._ids:
            yield from self._contradiction(entry, held)
            return
        self._ids.add(held.id)
        common: Row = {"source": self._source.name, "native_id": native, "stable_id": stable}
        if own and self._options.live:
            self._doubt_rights(entry, group=group)
        if group:
            yield "entitlements", {**common, **self._entitlement(entry, held, own=own)}
            self._note_members(entry, held, own=own)
        else:
            yield "accounts", {**common, **self._account(entry, held, own=own)}
        yield from self._client_problem(entry, dn, held)
        yield from self._note_names(entry, dn, held, own=own)

    def _doubt_rights(self, entry: Entry, *, group: bool) -> None:
        """Doubt a table when what every object has was asked for and did not come."""
        table, mandatory = ("entitlements", "groupType") if group else ("accounts", "userAccountControl")
        if entry.whole(mandatory) is None:
            self.tally.doubt(f"{table} came without {mandatory}: may the account read it?", table)

    def _again(self, entry: Entry, held: Membership, *, own: bool) -> Iterator[tuple[str, Row]]:
        """Take a second record of an object: the next piece of a long member list, or a contradiction."""
        if held.group and entry.ranges("member"):
            self._note_members(entry, held, own=own)
        else:
            yield from self._contradiction(entry, held)

    def _contradiction(self, entry: Entry, held: Membership) -> Iterator[tuple[str, Row]]:
        self.tally.doubt("an object stands more than once, with different values")
        yield problem(self._source, entry.place, "ambiguous", "an object of this id or DN was read before", held.id)

    def _identity(self, entry: Entry, dn: str, *, own: bool) -> tuple[str, bool]:
        """Return the native id and whether it is stable."""
        attribute = (self._options.id_attribute or "").lower()
        if own and (found := active_directory.native_id(entry)):
            return found, True
        if not attribute and (found := other_directory.native_id(entry)):
            return found, True
        if attribute not in {"", "dn", "entrydn"} and (value := entry.first(attribute)):
            return _readable(value), True
        return dn, False

    def _account(self, entry: Entry, held: Membership, *, own: bool) -> Row:
        marks, employee_id = self._options.marks, self._options.employee_id
        live, exact = self._options.live, self._options.exact_logons
        filled = (
            active_directory.account(entry, marks, self._as_of, live=live, exact=exact)
            if own
            else other_directory.account(entry, marks)
        )
        self.tally.see(filled["name"], entry.dn)
        apart = active_directory.kept_apart(entry) if own and self._options.live else {}
        return {
            "account": held.id,
            **filled,
            "display_name": entry.text("displayname", "cn"),
            "mail": entry.text("mail"),
            "employee_id": entry.text(employee_id or ("employeeid" if own else "employeenumber")),
            "client": self._client(filled["name"], entry),
            "attributes": _attributes(entry, self._options.attributes, apart),
        }

    def _entitlement(self, entry: Entry, held: Membership, *, own: bool) -> Row:
        filled = (active_directory if own else other_directory).group(entry, self._options.marks)
        self.tally.see(filled["name"], entry.dn)
        return {
            "entitlement": held.id,
            "kind": "group",
            **filled,
            "description": entry.text("description"),
            "client": self._client(filled["name"], entry),
            "sensitivity": self._options.marks.sensitivity_of(filled["name"], canonical(entry.dn)),
            "system": self._options.system or filled["system"],
        }

    def _client(self, name: str, entry: Entry) -> str | None:
        found = self._options.marks.clients(name, canonical(entry.dn))
        return found[0] if len(found) == 1 else None

    def _client_problem(self, entry: Entry, dn: str, held: Membership) -> Iterator[tuple[str, Row]]:
        name = entry.text("samaccountname", *(("cn",) if held.group else ("uid", "cn"))) or entry.dn
        found = self._options.marks.clients(name, dn)
        if len(found) > 1:
            reason = f"its name belongs to more than one client: {', '.join(found)}"
            yield problem(self._source, entry.place, "ambiguous", reason, subject=held.id)

    def _note_names(self, entry: Entry, dn: str, held: Membership, *, own: bool) -> Iterator[tuple[str, Row]]:
        """Note the names and links of an object, and yield its aliases."""
        known = {("dn", dn), *((("mail", mail.casefold()),) if (mail := entry.text("mail")) else ())}
        self._memberships.read(held, Name("dn", dn))
        if own:
            known.update(active_directory.aliases(entry, self._options.netbios.get(domain(dn) or "")))
            self._note_sids(entry, held)
        else:
            self._memberships.read(held, *other_directory.names(entry, group=held.group))
            if not held.group and (primary := other_directory.primary_group(entry)):
                self._memberships.primary(held, primary)
        for text in entry.texts("memberof"):
            self._memberships.member_of(held, Name("dn", canonical(text)))
        for text in entry.texts("managedby") + entry.texts("owner"):
            self._memberships.owner(held, Name("dn", canonical(text)))
        for scheme, value in sorted(known):
            yield "aliases", {"scheme": scheme, "value": value, "id": held.id}

    def _note_sids(self, entry: Entry, held: Membership) -> None:
        sid = active_directory.sid(entry)
        if sid and identifiers.is_domain(sid):
            self._memberships.read(held, Name("sid", sid))
        if not held.group:
            self._note_primary(entry, held)
        for former in active_directory.former_sids(entry):
            self._memberships.former(held, former)

    def _note_primary(self, entry: Entry, held: Membership) -> None:
        if primary := active_directory.primary_group(entry):
            self._memberships.primary(held, Name("sid", primary))
        else:  # every account has one, so it was not asked for
            self.tally.doubt("accounts were read without objectSid or primaryGroupID", "grants")

    def _note_members(self, entry: Entry, group: Membership, *, own: bool) -> None:
        if ranges := entry.ranges("member"):
            self._ranges.setdefault(group.id, []).extend(ranges)
        if own:
            since = active_directory.members_since(entry)
            for text in entry.all("member"):
                dn = canonical(text)
                self._memberships.member(group, Name("dn", dn), since.get(dn))
            return
        for name in other_directory.members(entry):
            self._memberships.member(group, name)
        if other_directory.is_dynamic(entry):
            self.tally.doubt(f"{group.id} is dynamic: its members are a query", *MEMBER_TABLES)

    def _range_verdicts(self) -> Iterator[tuple[str, Row]]:
        told = {self._read[dn][1].id: reason for dn, reason in self._short.items() if dn in self._read}
        for group in sorted(self._ranges.keys() | told.keys()):
            ranges = self._ranges.get(group, [])
            at, received = missing(ranges), sum(piece.count for piece in ranges)
            if at is None and group not in told:
                if len(ranges) > 1:
                    yield complete(self._source, group, received)
            else:
                reason = told.get(group) or f"members from number {at} on were not read"
                self.tally.doubt(f"{group}: {reason}", *MEMBER_TABLES)
                yield incomplete(self._source, group, reason, received=received)


def _readable(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def _attributes(entry: Entry, wanted: Mapping[str, str], apart: Mapping[str, Any]) -> str | None:
    """Return the wanted attributes as canonical JSON: text, or a list where there are several values."""
    found = {
        name: texts[0] if len(texts) == 1 else list(texts) for name, a in wanted.items() if (texts := entry.texts(a))
    }
    found = {**apart, **found}
    return rfc8785.dumps(found).decode() if found else None
