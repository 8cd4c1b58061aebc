"""Memberships by DN or SID, turned into grants and nesting when everything has been read.

A directory names members before or after it lists them, and names some that it
does not hold at all: objects of other domains and forests, deleted objects,
identities such as Authenticated Users. What is not found here becomes a
reference, for the snapshot to resolve among all sources or to count.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from access_review.connectors import Source, problem
from access_review.connectors.ad.well_known import identity_name
from access_review.tables import Row, ref

MEMBER_TABLES = ("grants", "nesting")

_FOREIGN = re.compile(r"cn=(s-1-[0-9-]+),cn=foreignsecurityprincipals,.*", re.DOTALL)
_TIER_0 = "AdminSDHolder: tier-0 script"
_PRIMARY = "primary group: change primaryGroupID first"


class Principal(NamedTuple):
    """An account or group that was read; ``tier0`` says that AdminSDHolder keeps delegated writers out of it."""

    id: str
    group: bool
    tier0: bool = False


class Name(NamedTuple):
    """What a membership says: an alias scheme (``dn``, ``sid``) and the value in canonical form."""

    scheme: str
    value: str


class Memberships:
    """Who was read under which name, and who is said to be a member of what."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._principals: dict[Name, Principal] = {}
        self._ambiguous: set[Name] = set()
        self._not_members: dict[Name, tuple[str, str]] = {}
        self._foreign: dict[Name, Name] = {}
        self._members: list[tuple[Principal, Name, datetime | None]] = []
        self._primary: list[tuple[Principal, Name]] = []
        self._back: list[tuple[Principal, Name, bool]] = []
        self._owners: list[tuple[Principal, Name]] = []
        self._history: list[tuple[Principal, str]] = []
        self._edges: set[tuple[str, str]] = set()
        # Counted by rows(): back-links without a forward link, and groups that only back-links name.
        self.unanswered = 0
        self.unread = 0
        # Groups of which a member is named as two objects are.
        self.unclear: set[str] = set()

    def add_principal(self, principal: Principal, *names: Name | None) -> None:
        """Say under which names an object was read."""
        for name in names:
            if name is not None and self._principals.setdefault(name, principal).id != principal.id:
                self._ambiguous.add(name)

    def add_foreign(self, name: Name, foreign: str) -> None:
        """Say that an object only stands for the SID of another domain."""
        self._foreign[name] = Name("sid", foreign)

    def add_unable(self, name: Name, kind: str, reason: str) -> None:
        """Say that an object was read that cannot hold anything, and the problem that a member like it is."""
        self._not_members[name] = (kind, reason)

    def add_member(self, group: Principal, name: Name, since: datetime | None = None) -> None:
        """Note a member of a group, and since when where the directory says so."""
        self._members.append((group, name, since))

    def add_primary_group(self, account: Principal, group: Name) -> None:
        """Note the primary group of an account, which no member list shows."""
        self._primary.append((account, group))

    def add_back_link(self, principal: Principal, group: Name, *, reaches: bool = False) -> None:
        """Note a back-link: it proves that a member list should have shown it, that of the group or of one inside it."""
        self._back.append((principal, group, reaches))

    def add_owner(self, principal: Principal, owner: Name) -> None:
        """Note who answers for an object."""
        self._owners.append((principal, owner))

    def add_former_sid(self, principal: Principal, sid: str) -> None:
        """Note a SID of an object's past (SID history)."""
        self._history.append((principal, sid))

    @property
    def stated(self) -> int:
        """How many memberships groups themselves have stated."""
        return len(self._members)

    @property
    def of_accounts(self) -> int:
        """How many groups accounts say that they are in: their primary groups, and those that were not read."""
        return len(self._primary) + self.unread

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield grants, nesting, owners, the aliases of SID histories, and the members that are none."""
        for group, name, since in self._members:
            yield from self._member_rows(group, name, since)
        for account, name in self._primary:
            yield from self._primary_rows(account, name)
        yield from self._owner_rows()
        yield from self._history_rows()
        yield from self._back_link_rows()

    def _back_link_rows(self) -> Iterator[tuple[str, Row]]:
        """Hold back-links against what groups state; groups that were not read are named, with how many they hold."""
        unread: Counter[str] = Counter()
        parents: dict[str, set[str]] = defaultdict(set)
        for child, parent in self._edges:
            parents[child].add(parent)
        for principal, name, reaches in self._back:
            group = self._find(name)
            if group is None:
                unread[name.value] += 1
            elif (principal.id, group.id) not in self._edges:
                self.unanswered += not (reaches and group.id in _reached(principal.id, parents))
        for dn, count in sorted(unread.items()):
            self.unread += 1
            reason = f"{count} of the objects read here are in a group that this source did not read"
            yield problem(self._source, f"memberOf {dn}", "unresolved", reason, dn)

    def _member_rows(self, group: Principal, name: Name, since: datetime | None) -> Iterator[tuple[str, Row]]:
        name = self._foreign.get(name, name)
        found = self._find(name)
        if name in self._ambiguous:
            self.unclear.add(group.id)
        if found is None and (foreign := _FOREIGN.fullmatch(name.value)):
            name = Name("sid", foreign[1].upper())
            found = self._find(name)
        member = found.id if found else ref(*name)
        # One member may stand twice: by its DN, and as the stand-in of another domain for it.
        if (member, group.id) in self._edges:
            return
        self._edges.add((member, group.id))
        if found is None and (fault := self._fault(name)):
            yield problem(self._source, f"{group.id} member {name.value}", *fault, subject=group.id)
        elif found is not None and found.group:
            yield "nesting", self._nesting(found, group)
        else:
            # A member list is the group's: only where that is kept from delegated writers are they refused.
            grant = self._grant(member, group.id, "member", _TIER_0 if group.tier0 else None)
            yield "grants", grant if since is None else {**grant, "since": since}

    def _find(self, name: Name) -> Principal | None:
        # Two objects of one name: the snapshot is told of both and takes neither.
        return None if name in self._ambiguous else self._principals.get(name)

    def _fault(self, name: Name) -> tuple[str, str] | None:
        if name in self._not_members:
            return self._not_members[name]
        if "\\0adel:" in name.value:
            return "dangling-member", "deleted object"
        if name.scheme in {"uid", "gid"}:
            return "dangling-member", f"no single object has {name.scheme} {name.value}"
        known = identity_name(name.value) if name.scheme == "sid" else None
        return ("well-known-member", f"{known} is not an account") if known else None

    def _primary_rows(self, account: Principal, name: Name) -> Iterator[tuple[str, Row]]:
        found = self._find(name)
        if found is None and (fault := self._fault(name)):
            yield problem(self._source, f"{account.id} primary group {name.value}", *fault, subject=account.id)
            return
        group = found.id if found else ref(*name)
        # Some servers show a primary group as a member value besides: it is held once, and the value can be removed.
        if (account.id, group) not in self._edges:
            self._edges.add((account.id, group))
            yield "grants", self._grant(account.id, group, "primary", _PRIMARY)

    def _grant(self, account: str, entitlement: str, via: str, why_not: str | None) -> Row:
        return {
            "account": account,
            "entitlement": entitlement,
            "mode": "assigned",
            "via": via,
            "mastered_in": self._source.name,
            "removable": why_not is None,
            "why_not": why_not,
        }

    def _nesting(self, child: Principal, parent: Principal) -> Row:
        return {
            "child": child.id,
            "parent": parent.id,
            "mode": "assigned",
            "why": "member",
            "reach": "transitive",
            "mastered_in": self._source.name,
            "removable": not parent.tier0,
            "why_not": _TIER_0 if parent.tier0 else None,
        }

    def _owner_rows(self) -> Iterator[tuple[str, Row]]:
        pairs = {(principal.id, found.id if (found := self._find(n)) else ref(*n)) for principal, n in self._owners}
        for principal, owner in sorted(pairs):
            yield "owners", {"object": principal, "owner": owner}

    def _history_rows(self) -> Iterator[tuple[str, Row]]:
        for principal, sid in sorted(set(self._history)):
            now = self._find(Name("sid", sid))
            if now is None:
                yield "aliases", {"scheme": "sid", "value": sid, "id": principal.id}
            elif now.id != principal.id:
                reason = f"SID history names {now.id}, which still exists: whoever signs in here acts as both"
                yield problem(self._source, f"{principal.id} sIDHistory {sid}", "ambiguous", reason, principal.id)


def _reached(start: str, parents: Mapping[str, set[str]]) -> set[str]:
    """Return every group that something is in, through others too."""
    found: set[str] = set()
    following = [start]
    while following:
        fresh = parents.get(following.pop(), set()) - found
        found |= fresh
        following += fresh
    return found
