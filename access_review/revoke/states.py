"""The protocol of one change, as a pure state machine.

::

    planned ─► intent ─► (re-check) ─► calling ─► (call, read back) ─► pending ─► revoked
                 │                        │  │                           │  ▲        │
                 │                        │  └► unknown ─► (read) ───────┘  │        ▼
                 │                        └───► still-there ─► intent …     │    regranted
                 ├► absent, skipped, refused          └► failed   contradicted
                 ├► deferred ─► intent …
                 └► pending (an earlier call did it, and a stale read hid that)

    calling ─► ordered ─► pending, by somebody's word or a read ─► …
                  └► skipped (not done, and not wanted any more)

Each arrow is one row of the journal, on disk before the next step is taken: no call
without an intent, and no call but after ``calling``. After an interruption the row that
was last decides: at ``intent`` nothing was called; at ``calling`` a read decides, and what
is still there is checked again from the start, since somebody may have given it back on
purpose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from access_review.changes import Sighting, WriteAnswer, WriteResult
from access_review.errors import ArtifactError


class State(StrEnum):
    """Where one change stands."""

    PLANNED = "planned"
    INTENT = "intent"
    CALLING = "calling"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    STILL_THERE = "still-there"
    ORDERED = "ordered"
    PENDING = "pending"
    CONTRADICTED = "contradicted"
    REVOKED = "revoked"
    RESTORED = "restored"
    ABSENT = "absent"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"
    REGRANTED = "regranted"


NEXT: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.INTENT}),
    State.INTENT: frozenset({State.CALLING, State.PENDING, State.ABSENT, State.SKIPPED, State.REFUSED, State.DEFERRED}),
    State.DEFERRED: frozenset({State.INTENT, State.FAILED}),
    State.CALLING: frozenset(
        {State.PENDING, State.UNKNOWN, State.STILL_THERE, State.FAILED, State.ORDERED, State.DEFERRED}
    ),
    State.UNKNOWN: frozenset({State.PENDING, State.STILL_THERE}),
    State.STILL_THERE: frozenset({State.INTENT, State.FAILED}),
    State.ORDERED: frozenset({State.PENDING, State.SKIPPED, State.FAILED}),
    State.PENDING: frozenset({State.PENDING, State.REVOKED, State.RESTORED, State.CONTRADICTED, State.REGRANTED}),
    State.CONTRADICTED: frozenset({State.PENDING, State.CONTRADICTED, State.FAILED, State.REGRANTED}),
    State.REVOKED: frozenset({State.REGRANTED}),
    State.RESTORED: frozenset(),
    State.ABSENT: frozenset(),
    State.SKIPPED: frozenset(),
    State.REFUSED: frozenset(),
    State.FAILED: frozenset(),
    State.REGRANTED: frozenset(),
}
"""What may follow what; anything else is a damaged journal or a bug."""

TERMINAL = frozenset({State.REVOKED, State.RESTORED, State.ABSENT, State.SKIPPED, State.REFUSED, State.FAILED})
"""How a change ends. ``revoked`` may still turn into ``regranted``, when somebody gives it back later."""

UNTOUCHED = frozenset({State.PLANNED, State.DEFERRED, State.STILL_THERE})
"""Still to be carried out, by another attempt."""

CHANGED = frozenset(
    {State.PENDING, State.CONTRADICTED, State.REVOKED, State.RESTORED, State.REGRANTED, State.UNKNOWN, State.CALLING}
)
"""The system was changed, or may have been."""

PROVEN = frozenset({State.PENDING, State.CONTRADICTED, State.REVOKED})
"""This batch took it away, as at least one read showed: what an undo gives back."""

NOT_DONE = frozenset(
    {State.DEFERRED, State.STILL_THERE, State.UNKNOWN, State.FAILED, State.REFUSED, State.CALLING, State.INTENT}
)
"""What makes a batch partly applied."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition, as the journal keeps it; ``checked_at`` and ``called_at`` bound the gap that no re-check closes.

    ``server`` is where it was read or called: what is pending without one is somebody's word.
    """

    change: str
    state: State
    at: datetime
    attempt: int
    server: str = ""
    reason: str = ""
    checked_at: datetime | None = None
    called_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """Where one change stands, folded from its rows; ``gone_at`` is the first of the reads that show it as wanted.

    ``said`` is that somebody gave their word that it is done, ``ordered`` that a person was asked to do it, in this attempt.
    """

    state: State = State.PLANNED
    attempt: int = 0
    at: datetime | None = None
    intended_at: datetime | None = None
    called_at: datetime | None = None
    gone_at: datetime | None = None
    said: bool = False
    ordered: bool = False
    server: str = ""
    reason: str = ""
    unchanged: int = 0
    contradictions: int = 0


def advance(standing: ChangeStatus, row: Transition) -> ChangeStatus:
    """Return where a change stands after one more row; raises ``ArtifactError`` for a step that cannot be."""
    if row.state not in NEXT[standing.state]:
        raise ArtifactError(
            f"the journal says {row.change} went from {standing.state} to {row.state}, which cannot be",
            hint="do not apply it further; restore the journal, or report this: it is a bug",
        )
    starting = row.state is State.INTENT
    again = row.state is State.CONTRADICTED
    pending = row.state is State.PENDING
    return replace(
        standing,
        state=row.state,
        attempt=row.attempt,
        at=row.at,
        intended_at=standing.intended_at or (row.at if starting else None),
        called_at=row.called_at or standing.called_at,
        gone_at=row.at if pending and row.server else (None if again else standing.gone_at),
        said=(standing.said and not starting) or (pending and not row.server),
        ordered=(standing.ordered and not starting) or row.state is State.ORDERED,
        server=row.server,
        reason=row.reason,
        unchanged=standing.unchanged + (row.state is State.STILL_THERE),
        contradictions=standing.contradictions + again,
    )


def fold(rows: Iterable[Transition]) -> dict[str, ChangeStatus]:
    """Return where every change with a row stands.

    Raises ``ArtifactError`` for a step that cannot follow the one before.
    """
    known: dict[str, ChangeStatus] = {}
    for row in rows:
        known[row.change] = advance(known.get(row.change, ChangeStatus()), row)
    return known


def not_proven(rows: Iterable[Transition], apart: timedelta) -> Mapping[str, State]:
    """Return the changes that are called revoked or restored though no two reads, so far apart, showed it.

    Raises ``ArtifactError`` for a step that cannot follow the one before.
    """
    known: dict[str, ChangeStatus] = {}
    found: dict[str, State] = {}
    for row in rows:
        before = known.get(row.change, ChangeStatus())
        known[row.change] = advance(before, row)
        shown = before.gone_at is not None and row.at - before.gone_at >= apart
        if row.state in {State.REVOKED, State.RESTORED} and not (shown and row.server):
            found[row.change] = row.state
    return found


@dataclass(frozen=True, slots=True)
class Recheck:
    """What policy and roster say of a change at this moment; all empty: it may go on.

    ``unread`` is why it cannot be said: what could not be read just now may be read later, so that it ends nothing.
    """

    refused: str = ""
    skipped: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next state and why."""

    state: State
    reason: str = ""


def after_recheck(seen: Sighting, judged: Recheck, *, wanted: bool, planned_on: datetime, unchanged: int) -> NextStep:
    """Decide just before a call. ``wanted`` is whether the thing is to be there; ``planned_on`` when it was last read whole.

    After ``unchanged`` calls whose effect no read showed, what is found done was not absent:
    it is to be proven, and an undo gives it back. Protections come before any write, and what
    cannot be read is not written. Nor is it waited for where the review of now gives no reason for
    it any more: a group that was deleted is shown to nobody who may not see deleted objects.
    """
    if unchanged and (seen.there is wanted or _replaced(seen, wanted=wanted)):
        return NextStep(State.PENDING, "an earlier call did it, which the read after it did not show")
    if judged.refused:
        return NextStep(State.REFUSED, judged.refused)
    if seen.there is None and judged.skipped and not unchanged:
        return NextStep(State.SKIPPED, f"{judged.skipped} ({seen.reason or 'it cannot be read'})")
    if seen.there is None:
        return NextStep(State.DEFERRED, seen.reason or "it could not be read just before the change")
    if seen.there is wanted:
        return NextStep(State.ABSENT, seen.reason or "there was nothing to do: it is as wanted already")
    if judged.unread:
        return NextStep(State.DEFERRED, judged.unread)
    if judged.skipped:
        return NextStep(State.SKIPPED, judged.skipped)
    if not wanted and seen.another:
        return NextStep(State.SKIPPED, seen.reason or "what was approved is gone, and another one was given since")
    if not wanted and seen.since is not None and seen.since > planned_on:
        return NextStep(
            State.SKIPPED, f"it was given anew at {seen.since:%Y-%m-%d %H:%M:%S} UTC, after the plan's snapshot"
        )
    return NextStep(State.CALLING)


def _replaced(seen: Sighting, *, wanted: bool) -> bool:
    """Tell whether what was to go is gone, and another one is in its place: the next read says that it was given back."""
    return not wanted and seen.another


def after_call(answer: WriteAnswer, seen: Sighting, *, wanted: bool, unchanged: int, attempts: int) -> NextStep:
    """Decide after a call and the read that followed it: the read decides, the answer explains.

    ``unchanged`` calls before this one changed nothing; the last of ``attempts`` ends in ``failed``.
    """
    why = answer.reason or seen.reason
    if answer.result is WriteResult.ORDERED:
        return NextStep(State.ORDERED, why)
    if seen.there is None:
        # A transient answer says that nothing was done; without a read, nobody's word is taken for it.
        return NextStep(State.UNKNOWN, why or "it could not be read back")
    if seen.there is wanted or _replaced(seen, wanted=wanted):
        return NextStep(
            State.PENDING, "the answer was lost; reading shows it done" if answer.result is WriteResult.UNKNOWN else why
        )
    if answer.result is WriteResult.REFUSED:
        return NextStep(State.FAILED, why or "the system refused it")
    if answer.result is WriteResult.TRANSIENT:
        return NextStep(State.DEFERRED, why or "the system did not do it, and may later")
    if unchanged + 1 >= attempts:
        return NextStep(State.FAILED, why or f"still unchanged after {attempts} attempts")
    return NextStep(State.STILL_THERE, why or "the system said done, and reading shows it unchanged")


def after_interruption(seen: Sighting, *, wanted: bool) -> NextStep | None:
    """Decide what became of a call whose end is not known, by reading only; null while nothing can be read."""
    if seen.there is None:
        return None
    if seen.there is wanted or _replaced(seen, wanted=wanted):
        return NextStep(State.PENDING, "interrupted; reading shows it done")
    return NextStep(State.STILL_THERE, "interrupted; reading shows it unchanged, so it is checked again from the start")


def after_verifying_read(
    standing: ChangeStatus,
    seen: Sighting,
    now: datetime,
    *,
    wanted: bool,
    spacing: timedelta,
    most: int,
    void: str = "",
) -> NextStep | None:
    """Decide after a later read; null where nothing new is known.

    Proven are two reads that agree and lie ``spacing`` apart; somebody's word that it is done is none of them. ``most``
    is the number of reads that may contradict an earlier one: so many end in ``failed``. ``void`` is why what a person
    was asked to do is not to be done any more: it ends the order, unless it was done already, as it does where what the
    order is on is gone itself. An export is as old as it was written (:func:`too_old`): one that is read twice is one read.
    """
    if void and seen.gone and standing.state is State.ORDERED:
        return NextStep(State.SKIPPED, f"{void} ({seen.reason})")
    if seen.there is None or standing.at is None:
        return None
    if standing.state is State.ORDERED and seen.there is not wanted:
        return NextStep(State.SKIPPED, void) if void else None
    if too_old(standing, seen, wanted=wanted):
        return None
    if seen.there is wanted:
        if standing.state in {State.CONTRADICTED, State.ORDERED}:
            return NextStep(State.PENDING)
        if standing.state is State.PENDING and standing.gone_at is None:
            return NextStep(State.PENDING, f"{standing.reason or 'it was said to be done'}; a read shows it")
        read_at = min(now, seen.written or now)
        if standing.state is State.PENDING and standing.gone_at and read_at - standing.gone_at >= spacing:
            return NextStep(State.RESTORED if wanted else State.REVOKED)
        return None
    called_at = standing.called_at or standing.intended_at
    anew = seen.another or (seen.since is not None and called_at is not None and seen.since > called_at)
    if not wanted and (standing.state is State.REVOKED or anew):
        when = f"at {seen.since:%Y-%m-%d %H:%M:%S} UTC" if seen.since else f"before {now:%Y-%m-%d %H:%M:%S} UTC"
        return NextStep(State.REGRANTED, f"somebody gave it back {when}")
    if standing.state is State.RESTORED:
        return None
    if standing.contradictions + 1 >= most:
        return NextStep(State.FAILED, "reads contradict each other: it was as wanted, and is not")
    if standing.state is State.PENDING and standing.gone_at is None:
        return NextStep(State.CONTRADICTED, f"{standing.reason or 'it was said to be done'}; no read shows it")
    return NextStep(State.CONTRADICTED, "an earlier read showed it done, this one does not: replication, or given back")


def too_old(standing: ChangeStatus, seen: Sighting, *, wanted: bool) -> bool:
    """Tell whether an export was written too early to say anything of a change.

    What somebody was asked to do is not seen done in what was written before, nor is what was not done yet held against
    their word, or against what was read last. Where nobody was asked, an export may show it done before they said so.
    What came of a call is in no export from before it.
    """
    if seen.written is None or seen.there is None or standing.at is None:
        return False
    called = standing.called_at or standing.at
    if standing.state in {State.UNKNOWN, State.CALLING}:
        return seen.written < called
    first = standing.state is State.ORDERED or (standing.state is State.PENDING and standing.gone_at is None)
    if seen.there is wanted and first:
        return standing.ordered and seen.written < called
    return seen.written < standing.at


def too_many_failures(in_a_row: int, failures: int, size: int, *, row: int, percent: float) -> bool:
    """Tell whether a batch stops by itself: ``row`` failures one after another, or ``percent`` of it.

    Of a small batch a share is a single failure, so fewer than three never count as a share.
    """
    return in_a_row >= row or failures >= max(3, size * percent / 100)
