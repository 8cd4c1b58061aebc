"""Report: a run as one HTML page, with its plan, sample and decisions where they are there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from access_review import artifacts, store
from access_review.artifacts import SAMPLE, Artifact
from access_review.draft.predicted import PredictedRisk
from access_review.explain.changed_access import ChangedAccess
from access_review.explain.coverage import Coverage
from access_review.review import Report
from access_review.runs import Run
from access_review.stages.changes import changes_in
from access_review.stages.offboarding import kept_leavers, leavers_by
from access_review.stages.predict import predict_for_report
from access_review.stages.scorecard import read_scorecard
from access_review.stages.zones import person_zones
from access_review.store import audits, files, logged, plans, reviews, snapshots
from access_review.views import report_contents, report_page, report_trend
from access_review.views.report_contents import UnusualLine
from access_review.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Where the report of a run is, and what its conclusions rest on."""

    path: Path
    coverage: Coverage
    unusual: Sequence[UnusualLine] | None
    """The grants that stand out most; null where there are too many people to look."""
    predicted: PredictedRisk | None = None
    """What past decisions say of what is held; null where they cannot be read, and of a manager's page."""


def write_report(workspace: Workspace, run: Run, *, manager: str = "", to: Path | None = None) -> WrittenReport:
    """Write the HTML report of a reviewed run, or the page of one manager, to a file; raises ``ArtifactError``.

    Raises ``PlanRefused`` for a journal that lost rows. ``Unclear`` is raised for a manager whom nobody knows or to whom nobody reports.
    """
    predicted = None if manager else predict_for_report(workspace, run)
    with reviews.opened(workspace, run) as facts:
        page = report_contents.contents(
            facts.engine,
            workspace,
            facts.report,
            snapshots.read_manifest(run),
            run=run.id,
            plan=_kept(run, artifacts.plan(plans.PLAN)),
            sample=_kept(run, SAMPLE),
            judgement=audits.judgement(run) if audits.decisions(run).history else None,
            predicted=predicted if predicted and predicted.likelihoods else None,
            changed=_changed(facts, workspace, run),
            earlier=_earlier(workspace, run),
            manager=manager,
        )
        shown = not manager and not page.more_findings and not snapshots.read_manifest(run).rehearsal
        leavers = kept_leavers(workspace.folder, run) if shown else None
        if shown and leavers is None:
            leavers = leavers_by(facts.engine, workspace, run, facts.snapshot)
    named = {row["person"] for row in page.leavers} | {one.person.id for one in page.cards.people}
    page = replace(
        page,
        scorecard=read_scorecard(workspace, run.as_of, leavers) if shown else None,
        zones=person_zones(workspace, run, named),
    )
    path = to or run.folder / "report.html"
    files.write(path, report_page.render(page))
    return WrittenReport(path, page.coverage, page.unusual, predicted)


def _changed(facts: reviews.OpenRun, workspace: Workspace, run: Run) -> ChangedAccess | None:
    earlier = logged.before(workspace.folder, run)
    return changes_in(facts.engine, workspace, facts.snapshot, earlier[-1]) if earlier else None


def _earlier(workspace: Workspace, run: Run) -> list[Report]:
    known = [one for one in logged.before(workspace.folder, run) if one.reviewed]
    return [reviews.read(one) for one in known[1 - report_trend.MOST_RUNS :]]


def _kept(run: Run, artifact: Artifact[T]) -> T | None:
    return store.read(run, artifact) if store.has(run, artifact) else None
