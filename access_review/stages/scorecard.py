"""Scorecard: the points of five dimensions by formula, and what people state where no record measures it."""

from datetime import datetime
from functools import cache
from pathlib import Path

from access_review import documents
from access_review.errors import PlanRefused, no_such
from access_review.offboarding.leaver import Leavers
from access_review.runs import Run
from access_review.scorecard import score
from access_review.scorecard.follow_up import FollowUp
from access_review.scorecard.measurement import NO_RECORD
from access_review.scorecard.score import Scorecard
from access_review.settings.scorecard import Formulas, Metric
from access_review.stages.records_at import records_at
from access_review.stages.statements import AttestedWords, WhoSays, make_statement
from access_review.workspace import Workspace

_OWN = Path(__file__).with_suffix(".yaml")


def formulas_of(workspace: Workspace) -> Formulas:
    """Return the formulas of a workspace: ``roles/scorecard.yaml`` where it has that, else those of this tool."""
    return workspace.formulas or _packaged()


def formulas_text(workspace: Workspace) -> str:
    """Return the formulas in use as YAML, to be copied and changed."""
    return workspace.texts.get("roles/scorecard.yaml") or _OWN.read_text(encoding="utf-8")


@cache
def _packaged() -> Formulas:
    return Formulas.model_validate(documents.parse(_OWN.read_text(encoding="utf-8"), _OWN.name).data)


def read_scorecard(workspace: Workspace, now: datetime, found: Leavers | None = None) -> Scorecard:
    """Score a workspace by its records; ``found`` are the leavers of its newest run, where somebody knows them already.

    Raises ``ArtifactError`` for damaged ones, ``PlanRefused`` for a journal that is gone.
    """
    records = records_at(workspace, now, found)
    return score.score(formulas_of(workspace), workspace.checklist, records, now)


def find_metric(workspace: Workspace, name: str) -> Metric:
    """Return a metric by its name; raises ``Unclear``."""
    every = formulas_of(workspace).metrics
    found = next((one for one in every if one.metric == name), None)
    if found is None:
        known = (one.metric for one in every)
        raise no_such("no metric is called", name, known, all_of_them="access-review scorecard --metrics")
    return found


def attest_metric(
    workspace: Workspace, run: Run, name: str, who: WhoSays, *, value: float, stated: AttestedWords, now: datetime
) -> FollowUp:
    """State the figure of a metric that no record measures, in percent.

    Raises ``Unclear`` for no metric, ``PlanRefused`` for one that is measured, a figure that is no percentage, and as every
    statement does.
    """
    metric = find_metric(workspace, name)
    if metric.attested is None or (metric.measured and _is_measured(workspace, metric, now)):
        hint = f"access-review scorecard --metrics says what {name} is made of"
        raise PlanRefused(f"{name} is measured from the records, so nobody states it", hint=hint)
    if not 0 <= value <= 100:
        raise PlanRefused(f"{value:g} is no percentage", hint="--value, from 0 to 100")
    about = score.about_metric(metric.metric)
    return make_statement(workspace, run, about, metric.attested, who, {"value": value}, stated, now)


def _is_measured(workspace: Workspace, metric: Metric, now: datetime) -> bool:
    """Tell whether a record could hold a metric's figure, so that no statement takes its place."""
    found = next(one for one in read_scorecard(workspace, now).metrics if one.metric == metric)
    return found.measured is not None and found.measured.why not in NO_RECORD
