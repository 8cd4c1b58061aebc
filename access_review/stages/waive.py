"""Waive: the exception log of a workspace, ``roles/waivers.yaml``, and how each entry stands in a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow.compute as pc

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit import exception_log
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.worklist import WorkItem
from access_review.errors import Unclear
from access_review.findings.selected import rows_with
from access_review.model import JsonObject
from access_review.revoke.approve import StatementKind
from access_review.revoke.assurance import is_authenticated
from access_review.revoke.statements import signed_digest
from access_review.runs import Run
from access_review.settings import Assured, Waiver
from access_review.stages.approve import sign_words
from access_review.stages.keep_signed import Signer
from access_review.store import audits, logged, plans, reviews, rosters
from access_review.tables import Row
from access_review.workspace import Workspace


def ask_waiver(
    workspace: Workspace,
    run: Run,
    finding: str,
    *,
    reason: str,
    ticket: str,
    until: date,
    by: str,
    now: datetime,
    signer: Signer | None = None,
    besides: Sequence[Waiver] = (),
) -> str:
    """Ask to have a finding accepted, named by the start of its id; return the name of the entry. With a ``signer`` it is signed.

    ``besides`` are those that wait to be carried over: their names are taken. Raises ``Unclear`` unless one open finding begins so, and ``PlanRefused`` for what may not be asked.
    """
    person = rosters.person_now(run, by, now)
    wanted = request_about(run, finding, reason=reason, ticket=ticket, until=until, person=person)
    settings = workspace.policy.exceptions
    text, name = exception_log.request_waiver(log_text(workspace.folder), wanted, settings, now.date(), besides)
    write_log(workspace.folder, _asked(workspace, run, text, name, signer, now))
    return name


def request_about(
    run: Run, finding: str, *, reason: str, ticket: str, until: date, person: str
) -> exception_log.WaiverRequest:
    """Return what a person asks about an open finding; raises ``Unclear`` unless one begins so."""
    found = open_finding(run, finding)
    return exception_log.WaiverRequest(found["rule"], found["subject"], found["about"], reason, person, ticket, until)


def open_finding(run: Run, finding: str) -> Row:
    """Return the open finding whose id begins so; raises ``Unclear`` unless there is one."""
    begin = (piece.filter(pc.starts_with(piece["finding"], finding.lower())) for piece in reviews.read(run).pieces())
    rows = [row for piece in begin for row in piece.to_pylist() if row["status"] != "closed"]
    if len(rows) != 1 or len(finding) < 6:
        raise Unclear(f"{len(rows)} open findings begin with {finding!r}", hint="give 6 digits or more of one")
    row: Row = rows[0]
    return row


def _asked(workspace: Workspace, run: Run, text: str, name: str, signer: Signer | None, now: datetime) -> str:
    """Have whoever asks for an entry sign it, where they do; return the log that says so."""
    if signer is None:
        return text
    digest = signed_digest(exception_log.words_asked(exception_log.find_waiver(text, name)))
    sign_words(run, workspace, StatementKind.WAIVER, digest, signer, now, role="requester")
    return exception_log.asked_by_key(text, name)


def approve_waiver(
    run: Run, name: str, by: str, signer: Signer | None = None, *, workspace: Workspace, now: datetime
) -> str:
    """Approve what another asked for; return who did, by id. With a ``signer`` that is signed, and not merely claimed.

    Raises ``PlanRefused`` for who asked, whom it is about, and for a stranger; ``Unclear`` for no waiver.
    """
    folder, people = run.workspace, rosters.people_now(run, now)
    person = rosters.person_now(run, by, now)
    how: Assured = "authenticated" if signer else "claimed"
    whose = beneficiary_of(run, exception_log.find_waiver(log_text(folder), name))
    text = exception_log.approve_waiver(log_text(folder), name, person, people, whose, how)
    if signer:
        digest = signed_digest(exception_log.words_of(exception_log.find_waiver(text, name)))
        sign_words(run, workspace, StatementKind.WAIVER, digest, signer, now)
    write_log(folder, text)
    return person


def beneficiary_of(run: Run, entry: Waiver) -> str:
    """Return whose access a waiver is about: by the findings of a run, or by whose the account is where nothing is found now.

    An entry may name what it is about by its id or as ``source:kind:name``.
    """
    for row in rows_with(reviews.read(run).pieces(), rule=[entry.rule]):
        named = entry.subject in _called(row["subject"], row["subject_name"])
        about = not entry.about or entry.about in _called(row["about"] or "", row["about_name"])
        if named and about and row["person"]:
            return str(row["person"])
    known = reviews.owners(run)
    owners = known.read().select(["account", "person", "name"]).to_pylist() if known else ()
    whose = (str(row["person"]) for row in owners if entry.subject in _called(row["account"], row["name"]))
    return next(whose, entry.subject)


def _called(one: str, name: str | None) -> tuple[str, str]:
    """Return both ways in which an entry of the log may name something."""
    return one, ":".join((*one.split(":")[:2], name or ""))


def renew_waiver(
    workspace: Workspace,
    run: Run,
    name: str,
    *,
    by: str,
    ticket: str,
    until: date,
    now: datetime,
    signer: Signer | None = None,
) -> None:
    """Ask for more time; another approves it again. With a ``signer`` it is signed.

    Raises ``Unclear`` for no waiver, and ``PlanRefused`` for who is nobody of the rosters.
    """
    text, settings = log_text(workspace.folder), workspace.policy.exceptions
    person = rosters.person_now(run, by, now)
    renewed = exception_log.renew_waiver(
        text, name, by=person, ticket=ticket, expires=until, settings=settings, today=now.date()
    )
    write_log(workspace.folder, _asked(workspace, run, renewed, name, signer, now))


def end_waiver(folder: Path, name: str, now: datetime) -> None:
    """End a waiver: what it accepted is open again.

    Raises ``Unclear`` for no waiver, and ``PlanRefused`` for one that has ended.
    """
    write_log(folder, exception_log.end_waiver(log_text(folder), name, now))


@dataclass(frozen=True, slots=True)
class WaiverLog:
    """Every entry of the log with how it stands, and what reviewers keep against findings that none accepts."""

    states: tuple[tuple[Waiver, str], ...]
    asked_as: Mapping[str, Assured]
    approved_as: Mapping[str, Assured]
    unlogged: tuple[WorkItem, ...]


def list_waivers(workspace: Workspace, run: Run, now: datetime) -> WaiverLog:
    """Return the exception log as it stands in a reviewed run, at a moment."""
    counts = reviews.read(run).count_by("waiver", "status")
    used = Counter({row["waiver"]: row["findings"] for row in counts if row["status"] == "waived"})
    states = exception_log.waiver_states(workspace.waivers.waivers, used, workspace.policy.exceptions, now)
    return WaiverLog(states, asked_as(workspace, run), approved_as(workspace, run), kept_unlogged(run))


def asked_as(workspace: Workspace, run: Run) -> Mapping[str, Assured]:
    """Say of each entry whether whoever asked for it signed it as it now is."""
    every = workspace.waivers.waivers
    said = {one.waiver: (exception_log.words_asked(one), one.asked_by) for one in every if one.asked_by}
    return _assured(workspace, run, said)


def approved_as(workspace: Workspace, run: Run) -> Mapping[str, Assured]:
    """Say of each approved entry whether its approver signed it as it now is; what the file says of that is not believed."""
    every = workspace.waivers.waivers
    said = {one.waiver: (exception_log.words_of(one), one.approver) for one in every if one.approver}
    return _assured(workspace, run, said)


def _assured(workspace: Workspace, run: Run, said: Mapping[str, tuple[JsonObject, str]]) -> Mapping[str, Assured]:
    """Say of each entry whether that person signed those words with a key of theirs."""
    log, people = logged.known(workspace.folder), plans.signatories(run)
    signed = plans.workspace_statements(workspace.folder)

    def how(words: JsonObject, person: str) -> Assured:
        digest, known = signed_digest(words), workspace.approvers
        by_key = log is not None and is_authenticated(
            signed, StatementKind.WAIVER, digest, person, known, people, log.workspace
        )
        return "authenticated" if by_key else "claimed"

    return {name: how(words, person) for name, (words, person) in said.items()}


def kept_unlogged(run: Run) -> tuple[WorkItem, ...]:
    """Return what reviewers kept though the machine had found something that no waiver accepts."""
    if not store.has(run, WORKLIST):
        return ()
    current = audits.decisions(run).current
    return tuple(
        item
        for item in store.read(run, WORKLIST).items
        if item.item in current and current[item.item].decision is ReviewerAnswer.KEEP and item.findings
    )


def _file(folder: Path) -> Path:
    return folder / "roles/waivers.yaml"


def log_text(folder: Path) -> str:
    """Return the exception log as it is written; empty where there is none."""
    file = _file(folder)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def write_log(folder: Path, text: str) -> None:
    """Write the log whole or not at all, and as readable as it was: it is a file of the repository."""
    file = _file(folder)
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    if file.exists():
        beside.chmod(file.stat().st_mode)
    beside.replace(file)
