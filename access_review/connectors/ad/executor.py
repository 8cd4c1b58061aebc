"""Changes of a plan carried out in a domain, and looked at on every one of its servers.

Between a change and what :mod:`access_review.connectors.ad.writer` can do stands only this: which ids are
meant, and what becomes of a connection that is lost.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from access_review.changes import Action, Change, Sighting, Thing, WriteAnswer, WriteResult
from access_review.connectors.ad.server import Servers, Session
from access_review.connectors.ad.writer import NOT_SEEN, DirectoryWriter, Guard, is_immutable_id
from access_review.errors import ConnectorError, Transient

_MEMBERS = frozenset({Action.REMOVE_MEMBER, Action.CUT_NESTING, Action.ADD_MEMBER, Action.ADD_NESTING})
_ACCOUNTS = frozenset({Action.DISABLE_ACCOUNT, Action.ENABLE_ACCOUNT})

T = TypeVar("T")


def covers(change: Change) -> bool:
    """Tell whether a change is of a directory's own objects, by ids that never change."""
    ends = _ends(change)
    return bool(ends) and all(_own(thing, change.target.source) for thing in ends)


class DirectoryExecutor:
    """A domain that can be written to; an :class:`~access_review.changes.Executor`.

    All is read and written on the one server that answered first: what another server shows may be
    older than the last write. A lost connection to it is opened again before the next read. ``guard``
    names an attribute of groups that each change of their members swaps.
    """

    def __init__(self, servers: Servers, guard: str | None = None) -> None:
        self._servers = servers
        self._guard = guard
        self._guards: dict[str, Guard] = {}
        self._session: Session | None = None

    @property
    def server(self) -> str:
        """The server that is read and written; the first to try while none has answered."""
        return str(self._servers.addresses[0])

    def open(self) -> DirectoryWriter:
        """Open the session unless it is open; raises as :meth:`Servers.session` does."""
        if self._session is None:
            self._session = self._servers.open_session()
            self._servers = replace(self._servers, addresses=(self._session.address,))
        return DirectoryWriter(self._session)

    def close(self) -> None:
        """End the session; never fails."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look whether the member value, or the right to sign in, is there."""
        if not covers(change):
            return Sighting(None, self.server, "it is not an object of this directory")
        try:
            there, why = self._read(lambda writing: self._there(writing, change, since))
        except ConnectorError as error:
            self.close()
            return Sighting(None, self.server, error.message)
        return Sighting(there, self.server, why)

    def revoke(self, change: Change) -> WriteAnswer:
        """Remove the one member value, or disable the account."""
        return self._written(change, DirectoryWriter.disable, DirectoryWriter.revoke)

    def restore(self, change: Change) -> WriteAnswer:
        """Add the one member value again, or enable the account."""
        return self._written(change, DirectoryWriter.enable, DirectoryWriter.restore)

    def _there(self, writing: DirectoryWriter, change: Change, since: datetime) -> tuple[bool | None, str]:
        first, *rest = (thing.native_id for thing in _ends(change))
        if not rest:
            enabled = writing.enabled(first)
            return enabled, "" if enabled is not None else NOT_SEEN
        if self._guard:
            # Read before the membership, so that whatever moves the guard after this look stops the write.
            following = f"{change.id} {since.isoformat()}"
            self._guards[change.id] = writing.guard(rest[0], self._guard, following)
        return writing.look(first, rest[0])

    def _written(
        self,
        change: Change,
        account: Callable[[DirectoryWriter, str], WriteAnswer],
        member: Callable[[DirectoryWriter, str, str, Guard | None], WriteAnswer],
    ) -> WriteAnswer:
        if not covers(change):
            return WriteAnswer(
                WriteResult.REFUSED, self.server, "it is not an object of this directory: change it where it is"
            )
        try:
            writing = self.open()
        except ConnectorError as error:
            return WriteAnswer(WriteResult.TRANSIENT, self.server, error.message)
        first, *rest = (thing.native_id for thing in _ends(change))
        answer = member(writing, first, rest[0], self._guards.get(change.id)) if rest else account(writing, first)
        # What was asked last on this connection may still be answered: nothing else is asked on it.
        if answer.result is WriteResult.UNKNOWN:
            self.close()
        return answer

    def _read(self, ask: Callable[[DirectoryWriter], T]) -> T:
        """Read; once more over a new connection where the old one was lost meanwhile."""
        with suppress(Transient):
            if self._session is not None:
                return ask(self.open())
        self.close()
        return ask(self.open())


class EveryServer:
    """Every server of a domain, each looked at by itself; a :class:`~access_review.changes.Witness`."""

    def __init__(self, servers: Servers) -> None:
        self._each: Sequence[DirectoryExecutor] = [DirectoryExecutor(server) for server in servers.each()]

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look on all: one that contradicts what is wanted decides, and then one that cannot tell."""
        seen = [sighting.holds(change, since) for sighting in self._each]
        # What one server still shows may still be used there: the worst sight counts.
        rank: Mapping[bool | None, int] = {not change.action.restores: 0, None: 1, change.action.restores: 2}
        first = min(seen, key=lambda sighting: rank[sighting.there])
        if first.there is change.action.restores:
            return replace(first, server=", ".join(sighting.server for sighting in seen))
        return first

    def close(self) -> None:
        """End all sessions; never fails."""
        for directory in self._each:
            directory.close()


def _ends(change: Change) -> tuple[Thing, ...]:
    """Return what a change is about: an account, or a member and its group; nothing for what is not done here."""
    target = change.target
    if change.action in _ACCOUNTS and target.account is not None:
        return (target.account,)
    member = target.child or target.account
    if change.action in _MEMBERS and member is not None and target.entitlement is not None:
        return (member, target.entitlement)
    return ()


def _own(thing: Thing, source: str) -> bool:
    return thing.id.startswith(f"{source}:") and is_immutable_id(thing.native_id)
