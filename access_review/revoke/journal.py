"""What a batch needs of its journal: to write down what is about to be done before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from access_review.errors import ArtifactError
from access_review.revoke.states import ChangeStatus, Transition


class JournalFull(ArtifactError):
    """A row could not be put on disk, so nothing may be called."""


@dataclass(frozen=True, slots=True)
class Note:
    """A row about the batch rather than one change: ``opened``, ``resumed``, ``stopped``, ``ended``."""

    what: str
    at: datetime
    reason: str = ""


class Journal(Protocol):
    """The journal of one plan: rows are only added, and what :meth:`flush` has returned from survives a crash."""

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The rows about changes, in order."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """The rows about the batch, in order."""
        ...

    @property
    def standings(self) -> Mapping[str, ChangeStatus]:
        """Where each change stands that has any row."""
        ...

    def standing(self, change: str) -> ChangeStatus:
        """Return where a change stands."""
        ...

    def add(self, row: Transition) -> ChangeStatus:
        """Write one transition, to be flushed; raises ``JournalFull``, and ``ArtifactError`` for a step that cannot be."""
        ...

    def note(self, note: Note) -> None:
        """Write a row about the batch, to be flushed; raises ``JournalFull``."""
        ...

    def flush(self) -> None:
        """Put everything written on disk; raises ``JournalFull`` when that is not certain."""
        ...
