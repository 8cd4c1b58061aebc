"""Check the batches of a pack of evidence: who approved each before it began, and that its journal proves what it calls proven."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from access_review import artifacts
from access_review.errors import ArtifactError
from access_review.logbook.known import first_journals
from access_review.logbook.lines import Logbook, LogEntry, LogEvent
from access_review.plan.record import Plan
from access_review.policy import CLOSEST_READS
from access_review.revoke.carried_out import CLOCKS_APART
from access_review.revoke.statements import LARGEST, Statement, StatementKind, statement_or_none
from access_review.revoke.states import State, Transition, not_proven
from access_review.store import files, journal, logbook, plans


def check_batches(folder: Path, log: Logbook, told: list[str]) -> Iterator[str]:
    """Yield what is wrong with the journals of a pack, oldest run first; whether each row is as written is checked with its store.

    What people carried out and nobody had approved is ``told``: it was done, and the journal is no other for it.
    """
    for digest, place in sorted(first_journals(log.entries).items(), key=lambda one: (one[1], one[0])):
        path = folder / "runs" / place
        if path.is_file() and path.with_name(_PLAN).is_file():
            try:
                for wrong in _wrong(folder, path, digest, log):
                    yield f"{place}: {wrong}"
                told += (f"{place}: {said}" for said in _unapproved(path, digest, log))
            except ArtifactError as error:
                yield f"{place}: {error.message}"


_PLAN = "plan.json"


def _wrong(folder: Path, path: Path, digest: str, log: Logbook) -> Iterator[str]:
    """Yield what is wrong with one journal, of the batch of a plan with this digest."""
    plan = files.read(path.with_name(_PLAN), artifacts.plan(path.parent.name))
    of_plan, steps = journal.kept_steps(path)
    if steps and not digest == of_plan == logbook.mark_of(path.with_name(_PLAN)).digest:
        yield "is the journal of another plan than the one beside it"
    for change in sorted({step.change for step in steps} - {change.id for change in plan.changes}):
        yield f"tells of {change[:80]}, which is no change of its plan"
    for change, state in sorted(not_proven(steps, CLOSEST_READS).items()):
        yield f"calls {change} {state}, and no two reads apart from each other show it"
    if (begun := log.first(digest, LogEvent.BEGUN)) and (carried_out := _since_begun(steps, begun, log)):
        yield from _not_ordered(folder, path, plan, begun, min(step.at for step in carried_out))


def _unapproved(path: Path, digest: str, log: Logbook) -> Iterator[str]:
    """Say when people began to carry out a plan that nobody had approved by then."""
    plan = files.read(path.with_name(_PLAN), artifacts.plan(path.parent.name))
    steps = journal.kept_steps(path)[1]
    begun = log.first(digest, LogEvent.BEGUN)
    by_tool = _since_begun(steps, begun, log) if begun else ()
    first = min((step.at for step in steps if step.state is State.CALLING and step not in by_tool), default=None)
    if first and not any(_approves(one, plan, first + CLOCKS_APART) for one in _statements(path.parent / "approvals")):
        yield f"people carried it out from {first:%Y-%m-%d %H:%M} UTC on, and nobody had approved it"


def _since_begun(steps: Sequence[Transition], begun: LogEntry, log: Logbook) -> Sequence[Transition]:
    """Return the steps of a batch that this tool carried out: where a journal was noted before it began, people did what was before."""
    if log.first(begun.name, LogEvent.BEGUN, LogEvent.JOURNAL) is begun:
        return steps
    return [step for step in steps if step.at >= _about(begun)]


def _about(begun: LogEntry) -> datetime:
    return begun.at - CLOSEST_READS  # clocks are set now and then


def _not_ordered(folder: Path, path: Path, plan: Plan, begun: LogEntry, first: datetime) -> Iterator[str]:
    """Yield what is wrong with how a batch began: its ``first`` step before its line, or without what two people have to sign."""
    if first < _about(begun):
        yield f"has a row of {first:%Y-%m-%d %H:%M} UTC, and its batch began at {begun.at:%Y-%m-%d %H:%M}"
    if standing := begun.details.get("standing"):
        signed = _statements(folder / plans.STANDING_APPROVALS)
        if not any(one.digest == standing and one.kind is StatementKind.STANDING for one in signed):
            yield "has a batch under a standing approval whose signatures are not here"
    elif not any(_approves(one, plan, first) for one in _statements(path.parent / "approvals")):
        yield "has a batch that nobody had approved when it began"


def _approves(one: Statement, plan: Plan, at: datetime) -> bool:
    return one.kind is StatementKind.APPROVAL and one.digest == plan.digest and one.at <= at


def _statements(folder: Path) -> Iterator[Statement]:
    """Yield what was signed into a folder, whoever did: their keys are held to who may sign beside this."""
    for path in sorted(folder.glob("*.json")):
        if said := statement_or_none(files.content(path, LARGEST)):
            yield said
