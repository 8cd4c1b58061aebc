"""How a family of directories says who its accounts and groups are: the one place where such families differ.

A dialect takes an entry and returns what the rest needs of it: a :class:`DirectoryObject`,
or what stands in an object's place. Nothing behind it looks at the entry again, so what is
said of every object alike (mail, attributes, who owns it) is read here too. Pure.

Siblings: :mod:`~access_review.connectors.ad.active_directory` and
:mod:`~access_review.connectors.ad.other_directory`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol

import rfc8785

from access_review.connectors.ad.entry import Entry, Range, canonical
from access_review.connectors.ad.membership import Name
from access_review.connectors.classification import Classification
from access_review.connectors.same_name import folded
from access_review.tables import Row

DirectoryKind = Literal["active-directory", "other"]


class ObjectKind(StrEnum):
    """What an account or group is; the middle of its id."""

    USER = "user"
    COMPUTER = "computer"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """What a source file says about its directory; the meaning of each stands at ``ad.connector.connect``.

    ``live``: every attribute was asked for, so that one which is absent is absent in the directory.
    ``exact_logons``: ``lastLogon`` is the latest of every server.
    """

    classification: Classification = field(default_factory=Classification)
    directory: DirectoryKind | None = None
    id_attribute: str | None = None
    employee_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    netbios: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    canaries: Sequence[str] = ()
    empty: frozenset[str] = frozenset()
    live: bool = False
    exact_logons: bool = False


class StatedMember(NamedTuple):
    """One value of a member list; ``since`` is null where the directory does not say."""

    name: Name
    since: datetime | None = None


class Doubt(NamedTuple):
    """Why tables cannot be taken for complete, from one object."""

    reason: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectoryObject:
    """An account or a group, translated.

    ``dn`` is canonical and ``written_dn`` as the directory has it; ``place`` says where the entry stands.
    ``columns`` are those of a row of ``accounts`` or ``entitlements``, without its id. ``names`` are those
    by which memberships speak of it; ``ranges`` the pieces in which a member list came. ``clients``
    are all whose pattern the name fits. ``primary_group`` is null where nothing tells it.
    ``has_dynamic_members`` says that the members are a query, which cannot be read off it.
    """

    kind: ObjectKind
    native_id: str
    stable_id: bool
    name: str
    dn: str
    written_dn: str
    place: str
    columns: Row
    names: tuple[Name, ...]
    aliases: frozenset[tuple[str, str]]
    tier0: bool = False
    clients: tuple[str, ...] = ()
    members: tuple[StatedMember, ...] = ()
    ranges: tuple[Range, ...] = ()
    primary_group: Name | None = None
    groups: tuple[Name, ...] = ()
    owners: tuple[Name, ...] = ()
    former_sids: tuple[str, ...] = ()
    has_dynamic_members: bool = False
    doubts: tuple[Doubt, ...] = ()
    faults: tuple[str, ...] = ()
    """What is written in it and cannot be used; nothing else of it is in doubt."""
    reaches: bool = False
    """Its ``groups`` are those that it reaches through others too, as FreeIPA's memberOf has them."""

    @property
    def is_group(self) -> bool:
        """Tell whether it has members rather than access."""
        return self.kind is ObjectKind.GROUP


class StandIn(NamedTuple):
    """An object that only stands for one of another domain, by its SID."""

    sid: str


class NotAPrincipal(NamedTuple):
    """An object that holds nothing, and the problem that a membership of it is: kind and reason."""

    kind: str
    reason: str


Translated = DirectoryObject | StandIn | NotAPrincipal | None
"""What a dialect makes of an entry; null for what has no part in memberships."""


class Dialect(Protocol):
    """One family of directories."""

    def translate(self, entry: Entry, dn: str) -> Translated:
        """Return what an entry is; ``dn`` is its canonical DN. Never fails: what cannot be read is null."""
        ...


def chosen_id(entry: Entry, dn: str, attribute: str | None) -> tuple[str, bool]:
    """Return the id of an entry that has none of Windows, and whether it is stable.

    It is the entryUUID (RFC 4530), or what 389 Directory Server has in its place, unless the source file
    names an attribute. What is left is the DN, which a rename changes: nothing is planned on it.
    """
    name = (attribute or "").lower()
    if not name and (found := entry.text("entryuuid", "nsuniqueid")):
        return found.lower(), True
    if name not in {"", "dn", "entrydn"} and (value := entry.first(name)):
        return _readable(value), True
    return dn, False


def account_columns(entry: Entry, options: DirectoryOptions, employee_id: str, **further: Any) -> Row:
    """Return the columns of an account that every directory fills; ``further`` joins its further attributes."""
    return {
        "display_name": entry.text("displayname", "cn"),
        "mail": entry.text("mail"),
        "employee_id": entry.text(options.employee_id or employee_id),
        "attributes": _attributes(entry, options.attributes, further),
    }


def group_columns(entry: Entry, dn: str, name: str, options: DirectoryOptions) -> Row:
    """Return the columns of an entitlement that every directory fills."""
    return {
        "kind": "group",
        "name": name,
        "description": entry.text("description"),
        "sensitivity": options.classification.sensitivity_of(name, dn),
    }


def common_aliases(entry: Entry, dn: str) -> Iterator[tuple[str, str]]:
    """Yield scheme and value of the names that objects of every directory have."""
    yield "dn", dn
    if mail := entry.text("mail"):
        yield "mail", folded(mail)


def linked(entry: Entry, *attributes: str) -> tuple[Name, ...]:
    """Return the objects that attributes of an entry name by DN."""
    return tuple(Name("dn", canonical(text)) for attribute in attributes for text in entry.texts(attribute))


def _readable(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def _attributes(entry: Entry, wanted: Mapping[str, str], further: Mapping[str, Any]) -> str | None:
    """Return the wanted attributes as canonical JSON: text, or a list where there are several values."""
    found = {
        name: texts[0] if len(texts) == 1 else list(texts)
        for name, attribute in wanted.items()
        if (texts := entry.texts(attribute))
    }
    # What the source file asks for by name goes first.
    found = {**further, **found}
    return rfc8785.dumps(found).decode() if found else None
