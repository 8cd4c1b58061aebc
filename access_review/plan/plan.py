"""Plan: the reviewed list of changes, which is also the dry run.

Findings say what is wrong; here it is decided what may be taken away. Each finding
gives its changes or the reason why a person must settle it; what a change would take
beyond the excess is foreseen; protections and limits are kept; and the plan is proven
on a second review before it is sealed. Nothing here writes to any system.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from access_review.changes import Capabilities, Change
from access_review.engine import Engine
from access_review.errors import PlanRefused, StalePlan
from access_review.plan import consequences, limits, proof
from access_review.plan.ahead import Ahead
from access_review.plan.limits import Count, Higher, Population, Raised
from access_review.plan.proof import Proof
from access_review.plan.protect import guard, without_holders
from access_review.plan.recent_removals import DAY, RecentRemovals
from access_review.plan.record import FORMAT, AppliedLimits, NamedSystem, PinnedInputs, Plan, batches, seal
from access_review.plan.remedies import changes_for
from access_review.plan.request import DecidedRevoke, Request, Scope, collect_request
from access_review.plan.standing_scope import uncovered_removals
from access_review.plan.wind_down_scope import check_people, count_people, uncovered
from access_review.plan.withheld import ToPerson, Withheld, WithheldCode, withheld
from access_review.policy import Limits
from access_review.review import Report
from access_review.snapshot import Snapshot, run_name
from access_review.workspace import Workspace

Outcomes = dict[str, tuple[Change, ...] | Withheld]
"""By finding: the changes that end it, or why there are none."""


def plan(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    report: Report,
    *,
    requested_by: str,
    now: datetime,
    capabilities: Mapping[str, Capabilities],
    scope: Scope = Scope(),  # noqa: B008 - frozen
    accepted: Mapping[str, Population] | None = None,
    raised: Raised | None = None,
    ahead: Ahead | None = None,
    decided: Sequence[DecidedRevoke] = (),
    name: str = "plan",
    inputs: PinnedInputs | None = None,
    taken: RecentRemovals = RecentRemovals(),  # noqa: B008 - frozen
) -> Plan:
    """Plan the removals for the open findings in scope and for what reviewers ``decided``, proven and sealed.

    ``engine`` is the one that :func:`access_review.review.review` ran in. ``capabilities`` is what the connector of
    each source declares, ``accepted`` the population of each source at the last sign-off, ``taken`` what batches took
    lately, ``inputs`` says what all of this is. With ``ahead``, the snapshot shows leavers as they will be, and the
    plan holds from their end. Raises ``StalePlan`` for a snapshot older than a plan may be, ``LimitExceeded``, and
    ``PlanRefused``, also when nobody can say which change fails the proof. Raises ``ArtifactError`` as
    :func:`access_review.review.review` does.
    """
    _may_plan(snapshot, workspace, requested_by, now, raised)
    guard(engine, workspace.policy.protect, requested_by)
    connectors = {s.name: s.file.connector for s in workspace.sources}
    request = collect_request(engine, snapshot, scope, connectors, capabilities, decided)
    outcomes: Outcomes = {finding["finding"]: changes_for(request, finding) for finding in request.findings}
    if scope.wind_down:
        declared = workspace.wind_downs[scope.wind_down]
        refused = uncovered(engine, scope.wind_down, declared, merge(outcomes), snapshot.as_of)
        outcomes = withhold(outcomes, refused)
    if scope.standing_removal:
        refused = uncovered_removals(engine, workspace, request, merge(outcomes), scope.standing_removal)
        outcomes = withhold(outcomes, refused)
    until = ahead.until if ahead else now + workspace.policy.plan_valid
    settled_by = _Limiting(accepted or {}, raised.limits if raised else (), taken, now - DAY, until, scope.wind_down)
    outcomes, settled = _settle(snapshot, workspace, engine, report, outcomes, settled_by)
    ordered = tuple(sorted(_with_collateral(settled.changes, engine), key=_order))
    return seal(
        Plan(
            format=FORMAT,
            name=name,
            snapshot=snapshot.digest,
            run=run_name(snapshot.as_of, snapshot.digest),
            workspace_digest=workspace.digest,
            as_of=snapshot.as_of,
            made_at=now,
            expires_at=until,
            requested_by=requested_by,
            scope=scope,
            limits=_applied_limits(workspace.policy.limits, settled.counts, raised),
            batches=batches(ordered, workspace.policy.limits.batch),
            changes=ordered,
            to_person=_to_person(outcomes, request),
            proof=settled.proof,
            systems=_systems(snapshot, ordered),
            inputs=inputs,
            ahead=ahead,
            valid_from=ahead.since if ahead else None,
        )
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    changes: tuple[Change, ...]
    counts: tuple[Count, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class _Limiting:
    """What the limits of a plan are reckoned from, and until when it holds; under a ``wind_down`` its own number takes their place."""

    accepted: Mapping[str, Population]
    raised: Sequence[Higher]
    taken: RecentRemovals
    yesterday: datetime
    until: datetime
    wind_down: str


def _settle(
    snapshot: Snapshot, workspace: Workspace, engine: Engine, report: Report, outcomes: Outcomes, by: _Limiting
) -> tuple[Outcomes, _Settled]:
    """Withhold what would take too much until nothing does; then count, and prove what is left."""
    while True:
        changes = merge(outcomes)
        consequences.foresee(engine, snapshot.tables, changes)
        refused = _refused(engine, workspace.policy.protect.last_holders, by.until)
        if not refused:
            own = {change.id for change in changes}
            counts = limits.count(engine, workspace.policy.limits, by.accepted, by.taken.counts(own))
            limits.check_raised(counts, by.raised)
            counts = limits.lifted(counts) if by.wind_down else limits.as_raised(counts, by.raised)
            refused = _apart(engine, counts)
        if not refused:
            if by.wind_down:
                declared = workspace.wind_downs[by.wind_down]
                people = count_people(engine, by.wind_down, declared, changes, by.taken, snapshot.as_of)
                check_people(people)
                counts = (*counts, people)
            else:
                limits.check(counts, _names(changes))
                limits.check_day(counts, by.taken.counts(own, by.yesterday))
            after = consequences.tables_after(engine, snapshot.tables)
            proven = proof.prove(snapshot, workspace, engine, report, changes, after)
            if isinstance(proven, Proof):
                return outcomes, _Settled(changes, counts, proven)
            refused = proven.changes
        # Each round leaves at least one finding more to a person, so this ends.
        outcomes = withhold(outcomes, refused)


def _may_plan(
    snapshot: Snapshot, workspace: Workspace, requested_by: str, now: datetime, raised: Raised | None
) -> None:
    if not requested_by.strip():
        raise PlanRefused("nobody asks for this plan", hint="say who: --requested-by PERSON")
    if raised and not raised.reason.strip():
        raise PlanRefused("the limits are raised without a reason", hint="give one; a second approver reads it")
    if now < snapshot.as_of:
        raise StalePlan(
            f"the snapshot is of {snapshot.as_of:%Y-%m-%d %H:%M} UTC, which is yet to come", hint="access-review audit"
        )
    if now > snapshot.as_of + workspace.policy.plan_valid:
        raise StalePlan(
            f"the snapshot is of {snapshot.as_of:%Y-%m-%d %H:%M} UTC: too old to plan on", hint="access-review audit"
        )


def merge(outcomes: Outcomes) -> tuple[Change, ...]:
    """Return each change once, with every finding that asks for it."""
    merged: dict[str, Change] = {}
    because = defaultdict[str, list[str]](list)
    for finding in sorted(outcomes):
        outcome = outcomes[finding]
        if isinstance(outcome, tuple):
            for change in outcome:
                merged[change.id] = change
                because[change.id].append(finding)
    return tuple(_because(merged[key], tuple(because[key])) for key in sorted(merged))


def _because(change: Change, findings: tuple[str, ...]) -> Change:
    return change if change.because == findings else replace(change, because=findings)


def _refused(engine: Engine, keep: int, until: datetime) -> Mapping[str, Withheld]:
    """Return the changes that would take too much, each with the reason."""
    return consequences.unexpected(engine) or without_holders(engine, keep, until)


def _apart(engine: Engine, counts: Sequence[Count]) -> Mapping[str, Withheld]:
    """Return the nesting cuts that take a group beyond its limit: they do not stop everything else."""
    alone = "plan it alone: --rule nesting-escalates"
    return {
        row["change"]: withheld(WithheldCode.GROUP_LIMIT, alone, name=row["name"])
        for row in limits.cuts_beyond(engine, counts)
    }


def withhold(outcomes: Outcomes, refused: Mapping[str, Withheld]) -> Outcomes:
    """Leave a finding to a person when one of its changes is refused: all of them or none."""
    remaining: Outcomes = {}
    for finding, outcome in outcomes.items():
        reasons = (
            [refused[change.id] for change in outcome if change.id in refused] if isinstance(outcome, tuple) else []
        )
        remaining[finding] = min(reasons, key=lambda why: why.reason) if reasons else outcome
    return remaining


def _with_collateral(changes: Sequence[Change], engine: Engine) -> list[Change]:
    texts: dict[str, list[str]] = defaultdict(list)
    behind = {change.id for change in changes if change.target.child}
    for row in consequences.collateral(engine):
        many = f"{row['accounts']} accounts behind it lose" if row["accounts"] != 1 else "1 account behind it loses"
        texts[row["change"]].append(
            f"{many if row['change'] in behind else 'also loses'} {row['name']} ({row['source']})"
        )
    return [replace(change, collateral=tuple(texts.get(change.id, ()))) for change in changes]


def _order(change: Change) -> tuple[Any, ...]:
    """Leavers first; of everybody first the sign-in, then sessions, then grants."""
    opening = change.target.entitlement is not None
    return not change.leaver, opening, change.target.key[0], change.action.rank, change.target.key, change.id


def _to_person(outcomes: Outcomes, request: Request) -> tuple[ToPerson, ...]:
    """Group what is left to a person by reason: protections first."""
    left: dict[Withheld, list[str]] = defaultdict(list)
    for finding, outcome in outcomes.items():
        if isinstance(outcome, Withheld):
            left[outcome].append(finding)
    for review in request.reviews:
        left[withheld(WithheldCode.UNDECIDED, rule=review["rule"])] += review["findings"]
    ordered = sorted(left, key=lambda why: (not why.protected, why.reason, why.alternatives))
    return tuple(ToPerson.of(tuple(sorted(left[why])), why) for why in ordered)


def _applied_limits(ceilings: Limits, counts: tuple[Count, ...], raised: Raised | None) -> AppliedLimits:
    return AppliedLimits(
        disable_percent=ceilings.disable.percent,
        disable_floor=ceilings.disable.floor,
        remove_percent=ceilings.remove.percent,
        remove_floor=ceilings.remove.floor,
        group_percent=ceilings.group.percent,
        group_members=ceilings.group.members,
        batch=ceilings.batch,
        counts=counts,
        raised_because=raised.reason if raised else "",
        raised=raised.limits if raised else (),
    )


def _systems(snapshot: Snapshot, changes: Sequence[Change]) -> dict[str, NamedSystem]:
    """Say of each source that is written to which system it is, as it was read."""
    said = snapshot.systems
    sources = sorted({change.target.source for change in changes})
    return {source: NamedSystem(*said.get(source, (None, None))) for source in sources}


def _names(changes: Sequence[Change]) -> dict[str, str]:
    things = [t for change in changes for t in (change.target.entitlement, change.target.child) if t]
    return {thing.id: thing.name for thing in things}
