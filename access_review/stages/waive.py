"""Waive: the exception log of a workspace, ``roles/waivers.yaml``, and how each entry stands in a run."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit import exception_log
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.worklist import WorkItem
from access_review.errors import Unclear
from access_review.runs import Run
from access_review.settings import Waiver
from access_review.store import audits, reviews, rosters
from access_review.workspace import Workspace


def ask_waiver(
    workspace: Workspace, run: Run, finding: str, *, reason: str, ticket: str, until: date, by: str, today: date
) -> str:
    """Ask to have a finding accepted, named by the start of its id; return the name of the entry.

    Raises ``Unclear`` unless one open finding begins so, and ``PlanRefused`` for what may not be asked.
    """
    person = rosters.person_now(run, by)
    found = reviews.read(run).findings.to_pylist()
    rows = [row for row in found if row["finding"].startswith(finding.lower()) and row["status"] != "closed"]
    if len(rows) != 1 or len(finding) < 6:
        raise Unclear(f"{len(rows)} open findings begin with {finding!r}", hint="give 6 digits or more of one")
    wanted = exception_log.WaiverRequest(
        rows[0]["rule"], rows[0]["subject"], rows[0]["about"], reason, person, ticket, until
    )
    text, name = exception_log.request_waiver(_text(workspace.folder), wanted, workspace.policy.exceptions, today)
    _write(workspace.folder, text)
    return name


def approve_waiver(run: Run, name: str, by: str) -> str:
    """Approve what another asked for; return who did, by id.

    Raises ``PlanRefused`` for who asked, whom it is about, and for a stranger.
    """
    folder, people = run.workspace, rosters.people_now(run)
    person = rosters.person_now(run, by)
    text = exception_log.approve_waiver(_text(folder), name, person, people, _beneficiary(run, name))
    _write(folder, text)
    return person


def _beneficiary(run: Run, name: str) -> str:
    """Return whose access a waiver is about, as far as the findings of a run know."""
    entry = exception_log.find_waiver(_text(run.workspace), name)
    same = (entry.rule, entry.subject, entry.about)
    for row in reviews.read(run).findings.to_pylist():
        if (row["rule"], row["subject"], row["about"] if entry.about else None) == same and row["person"]:
            return str(row["person"])
    return entry.subject


def renew_waiver(workspace: Workspace, run: Run, name: str, *, by: str, ticket: str, until: date, today: date) -> None:
    """Ask for more time; another approves it again."""
    text, settings = _text(workspace.folder), workspace.policy.exceptions
    person = rosters.person_now(run, by)
    renewed = exception_log.renew_waiver(
        text, name, by=person, ticket=ticket, expires=until, settings=settings, today=today
    )
    _write(workspace.folder, renewed)


def end_waiver(folder: Path, name: str, today: date) -> None:
    """End a waiver: what it accepted is open again."""
    _write(folder, exception_log.end_waiver(_text(folder), name, today))


@dataclass(frozen=True, slots=True)
class WaiverLog:
    """Every entry of the log with how it stands, and what reviewers keep against findings that none accepts."""

    states: tuple[tuple[Waiver, str], ...]
    unlogged: tuple[WorkItem, ...]


def list_waivers(workspace: Workspace, run: Run, today: date) -> WaiverLog:
    """Return the exception log as it stands in a reviewed run."""
    findings = reviews.read(run).findings.to_pylist()
    used = Counter(row["waiver"] for row in findings if row["status"] == "waived")
    states = exception_log.waiver_states(workspace.waivers.waivers, used, workspace.policy.exceptions, today)
    return WaiverLog(states, kept_unlogged(run))


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


def _text(folder: Path) -> str:
    file = _file(folder)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _write(folder: Path, text: str) -> None:
    """Write the log whole or not at all, and as readable as it was: it is a file of the repository."""
    file = _file(folder)
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    if file.exists():
        beside.chmod(file.stat().st_mode)
    beside.replace(file)
