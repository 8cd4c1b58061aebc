"""Whoever has left loses sign-in at once: under the standing approval, or by a plan that is prepared for two people to sign.

Nothing is decided here. With the two standing signatures the unattended job runs now instead of
at its next quarter of an hour, by the protocol of every batch; without them a run is made of
what was seen, with a plan on it, and people hear what to do. Who turns out not to have left is
told as fast: what is planned is void by itself, and what was done can be given back.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.audit import reviewers
from access_review.errors import AccessReviewError, PlanRefused
from access_review.logbook import entries
from access_review.model import Clock
from access_review.plan.derive import PlanOrder
from access_review.plan.request import Scope
from access_review.revoke.states import CHANGED, TERMINAL, State
from access_review.revoke.undo import EMPLOYED
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.snapshot.watched import News, WatchState
from access_review.stages import apply_standing, watch_prepared
from access_review.stages.apply_standing import LEAVERS
from access_review.stages.plan import derive_plan, write_plan
from access_review.stages.review import review_run
from access_review.stages.tickets import FOLLOWED, see_to_tickets
from access_review.stages.verify import verify_ordered
from access_review.store import logged, plans, snapshots
from access_review.store.journal import JournalFile
from access_review.store.rights import Right, RightHeld, hold
from access_review.tables import Row
from access_review.views import alarms
from access_review.workspace import Workspace

PLAN = "leavers"
"""What a prepared plan is called."""
_UNCLEAR = "unclear "
_BEGUN = CHANGED | {State.ORDERED}
_AGAIN = timedelta(minutes=15)
_GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class LeaverJob:
    """What is needed to act: ``key`` is the job's own, with which it signs that it carries a standing plan out."""

    workspace: Workspace
    clock: Clock
    environment: Mapping[str, str]
    key: Path | None = None


def leavers_of(state: WatchState, open_now: Sequence[Row], among: Collection[str] | None = None) -> WatchState:
    """Return the state with who is to lose sign-in now, by finding; what is open no more needs nothing.

    ``open_now`` are all findings that are open, or those ``among`` some.
    """
    now = {} if among is None else {one: person for one, person in state.leavers.items() if one not in among}
    now |= {row["finding"]: row["person"] or "" for row in open_now if row["rule"] == LEAVERS}
    now = dict(sorted(now.items()))
    return replace(state, leavers=now, handled=tuple(one for one in state.handled if one in now))


def with_acted(state: WatchState, run: Run) -> WatchState:
    """Return the state with the run in which something was begun for all who left: nothing is begun again, and whoever is back is told of."""
    acted = {person: run.id for person in state.leavers.values() if person}
    return replace(state, handled=tuple(sorted(state.leavers)), acted={**state.acted, **acted})


def waits_for(state: WatchState, workspace: Workspace, now: datetime) -> bool:
    """Tell whether there is a leaver for whom nothing was begun yet, or to be prepared again."""
    return not state.leavers.keys() <= set(state.handled) or watch_prepared.is_to_be_prepared_again(
        state, workspace, now
    )


def act(job: LeaverJob, state: WatchState, snapshot: Snapshot | None, run: Run) -> tuple[WatchState, tuple[News, ...]]:
    """Do what is to be done about leavers, if anything; return the state after it, and what to tell besides.

    ``snapshot`` is what was seen last, where that is known; ``run`` the last whole run. Where another batch is being
    carried out, the next look tries again. Raises ``ArtifactError`` and ``Unclear`` where what an earlier batch left is
    damaged or gone.
    """
    workspace, now = job.workspace, job.clock.now()
    new = state.leavers.keys() - set(state.handled)
    longest = max(_AGAIN, workspace.policy.apply.spacing + _GRACE)
    due = state.act_at is not None and not now < state.act_at <= now + longest  # later than that the clock was wrong
    again = watch_prepared.is_to_be_prepared_again(state, workspace, now)
    if not new and not due and not again:
        return watch_prepared.settled(state, workspace, run, now)
    try:
        if due:
            verify_ordered(workspace, now - FOLLOWED, now)
            see_to_tickets(workspace, now, job.environment)
        # What was just seen is planned on, and says who signed; what is written to is read anew before that, as for every batch.
        seen = review_seen(workspace, snapshot, run, now) if (new or again) and snapshot else None
        if workspace.policy.standing and apply_standing.is_signed(workspace, seen or run, now):
            return _carry_out(job, state, run, seen)
        if seen:
            return _prepare(workspace, state, seen, now)
    except RightHeld:
        return state, ()
    return replace(state, act_at=None), ()


def _carry_out(job: LeaverJob, state: WatchState, last: Run, seen: Run | None) -> tuple[WatchState, tuple[News, ...]]:
    """Run the unattended job on what was ``seen``, or is read now after the ``last`` run; it tells people itself.

    It comes again when the second read is due, or somebody is left.
    """
    now = job.clock.now()
    try:
        done = apply_standing.apply_standing(job.workspace, job.clock, job.environment, key=job.key, reviewed=seen)
    except RightHeld:
        raise
    except AccessReviewError:  # told already, and tried again
        state = replace(state, act_at=now + _AGAIN, refusals=state.refusals + 1, prepared=None)
        return with_acted(state, seen or last), ()
    after = job.clock.now()
    waits = any(one not in TERMINAL for one in done.applied.states.values())
    spacing = job.workspace.policy.apply.spacing + _GRACE
    again = after + spacing if waits else after + _AGAIN if state.leavers and done.partly else None
    state = replace(state, writes=state.writes + len(done.told.done), refusals=state.refusals + len(done.told.refused))
    return replace(with_acted(state, done.stored.run), act_at=again, prepared=None), ()


def _prepare(workspace: Workspace, state: WatchState, run: Run, now: datetime) -> tuple[WatchState, tuple[News, ...]]:
    """Plan for leavers alone, on a run of what was seen."""
    why, plan = "", None
    asks = _asks(workspace, run)
    if asks:
        try:
            made = derive_plan(workspace, run, PlanOrder(asks, now, PLAN, Scope(rules=(LEAVERS,))))
            write_plan(run, made)
            plan = made.plan
        except PlanRefused as error:
            why = error.message
    before = state.prepared if watch_prepared.is_over(state, workspace, now) else None
    said = alarms.prepared(watch_prepared.names(state, run), run.id, PLAN if plan else "", why, before)
    known = watch_prepared.prepared(run, PLAN, plan, workspace, now)
    return replace(with_acted(state, run), act_at=None, prepared=known), (News(f"leavers {run.id}", said),)


def review_seen(workspace: Workspace, snapshot: Snapshot, base: Run, now: datetime) -> Run:
    """Make a run of what was seen, and review it.

    Raises ``RightHeld`` while another process makes one, and ``ArtifactError`` where it cannot be kept.
    """
    with hold(workspace.folder, Right.CAMPAIGN, now=now, command="watch"):
        run = snapshots.save(snapshot, workspace, base)
        logged.append(
            workspace.folder,
            entries.run_made(run.id, now, logged.snapshot_marks(run), rehearsal=False),
            command="watch",
        )
        review_run(workspace, run, now)
    return run


def _asks(workspace: Workspace, run: Run) -> str | None:
    """Return who asks for a prepared plan: a person of the roster, employed now; nobody where none is named."""
    named = workspace.policy.watch.plans_for
    return reviewers.people_of(snapshots.people(run)).who(named) if named else None


def rescinded(
    state: WatchState, snapshot: Snapshot, workspace: Path, now: datetime
) -> tuple[WatchState, tuple[News, ...]]:
    """Return what to tell of those for whom something was begun and who, the roster now says, have not left.

    What somebody was asked to do for them is seen to at once.
    """
    if not state.acted:
        return state, ()
    rows = {row["person"]: row for row in snapshot.tables["people"].select(["person", "name", "status"]).to_pylist()}
    back = sorted(one for one in state.acted if rows.get(one, {}).get("status") in EMPLOYED)
    if not back:
        return state, ()
    begun = _begun(workspace, now)
    told = tuple(
        News(f"rescinded {person} {now.isoformat()}", alarms.rescinded(rows[person]["name"] or person, begun[person]))
        for person in back
    )
    return replace(state, acted={one: run for one, run in state.acted.items() if one not in back}, act_at=now), told


def unclear(
    state: WatchState, snapshot: Snapshot, before: Snapshot, now: datetime
) -> tuple[WatchState, tuple[News, ...]]:
    """Return what to tell of those whose row cannot be used any more, so that nobody knows whether they left; of each once.

    ``before`` is the last whole run: of whom it did not know either, it has said so.
    """
    people = snapshot.tables["people"].select(["person", "name", "status"])
    names = {row["person"]: row["name"] for row in people.filter(pc.equal(people["status"], "unknown")).to_pylist()}
    then = before.tables["people"].select(["person", "status"])
    then = then.filter(pc.is_in(then["person"], pa.array(sorted(names), pa.string())))
    held = {f"{_UNCLEAR}{row['person']}": row["person"] for row in then.to_pylist() if row["status"] != "unknown"}
    begins = [held[key] for key in sorted(held.keys() - set(state.faults))]
    others = (one for one in state.faults if not one.startswith(_UNCLEAR))
    state = replace(state, faults=(*others, *sorted(held)))
    if not begins:
        return state, ()
    rows = snapshot.tables["problems"].select(["subject", "locator", "reason"]).to_pylist()
    why = {row["subject"]: f"{row['locator']}: {row['reason']}" for row in rows}
    lines = [f"{names[one] or one} ({one}): {why.get(one, 'the roster does not say')}" for one in begins]
    return state, (News(f"{_UNCLEAR}{now.isoformat()}", alarms.unclear(lines)),)


def _begun(workspace: Path, now: datetime) -> Mapping[str, list[tuple[str, str]]]:
    """Return run and name of each plan of which something was carried out or ordered, or may have been, by person."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for run, name in plans.with_journal(workspace, now - FOLLOWED):
        try:
            stored = plans.find(run, name)
            with JournalFile(stored.journal, stored.plan.digest) as journal:
                changed = [one for one in stored.plan.changes if journal.standing(one.id).state in _BEGUN]
        except AccessReviewError:  # which the commands that follow it say
            continue
        for person in sorted({one.target.person for one in changed if one.target.person and not one.action.restores}):
            found[person].append((run.id, name))
    return found
