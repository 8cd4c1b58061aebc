"""What the figures are made of: each run as it was read and reviewed, its audit, its leavers, and what people recorded."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from access_review.findings.counts import ReviewCounts
from access_review.scorecard.follow_up import FollowUp
from access_review.scorecard.training import TrainingFigures
from access_review.settings.measures import LOOK_BACK_DAYS

T = TypeVar("T")

QUARTER = timedelta(days=LOOK_BACK_DAYS)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule in one run: whether it was evaluated, how many findings stand, when the oldest was found.

    ``ages`` is the sum of the days that the open ones have been known, ``open_for`` how many of them have been for how many
    days, ``closed`` how many of those that this run closed had been known for how many.
    """

    evaluated: bool
    excess: bool = False
    open: int = 0
    waived: int = 0
    ages: float = 0.0
    oldest_days: float | None = None
    open_for: Mapping[float, int] = field(default_factory=dict)
    closed: Mapping[float, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaverFigures:
    """The leavers of a run who have left: how long each kept access, in hours, null where no record says.

    ``in_time`` are proven to have been in time, ``open_late`` can still sign in, or may, beyond the failure line.
    """

    lags: tuple[float | None, ...]
    in_time: int
    open_late: int


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """The audit of a run: who was in its population, drawn and reviewed, and what its draw proves.

    ``miss_limit`` and ``wrong_limit`` are rates of 0 to 1, null where none can be stated.
    """

    opened_at: datetime
    closed_at: datetime | None
    signed_off_at: datetime | None
    population: frozenset[str]
    drawn: frozenset[str]
    reviewed: frozenset[str]
    miss_limit: float | None
    wrong_limit: float | None
    tested: int
    caught: int

    def ended(self, at: datetime) -> bool:
        """Tell whether the audit had ended by a moment."""
        return any(end is not None and end <= at for end in (self.closed_at, self.signed_off_at))


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """One change that a batch carried out: when it was first called for, and when two reads had proven it, if they have.

    ``plan`` is the digest of the plan, ``change`` the id of the change in it.
    """

    called_at: datetime
    proven_at: datetime | None
    plan: str = ""
    change: str = ""


def counted_changes(changes: Iterable[CarriedOut], at: datetime) -> list[tuple[CarriedOut, bool]]:
    """Return the changes called for in the quarter before a moment, with whether two reads had proven them by then.

    One of the last day that is not proven yet is left out: it waits.
    """
    known = [(one, one.proven_at is not None and one.proven_at <= at) for one in changes]
    return [(one, proven) for one, proven in known if at - QUARTER < one.called_at <= at - (DAY * (not proven))]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: ``rules`` are null where it is not reviewed, the others where there is nothing of the kind.

    ``week`` is that of its audit calendar, as ``2026-W45``.
    """

    run: str
    as_of: datetime
    week: str
    sources: int
    sources_complete: int
    rules: Mapping[str, RuleFigures] | None = None
    counts: ReviewCounts | None = None
    leavers: LeaverFigures | None = None
    audit: AuditFigures | None = None
    training: TrainingFigures | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that is recorded in a workspace, oldest first; ``coverage_weeks`` is the policy's."""

    runs: tuple[RunRecord, ...]
    follow_ups: tuple[FollowUp, ...]
    coverage_weeks: int
    changes: tuple[CarriedOut, ...] = ()
    _derived: dict[tuple[object, ...], Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def runs_until(self, at: datetime) -> tuple[RunRecord, ...]:
        """Return the runs up to a moment, oldest first."""
        return self.runs[: bisect_right(self.runs, at, key=lambda run: run.as_of)]

    def once(self, what: tuple[object, ...], derive: Callable[[], T]) -> T:
        """Return what follows from these records alone: derived the first time, since every moment of a trend asks for it."""
        if what not in self._derived:
            self._derived[what] = derive()
        found: T = self._derived[what]
        return found
