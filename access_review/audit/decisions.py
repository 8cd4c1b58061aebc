"""Reviewers' decisions, with their history: a later one replaces an earlier one, none is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cached_property

import pyarrow as pa

from access_review.audit.worklist import WorkItem
from access_review.errors import ArtifactError
from access_review.tables import TIME, Column, Table, frame


class ReviewerAnswer(StrEnum):
    """What a reviewer says of an item. No answer is none of these, and never a revoke."""

    KEEP = "keep"
    REVOKE = "revoke"
    CANNOT_SAY = "cannot say"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer to one item, by whom and on which day."""

    item: str
    unit: str
    account: str
    entitlement: str | None
    mode: str | None
    decision: ReviewerAnswer
    by: str
    at: date
    comment: str = ""
    seconds: float | None = None
    """How long the answer took, where it was measured."""


@dataclass(frozen=True)
class Decisions:
    """Every answer ever read for a run, in the order of reading."""

    run: str
    history: tuple[Decision, ...] = ()

    @cached_property
    def current(self) -> Mapping[str, Decision]:
        """What stands for each item: the answer of the latest day, of equal days the one read last."""
        standing: dict[str, Decision] = {}
        for decision in self.history:
            before = standing.get(decision.item)
            if before is None or before.at <= decision.at:
                standing[decision.item] = decision
        return {
            item: decision
            for item, decision in sorted(standing.items())
            if decision.decision is not ReviewerAnswer.WITHDRAWN
        }


@dataclass(frozen=True, slots=True)
class SubmittedAnswer:
    """One answer as it was submitted: ``row`` is its row in the store of decisions."""

    item: str
    decision: ReviewerAnswer
    row: int


@dataclass(frozen=True, slots=True)
class Submission:
    """What a reviewer who signed in said they are done with: their answers as they stood, by the rows of the store."""

    run: str
    person: str
    at: datetime
    answers: tuple[SubmittedAnswer, ...]


TABLE = Table(
    "decisions",
    ("item",),
    (
        Column("item"),
        Column("unit", required=True),
        Column("account", required=True),
        Column("entitlement"),
        Column("mode"),
        Column("decision", required=True, among=tuple(a for a in ReviewerAnswer if a is not ReviewerAnswer.WITHDRAWN)),
        Column("by", required=True),
        Column("at", TIME, required=True),
        Column("comment"),
    ),
    "What reviewers say of the items of a run, as it stands. `at` is the start of the day in UTC.",
)


def record(existing: Decisions, new: Iterable[Decision]) -> Decisions:
    """Add what was read; an answer already in the history, as in a sheet read twice, is not added again."""
    known = set(existing.history)
    added = [decision for decision in dict.fromkeys(new) if decision not in known]
    return replace(existing, history=(*existing.history, *added))


def withdraw(existing: Decisions, items: Iterable[str], *, by: str, at: date, comment: str) -> Decisions:
    """Take decisions back, leaving the items without an answer; raises ``ArtifactError`` where there is none."""
    wanted = sorted(set(items))
    unanswered = [item for item in wanted if item not in existing.current]
    if unanswered:
        raise ArtifactError(f"no decision stands for {', '.join(unanswered)}", hint="nothing was withdrawn")
    taken_back = (
        replace(standing, decision=ReviewerAnswer.WITHDRAWN, by=by, at=max(at, standing.at), comment=comment)
        for standing in (existing.current[item] for item in wanted)
    )
    return replace(existing, history=(*existing.history, *taken_back))


def needs_reason(item: WorkItem, answer: ReviewerAnswer) -> bool:
    """Tell whether an answer is kept with a reason only: what the machine objects to, and what is not kept, needs a word."""
    return answer is not ReviewerAnswer.KEEP or bool(item.found)


def decision_on(
    item: WorkItem, answer: ReviewerAnswer, *, by: str, at: date, comment: str = "", seconds: float | None = None
) -> Decision:
    """Return the decision on an item."""
    return Decision(item.item, item.unit, item.account, item.entitlement, item.mode, answer, by, at, comment, seconds)


def table(decisions: Decisions) -> pa.Table:
    """Return what stands, as a table."""
    return frame(
        TABLE,
        (
            {
                "item": d.item,
                "unit": d.unit,
                "account": d.account,
                "entitlement": d.entitlement,
                "mode": d.mode,
                "decision": str(d.decision),
                "by": d.by,
                "at": datetime.combine(d.at, time.min, UTC),
                "comment": d.comment or None,
            }
            for d in decisions.current.values()
        ),
    )
