"""An Active Directory in memory, behind the sessions of the tool: users and groups that change, and a server that fails.

It answers what a reader asks for: the root, paged listings, DirSync with its cookies, single objects, deleted ones and what
the server computes for an account. Like many readers', this one may not see deleted objects. ``faults`` are of the next
requests: a code of LDAP, a lost connection, or entries that are left out.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from access_review.connectors import Source
from access_review.connectors.ad.server import LdapResult
from access_review.errors import Transient

BASE = "DC=norwind,DC=test"
DIRSYNC = "1.2.840.113556.1.4.841"
_AD = b"1.2.840.113556.1.4.800"
_SUBTREE = "SUBTREE"

Values = dict[str, list[bytes]]


@dataclass
class FakeDirectory:
    """One domain; ``now`` is its clock."""

    now: Callable[[], datetime]
    objects: dict[str, tuple[str, Values]] = field(default_factory=dict)
    usn: int = 1000
    service: str = "CN=NTDS Settings,CN=DC1"
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _groups: int = 0

    def user(self, name: str, number: int) -> str:
        """Add a user; return where it is."""
        dn = f"CN={name},OU=Staff,{BASE}"
        values = {"employeeID": f"{number:05}", "userAccountControl": "512", "primaryGroupID": "513"}
        self._add(dn, 2000 + number, ["user"], sAMAccountName=name, **values)
        return dn

    def group(self, name: str, number: int) -> str:
        """Add a group; return where it is."""
        dn = f"CN={name},OU=Groups,{BASE}"
        self._add(dn, number, ["group"], sAMAccountName=name, groupType="-2147483646")
        return dn

    def _add(self, dn: str, rid: int, classes: Sequence[str], **values: str) -> None:
        guid = uuid.uuid5(uuid.NAMESPACE_DNS, f"{rid}")
        self.objects[str(guid)] = (
            dn,
            {
                "objectClass": [b"top", *(one.encode() for one in classes)],
                "objectGUID": [guid.bytes_le],
                "objectSid": [
                    b"\x01\x05" + (5).to_bytes(6, "big") + b"".join(n.to_bytes(4, "little") for n in (21, 7, 8, 9, rid))
                ],
                "whenCreated": [b"20260105080000.0Z"],
                **{name: [value.encode()] for name, value in values.items()},
            },
        )
        self._touch(str(guid))

    def change(self, dn: str, name: str, *values: str) -> None:
        """Give an attribute of an object other values."""
        guid = next(guid for guid, (at, _) in self.objects.items() if at == dn)
        self.objects[guid][1].pop(name, None)
        if values:
            self.objects[guid][1][name] = [value.encode() for value in values]
        self._touch(guid)

    def rename(self, dn: str, to: str) -> None:
        """Give an object another name; members of groups go with it, and no group counts as changed."""
        guid = next(guid for guid, (at, _) in self.objects.items() if at == dn)
        self.objects[guid] = to, self.objects[guid][1]
        for _, values in self.objects.values():
            if dn.encode() in values.get("member", ()):
                values["member"] = [to.encode() if one == dn.encode() else one for one in values["member"]]
        self._touch(guid)

    def _touch(self, guid: str) -> None:
        self.usn += 1
        self.objects[guid][1]["uSNChanged"] = [b"%d" % self.usn]

    def member(self, group: str) -> set[str]:
        """Return who is in a group."""
        (values,) = (values for dn, values in self.objects.values() if dn == group)
        return {one.decode() for one in values.get("member", ())}

    @contextmanager
    def session(self) -> Iterator["FakeSession"]:
        """Open a session, if the server lets anybody in."""
        if "unreachable" in self.faults:
            self.faults.remove("unreachable")
            raise Transient("ad", "nobody answers")
        yield FakeSession(self)


@dataclass
class FakeSession:
    """What :class:`access_review.connectors.ad.server.Session` is to a reader."""

    directory: FakeDirectory
    source: Source = field(default_factory=lambda: Source("ad", None))  # type: ignore[arg-type]
    address: str = "ldaps://dc1.norwind.test"

    def search(self, base: str, query: str, attributes: Sequence[str], **how: Any) -> LdapResult:
        return self.receive(base, query, attributes, **how)

    def decoded(self, answer: LdapResult) -> LdapResult:
        return answer

    def receive(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        *,
        scope: str = "BASE",
        page: tuple[int, bytes] | None = None,
        controls: Sequence[Any] = (),
    ) -> LdapResult:
        self.directory.asked.append(query)
        wanted = {name.partition(";")[0] for name in attributes}
        if base == "":
            return LdapResult(0, "", [("", self._root())])
        if any(str(control["controlType"]) == DIRSYNC for control in controls):
            return self._dirsync(query, bytes(controls[0]["controlValue"]), wanted)
        if base.startswith("<GUID="):
            return self._one(base[6:-1], wanted)
        if scope != _SUBTREE:
            return LdapResult(0, "", [(BASE, {"minPwdLength": [b"12"]})])
        if "isDeleted" in query:
            return LdapResult(0, "", [], b"")
        return self._page(page or (1000, b""), wanted)

    def _root(self) -> Values:
        domain = self.directory
        return {
            "defaultNamingContext": [BASE.encode()],
            "dnsHostName": [b"dc1.norwind.test"],
            "dsServiceName": [domain.service.encode()],
            "highestCommittedUSN": [b"%d" % domain.usn],
            "currentTime": [f"{domain.now():%Y%m%d%H%M%S}.0Z".encode()],
            "supportedCapabilities": [_AD],
        }

    def _shown(self, dn: str, values: Values, wanted: set[str]) -> tuple[str, Values]:
        return dn, {name: list(held) for name, held in values.items() if name in wanted}

    def _one(self, guid: str, wanted: set[str]) -> LdapResult:
        found = self.directory.objects.get(str(uuid.UUID(guid)))
        if found is None:
            return LdapResult(32, "no such object")
        dn, values = self._shown(*found, wanted)
        if "tokenGroups" in wanted:
            values["tokenGroups"] = self._tokens(found[0], found[1])
        return LdapResult(0, "", [(dn, values)])

    def _tokens(self, dn: str, values: Values) -> list[bytes]:
        inside, groups = {dn.encode()}, list(self.directory.objects.values())
        for _ in groups:
            inside |= {at.encode() for at, held in groups if inside & {*held.get("member", ())}}
        sids = [held["objectSid"][0] for at, held in groups if at.encode() in inside and at != dn]
        primary = values["objectSid"][0][:-4] + int(values["primaryGroupID"][0]).to_bytes(4, "little")
        return [*sids, primary]

    def _page(self, page: tuple[int, bytes], wanted: set[str]) -> LdapResult:
        faults, every = self.directory.faults, list(self.directory.objects.values())
        start = int(page[1] or b"0")
        entries = [self._shown(dn, values, wanted) for dn, values in every[start : start + page[0]]]
        if start and faults and faults[0] in {"51", "52", "lost", "left out"}:
            match faults.pop(0):
                case "lost":
                    raise Transient("ad", "the connection was lost")
                case "left out":
                    entries = entries[1:]
                case code:
                    return LdapResult(int(code), "", entries, b"")
        after = start + page[0]
        return LdapResult(0, "", entries, b"%d" % after if after < len(every) else b"")

    def _dirsync(self, query: str, control: bytes, wanted: set[str]) -> LdapResult:
        _, named, since = control.rpartition(b"usn=")
        if "no dirsync" in self.directory.faults:
            self.directory.faults.remove("no dirsync")
            return LdapResult(12, "no such control")
        changed = [
            self._shown(dn, values, wanted)
            for dn, values in self.directory.objects.values()
            if named and int(values["uSNChanged"][0]) > int(since)
        ]
        value = {"cookie": b"usn=%d" % self.directory.usn, "more_results": 0}
        return LdapResult(0, "", [] if "objectGUID=" in query else changed, controls={DIRSYNC: {"value": value}})
