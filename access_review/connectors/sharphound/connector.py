"""Active Directory as SharpHound collected it (BloodHound's JSON, versions 5 and 6), a folder or a zip.

Read are users, groups and computers: names, state, memberships, primary groups,
SID history. A collection has no ``objectGUID``, so ids are SIDs; BUILTIN groups
keep the domain that SharpHound puts before them. Times are seconds since 1970;
``lastlogontimestamp`` is -1 where the directory has none. Sessions, local
groups, rights and ``managedBy`` are left aside: owners are therefore unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access_review.changes import Capabilities
from access_review.connectors import Source, problem
from access_review.connectors.ad import identifiers, well_known
from access_review.connectors.ad.active_directory import last_use
from access_review.connectors.ad.capabilities import CAPABILITIES
from access_review.connectors.ad.entry import canonical, domain
from access_review.connectors.ad.membership import MEMBER_TABLES, Memberships, Name, Principal
from access_review.connectors.ad.tally import Tally
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.sharphound.files import Collection, read
from access_review.tables import Row

TABLES = ("accounts", "entitlements", "grants", "nesting", "aliases")

_MANAGED = ",cn=managed service accounts,"


class _Member(BaseModel):
    model_config = ConfigDict(strict=True)
    ObjectIdentifier: str = Field(min_length=1)
    ObjectType: str | None = None


class _Object(BaseModel):
    """What is used of a user, group or computer; the rest is ignored."""

    model_config = ConfigDict(strict=True)
    ObjectIdentifier: str = Field(min_length=1)
    Properties: dict[str, Any]
    PrimaryGroupSID: str | None = None
    Members: list[_Member] | None = None
    HasSIDHistory: list[_Member] | None = None
    IsDeleted: bool = False

    def text(self, name: str) -> str | None:
        value = self.Properties.get(name)
        return value if isinstance(value, str) and value else None

    def flag(self, name: str) -> bool | None:
        value = self.Properties.get(name)
        return value if isinstance(value, bool) else None

    def stamp(self, name: str) -> int | None:
        value = self.Properties.get(name)
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def time(self, name: str) -> datetime | None:
        seconds = self.stamp(name)
        try:
            return datetime.fromtimestamp(seconds, UTC) if seconds is not None and seconds > 0 else None
        except (OverflowError, ValueError, OSError):
            return None

    @property
    def native_id(self) -> str:
        return self.ObjectIdentifier.upper()

    @property
    def sid(self) -> str:
        return _sid(self.native_id)

    @property
    def dn(self) -> str:
        return canonical(self.text("distinguishedname") or "")

    @property
    def name(self) -> str:
        """The sAMAccountName, else what stands before the domain."""
        name = self.text("name") or self.ObjectIdentifier
        return self.text("samaccountname") or (name.rpartition("@")[0] or name)


def _sid(identifier: str) -> str:
    """Return the SID in an identifier: SharpHound puts the domain before those that every domain has."""
    before, dash, _ = identifier.upper().partition("S-1-")
    return identifier.upper()[len(before) :] if dash else identifier.upper()


@dataclass(frozen=True, slots=True)
class SharpHound:
    """One collection, of one domain or several."""

    # Nobody signs in to a collection; the sessions of its directory are those of the source that reads it.
    capabilities: ClassVar[Capabilities] = replace(CAPABILITIES, signs_in=False)

    source: Source
    path: str
    classification: Classification
    attributes: Mapping[str, str]
    system: str | None
    expected: Mapping[str, int]
    canaries: Sequence[str]

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield every row; raises ``WorkspaceError`` for a file that is no collection of a known version."""
        yield from _Reading(self, as_of).rows(read(self.source.folder / self.path, self.path))


class _Reading:
    """One pass over a collection."""

    def __init__(self, options: SharpHound, as_of: datetime) -> None:
        self._options = options
        self._source = options.source
        self._as_of = as_of
        self._memberships = Memberships(options.source)
        self._ids: set[str] = set()
        self._tally = Tally(options.source, TABLES, canaries=options.canaries)

    def rows(self, collections: Sequence[Collection]) -> Iterator[tuple[str, Row]]:
        for kind, tables in (("users", ("accounts",)), ("computers", ("accounts",)), ("groups", ("entitlements",))):
            files = [c for c in collections if c.kind == kind]
            if not files:
                self._tally.doubt(f"no {kind} were collected", *tables, "aliases", *MEMBER_TABLES)
            for file in files:
                yield from self._tally.through(self._file(file))
        yield from self._tally.through(self._memberships.rows())
        yield from self._tally.verdicts(self._options.expected)

    def _file(self, file: Collection) -> Iterator[tuple[str, Row]]:
        # Some collectors write 0 for "not counted", so 0 beside objects says nothing.
        if file.count not in {0, len(file.objects)}:
            self._tally.doubt(f"{file.name} holds {len(file.objects)} objects and says {file.count}")
        for number, item in enumerate(file.objects, 1):
            place = f"{file.name} object {number}"
            try:
                thing = _Object.model_validate(item)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                self._tally.doubt(f"{file.name} holds objects that cannot be used")
                yield problem(self._source, place, "unusable", f"{where}: {first['msg']}")
                continue
            yield from self._object(thing, place, file.kind)

    def _object(self, thing: _Object, place: str, kind: str) -> Iterator[tuple[str, Row]]:
        if thing.IsDeleted:
            self._memberships.add_unable(Name("sid", thing.native_id), "dangling-member", "deleted object")
            yield problem(self._source, place, "unusable", "deleted object", subject=thing.native_id)
            return
        if well_known.identity_name(thing.sid):
            return  # Authenticated Users and the like, listed as if they were groups: members of them are counted
        group = kind == "groups"
        principal = Principal(
            self._source.id(kind.removesuffix("s"), thing.native_id), group, tier0=thing.flag("admincount") is True
        )
        if principal.id in self._ids:
            self._tally.doubt("an object stands more than once")
            yield problem(self._source, place, "ambiguous", "an object of this id was read before", principal.id)
            return
        self._ids.add(principal.id)
        self._tally.see(thing.name, thing.text("name"), thing.text("distinguishedname"))
        yield (
            ("entitlements", self._entitlement(thing, principal))
            if group
            else ("accounts", self._account(thing, principal))
        )
        clients = self._options.classification.clients(thing.name, thing.dn)
        if len(clients) > 1:
            reason = f"its name belongs to more than one client: {', '.join(clients)}"
            yield problem(self._source, place, "ambiguous", reason, principal.id)
        yield from self._names(thing, principal)

    def _common(self, thing: _Object) -> Row:
        clients = self._options.classification.clients(thing.name, thing.dn)
        return {
            "source": self._source.name,
            "native_id": thing.native_id,
            "stable_id": True,
            "name": thing.name,
            "client": clients[0] if len(clients) == 1 else None,
        }

    def _account(self, thing: _Object, principal: Principal) -> Row:
        protected = well_known.protection(thing.name, thing.sid)
        plain = well_known.account_kind(thing.sid, protected)
        if principal.id.startswith(self._source.id("computer", "")):
            plain = "service" if _MANAGED in thing.dn else "computer"
        elif thing.name.endswith("$") or thing.flag("gmsa") or thing.flag("msa"):
            plain = "service"
        kind = self._options.classification.kind(thing.name, thing.dn, plain)
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

    def _entitlement(self, thing: _Object, principal: Principal) -> Row:
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
            "effect": classification.effect_of(thing.name, thing.dn),
        }

    def _names(self, thing: _Object, principal: Principal) -> Iterator[tuple[str, Row]]:
        """Note the names and links of an object, and yield its aliases."""
        self._memberships.add_principal(principal, Name("sid", thing.native_id))
        for member in thing.Members or ():
            self._memberships.add_member(principal, self._member(member.ObjectIdentifier))
        if thing.PrimaryGroupSID and not principal.group:
            self._memberships.add_primary_group(principal, self._member(thing.PrimaryGroupSID))
        elif not principal.group:
            self._tally.doubt("accounts were read without their primary group", "grants")
        if principal.group and thing.Members is None:
            self._tally.doubt("groups were read without their members", *MEMBER_TABLES)
        history = thing.Properties.get("sidhistory")
        former = {text.upper() for text in history if isinstance(text, str)} if isinstance(history, list) else set()
        former |= {member.ObjectIdentifier.upper() for member in thing.HasSIDHistory or ()}
        for sid in sorted(former):
            self._memberships.add_former_sid(principal, sid)
        for scheme, value in sorted(_aliases(thing)):
            yield "aliases", {"scheme": scheme, "value": value, "id": principal.id}

    @staticmethod
    def _member(identifier: str) -> Name:
        """Name a member: BUILTIN groups by domain and SID, all others by SID."""
        sid = _sid(identifier)
        return Name("sid", identifier.upper() if identifiers.is_builtin(sid) else sid)


def _aliases(thing: _Object) -> Iterator[tuple[str, str]]:
    yield "sid", thing.sid
    if thing.dn:
        yield "dn", thing.dn
    if mail := thing.text("email"):
        yield "mail", mail.casefold()
    if principal := thing.text("userprincipalname"):
        yield "upn", principal.casefold()
    where = (thing.text("domain") or "").partition(".")[0]
    if where and (thing.text("samaccountname") or "@" in (thing.text("name") or "")):
        yield "sam", f"{where}\\{thing.name}".casefold()


def _never_used(thing: _Object) -> bool | None:
    """Tell whether an account was never used.

    ``lastLogon`` and ``lastLogonTimestamp`` are readable together (property set User-Logon), and SharpHound asks
    for both: a ``lastlogon`` that was read as 0 shows that a ``lastlogontimestamp`` of -1 is truly absent.
    """
    here, replicated = thing.stamp("lastlogon"), thing.stamp("lastlogontimestamp")
    if (here or 0) > 0 or (replicated or 0) > 0:
        return False
    return True if here == 0 and replicated in {0, -1} else None


def _attributes(thing: _Object, wanted: Mapping[str, str]) -> str | None:
    found = {name: value for name, a in wanted.items() if (value := thing.text(a.lower()))}
    return rfc8785.dumps(found).decode() if found else None


def connect(
    source: Source,
    *,
    path: str,
    attributes: Mapping[str, str] | None = None,
    privileged: Sequence[str] = (),
    effect: Mapping[Effect, Sequence[str]] | None = None,
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    system: str | None = None,
    expected: Mapping[Literal["accounts", "entitlements"], int] | None = None,
    canaries: Sequence[str] = (),
) -> SharpHound:
    """Open a collection.

    path: the folder or zip, from the source's folder.
    attributes: more properties to keep with accounts, as name in the review: name in the collection.
    privileged: patterns of group names or DNs that are privileged, beside those that Windows makes so.
    effect: patterns of groups that do something else than grant; a collection does not say which are for mail only.
    service_accounts, shared_accounts, break_glass: patterns of account names or DNs.
    client: whose groups and accounts those of a pattern are.
    system: the system that the groups are of; the DNS domain unless said.
    expected: the server's own counts; a difference makes the source incomplete.
    canaries: names that are there for certain; one unseen makes the source incomplete.
    """
    classification = Classification(
        privileged=tuple(privileged),
        effect=effect or {},
        service_accounts=tuple(service_accounts),
        shared_accounts=tuple(shared_accounts),
        break_glass=tuple(break_glass),
        client=client or {},
    )
    counts = {str(table): count for table, count in (expected or {}).items()}
    return SharpHound(source, path, classification, attributes or {}, system, counts, tuple(canaries))
