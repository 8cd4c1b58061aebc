"""Approve: sign a plan's request, approval or execution, or the standing approval; and take such a signature back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review.errors import PlanRefused, Unclear
from access_review.plan.record import refuse_stale
from access_review.revoke import approve, sshsig, statements
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.revoke.signed_removal import digest_of_removal
from access_review.revoke.signed_wind_down import digest_of_wind_down, find_wind_down
from access_review.runs import Run
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.stages.rederive import refuse_unsigned
from access_review.store import files, keys, plans
from access_review.store.plans import StoredPlan
from access_review.views import carry_out
from access_review.workspace import Workspace


def approve_plan(stored: StoredPlan, workspace: Workspace, kind: StatementKind, signer: Signer, now: datetime) -> Path:
    """Sign a plan's request or approval, and check that it counts; return the file. Raises ``PlanRefused``."""
    return sign(_of_plan(stored, workspace, kind, signer.by, signer.reason, now), workspace, signer)


def approval_to_sign(stored: StoredPlan, workspace: Workspace, by: str, reason: str, at: datetime) -> ToSign:
    """Return the approval of a plan as it is to be signed; raises ``PlanRefused`` where it would not count."""
    return _of_plan(stored, workspace, StatementKind.APPROVAL, by, reason, at)


def _of_plan(
    stored: StoredPlan, workspace: Workspace, kind: StatementKind, by: str, reason: str, at: datetime
) -> ToSign:
    said = _said_of(stored, workspace, kind, by, reason, at)
    return ToSign(said, stored.signatories, stored.folder / "approvals")


def _said_of(
    stored: StoredPlan, workspace: Workspace, kind: StatementKind, by: str, reason: str, now: datetime
) -> Statement:
    """Return what is to be said of a plan; raises ``PlanRefused`` where that person may not, or not now."""
    plan, people = stored.plan, stored.signatories
    refuse_stale(plan, now=now, workspace_digest=workspace.digest)
    refuse_unsigned(stored)
    _refuse_other_program(stored)
    person, requester = people.person(by), people.person(plan.requested_by)
    if kind is StatementKind.REQUEST and person != requester:
        raise PlanRefused(f"the plan is asked for by {plan.requested_by}, not by {by}")
    if kind is StatementKind.APPROVAL and (why := approve.conflict(plan, person, requester, people)):
        raise PlanRefused(f"not independent: {why}", hint="ask somebody else")
    return Statement(kind, plan.digest, person, now, reason, run=stored.run.id)


def sign_execution(stored: StoredPlan, workspace: Workspace, signer: Signer, now: datetime) -> Path:
    """Sign that one carries a plan out, or that the unattended job does; return the file. Raises ``PlanRefused``."""
    people = stored.signatories
    job = signer.by == approve.JOB
    person = signer.by if job else people.person(signer.by)
    said = Statement(StatementKind.EXECUTION, stored.plan.digest, person, now, signer.reason, run=stored.run.id)
    wanted = ToSign(said, people, stored.folder / "approvals", "job" if job else "")
    return sign(wanted, workspace, signer)


def job_signer(workspace: Workspace, key: Path | None, now: datetime) -> Signer | None:
    """Return who signs what an unattended run carries out; nobody where roles/approvers.yaml enrols no key for it.

    Raises ``PlanRefused`` where one is enrolled and another, or none, is named; ``ArtifactError`` for one that cannot be read.
    """
    enrolled = [one for one in workspace.approvers.approvers if one.job]
    if key is None:
        if enrolled:
            raise PlanRefused(
                "roles/approvers.yaml enrols a key of the unattended job, and none is named to sign with",
                hint="apply --standing --key FILE",
            )
        return None
    public = sshsig.public_line(keys.private_key(key)).fingerprint
    if not any(one.job for one in approve.enrolled(workspace.approvers, (public,), now.date())):
        raise PlanRefused(
            f"{key} is not, or no longer, the key that roles/approvers.yaml enrols for the unattended job",
            hint="a key of its own that no person has: {job: standing, key: ssh-ed25519 …, enrolled: how}",
        )
    return Signer(approve.JOB, key)


def has_other_program(stored: StoredPlan) -> bool:
    """Tell whether another program lies beside a plan than this tool puts there; raises ``ArtifactError`` for one that cannot be read."""
    beside = stored.folder / carry_out.NAME
    return beside.exists() and files.content(beside) != carry_out.program()


def _refuse_other_program(stored: StoredPlan) -> None:
    """Refuse where the program beside a plan is not the one that this tool puts there."""
    if has_other_program(stored):
        raise PlanRefused(
            f"{carry_out.NAME} beside the plan is not the program that was put there",
            hint=f"it must have {carry_out.digest()}: plan again, and find out who changed it",
        )


def approve_standing(run: Run, workspace: Workspace, signer: Signer, now: datetime) -> tuple[str, Path]:
    """Sign the standing approval of the policy as it is now; return its digest and the file; raises ``PlanRefused``."""
    wanted = standing_to_sign(run, workspace, signer.by, signer.reason, now)
    return wanted.said.digest, sign(wanted, workspace, signer)


def standing_to_sign(
    run: Run, workspace: Workspace, by: str, reason: str, at: datetime, folder: str = plans.STANDING_APPROVALS
) -> ToSign:
    """Return the standing approval of the policy as it is to be signed, and kept in a ``folder``; raises ``PlanRefused``."""
    people, standing = plans.signatories(run), workspace.policy.standing
    if standing is None:
        raise PlanRefused("there is no standing approval", hint="declare `standing` in roles/policy.yaml")
    digest = approve.digest_of_standing(standing)
    said = Statement(StatementKind.STANDING, digest, people.person(by), at, reason)
    return ToSign(said, people, workspace.folder / folder)


def approve_removal(run: Run, workspace: Workspace, signer: Signer, now: datetime) -> tuple[str, Path]:
    """Sign the standing removal of the policy as it is now; return its digest and the file; raises ``PlanRefused``."""
    wanted = removal_to_sign(run, workspace, signer.by, signer.reason, now)
    return wanted.said.digest, sign(wanted, workspace, signer)


def removal_to_sign(
    run: Run, workspace: Workspace, by: str, reason: str, at: datetime, folder: str = plans.STANDING_APPROVALS
) -> ToSign:
    """Return the standing removal of the policy as it is to be signed, and kept in a ``folder``; raises ``PlanRefused``."""
    people, removal = plans.signatories(run), workspace.policy.standing_removal
    if removal is None:
        raise PlanRefused("there is no standing removal", hint="declare `standing_removal` in roles/policy.yaml")
    if at.date() > removal.until:
        raise PlanRefused(
            f"the standing removal ended on {removal.until}", hint="give it another day, in a reviewed change"
        )
    said = Statement(StatementKind.STANDING, digest_of_removal(removal), people.person(by), at, reason)
    return ToSign(said, people, workspace.folder / folder)


def approve_wind_down(run: Run, workspace: Workspace, name: str, signer: Signer, now: datetime) -> tuple[str, Path]:
    """Sign a declared wind-down as it now is; return its digest and the file; raises ``PlanRefused`` for one that is over, ``Unclear`` for none."""
    wanted = wind_down_to_sign(run, workspace, name, signer.by, signer.reason, now)
    return wanted.said.digest, sign(wanted, workspace, signer)


def wind_down_to_sign(
    run: Run,
    workspace: Workspace,
    name: str,
    by: str,
    reason: str,
    at: datetime,
    folder: str = plans.STANDING_APPROVALS,
) -> ToSign:
    """Return a declared wind-down as it is to be signed, and kept in a ``folder``; raises as :func:`approve_wind_down` does."""
    people, declared = plans.signatories(run), find_wind_down(workspace.wind_downs, name)
    if at.date() > declared.until:
        raise PlanRefused(f"the wind-down {name} ended on {declared.until}", hint="declare another one")
    digest = digest_of_wind_down(name, declared)
    said = Statement(StatementKind.WIND_DOWN, digest, people.person(by), at, reason)
    return ToSign(said, people, workspace.folder / folder)


def sign_words(
    run: Run, workspace: Workspace, kind: StatementKind, digest: str, signer: Signer, now: datetime, role: str = ""
) -> Path:
    """Sign a waiver or an attestation (in the workspace) or the end of an audit (in its run); return the file. Raises ``PlanRefused``.

    ``role`` is another capacity than that in which such a thing is signed to make it count.
    """
    people, ends = plans.signatories(run), kind is StatementKind.SIGN_OFF
    person = people.person(signer.by)
    said = Statement(kind, digest, person, now, signer.reason, run=run.id if ends else "")
    folder = run.folder / "sign-off" if ends else workspace.folder / plans.STANDING_APPROVALS
    return sign(ToSign(said, people, folder, role), workspace, signer)


@dataclass(frozen=True, slots=True)
class SignedPart:
    """What is ``meant`` of statements in a folder; ``run`` says who is who, and ``about`` is it where they are of that run."""

    envelopes: list[bytes]
    run: Run
    folder: Path
    meant: Callable[[Statement], bool] = lambda _: True
    about: str = ""


def signed_of_plan(stored: StoredPlan) -> SignedPart:
    """Return what is signed of a plan."""
    return SignedPart(stored.approvals, stored.run, stored.folder / "approvals", about=stored.run.id)


def signed_of_wind_down(run: Run, workspace: Workspace, name: str) -> SignedPart:
    """Return what is signed of a wind-down as it now is; raises ``Unclear`` for none of that name."""
    digest = digest_of_wind_down(name, find_wind_down(workspace.wind_downs, name))
    return _of_no_run(run, workspace, lambda one: one.kind is StatementKind.WIND_DOWN and one.digest == digest)


def signed_of_standing(run: Run, workspace: Workspace, *, removal: bool = False) -> SignedPart:
    """Return what is signed of the standing approval, or of the standing ``removal``.

    What is of neither as it is now may have been of either, so it is part of both.
    """
    policy = workspace.policy
    if removal:
        other = approve.digest_of_standing(policy.standing) if policy.standing else ""
    else:
        other = digest_of_removal(policy.standing_removal) if policy.standing_removal else ""
    return _of_no_run(run, workspace, lambda one: one.kind is StatementKind.STANDING and one.digest != other)


def _of_no_run(run: Run, workspace: Workspace, meant: Callable[[Statement], bool]) -> SignedPart:
    folder = workspace.folder
    return SignedPart(plans.workspace_statements(folder), run, folder / plans.STANDING_APPROVALS, meant)


def withdraw_signatures(part: SignedPart, workspace: Workspace, signer: Signer, now: datetime) -> tuple[Path, ...]:
    """Take back what one signed of something; return the files.

    What was signed stays where it is. Raises ``PlanRefused`` for nobody of the rosters, and ``Unclear`` where nothing of
    theirs is there.
    """
    people = plans.signatories(part.run)
    person = people.person(signer.by)
    found = [one for one in said_by(part.envelopes, people, person) if part.meant(one)]
    if not found:
        hint = "--standing, --standing-removal, --wind-down NAME, or --of another plan"
        raise Unclear(f"nothing that {signer.by} signed of this is in {part.folder}", hint=hint)
    taken = (Statement(StatementKind.WITHDRAWAL, one.id, person, now, signer.reason, run=part.about) for one in found)
    return tuple(sign(ToSign(one, people, part.folder), workspace, signer) for one in taken)


def said_by(envelopes: list[bytes], people: Signatories, person: str) -> Iterator[Statement]:
    """Yield the statements that name a person and are not taken back, unchecked."""
    # Nobody keeps another from taking back what they signed by a file that cannot be read.
    every = [one for one in map(statements.statement_or_none, envelopes) if one]
    taken_back = statements.withdrawals(every)
    for one in {one.id: one for one in every}.values():
        theirs = person in people.by_name.get(one.person.casefold(), frozenset())
        if theirs and one.kind is not StatementKind.WITHDRAWAL and (person, one.id) not in taken_back:
            yield one
