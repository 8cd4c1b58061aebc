"""Audit: open this week's campaign from a reviewed run, with its sample and the work sheets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review import store
from access_review.artifacts import FRAME, SAMPLE, WORKLIST
from access_review.audit import campaign, peer_suggestions, planted, reviewers, worklist
from access_review.audit.campaign import Campaign
from access_review.audit.worklist import Worklist
from access_review.engine import Engine
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.policy import Policy
from access_review.runs import Run, is_name
from access_review.sample import draw, population
from access_review.sample.draw import Pledge, Sample
from access_review.sample.for_clients import ClientAim, ClientAims
from access_review.sample.rotation import week_of
from access_review.snapshot import Snapshot
from access_review.store import audits, files, logged, reviews, snapshots
from access_review.store.rights import Right, hold
from access_review.views import worksheet
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Drawn:
    """The sample of a run and the work sheets written for it."""

    sample: Sample
    work: Worklist
    sheets: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of this week's audit: drawn now, drawn before, or not drawn, with the reason."""

    week: str
    run: Run | None
    ongoing: Campaign | None
    drawn: Drawn | None
    why_not: str = ""


OPERATOR, AUDITOR = "the operator", "the auditor"
"""Who holds the key of a draw until it is published."""


def commit_draw(workspace: Workspace, now: datetime) -> None:
    """Write into the logbook, before anything is read, which key the next draw was promised."""
    if pledged := audits.sample_state(workspace.folder).pledge:
        held_by = OPERATOR if pledged.key else AUDITOR
        line = entries.draw_committed(pledged.commitment, now, pledged.commitment, held_by=held_by)
        logged.append(workspace.folder, line, command="audit")


def open_audit(
    workspace: Workspace, run: Run, secret: bytes | Pledge, now: datetime, key: bytes | None = None
) -> Opened:
    """Draw this week's sample from a reviewed run, once: a week that has one keeps it.

    Nothing is drawn while a roster was not read whole, since the population would not be the
    one that works here, nor while any source is older than its ``max_age``. ``secret`` is the key of the next draw,
    or the promise of one that the auditor keeps; ``key`` is that of this draw, where the auditor kept it.
    """
    with hold(workspace.folder, Right.CAMPAIGN, now=now, command="audit"):
        return _opened(workspace, run, secret, now, key)


def _opened(workspace: Workspace, run: Run, secret: bytes | Pledge, now: datetime, key: bytes | None) -> Opened:
    week = week_of(run.as_of, zone := workspace.policy.reviewing.timezone)
    known = audits.all_audits(workspace.folder)
    if same := next(((r, a) for r, a in known if a.week == week), None):
        return Opened(week, *same, None, f"{week} was drawn in run {same[0].id}")
    if why_not := _why_not(run, known):
        return Opened(week, None, None, None, why_not)
    before = _end(workspace, *known[-1], run.as_of, now) if known else None
    drawn = draw_sample(workspace, run, secret, now, key)
    opened = campaign.open_campaign(run.id, run.as_of, zone, before, drawn.sample.carried)
    audits.keep_campaign(run, opened, now, "audit")
    return Opened(week, run, opened, drawn)


def _why_not(run: Run, known: list[tuple[Run, Campaign]]) -> str:
    """Say why no sample may be drawn from a run, or nothing."""
    if snapshots.read_manifest(run).rehearsal:
        return "the run is a rehearsal: a trial, or a live source read under --as-of"
    snapshot = snapshots.load(run)
    for table in ("people", "assignments"):
        if short := snapshot.incomplete(table):
            source, reason = min(short.items())
            return f"{table} of {source} is incomplete: {reason}"
    if snapshot.stale:
        source, reason = min(snapshot.stale.items())
        return f"{source} is stale: {reason}"
    if known and known[-1][0].as_of > run.as_of:
        return f"{known[-1][1].week} has been drawn, and it is later"
    return ""


def _end(workspace: Workspace, run: Run, last: Campaign, at: datetime, now: datetime) -> Campaign:
    """End the wait of the audit before, whose time is over when the next is drawn."""
    reviewing = workspace.policy.reviewing
    short = reviewing.model_copy(update={"close": min(reviewing.close, at - run.as_of)})
    ended = campaign.close_campaign(last, audits.waited_for(run), audits.not_reviewed(run), short, at)
    audits.keep_campaign(run, ended, now, "audit")
    return ended


def draw_sample(
    workspace: Workspace, run: Run, secret: bytes | Pledge, now: datetime, key: bytes | None = None
) -> Drawn:
    """Draw the sample of a run, write it with its work sheets, and keep what the next draw needs.

    ``secret`` is the key of the draw after this one: 32 random bytes or more.
    """
    state = audits.sample_state(workspace.folder)
    carried: frozenset[str] = frozenset()
    if last := audits.last_sampled(workspace.folder, run):
        carried = audits.not_reviewed(last)
        state = draw.not_reviewed(state, store.read(last, SAMPLE), audits.judgement(last).reviewed)
    with reviews.opened(workspace, run) as facts:
        units = population.list_units(facts.engine)
        sample, after = draw.draw(
            units,
            workspace.policy.sampling,
            state,
            run=run.id,
            as_of=facts.snapshot.as_of,
            next_pledge=secret if isinstance(secret, Pledge) else draw.pledge(secret),
            key=key,
            taken_back=_taken_back(workspace, run),
            carried=carried.intersection(unit.unit for unit in units),
            clients=aims_of(workspace.policy, _waiting(last)),
        )
        if facts.snapshot.incomplete("accounts"):
            after = draw.remember_unseen(state, after)
        work = peer_suggestions.suggest(facts.engine, ask_about(facts.engine, facts.snapshot, workspace, sample))
    # The sample reveals its key, so what the next draw has promised is on disk first.
    audits.keep_sample_state(workspace.folder, after, now)
    store.write(run, FRAME, population.SamplingFrame(run.id, units))
    store.write(run, WORKLIST, work)
    store.write(run, SAMPLE, sample)
    return Drawn(sample, work, _write_sheets(run, work))


def ask_about(engine: Engine, snapshot: Snapshot, workspace: Workspace, sample: Sample) -> Worklist:
    """List what is asked about a sample, and of whom, with the test rows among it: whoever repeats a draw repeats this too."""
    people = reviewers.people_of(snapshot.tables["people"].to_pylist())
    listed = worklist.list_work(engine, sample)
    routed = reviewers.route(listed, workspace.policy.reviewing, people, snapshot.as_of.date())
    return planted.plant_test_rows(engine, routed, bytes.fromhex(sample.seed), sample.policy.planted)


def _waiting(last: Run | None) -> dict[str, int]:
    before = store.read(last, SAMPLE).clients if last else None
    return before.waiting if before else {}


def aims_of(policy: Policy, waited: Mapping[str, int]) -> ClientAims:
    """Return what the policy asks to be shown of each client that it names; ``waited`` is how often each has waited."""
    all_of_them, reviewing = policy.sampling, policy.reviewing
    aims = {
        name: ClientAim(
            all_of_them.tolerable if one.tolerable is None else one.tolerable,
            all_of_them.confidence if one.confidence is None else one.confidence,
            all_of_them.allowed if one.allowed is None else one.allowed,
        )
        for name, one in policy.clients.items()
    }
    return ClientAims(aims, reviewing.client_units, reviewing.timezone, waited)


def _taken_back(workspace: Workspace, run: Run) -> str:
    """Return a run of the same week that was drawn from and is gone; the logbook knows it still."""
    log, zone = logged.known(workspace.folder), workspace.policy.reviewing.timezone
    for line in log.of(LogEvent.CAMPAIGN) if log else ():
        if not is_name(line.name):
            continue
        gone = Run(run.folder.with_name(line.name))
        same_week = week_of(gone.as_of, zone) == week_of(run.as_of, zone)
        if gone.id != run.id and same_week and not gone.folder.exists():
            return gone.id
    return ""


def _write_sheets(run: Run, work: Worklist) -> tuple[Path, ...]:
    """Write one work sheet for each reviewer, as XLSX and as CSV; return the XLSX files."""
    sheets = []
    for reviewer, items in work.by_reviewer().items():
        path = run.folder / "sample" / f"{worksheet.name_of(reviewer)}.xlsx"
        files.write(path, worksheet.as_xlsx(run.id, items, as_of=work.as_of))
        files.write(path.with_suffix(".csv"), worksheet.as_csv(run.id, items))
        sheets.append(path)
    return tuple(sheets)
