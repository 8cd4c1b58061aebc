"""Derive a plan on disk again: what is carried out is what follows from its inputs, and not what its file says."""

from access_review import __version__, runs
from access_review.audit.reviewers import people_of
from access_review.errors import AccessReviewError, PlanRefused, StalePlan
from access_review.logbook.lines import LogEvent
from access_review.plan import record
from access_review.plan.derive import PlanOrder, derive
from access_review.plan.record import Plan
from access_review.plan.request import DecidedRevoke
from access_review.plan.reviewed_revokes import decided_revokes
from access_review.revoke import approve
from access_review.revoke.signed_removal import require_removal_then, takes_standing
from access_review.runs import Run
from access_review.stages.undo import derive_undo
from access_review.store import logged, pinned, plans, snapshots
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


def require_derived(stored: StoredPlan, workspace: Workspace) -> None:
    """Raise ``PlanRefused`` unless a plan is, byte for byte, what follows from the inputs that it pins.

    Raises ``StalePlan`` that names an input which is missing or different, and ``Unclear`` for a name of no batch.
    """
    plan = stored.plan
    if plan.inputs is None:
        raise _other_version(plan)
    derived = _undo_again(stored, workspace) if plan.inputs.undoes else _again(stored, workspace)
    if record.write(derived) != record.write(plan):
        raise PlanRefused(
            "the plan is not what follows from the run it was made on: something in plan.json was changed",
            hint="plan again; who may write to runs/ is to be looked into",
        )


def is_derivable(plan: Plan) -> bool:
    """Tell whether this version of the tool can derive a plan again; another plans by other rules."""
    return plan.inputs is not None and plan.inputs.tool == __version__


def refuse_other_version(stored: StoredPlan, *, begun: bool) -> None:
    """Raise ``PlanRefused`` for a plan of another version, unless it is begun, or was signed to be carried out later.

    Such a plan rests on what two people signed of its very bytes, under the version that could derive it.
    """
    signed_ahead = stored.plan.valid_from is not None and bool(stored.approvals)
    if not is_derivable(stored.plan) and not begun and not signed_ahead:
        raise _other_version(stored.plan)


def refuse_unsigned(stored: StoredPlan) -> None:
    """Raise ``PlanRefused`` for a plan of another version that somebody is about to sign: nobody can tell what it follows from."""
    if not is_derivable(stored.plan):
        raise _other_version(stored.plan)


def decisions_then(stored: StoredPlan, workspace: Workspace) -> tuple[DecidedRevoke, ...]:
    """Return what reviewers had decided when a plan was made, within its scope; raises ``StalePlan`` where a run is gone."""
    plan = stored.plan
    if plan.inputs is None or not plan.scope.reviewed:
        return ()
    people = people_of(snapshots.people(stored.run))
    return decided_revokes(pinned.answered(workspace.folder, plan.inputs.decisions), people, plan.scope)


def _other_version(plan: Plan) -> PlanRefused:
    if plan.inputs is None:
        return PlanRefused(f"the plan is of {plan.format}, which cannot be derived again", hint="plan again")
    said = f"the plan was made by version {plan.inputs.tool} of this tool, and this is {__version__}"
    return StalePlan(said, hint="plan again; what was begun or signed ahead is finished with apply --by PERSON")


def _again(stored: StoredPlan, workspace: Workspace) -> Plan:
    plan = stored.plan
    assert plan.inputs is not None  # noqa: S101 - its caller has looked
    return derive(PlanOrder.of(plan), pinned.inputs_of(stored, workspace)).plan


def _undo_again(stored: StoredPlan, workspace: Workspace) -> Plan:
    """Derive an undo, from a batch that people stood behind and that is itself what followed from its inputs."""
    plan = stored.plan
    assert plan.inputs is not None  # noqa: S101 - its caller has looked
    assert plan.inputs.undoes is not None  # noqa: S101 - its caller has looked
    undoes = plan.inputs.undoes
    undone = plans.find(_run(workspace, undoes.run), undoes.name)
    if undone.plan.digest != undoes.digest:
        raise PlanRefused(f"the {undoes.name} of {undoes.run} is another plan than the one to be undone")
    _require_signed(undone, workspace)
    # Sources and roles may have been put right since: then it rests on what two people signed.
    if is_derivable(undone.plan) and undone.plan.workspace_digest == workspace.digest:
        require_derived(undone, workspace)
    pinned.load(workspace, stored.run, plan.inputs, made_at=plan.made_at)
    return derive_undo(
        undone,
        undoes.journal.rows,
        stored.run,
        workspace,
        requested_by=plan.requested_by,
        now=plan.made_at,
        name=plan.name,
        inputs=plan.inputs,
    )


def _require_signed(undone: StoredPlan, workspace: Workspace) -> None:
    """Raise ``PlanRefused`` unless a batch began, and people stood behind it when it did."""
    log = logged.known(workspace.folder)
    begun = log.first(undone.plan.digest, LogEvent.BEGUN) if log else None
    with JournalFile(undone.journal, undone.plan.digest) as journal:
        by = [note.reason for note in journal.notes if note.what in {"opened", "resumed"}]
    if begun is None or not by:
        raise PlanRefused(f"the {undone.name} of {undone.run.id} was never begun, so there is nothing to give back")
    people, known, at = undone.signatories, workspace.approvers, begun.at
    executor = begun.details["executor"] or by[0]
    if executor == approve.BY_STANDING:
        # The policy may say something else by now: what counts is what was signed when the batch began.
        signed, seen = (
            plans.workspace_statements(workspace.folder),
            plans.seen_standing(workspace.folder, at),
        )
        then = begun.details.get("standing", "")
        if takes_standing(undone.plan):
            require_removal_then(then, signed, known, people, now=at, plan=undone.plan, seen=seen)
            return
        approve.require_standing_then(then, signed, known, people, now=at, plan=undone.plan, seen=seen)
        return
    approve.require(undone.plan, undone.approvals, known, people, now=at, by=executor, seen=plans.seen(undone, at))


def _run(workspace: Workspace, name: str) -> Run:
    try:
        return runs.find(workspace.folder, name)
    except AccessReviewError:
        raise PlanRefused(f"{name}, whose batch is undone, is not there", hint="restore the run") from None
