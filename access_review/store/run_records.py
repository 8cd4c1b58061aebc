"""What figures are made of, read from disk: each run that the logbook knows, and what people recorded."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review import store
from access_review.artifacts import AUDIT, COUNTS, FRAME, LEAVERS, MANIFEST, REVIEWED, SAMPLE, WORKLIST
from access_review.logbook.lines import Logbook
from access_review.model import CURRENT, Family, Status
from access_review.offboarding.leaver import AccessState, Late, Leaver, Leavers, LeaverStatus
from access_review.policy import Policy
from access_review.revoke.states import PROVEN, State
from access_review.rules import load
from access_review.runs import Run
from access_review.sample.rotation import week_of
from access_review.scorecard import training
from access_review.scorecard.records import AuditFigures, CarriedOut, LeaverFigures, Records, RuleFigures, RunRecord
from access_review.scorecard.training import Asked, TrainingFigures, TrainingLine
from access_review.snapshot import Manifest
from access_review.store import audits, follow_ups, logged, plans, reviews, snapshots
from access_review.tables import Row

_DAY = timedelta(days=1)


def read_records(workspace: Path, policy: Policy) -> Records:
    """Read everything that is recorded in a workspace.

    Raises ``ArtifactError`` for files of a run that are damaged or gone, ``PlanRefused`` for a journal that is gone.
    """
    known, log = logged.known_runs(workspace), logged.known(workspace)
    first = known[0].as_of if known else None
    told = follow_ups.read(workspace)
    asked = training.asked_by_name(told)
    runs = tuple(read_run(run, log, policy.reviewing.timezone, first or run.as_of, asked) for run in known)
    return Records(runs, told, policy.sampling.coverage_weeks, tuple(_carried_out(workspace)))


def read_run(run: Run, log: Logbook | None, zone: str, first: datetime, asked: frozenset[Asked]) -> RunRecord:
    """Read what figures need of one run, as the logbook knows it.

    ``first`` is the moment of the first run of the workspace, ``asked`` are the trainings that were assigned by name.

    Raises ``ArtifactError`` for files of a run that are damaged, gone or others than they were.
    """
    for path in (MANIFEST.path, REVIEWED.path, SAMPLE.path, FRAME.path, WORKLIST.path):
        logged.holds(log, run, path)
    known = snapshots.read_manifest(run)
    sources = known.sources.values()
    return RunRecord(
        run=run.id,
        as_of=run.as_of,
        week=week_of(run.as_of, zone),
        sources=len(sources),
        sources_complete=sum(one.complete for one in sources),
        rules=_rules(run) if run.reviewed else None,
        counts=store.read(run, COUNTS) if run.reviewed and logged.holds(log, run, COUNTS.path) else None,
        leavers=leaver_figures(store.read(run, LEAVERS), first) if logged.holds(log, run, LEAVERS.path) else None,
        audit=_audit(run) if logged.holds(log, run, AUDIT.path) else None,
        training=_training(run, asked, known) if any("training" in one.verdicts for one in sources) else None,
    )


def _carried_out(workspace: Path) -> Iterator[CarriedOut]:
    """Yield every change that a batch called for, or may have."""
    for plan, journal in plans.logged_journals(workspace):
        called: dict[str, datetime] = {}
        proven: dict[str, datetime] = {}
        for row in journal.changes:
            if row.state in {State.CALLING, State.ORDERED, *PROVEN}:
                called.setdefault(row.change, row.at)
            if row.state in {State.REVOKED, State.RESTORED}:
                proven[row.change] = row.at
        yield from (CarriedOut(at, proven.get(change), plan.digest, change) for change, at in called.items())


def _training(run: Run, asked: frozenset[Asked], known: Manifest) -> TrainingFigures:
    """Count the trainings of people who work here, in the engine's own columns: there may be many."""
    each, named = _trainings(run, asked)
    told = [source.verdicts["training"].complete for source in known.sources.values() if "training" in source.verdicts]
    done, due = (pc.sum(each[column]).as_py() or 0 for column in ("counts_max", "due_max"))
    return TrainingFigures(done, due, tuple(map(training_line, named)), all(told))


def trainings_due(run: Run, asked: frozenset[Asked]) -> tuple[list[Row], list[TrainingLine]]:
    """Return the trainings that a run counts, and the rows of the table about those assigned by name, ``asked``.

    The first have ``person``, ``course`` in lower case, and ``counts_max``, 1 where having done it counts. Raises
    ``ArtifactError`` for a damaged table.
    """
    each, named = _trainings(run, asked)
    due = each.filter(pc.equal(each["due_max"], 1)).sort_by([("person", "ascending"), ("course", "ascending")])
    return due.to_pylist(), list(map(training_line, named))


def _trainings(run: Run, asked: frozenset[Asked]) -> tuple[pa.Table, list[Row]]:
    """Return ``person, course, counts_max, due_max`` of those who work here, and the rows of what was assigned by name."""
    table, now = snapshots.table(run, "training"), pa.scalar(run.as_of)
    here = [row["person"] for row in snapshots.people(run) if row["status"] in {"active", "leave"}]
    table = table.filter(pc.is_in(table["person"], pa.array(here, pa.string())))
    course = pc.utf8_lower(table["course"])
    by_name = pc.is_in(
        pc.binary_join_element_wise(table["person"], course, "\x1f"),
        pa.array(["\x1f".join(one) for one in sorted(asked)], pa.string()),
    )
    done = pc.fill_null(pc.less_equal(table["done_at"], now), fill_value=False)
    counts = pc.and_(done, pc.fill_null(pc.greater(table["valid_until"], now), fill_value=True))
    late = pc.fill_null(pc.less_equal(table["due_at"], now), fill_value=False)
    wanted = pa.table(
        {
            "person": table["person"],
            "course": course,
            "counts": pc.cast(counts, pa.int64()),
            "due": pc.cast(pc.or_(done, late), pa.int64()),
        }
    ).filter(pc.invert(by_name))
    each = wanted.group_by(["person", "course"]).aggregate([("counts", "max"), ("due", "max")])
    return each, table.filter(by_name).to_pylist()


def training_line(row: Row) -> TrainingLine:
    """Return a row of the table ``training`` as it is compared with what was assigned by name."""
    return TrainingLine(row["source"], row["person"], row["course"], row["due_at"], row["done_at"], row["valid_until"])


def _rules(run: Run) -> dict[str, RuleFigures]:
    report, families = reviews.read(run), load()
    counted: dict[str, list[Row]] = defaultdict(list)
    for row in report.count_by("rule", "status", "first_seen", "closed_at"):
        counted[row["rule"]].append(row)
    found = {}
    for one in report.evaluations:
        rows = counted[one.rule]
        ages, closed = Counter[float](), Counter[float]()
        for row in rows:
            if row["status"] in CURRENT:
                ages[(run.as_of - row["first_seen"]) / _DAY] += row["findings"]
            if row["closed_at"]:
                closed[(row["closed_at"] - row["first_seen"]) / _DAY] += row["findings"]
        found[one.rule] = RuleFigures(
            # What is withheld about one source may be any number: then the figure is not known either.
            evaluated=one.evaluated and not one.reason,
            excess=one.rule in families and families[one.rule].family is Family.EXCESS,
            open=ages.total(),
            waived=sum(row["findings"] for row in rows if row["status"] == Status.WAIVED),
            ages=sum(days * findings for days, findings in ages.items()),
            oldest_days=max(ages, default=None),
            open_for=ages,
            closed=closed,
        )
    return found


def leaver_figures(followed: Leavers, first: datetime) -> LeaverFigures:
    """Count the leavers of a run; ``first`` is the moment of the first run of the workspace."""
    left = counted_leavers(followed, first)
    return LeaverFigures(
        lags=tuple(None if one.clock.most is None else one.clock.most / timedelta(hours=1) for one in left),
        in_time=sum(one.clock.late is Late.NO for one in left),
        open_late=len(open_late(followed, first)),
    )


def counted_leavers(followed: Leavers, first: datetime) -> list[Leaver]:
    """Return who has left and is counted: not who had lost all access before the ``first`` run of the workspace."""
    return [one for one in followed.leavers if one.standing is LeaverStatus.LEFT and not _from_before(one, first)]


def open_late(followed: Leavers, first: datetime) -> list[Leaver]:
    """Return who has left and can sign in, or may, beyond the failure line, however long before the ``first`` run."""
    del first
    failure = followed.targets.failure
    return [one for one in followed.leavers if one.standing is LeaverStatus.LEFT and _open_beyond(one, failure)]


def _from_before(leaver: Leaver, first: datetime) -> bool:
    """Tell whether somebody had no access, or had left and lost it before there was a record: nothing to be proven."""
    if leaver.signs_in is AccessState.NONE:
        return True
    gone = leaver.signs_in not in {AccessState.OPEN, AccessState.UNKNOWN}
    return gone and leaver.clock.most is None and leaver.left_at_latest is not None and leaver.left_at_latest < first


def _open_beyond(leaver: Leaver, failure: timedelta) -> bool:
    if leaver.signs_in not in {AccessState.OPEN, AccessState.UNKNOWN}:
        return False
    return leaver.clock.most is None or leaver.clock.most > failure


def _audit(run: Run) -> AuditFigures:
    kept, sample, judged = store.read(run, AUDIT), store.read(run, SAMPLE), audits.judgement(run)
    rest = next(line for line in judged.lines if line.stratum == "rest")
    return AuditFigures(
        opened_at=kept.opened_at,
        closed_at=kept.closed_at,
        signed_off_at=kept.signed_off_at,
        population=frozenset(unit.unit for unit in store.read(run, FRAME).units),
        drawn=frozenset(pick.unit for pick in sample.picks),
        reviewed=frozenset(judged.reviewed) - frozenset(kept.not_reviewed),
        miss_limit=rest.missed.limit_most,
        wrong_limit=rest.wrong.limit_most,
        tested=len(judged.test_rows),
        caught=sum(row.decision == "revoke" for row in judged.test_rows),
    )
