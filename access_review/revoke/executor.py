"""What can be written to a system, as small as it can be: look, take away, give back.

A connector that can change its source is an :class:`Executor` besides. It decides
nothing: what may be written, when, and what an answer means for a batch is in
:mod:`access_review.revoke.states`. Everything is addressed by the immutable ids of a change.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from access_review.changes import Change


class Result(StrEnum):
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
class Answer:
    """A system's answer; ``retry_after`` in seconds, where it says how long to stay away."""

    result: Result
    server: str
    reason: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read found: whether the thing is there, null when it cannot be told.

    The thing is the grant or nesting edge of a change, the right to sign in where it is
    about an account, and sessions older than the change where it is about sessions.
    ``since`` is when it was given, where the system knows.
    """

    there: bool | None
    server: str
    reason: str = ""
    since: datetime | None = None


class Witness(Protocol):
    """A system that can be asked whether something is there."""

    def holds(self, change: Change, since: datetime) -> Seen:
        """Look, by immutable id, on a server that a write has reached; never raises for what a system says.

        ``since`` is the first intent to change it: only sessions need it.
        """
        ...


@runtime_checkable
class Executor(Witness, Protocol):
    """A system that can be written to. No method raises for what a system says or does not say."""

    def revoke(self, change: Change) -> Answer:
        """Take away the one thing that the change names."""
        ...

    def restore(self, change: Change) -> Answer:
        """Give back the one thing that the change names."""
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


class Clock(Protocol):
    """The time of a batch: real for people, made up in tests."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


Jitter = Callable[[], float]
"""A number from 0 to 1, so that many who wait do not come back together."""
