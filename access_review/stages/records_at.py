"""What is recorded, with the leavers of the newest run as they stand: a batch may have gone on since they were kept."""

from dataclasses import replace
from datetime import datetime

from access_review.offboarding.leaver import Leavers
from access_review.runs import Run
from access_review.scorecard.records import Records
from access_review.stages.offboarding import newest_leavers
from access_review.store import run_records
from access_review.workspace import Workspace


def records_at(workspace: Workspace, at: datetime, found: Leavers | None = None) -> Records:
    """Read everything that is recorded, and find out of the newest run by a moment what is open for its leavers.

    ``found`` are these leavers where somebody knows them already.
    Raises ``ArtifactError`` for files of a run that are damaged or gone, ``PlanRefused`` for a journal that is gone.
    """
    records = run_records.read_records(workspace.folder, workspace.policy)
    number = max((n for n, run in enumerate(records.runs) if run.as_of <= at and run.rules is not None), default=None)
    if number is None:
        return records
    run, first = records.runs[number], records.runs[0].as_of
    leavers = found or newest_leavers(workspace, Run(workspace.folder / "runs" / run.run))
    figures = replace(run, leavers=run_records.leaver_figures(leavers, first))
    return replace(records, runs=(*records.runs[:number], figures, *records.runs[number + 1 :]))
