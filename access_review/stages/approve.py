"""Approve: sign a plan's request, approval or execution, or the standing approval; and take such a signature back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from access_review.errors import AccessReviewError, PlanRefused, Unclear
from access_review.logbook import entries
from access_review.plan.record import refuse_stale
from access_review.revoke import approve, sshsig, statements
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.revoke.signed_wind_down import digest_of_wind_down, find_wind_down
from access_review.runs import Run
from access_review.stages.rederive import refuse_unsigned
from access_review.store import files, keys, logbook, logged, packs, plans
from access_review.store.plans import StoredPlan
from access_review.views import carry_out
from access_review.workspace import Workspace

_ROLES = {
    StatementKind.REQUEST: ("requester", "request"),
    StatementKind.APPROVAL: ("approver", "approve"),
    StatementKind.STANDING: ("approver", "approve"),
    StatementKind.WIND_DOWN: ("approver", "approve"),
    StatementKind.EXECUTION: ("executor", "request"),
    StatementKind.WAIVER: ("approver", "approve"),
    StatementKind.SIGN_OFF: ("auditor", ""),
    StatementKind.ATTESTATION: ("witness", ""),
}
"""In which capacity somebody says a thing, and what roles/approvers.yaml must allow them."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, by a name of the roster, with which key and why."""

    by: str
    key: Path
    password: bytes | None = None
    reason: str = ""


def approve_plan(stored: StoredPlan, workspace: Workspace, kind: StatementKind, signer: Signer, now: datetime) -> Path:
    """Sign a plan's request or approval, and check that it counts; return the file. Raises ``PlanRefused``."""
    said = _said_of(stored, workspace, kind, signer.by, signer.reason, now)
    return _sign(said, workspace, stored.signatories, signer, stored.folder / "approvals")


def approval_to_sign(stored: StoredPlan, workspace: Workspace, by: str, reason: str, now: datetime) -> Statement:
    """Return the approval of a plan as a passkey is to sign it; raises ``PlanRefused`` where it would not count."""
    return _whole(_said_of(stored, workspace, StatementKind.APPROVAL, by, reason, now), workspace)


def keep_approval(stored: StoredPlan, workspace: Workspace, statement: Statement, data: bytes, now: datetime) -> Path:
    """Keep an approval that a passkey signed, and check that it counts; return the file. Raises ``PlanRefused``."""
    refuse_stale(stored.plan, now=now, workspace_digest=workspace.digest)
    again = _said_of(stored, workspace, StatementKind.APPROVAL, statement.person, statement.reason, statement.at)
    if replace(statement, role="", workspace="", head=None) != again:
        raise PlanRefused("what was signed is not the approval of this plan", hint="sign again")
    _refuse_copy(data, workspace)
    return _keep(statement, data, workspace, stored.signatories, stored.folder / "approvals")


def _refuse_copy(data: bytes, workspace: Workspace) -> None:
    """Refuse a passkey that has signed less often, by its own count, than what it signed before; raises ``PlanRefused``.

    One that is kept on several devices does not count: it says 0 each time.
    """
    enrolled = [sshsig.PublicKeyLine.parse(one.key) for one in workspace.approvers.approvers]
    said = statements.open_statement(data, enrolled).attended
    used = [key for key in enrolled if key.fingerprint in said]
    for run in logged.known_runs(workspace.folder):
        for path in packs.statement_files(run):
            try:
                before = statements.open_statement(files.content(path, statements.LARGEST), used).attended
            except AccessReviewError:
                continue  # signed by other keys
            for name, attended in before.items():
                if attended.counter and said[name].counter <= attended.counter:
                    raise PlanRefused(
                        f"the passkey counts {said[name].counter} signatures, and counted {attended.counter} before: "
                        "there may be a copy of it",
                        hint="sign again; if it says so again, end its entry in roles/approvers.yaml and enrol another",
                    )


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
    said = replace(said, role="job") if job else said
    return _sign(said, workspace, people, signer, stored.folder / "approvals")


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


def _refuse_other_program(stored: StoredPlan) -> None:
    """Refuse where the program beside a plan is not the one that this tool puts there."""
    beside = stored.folder / carry_out.NAME
    if beside.exists() and files.content(beside) != carry_out.program():
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
    said = Statement(StatementKind.STANDING, digest, people.person(signer.by), now, signer.reason)
    return digest, _sign(said, workspace, people, signer, workspace.folder / plans.STANDING_APPROVALS)


def approve_wind_down(run: Run, workspace: Workspace, name: str, signer: Signer, now: datetime) -> tuple[str, Path]:
    """Sign a declared wind-down as it now is; return its digest and the file; raises ``PlanRefused`` for one that is over, ``Unclear`` for none."""
    people, declared = plans.signatories(run), find_wind_down(workspace.wind_downs, name)
    if now.date() > declared.until:
        raise PlanRefused(f"the wind-down {name} ended on {declared.until}", hint="declare another one")
    digest = digest_of_wind_down(name, declared)
    said = Statement(StatementKind.WIND_DOWN, digest, people.person(signer.by), now, signer.reason)
    return digest, _sign(said, workspace, people, signer, workspace.folder / plans.STANDING_APPROVALS)


def sign_words(
    run: Run, workspace: Workspace, kind: StatementKind, digest: str, signer: Signer, now: datetime, role: str = ""
) -> Path:
    """Sign a waiver or an attestation (in the workspace) or the end of an audit (in its run); return the file. Raises ``PlanRefused``.

    ``role`` is another capacity than that in which such a thing is signed to make it count.
    """
    people, ends = plans.signatories(run), kind is StatementKind.SIGN_OFF
    person = people.person(signer.by)
    said = Statement(kind, digest, person, now, signer.reason, role, run=run.id if ends else "")
    folder = run.folder / "sign-off" if ends else workspace.folder / plans.STANDING_APPROVALS
    return _sign(said, workspace, people, signer, folder)


def withdraw_signatures(
    workspace: Workspace, signer: Signer, now: datetime, *, run: Run, stored: StoredPlan | None, wind_down: str = ""
) -> tuple[Path, ...]:
    """Take back what one signed of a plan, of a wind-down, or of the standing approval; return the files.

    What was signed stays where it is. Raises ``PlanRefused`` for nobody of the rosters, and ``Unclear`` where nothing of
    theirs is there.
    """
    people = plans.signatories(run)
    person = people.person(signer.by)
    folder = stored.folder / "approvals" if stored else workspace.folder / plans.STANDING_APPROVALS
    kind = None if stored else StatementKind.WIND_DOWN if wind_down else StatementKind.STANDING
    digest = digest_of_wind_down(wind_down, find_wind_down(workspace.wind_downs, wind_down)) if wind_down else ""
    said = list(_said(stored.approvals if stored else plans.envelopes(folder), people, person, kind, digest))
    if not said:
        hint = "--standing, --wind-down NAME, or --of another plan"
        raise Unclear(f"nothing that {signer.by} signed of this is in {folder}", hint=hint)
    about = stored.run.id if stored else ""
    return tuple(
        _sign(
            Statement(StatementKind.WITHDRAWAL, one, person, now, signer.reason, run=about),
            workspace,
            people,
            signer,
            folder,
        )
        for one in said
    )


def _said(
    envelopes: list[bytes], people: Signatories, person: str, kind: StatementKind | None, digest: str
) -> Iterator[str]:
    """Yield the ids of the statements of a kind, and of a digest, that name a person and are not taken back."""
    # Nobody keeps another from taking back what they signed by a file that cannot be read.
    every = [one for one in map(approve.statement_or_none, envelopes) if one]
    taken_back = statements.withdrawals(every)
    for one in every:
        theirs = person in people.by_name.get(one.person.casefold(), frozenset())
        theirs = theirs and kind in {None, one.kind} and digest in {"", one.digest}
        if theirs and one.kind is not StatementKind.WITHDRAWAL and (person, one.id) not in taken_back:
            yield one.id


def _sign(said: Statement, workspace: Workspace, people: Signatories, signer: Signer, folder: Path) -> Path:
    """Sign a statement and write it where it is looked for; raises ``PlanRefused`` when it would not count."""
    statement = _whole(said, workspace)
    data = statements.sign(statement, keys.private_key(signer.key, signer.password))
    return _keep(statement, data, workspace, people, folder, capacity=said.role)


def _whole(said: Statement, workspace: Workspace) -> Statement:
    """Return a statement with the capacity in which it is said, the workspace, and the head of the logbook that is seen."""
    log, _ = logged.begin(workspace.folder, said.at, "approve")
    role = said.role or _ROLES.get(said.kind, ("", ""))[0]
    return replace(said, role=role, workspace=log.workspace, head=log.head)


def _keep(
    said: Statement, data: bytes, workspace: Workspace, people: Signatories, folder: Path, capacity: str = ""
) -> Path:
    """Write what was signed where it is looked for; raises ``PlanRefused`` when it would not count.

    In a ``capacity`` of its own a thing is said by whoever has it, whatever roles/approvers.yaml lets them do.
    """
    _, who = approve.read_statement(data, workspace.approvers, people, said.at)
    needed = "" if capacity else _ROLES.get(said.kind, ("", ""))[1]
    if needed and needed not in who.may:
        raise PlanRefused(f"{said.person} may not do this by roles/approvers.yaml", hint="ask somebody who may")
    fingerprint = sshsig.PublicKeyLine.parse(who.key).fingerprint
    name = fingerprint.removeprefix("SHA256:").replace("/", "_").replace("+", "-")[:16]
    if said.kind is StatementKind.WITHDRAWAL:
        name = said.digest.removeprefix("sha256:")[:16]
    elif said.kind in {
        StatementKind.STANDING,
        StatementKind.WIND_DOWN,
        StatementKind.WAIVER,
        StatementKind.ATTESTATION,
    }:
        # What was signed of other words before stays: batches carried out under it may be given back.
        name = f"{said.digest.removeprefix('sha256:')[:12]}-{name}"
    path = folder / f"{said.kind}-{name}.json"
    _write(workspace.folder, path, data, said)
    return path


def _write(workspace: Path, path: Path, data: bytes, statement: Statement) -> None:
    """Write what was signed, and the line about it; of what does not lie in ``runs/``, who signed what."""
    root = workspace / "runs"
    within = path.is_relative_to(root)
    line = entries.statement_signed(
        statement.id,
        statement.at,
        path.relative_to(root).as_posix() if within else "outside",
        logbook.mark_of_bytes(data),
        kind=str(statement.kind),
        about=statement.digest,
        person=statement.person,
    )
    if within:
        logged.replace_files(workspace, line, {path.relative_to(root).as_posix(): data}, "approve")
    else:
        files.write(path, data)
        logged.append(workspace, replace(line, files={}), command="approve")
