"""Effective groups computed here, to be held against what the server itself says; pure.

``tokenGroups`` (MS-ADTS 3.1.1.4.5.19) lists the SIDs that a sign-in of an account
carries: security groups, nested ones and the primary group included. Distribution
groups are not in it, nor is anything reached only through one.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from access_review.connectors.ad import active_directory, identifiers
from access_review.connectors.ad.active_directory import EntryRole
from access_review.connectors.ad.entry import Entry, canonical
from access_review.connectors.ad.windows_values import GroupType


class SecurityGroups:
    """The security groups of a domain and who is directly in them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._parents: dict[str, list[str]] = {}
        self._sid: dict[str, str] = {}
        self._dn: dict[str, str] = {}
        for entry in entries:
            if active_directory.role(entry) is EntryRole.GROUP and (sid := active_directory.sid(entry)):
                self._add(entry, canonical(entry.dn), sid)

    def _add(self, group: Entry, dn: str, sid: str) -> None:
        kind = group.whole("grouptype")
        if kind is None or not kind & GroupType.SECURITY:
            return
        self._sid[dn], self._dn[sid] = sid, dn
        for member in group.all("member"):
            self._parents.setdefault(canonical(member), []).append(dn)

    def __contains__(self, sid: str) -> bool:
        return sid in self._dn

    def of(self, account: Entry) -> frozenset[str]:
        """Return the SIDs of every group that an account is in, however deep."""
        primary = active_directory.primary_group(account)
        waiting = [canonical(account.dn)]
        if primary in self._dn:
            waiting.append(self._dn[primary])
        reached: set[str] = set()
        while waiting:
            dn = waiting.pop()
            if dn in self._sid:
                # Groups may be in one another in a circle.
                if self._sid[dn] in reached:
                    continue
                reached.add(self._sid[dn])
            waiting += self._parents.get(dn, ())
        return frozenset(reached)


def differences(groups: SecurityGroups, account: Entry, token: Iterable[str], *, whole: bool) -> Iterator[str]:
    """Yield how the server's own answer differs; ``whole`` says that every group of the domain should have been read."""
    ours, theirs = groups.of(account), frozenset(token)
    for sid in sorted(ours - theirs):
        yield f"{account.dn} is read as in {sid}, and the server does not say so"
    own = active_directory.sid(account) or ""
    for sid in sorted(theirs - ours):
        if sid in groups:
            yield f"the server says that {account.dn} is in {sid}, and the members read do not"
        elif whole and (identifiers.is_builtin(sid) or sid.rpartition("-")[0] == own.rpartition("-")[0]):
            yield f"the server says that {account.dn} is in {sid}, a group that was not read"


def sample_accounts(accounts: Mapping[str, Entry], size: int) -> list[str]:
    """Return the ids of a few accounts, the same ones each time, spread over all."""
    return sorted(accounts, key=lambda guid: sha256(guid.encode()).digest())[:size]
