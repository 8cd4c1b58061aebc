"""What people state and do about the check list: one record each, which is only ever added to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_review.model import JsonObject, kept_moment


class FollowUpKind(StrEnum):
    """What a record is: a statement in place of a figure, a step of the ladder, who was told, or a part of a small audit."""

    ATTESTATION = "attestation"
    STEP = "step"
    TOLD = "told"
    MINI_AUDIT = "mini-audit"
    ANSWER = "answer"
    MOCK_AUDIT = "mock-audit"
    MOCK_STEP = "mock-step"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One record: about a checkpoint, a metric, a mini-audit's control or a case, by which person, and what it says.

    ``assurance`` is ``authenticated`` where the person signed these very words, else ``claimed``; a record of the tool
    itself has no person.
    """

    kind: FollowUpKind
    about: str
    at: datetime
    person: str
    said: JsonObject
    assurance: str = "claimed"
    seq: int = 0

    def text(self, name: str) -> str:
        """Return what it says under a name, as text; empty where it says nothing."""
        value = self.said.get(name)
        return value if isinstance(value, str) else ""

    def moment(self, name: str) -> datetime | None:
        """Return a moment that it says, or nothing; raises ``ValueError`` for text that is none."""
        return kept_moment(text) if (text := self.text(name)) else None


def of_kind(records: Iterable[FollowUp], kind: FollowUpKind, about: str, at: datetime) -> Iterator[FollowUp]:
    """Yield what was known at a moment of one kind about one thing, oldest first."""
    return (one for one in records if one.kind is kind and one.about == about and one.at <= at)


def words_of(record: FollowUp) -> JsonObject:
    """Return what is signed of a record: all of it but its place and how its person is known."""
    return {
        "kind": str(record.kind),
        "about": record.about,
        "at": record.at.isoformat(),
        "person": record.person,
        "said": record.said,
    }
