"""Changing a tenant: one grant, one account at a time, addressed by immutable ids.

Nothing is decided here and nothing repeated (:mod:`access_review.revoke.states`). What Graph
will not do is refused before the call, with what to do instead.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from access_review.changes import Action, Change, Sighting, Target, Thing, WriteAnswer, WriteResult
from access_review.connectors.entra.changed_objects import FOLDERS, OddError, account_of, folder_of, object_id
from access_review.connectors.entra.grants import Grants
from access_review.connectors.entra.graph import Graph, RefusedError
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.permissions import LOOKING, writes_with
from access_review.connectors.entra.properties import NEVER, UnusableError, flag, time_or_never
from access_review.connectors.entra.throttle import retry_after
from access_review.errors import ConnectorError

_ACCOUNTS = frozenset({Action.DISABLE_ACCOUNT, Action.ENABLE_ACCOUNT})
_GRANTS = {
    Action.REMOVE_MEMBER: ("group",),
    Action.ADD_MEMBER: ("group",),
    Action.CUT_NESTING: ("group",),
    Action.ADD_NESTING: ("group",),
    Action.REMOVE_ROLE_ASSIGNMENT: ("role",),
    Action.ADD_ROLE_ASSIGNMENT: ("role",),
    Action.END_PIM: ("group", "role"),
    Action.ADD_PIM: ("group", "role"),
    Action.REMOVE_APPROLE: ("approle",),
    Action.ADD_APPROLE: ("approle",),
    Action.REMOVE_CONSENT: ("consent",),
    Action.ADD_CONSENT: ("consent",),
}

ADMINISTRATOR = (
    "if the account holds a directory role, or is in a restricted administrative unit, the writer's application needs "
    "a role that may manage it"
)


def covers(change: Change) -> bool:
    """Tell whether a change is one that Graph makes, on a tenant's own objects."""
    target, held = change.target, change.target.entitlement
    holder = target.child or target.account
    if holder is None or holder.kind not in FOLDERS or not _own(holder, target.source):
        return False
    if change.action is Action.REVOKE_SESSIONS:
        return holder.kind == "user"
    if change.action in _ACCOUNTS:
        return holder.kind != "group"
    if held is None or held.kind not in _GRANTS.get(change.action, ()) or not _own(held, target.source):
        return False
    return held.kind != "consent" or target.native_id is not None


class GraphWriter:
    """A tenant that can be written to; an :class:`~access_review.changes.Executor`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._grants = Grants(graph)

    def remember(self, change: Change) -> None:
        """Note what this batch has carried out: a scope of a consent that it took is not written back."""
        self._grants.remember(change)

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look whether the grant, the right to sign in or older sessions are there."""
        try:
            if change.action is Action.REVOKE_SESSIONS:
                return self._sessions(change.target, since)
            if change.action in _ACCOUNTS:
                return self._seen(self._enabled(account_of(change.target)))
            return self._grants.handle(change).look()
        except RefusedError as error:
            return Sighting(None, self._graph.base, _blind(error, change))
        except _NOT_READ as error:
            return Sighting(None, self._graph.base, str(error))

    def revoke(self, change: Change) -> WriteAnswer:
        """Take away the one thing that the change names."""
        if change.action is Action.DISABLE_ACCOUNT:
            return self._answered(lambda: self._switch(account_of(change.target), on=False), change)
        if change.action is Action.REVOKE_SESSIONS:
            return self._answered(
                lambda: self._graph.send("POST", f"/users/{object_id(account_of(change.target))}/revokeSignInSessions"),
                change,
            )
        return self._answered(lambda: self._grants.handle(change).take(), change)

    def restore(self, change: Change) -> WriteAnswer:
        """Give back the one thing that the change names."""
        if change.action in _ACCOUNTS:
            return self._answered(lambda: self._switch(account_of(change.target), on=True), change)
        if change.action is Action.REVOKE_SESSIONS:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, "sessions begin anew by signing in")
        return self._answered(lambda: self._grants.handle(change).give(), change)

    # Accounts

    def _enabled(self, account: Thing) -> bool | None:
        found = self._graph.get_one(f"/{folder_of(account)}", object_id(account), "accountEnabled")
        return flag(found, "accountEnabled")

    def _switch(self, account: Thing, *, on: bool) -> Reply:
        return self._graph.send("PATCH", f"/{folder_of(account)}/{object_id(account)}", body={"accountEnabled": on})

    def _sessions(self, target: Target, since: datetime) -> Sighting:
        """Sessions older than the change are there until Graph counts only later ones as valid."""
        account = account_of(target)
        thing = self._graph.get_one("/users", object_id(account), "signInSessionsValidFromDateTime")
        valid = time_or_never(thing, "signInSessionsValidFromDateTime")
        older = valid is None or valid == NEVER or valid < since.astimezone(UTC)
        return Sighting(older, self._graph.base, "" if older else f"only sessions from {valid} on are valid")

    # Reading and answering

    def _seen(self, there: bool | None) -> Sighting:
        return Sighting(there, self._graph.base)

    def _answered(self, call: Callable[[], Reply | str], change: Change | None = None) -> WriteAnswer:
        """Send, and say what came of it; whatever is unclear is unknown, and the next read decides."""
        try:
            reply = call()
        except RefusedError as error:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, _blind(error, change))
        except (NotReadError, UnusableError, ConnectorError) as error:
            # Only the look before the call, and the sign-in, can raise: nothing was sent.
            return WriteAnswer(WriteResult.TRANSIENT, self._graph.base, str(error))
        except (OddError, ValueError) as error:
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, str(error))
        if isinstance(reply, str):
            return WriteAnswer(WriteResult.REFUSED, self._graph.base, reply)
        return WriteAnswer(_result(reply), self._graph.base, _said(reply, change), retry_after(reply.headers))


_NOT_READ = (NotReadError, UnusableError, ConnectorError, OddError)


def _result(reply: Reply) -> WriteResult:
    if reply.status in (429, 503):
        return WriteResult.TRANSIENT
    if reply.failure or reply.status in (0, 408) or reply.status >= 500:
        return WriteResult.UNKNOWN
    if reply.status == 401:
        return WriteResult.TRANSIENT
    if reply.status == 404:
        return WriteResult.ABSENT
    return WriteResult.DONE if reply.status < 300 else WriteResult.REFUSED


def _said(reply: Reply, change: Change | None) -> str:
    if reply.status < 300 and not reply.failure:
        return ""
    return f"{reply.summary}; {_lacking(change)}" if reply.status == 403 and change else reply.summary


def _lacking(change: Change) -> str:
    """Say what the writer's application needs for a change that it was refused."""
    first, *more = writes_with(change)
    needed_permission = f"it takes the application permission {first}, with admin consent"
    if change.action in _ACCOUNTS:
        return f"{needed_permission}; {ADMINISTRATOR}"
    return "; ".join([needed_permission, *(f"{name} besides, where the group may hold roles" for name in more)])


def _blind(error: RefusedError, change: Change | None) -> str:
    """Say what the writer's application needs to look."""
    with_ = (*LOOKING, *(writes_with(change) if change else ()))
    return f"{error}; the writer looks with {', '.join(with_)}"


def _own(thing: Thing, source: str) -> bool:
    return thing.id.startswith(f"{source}:")
