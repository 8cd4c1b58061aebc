"""Mock audit: open a case from the records, take its steps, test it by a newer run, and follow who is to be trained."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from access_review.errors import PlanRefused, Unclear
from access_review.findings.selected import pieces_with
from access_review.model import CURRENT, JsonObject
from access_review.runs import Run
from access_review.scorecard import mock_audit
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.ladder import MockStep
from access_review.scorecard.mock_audit import CountedCause, MockAudit, RepeatedFindings
from access_review.scorecard.records import QUARTER
from access_review.scorecard.training import Training, TrainingLine, trainings
from access_review.stages.statements import WhoSays, linked, noted, record
from access_review.store import follow_ups, logged, reviews, rosters, run_records, snapshots
from access_review.tables import Row
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ShownMockAudit:
    """The case that goes on, or the last; the causes and repeated findings of the newest run, and every training."""

    case: MockAudit | None
    causes: tuple[CountedCause, ...]
    repeated: tuple[RepeatedFindings, ...]
    trainings: tuple[Training, ...]


def read_mock_audit(workspace: Workspace, run: Run, now: datetime) -> ShownMockAudit:
    """Say how the mock audit stands, and what the newest records are about; raises ``ArtifactError``."""
    records = follow_ups.read(workspace.folder)
    people = rosters.people_now(run, now)
    repeated = mock_audit.repeated_findings(_of_the_quarter(workspace, now), people.managers, people.here)
    named = {one.person for one in repeated}
    known = trainings(records, _lines(run), now)
    asked = {one.about for one in records if one.kind is FollowUpKind.TRAINING}
    return ShownMockAudit(
        mock_audit.newest_case(records, now),
        _causes(run),
        repeated,
        tuple(one for one in known if not one.source or one.person in named | asked),
    )


def _lines(run: Run) -> Iterator[TrainingLine]:
    return map(run_records.training_line, snapshots.table(run, "training").to_pylist())


def _causes(run: Run) -> tuple[CountedCause, ...]:
    report = reviews.read(run)
    columns = ["rule", "about", "code", "person", "status"]
    rows = [row for piece in pieces_with(report.pieces(), status=CURRENT) for row in piece.select(columns).to_pylist()]
    sources = snapshots.read_manifest(run).sources
    unread = sorted(name for name, source in sources.items() if not source.complete)
    silent = [one.rule for one in report.evaluations if not one.evaluated]
    return mock_audit.root_causes(rows, unread, silent, _movers(run))


def _movers(run: Run) -> frozenset[str]:
    """Return who works here and had another job before that has ended."""
    spells = snapshots.table(run, "assignments").select(["person", "status", "client", "role", "attributes"])
    now: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    before: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in spells.to_pylist():
        job = tuple(row[name] or "" for name in ("client", "role", "attributes"))
        (before if row["status"] == "left" else now)[row["person"]].add(job)
    return frozenset(person for person, jobs in now.items() if before[person] - jobs)


def _of_the_quarter(workspace: Workspace, now: datetime) -> Iterator[Row]:
    for run in logged.known_runs(workspace.folder):
        if run.reviewed and now - QUARTER < run.as_of <= now:
            for piece in reviews.read(run).pieces():
                yield from piece.select(["finding", "rule", "person"]).to_pylist()


def open_mock_audit(
    workspace: Workspace, run: Run, who: WhoSays, *, note: str, next_by: datetime | None, now: datetime
) -> FollowUp:
    """Open a case from a reviewed run, its causes counted; raises ``PlanRefused`` while another goes on."""
    shown = read_mock_audit(workspace, run, now)
    if shown.case and shown.case.next_step:
        raise PlanRefused(f"{shown.case.opened.about} goes on", hint=f"its next step is {shown.case.next_step}")
    said: JsonObject = {
        "run": run.id,
        "note": noted(note),
        "causes": {str(one.cause): one.findings for one in shown.causes},
        "next_by": next_by.isoformat() if next_by else "",
    }
    person = rosters.person_now(run, who.by, now)
    opened = FollowUp(FollowUpKind.MOCK_AUDIT, f"mock-audit {now:%Y-%m-%d}", now, person, said)
    return record(workspace, run, opened, who)


def take_mock_step(
    workspace: Workspace,
    run: Run,
    step: MockStep,
    who: WhoSays,
    *,
    owner: str,
    note: str,
    link: str,
    next_by: datetime | None,
    now: datetime,
) -> FollowUp:
    """Take the next step of the case; the last one counts the causes of a run made since it was opened, beside those of then.

    Raises ``Unclear`` where no case is open, ``PlanRefused`` for a step that is not next and for a test without a new run.
    """
    case = read_mock_audit(workspace, run, now).case
    if case is None or case.next_step is None:
        raise Unclear("no mock audit is open", hint="access-review mock-audit open --by YOU --note WHY")
    if step is not case.next_step:
        raise PlanRefused(f"{step} is not next", hint=f"next is {case.next_step}")
    if step is MockStep.TEST and run.as_of <= case.opened.at:
        hint = "access-review audit, or daily, then test"
        raise PlanRefused("a test needs a run made since the case was opened", hint=hint)
    answering = rosters.person_now(run, owner, now) if owner else ""
    counted: JsonObject = {str(one.cause): one.findings for one in _causes(run)} if step is MockStep.TEST else {}
    said: JsonObject = {
        "step": str(step),
        "owner": answering,
        "note": noted(note),
        "link": linked(link) if link else "",
        "next_by": next_by.isoformat() if next_by else "",
        "run": run.id if step is MockStep.TEST else "",
        "causes": counted,
    }
    person = rosters.person_now(run, who.by, now)
    return record(workspace, run, FollowUp(FollowUpKind.MOCK_STEP, case.opened.about, now, person, said), who)


def train(
    workspace: Workspace,
    run: Run,
    trainee: str,
    course: str,
    who: WhoSays,
    *,
    due: datetime | None,
    link: str,
    now: datetime,
) -> FollowUp:
    """Assign a training to somebody until a day, or, with a ``link`` to the proof, say that it is done.

    Raises ``PlanRefused`` for strangers, for a day that is past and for proof of what was never assigned.
    """
    person, name = rosters.person_now(run, trainee, now), noted(course)
    known = trainings(follow_ups.read(workspace.folder), (), now)
    before = next((one for one in known if (one.person, one.course.lower()) == (person, name.lower())), None)
    name = before.course if before else name
    if link and before is None:
        raise PlanRefused(f"{name!r} was never assigned to {trainee}", hint="assign it with --due DAY")
    ends = before.due if link and before else due
    if ends is None or (not link and ends <= now):
        raise PlanRefused("by when it is due must be said, and is to come", hint="--due DAY, or --done LINK")
    said: JsonObject = {
        "course": name,
        "due": ends.isoformat(),
        "done": bool(link),
        "link": linked(link) if link else "",
    }
    by = rosters.person_now(run, who.by, now)
    return record(workspace, run, FollowUp(FollowUpKind.TRAINING, person, now, by, said), who)
