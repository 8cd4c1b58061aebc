"""What a plan is derived from, found on disk: as it is now, to be pinned; and as it was pinned, or not at all."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa

from access_review import __version__, artifacts, runs, store
from access_review.artifacts import CONTROL, REVIEWED, WORKLIST
from access_review.audit.decisions import Decision, Decisions
from access_review.audit.worklist import WorkItem
from access_review.engine import ParquetFile
from access_review.errors import AccessReviewError, StalePlan
from access_review.facts import CarryForward
from access_review.findings.format_1 import FORMAT
from access_review.logbook.tree import TreeHead
from access_review.plan.derive import PlanInputs
from access_review.plan.limits import populations
from access_review.plan.recent_removals import DAY, WEEK, RecentRemovals
from access_review.plan.record import PinnedInputs, PinnedPosition, PinnedRun
from access_review.review import Previous
from access_review.revoke.journal_removals import CountedBatch, recent_removals
from access_review.revoke.states import ChangeStatus
from access_review.runs import Run
from access_review.settings import WindDown
from access_review.snapshot import Snapshot
from access_review.store import audits, logged, plans, reviews, snapshots
from access_review.store.given_back import is_backed
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace

DECIDED = timedelta(days=35)
"""How long a reviewer's decision asks for a change: the access may have another reason later."""


def pin(workspace: Path, run: Run, *, now: datetime, reviewed: bool, wind_down: WindDown | None = None) -> PinnedInputs:
    """Say what a plan on a run made now is derived from; with ``reviewed``, of reviewers' decisions too.

    Under a ``wind_down``, all that batches took since it began counts. Raises ``ArtifactError`` for files that are
    damaged or gone, ``PlanRefused`` for a journal that lost rows.
    """
    earlier = logged.known_with(workspace, REVIEWED.path, run.as_of)
    audited = audits.all_audits(workspace)
    signed = [known for known, audit in audited if audit.signed_off_at and known.as_of <= run.as_of]
    recent = [known for known, _ in audited if now - known.as_of <= DECIDED] if reviewed else []
    owners = store.read(earlier[-1], REVIEWED).owners if earlier else ""
    return PinnedInputs(
        tool=__version__,
        findings=store.read(run, REVIEWED).digest,
        previous=PinnedRun(earlier[-1].id, store.read(earlier[-1], REVIEWED).digest) if earlier else None,
        left_open=_left_open(run)[1],
        accepted=PinnedRun(signed[-1].id, snapshots.read_manifest(signed[-1]).digest) if signed else None,
        decisions=tuple(_position(known, len(audits.decisions(known).history)) for known in recent),
        taken=_journals(workspace, min(now - WEEK, began(wind_down)) if wind_down else now - WEEK),
        logbook=str(log.head) if (log := logged.known(workspace)) else None,
        owners=PinnedRun(earlier[-1].id, owners) if owners else None,
    )


def began(wind_down: WindDown) -> datetime:
    """Return from when a wind-down counts who lost access by it."""
    return datetime.combine(wind_down.since, time.min, UTC)


def load(workspace: Workspace, run: Run, pinned: PinnedInputs, *, made_at: datetime, wind_down: str = "") -> PlanInputs:
    """Read what a plan on a run was derived from; raises ``StalePlan`` that names what is missing or different.

    Raises ``ArtifactError`` for files that are damaged, ``PlanRefused`` for a plan beside it that was altered. Raises
    ``WorkspaceError`` for options of a source at odds, ``Unclear`` for a plan's name that is no folder's.
    """
    if pinned.tool != __version__:
        raise StalePlan(
            f"the plan was made by version {pinned.tool} of this tool, and this is {__version__}", hint=_AGAIN
        )
    reviewed = store.read(run, REVIEWED)
    if reviewed.digest != pinned.findings:
        raise _other(f"the findings of {run.id}")
    if reviewed.findings != FORMAT:
        raise StalePlan(
            f"the findings of {run.id} have format {reviewed.findings!r}, not {FORMAT!r}",
            hint=f"access-review review --run {run.id}, then plan again",
        )
    _require_logbook(workspace.folder, pinned.logbook)
    left_open, digest = _left_open(run)
    if digest != pinned.left_open:
        raise _other(f"what earlier audits left open for {run.id}")
    accepted = _accepted(workspace.folder, pinned.accepted) if pinned.accepted else None
    since = max(made_at - WEEK, accepted.as_of) if accepted else made_at - WEEK
    if wind_down:
        since = min(since, began(workspace.wind_downs[wind_down]))
    return PlanInputs(
        snapshots.load(run),
        workspace,
        Previous(
            _previous(workspace.folder, pinned.previous),
            left_open,
            _owners(workspace.folder, pinned.owners),
            reviews.accepted_access(workspace.folder, left_open.accepted),
        ),
        pinned,
        workspace.capabilities(),
        populations(accepted.tables) if accepted else {},
        answered(workspace.folder, pinned.decisions),
        _taken(workspace, pinned.taken, since, made_at - DAY),
    )


def inputs_of(stored: StoredPlan, workspace: Workspace) -> PlanInputs:
    """Read what a stored plan was derived from; raises as :func:`load` does."""
    plan = stored.plan
    assert plan.inputs is not None  # noqa: S101 - its caller has looked
    if (name := plan.scope.wind_down) and name not in workspace.wind_downs:
        raise StalePlan(f"the wind-down {name}, which the plan is for, is not declared any more", hint=_AGAIN)
    return load(workspace, stored.run, plan.inputs, made_at=plan.made_at, wind_down=name)


_AGAIN = "plan again"


def _other(what: str) -> StalePlan:
    return StalePlan(f"{what}: not as when the plan was made", hint=_AGAIN)


def _left_open(run: Run) -> tuple[CarryForward, str]:
    left_open = store.read(run, CONTROL) if store.has(run, CONTROL) else CarryForward()
    return left_open, _digest(CONTROL.dump(left_open))


def _previous(workspace: Path, pinned: PinnedRun | None) -> pa.Table | ParquetFile | None:
    if pinned is None:
        return None
    report = reviews.read(_run(workspace, pinned.run, "the findings before it"))
    if report.digest != pinned.digest:
        raise _other(f"the findings of {pinned.run}")
    return report.found


def _owners(workspace: Path, pinned: PinnedRun | None) -> ParquetFile | None:
    if pinned is None:
        return None
    run = _run(workspace, pinned.run, "whose accounts were in it")
    if store.read(run, REVIEWED).owners != pinned.digest:
        raise _other(f"whose accounts were in {pinned.run}")
    return reviews.owners(run)


def _accepted(workspace: Path, pinned: PinnedRun) -> Snapshot:
    snapshot = snapshots.load(_run(workspace, pinned.run, "the run accepted last"))
    if snapshot.digest != pinned.digest:
        raise _other(f"the snapshot of {pinned.run}")
    return snapshot


def answered(
    workspace: Path, pinned: Sequence[PinnedPosition]
) -> Sequence[tuple[Sequence[WorkItem], Mapping[str, Decision]]]:
    """Return what was asked and answered when a plan was made; raises ``StalePlan`` where that is not there any more.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    found = []
    for position in pinned:
        run = _run(workspace, position.of, "decisions that it rests on")
        if _position(run, position.rows) != position:
            raise _other(f"the decisions of {run.id}")
        known = Decisions(run.id, audits.decisions(run).history[: position.rows])
        found.append((store.read(run, WORKLIST).items, known.current))
    return found


def _position(run: Run, rows: int) -> PinnedPosition:
    """Return the digest of the first answers of a run and of what was asked: later answers are added behind."""
    known = Decisions(run.id, audits.decisions(run).history[:rows])
    asked = WORKLIST.dump(store.read(run, WORKLIST))
    return PinnedPosition(run.id, rows, _digest(asked + artifacts.DECISIONS.dump(known)))


def _require_logbook(workspace: Path, head: str | None) -> None:
    """Raise ``StalePlan`` unless the logbook still holds every line that was there when a plan was made."""
    if head is None:
        return
    log = logged.known(workspace)
    if log is None or not log.holds(TreeHead.parse(head)):
        raise _other("the logbook was taken back or changed")


def _journals(workspace: Path, since: datetime) -> tuple[PinnedPosition, ...]:
    """Return how far the journals are in which something was done since a moment."""
    known = ((f"{plan.run}/{journal.path.parent.name}", journal) for plan, journal in plans.journals(workspace))
    return tuple(
        PinnedPosition(of, journal.rows, journal.head)
        for of, journal in (*known, *plans.lost(workspace))
        if any(row.at >= since for row in journal.changes)
    )


def _taken(
    workspace: Workspace, pinned: Sequence[PinnedPosition], since: datetime, yesterday: datetime
) -> RecentRemovals:
    folder, batches, gone, log = workspace.folder, [], [], logged.known(workspace.folder)
    without_plan = {of: _upto(journal, of, pinned) for of, journal in plans.lost(folder)}
    for position in pinned:
        if position.of in without_plan:
            gone.append(without_plan[position.of])
            continue
        run, _, name = position.of.partition("/")
        stored = plans.find(_run(folder, run, "what its batch took"), name)
        with JournalFile(stored.journal, stored.plan.digest) as journal:
            upto = _upto(journal, position.of, pinned)
            batches.append(CountedBatch(stored.plan, upto, is_backed(log, stored, workspace)))
    return recent_removals(batches, gone, since, yesterday)


def _upto(journal: JournalFile, of: str, pinned: Sequence[PinnedPosition]) -> Mapping[str, ChangeStatus]:
    """Return where each change of a batch stood when a plan was made; raises ``StalePlan`` for another journal."""
    position = next((one for one in pinned if one.of == of), PinnedPosition(of, 0, ""))
    if journal.rows < position.rows:
        raise _other(f"the journal of {of}")
    head, standings = journal.upto(position.rows)
    if position.rows and head != position.digest:
        raise _other(f"the journal of {of}")
    return standings


def _run(workspace: Path, name: str, what: str) -> Run:
    try:
        run = runs.find(workspace, name)
    except AccessReviewError:
        run = None
    if run is None or run.id != name:
        raise StalePlan(f"{name} is not there: the plan is derived from {what}", hint="restore the run, or plan again")
    return run


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
