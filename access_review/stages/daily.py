"""Daily: leavers, sign-ins that should not be, and what AI there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access_review.audit import inventory
from access_review.audit.inventory import ListedAgent, ListedApplication
from access_review.findings.selected import rows_with
from access_review.findings.sentences import every_sentence
from access_review.model import CURRENT
from access_review.offboarding.leaver import Leavers
from access_review.review import Report
from access_review.runs import Run
from access_review.stages.offboarding import follow_leavers
from access_review.stages.review import review_run
from access_review.store import reviews
from access_review.tables import Row
from access_review.views.summary import JudgedSummary
from access_review.workspace import Workspace

SIGNIN_RULES = (
    *("signin-after-end", "signin-off-shift", "signin-outside-countries"),
    *("signin-outside-network", "signin-unmanaged-device"),
)


@dataclass(frozen=True, slots=True)
class Day:
    """What the daily check saw; ``signins`` are findings, the highest risk first, ``silent`` rules with why not, ``judged`` how much."""

    leavers: Leavers
    signins: Sequence[Row]
    applications: Sequence[ListedApplication]
    agents: Sequence[ListedAgent]
    silent: Mapping[str, str]
    judged: JudgedSummary | None


def check_day(workspace: Workspace, run: Run, now: datetime) -> Day:
    """Review a run, follow its leavers, and list what signs in and what AI there is.

    Raises ``PlanRefused`` for the journal of a batch that is gone before its time.
    """
    report = review_run(workspace, run, now)
    followed = follow_leavers(workspace, run, now)
    with reviews.opened(workspace, run) as facts:
        applications, agents = inventory.list_applications(facts.engine), inventory.list_agents(facts.engine)
    silent = {e.rule: e.reason for e in report.evaluations if e.rule in SIGNIN_RULES and not e.evaluated}
    return Day(followed.leavers, signin_findings(report), applications, agents, silent, followed.judged)


def signin_findings(report: Report) -> list[Row]:
    """Return what the rules about sign-ins found, as it is shown, the highest risk first."""
    sentences = every_sentence()
    rows = rows_with(report.pieces(), rule=SIGNIN_RULES, status=CURRENT)
    return [sentences.shown(row) for row in sorted(rows, key=lambda row: (-row["risk"], row["rule"], row["subject"]))]
