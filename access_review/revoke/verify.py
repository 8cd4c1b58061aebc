"""Verify: prove by fresh reads, spaced apart, what a batch took away, and see what still gives it.

Nothing is written to any system. A removal is *revoked* when two reads by immutable id
agree and lie apart; until then it is pending. Removing a grant proves nothing while
another path gives the same: effective access is computed again from a later snapshot.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from access_review.changes import Action, Change, Sighting, Witness
from access_review.engine import Engine
from access_review.export import effective
from access_review.policy import Applying, Targets
from access_review.revoke.journal import Journal
from access_review.revoke.states import (
    UNTOUCHED,
    NextStep,
    State,
    Transition,
    after_interruption,
    after_verifying_read,
    too_old,
)

READ_AGAIN = (State.PENDING, State.CONTRADICTED, State.ORDERED, State.REVOKED, State.UNKNOWN, State.CALLING)
MOST_CONTRADICTIONS = 3
"""How many reads may contradict the one before them until a person is asked."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Where one change stands after a fresh read, what was seen and where, and until when it must be proven.

    ``old`` is when an export was written that is too old to say anything of it: a newer one is waited for.
    """

    change: str
    state: State
    at: datetime
    server: str
    reason: str
    due: datetime | None
    overdue: bool
    old: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remaining:
    """What an account still reaches although it was taken away, and by which path."""

    change: str
    account: str
    entitlement: str
    path: str


def verify(
    changes: Sequence[Change],
    journal: Journal,
    witnesses: Mapping[str, Witness],
    *,
    now: datetime,
    pace: Applying,
    targets: Targets,
    void: Callable[[Change, datetime], str] = lambda *_: "",
) -> tuple[Verified, ...]:
    """Read everything that a batch changed again, write what follows into the journal, and return where all stands.

    ``void`` says why what a person was asked to do at a moment is not to be done any more; empty where it is, or nobody knows.

    What is not proven three quarters into the time allowed for a leaver is overdue, so that somebody acts before the
    time is over. Raises ``ArtifactError`` for a step that cannot follow in the journal, or cannot be kept.
    """
    found = []
    for change in changes:
        standing, old = journal.standing(change.id), None
        if standing.state in READ_AGAIN:
            seen = look(witnesses, change, standing.intended_at or now)
            wanted = change.action.restores
            why = void(change, standing.at or now) if standing.state is State.ORDERED else ""
            old = seen.written if too_old(standing, seen, wanted=wanted) else None
            if standing.state in {State.UNKNOWN, State.CALLING}:
                step = None if old else after_interruption(seen, wanted=wanted)
            else:
                # What no read can show by itself takes longer to be proven than where somebody says they did it.
                spacing = pace.spacing if standing.said else max(pace.spacing, seen.settles)
                step = after_verifying_read(
                    standing, seen, now, wanted=wanted, spacing=spacing, most=MOST_CONTRADICTIONS, void=why
                )
            if step is None and why and change.action is Action.REVOKE_SESSIONS:
                step = NextStep(State.SKIPPED, why)  # no read shows them, and what is ended is not given back
            if step:
                server = seen.server or change.target.source
                journal.add(Transition(change.id, step.state, now, standing.attempt, server, step.reason))
        found.append(replace(_said(change.id, journal, now, targets), old=old))
    journal.flush()
    return tuple(found)


def look(witnesses: Mapping[str, Witness], change: Change, since: datetime) -> Sighting:
    """Look at a change where it is made."""
    witness = witnesses.get(change.target.source)
    return witness.holds(change, since) if witness else Sighting(None, "", "nothing here can read it live")


def _said(change: str, journal: Journal, now: datetime, targets: Targets) -> Verified:
    standing = journal.standing(change)
    due = standing.intended_at + targets.failure if standing.intended_at else None
    open_still = standing.state in {State.PENDING, State.CONTRADICTED, State.ORDERED, State.UNKNOWN, State.CALLING}
    overdue = bool(open_still and due and now >= due - targets.failure / 4)
    return Verified(change, standing.state, standing.at or now, standing.server, standing.reason, due, overdue)


def remaining(engine: Engine, changes: Sequence[Change]) -> tuple[Remaining, ...]:
    """Return what was taken away here and is still held by another path, from the facts of a later snapshot."""
    import pyarrow as pa

    taken = [(one.id, one.target.account, one.target.entitlement) for one in changes if not one.action.restores]
    rows = [(change, account.id, held.id) for change, account, held in taken if account and held]
    names = ("change", "account", "entitlement")
    engine.register(
        "taken_away", pa.table({n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate(names)})
    )
    effective(engine)
    return tuple(
        Remaining(row["change"], row["account_name"], row["entitlement_name"], row["path"])
        for row in engine.rows(_REMAINING)
    )


_REMAINING = """
    SELECT t.change, e.account_name, e.entitlement_name, e.path
    FROM taken_away AS t JOIN effective AS e ON e.account = t.account AND e.entitlement = t.entitlement
    ORDER BY t.change
"""


def confirm(journal: Journal, change: str, *, by: str, now: datetime, reason: str) -> None:
    """Note that a person did what they were ordered to, or what nobody else has done; two reads still have to prove it.

    Of what was carried out already it says nothing new. Raises ``ArtifactError`` for a step that cannot follow in the
    journal, or cannot be kept.
    """
    standing, words = journal.standing(change), f"{by} says it is done: {reason}".rstrip(": ")
    attempt = standing.attempt
    if standing.state in UNTOUCHED:
        attempt += 1
        journal.add(Transition(change, State.INTENT, now, attempt))
        journal.add(Transition(change, State.CALLING, now, attempt, called_at=now))
    if standing.state in UNTOUCHED | {State.ORDERED}:
        journal.add(Transition(change, State.PENDING, now, attempt, "", words))
        journal.flush()
