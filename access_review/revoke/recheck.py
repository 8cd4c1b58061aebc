"""What rules, protections, limits and rosters say of a plan now: the same as when it was made, asked again.

Rosters are read anew, since who is employed may have changed since the plan; templates
and policy are those of the plan, held by the digest of the workspace. What other batches
have taken since the snapshot counts with this plan, so that two batches together do not
take what one may not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from access_review import snapshot
from access_review.changes import Change
from access_review.engine import Engine, ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import LimitExceeded, PlanRefused
from access_review.plan import consequences, limits
from access_review.plan.protect import guard, protection, without_holders
from access_review.plan.record import Plan
from access_review.plan.request import doubtful_owners, find_gaps, register_unread
from access_review.plan.withheld import Withheld
from access_review.policy import Limits
from access_review.review import establish
from access_review.revoke.states import Recheck
from access_review.revoke.undo import EMPLOYED
from access_review.snapshot import Snapshot, stored
from access_review.workspace import Workspace

ROSTER_TABLES = ("people", "assignments")
_NOT_LEFT = "the end was rescinded or postponed, or they came back"


def with_rosters(taken: Snapshot, workspace: Workspace, now: datetime) -> Snapshot:
    """Return a snapshot with its rosters read anew; raises ``RosterFault``, and ``PlanRefused`` for an incomplete one.

    Raises ``WorkspaceError`` for rosters that cannot be read as the workspace says.
    """
    verdicts = taken.tables["completeness"].to_pylist()
    filling = {v["source"] for v in verdicts if v["subject"] in ROSTER_TABLES}
    rosters = replace(workspace, sources=tuple(s for s in workspace.sources if s.name in filling))
    fresh = snapshot.collect(rosters, now, previous=taken)
    for table in ROSTER_TABLES:
        for source, reason in sorted(fresh.incomplete(table).items()):
            raise PlanRefused(f"withheld: {source} incomplete: {reason}", hint="nothing is changed on such a roster")
    return replace(taken, tables=stored(taken.tables) | {name: fresh.tables[name] for name in ROSTER_TABLES})


@dataclass(frozen=True, slots=True)
class Facts:
    """The verdict on every change of a plan, and when it was reached."""

    judged: Mapping[str, Recheck]
    at: datetime

    def of(self, change: Change) -> Recheck:
        """Return the verdict on one change; what was not judged is refused."""
        return self.judged.get(change.id, Recheck(refused="it was not judged"))


def judge_plan(
    plan: Plan,
    taken: Snapshot,
    workspace: Workspace,
    others: Sequence[Change],
    now: datetime,
    owners: pa.Table | ParquetFile | None = None,
) -> Facts:
    """Judge every change of a plan by the facts of ``taken``; raises ``LimitExceeded``.

    ``others`` are the changes that other batches have made since the plan's snapshot, ``owners`` is
    whose each account was in the run of the plan.
    """
    status = {row["person"]: row["status"] for row in taken.tables["people"].to_pylist()}
    if any(change.action.restores for change in plan.changes):
        return Facts({change.id: _restoring(change, status) for change in plan.changes}, now)
    settings = workspace.policy.engine
    with EmbeddedEngine(taken.as_of, settings.memory, settings.threads) as engine:
        establish(taken.tables, workspace, engine, owners)
        guard(engine, workspace.policy.protect, plan.requested_by)
        register_unread(engine, find_gaps(taken))
        planned = {change.id for change in plan.changes}
        every = [*plan.changes, *(change for change in others if change.id not in planned)]
        consequences.foresee(engine, taken.tables, every)
        without = without_holders(engine, workspace.policy.protect.last_holders, plan.expires_at)
        doubtful = _doubtful(engine, plan.changes)
        against = consequences.unexpected(engine) | doubtful | without | _protected(engine, plan.changes)
        if not plan.scope.wind_down:  # which has a number of its own, held by the second review
            _check_limits(engine, plan, workspace.policy.limits)
    return Facts({change.id: _judged(change, against.get(change.id), status) for change in plan.changes}, now)


def _judged(change: Change, against: Withheld | None, status: Mapping[str, str]) -> Recheck:
    """Judge one change by what speaks ``against`` it, and by what its person is now."""
    if against and against.refuses:
        return Recheck(refused=against.reason)
    if against:
        return Recheck(skipped=f"now: {against.reason}")
    person, then = change.target.person, change.expect_before.person_status
    now = status.get(person or "", "not in the roster")
    if person and then == "left" and now != then:
        return Recheck(skipped=f"the person is {now}: {_NOT_LEFT}")
    if person and then and now != then:
        return Recheck(skipped=f"the person was {then} and is {now}")
    return Recheck()


def why_void(change: Change, status: Mapping[str, str]) -> str:
    """Say why what a person was asked to do is not to be done any more; empty where it is, or where nobody can say.

    Whoever is in no roster, or doubtful there, has not come back, and has not left either.
    """
    now = status.get(change.target.person or "", "")
    if change.action.restores:
        return "the person has left: only who is employed gets it back" if now == "left" else ""
    return f"the person is {now}: {_NOT_LEFT}" if change.leaver and now in EMPLOYED else ""


def _restoring(change: Change, status: Mapping[str, str]) -> Recheck:
    person = change.target.person
    if person and status.get(person) not in EMPLOYED:
        return Recheck(
            refused=f"the person is {status.get(person, 'not in the roster')}: only who is employed gets it back"
        )
    return Recheck()


def _doubtful(engine: Engine, changes: Sequence[Change]) -> dict[str, Withheld]:
    """Return the changes to an account of which it has become doubtful whose it is."""
    doubts = doubtful_owners(engine)
    named = ((change.id, change.target.account) for change in changes)
    return {change: doubts[account.id] for change, account in named if account and account.id in doubts}


def _protected(engine: Engine, changes: Sequence[Change]) -> dict[str, Withheld]:
    """Return the changes that name something protected, and why it is."""
    named = [(change.id, name) for change in changes for name in change.target.key[:3] if name]
    table = pa.table({n: pa.array([row[i] for row in named], pa.string()) for i, n in enumerate(("change", "id"))})
    engine.register("named", table)
    rows = engine.rows(
        """
        SELECT change, min(code) AS code, min(detail) AS detail
        FROM named JOIN guarded USING (id) GROUP BY change ORDER BY change
        """
    )
    return {row["change"]: protection(row) for row in rows}


def _check_limits(engine: Engine, plan: Plan, ceilings: Limits) -> None:
    """Hold the counts to the limits that were approved with the plan, its raised ones included."""
    agreed = ceilings.model_copy(
        update={
            "disable": ceilings.disable.model_copy(
                update={"percent": plan.limits.disable_percent, "floor": plan.limits.disable_floor}
            ),
            "remove": ceilings.remove.model_copy(
                update={"percent": plan.limits.remove_percent, "floor": plan.limits.remove_floor}
            ),
            "group": ceilings.group.model_copy(
                update={"percent": plan.limits.group_percent, "members": plan.limits.group_members}
            ),
        }
    )
    approved = {(count.what, count.where): count.allowed for count in plan.limits.counts}
    counts = limits.as_raised(limits.count(engine, agreed, limits.counted(plan.limits.counts)), plan.limits.raised)
    over = [
        count
        for count in counts
        if count.changed > min(count.allowed, approved.get((count.what, count.where), count.allowed))
    ]
    if over:
        worst = over[0]
        raise LimitExceeded(
            f"with what other batches have taken, {worst.where} would lose {worst.changed} {worst.what} of "
            f"{worst.population}, {worst.allowed} allowed",
            hint="plan again from a new run",
        )
