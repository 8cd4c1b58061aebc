"""What is, is read again: a run shows what was decided, and somebody may have edited it.

Before the first call, each source that a plan writes to is read again and reviewed with the
rosters as they are now. A change goes out only where that review asks for it too, only to the
same person (who owns an account is found afresh), and only to the very place where that review
would make it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from access_review.changes import UNDO, Action, Capabilities, Change
from access_review.connectors.own_removals import LastRead
from access_review.engine import Engine, ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import PlanRefused
from access_review.plan import consequences, limits
from access_review.plan.after_undo import tables_after_undo
from access_review.plan.plan import merge
from access_review.plan.protect import guard, without_holders
from access_review.plan.recent_removals import DAY, RecentRemovals
from access_review.plan.record import Plan
from access_review.plan.remedies import changes_for
from access_review.plan.request import DecidedRevoke, collect_request
from access_review.plan.standing_scope import uncovered_removals
from access_review.plan.wind_down_scope import check_people, count_people, uncovered
from access_review.plan.withheld import Withheld
from access_review.review import Previous, find
from access_review.revoke.recheck import ROSTER_TABLES
from access_review.revoke.same_place import other_place, other_things, sources_of
from access_review.revoke.states import Recheck
from access_review.snapshot import Snapshot, collect_again, stored
from access_review.workspace import Workspace


def read_again(
    plan: Plan, taken: Snapshot, workspace: Workspace, now: datetime, last: Mapping[str, LastRead]
) -> Snapshot:
    """Return the snapshot of a plan with every source it writes to or names something of as it can be read now.

    Rosters are read beside it. What is much less than it ``last`` was is incomplete. Raises ``WorkspaceError`` as
    :func:`access_review.snapshot.collect` does.
    """
    return collect_again(workspace, taken, sources_of(plan.changes), now, last)


@dataclass(frozen=True, slots=True)
class SecondReview:
    """What a plan is judged by, beside what was read: what reviewers decided, and what this batch and others have taken.

    ``owners`` is whose each account was in the run of the plan, ``by_hand`` the changes that a person is asked to make.
    """

    workspace: Workspace
    capabilities: Mapping[str, Capabilities]
    decided: Sequence[DecidedRevoke] = ()
    taken: Sequence[Change] = ()
    lately: RecentRemovals = RecentRemovals()  # noqa: RUF009 - frozen
    owners: pa.Table | ParquetFile | None = None
    by_hand: Collection[str] = ()


def ask_again(
    plan: Plan, before: Snapshot, again: Snapshot, rosters: Snapshot, by: SecondReview, now: datetime
) -> Mapping[str, Recheck]:
    """Return what speaks against each change by what is there now; nothing of those that are asked for as before.

    ``again`` is what was read again, ``rosters`` has the newest rosters. What this batch took itself does not count as
    gone, or the rest of it would have no reason any more. Raises ``LimitExceeded`` where it would take too much of what
    is there now, with what others took lately. Raises ``ArtifactError`` as :func:`access_review.review.review` does.
    """
    fresh = {name: rosters.tables[name] for name in ROSTER_TABLES}
    own = [replace(one, action=Action(UNDO[one.action])) for one in by.taken if UNDO[one.action] not in {"", "manual"}]
    tables = tables_after_undo(stored(again.tables) | fresh, before.tables, own)
    settings = by.workspace.policy.engine
    with EmbeddedEngine(now, settings.memory, settings.threads) as engine:
        find(replace(again, as_of=now, tables=tables), by.workspace, engine, Previous(owners=by.owners), digested=False)
        owners = _owners(engine, plan.changes)
        unread, was_unread = _unread(again), _unread(before)
        connectors = {source.name: source.file.connector for source in by.workspace.sources}
        if plan.gives_back:
            found = {
                one.id: _other_owner(one, owners) or other_things(one, tables, connectors, by_hand=one.id in by.by_hand)
                for one in plan.changes
            }
            return {one.id: verdict for one in plan.changes if (verdict := _or_unread(one, found[one.id], unread))}
        guard(engine, by.workspace.policy.protect, plan.requested_by)
        request = collect_request(engine, again, plan.scope, connectors, by.capabilities, by.decided)
        outcomes = {finding["finding"]: changes_for(request, finding) for finding in request.findings}
        consequences.foresee(engine, tables, plan.changes)
        holders = without_holders(engine, by.workspace.policy.protect.last_holders, plan.expires_at)
        name = plan.scope.wind_down
        beyond = uncovered(engine, name, by.workspace.wind_downs[name], plan.changes, now) if name else {}
        if named := plan.scope.standing_removal:
            beyond = uncovered_removals(engine, by.workspace, request, merge(outcomes), named)
        _check_limits(engine, plan, by, now)
    asked = {change.id: change for change in merge(outcomes)}
    against = {}
    for one in plan.changes:
        verdict = _other_owner(one, owners) or _not_asked(one, asked, outcomes)
        if one.id in beyond:
            verdict = verdict or Recheck(skipped=f"now: {beyond[one.id].reason}")
        verdict = _or_unread(one, verdict, unread)
        if one.id not in asked and (lately := sorted(unread.keys() - was_unread.keys())):
            # A rule that needs what was whole when it was planned is silent: that is no reason to leave it for good.
            verdict = verdict and Recheck(unread=_said_unread(lately[0], unread[lately[0]]))
        if one.id in asked:
            verdict = other_place(one, asked[one.id], by_hand=one.id in by.by_hand) or verdict
        if one.id in holders:
            verdict = Recheck(refused=holders[one.id].reason)
        if verdict:
            against[one.id] = verdict
    return against


_SHOWING = ("accounts", "entitlements", "grants", "nesting")


def _unread(again: Snapshot) -> Mapping[str, str]:
    """Return the sources that could not be read whole just now, with the reason."""
    return {source: why for table in _SHOWING for source, why in again.incomplete(table).items()}


def _or_unread(change: Change, verdict: Recheck | None, unread: Mapping[str, str]) -> Recheck | None:
    """Return a verdict, or that there is none yet: what a source does not show while it cannot be read ends nothing."""
    source = change.target.source
    if verdict is None or source not in unread:
        return verdict
    return Recheck(unread=_said_unread(source, unread[source]))


def _said_unread(source: str, reason: str) -> str:
    return f"{source} could not be read whole just now: {reason}"


def require_same_systems(plan: Plan, again: Snapshot) -> None:
    """Raise ``PlanRefused`` where a source that a plan writes to is of another system now than when the plan was made."""
    now = again.systems
    for source, system in sorted(plan.systems.items()):
        identity, name = now.get(source, (None, None))
        if system.identity is not None and identity != system.identity:
            found = f"{name or identity} ({identity})" if identity else "of a system that does not say which it is"
            raise PlanRefused(
                f"{source} is now {found}, and the plan was made for {system.name or system.identity} ({system.identity})",
                hint="look whether server or tenant in the source file is right; then collect, review and plan again",
            )


def _check_limits(engine: Engine, plan: Plan, by: SecondReview, now: datetime) -> None:
    """Hold what a plan takes of what is there now to the limits: those of the smallest population that anybody knows.

    Under a wind-down, to the number of people that was declared.
    """
    if name := plan.scope.wind_down:
        check_people(count_people(engine, name, by.workspace.wind_downs[name], plan.changes, by.lately, now))
        return
    own = {change.id for change in plan.changes}
    known, ceilings = limits.counted(plan.limits.counts), by.workspace.policy.limits
    counts = limits.as_raised(limits.count(engine, ceilings, known, by.lately.counts(own)), plan.limits.raised)
    things = (thing for one in plan.changes for thing in (one.target.entitlement, one.target.child) if thing)
    limits.check(counts, {thing.id: thing.name for thing in things})
    limits.check_day(counts, by.lately.counts(own, now - DAY))


def _owners(engine: Engine, changes: Sequence[Change]) -> Mapping[str, tuple[str | None, bool]]:
    """Return who owns each account that a plan names, and whether that is certain, by the ladder of its source."""
    names = pa.array(sorted({one.target.account.id for one in changes if one.target.account}), pa.string())
    engine.register("owned", pa.table({"account": names}))
    rows = engine.rows("SELECT account, person, certain FROM accounts JOIN owned USING (account)")
    return {row["account"]: (row["person"], bool(row["certain"])) for row in rows}


def _other_owner(change: Change, owners: Mapping[str, tuple[str | None, bool]]) -> Recheck | None:
    account = change.target.account
    if account is None or account.id not in owners:
        return None  # whether it is there at all is looked at just before the call
    person, certain = owners[account.id]
    if person == change.target.person and (certain or person is None):
        return None
    now = "nobody" if person is None else person if certain else f"{person}, which is a guess"
    return Recheck(skipped=f"its owner was {change.target.person or 'nobody'} and is now {now}")


def _not_asked(
    change: Change, asked: Mapping[str, Change], outcomes: Mapping[str, tuple[Change, ...] | Withheld]
) -> Recheck | None:
    if change.id in asked:
        return None
    reasons = sorted({why.reason for name in change.because if isinstance(why := outcomes.get(name), Withheld)})
    return Recheck(
        skipped=f"now: {reasons[0]}" if reasons else "what was read just now gives no reason for it any more"
    )
