"""Approve: sign a plan's request or approval, or the standing approval, where it is looked for."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review.errors import PlanRefused
from access_review.plan.record import refuse_stale
from access_review.revoke import approve, signatures
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.runs import Run
from access_review.store import files, keys, plans
from access_review.store.plans import StoredPlan
from access_review.views import carry_out
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, by a name of the roster, with which key and why."""

    by: str
    key: Path
    password: bytes | None = None
    reason: str = ""


def approve_plan(stored: StoredPlan, workspace: Workspace, kind: StatementKind, signer: Signer, now: datetime) -> Path:
    """Sign a plan's request or approval, and check that it counts; return the file. Raises ``PlanRefused``."""
    plan, people = stored.plan, stored.signatories
    refuse_stale(plan, now=now, workspace_digest=workspace.digest)
    _refuse_other_program(stored)
    statement = Statement(kind, plan.digest, people.person(signer.by), now, signer.reason)
    requester = people.person(plan.requested_by)
    if kind is StatementKind.REQUEST and statement.person != requester:
        raise PlanRefused(f"the plan is asked for by {plan.requested_by}, not by {signer.by}")
    if kind is StatementKind.APPROVAL and (why := approve.conflict(plan, statement.person, requester)):
        raise PlanRefused(f"not independent: {why}", hint="ask somebody else")
    return _sign(statement, workspace, people, signer, stored.folder / "approvals")


def _refuse_other_program(stored: StoredPlan) -> None:
    """Refuse where the program beside a plan is not the one that this tool puts there."""
    beside = stored.folder / carry_out.NAME
    if beside.exists() and beside.read_bytes() != carry_out.program():
        raise PlanRefused(
            f"{carry_out.NAME} beside the plan is not the program that was put there",
            hint=f"it must have {carry_out.digest()}: plan again, and find out who changed it",
        )


def approve_standing(run: Run, workspace: Workspace, signer: Signer, now: datetime) -> tuple[str, Path]:
    """Sign the standing approval of the policy as it is now; return its digest and the file; raises ``PlanRefused``."""
    people, standing = plans.signatories(run), workspace.policy.standing
    if standing is None:
        raise PlanRefused("there is no standing approval", hint="declare `standing` in roles/policy.yaml")
    digest = approve.digest_of_standing(standing)
    statement = Statement(StatementKind.STANDING, digest, people.person(signer.by), now, signer.reason)
    return digest, _sign(statement, workspace, people, signer, workspace.folder / plans.STANDING_APPROVALS)


def _sign(statement: Statement, workspace: Workspace, people: Signatories, signer: Signer, folder: Path) -> Path:
    """Sign a statement and write it where it is looked for; raises ``PlanRefused`` when it would not count."""
    key = keys.private_key(signer.key, signer.password)
    data = signatures.sign(statement.payload(), key)
    _, who = approve.read_statement(data, workspace.approvers, people)
    if ("request" if statement.kind is StatementKind.REQUEST else "approve") not in who.may:
        raise PlanRefused(f"{statement.person} may not do this by roles/approvers.yaml", hint="ask somebody who may")
    fingerprint = key.public_key.keyid.removeprefix("SHA256:").replace("/", "_").replace("+", "-")[:16]
    path = folder / f"{statement.kind}-{fingerprint}.json"
    files.write(path, data)
    return path
