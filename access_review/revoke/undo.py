"""Undo: give back exactly what a batch took, as a plan of its own, to be approved like any other.

What this batch took away, as its journal shows, and nothing that was absent, skipped or
refused. Only for people who are employed by the newest complete roster; what others
changed later is left alone, since each restoration is checked again just before it is
made, and what is there already is not given twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from access_review.changes import UNDO, Action, Change, Expectation, change_id
from access_review.errors import PlanRefused
from access_review.plan import limits
from access_review.plan.after_undo import no_longer_there
from access_review.plan.proof import Failure, Proof
from access_review.plan.record import FORMAT, GIVEN_BACK, PinnedInputs, Plan, batches, seal
from access_review.plan.withheld import ToPerson, WithheldCode, withheld
from access_review.revoke.states import PROVEN, ChangeStatus, State
from access_review.snapshot import Snapshot
from access_review.workspace import Workspace

Prover = Callable[[Sequence[Change]], Proof | Failure]
"""Reviews what would be given back, and says which changes would be wrong by now."""

EMPLOYED = frozenset({"active", "leave"})


@dataclass(frozen=True, slots=True)
class _Left:
    """A change that is left to a person, and why."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class _GivenBack:
    """What would be given back, in order, and what is left to a person instead."""

    changes: Sequence[Change]
    left: Sequence[_Left]

    @classmethod
    def of(cls, proposals: Iterable[Change | _Left]) -> Self:
        """Part proposals."""
        ordered = sorted(proposals, key=_last_the_sign_in)
        return cls(
            [one for one in ordered if isinstance(one, Change)], [one for one in ordered if isinstance(one, _Left)]
        )

    def without(self, reasons: Mapping[str, str]) -> "_GivenBack":
        """Leave to a person, too, what has a reason against it."""
        left = [_Left(change, reasons[change.id]) for change in self.changes if change.id in reasons]
        return _GivenBack([change for change in self.changes if change.id not in reasons], [*self.left, *left])


def undo(
    plan: Plan,
    standings: Mapping[str, ChangeStatus],
    snapshot: Snapshot,
    workspace: Workspace,
    *,
    run: str,
    name: str = "undo",
    inputs: PinnedInputs | None = None,
    requested_by: str,
    now: datetime,
    prove: Prover,
) -> Plan:
    """Return the sealed plan that gives back what ``plan`` took; ``snapshot`` says who is employed now.

    What ``prove`` does not carry is left to a person. Raises ``PlanRefused`` when there is nothing to give back, or
    the roster is not complete or older than what it is to judge.
    """
    if plan.gives_back:
        hint = "what should not be there is found by a review: access-review audit, then plan"
        raise PlanRefused("this batch gave access back, so there is nothing to give back of it", hint=hint)
    _may_undo(plan, standings, snapshot)
    status = {row["person"]: row["status"] for row in snapshot.tables["people"].to_pylist()}
    given = _GivenBack.of(_proposals(plan, standings, status))
    if missing := no_longer_there(snapshot.tables, given.changes):
        given = given.without(dict.fromkeys(missing, "the account or the group is there no more"))
    while isinstance(proof := prove(given.changes), Failure):
        given = given.without({change: why.reason for change, why in proof.changes.items()})
    if not given.changes and not given.left:
        raise PlanRefused("this batch took nothing away, so there is nothing to give back")
    return seal(
        replace(
            plan,
            format=FORMAT,
            name=name,
            snapshot=snapshot.digest,
            run=run,
            workspace_digest=workspace.digest,
            as_of=snapshot.as_of,
            made_at=now,
            expires_at=now + workspace.policy.plan_valid,
            requested_by=requested_by,
            limits=replace(plan.limits, counts=_counts(plan, given.changes)),
            batches=batches(given.changes, workspace.policy.limits.batch),
            changes=tuple(given.changes),
            to_person=tuple(
                ToPerson.of((kept.change.id,), withheld(WithheldCode.NOT_GIVEN_BACK, detail=kept.reason))
                for kept in given.left
            ),
            proof=proof,
            systems=plan.systems,
            inputs=inputs,
            ahead=None,
            valid_from=None,
            digest="",
        )
    )


def _may_undo(plan: Plan, standings: Mapping[str, ChangeStatus], snapshot: Snapshot) -> None:
    short = {**snapshot.incomplete("people"), **snapshot.incomplete("assignments")}
    if short:
        source, reason = min(short.items())
        raise PlanRefused(f"withheld: {source} incomplete: {reason}", hint="who is employed must be known")
    began = min((one.intended_at for one in standings.values() if one.intended_at), default=plan.made_at)
    if snapshot.as_of < began:
        raise PlanRefused("the newest snapshot is older than the batch", hint="access-review audit")


def _proposals(
    plan: Plan, standings: Mapping[str, ChangeStatus], status: Mapping[str, str]
) -> Iterator[Change | _Left]:
    for change in plan.changes:
        state = standings.get(change.id, ChangeStatus()).state
        if state in {State.UNKNOWN, State.CALLING}:
            yield _Left(change, "what became of it is not known: access-review verify first")
        elif state in PROVEN:
            yield _restoring(change, status)


def _restoring(change: Change, status: Mapping[str, str]) -> Change | _Left:
    action = UNDO[change.action]
    if not action:
        return _Left(change, "sessions begin anew by signing in")
    person = change.target.person
    if action == Action.MANUAL:
        return _Left(change, "it was done by hand: give it back by hand")
    if person is None and change.target.child is None:
        return _Left(change, "nobody is known to own it")
    if person is not None and status.get(person) not in EMPLOYED:
        return _Left(
            change, f"the person is {status.get(person, 'not in the roster')}: only who is employed gets it back"
        )
    restoring = Action(action)
    expect = Expectation(present=False, person_status=status.get(person) if person else None)
    return Change(
        change_id(restoring, change.target),
        restoring,
        change.target,
        change.via,
        expect,
        (change.id,),
        (),
        str(change.action),
    )


def _last_the_sign_in(proposal: Change | _Left) -> tuple[bool, str]:
    """Grants first and the right to sign in last: nobody is let in before everything is as it was."""
    if isinstance(proposal, Change):
        return proposal.action is Action.ENABLE_ACCOUNT, proposal.id
    return False, proposal.change.id


def _counts(plan: Plan, changes: Sequence[Change]) -> tuple[limits.Count, ...]:
    """Return how many changes are given back of how many were planned: never more than were taken."""
    return (limits.Count(GIVEN_BACK, plan.digest, len(changes), len(plan.changes), len(plan.changes)),)
