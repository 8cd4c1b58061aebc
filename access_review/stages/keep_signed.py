"""Keep what somebody signs, by a key in a file or by a passkey: it is held to what was asked, written where it counts, and said in the logbook."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from access_review.errors import AccessReviewError, PlanRefused
from access_review.logbook import entries
from access_review.logbook.lines import FileMark
from access_review.revoke import approve, sshsig, statements
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.store import files, keys, logbook, logged, packs, plans
from access_review.workspace import Workspace

_CAPACITIES = {
    StatementKind.REQUEST: ("requester", "request"),
    StatementKind.APPROVAL: ("approver", "approve"),
    StatementKind.STANDING: ("approver", "approve"),
    StatementKind.WIND_DOWN: ("approver", "approve"),
    StatementKind.EXECUTION: ("executor", "request"),
    StatementKind.WAIVER: ("approver", "approve"),
    StatementKind.SIGN_OFF: ("auditor", ""),
    StatementKind.ATTESTATION: ("witness", ""),
    StatementKind.NOTICE: ("job", ""),
    StatementKind.STOP: ("witness", ""),
}
"""In which capacity somebody says a thing, and what roles/approvers.yaml must allow them."""

_ABOUT_WORDS = {
    *(StatementKind.STANDING, StatementKind.WIND_DOWN, StatementKind.WAIVER, StatementKind.ATTESTATION),
    *(StatementKind.NOTICE, StatementKind.STOP),
}
"""What is signed of words that may be others later."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, by a name of the roster, with which key and why."""

    by: str
    key: Path
    password: bytes | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToSign:
    """What is to be signed, who is who, and in which folder it is looked for; ``beside`` is kept with it, by path below ``runs/``.

    In a ``capacity`` of its own a thing is said by whoever has it, whatever roles/approvers.yaml lets them do.
    """

    said: Statement
    people: Signatories
    folder: Path
    capacity: str = ""
    beside: Mapping[str, bytes] = field(default_factory=dict)


def whole(wanted: ToSign, workspace: Workspace) -> Statement:
    """Return a statement as it is signed: with its capacity, the workspace, and the head of the logbook that is seen.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    log, _ = logged.begin(workspace.folder, wanted.said.at, "approve")
    role = wanted.capacity or _CAPACITIES.get(wanted.said.kind, ("", ""))[0]
    return replace(wanted.said, role=role, workspace=log.workspace, head=log.head)


def sign(wanted: ToSign, workspace: Workspace, signer: Signer) -> Path:
    """Sign with a key in a file, and keep it; raises ``PlanRefused`` when it would not count, ``ArtifactError`` for no key."""
    statement = whole(wanted, workspace)
    data = statements.sign(statement, keys.private_key(signer.key, signer.password))
    return _keep(wanted, statement, data, workspace)


def keep_passkey(wanted: ToSign, statement: Statement, data: bytes, workspace: Workspace) -> Path:
    """Keep what a passkey signed, where ``wanted`` is what may be signed now; raises ``PlanRefused`` when it would not count.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    if replace(statement, role="", workspace="", head=None) != wanted.said:
        raise PlanRefused(f"what was signed is not the {wanted.said.kind} that was asked for", hint="sign again")
    _refuse_copy(data, workspace)
    return _keep(wanted, statement, data, workspace)


def _refuse_copy(data: bytes, workspace: Workspace) -> None:
    """Refuse a passkey that has signed less often, by its own count, than what it signed before; raises ``PlanRefused``.

    One that is kept on several devices does not count: it says 0 each time.
    """
    enrolled = approve.public_keys(workspace.approvers)
    said = statements.open_statement(data, enrolled).attended
    used = [key for key in enrolled if key.fingerprint in said]
    for other in _signed_before(workspace.folder):
        try:
            before = statements.open_statement(other, used).attended
        except AccessReviewError:
            continue  # signed by other keys
        for name, attended in before.items():
            if attended.counter and said[name].counter <= attended.counter:
                raise PlanRefused(
                    f"the passkey counts {said[name].counter} signatures, and counted {attended.counter} before: "
                    "there may be a copy of it",
                    hint="sign again; if it says so again, end its entry in roles/approvers.yaml and enrol another",
                )


def _signed_before(workspace: Path) -> Iterator[bytes]:
    yield from plans.workspace_statements(workspace)
    for run in logged.known_runs(workspace):
        yield from (files.content(path, statements.LARGEST) for path in packs.statement_files(run))


def _keep(wanted: ToSign, said: Statement, data: bytes, workspace: Workspace) -> Path:
    """Write what was signed where it is looked for; raises ``PlanRefused`` when it would not count."""
    _, who = approve.read_statement(data, workspace.approvers, wanted.people, said.at)
    needed = "" if wanted.capacity else _CAPACITIES.get(said.kind, ("", ""))[1]
    if needed and needed not in who.may:
        raise PlanRefused(f"{said.person} may not do this by roles/approvers.yaml", hint="ask somebody who may")
    fingerprint = sshsig.PublicKeyLine.parse(who.key).fingerprint
    name = fingerprint.removeprefix("SHA256:").replace("/", "_").replace("+", "-")[:16]
    if said.kind is StatementKind.WITHDRAWAL:
        name = said.digest.removeprefix("sha256:")[:16]
    elif said.kind in _ABOUT_WORDS:
        # What was signed of other words before stays: batches carried out under it may be given back.
        name = f"{said.digest.removeprefix('sha256:')[:12]}-{name}"
    path = wanted.folder / f"{said.kind}-{name}.json"
    _write(workspace.folder, path, data, said, wanted.beside)
    return path


def _write(workspace: Path, path: Path, data: bytes, statement: Statement, beside: Mapping[str, bytes]) -> None:
    """Write what was signed, and the line about it; of what does not lie in ``runs/``, who signed what."""
    root = workspace / "runs"
    within = path.is_relative_to(root)
    place = path.relative_to(root).as_posix() if within else "outside"
    mark: FileMark = logbook.mark_of_bytes(data)
    line = entries.statement_signed(
        statement.id,
        statement.at,
        place,
        mark,
        kind=str(statement.kind),
        about=statement.digest,
        person=statement.person,
    )
    if within:
        logged.replace_files(workspace, line, {**beside, place: data}, "approve")
    else:
        files.write(path, data)
        logged.append(workspace, replace(line, files={}), command="approve")
