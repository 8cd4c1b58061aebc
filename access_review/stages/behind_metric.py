"""Behind a metric: how its figure was at each run, and the rows of one run that the figure counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review import store
from access_review.artifacts import LEAVERS
from access_review.findings.control import CONTROL_RULES
from access_review.findings.judged_share import list_unjudged
from access_review.findings.selected import rows_with
from access_review.findings.sentences import every_sentence
from access_review.model import CURRENT, Family, Status
from access_review.rules import load
from access_review.runs import Run
from access_review.scorecard import score
from access_review.scorecard.records import QUARTER, counted_changes
from access_review.scorecard.score import MetricPoint
from access_review.scorecard.training import asked_by_name, due_by_name
from access_review.settings.measures import MeasureName
from access_review.settings.scorecard import Metric
from access_review.stages.offboarding import newest_leavers
from access_review.stages.records_at import records_at
from access_review.stages.scorecard import find_metric, formulas_of
from access_review.store import follow_ups, logged, reviews, run_records, snapshots
from access_review.workspace import Workspace

CountedRow = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BehindMetric:
    """The rows of a run that a metric's figure counts; none of them where it is made of no rows, and ``what`` says of what."""

    metric: Metric
    run: str
    what: str
    rows: tuple[CountedRow, ...]


def metric_trend(workspace: Workspace, name: str, now: datetime) -> tuple[MetricPoint, ...]:
    """Return a metric as it was at each of the last runs, oldest first.

    Raises ``Unclear`` for no such metric, ``ArtifactError`` for damaged files of a run, ``PlanRefused`` for a journal that is gone.
    """
    metric, records = find_metric(workspace, name), records_at(workspace, now)
    return score.metric_points(metric, formulas_of(workspace), workspace.checklist, records, now)


def rows_behind(workspace: Workspace, run: Run, name: str, now: datetime) -> BehindMetric:
    """Return what a metric's figure counts at a run, which at the newest is what it counts ``now``.

    Raises ``Unclear`` for no such metric, ``ArtifactError`` for damaged files, ``PlanRefused`` for a journal that is gone, and
    ``StalePlan`` where what a run judged is asked for and the workspace is another.
    """
    metric, at = find_metric(workspace, name), _moment(workspace, run, now)
    if metric.measured is None:
        about = score.about_metric(metric.metric)
        said = [one for one in follow_ups.read(workspace.folder) if one.about == about and one.at <= at]
        rows = ({"at": one.at.isoformat(), "person": one.person, "says": str(one.said.get("value"))} for one in said)
        return BehindMetric(metric, run.id, "what was stated until then", tuple(rows))
    what, find = _ROWS.get(metric.measured, ("no rows: it is counted when a run is reviewed", _no_rows))
    return BehindMetric(metric, run.id, what, tuple(find(workspace, run, metric, at)))


def _moment(workspace: Workspace, run: Run, now: datetime) -> datetime:
    """Return the moment that a metric is asked about: what was stated and done since the newest run counts, too."""
    return max(now, run.as_of) if logged.known_runs(workspace.folder)[-1:] == [run] else run.as_of


def _no_rows(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del workspace, run, metric, at
    return iter(())


_Find = Callable[[Workspace, Run, Metric, datetime], Iterable[CountedRow]]


def _findings(statuses: Sequence[str], rules: Sequence[str] = ()) -> _Find:
    """Find the findings of the metric's rules, or of ``rules``, that stand so; where none is named, those about access."""

    def find(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
        del workspace, at
        asked, sentences = frozenset(rules or metric.rules), every_sentence()
        if not run.reviewed:
            return
        rows = rows_with(reviews.read(run).pieces(), status=statuses, **({"rule": asked} if asked else {}))
        for row in sorted(rows, key=lambda row: (row["rule"], row["subject"], row["finding"])):
            if asked or row["rule"] not in CONTROL_RULES:
                known = row["first_seen"].isoformat()
                about = {"person": row["person"] or "", "subject": row["subject"], "reason": sentences.reason(row)}
                yield {"finding": row["finding"], "rule": row["rule"], "status": row["status"], "known": known, **about}

    return find


def _excess(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterable[CountedRow]:
    rules = sorted(name for name, rule in load().items() if rule.family is Family.EXCESS)
    return _findings(CURRENT, rules)(workspace, run, metric, at)


def _leavers(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del at
    known = logged.known_runs(workspace.folder)
    followed = [one for one in known if one.as_of <= run.as_of and store.has(one, LEAVERS)]
    of = run if known[-1:] == [run] or not followed else followed[-1]
    made = newest_leavers(workspace, of)
    late = metric.measured is MeasureName.LEAVERS_OPEN_LATE
    find = run_records.open_late if late else run_records.counted_leavers
    for one in find(made, known[0].as_of if known else of.as_of):
        at_most = "" if one.clock.most is None else f"{one.clock.most / timedelta(hours=1):.1f}"
        clock = {"judged": str(one.clock.late), "hours at most": at_most, "sign-in": str(one.signs_in)}
        yield {"run": of.id, "person": one.person, "name": one.name, **clock}


def _sources(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del workspace, metric, at
    for name, source in sorted(snapshots.read_manifest(run).sources.items()):
        why = [f"{subject}: {one.reason}" for subject, one in sorted(source.verdicts.items()) if not one.complete]
        yield {"source": name, "whole": "yes" if source.complete else "no", "why": "; ".join(why)}


def _audits(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del metric, at
    records = run_records.read_records(workspace.folder, workspace.policy)
    for one in records.runs:
        if one.audit and run.as_of - QUARTER < one.as_of <= run.as_of:
            done = {"drawn": len(one.audit.drawn), "reviewed": len(one.audit.drawn & one.audit.reviewed)}
            tests = {"test rows": one.audit.tested, "caught": one.audit.caught}
            signed = one.audit.signed_off_at
            counted = {name: str(number) for name, number in {**done, **tests}.items()}
            yield {"run": one.run, "week": one.week, **counted, "signed off": signed.isoformat() if signed else ""}


def _runs(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del metric, at
    for one in logged.known_runs(workspace.folder):
        if run.as_of - timedelta(days=28) < one.as_of <= run.as_of:
            yield {"run": one.id, "at": one.as_of.isoformat(), "reviewed": "yes" if one.reviewed else "no"}


def _rules(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del workspace, at
    for one in reviews.read(run).evaluations if run.reviewed else ():
        if not metric.rules or one.rule in metric.rules:
            yield {
                "rule": one.rule,
                "evaluated": "yes" if one.evaluated and not one.reason else "no",
                "why": one.reason,
            }


def _unjudged(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del metric, at
    if not run.reviewed:
        return
    reviews.refuse_changed(run, workspace)
    with reviews.opened(workspace, run) as facts:
        for row in list_unjudged(facts.engine):
            yield {**row, "person": row["person"] or "", "grants": str(row["grants"])}


def _changes(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del run, metric
    known = run_records.read_records(workspace.folder, workspace.policy).changes
    for one, proven in sorted(
        counted_changes(known, at), key=lambda counted: (counted[0].called_at, counted[0].change)
    ):
        when = one.proven_at.isoformat() if proven and one.proven_at else ""
        yield {"change": one.change, "plan": one.plan, "called": one.called_at.isoformat(), "proven": when}


def _trainings(workspace: Workspace, run: Run, metric: Metric, at: datetime) -> Iterator[CountedRow]:
    del metric
    told = follow_ups.read(workspace.folder)
    of_table, by_name = run_records.trainings_due(run, asked_by_name(told))
    for row in of_table:
        done = "yes" if row["counts_max"] else "no"
        yield {"person": row["person"], "course": row["course"], "done": done, "known": "by the table"}
    for one in due_by_name(told, by_name, at):
        done = "no" if one.state.is_late else "yes"
        yield {"person": one.person, "course": one.course, "done": done, "known": "assigned by name"}


_AUDITS = ("audits of the quarter", _audits)
_ROWS: Mapping[MeasureName, tuple[str, _Find]] = {
    MeasureName.SOURCES_COMPLETE: ("sources", _sources),
    MeasureName.DAYS_WITH_RUN: ("runs of the last 28 days", _runs),
    **dict.fromkeys(
        (
            *(MeasureName.WEEKS_AUDITED, MeasureName.SAMPLED_SHARE, MeasureName.UNITS_REVIEWED, MeasureName.COVERAGE),
            *(MeasureName.AUDITS_SIGNED_OFF, MeasureName.MISS_LIMIT, MeasureName.WRONG_LIMIT),
            MeasureName.TEST_ROWS_CAUGHT,
        ),
        _AUDITS,
    ),
    MeasureName.OPEN_FINDINGS: ("open findings", _findings(CURRENT)),
    MeasureName.OLDEST_FINDING: ("open findings", _findings(CURRENT)),
    MeasureName.EXCESS_AGE: ("open findings of excess", _excess),
    MeasureName.REVOCATION_SPEED: ("findings that ended with this run", _findings((Status.CLOSED,))),
    MeasureName.EXCEPTION_RATE: ("findings that a waiver accepts", _findings((Status.WAIVED,))),
    MeasureName.ORPHAN_RATE: (
        "findings of accounts that nobody answers for",
        _findings((*CURRENT, Status.WAIVED), ("account-unowned", "service-unowned")),
    ),
    MeasureName.AGENTS_OWNED: (
        "findings of agents that nobody answers for",
        _findings((*CURRENT, Status.WAIVED), ("agent-unowned",)),
    ),
    MeasureName.STANDING_PRIVILEGE: (
        "findings of standing privilege, beside which others are held rightly",
        _findings(CURRENT, ("standing-privilege",)),
    ),
    MeasureName.LEAVERS_OPEN_LATE: ("leavers who can sign in, or may, beyond the failure line", _leavers),
    MeasureName.LEAVERS_IN_TIME: ("leavers", _leavers),
    MeasureName.LEAVER_LAG: ("leavers", _leavers),
    MeasureName.RULES_EVALUATED: ("rules", _rules),
    MeasureName.GRANTS_JUDGED: ("accounts with grants that were not judged; the others were", _unjudged),
    MeasureName.CHANGES_PROVEN: ("changes of the quarter, but for those that wait for their second read", _changes),
    MeasureName.TRAINING_DONE: ("trainings that are done, or due by then", _trainings),
}
"""Of which measure which rows are counted, and what they are."""
