"""The stages as they run on disk: each reads files of a run, calls one pure function, writes files of the run.

Anyone holding a run's snapshot and the workspace can run everything after ``collect``
again, offline, with the same result.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from access_review import runs, snapshot
from access_review.audit import campaign, carry_forward, decisions, judge, planted, reviewers, worklist
from access_review.engine import Engine, ParquetFile, open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.facts import CarryForward, carry_forward_tables
from access_review.findings import Evaluation
from access_review.review import Previous, Report, establish, review
from access_review.runs import Run
from access_review.sample import draw as sample
from access_review.sample import population
from access_review.snapshot import Progress, Snapshot
from access_review.views import report_contents, report_page, worksheet
from access_review.workspace import Workspace

REVIEW = "access-review/review@1"
STATE = "access-review/state@1"

FINDINGS = "findings.parquet"
AUDIT = "audit.json"
LEFT_OPEN = "control.json"


def collect(workspace: Workspace, as_of: datetime, progress: Progress = lambda *_: None) -> Run:
    """Read every source into a new run; the newest run before ``as_of`` is what it is compared with."""
    earlier = [run for run in runs.all_runs(workspace.folder) if run.as_of < as_of]
    previous = earlier[-1] if earlier else None
    known = snapshot.load(previous) if previous else None
    return snapshot.save(snapshot.collect(workspace, as_of, previous=known, progress=progress), workspace, previous)


def review_run(workspace: Workspace, run: Run) -> Report:
    """Review a run and write its findings (Parquet) and ``review.json``, last, so that what has it is whole."""
    runs.write_json(run.folder / LEFT_OPEN, carry_forward.to_json(_left_open(workspace, run)))
    taken, path = snapshot.load(run), run.folder / FINDINGS
    with runs.written(path) as partial, open_engine(taken.as_of, workspace.policy.engine) as engine:
        report = review(taken, workspace, engine, previous_findings(workspace, run), to=ParquetFile(partial))
    runs.write_json(
        run.folder / runs.REVIEWED,
        {
            "format": REVIEW,
            "run": run.id,
            "snapshot": taken.digest,
            "workspace_digest": workspace.digest,
            "digest": report.digest,
            "file": snapshot.digest_of_file(path),
            "rules": {e.rule: {k: v for k, v in asdict(e).items() if k != "rule"} for e in report.evaluations},
        },
    )
    return replace(report, found=ParquetFile(path))


def previous_findings(workspace: Workspace, run: Run) -> Previous:
    """Return the findings of the newest reviewed run before this one, and what this run was told of earlier audits."""
    earlier = [r for r in runs.all_runs(workspace.folder) if r.as_of < run.as_of and r.reviewed]
    told = run.folder / LEFT_OPEN
    left_open = (
        carry_forward.from_json(runs.read_json(told, carry_forward.CONTROL)) if told.is_file() else CarryForward()
    )
    return Previous(read_report(earlier[-1]).found if earlier else None, left_open)


def _left_open(workspace: Workspace, run: Run) -> CarryForward:
    """Say what the audits before a run left open; who is drawn again in time makes older answers of no account."""
    reviewing = workspace.policy.reviewing
    before = [r for r in runs.all_runs(workspace.folder) if r.as_of < run.as_of and (r.folder / AUDIT).is_file()]
    if not before:
        return CarryForward()
    last = campaign.from_json(runs.read_json(before[-1].folder / AUDIT, campaign.AUDIT))
    week = campaign.week_of(run.as_of, reviewing.timezone)
    missed = carry_forward.unreviewed_units(
        last, not_reviewed(before[-1]), week=week, now=run.as_of, close=reviewing.close
    )
    read = before[-workspace.policy.sampling.coverage_weeks :]
    return CarryForward(missed, carry_forward.kept_findings((work_of(r).items, decisions_of(r).current) for r in read))


def read_report(run: Run) -> Report:
    """Read a review back; raises ``ArtifactError`` when the findings, which stay on disk, are not those written."""
    known = runs.read_json(run.folder / runs.REVIEWED, REVIEW)
    path = run.folder / FINDINGS
    snapshot.verify(path, known, made="reviewed", hint="access-review review")
    evaluations = tuple(Evaluation(rule, **said) for rule, said in known["rules"].items())
    return Report(run.as_of, ParquetFile(path), evaluations, known["digest"])


@contextmanager
def engine_of(workspace: Workspace, taken: Snapshot) -> Iterator[Engine]:
    """Open the embedded engine, whichever reviews: what is asked about a run is not written for the other."""
    settings = workspace.policy.engine
    with EmbeddedEngine(taken.as_of, settings.memory, settings.threads) as engine:
        yield engine


@contextmanager
def facts_of(workspace: Workspace, run: Run) -> Iterator[tuple[Engine, Snapshot, Report]]:
    """Open a reviewed run with every fact and its findings in the engine, for those who ask about it."""
    report, taken = read_report(run), snapshot.load(run)
    with engine_of(workspace, taken) as engine:
        establish(taken.tables, workspace, engine)
        engine.register("findings", report.found)
        for name, table in carry_forward_tables(previous_findings(workspace, run).left_open).items():
            engine.register(name, table)
        yield engine, taken, report


@dataclass(frozen=True, slots=True)
class Drawn:
    """The sample of a run and the work sheets written for it."""

    sample: sample.Sample
    work: worklist.Worklist
    sheets: tuple[Path, ...]


def draw(workspace: Workspace, run: Run, secret: bytes) -> Drawn:
    """Draw the sample of a run, write it with its work sheets, and keep in ``runs/state.json`` what the next needs.

    ``secret`` is the key of the draw after this one: 32 random bytes or more.
    """
    state = sample_state(workspace)
    carried: frozenset[str] = frozenset()
    if last := last_sampled(workspace.folder, run):
        state = sample.not_reviewed(state, sample_of(last), _judged(last).reviewed)
        carried = not_reviewed(last)
    with facts_of(workspace, run) as (engine, taken, _):
        units = population.list_units(engine)
        drawn, after = sample.draw(
            units,
            workspace.policy.sampling,
            state,
            run=run.id,
            as_of=taken.as_of,
            next_pledge=sample.pledge(secret),
            carried=carried.intersection(unit.unit for unit in units),
        )
        people = reviewers.people_of(taken.tables["people"].to_pylist())
        work = reviewers.route(
            worklist.list_work(engine, drawn), workspace.policy.reviewing, people, taken.as_of.date()
        )
        work = planted.plant_test_rows(engine, work, bytes.fromhex(drawn.seed), drawn.policy.planted)
    # The sample reveals its key, so what the next draw has promised is on disk first.
    runs.write_json(workspace.folder / "runs/state.json", {"format": STATE, "sample": sample.state_to_json(after)})
    folder = run.folder / "sample"
    runs.write_json(folder / "frame.json", population.to_json(population.SamplingFrame(run.id, units)))
    runs.write_json(folder / "worklist.json", worklist.to_json(work))
    runs.write_json(folder / "sample.json", sample.to_json(drawn))
    return Drawn(drawn, work, _write_sheets(folder, run, work))


def _write_sheets(folder: Path, run: Run, work: worklist.Worklist) -> tuple[Path, ...]:
    """Write one work sheet for each reviewer, as XLSX and as CSV."""
    sheets = []
    for reviewer, items in work.by_reviewer().items():
        path = folder / f"{worksheet.name_of(reviewer)}.xlsx"
        runs.write(path, worksheet.as_xlsx(run.id, items, as_of=work.as_of))
        runs.write(path.with_suffix(".csv"), worksheet.as_csv(run.id, items))
        sheets.append(path)
    return tuple(sheets)


def not_reviewed(run: Run) -> frozenset[str]:
    """Return the units of a run's sample that nobody answered for completely."""
    return frozenset(pick.unit for pick in sample_of(run).picks) - frozenset(_judged(run).reviewed)


def last_sampled(workspace: Path, run: Run) -> Run | None:
    """Return the newest run before this one that a sample was drawn for."""
    earlier = [r for r in runs.all_runs(workspace) if r.as_of < run.as_of]
    sampled = [r for r in earlier if (r.folder / "sample/sample.json").is_file()]
    return sampled[-1] if sampled else None


def sample_state(workspace: Workspace) -> sample.SampleState:
    """Return what reaches from one draw to the next: secret, since it holds the key of the next."""
    path = workspace.folder / "runs/state.json"
    if not path.exists():
        return sample.SampleState()
    return sample.state_from_json(runs.read_json(path, STATE)["sample"])


def work_of(run: Run) -> worklist.Worklist:
    """Return what reviewers of a run are asked."""
    return worklist.from_json(runs.read_json(run.folder / "sample/worklist.json", worklist.WORKLIST))


def decisions_of(run: Run) -> decisions.Decisions:
    """Return every answer read for a run so far."""
    path = run.folder / "sample/decisions.json"
    if not path.exists():
        return decisions.Decisions(run.id)
    return decisions.from_json(runs.read_json(path, decisions.DECISIONS))


def keep_decisions(run: Run, answers: decisions.Decisions) -> None:
    """Write the answers of a run, history included."""
    runs.write_json(run.folder / "sample/decisions.json", decisions.to_json(answers))


def sample_of(run: Run) -> sample.Sample:
    """Return the sample drawn for a run."""
    return sample.from_json(runs.read_json(run.folder / "sample/sample.json", sample.SAMPLE))


def write_report(workspace: Workspace, run: Run) -> Path:
    """Write the HTML report of a reviewed run, with its plan, sample and decisions where they are there."""
    folder = run.folder
    with facts_of(workspace, run) as (engine, _, report):
        told = report_contents.contents(
            engine,
            workspace,
            report,
            runs.read_json(folder / runs.MANIFEST, snapshot.FORMAT),
            run=run.id,
            plan=_json_of(folder / "plan/plan.json"),
            sample=_json_of(folder / "sample/sample.json"),
            judgement=judge.to_json(_judged(run)) if (folder / "sample/decisions.json").exists() else None,
        )
    path = folder / "report.html"
    runs.write(path, report_page.render(told))
    return path


def _json_of(path: Path) -> dict[str, Any] | None:
    value: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
    return value


def _judged(run: Run) -> judge.Judgement:
    return judge.judge(sample_of(run), work_of(run), decisions_of(run))
