"""Reading only what changed since the last read, with the same result as reading everything.

What the last read found is kept in a file beside the runs. The server says which objects
changed since (by DirSync, MS-ADTS 3.1.1.3.4.1.3, which any reader may ask for with object
security, and by ``uSNChanged`` when it is the same server as before), and those are read again whole. One listing
of everything by id alone, with the few attributes that change without being called changed,
finds what is new, gone or renamed; links to renamed and deleted objects are followed,
because a group does not count as changed when its members are.

Anything odd (another server without DirSync, a restored server, a cookie that is not
taken, other attributes, an old file) makes it a full read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ldap3

from access_review.connectors.ad.domain_reading import (
    FILTER,
    DomainObjects,
    DomainReading,
    ListedObject,
    RootDse,
    SearchScope,
    guid_of,
)
from access_review.connectors.ad.paging import Values
from access_review.connectors.ad.server import Session
from access_review.connectors.private_file import write_private
from access_review.errors import Transient

FORMAT = "access-review/directory@1"
_DIRSYNC = "1.2.840.113556.1.4.841"
_LINKS = ("member", "manager", "managedby")
# These change by signing in, by the clock, by a lock-out or by attributes that were not asked for,
# and no server calls that a change of the object.
VOLATILE = ("whenChanged", "lastLogon", "lastLogonTimestamp", "logonCount", "msDS-User-Account-Control-Computed")


@dataclass(frozen=True, slots=True)
class DirSyncState:
    """What a read left for the next one."""

    service: str
    usn: int
    cookie: bytes
    full_at: datetime
    objects: dict[str, tuple[str, Values]] = field(repr=False)


def load_state(path: Path, scope: SearchScope) -> DirSyncState | None:
    """Return what the last read left; null when there is nothing that fits this scope."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        header = json.loads(table.schema.metadata[b"access-review"])
        if header["format"] != FORMAT or header["scope"] != _scope(scope):
            return None
        rows = zip(*(table[name].to_pylist() for name in ("guid", "dn", "values")), strict=True)
        objects = {guid: (dn, {name: list(held) for name, held in values}) for guid, dn, values in rows}
        full_at = datetime.fromisoformat(header["full_at"])
        return DirSyncState(header["service"], header["usn"], bytes.fromhex(header["cookie"]), full_at, objects)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None  # a file that cannot be read costs a full read, and nothing else


def save_state(path: Path, scope: SearchScope, state: DirSyncState) -> None:
    """Leave a read for the next one, readable by its owner only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = {
        "format": FORMAT,
        "scope": _scope(scope),
        "service": state.service,
        "usn": state.usn,
        "cookie": state.cookie.hex(),
        "full_at": state.full_at.isoformat(),
    }
    kind = pa.map_(pa.string(), pa.list_(pa.binary()))
    schema = pa.schema([("guid", pa.string()), ("dn", pa.string()), ("values", kind)])
    columns: list[Any] = [
        list(state.objects),
        [dn for dn, _ in state.objects.values()],
        [list(values.items()) for _, values in state.objects.values()],
    ]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"access-review": json.dumps(header)}), sink, compression="zstd")
    write_private(path, sink.getvalue().to_pybytes())


def _scope(scope: SearchScope) -> str:
    return json.dumps([FILTER, list(scope.bases), sorted(scope.attributes)])


@dataclass(frozen=True, slots=True)
class NamedObjects:
    """What DirSync says of changed objects, by GUID: where they are, with the values that are others.

    ``deleted`` tells whether any is deleted, and ``cookie`` is the next.
    """

    entries: dict[str, tuple[str, Values]] = field(repr=False)
    cookie: bytes
    deleted: bool


class DirSyncChanges:
    """Brings a kept read up to date through one reading."""

    def __init__(self, reading: DomainReading, session: Session, scope: SearchScope) -> None:
        self._reading = reading
        self._session = session
        self._scope = scope

    def cookie(self) -> bytes:
        """Return a DirSync cookie of this moment, empty where DirSync is not to be had; raises ``Transient``."""
        # Nothing has this id: what is wanted is the cookie, not the objects.
        answer = self._dirsync(b"", "(objectGUID=\\00)")
        return answer[1] if answer else b""

    def since(self, state: DirSyncState) -> DomainObjects | None:
        """Return everything as it is now, null when only a full read can tell."""
        found = DomainObjects(objects={guid: (dn, dict(values)) for guid, (dn, values) in state.objects.items()})
        try:
            listed = self._reading.list_ids(found, *VOLATILE)
            changed = None if listed is None else self._changed(state, listed)
            if listed is not None and changed is None:
                return None
            if listed is not None and changed is not None:
                self._bring_up(found, listed, changed)
                self._reading.check(found, listed=True)
        except Transient as error:
            found.doubt(error.message)
        return found

    def _changed(self, state: DirSyncState, listed: Mapping[str, ListedObject]) -> set[str] | None:
        """Return what changed, by DirSync and by change numbers where these are the same server's; null without either."""
        root = self._reading.root
        same = root.service == state.service and root.usn >= state.usn
        dirsync = self._dirsync(state.cookie, FILTER) if state.cookie else None
        if dirsync is None and not same:
            return None
        counted = {g for g, item in listed.items() if item.usn is None or item.usn > state.usn} if same else set()
        return counted | (dirsync[0] if dirsync else set())

    def _dirsync(self, cookie: bytes, query: str) -> tuple[set[str], bytes] | None:
        """Return the objects that changed since a cookie, and the next cookie; null when the server does not say."""
        named = self.named(cookie, query)
        return (set(named.entries), named.cookie) if named else None

    def named(self, cookie: bytes, query: str = "(objectClass=*)") -> NamedObjects | None:
        """Return what changed since a cookie, with the values that did; null when the server does not say all of it.

        Raises ``Transient``.
        """
        entries: dict[str, tuple[str, Values]] = {}
        deleted, followed = False, {cookie}
        while True:
            request = ldap3.protocol.microsoft.dir_sync_control(
                criticality=True,
                object_security=True,
                ancestors_first=False,
                public_data_only=False,
                incremental_values=True,
                max_length=2**20,
                cookie=cookie,
            )
            attributes = [*self._plain_attributes(), "name", "isDeleted"]
            answer = self._session.search(
                self._reading.root.base, query, attributes, scope=ldap3.SUBTREE, controls=(request,)
            )
            control = answer.controls.get(_DIRSYNC)
            if answer.fault or not control:
                return None
            for dn, values in answer.entries:
                if (guid := guid_of(values)) is None:
                    return None
                entries[guid] = dn, values
            deleted = deleted or any("isDeleted" in values for _, values in answer.entries)
            cookie = bytes(control["value"]["cookie"])
            if not control["value"]["more_results"]:
                return NamedObjects(entries, cookie, deleted)
            if cookie in followed:
                return None
            followed.add(cookie)

    def _plain_attributes(self) -> list[str]:
        return [name.partition(";")[0] for name in self._scope.attributes]

    def _bring_up(self, found: DomainObjects, listed: Mapping[str, ListedObject], changed: set[str]) -> None:
        gone = found.objects.keys() - listed.keys()
        moved = {g for g in listed.keys() & found.objects.keys() if found.objects[g][0] != listed[g].dn}
        names: dict[bytes, bytes | None] = {found.objects[g][0].encode(): None for g in gone}
        names |= {found.objects[g][0].encode(): listed[g].dn.encode() for g in moved}
        fresh = listed.keys() - found.objects.keys()
        self._reading.drop_gone(found, sorted(gone))
        for guid in listed.keys() & found.objects.keys():
            _refresh(found, guid, listed[guid])
        # Links are followed before objects are read again, which come with the new names already.
        if names:
            follow_links(found, names)
        wanted = (changed & listed.keys()) | fresh | moved | _with_strangers(found)
        self._reading.read_again(found, sorted(wanted))
        found.facts["read_again"] = len(wanted)


def _refresh(found: DomainObjects, guid: str, listed: ListedObject) -> None:
    """Take over the name and what changes without being a change."""
    _, values = found.objects[guid]
    for name in VOLATILE:
        values.pop(name, None)
        if name in listed.values:
            values[name] = listed.values[name]
    found.objects[guid] = listed.dn, values


def follow_links(found: DomainObjects, names: Mapping[bytes, bytes | None]) -> None:
    """Rewrite links to renamed objects, and drop links to those that are gone."""
    for _, values in found.objects.values():
        for key, held in values.items():
            if key.lower().partition(";")[0] in _LINKS and not names.keys().isdisjoint(held):
                moved = (names.get(value, value) for value in held)
                values[key] = [value for value in moved if value is not None]


def _with_strangers(found: DomainObjects) -> set[str]:
    """Return groups with members that are not listed, such as those of other domains: nobody says when these go."""
    known = {dn.encode() for dn, _ in found.objects.values()}
    return {
        guid
        for guid, (_, values) in found.objects.items()
        if any(key.lower().startswith("member") and not known.issuperset(held) for key, held in values.items())
    }


def state_of(root: RootDse, cookie: bytes, full_at: datetime, found: DomainObjects) -> DirSyncState | None:
    """Return what to leave for the next read; null when this one is in doubt."""
    if found.doubts or found.short:
        return None
    return DirSyncState(root.service, root.usn, cookie, full_at, found.objects)
