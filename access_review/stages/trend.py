"""Trend: the audits week by week, who answered them, and how long everyone has waited to be looked at."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review import store
from access_review.artifacts import SAMPLE, WORKLIST
from access_review.audit import judge
from access_review.audit.judge import Reviewer
from access_review.audit.trend import CoverageClock, TrendPoint, coverage_clock, trend_point
from access_review.store import audits, reviews, rosters
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Trend:
    """The weeks, oldest first, the reviewers over all of them, and the coverage clock."""

    weeks: tuple[TrendPoint, ...]
    reviewers: tuple[Reviewer, ...]
    coverage: CoverageClock


def read_trend(workspace: Workspace, now: datetime) -> Trend:
    """Read every audit of a workspace; raises ``ArtifactError``."""
    folder = workspace.folder
    known = audits.all_audits(folder)
    weeks = tuple(
        trend_point(
            audit,
            found.count_by("status", "rule", "rag"),
            audits.judgement(run),
            len(store.read(run, SAMPLE).picks),
            found.judged,
        )
        for run, audit in known
        for found in [reviews.read(run)]
    )
    names = rosters.people_now(known[-1][0]).names if known else {}
    seen = audits.sample_state(folder).coverage
    coverage = coverage_clock(seen, now, workspace.policy.sampling.coverage_weeks, names)
    return Trend(weeks, measured(folder), coverage)


def measured(folder: Path) -> tuple[Reviewer, ...]:
    """Measure everybody who answered in any audit of a workspace, over all of them."""
    audited = [run for run, _ in audits.all_audits(folder)]
    items = [item for run in audited for item in store.read(run, WORKLIST).items]
    answers = {item: given for run in audited for item, given in audits.decisions(run).current.items()}
    return judge.measure_reviewers(items, answers)
