"""Client: one client's part of a run alone, to be handed over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from access_review import store
from access_review.artifacts import DECISIONS, FRAME, SAMPLE, WORKLIST, canonical
from access_review.audit import client_extract
from access_review.audit.client_extract import Borders, ClientScorecard
from access_review.audit.decisions import Decisions
from access_review.audit.judge import ClientStatement
from access_review.audit.worklist import WorkItem
from access_review.findings.judged_share import measure_judged
from access_review.findings.selected import rows_with
from access_review.offboarding.leaver import Leaver
from access_review.runs import Run
from access_review.sample import population
from access_review.sample.population import ReviewUnit
from access_review.stages.offboarding import follow_leavers
from access_review.store import audits, files, reviews, snapshots
from access_review.store.recalled import read_again
from access_review.tables import Row
from access_review.views import spreadsheet, worksheet
from access_review.views.summary import JudgedSummary, judged_summary
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WrittenClient:
    """One client's part of a run: how it stands, what the draw shows of it (null without one), and where it lies.

    ``judged`` is how much of what its people hold was judged.
    """

    card: ClientScorecard
    shown: ClientStatement | None
    judged: JudgedSummary | None
    folder: Path


@dataclass(frozen=True, slots=True)
class ReadClient:
    """One client's part of a run: whose people are whose, what may be drawn, is found and is asked of them, and how it stands."""

    within: Borders
    units: tuple[ReviewUnit, ...]
    found: Sequence[Row]
    items: tuple[WorkItem, ...]
    card: ClientScorecard


def read_client(workspace: Workspace, run: Run, client: str, leavers: Iterable[Leaver]) -> ReadClient:
    """Read one client's part of a run, and write nothing; raises ``Unclear`` for a client that nobody works for."""
    with reviews.opened(workspace, run) as facts:
        return _read(facts, run, client, leavers)


def _read(facts: reviews.OpenRun, run: Run, client: str, leavers: Iterable[Leaver]) -> ReadClient:
    sampled = store.has(run, WORKLIST)
    work = read_again(run, WORKLIST).items if sampled else ()
    current = audits.decisions(run).current if sampled else {}
    within = client_extract.draw_borders(facts.engine, client)
    units = tuple(
        replace(unit, clients=(client,), manager=None)
        for unit in population.of_client(population.list_units(facts.engine), client)
    )
    found = client_extract.select_findings(rows_with(facts.report.pieces()), within)
    items = client_extract.select_items(work, within)
    answered = sum(item.item in current for item in items)
    return ReadClient(within, units, found, items, client_extract.score(within, units, found, items, answered, leavers))


def write_client(workspace: Workspace, run: Run, client: str, now: datetime) -> WrittenClient:
    """Write one client's part of a run, to be handed over.

    Population, findings, work sheets, answers, scorecard, and as evidence what all of it rests on.
    Raises ``Unclear`` for a client that nobody works for, and ``PlanRefused`` for a journal that is gone before its time.
    """
    leavers = follow_leavers(workspace, run, now).leavers.leavers
    sampled = store.has(run, WORKLIST)
    decisions = audits.decisions(run) if sampled else Decisions(run.id)
    with reviews.opened(workspace, run) as facts:
        part = _read(facts, run, client, leavers)
        as_of, share = facts.snapshot.as_of, measure_judged(facts.engine, part.within.own)
    within, items = part.within, part.items
    rows = [tuple("" if row[name] is None else str(row[name]) for name in client_extract.FINDING) for row in part.found]
    collected = snapshots.read_manifest(run)
    judged = judged_summary(share, collected)
    answers = replace(decisions, history=client_extract.select_decisions(decisions.history, items, within))
    written = {
        "population.json": FRAME.dump(population.SamplingFrame(run.id, part.units)),
        "findings.csv": spreadsheet.csv_bytes(client_extract.FINDING, rows),
        "decisions.json": DECISIONS.dump(answers),
        "scorecard.json": canonical({"format": client_extract.SCORECARD, "run": run.id, **part.card, "judged": judged}),
    }
    for reviewer in sorted({item.reviewer for item in items}):
        theirs = [item for item in items if item.reviewer == reviewer]
        written[f"{worksheet.name_of(reviewer)}.xlsx"] = worksheet.as_xlsx(run.id, theirs, as_of=as_of)
        written[f"{worksheet.name_of(reviewer)}.csv"] = worksheet.as_csv(run.id, theirs)
    drawn = store.read(run, SAMPLE) if sampled else None
    shown = audits.client_statement(run, client) if sampled else None
    evidence = client_extract.list_evidence(collected, drawn, shown, written, within)
    written["evidence.json"] = canonical(evidence)
    folder = run.folder / "clients" / worksheet.name_of(client)
    for name, data in written.items():
        files.write(folder / name, data)
    return WrittenClient(part.card, shown, judged, folder)
