"""The recurring jobs as they run on disk: each reads runs and what the one before left, and writes what the next needs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from access_review import runs, snapshot
from access_review.audit import campaign, decisions, judge, reviewers
from access_review.audit import client_extract as one_client
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.filled_sheets import names_in
from access_review.audit.worklist import WorkItem
from access_review.errors import ArtifactError, PlanRefused
from access_review.offboarding import assess, checklist
from access_review.offboarding import leaver as values
from access_review.offboarding import queries as leaver_facts
from access_review.offboarding.leaver import Leavers
from access_review.review import Report, establish
from access_review.runs import Run
from access_review.sample import draw, population
from access_review.snapshot import Snapshot
from access_review.stages import audit
from access_review.stages.proven import proven
from access_review.tables import TABLES
from access_review.views import spreadsheet, worksheet
from access_review.workspace import Workspace

LEAVERS = "leavers.json"

_FRESH_HOURS = 24


def follow_leavers(workspace: Workspace, run: Run) -> Leavers:
    """Say what is open for everyone who leaves, and keep it in the run for the next to compare with.

    What batches have proven gone since is exact; what merely two runs saw lies between them.
    """
    settings = workspace.policy.offboarding
    before, taken = leavers_before(workspace.folder, run), snapshot.load(run)
    with audit.engine_of(workspace, taken) as engine:
        establish(taken.tables, workspace, engine)
        made = assess.assess_leavers(
            leaver_facts.list_leaving(engine, settings.prepare),
            leaver_facts.list_access(engine, settings.prepare),
            _seen(workspace, run, taken),
            settings,
            workspace.policy.targets,
            before=before,
            statuses=leaver_facts.person_statuses(engine, [one.person for one in before.leavers] if before else ()),
            verified=proven(workspace.folder),
        )
    runs.write_json(run.folder / LEAVERS, values.to_json(made))
    return made


def leavers_before(workspace: Path, run: Run) -> Leavers | None:
    """Return what the newest run before this one said of its leavers."""
    earlier = [r for r in runs.all_runs(workspace) if r.as_of < run.as_of and (r.folder / LEAVERS).is_file()]
    return leavers_of(earlier[-1]) if earlier else None


def leavers_of(run: Run) -> Leavers:
    """Read what a run said of its leavers; raises ``ArtifactError``."""
    return values.from_json(runs.read_json(run.folder / LEAVERS, values.LEAVERS))


def _seen(workspace: Workspace, run: Run, taken: Snapshot) -> checklist.ReadContext:
    return checklist.ReadContext(
        run=run.id,
        as_of=taken.as_of,
        snapshot=taken.digest,
        sessions=frozenset(source for source, declared in workspace.capabilities().items() if declared.signs_in),
        missing=frozenset(TABLES) - taken.collected,
        incomplete={table: taken.incomplete(table) for table in TABLES},
    )


def too_old(run: Run, now: datetime) -> str:
    """Say that a run is too old to tell who can sign in now, or nothing."""
    hours = (now - run.as_of) // timedelta(hours=1)
    return f"the run is {hours} h old" if hours >= _FRESH_HOURS else ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of this week's audit: drawn now, drawn before, or not drawn, with the reason."""

    week: str
    run: Run | None
    ongoing: campaign.Campaign | None
    drawn: audit.Drawn | None
    why_not: str = ""


def open_audit(workspace: Workspace, run: Run, secret: bytes) -> Opened:
    """Draw this week's sample from a reviewed run, once: a week that has one keeps it.

    Nothing is drawn while a roster was not read whole, since the population would not be the
    one that works here, nor while any source is older than its ``max_age``. ``secret`` is the key of the next draw.
    """
    week = campaign.week_of(run.as_of, zone := workspace.policy.reviewing.timezone)
    known = audits(workspace.folder)
    if same := next(((r, a) for r, a in known if a.week == week), None):
        return Opened(week, *same, None, f"{week} was drawn in run {same[0].id}")
    taken = snapshot.load(run)
    for table in ("people", "assignments"):
        if short := taken.incomplete(table):
            source, reason = min(short.items())
            return Opened(week, None, None, None, f"{table} of {source} is incomplete: {reason}")
    if taken.stale:
        source, reason = min(taken.stale.items())
        return Opened(week, None, None, None, f"{source} is stale: {reason}")
    if known and known[-1][0].as_of > run.as_of:
        return Opened(week, None, None, None, f"{known[-1][1].week} has been drawn, and it is later")
    before = _ended(workspace, *known[-1], run.as_of) if known else None
    drawn = audit.draw(workspace, run, secret)
    made = campaign.open_campaign(run.id, run.as_of, zone, before, drawn.sample.carried)
    keep_audit(run, made)
    return Opened(week, run, made, drawn)


def _ended(workspace: Workspace, run: Run, last: campaign.Campaign, now: datetime) -> campaign.Campaign:
    """End the wait of the audit before, whose time is over when the next is drawn."""
    waiting, units = waited_for(run), audit.not_reviewed(run)
    short = workspace.policy.reviewing.model_copy(
        update={"close": min(workspace.policy.reviewing.close, now - run.as_of)}
    )
    ended = campaign.close_campaign(last, waiting, units, short, now)
    keep_audit(run, ended)
    return ended


SIGNIN_RULES = ("signin-after-end", "signin-off-shift", "signin-outside-countries")


def signin_findings(report: Report) -> list[dict[str, Any]]:
    """Return what the rules about sign-ins found, the highest risk first."""
    rows = [r for r in report.findings.to_pylist() if r["rule"] in SIGNIN_RULES and r["status"] in {"new", "open"}]
    return sorted(rows, key=lambda row: (-row["risk"], row["rule"], row["subject"]))


def used_waivers(run: Run) -> dict[str, int]:
    """Count the findings that each waiver accepts in a run."""
    waived = audit.read_report(run).findings.to_pylist()
    return dict(Counter(row["waiver"] for row in waived if row["status"] == "waived"))


def kept_unlogged(run: Run) -> tuple[WorkItem, ...]:
    """Return what reviewers kept though the machine had found something that no waiver accepts."""
    if not (run.folder / "sample/worklist.json").is_file():
        return ()
    current = audit.decisions_of(run).current
    return tuple(
        item
        for item in audit.work_of(run).items
        if item.item in current
        and current[item.item].decision is ReviewerAnswer.KEEP
        and any(not said.endswith("(waived)") for said in item.found.split("; ") if said)
    )


def audits(folder: Path) -> list[tuple[Run, campaign.Campaign]]:
    """Return every audit of a workspace with its run, oldest first."""
    return [(run, audit_of(run)) for run in runs.all_runs(folder) if (run.folder / audit.AUDIT).is_file()]


def audit_of(run: Run) -> campaign.Campaign:
    """Read the audit of a run; raises ``ArtifactError``."""
    return campaign.from_json(runs.read_json(run.folder / audit.AUDIT, campaign.AUDIT))


def keep_audit(run: Run, made: campaign.Campaign) -> None:
    """Write the audit of a run."""
    runs.write_json(run.folder / audit.AUDIT, campaign.to_json(made))


def waited_for(run: Run) -> dict[str, int]:
    """Count the items without an answer, by reviewer."""
    answered = audit.decisions_of(run).current
    return dict(Counter(item.reviewer for item in audit.work_of(run).items if item.item not in answered))


def judged(run: Run) -> judge.Judgement:
    """Judge the sample of a run by the answers there are."""
    return judge.judge(audit.sample_of(run), audit.work_of(run), audit.decisions_of(run))


def measured(folder: Path) -> tuple[judge.Reviewer, ...]:
    """Measure everybody who answered in any audit of a workspace, over all of them."""
    ran = [run for run, _ in audits(folder)]
    items = [item for run in ran for item in audit.work_of(run).items]
    answers = {item: given for run in ran for item, given in audit.decisions_of(run).current.items()}
    return judge.measure_reviewers(items, answers)


def newest_audit(folder: Path) -> tuple[Run, campaign.Campaign]:
    """Return the audit that goes on, or the last; raises ``ArtifactError`` when there is none."""
    known = audits(folder)
    if not known:
        raise ArtifactError(f"{folder} has no audit yet", hint="access-review audit")
    return known[-1]


Tell = Callable[[campaign.Campaign, tuple[campaign.Reminder, ...]], frozenset[str]]
"""Tells reviewers, and returns those whom it did not reach."""


def remind(
    workspace: Workspace, run: Run, now: datetime, tell: Tell = lambda *_: frozenset()
) -> tuple[campaign.Campaign, tuple[campaign.Reminder, ...]]:
    """Tell whoever is to be told something now, note it, and close the audit when its time is over.

    Whom ``tell`` did not reach is told again the next time, but for the end of an audit.
    """
    reviewing, before = workspace.policy.reviewing, audit_of(run)
    waiting = waited_for(run)
    ended = campaign.close_campaign(before, waiting, audit.not_reviewed(run), reviewing, now)
    told = ended.sent[len(before.sent) :] or campaign.due_reminders(ended, waiting, reviewing, now)
    missed = tell(ended, told)
    if ended.going_on:
        ended = replace(ended, sent=(*ended.sent, *(sent for sent in told if sent.reviewer not in missed)))
    keep_audit(run, ended)
    return ended, told


def sign_off(run: Run, by: str, now: datetime) -> campaign.Campaign:
    """End the audit of a run; raises ``PlanRefused``, also for somebody who is in no roster."""
    people = reviewers.people_of(snapshot.load(run).tables["people"].to_pylist())
    if people.who(by) is None:
        raise PlanRefused(f"{by} is in no roster, so cannot sign off", hint="give the id, name or mail of a person")
    ended = campaign.sign_off(
        audit_of(run), by, now, unanswered=sum(waited_for(run).values()), strangers=strangers(run, people)
    )
    keep_audit(run, ended)
    return ended


def strangers(run: Run, people: reviewers.People) -> frozenset[str]:
    """Return who answered and is nobody of the rosters, by any of the names they wrote."""
    given = {decision.by for decision in audit.decisions_of(run).current.values()}
    return frozenset(by for by in given if not any(people.who(name) for name in names_in(by)))


def client_alone(workspace: Workspace, run: Run, client: str) -> tuple[dict[str, Any], Path]:
    """Write one client's part of a run; return its scorecard and the folder.

    Population, findings, work sheets, answers, scorecard, and as evidence what all of it rests on.
    """
    made = follow_leavers(workspace, run)
    sampled = (run.folder / "sample/worklist.json").is_file()
    work = audit.work_of(run).items if sampled else ()
    decided = audit.decisions_of(run) if sampled else decisions.Decisions(run.id)
    with audit.facts_of(workspace, run) as (engine, taken, report):
        within = one_client.borders(engine, client)
        units = tuple(
            replace(u, clients=(client,), manager=None)
            for u in population.of_client(population.list_units(engine), client)
        )
        found = one_client.findings(report.findings.to_pylist(), within)
    asked = one_client.items(work, within)
    answered = sum(item.item in decided.current for item in asked)
    card = one_client.scorecard(within, units, found, asked, answered, made.leavers)
    rows = [tuple("" if row[name] is None else str(row[name]) for name in one_client.FINDING) for row in found]
    answers = replace(decided, history=one_client.answers(decided.history, asked, within))
    files = {
        "population.json": runs.json_bytes(population.to_json(population.SamplingFrame(run.id, units))),
        "findings.csv": spreadsheet.csv_bytes(one_client.FINDING, rows),
        "decisions.json": runs.json_bytes(decisions.to_json(answers)),
        "scorecard.json": runs.json_bytes({"format": "access-review/scorecard@1", "run": run.id, **card}),
    }
    for reviewer in sorted({item.reviewer for item in asked}):
        theirs = [item for item in asked if item.reviewer == reviewer]
        files[f"{worksheet.name_of(reviewer)}.xlsx"] = worksheet.as_xlsx(run.id, theirs, as_of=taken.as_of)
        files[f"{worksheet.name_of(reviewer)}.csv"] = worksheet.as_csv(run.id, theirs)
    drawn = runs.read_json(run.folder / "sample/sample.json", draw.SAMPLE) if sampled else {}
    collected = runs.read_json(run.folder / runs.MANIFEST, snapshot.FORMAT)
    files["evidence.json"] = runs.json_bytes(one_client.evidence(collected, drawn, files, within))
    folder = run.folder / "clients" / worksheet.name_of(client)
    for name, data in files.items():
        runs.write(folder / name, data)
    return card, folder
