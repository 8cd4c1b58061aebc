"""Review: decide what is wrong in a run, and keep it there."""

from collections.abc import Sequence
from datetime import datetime

from access_review import store
from access_review.artifacts import AUDIT, CONTROL, COUNTS, WORKLIST
from access_review.audit.carry_forward import kept_findings, unreviewed_units
from access_review.engine import ParquetFile, open_engine
from access_review.facts import CarryForward
from access_review.logbook import entries
from access_review.review import Report, review
from access_review.runs import Run
from access_review.sample.rotation import week_of
from access_review.store import audits, logged, reviews, snapshots
from access_review.store.rights import Right, hold
from access_review.workspace import Workspace


def review_run(workspace: Workspace, run: Run, now: datetime) -> Report:
    """Review a run and write its findings (Parquet) and ``review.json``, last, so that what has it is whole.

    Raises ``ArtifactError`` for a damaged run and ``RuleError`` for a rule that breaks its contract.
    """
    with hold(workspace.folder, Right.CAMPAIGN, now=now, command="review"):
        report = _reviewed(workspace, run)
        if not run.is_rehearsal:
            line = entries.run_reviewed(run.id, now, logged.marks(run, logged.REVIEW))
            logged.append(workspace.folder, line, command="review")
    return report


def _reviewed(workspace: Workspace, run: Run) -> Report:
    # Written first: reviewing again must not depend on what has been answered since.
    store.write(run, CONTROL, left_open(workspace, run.as_of))
    snapshot = snapshots.load(run)
    known = reviews.previous(workspace.folder, run)
    with (
        reviews.writing(run) as findings,
        reviews.writing_owners(run) as owners,
        open_engine(snapshot.as_of, workspace.policy.engine) as engine,
    ):
        to, owners_to = ParquetFile(findings), ParquetFile(owners)
        report = review(snapshot, workspace, engine, known, to=to, owners_to=owners_to)
    if report.counts is not None:
        store.write(run, COUNTS, report.counts)
    return reviews.conclude(run, report, snapshot, workspace)


def left_open(workspace: Workspace, as_of: datetime) -> CarryForward:
    """Say what the audits before a moment left open; who is drawn again in time makes older answers of no account."""
    reviewing = workspace.policy.reviewing
    audited = logged.known_with(workspace.folder, AUDIT.path, as_of)
    accepted = _accepted_last(workspace, audited)
    if not audited:
        return CarryForward()
    last = store.read(audited[-1], AUDIT)
    week = week_of(as_of, reviewing.timezone)
    missed = unreviewed_units(
        last,
        audits.not_reviewed(audited[-1]),
        week=week,
        now=as_of,
        close=reviewing.close,
        asked=audits.waited_on(audited[-1]),
    )
    asked = {one.id for one in logged.known_with(workspace.folder, WORKLIST.path, as_of)}
    recent = [one for one in audited[-workspace.policy.sampling.coverage_weeks :] if one.id in asked]
    return CarryForward(
        missed,
        kept_findings((store.read(one, WORKLIST).items, audits.decisions(one).current) for one in recent),
        accepted,
    )


def _accepted_last(workspace: Workspace, audited: Sequence[Run]) -> str:
    """Return the run that was signed off last, where requests say what was authorised since; nothing elsewhere."""
    if not any(source.options.get("table") == "tickets" for source in workspace.sources):
        return ""
    signed = [one.id for one in audited if store.read(one, AUDIT).signed_off_at is not None]
    return signed[-1] if signed else ""
