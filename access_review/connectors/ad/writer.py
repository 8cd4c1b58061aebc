"""Writes to a domain: one member value, one control bit, each read back on the server that took it.

Objects are addressed by ``<GUID=…>`` (or ``<SID=…>`` for members of another forest), never by
name. A member list is never replaced: one value is deleted or added. The control bits of an
account are swapped against the exact value that was read, which Active Directory refuses
when it is stale (Samba does not look); all bits are read back.

Nothing here decides anything. ``holds`` is asked just before a write and after it, an answer
says what the server said and what reading adds to it, and a lost answer is *unknown*.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ldap3

from access_review.changes import WriteAnswer, WriteResult
from access_review.connectors.ad import identifiers
from access_review.connectors.ad import result_codes as code
from access_review.connectors.ad.domain_reading import escape_filter
from access_review.connectors.ad.entry import Entry
from access_review.connectors.ad.lookup import look_up
from access_review.connectors.ad.result_codes import explain_result
from access_review.connectors.ad.server import LdapResult as Reply
from access_review.connectors.ad.server import Session
from access_review.connectors.ad.windows_values import UserAccountControl
from access_review.errors import ConnectorError, Transient

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SID = re.compile(r"S-1-5-21(-\d{1,10}){4}")
# A plain number: the complement of an IntFlag forgets the bits that the flag does not name.
_DISABLED = int(UserAccountControl.DISABLED)
_CHANGED_MEANWHILE = frozenset({code.NO_SUCH_ATTRIBUTE, 19, code.ALREADY_THERE})
_NOTHING_TO_DO = frozenset({code.UNWILLING, code.NO_SUCH_ATTRIBUTE, code.ENTRY_EXISTS, code.ALREADY_THERE})
_WITHOUT_PRIMARY = frozenset({"group", "contact", "foreignsecurityprincipal"})
# After these it is not certain that nothing was done.
_UNCLEAR = frozenset({code.TIME_LIMIT, code.ADMIN_LIMIT, code.OTHER})
NOT_SEEN = "the account or the group is not seen: deleted, or hidden from this account"
DELETED = "the group is deleted, and nobody is a member of it any more"
PRIMARY = "it is the account's primary group, which no member value shows: give it another one first"
ADMIN_SD_HOLDER = (
    "AdminSDHolder protects it, so a delegated writer cannot change it: hand it to those who administer tier 0"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """An attribute of the group that is swapped in the same modify, so that the write fails if it moved meanwhile."""

    attribute: str
    seen: str | None
    next: str


class DirectoryWriter:
    """One session of the account that may write."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def server(self) -> str:
        """The server that is written to and read back from."""
        return str(self._session.address)

    def holds(self, member: str, group: str) -> bool | None:
        """Tell whether a member value is there, null when that cannot be told; ids are GUIDs or SIDs.

        Raises ``ConnectorError`` where nobody answers.
        """
        return self.look(member, group)[0]

    def look(self, member: str, group: str) -> tuple[bool | None, str]:
        """Tell as :meth:`holds` does, and why where it cannot be told; raises ``ConnectorError`` where nobody answers.

        It is not there only where that shows: the group answers the opposite question, and the member itself does not
        name the group. A server that does not let this account see the members says of all of them that they are none.
        """
        found = self._entry(member, ["objectClass", "distinguishedName", "primaryGroupID"])
        if found is None:
            return None, NOT_SEEN
        # A compare by filter finds one value of a list of any length, which reading the list in pieces would not.
        has = f"(member={escape_filter(found.dn)})"
        if look_up(self._session, address_of(group), ["objectGUID"], has):
            return True, ""
        opposite = look_up(self._session, address_of(group), ["objectSid"], f"(!{has})")
        if opposite is None:
            return (False, DELETED) if self._is_deleted(group) else (None, NOT_SEEN)
        return self._not_listed(member, found, Entry.of(*opposite, group))

    def _is_deleted(self, native: str) -> bool:
        """Tell whether the server shows what is left of a deleted object; not to be seen at all proves nothing.

        Whoever may not read deleted objects is shown none, and then it is not known.
        """
        show = ldap3.protocol.microsoft.show_deleted_control(criticality=True)
        return (
            look_up(self._session, address_of(native), ["isDeleted"], "(isDeleted=TRUE)", controls=(show,)) is not None
        )

    def _not_listed(self, member: str, found: Entry, group: Entry) -> tuple[bool | None, str]:
        """Tell about a member that the group does not show; the member itself may show the group."""
        named = self._session.search(address_of(member), f"(memberOf={escape_filter(group.dn)})", ["objectGUID"])
        if named.fault:
            return None, NOT_SEEN
        if named.entries:
            return None, "it is a member, but the members of the group cannot be read: grant Read Members on the group"
        primary = _is_primary(found, group)
        if primary is None:
            return None, "whether it is the account's primary group cannot be read"
        return (None, PRIMARY) if primary else (False, "")

    def guard(self, group: str, attribute: str, following: str) -> Guard:
        """Read a guard attribute; ``following`` is the value that the write will leave. Raises ``ConnectorError``."""
        found = self._entry(group, [attribute])
        return Guard(attribute, found.text(attribute) if found else None, following)

    def revoke(self, member: str, group: str, guard: Guard | None = None) -> WriteAnswer:
        """Remove one member value."""
        return self._member(member, group, ldap3.MODIFY_DELETE, guard)

    def restore(self, member: str, group: str, guard: Guard | None = None) -> WriteAnswer:
        """Add one member value again."""
        return self._member(member, group, ldap3.MODIFY_ADD, guard)

    def _member(self, member: str, group: str, change: str, guard: Guard | None) -> WriteAnswer:
        changes: dict[str, Any] = {"member": [(change, [address_of(member)])], **(_swap(guard) if guard else {})}
        try:
            reply = self._session.modify(address_of(group), changes)
            if reply.code == code.SUCCESS:
                return WriteAnswer(WriteResult.DONE, self.server)
            # Delete and add stand in one modify: when the guard moved, the member is untouched too.
            if guard is not None and reply.code in _CHANGED_MEANWHILE:
                return WriteAnswer(WriteResult.TRANSIENT, self.server, "the group changed since it was looked at")
            if reply.code in _NOTHING_TO_DO:
                return self._explained(member, group, reply, wanted=change == ldap3.MODIFY_ADD)
            return self._refused(group, reply)
        except Transient as error:
            return WriteAnswer(WriteResult.UNKNOWN, self.server, error.message)

    def _explained(self, member: str, group: str, reply: Reply, *, wanted: bool) -> WriteAnswer:
        """Tell the causes apart that share their codes, by reading."""
        try:
            now, why = self.look(member, group)
        except ConnectorError as error:
            now, why = None, error.message
        if now is None and why == PRIMARY:
            return WriteAnswer(WriteResult.REFUSED, self.server, PRIMARY)
        if now is None:
            return WriteAnswer(WriteResult.UNKNOWN, self.server, f"{_said(reply)}; {why}")
        if now == wanted:
            return WriteAnswer(WriteResult.ABSENT, self.server, "there was nothing to do")
        return self._refused(group, reply)

    def _refused(self, native: str, reply: Reply) -> WriteAnswer:
        """Say why a server did not do it, and whether it may later."""
        if reply.code in code.PASSING:
            return WriteAnswer(WriteResult.TRANSIENT, self.server, _said(reply))
        if reply.code in _UNCLEAR:
            return WriteAnswer(WriteResult.UNKNOWN, self.server, _said(reply))
        if reply.code == code.INSUFFICIENT_RIGHTS:
            with suppress(ConnectorError):
                found = self._entry(native, ["adminCount"])
                if found is not None and found.whole("admincount"):
                    return WriteAnswer(WriteResult.REFUSED, self.server, ADMIN_SD_HOLDER)
        return WriteAnswer(WriteResult.REFUSED, self.server, _said(reply))

    def control(self, account: str) -> int | None:
        """Return ``userAccountControl`` of an account, null when it is not shown; raises ``ConnectorError``."""
        found = self._entry(account, ["userAccountControl"])
        return found.whole("useraccountcontrol") if found else None

    def enabled(self, account: str) -> bool | None:
        """Tell whether an account may sign in, null when that is not shown; raises ``ConnectorError``."""
        control = self.control(account)
        return None if control is None else not control & _DISABLED

    def disable(self, account: str) -> WriteAnswer:
        """Set the one bit that ends sign-in, against the exact value read before."""
        return self._set(account, disabled=True)

    def enable(self, account: str) -> WriteAnswer:
        """Take the bit away again."""
        return self._set(account, disabled=False)

    def _set(self, account: str, *, disabled: bool) -> WriteAnswer:
        try:
            old = self.control(account)
        except ConnectorError as error:
            return WriteAnswer(WriteResult.TRANSIENT, self.server, error.message)
        try:
            if old is None:
                return WriteAnswer(
                    WriteResult.TRANSIENT, self.server, "the account cannot be read: check that it still exists"
                )
            new = old | _DISABLED if disabled else old & ~_DISABLED
            if new == old:
                return WriteAnswer(WriteResult.ABSENT, self.server, "there was nothing to do")
            swap = [(ldap3.MODIFY_DELETE, [str(old)]), (ldap3.MODIFY_ADD, [str(new)])]
            reply = self._session.modify(address_of(account), {"userAccountControl": swap})
            if reply.code == code.SUCCESS:
                return self._control_back(account, new)
            if reply.code in _CHANGED_MEANWHILE:
                return WriteAnswer(WriteResult.TRANSIENT, self.server, "the account changed since it was looked at")
            return self._refused(account, reply)
        except Transient as error:
            return WriteAnswer(WriteResult.UNKNOWN, self.server, error.message)

    def _control_back(self, account: str, wanted: int) -> WriteAnswer:
        """Look at all bits: only one was to change."""
        now = None
        with suppress(ConnectorError):  # the next read decides
            now = self.control(account)
        odd = "" if now in {wanted, None} else f"control bits are {now:#x} and should be {wanted:#x}: look at them"
        return WriteAnswer(WriteResult.DONE, self.server, odd)

    def _entry(self, native: str, attributes: Sequence[str]) -> Entry | None:
        shown = look_up(self._session, address_of(native), attributes)
        return Entry.of(*shown, native) if shown else None


def is_immutable_id(native: str) -> bool:
    """Tell whether an id is one that no rename changes."""
    return bool(_GUID.fullmatch(native) or _SID.fullmatch(native))


def address_of(native: str) -> str:
    """Return the address of an object that no rename changes; raises ``ValueError`` for an id that may change."""
    if _GUID.fullmatch(native):
        return f"<GUID={native}>"
    if _SID.fullmatch(native):
        return f"<SID={native}>"
    raise ValueError(f"{native!r} is neither a GUID nor a SID, so nothing is written by it")


def _is_primary(member: Entry, group: Entry) -> bool | None:
    """Tell whether a group is an account's primary group, which no member value shows; null where that cannot be read."""
    if member.classes() & _WITHOUT_PRIMARY:
        return False
    number, sid = member.whole("primarygroupid"), group.first("objectsid")
    try:
        return None if number is None or sid is None else identifiers.rid(identifiers.sid(sid)) == number
    except ValueError:
        return None


def _swap(guard: Guard) -> dict[str, list[tuple[str, list[str]]]]:
    removal = [] if guard.seen is None else [(ldap3.MODIFY_DELETE, [guard.seen])]
    return {guard.attribute: [*removal, (ldap3.MODIFY_ADD, [guard.next])]}


def _said(reply: Reply) -> str:
    meaning = explain_result(reply.code, reply.message)
    return f"{meaning.what}; {meaning.advice}"
