"""Whoever has left loses sign-in at once: under the standing approval, or by a plan that is prepared for two people to sign.

Nothing is decided here. With the two standing signatures the unattended job runs now instead of
at its next quarter of an hour, by the protocol of every batch; without them a run is made of
what was seen, with a plan on it, and people hear what to do. Who turns out not to have left is
told as fast: what is planned is void by itself, and what was done can be given back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from access_review.audit import reviewers
from access_review.errors import AccessReviewError, PlanRefused
from access_review.logbook import entries
from access_review.model import Clock
from access_review.plan.derive import PlanOrder
from access_review.plan.request import Scope
from access_review.revoke.states import TERMINAL
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.snapshot.watched import News, WatchState
from access_review.stages import apply_standing
from access_review.stages.apply_standing import LEAVERS
from access_review.stages.plan import derive_plan, write_plan
from access_review.stages.review import review_run
from access_review.store import logged, plans, snapshots
from access_review.store.rights import Right, RightHeld, hold
from access_review.tables import Row
from access_review.views import alarms
from access_review.workspace import Workspace

PLAN = "leavers"
"""What a prepared plan is called."""
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


def waits_for(state: WatchState) -> bool:
    """Tell whether there is a leaver for whom nothing was begun yet."""
    return not state.leavers.keys() <= set(state.handled)


def act(job: LeaverJob, state: WatchState, snapshot: Snapshot | None, run: Run) -> tuple[WatchState, tuple[News, ...]]:
    """Do what is to be done about leavers, if anything; return the state after it, and what to tell besides.

    ``snapshot`` is what was seen last, where that is known; ``run`` the last whole run. Where another batch is being
    carried out, the next look tries again. Raises ``ArtifactError`` and ``Unclear`` where what an earlier batch left is
    damaged or gone.
    """
    now = job.clock.now()
    new = state.leavers.keys() - set(state.handled)
    longest = max(_AGAIN, job.workspace.policy.apply.spacing + _GRACE)
    due = state.act_at is not None and not now < state.act_at <= now + longest  # later than that the clock was wrong
    if not new and not due:
        return state, ()
    try:
        if job.workspace.policy.standing and apply_standing.is_signed(job.workspace, run, now):
            # What was just seen is planned on; what is written to is read anew before that, as for every batch.
            seen = _reviewed(job.workspace, snapshot, run, now) if new and snapshot else None
            return _carry_out(job, state, seen)
        if new and snapshot:
            return _prepare(job, state, snapshot, run)
    except RightHeld:
        return state, ()
    return replace(state, act_at=None), ()


def _carry_out(job: LeaverJob, state: WatchState, seen: Run | None) -> tuple[WatchState, tuple[News, ...]]:
    """Run the unattended job on what was ``seen``, or is read now; it tells people itself.

    It comes again when the second read is due, or somebody is left.
    """
    handled = tuple(sorted(state.leavers))
    now = job.clock.now()
    try:
        done = apply_standing.apply_standing(job.workspace, job.clock, job.environment, key=job.key, reviewed=seen)
    except RightHeld:
        raise
    except AccessReviewError:  # told already, and tried again
        return replace(state, handled=handled, act_at=now + _AGAIN, refusals=state.refusals + 1), ()
    after = job.clock.now()
    waits = any(one not in TERMINAL for one in done.applied.states.values())
    spacing = job.workspace.policy.apply.spacing + _GRACE
    again = after + spacing if waits else after + _AGAIN if state.leavers and done.partly else None
    acted = {person: done.stored.run.id for person in state.leavers.values() if person} if done.applied.calls else {}
    state = replace(state, writes=state.writes + len(done.told.done), refusals=state.refusals + len(done.told.refused))
    return replace(state, handled=handled, act_at=again, acted={**state.acted, **acted}), ()


def _prepare(job: LeaverJob, state: WatchState, snapshot: Snapshot, base: Run) -> tuple[WatchState, tuple[News, ...]]:
    """Make a run of what was seen, review it, and plan on it for leavers alone."""
    workspace, now = job.workspace, job.clock.now()
    run = _reviewed(workspace, snapshot, base, now)
    why, planned = "", False
    asks = _asks(workspace, run)
    if asks:
        try:
            made = derive_plan(workspace, run, PlanOrder(asks, now, PLAN, Scope(rules=(LEAVERS,))))
            write_plan(run, made)
            planned = True
        except PlanRefused as error:
            why = error.message
    names = reviewers.people_of(snapshot.tables["people"].to_pylist()).names
    persons = sorted({names.get(one, one) for one in state.leavers.values() if one})
    said = alarms.prepared(persons, run.id, PLAN if planned else "", why)
    acted = {person: run.id for person in state.leavers.values() if person}
    state = replace(state, handled=tuple(sorted(state.leavers)), act_at=None, acted={**state.acted, **acted})
    return state, (News(f"leavers {run.id}", said),)


def _reviewed(workspace: Workspace, snapshot: Snapshot, base: Run, now: datetime) -> Run:
    """Make a run of what was seen, and review it."""
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
    """Return what to tell of those for whom something was begun and who, the roster now says, have not left."""
    if not state.acted:
        return state, ()
    rows = {row["person"]: row for row in snapshot.tables["people"].select(["person", "name", "status"]).to_pylist()}
    back = {one: run for one, run in state.acted.items() if rows.get(one, {}).get("status") in ("active", "leave")}
    told = tuple(
        News(
            f"rescinded {person} {now.isoformat()}",
            alarms.rescinded(rows[person]["name"] or person, run, _begun(workspace, run)),
        )
        for person, run in sorted(back.items())
    )
    return replace(state, acted={one: run for one, run in state.acted.items() if one not in back}), told


def _begun(workspace: Path, run: str) -> list[str]:
    """Return the names of the plans of a run of which something was carried out, or may have been."""
    return sorted(path.parent.name for path in (workspace / "runs" / run).glob(f"*/{plans.JOURNAL}"))
