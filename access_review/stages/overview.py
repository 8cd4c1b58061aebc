"""How the review and offboarding go, for those who oversee them: each figure with the rows that it counts."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review import store
from access_review.artifacts import AUDIT, SAMPLE, WORKLIST
from access_review.audit.campaign import Campaign
from access_review.audit.trend import TrendPoint
from access_review.findings.sentences import every_sentence
from access_review.logbook.lines import LogEntry, LogEvent
from access_review.model import CURRENT
from access_review.runs import Run
from access_review.sample.draw import Sample
from access_review.stages.trend import read_trend
from access_review.store import audits, logged, reviews, snapshots
from access_review.store.recalled import read_again
from access_review.tables import Row
from access_review.workspace import Workspace

_OPEN_FOR_LEAVERS = frozenset({"leaver-active", "signin-after-end"})


@dataclass(frozen=True, slots=True)
class WaitedFor:
    """A reviewer who has not answered everything, and how many items are open."""

    name: str
    open: int
    asked: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What an overseer sees of the newest reviewed run; ``unread`` are sources not read whole, with the reason.

    ``leavers`` are findings about people who left and can still sign in, ``rag`` counts what is open. For who sees some
    clients alone the figures of the whole (``rag``, ``trend``) are empty.
    """

    run: Run
    unread: tuple[tuple[str, str], ...]
    leavers: tuple[Row, ...]
    rag: Counter[str]
    audit: Campaign | None
    waited_for: tuple[WaitedFor, ...]
    trend: tuple[TrendPoint, ...]


def overview(workspace: Workspace, run: Run, audited: Run | None, clients: Collection[str], now: datetime) -> Overview:
    """Return how things stand; with ``clients``, of these alone. Raises ``ArtifactError`` for damaged files."""
    snapshot = snapshots.load(run)
    findings = [row for row in reviews.read(run).findings.to_pylist() if row["status"] in CURRENT]
    theirs = _people_of(snapshot.tables["assignments"].to_pylist(), clients) if clients else None
    sentences = every_sentence()
    leavers = [
        sentences.shown(row)
        for row in findings
        if row["rule"] in _OPEN_FOR_LEAVERS and (theirs is None or row["person"] in theirs)
    ]
    unread = {**snapshot.incomplete("people"), **snapshot.incomplete("accounts"), **snapshot.incomplete("grants")}
    return Overview(
        run,
        tuple(sorted(unread.items())),
        tuple(sorted(leavers, key=lambda row: (-row["risk"], row["subject"]))),
        Counter() if clients else Counter(row["rag"] for row in findings),
        store.read(audited, AUDIT) if audited else None,
        _waited_for(audited, clients) if audited else (),
        () if clients else read_trend(workspace, now).weeks[-12:],
    )


def _people_of(assignments: Collection[Row], clients: Collection[str]) -> frozenset[str]:
    return frozenset(row["person"] for row in assignments if row["client"] in clients)


def _waited_for(audited: Run, clients: Collection[str]) -> tuple[WaitedFor, ...]:
    answered = audits.decisions(audited).current
    asked: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for item in store.read(audited, WORKLIST).items:
        if clients and not set(item.clients) & set(clients):
            continue
        asked[item.reviewer_name] += 1
        left[item.reviewer_name] += item.item not in answered
    return tuple(WaitedFor(name, left[name], asked[name]) for name in sorted(asked, key=lambda one: (-left[one], one)))


@dataclass(frozen=True, slots=True)
class RunForAuditor:
    """One run as an auditor sees it: what was read of each source, how its audit stands, and how it was drawn."""

    run: Run
    rows: tuple[tuple[str, int], ...]
    complete: bool
    audit: Campaign | None
    sample: Sample | None


@dataclass(frozen=True, slots=True)
class AuditorView:
    """The runs, newest first; every draw's commitment and reveal; the head of the logbook."""

    runs: tuple[RunForAuditor, ...]
    draws: tuple[LogEntry, ...]
    head: str


def auditor_view(folder: Path) -> AuditorView:
    """Return what an auditor begins with; raises ``ArtifactError`` for damaged files."""
    log = logged.known(folder)
    return AuditorView(
        tuple(_for_auditor(run) for run in reversed(logged.known_runs(folder))),
        tuple(entry for entry in log.entries if entry.event in {LogEvent.DRAW, LogEvent.REVEAL}) if log else (),
        str(log.head) if log else "",
    )


def _for_auditor(run: Run) -> RunForAuditor:
    manifest = snapshots.read_manifest(run)
    rows = tuple((name, table.rows) for name, table in sorted(manifest.tables.items()))
    audit = read_again(run, AUDIT) if store.has(run, AUDIT) else None
    sample = read_again(run, SAMPLE) if store.has(run, SAMPLE) else None
    return RunForAuditor(run, rows, manifest.complete, audit, sample)
