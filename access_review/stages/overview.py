"""How the review and offboarding go, for those who oversee them: each figure with the rows that it counts."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from access_review import store
from access_review.artifacts import AUDIT, SAMPLE
from access_review.audit.campaign import Campaign
from access_review.errors import Unclear
from access_review.logbook.lines import Logbook, LogEntry, LogEvent
from access_review.runs import Run
from access_review.sample.draw import Sample
from access_review.stages.oversight import CampaignProgress, numbers, those_with
from access_review.store import logged, snapshots
from access_review.store.recalled import read_again
from access_review.views.summary import about_access

_OPEN_FOR_LEAVERS = frozenset({"leaver-active", "signin-after-end"})


@dataclass(frozen=True, slots=True)
class Overview:
    """What an overseer sees of the newest reviewed run; ``unread`` are sources not read whole, with the reason.

    ``leavers`` are findings about people who left and can still sign in, ``rag`` counts what is open about access, and
    ``about_review`` what says that the review itself fell short; ``campaign`` is the audit that goes on, or the last.
    """

    run: Run
    unread: tuple[tuple[str, str], ...]
    leavers: pa.Table
    rag: Counter[str]
    about_review: int
    campaign: CampaignProgress | None


def overview(run: Run, findings: pa.Table, campaign: CampaignProgress | None) -> Overview:
    """Return how things stand, by what may be seen of it; raises ``ArtifactError`` for damaged files."""
    snapshot = snapshots.load(run, ("completeness",))
    unread = {**snapshot.incomplete("people"), **snapshot.incomplete("accounts"), **snapshot.incomplete("grants")}
    access = about_access(findings)
    return Overview(
        run,
        tuple(sorted(unread.items())),
        those_with(findings, "rule", _OPEN_FOR_LEAVERS),
        numbers(access, "rag"),
        len(findings) - len(access),
        campaign,
    )


@dataclass(frozen=True, slots=True)
class RunForAuditor:
    """One run as an auditor sees it: what was read of each source, how its audit stands, and how it was drawn."""

    run: Run
    rows: tuple[tuple[str, int], ...]
    complete: bool
    audit: Campaign | None
    sample: Sample | None
    draws: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run in the list: whether every source was read whole, and its audit."""

    run: Run
    complete: bool
    audit: Campaign | None


@dataclass(frozen=True, slots=True)
class AuditorView:
    """Some of the runs, newest first, of how many; every draw's commitment and reveal, newest first; the head of the logbook.

    ``known`` are the names of all runs: what was committed to before its run has that of none.
    """

    runs: tuple[ListedRun, ...]
    total: int
    known: frozenset[str]
    draws: tuple[LogEntry, ...]
    head: str


def auditor_view(folder: Path, start: int, most: int) -> AuditorView:
    """Return what an auditor begins with, ``most`` runs from the one numbered ``start``; raises ``ArtifactError`` for damaged files."""
    log, runs = logged.known(folder), logged.known_runs(folder)[::-1]
    listed = (ListedRun(run, snapshots.read_manifest(run).complete, _audit(run)) for run in runs[start : start + most])
    known = frozenset(run.id for run in runs)
    return AuditorView(tuple(listed), len(runs), known, _draws(log)[::-1], str(log.head) if log else "")


def run_for_auditor(folder: Path, name: str) -> RunForAuditor:
    """Return one run as an auditor sees it; raises ``Unclear`` where there is none, ``ArtifactError`` for damaged files."""
    run = find_run(folder, name)
    manifest = snapshots.read_manifest(run)
    rows = tuple((table, known.rows) for table, known in sorted(manifest.tables.items()))
    sample = read_again(run, SAMPLE) if store.has(run, SAMPLE) else None
    committed = sample.commitment if sample else ""
    draws = (entry for entry in _draws(logged.known(folder)) if run.id == entry.name or _commits(entry) == committed)
    return RunForAuditor(run, rows, manifest.complete, _audit(run), sample, tuple(draws))


def find_run(folder: Path, name: str) -> Run:
    """Return a run that the logbook knows; raises ``Unclear``."""
    found = next((run for run in logged.known_runs(folder) if run.id == name), None)
    if found is None:
        raise Unclear("there is no such run", hint="choose one of those listed")
    return found


def _audit(run: Run) -> Campaign | None:
    return read_again(run, AUDIT) if store.has(run, AUDIT) else None


def _commits(entry: LogEntry) -> str | None:
    return entry.details.get("commitment")


def _draws(log: Logbook | None) -> tuple[LogEntry, ...]:
    return tuple(entry for entry in log.entries if entry.event in {LogEvent.DRAW, LogEvent.REVEAL}) if log else ()
