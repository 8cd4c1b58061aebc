"""How each checkpoint stands, since when, and where it is on the ladder: Isolate, Investigate, Remediate, Reinforce.

All of it follows from the check list and the records as they stood at a moment, so nobody has to look for a clock to run:
a checkpoint that turned amber on a Sunday is due on Monday, seen or not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from access_review.model import Rag
from access_review.scorecard.follow_up import FollowUp, FollowUpKind, of_kind
from access_review.scorecard.ladder import LadderStep
from access_review.scorecard.measurement import Measurement, Unmeasured
from access_review.scorecard.measures import measure
from access_review.scorecard.records import QUARTER, Records
from access_review.settings.checklist import Checkpoint, CheckpointList
from access_review.settings.measures import MeasureName


class StatusReason(StrEnum):
    """Why a checkpoint has its colour."""

    WITHIN = "within"
    BEYOND_GREEN = "beyond-green"
    BEYOND_AMBER = "beyond-amber"
    UNKNOWN = "unknown"
    OUT_OF_DATE = "out-of-date"
    ATTESTED = "attested"
    EXPIRED = "expired"
    NEVER_DONE = "never-done"
    GOES_ON = "goes-on"
    """It was begun, and there is time left: nothing to show yet, and nothing to be done about it."""

    @property
    def is_undone(self) -> bool:
        """Tell whether nobody did it in time, or it cannot be told: never green."""
        return self not in {
            StatusReason.WITHIN,
            StatusReason.BEYOND_GREEN,
            StatusReason.BEYOND_AMBER,
            StatusReason.ATTESTED,
        }


@dataclass(frozen=True, slots=True)
class CheckpointReading:
    """A checkpoint at one moment: its colour and why, with the figure or the statement behind it."""

    rag: Rag
    reason: StatusReason
    measured: Measurement | None = None
    attested: FollowUp | None = None


@dataclass(frozen=True, slots=True)
class LadderCase:
    """A time in which a checkpoint was not green, with what was done about it.

    ``red_since`` is null where it was never worse than amber, ``until`` while it is not green again. It is open until
    then, and one that was red, or that somebody began, until the last step is taken.
    """

    checkpoint: str
    since: datetime
    red_since: datetime | None
    until: datetime | None
    steps: tuple[FollowUp, ...] = ()
    told: tuple[FollowUp, ...] = ()

    @property
    def is_red(self) -> bool:
        """Tell whether it was red at any time."""
        return self.red_since is not None

    @property
    def next_step(self) -> LadderStep | None:
        """The first step that nobody has taken; null after the last."""
        taken = {one.text("step") for one in self.steps}
        return next((step for step in LadderStep if step not in taken), None)

    @property
    def is_open(self) -> bool:
        """Tell whether something is to follow still."""
        if self.until is None:
            return True
        return self.next_step is not None and (self.is_red or bool(self.steps))

    def taken(self, step: LadderStep) -> FollowUp | None:
        """Return the record of a step, or nothing."""
        return next((one for one in self.steps if one.text("step") == step), None)


@dataclass(frozen=True, slots=True)
class CheckpointStatus:
    """How a checkpoint stands now; ``due`` is by when the next step is to be taken, null where none is."""

    checkpoint: Checkpoint
    reading: CheckpointReading
    case: LadderCase | None
    due: datetime | None
    overdue: bool


def read_checkpoint(checkpoint: Checkpoint, records: Records, at: datetime) -> CheckpointReading:
    """Return how a checkpoint stood at a moment, by what was known then."""
    return records.once((checkpoint, at), lambda: _read_checkpoint(checkpoint, records, at))


def _read_checkpoint(checkpoint: Checkpoint, records: Records, at: datetime) -> CheckpointReading:
    undone = Rag(checkpoint.undone)
    if checkpoint.attested is not None:
        said = list(of_kind(records.follow_ups, FollowUpKind.ATTESTATION, checkpoint.checkpoint, at))
        if not said:
            return CheckpointReading(undone, StatusReason.NEVER_DONE)
        until = said[-1].moment("until")
        if until is None or until <= at:
            return CheckpointReading(undone, StatusReason.EXPIRED, attested=said[-1])
        return CheckpointReading(Rag(said[-1].text("state")), StatusReason.ATTESTED, attested=said[-1])
    found = measure(checkpoint.measured or MeasureName.SOURCES_COMPLETE, records, at, checkpoint.rules)
    if found.why is Unmeasured.GOES_ON:
        return CheckpointReading(Rag.AMBER, StatusReason.GOES_ON, found)
    if found.value is None:
        return CheckpointReading(undone, StatusReason.UNKNOWN, found)
    if found.at is None or found.at + checkpoint.every.period + checkpoint.grace < at:
        return CheckpointReading(undone, StatusReason.OUT_OF_DATE, found)
    if checkpoint.green is not None and checkpoint.green.holds(found.value):
        return CheckpointReading(Rag.GREEN, StatusReason.WITHIN, found)
    if checkpoint.amber is not None and checkpoint.amber.holds(found.value):
        return CheckpointReading(Rag.AMBER, StatusReason.BEYOND_GREEN, found)
    return CheckpointReading(Rag.RED, StatusReason.BEYOND_AMBER, found)


def assess(listed: CheckpointList, records: Records, at: datetime) -> tuple[CheckpointStatus, ...]:
    """Return how every checkpoint stands, in the order of the file."""
    return tuple(_assessed(one, listed, records, at) for one in listed.checkpoints)


def _assessed(checkpoint: Checkpoint, listed: CheckpointList, records: Records, at: datetime) -> CheckpointStatus:
    known = cases_of(checkpoint, records, at)
    case = known[-1] if known and known[-1].is_open else None
    due = due_at(case, listed) if case else None
    return CheckpointStatus(
        checkpoint, read_checkpoint(checkpoint, records, at), case, due, due is not None and due < at
    )


def due_at(case: LadderCase, listed: CheckpointList) -> datetime | None:
    """Return by when the next step of a case is due: what was promised with the last one, else what the file says.

    A root cause is due within its time of the beginning; isolating, where it is red, within that of turning red.
    """
    step = case.next_step
    if step is None:
        return None
    promised = case.steps[-1].moment("next_by") if case.steps else None
    if promised is not None:
        return promised
    if step is LadderStep.ISOLATE and case.red_since is not None:
        return case.red_since + listed.isolate_within
    return case.since + listed.root_cause_within if step in {LadderStep.ISOLATE, LadderStep.INVESTIGATE} else None


def cases_of(checkpoint: Checkpoint, records: Records, at: datetime) -> tuple[LadderCase, ...]:
    """Return the times in which a checkpoint was not green, oldest first; the last half year is looked at.

    While something goes on whose time is not over, none begins and none ends.
    """
    found: list[LadderCase] = []
    moments = sorted(_moments(checkpoint, records, at))
    for moment in moments:
        reading = read_checkpoint(checkpoint, records, moment)
        if reading.reason is StatusReason.GOES_ON:
            continue
        rag, current = reading.rag, found[-1] if found else None
        if current and current.until is not None and _with_records(current, records, moment).is_open:
            # One that was red and is not finished goes on: turning green by itself ends nothing.
            current = found[-1] = replace(current, until=None if rag is not Rag.GREEN else current.until)
        if rag is Rag.GREEN:
            if current and current.until is None:
                found[-1] = replace(current, until=moment)
        elif current is None or current.until is not None:
            red = moment if rag is Rag.RED else None
            found.append(LadderCase(checkpoint.checkpoint, moment, red, None))
        elif rag is Rag.RED and current.red_since is None:
            found[-1] = replace(current, red_since=moment)
    return tuple(_with_records(one, records, at, after) for one, after in zip(found, _starts_after(found), strict=True))


def _starts_after(found: list[LadderCase]) -> list[datetime | None]:
    return [*(one.since for one in found[1:]), None] if found else []


def _with_records(case: LadderCase, records: Records, at: datetime, after: datetime | None = None) -> LadderCase:
    """Add what was done about a case: recorded since it began, and before the next one did."""

    def during(kind: FollowUpKind) -> tuple[FollowUp, ...]:
        known = of_kind(records.follow_ups, kind, case.checkpoint, at)
        return tuple(one for one in known if one.at >= case.since and (after is None or one.at < after))

    return replace(case, steps=during(FollowUpKind.STEP), told=during(FollowUpKind.TOLD))


def _moments(checkpoint: Checkpoint, records: Records, at: datetime) -> Iterator[datetime]:
    """Yield the moments at which a checkpoint may change its colour: something was read, stated, answered, or ran out."""
    lasts = checkpoint.every.period + checkpoint.grace + timedelta(seconds=1)
    ends = [end for run in records.runs if run.audit for end in (run.audit.closed_at, run.audit.signed_off_at) if end]
    about = [one for one in records.follow_ups if one.kind not in {FollowUpKind.STEP, FollowUpKind.TOLD}]
    happened = [*(run.as_of for run in records.runs), *ends, *(one.at for one in about)]
    expiries = [end for one in about if (end := one.moment("until")) is not None]
    candidates = {*happened, *(one + lasts for one in happened), *expiries, at}
    return (one for one in candidates if at - 2 * QUARTER <= one <= at)


def followed_up(listed: CheckpointList, records: Records, at: datetime) -> Measurement:
    """Return the share of the quarter's cases whose first step that was due was taken in time; unknown of no check list."""
    if not listed.checkpoints:
        return Measurement(MeasureName.FOLLOWED_UP, None, None, why=Unmeasured.NO_CHECKLIST)
    every = [case for one in listed.checkpoints for case in cases_of(one, records, at)]
    recent = [case for case in every if case.is_open or case.until is None or case.until > at - QUARTER]
    judged = [ok for case in recent if (ok := _in_time(case, listed, at)) is not None]
    whole = len(judged)
    return Measurement(MeasureName.FOLLOWED_UP, 100.0 * sum(judged) / whole if whole else 100.0, at, sum(judged), whole)


def _in_time(case: LadderCase, listed: CheckpointList, at: datetime) -> bool | None:
    """Tell whether the first step was in time; null while it is not due, or where it was green again before."""
    first = LadderStep.ISOLATE if case.is_red else LadderStep.INVESTIGATE
    due = due_at(replace(case, steps=()), listed)
    step = case.taken(first)
    if step is not None and due is not None:
        return step.at <= due
    if due is None or at <= due or (case.until is not None and case.until <= due and not case.is_red):
        return None
    return False


def worst(statuses: Iterable[CheckpointStatus]) -> Rag:
    """Return the worst colour; green of none."""
    found = {one.reading.rag for one in statuses}
    return next((rag for rag in Rag if rag in found), Rag.GREEN)
