"""What may be changed and who changes it: changes, what is left to a person, and the Protocols of connectors.

A connector is a :class:`Connector`: it reads. What it declares in its :class:`Capabilities` is
what a plan may ask of its kind of system. One that is given an account to write with is
:class:`Writable` besides, and opens an :class:`Executor`. It decides nothing: what may be
written, when, and what an answer means for a batch is in :mod:`access_review.revoke.states`.
Everything is addressed by the immutable ids of a change.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeGuard, runtime_checkable

from access_review.tables import Row


class Action(StrEnum):
    """One kind of write. Accounts are disabled, never deleted."""

    DISABLE_ACCOUNT = "disable-account"
    REVOKE_SESSIONS = "revoke-sessions"
    REMOVE_MEMBER = "remove-member"
    REMOVE_ROLE_ASSIGNMENT = "remove-role-assignment"
    END_PIM = "end-pim"
    REMOVE_APPROLE = "remove-approle"
    REMOVE_CONSENT = "remove-consent"
    CUT_NESTING = "cut-nesting"
    MANUAL = "manual"
    ENABLE_ACCOUNT = "enable-account"
    ADD_MEMBER = "add-member"
    ADD_ROLE_ASSIGNMENT = "add-role-assignment"
    ADD_PIM = "add-pim"
    ADD_APPROLE = "add-approle"
    ADD_CONSENT = "add-consent"
    ADD_NESTING = "add-nesting"

    @property
    def restores(self) -> bool:
        """Tell whether it gives back what a batch took: only undo plans have these."""
        return self in _RESTORING

    @property
    def rank(self) -> int:
        """Position in the order in which a person's access ends: sign-in, sessions, then grants."""
        return list(Action).index(self)


_RESTORING = frozenset(
    {
        Action.ENABLE_ACCOUNT,
        Action.ADD_MEMBER,
        Action.ADD_ROLE_ASSIGNMENT,
        Action.ADD_PIM,
        Action.ADD_APPROLE,
        Action.ADD_CONSENT,
        Action.ADD_NESTING,
    }
)

UNDO = {
    Action.DISABLE_ACCOUNT: "enable-account",
    Action.REVOKE_SESSIONS: "",
    Action.REMOVE_MEMBER: "add-member",
    Action.REMOVE_ROLE_ASSIGNMENT: "add-role-assignment",
    Action.END_PIM: "add-pim",
    Action.REMOVE_APPROLE: "add-approle",
    Action.REMOVE_CONSENT: "add-consent",
    Action.CUT_NESTING: "add-nesting",
    Action.MANUAL: "manual",
}
"""What takes each action back; revoked sessions simply begin anew."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something a change names: by ids for machines, by name for people."""

    id: str
    native_id: str
    name: str

    @property
    def kind(self) -> str:
        """The kind, as the middle of the id has it."""
        return self.id.split(":", 2)[1]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a change is made.

    ``source`` and ``connector`` name the system that is written to. A grant has
    ``account`` and ``entitlement``, a nesting edge ``child`` and ``entitlement`` (the
    parent), a disabled account only ``account``. ``native_id`` is the id of the
    assignment itself, where the system gives it one; ``manual`` says in words what to
    do in a system that is only known from a list.
    """

    source: str
    connector: str
    account: Thing | None = None
    entitlement: Thing | None = None
    child: Thing | None = None
    mode: str = ""
    scope: str | None = None
    native_id: str | None = None
    until: datetime | None = None
    person: str | None = None
    person_name: str | None = None
    manual: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Identify the place: account, entitlement, child and mode."""
        return (
            self.account.id if self.account else "",
            self.entitlement.id if self.entitlement else "",
            self.child.id if self.child else "",
            self.mode,
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """The state a change relies on, to be found again just before it is made.

    ``present`` is the grant or edge, ``enabled`` the account where that matters,
    ``verdict`` what the roles of the person say of the grant (empty: no matter).
    """

    present: bool
    enabled: bool | None = None
    person_status: str | None = None
    verdict: str = ""


_DECISION = "decision "


def decision_reference(item: str) -> str:
    """Return what names a reviewer's decision about an item of a work sheet, where it stands beside ids of findings."""
    return _DECISION + item


def is_decision(reference: str) -> bool:
    """Tell whether a change is asked for by a reviewer's decision rather than a finding: no finding's id has a blank."""
    return reference.startswith(_DECISION)


@dataclass(frozen=True, slots=True)
class Change:
    """One write to one system, every finding (or reviewer's decision) that asks for it, and what else it takes."""

    id: str
    action: Action
    target: Target
    via: str
    expect_before: Expectation
    because: tuple[str, ...]
    collateral: tuple[str, ...]
    undo: str

    @property
    def leaver(self) -> bool:
        """Tell whether the change is about somebody who has left."""
        return self.expect_before.person_status == "left"

    @property
    def decided(self) -> bool:
        """Tell whether a reviewer takes away what a role may have: no rule would."""
        return self.expect_before.verdict == "within" and any(map(is_decision, self.because))


def change_id(action: Action, target: Target) -> str:
    """Return the id of a change: the same change has it in every plan."""
    text = "\x1f".join((action, target.source, *target.key))
    return "c-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def change(action: Action, target: Target, expect: Expectation, because: str, via: str = "") -> Change:
    """Return a change that one finding asks for."""
    return Change(change_id(action, target), action, target, via, expect, (because,), (), UNDO[action])


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of system can do, as its connector declares; the defaults are for one that declares nothing.

    ``actions`` are the writes that a plan may ask for. They say what the system can do, not whether this source is
    given an account to do it with: without one the same changes are carried out by a script or by people. Whatever
    is not among them is planned as :attr:`Action.MANUAL`. ``signs_in`` tells whether people sign in to it, so
    that a session may outlast an account that was disabled; unknown counts as yes. ``synchronised`` tells whether accounts
    here may be copies, which a synchronisation enables again unless their origin is disabled.
    """

    actions: frozenset[Action] = frozenset()
    signs_in: bool = True
    synchronised: bool = False


@dataclass(frozen=True, slots=True)
class ReadablePart:
    """One part of a system: can it be read, if not why, which permission it needs and what is lost without it.

    ``absent`` parts were left out on purpose or do not exist in this system; they take nothing from the rest.
    """

    part: str
    can: bool
    absent: bool
    reason: str
    permission: str
    lost: str


class Connector(Protocol):
    """Something that can be read; what else it can do stands in ``capabilities`` (:func:`capabilities_of`).

    One that reads files, and no system as it is now, says so: ``recorded = True`` (:func:`is_recorded`).
    """

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield ``(table, row)`` for everything the source holds, and one ``completeness`` row per table it fills.

        A table without a verdict counts as incomplete. Nothing is written. Raises ``ConnectorError`` when the source
        cannot be read at all, ``WorkspaceError`` (with every place) when what a person wrote cannot be used.
        """
        ...


def capabilities_of(connector: Connector) -> Capabilities:
    """Return what a connector declares; nothing is opened. Raises ``TypeError`` for a declaration of another shape."""
    declared = getattr(connector, "capabilities", Capabilities())
    if not isinstance(declared, Capabilities):
        raise TypeError(f"{type(connector).__name__}.capabilities is no Capabilities: {declared!r}")
    return declared


class TellsReadable(Connector, Protocol):
    """A connector that can ask what its reader may read, part by part; it says so by ``tells_readable = True``."""

    def readable(self, as_of: datetime) -> tuple[ReadablePart, ...]:
        """Say of each part whether it can be read; raises ``ConnectorError`` as :meth:`collect` does."""
        ...


def tells_readable(connector: Connector) -> TypeGuard[TellsReadable]:
    """Tell whether a connector declares that it has :meth:`TellsReadable.readable`; nothing is opened."""
    return getattr(connector, "tells_readable", False) is True


def is_recorded(connector: Connector) -> bool:
    """Tell whether a connector reads files that were written before, as it says by ``recorded = True``.

    Whatever does not say so is taken to read a system as it is now.
    """
    return getattr(connector, "recorded", False) is True


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands for a source as it is: the same ``content`` means that nothing has changed.

    ``seen`` is the connector's own, for the next look; ``written`` when the newest of its files was, where it has files.
    """

    content: str = ""
    seen: str = ""
    written: datetime | None = None


class Marking(Connector, Protocol):
    """A connector that can tell cheaply whether anything has changed; it says so by ``marks = True``."""

    def mark(self, before: Mark) -> Mark:
        """Return the mark of the source now, given that of the look before; raises ``ConnectorError`` when nobody answers."""
        ...


def can_mark(connector: Connector) -> TypeGuard[Marking]:
    """Tell whether a connector declares that it has :meth:`Marking.mark`; nothing is opened."""
    return getattr(connector, "marks", False) is True


class Following(Connector, Protocol):
    """A connector that can keep what it read and then read only what changed; it says so by ``follows = True``."""

    def following(self, folder: str) -> Connector:
        """Return the connector that keeps what it needs for that in a folder."""
        ...


def can_follow(connector: Connector) -> TypeGuard[Following]:
    """Tell whether a connector declares that it has :meth:`Following.following`; nothing is opened."""
    return getattr(connector, "follows", False) is True


class WriteResult(StrEnum):
    """What a system answered to one write.

    ``done``: it says so, to be read back. ``absent``: it says there was nothing to do, to be read
    back too, since some systems answer so for other reasons. ``refused``: it will not do it
    this way, now or later. ``transient``: it did not do it, and may later. ``unknown``: the
    answer was lost. ``ordered``: handed to a person, who does it and says so.
    """

    DONE = "done"
    ABSENT = "absent"
    REFUSED = "refused"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """A system's answer; ``retry_after`` in seconds, where it says how long to stay away."""

    result: WriteResult
    server: str
    reason: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a read found: whether the thing is there, null when it cannot be told.

    The thing is the grant or nesting edge of a change, the right to sign in where it is about an account, and sessions
    older than the change where it is about sessions. ``since`` is when it was given, where the system knows. ``another`` says that
    what is there has another id than what the change names: somebody gave it since, so it is not this change's. ``gone``: the
    account or group it is on is not there itself. ``settles`` is how long it has to have been so before it is proven,
    where nobody says they did it: sessions outlive a disabled account. ``written``: when an export was that was read, if known.
    """

    there: bool | None
    server: str
    reason: str = ""
    since: datetime | None = None
    another: bool = False
    gone: bool = False
    settles: timedelta = timedelta()
    written: datetime | None = None


class Witness(Protocol):
    """A system that can be asked whether something is there."""

    def holds(self, change: Change, since: datetime) -> Sighting:
        """Look, by immutable id, on a server that a write has reached; never raises for what a system says.

        ``since`` is the first intent to change it: only sessions need it.
        """
        ...


@runtime_checkable
class Executor(Witness, Protocol):
    """A system that can be written to. No method raises for what a system says or does not say."""

    def revoke(self, change: Change) -> WriteAnswer:
        """Take away the one thing that the change names."""
        ...

    def restore(self, change: Change) -> WriteAnswer:
        """Give back the one thing that the change names."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An executor that writes several things at once (scopes of one consent), and so must know what a batch did before.

    A read may still show what was taken a minute ago: written back, it would be given again.
    """

    def remember(self, change: Change) -> None:
        """Note that this batch has carried a change out."""
        ...


@runtime_checkable
class Writable(Protocol):
    """What ``connect`` returns for a source with an account that may write; without one it has none of this."""

    def covers(self, change: Change) -> bool:
        """Tell whether a change can be made here at all; what is not covered is ordered from a person."""
        ...

    def writing(self) -> AbstractContextManager[Executor]:
        """Open a session of the account that may write; raises ``ConnectorError``."""
        ...

    def verifying(self) -> AbstractContextManager[Witness]:
        """Open what looks after a batch: as the account that only reads, on every server there is."""
        ...
