"""Writes to a domain: one member value, one control bit, each read back on the server that took it.

Objects are addressed by ``<GUID=…>`` (or ``<SID=…>`` for members of another forest), never by
name. A member list is never replaced: one value is deleted or added. The control bits of an
account are swapped against the exact value that was read, which Active Directory refuses
when it is stale (Samba does not look); all bits are read back.

Nothing here decides anything. ``holds`` is asked just before a write and after it, the
outcome says what is now the case on this server, and a lost answer is *unknown*.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import ldap3

from access_review.connectors import directory_errors as code
from access_review.connectors import windows
from access_review.connectors.directory_errors import words
from access_review.connectors.directory_server import Answer, Servers, Session
from access_review.connectors.domain_reading import escaped
from access_review.connectors.ldap_entry import Entry
from access_review.connectors.windows import UserAccountControl
from access_review.errors import ConnectorError, Transient

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SID = re.compile(r"S-1-5-21(-\d{1,10}){4}")
# A plain number: the complement of an IntFlag forgets the bits that the flag does not name.
_DISABLED = int(UserAccountControl.DISABLED)
_CHANGED_MEANWHILE = frozenset({code.NO_SUCH_ATTRIBUTE, 19, code.ALREADY_THERE})


class State(StrEnum):
    """What came of one write on the server that was asked.

    ``pending``: done and read back, to be proven by a later read. ``absent``: there was nothing to
    do. ``refused``: it must not or cannot be done this way. ``failed``: the server did not do
    it. ``unknown``: its answer was lost, so that only a read can tell.
    """

    PENDING = "pending"
    ABSENT = "absent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one write, why, and which server says so."""

    state: State
    server: str
    reason: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """An attribute of the group that is swapped in the same modify, so that the write fails if it moved meanwhile."""

    attribute: str
    seen: str | None
    next: str


class Writing:
    """One session of the account that may write."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def server(self) -> str:
        """The server that is written to and read back from."""
        return str(self._session.address)

    def holds(self, member: str, group: str) -> bool | None:
        """Tell whether a member value is there, null when member or group cannot be seen; ids are GUIDs or SIDs."""
        found = self._entry(member, ["distinguishedName"])
        if found is None:
            return None
        # Alone, the filter could not tell a group that does not match from one that is not seen.
        if self._entry(group, ["objectGUID"]) is None:
            return None
        answer = self._session.search(at(group), f"(member={escaped(found.dn)})", ["objectGUID"])
        return None if answer.fault else bool(answer.entries)

    def is_primary(self, member: str, group: str) -> bool | None:
        """Tell whether a group is an account's primary group, which no member value shows."""
        account = self._entry(member, ["objectSid", "primaryGroupID"])
        other = self._entry(group, ["objectSid"])
        number = account.whole("primarygroupid") if account else None
        sid = other.first("objectsid") if other else None
        return None if number is None or sid is None else windows.rid(windows.sid(sid)) == number

    def guard(self, group: str, attribute: str, following: str) -> Guard:
        """Read a guard attribute; ``following`` is the value that the write will leave."""
        found = self._entry(group, [attribute])
        return Guard(attribute, found.text(attribute) if found else None, following)

    def revoke(self, member: str, group: str, guard: Guard | None = None) -> Outcome:
        """Remove one member value."""
        return self._member(member, group, ldap3.MODIFY_DELETE, guard)

    def restore(self, member: str, group: str, guard: Guard | None = None) -> Outcome:
        """Add one member value again."""
        return self._member(member, group, ldap3.MODIFY_ADD, guard)

    def _member(self, member: str, group: str, change: str, guard: Guard | None) -> Outcome:
        changes: dict[str, Any] = {"member": [(change, [at(member)])], **(_swap(guard) if guard else {})}
        wanted = change == ldap3.MODIFY_ADD
        try:
            answer = self._session.modify(at(group), changes)
            if answer.code == code.SUCCESS:
                return self._read_back(member, group, wanted=wanted)
            return self._explained(member, group, answer, wanted=wanted, guarded=guard is not None)
        except Transient as error:
            return Outcome(State.UNKNOWN, self.server, error.message, "read before anything else is done")

    def _read_back(self, member: str, group: str, *, wanted: bool) -> Outcome:
        now = self.holds(member, group)
        if now is None:
            return Outcome(State.UNKNOWN, self.server, "done, and it cannot be read back", "check the rights to read")
        if now == wanted:
            return Outcome(State.PENDING, self.server)
        return Outcome(State.FAILED, self.server, "the server said done, and reading says that it is not")

    def _explained(self, member: str, group: str, answer: Answer, *, wanted: bool, guarded: bool) -> Outcome:
        """Tell the causes of a refusal apart, which share their codes, by reading."""
        if guarded and answer.code in _CHANGED_MEANWHILE:
            return Outcome(State.REFUSED, self.server, "the group changed since it was looked at", "look again")
        said = words(answer.code, answer.message)
        if answer.code in {code.UNWILLING, code.NO_SUCH_ATTRIBUTE, code.ENTRY_EXISTS, code.ALREADY_THERE}:
            now = self.holds(member, group)
            if now is None:
                return Outcome(State.UNKNOWN, self.server, said.what, "check that both objects still exist")
            if not wanted and self.is_primary(member, group):
                reason = "it is the account's primary group, which no member value shows"
                return Outcome(State.REFUSED, self.server, reason, "give the account another primary group first")
            if now == wanted:
                return Outcome(State.ABSENT, self.server, "there was nothing to do")
        return Outcome(State.FAILED, self.server, said.what, said.advice)

    def control(self, account: str) -> int | None:
        """Return ``userAccountControl`` of an account, null when it cannot be read."""
        found = self._entry(account, ["userAccountControl"])
        return found.whole("useraccountcontrol") if found else None

    def disable(self, account: str) -> Outcome:
        """Set the one bit that ends sign-in, against the exact value read before."""
        return self._set(account, disabled=True)

    def enable(self, account: str) -> Outcome:
        """Take the bit away again."""
        return self._set(account, disabled=False)

    def _set(self, account: str, *, disabled: bool) -> Outcome:
        try:
            old = self.control(account)
            if old is None:
                return Outcome(State.FAILED, self.server, "the account cannot be read", "check that it still exists")
            new = old | _DISABLED if disabled else old & ~_DISABLED
            if new == old:
                return Outcome(State.ABSENT, self.server, "there was nothing to do")
            swap = [(ldap3.MODIFY_DELETE, [str(old)]), (ldap3.MODIFY_ADD, [str(new)])]
            answer = self._session.modify(at(account), {"userAccountControl": swap})
            if answer.code == code.SUCCESS:
                return self._control_back(account, new)
            if answer.code in _CHANGED_MEANWHILE:
                return Outcome(State.REFUSED, self.server, "the account changed since it was looked at", "look again")
            said = words(answer.code, answer.message)
            return Outcome(State.FAILED, self.server, said.what, said.advice)
        except Transient as error:
            return Outcome(State.UNKNOWN, self.server, error.message, "read before anything else is done")

    def _control_back(self, account: str, wanted: int) -> Outcome:
        now = self.control(account)
        if now == wanted:
            return Outcome(State.PENDING, self.server)
        if now is None:
            return Outcome(State.UNKNOWN, self.server, "done, and it cannot be read back", "check the rights to read")
        return Outcome(State.FAILED, self.server, f"control bits are {now:#x} and should be {wanted:#x}", "look again")

    def _entry(self, native: str, attributes: Sequence[str]) -> Entry | None:
        answer = self._session.search(at(native), "(objectClass=*)", attributes)
        if answer.fault or len(answer.entries) != 1:
            return None
        dn, values = answer.entries[0]
        return Entry.of(dn, values, native)


@contextmanager
def writing(servers: Servers) -> Iterator[Writing]:
    """Open a session to write through; raises as :meth:`Servers.session` does."""
    with servers.session() as session:
        yield Writing(session)


def replicas(servers: Servers, member: str, group: str) -> Mapping[str, bool | None]:
    """Return what every server says of a member value, null for those that cannot tell."""
    found: dict[str, bool | None] = {}
    for one in servers.each():
        try:
            with writing(one) as session:
                found[session.server] = session.holds(member, group)
        except ConnectorError:
            found[str(one.addresses[0])] = None
    return found


def at(native: str) -> str:
    """Return the address of an object that no rename changes; raises ``ValueError`` for an id that may change."""
    if _GUID.fullmatch(native):
        return f"<GUID={native}>"
    if _SID.fullmatch(native):
        return f"<SID={native}>"
    raise ValueError(f"{native!r} is neither a GUID nor a SID, so nothing is written by it")


def _swap(guard: Guard) -> dict[str, list[tuple[str, list[str]]]]:
    taken = [] if guard.seen is None else [(ldap3.MODIFY_DELETE, [guard.seen])]
    return {guard.attribute: [*taken, (ldap3.MODIFY_ADD, [guard.next])]}
