"""The objects of a collection as rows; pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import rfc8785
from pydantic import ValidationError

from access_review.connectors import Source, incomplete, problem
from access_review.connectors.ad import identifiers, well_known
from access_review.connectors.ad.active_directory import last_use
from access_review.connectors.ad.dialect import ObjectKind
from access_review.connectors.ad.domains_seen import DomainsSeen
from access_review.connectors.ad.entry import domain
from access_review.connectors.ad.membership import MEMBER_TABLES, Memberships, Name, Principal
from access_review.connectors.ad.tally import Tally
from access_review.connectors.classification import Classification
from access_review.connectors.contradictions import TORN
from access_review.connectors.same_name import folded
from access_review.connectors.sharphound.files import Collection
from access_review.connectors.sharphound.objects import CollectedObject, plain_sid
from access_review.tables import Row

TABLES = ("accounts", "entitlements", "grants", "nesting", "aliases")

_KINDS = {"users": ObjectKind.USER, "computers": ObjectKind.COMPUTER, "groups": ObjectKind.GROUP}
_USERS = ",cn=users,dc="
_MANAGED = ",cn=managed service accounts,"


@dataclass(frozen=True, slots=True)
class CollectionOptions:
    """What a source file says about its collection; the meaning of each stands at ``sharphound.connector.connect``."""

    classification: Classification
    attributes: Mapping[str, str]
    system: str | None
    expected: Mapping[str, int]
    canaries: Sequence[str]
    empty: frozenset[str] = frozenset()


class CollectionReading:
    """One pass over a collection."""

    def __init__(self, source: Source, options: CollectionOptions, as_of: datetime) -> None:
        self._options = options
        self._source = source
        self._as_of = as_of
        self._memberships = Memberships(source)
        self._domains = DomainsSeen()
        self._read: dict[str, CollectedObject] = {}
        self._torn: frozenset[str] = frozenset()
        self._tally = Tally(source, TABLES, canaries=options.canaries)

    def rows(self, collections: Sequence[Collection]) -> Iterator[tuple[str, Row]]:
        """Yield every row, the verdicts last."""
        self._torn = _told_twice(self._source, collections)
        for kind, tables in (("users", ("accounts",)), ("computers", ("accounts",)), ("groups", ("entitlements",))):
            files = [c for c in collections if c.kind == kind]
            if not files:
                self._tally.doubt(f"no {kind} were collected", *tables, "aliases", *MEMBER_TABLES)
            # A domain without users or groups there is not: one of several lists that is empty was not read.
            if kind != "computers" and any(file.objects for file in files):
                for file in files:
                    if not file.objects:
                        self._tally.doubt(f"{file.name} holds no {kind}, and another file does")
            for file in files:
                yield from self._tally.through(self._file(file))
        yield from self._tally.through(self._memberships.rows())
        # A release of a collector wrote an empty list for every group; the same check stands for LDIF and Graph.
        if self._tally.received["entitlements"] and not self._memberships.stated:
            self._tally.doubt("no group has a member: were they collected?", *MEMBER_TABLES)
        self._tally.doubt_one_side(self._memberships)
        yield from self._tally.verdicts(self._options.expected)
        for group in sorted(one for one in self._torn if one.split(":", 2)[1] == ObjectKind.GROUP):
            yield incomplete(self._source, group, TORN)
        yield from self._domains.rows(self._source)

    def _file(self, file: Collection) -> Iterator[tuple[str, Row]]:
        # Some collectors write 0 for "not counted", so 0 beside objects says nothing.
        if file.count not in {0, len(file.objects)}:
            self._tally.doubt(f"{file.name} holds {len(file.objects)} objects and says {file.count}")
        for number, item in enumerate(file.objects, 1):
            place = f"{file.name} object {number}"
            try:
                thing = CollectedObject.model_validate(item).saying(self._options.empty)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                self._tally.doubt(f"{file.name} holds objects that cannot be used")
                yield problem(self._source, place, "unusable", f"{where}: {first['msg']}")
                continue
            yield from self._object(thing, place, _KINDS[file.kind])

    def _object(self, thing: CollectedObject, place: str, kind: ObjectKind) -> Iterator[tuple[str, Row]]:
        if thing.IsDeleted:
            self._memberships.add_unable(Name("sid", thing.native_id), "dangling-member", "deleted object")
            yield problem(self._source, place, "unusable", "deleted object", subject=thing.native_id)
            return
        if well_known.identity_name(thing.sid):
            return  # Authenticated Users and the like, listed as if they were groups: members of them are counted
        group = kind is ObjectKind.GROUP
        row_id = self._source.id(kind, thing.native_id)
        principal = Principal(row_id, group, tier0=thing.flag("admincount") is True)
        if principal.id in self._read:
            # The very same object again, as collections of two domains give it, is no contradiction.
            if principal.id in self._torn:
                yield from self._other_record(thing, principal, place)
            return
        self._domains.see(thing.sid, thing.text("domain") or domain(thing.dn))
        self._read[principal.id] = thing
        self._tally.see(thing.name, thing.text("name"), thing.text("distinguishedname"))
        if group:
            yield "entitlements", self._entitlement(thing, principal)
        else:
            yield "accounts", self._account(thing, principal, kind)
        clients = self._options.classification.clients(thing.name, thing.dn)
        if len(clients) > 1:
            reason = f"its name belongs to more than one client: {', '.join(clients)}"
            yield problem(self._source, place, "ambiguous", reason, principal.id)
        yield from self._names(thing, principal)

    def _other_record(self, thing: CollectedObject, principal: Principal, place: str) -> Iterator[tuple[str, Row]]:
        """Take an object that an earlier record tells otherwise: what either says it holds, it may hold.

        Only the object itself is in doubt: nothing is planned on it, and nothing else is less known.
        """
        yield problem(self._source, place, "quarantined", TORN, principal.id)
        members, nameless = thing.members()
        if nameless:
            self._tally.doubt(f"{nameless} of the members of {thing.name} say no id", *MEMBER_TABLES)
        for member in members:
            self._memberships.add_member(principal, self._member(member.ObjectIdentifier))
        primary = thing.PrimaryGroupSID
        if primary and not principal.group and primary != self._read[principal.id].PrimaryGroupSID:
            self._memberships.add_primary_group(principal, self._member(primary))

    def _common(self, thing: CollectedObject) -> Row:
        clients = self._options.classification.clients(thing.name, thing.dn)
        return {
            "source": self._source.name,
            "native_id": thing.native_id,
            "stable_id": True,
            "name": thing.name,
            "client": clients[0] if len(clients) == 1 else None,
        }

    def _account(self, thing: CollectedObject, principal: Principal, object_kind: ObjectKind) -> Row:
        control = thing.stamp("useraccountcontrol")
        protected = well_known.protection(thing.name, thing.sid, control)
        kind = self._options.classification.kind(
            thing.name, thing.dn, _account_kind(thing, object_kind, protected, control)
        )
        return {
            **self._common(thing),
            "account": principal.id,
            "display_name": thing.text("displayname"),
            "mail": thing.text("email"),
            "kind": kind,
            "enabled": thing.flag("enabled"),
            "created_at": thing.time("whencreated"),
            **last_use(thing.time("lastlogon"), thing.time("lastlogontimestamp"), self._as_of),
            "never_used": _never_used(thing),
            "password_set_at": thing.time("pwdlastset"),
            "protected": "break-glass" if kind == "break-glass" else protected,
            "attributes": _attributes(thing, self._options.attributes),
        }

    def _entitlement(self, thing: CollectedObject, principal: Principal) -> Row:
        classification = self._options.classification
        known = thing.flag("admincount")
        powerful = (
            principal.tier0 or well_known.is_privileged(thing.sid) or classification.is_privileged(thing.name, thing.dn)
        )
        return {
            **self._common(thing),
            "entitlement": principal.id,
            "kind": "group",
            "description": thing.text("description"),
            "system": self._options.system or (thing.text("domain") or domain(thing.dn) or "").lower() or None,
            "privileged": True if powerful else None if known is None else False,
            "effect": classification.effect_of(thing.name, thing.dn, well_known.effect(thing.sid)),
        }

    def _names(self, thing: CollectedObject, principal: Principal) -> Iterator[tuple[str, Row]]:
        """Note the names and links of an object, and yield its aliases."""
        self._memberships.add_principal(principal, Name("sid", thing.native_id))
        members, nameless = thing.members()
        if nameless:
            reason = f"{nameless} of the members of {thing.name} say no id"
            self._tally.doubt(reason, *MEMBER_TABLES)
            yield problem(self._source, f"{principal.id} members", "unusable", reason, principal.id)
        for member in members:
            self._memberships.add_member(principal, self._member(member.ObjectIdentifier))
        if thing.PrimaryGroupSID and not principal.group:
            self._memberships.add_primary_group(principal, self._member(thing.PrimaryGroupSID))
        elif not principal.group:
            self._tally.doubt("accounts were read without their primary group", "grants")
        if principal.group and thing.Members is None:
            self._tally.doubt("groups were read without their members", *MEMBER_TABLES)
        for sid in sorted(thing.former_sids()):
            self._memberships.add_former_sid(principal, sid)
        for scheme, value in sorted(_aliases(thing)):
            yield "aliases", {"scheme": scheme, "value": value, "id": principal.id}

    @staticmethod
    def _member(identifier: str) -> Name:
        """Name a member: BUILTIN groups by domain and SID, all others by SID."""
        sid = plain_sid(identifier)
        return Name("sid", identifier.upper() if identifiers.is_builtin(sid) else sid)


def _told_twice(source: Source, collections: Sequence[Collection]) -> frozenset[str]:
    """Return the objects that stand more than once, and not alike."""
    known: dict[str, int] = {}
    torn = set()
    for file in collections:
        for item in file.objects:
            native = item.get("ObjectIdentifier") if isinstance(item, dict) else None
            if isinstance(native, str):
                name = source.id(_KINDS[file.kind], native.upper())
                fingerprint = hash(json.dumps(item, sort_keys=True, default=str))
                if known.setdefault(name, fingerprint) != fingerprint:
                    torn.add(name)
    return frozenset(torn)


def _account_kind(thing: CollectedObject, kind: ObjectKind, protected: str | None, control: int | None) -> str:
    if kind is ObjectKind.COMPUTER:
        # Managed service accounts derive from computers, and older collectors list them among these.
        return "service" if _MANAGED in thing.dn else "computer"
    if thing.flag("gmsa") or thing.flag("msa") or _MANAGED in thing.dn:
        return "service"
    if thing.name.endswith("$"):
        # What is left is a trust, whose account lies among the users; elsewhere it may be a service's that was moved.
        return "computer" if _USERS in thing.dn or protected else "service"
    return well_known.account_kind(thing.name, thing.sid, protected, control)


def _aliases(thing: CollectedObject) -> Iterator[tuple[str, str]]:
    yield "sid", thing.sid
    if thing.dn:
        yield "dn", thing.dn
    if mail := thing.text("email"):
        yield "mail", folded(mail)
    if principal := thing.text("userprincipalname"):
        yield "upn", folded(principal)
    where = (thing.text("domain") or "").partition(".")[0]
    if where and (thing.text("samaccountname") or "@" in (thing.text("name") or "")):
        yield "sam", folded(f"{where}\\{thing.name}")


def _never_used(thing: CollectedObject) -> bool | None:
    """Tell whether an account was never used.

    ``lastLogon`` and ``lastLogonTimestamp`` are readable together (property set User-Logon), and SharpHound asks
    for both: a ``lastlogon`` that was read as 0 shows that a ``lastlogontimestamp`` of -1 is truly absent.
    """
    here, replicated = thing.stamp("lastlogon"), thing.stamp("lastlogontimestamp")
    if (here or 0) > 0 or (replicated or 0) > 0:
        return False
    return True if here == 0 and replicated in {0, -1} else None


def _attributes(thing: CollectedObject, wanted: Mapping[str, str]) -> str | None:
    found = {name: value for name, a in wanted.items() if (value := thing.text(a.lower()))}
    return rfc8785.dumps(found).decode() if found else None
