"""Apply: carry out exactly the approved plan, under the lock of the workspace."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial

from access_review import workspace as workspaces
from access_review.changes import Change
from access_review.errors import PlanRefused
from access_review.model import Clock
from access_review.plan.record import Plan, refuse_early, refuse_stale
from access_review.revoke import apply, approve, recheck, systems
from access_review.revoke.approve import Signatories
from access_review.revoke.read_again import SecondReview, ask_again, read_again, require_same_systems
from access_review.revoke.signed_removal import digest_of_removal, takes_standing
from access_review.revoke.states import CHANGED, Recheck, State
from access_review.snapshot import Snapshot
from access_review.stages import removal_notices
from access_review.stages.approve import sign_execution
from access_review.stages.keep_signed import Signer
from access_review.stages.other_batches import left_today, taken_lately, taken_since
from access_review.stages.rederive import decisions_then, is_derivable, refuse_other_version, require_derived
from access_review.stages.work_orders import write_orders
from access_review.store import last_reads, plans, reviews, snapshots
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.store.unshown import note_killed
from access_review.workspace import Workspace

FOLLOWED = timedelta(days=7)
"""How long an unattended run is looked at again, and an order that it gave is not given twice."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a plan is carried out: only some batches of it, until when, past the first changes, and who is told."""

    only: Sequence[str] = ()
    until: datetime | None = None
    go_on: bool = False
    told: apply.OnProgress = lambda _: None


def apply_plan(
    stored: StoredPlan,
    workspace: Workspace,
    clock: Clock,
    *,
    by: str,
    pace: Pace = Pace(),
    standing: bool = False,
    signer: Signer | None = None,
) -> apply.Applied:
    """Carry out an approved plan under the lock of the workspace; raises ``PlanRefused`` before anything is called.

    ``signer`` is who carries it out, ``by``, with the key that says so. With ``standing``, two people stand behind it by the standing approval, and it makes no
    more changes than that leaves for today. Raises ``ConnectorError`` for a system that lets nobody in, ``RosterFault``
    for rosters that cannot be believed now, and ``Unclear`` for a wind-down that is no longer declared.
    """
    with plans.writing(workspace.folder, clock.now(), "apply"):
        plans.require_journals(workspace.folder, clock.now())
        note_killed(stored, clock.now(), "apply")
        try:
            return _applied(stored, workspace, clock, by=by, pace=pace, standing=standing, signer=signer)
        finally:
            if stored.journal.exists():
                plans.note_journal(stored, clock.now(), "apply")


def _applied(
    stored: StoredPlan,
    workspace: Workspace,
    clock: Clock,
    *,
    by: str,
    pace: Pace,
    standing: bool,
    signer: Signer | None,
) -> apply.Applied:
    plan, now = stored.plan, clock.now()
    with JournalFile(stored.journal, plan.digest) as journal:
        refuse_early(plan, now=now)
        refuse_other_version(stored, begun=bool(journal.changes))
        if not journal.changes:
            refuse_stale(plan, now=now, workspace_digest=workspace.digest)
        backing = (
            _require_standing(stored, workspace, signer, now)
            if standing
            else _require_signed(stored, workspace, signer, now, by)
        )
        # A batch that is over calls nothing more, and may still be settled.
        if is_derivable(plan) and now < plan.expires_at and workspace.digest == plan.workspace_digest:
            require_derived(stored, workspace)
        if signer:
            sign_execution(stored, workspace, signer, now)
        last = cache(partial(last_reads.of_touched, workspace, plan.changes))
        judge = _while_signed(_judge(stored, workspace, journal, now, backing.rosters, last), backing, clock)
        if takes_standing(plan):
            if not standing:
                raise PlanRefused("it was planned under the standing removal, for an unattended run", hint="plan again")
            judge = _not_stopped(judge, stored, workspace, backing.rosters, clock)
        with systems.executors(workspace, plan.changes, now, last) as executors:
            batch = apply.ApplyRun(
                plan=plan,
                journal=journal,
                executors=executors,
                judge=judge,
                clock=clock,
                pace=workspace.policy.apply,
                by=by,
                until=pace.until,
                go_on=pace.go_on,
                jitter=random.random,
                on_progress=pace.told,
                most=backing.most,
                waited_for=_waited_for(workspace, now) if standing else {},
            )
            # Of a batch that began, all counts as taken where nobody can say more: one that nothing let in did not begin.
            under = _digest_of_standing(stored, workspace) if standing else ""
            plans.begin(stored, by, now, partial(apply.open_journal, batch), standing=under)
            applied = apply.apply(batch, only=pace.only)
        write_orders(stored, workspace, journal.standings, clock.now())
    return replace(applied, passed_over=backing.passed_over)


@dataclass(frozen=True, slots=True)
class _Backing:
    """What stands behind a plan: whose signature was passed over, and the rosters read now, by which all who count are employed.

    ``require`` asks by these rosters whether it still does at a moment, and raises ``PlanRefused`` where it does not.
    ``most`` is how many changes it leaves for today, where that is limited.
    """

    passed_over: tuple[str, ...]
    rosters: Snapshot
    require: Callable[[datetime], object]
    most: int | None = None


_Requirement = Callable[[Signatories, datetime], tuple[str, ...]]
"""Returns whose signature was passed over by some rosters at a moment; raises ``PlanRefused`` where too few count."""


def _backed(stored: StoredPlan, workspace: Workspace, now: datetime, require: _Requirement) -> _Backing:
    """Return what stands behind a plan by the rosters of its run and by those read now."""
    require(stored.signatories, now)
    rosters = recheck.with_rosters(snapshots.load(stored.run), workspace, now)
    current = Signatories.of(rosters.tables["people"].to_pylist(), ())
    return _Backing(require(current, now), rosters, partial(require, current))


def _while_signed(judge: apply.Judge, backing: _Backing, clock: Clock) -> apply.Judge:
    """Stop everything once what stands behind a plan is taken back, as it is known after all else was judged."""

    def judged(change: Change, now: datetime) -> Recheck:
        verdict = judge(change, now)
        backing.require(clock.now())
        return verdict

    return judged


def _require_standing(stored: StoredPlan, workspace: Workspace, signer: Signer | None, now: datetime) -> _Backing:
    """Return what the standing approval, or the standing removal, says; raises ``PlanRefused`` where it does not cover the plan."""
    plan = stored.plan
    _refuse_unprepared(stored)
    allowed = _removals_today if takes_standing(plan) else _allowed_today
    backing = allowed(stored, workspace, now)
    if not is_derivable(plan):  # the standing approval says nothing of what is in it
        both = (backing.require, _require_approved(stored, workspace, now, plan.requested_by).require)
        backing = replace(backing, require=lambda at: [require(at) for require in both])
    if takes_standing(plan) and signer is None:
        raise PlanRefused(
            "the standing removal is carried out with the key of the job alone",
            hint="enrol one in roles/approvers.yaml (job: standing), and apply --standing --key FILE",
        )
    return backing


def _require_signed(
    stored: StoredPlan, workspace: Workspace, signer: Signer | None, now: datetime, by: str
) -> _Backing:
    """Return what the approvals of a plan say; raises ``PlanRefused`` where they, or a key of who carries it out, are too few."""
    backing = _require_approved(stored, workspace, now, by)
    if signer is None:
        raise PlanRefused("whoever carries a plan out signs that they do", hint="name your key: --key FILE")
    return backing


def _require_approved(stored: StoredPlan, workspace: Workspace, now: datetime, by: str) -> _Backing:
    """Return what stands behind a plan that people approved; raises ``PlanRefused`` where too few do."""
    plan, known = stored.plan, workspace.approvers
    _refuse_requester(stored, workspace, by)

    def require(people: Signatories, at: datetime) -> tuple[str, ...]:
        under: tuple[str, ...] = ()
        if plan.scope.wind_down:
            under = plans.require_wind_down(workspace, plan.scope.wind_down, people, at, plan).passed_over
        held, said = plans.seen(stored), stored.approvals
        return (*approve.require(plan, said, known, people, now=at, by=by, seen=held).passed_over, *under)

    return _backed(stored, workspace, now, require)


def _refuse_requester(stored: StoredPlan, workspace: Workspace, by: str) -> None:
    """Raise ``PlanRefused`` where the policy wants another to carry out what somebody asked for."""
    people = stored.signatories
    if workspace.policy.apply.requester_applies:
        return
    asks, applies = people.person(stored.plan.requested_by), people.person(by)
    if asks == applies or people.alike(asks, applies):
        raise PlanRefused(
            f"{by} asked for this plan, and whoever asks does not carry it out (apply: requester_applies: false)",
            hint="somebody who neither asked for it nor approved it applies it",
        )


def _digest_of_standing(stored: StoredPlan, workspace: Workspace) -> str:
    standing, removal = workspace.policy.standing, workspace.policy.standing_removal
    if takes_standing(stored.plan):
        return digest_of_removal(removal) if removal else ""
    return approve.digest_of_standing(standing) if standing else ""


def _allowed_today(stored: StoredPlan, workspace: Workspace, now: datetime) -> _Backing:
    """Return what the standing approval leaves for today.

    Raises ``PlanRefused``, also where somebody who signed is no longer employed by the rosters as they are now.
    """
    standing, known = workspace.policy.standing, workspace.approvers

    def require(people: Signatories, at: datetime) -> tuple[str, ...]:
        signed, held = plans.workspace_statements(workspace.folder), plans.seen_standing(workspace.folder)
        return approve.require_standing(
            standing, signed, known, people, now=at, plan=stored.plan, seen=held
        ).passed_over

    backing = _backed(stored, workspace, now, require)

    def counts(plan: Plan, change: Change) -> bool:
        return approve.is_covered(change) and not plan.scope.wind_down

    return replace(backing, most=left_today(stored, workspace, now, standing.daily, counts) if standing else 0)


def _removals_today(stored: StoredPlan, workspace: Workspace, now: datetime) -> _Backing:
    """Return the same of the standing removal, whose cap is its own; raises ``PlanRefused``."""

    def require(people: Signatories, at: datetime) -> tuple[str, ...]:
        return removal_notices.require_signed(workspace, people, at, stored).passed_over

    removal = workspace.policy.standing_removal
    most = left_today(stored, workspace, now, removal.daily, lambda plan, _: takes_standing(plan)) if removal else 0
    return replace(_backed(stored, workspace, now, require), most=most)


def _not_stopped(
    judge: apply.Judge, stored: StoredPlan, workspace: Workspace, rosters: Snapshot, clock: Clock
) -> apply.Judge:
    """Leave alone what is not announced, or stopped, as it is known after everything else was judged, which may take long."""
    rows = rosters.tables["people"].to_pylist()

    def judged(change: Change, now: datetime) -> Recheck:
        verdict = judge(change, now)
        if why := removal_notices.against_now(stored, workspace, rows, clock.now()).get(change.id):
            return Recheck(refused=f"the standing removal waits: {why}")
        return verdict

    return judged


def _waited_for(workspace: Workspace, now: datetime) -> dict[str, str]:
    """Return what a person has been asked to do and has not done yet, by change, in words: an unattended run comes again soon."""
    return {
        change.id: f"it was ordered at {status.at:%Y-%m-%d %H:%M} UTC, and is waited for"
        for plan, journal in plans.journals(workspace.folder)
        for change in plan.changes
        if (status := journal.standing(change.id)).state is State.ORDERED and status.at and now - status.at < FOLLOWED
    }


def _refuse_unprepared(stored: StoredPlan) -> None:
    """Raise ``PlanRefused`` for a plan that nobody prepared for an unattended run, and that merely lies there."""
    own = plans.REMOVAL if takes_standing(stored.plan) else plans.STANDING
    by_the_job = stored.name == own and stored.plan.requested_by == approve.BY_STANDING
    if not by_the_job and stored.plan.ahead is None and stored.plan.valid_from is None:
        raise PlanRefused(
            f"the {stored.name} of {stored.run.id} was not made for an unattended run",
            hint="let it plan for itself, or prepare one: access-review plan --ahead",
        )


def _judge(
    stored: StoredPlan,
    workspace: Workspace,
    journal: JournalFile,
    read_at: datetime,
    rosters: Snapshot,
    last: systems.Before,
) -> apply.Judge:
    """Judge by facts that are read anew every few minutes; a workspace edited meanwhile stops everything.

    ``rosters`` were read a moment ago, at ``read_at``, and serve for as long as such facts do. What is written to is read again once, before the first call: what is done later is seen by each change's own look.
    """
    snapshot, owners = snapshots.load(stored.run), reviews.owners(stored.run)
    known: list[recheck.Facts] = []
    again: list[Snapshot] = []
    taken = [one for one in stored.plan.changes if journal.standing(one.id).state in CHANGED]
    lately = taken_lately(stored, workspace, read_at)
    decided, by_hand = decisions_then(stored, workspace), systems.ordered(workspace, stored.plan.changes)
    by = SecondReview(workspace, workspace.capabilities(), decided, taken, lately, owners, by_hand)

    def judged(change: Change, now: datetime) -> Recheck:
        if not known or now - known[0].at >= workspace.policy.apply.facts_valid:
            current = workspaces.load(workspace.folder)
            refuse_stale(stored.plan, now=now, workspace_digest=current.digest)
            recent = not known and now - read_at < workspace.policy.apply.facts_valid
            fresh = rosters if recent else recheck.with_rosters(snapshot, workspace, now)
            facts = recheck.judge_plan(stored.plan, fresh, workspace, taken_since(stored, workspace), now, owners)
            if not again:
                again.append(read_again(stored.plan, snapshot, workspace, now, last()))
                require_same_systems(stored.plan, again[0])
            against = ask_again(stored.plan, snapshot, again[0], fresh, by, now)
            known[:] = [recheck.Facts(_both(facts.judged, against), now)]
        return known[0].of(change)

    return judged


def _both(judged: Mapping[str, Recheck], against: Mapping[str, Recheck]) -> Mapping[str, Recheck]:
    """Return the verdicts with what speaks against a change that nothing else did."""
    return {
        change: against.get(change, verdict) if verdict == Recheck() else verdict for change, verdict in judged.items()
    }
