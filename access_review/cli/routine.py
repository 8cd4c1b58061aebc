"""Commands of the recurring jobs: collect, review, the weekly audit, reviewers' decisions."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from access_review.cli import one_by_one
from access_review.cli.asked import Asked, FailOn, leave, shown
from access_review.model import Severity

if TYPE_CHECKING:
    from access_review.review import Report
    from access_review.runs import Run
    from access_review.workspace import Workspace


def collect(ctx: typer.Context) -> None:
    """Read every source into a new run."""
    asked: Asked = ctx.obj
    run = _collect(asked, asked.workspace())
    manifest = _manifest(run)
    asked.show({"run": run.id, **manifest}, f"Collected {run.id}\nNext: access-review review")
    leave(_unread(manifest))


def review(ctx: typer.Context, fail_on: FailOn = None) -> None:
    """Decide what is wrong in a run."""
    from access_review.stages import audit

    asked: Asked = ctx.obj
    workspace, run = asked.workspace(), asked.found_run()
    report = audit.review_run(workspace, run)
    _summarise(asked, workspace, run, report)
    asked.say(f"Next:   access-review audit --run {run.id[:16]}")
    leave(_unread(_manifest(run)) or _found(report, fail_on))


def audit_command(ctx: typer.Context, fail_on: FailOn = None) -> None:
    """Do the weekly audit: collect, review, sample, work sheets, report."""
    import secrets

    from access_review.stages import audit, routine

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    run = asked.found_run() if asked.run else _collect(asked, workspace)
    report = audit.review_run(workspace, run)
    opened = routine.open_audit(workspace, run, secrets.token_bytes(32))
    _summarise(asked, workspace, run, report, file=audit.write_report(workspace, run))
    if opened.drawn:
        sheets = f"{len(opened.drawn.sheets)} work sheets in {shown(run.folder / 'sample')}"
        asked.say(f"Sample: {len(opened.drawn.sample.picks)} to check by hand in {opened.week}; {sheets}")
    else:
        asked.say(f"Sample: none is drawn now: {opened.why_not}")
    asked.say(
        f"Next:   access-review explain {_first(report)}, or access-review plan --rule leaver-active --requested-by YOU"
    )
    leave(_unread(_manifest(run)) or _found(report, fail_on))


def decide(
    ctx: typer.Context,
    sheets: Annotated[
        list[Path] | None,
        typer.Argument(help="Filled-in work sheets, .xlsx or .csv; none to be asked in the terminal."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who you are, to be asked one by one: id, name or mail.")] = None,
    of: Annotated[
        str | None, typer.Option(help="Whose items to be asked: a reviewer, or unassigned; yours by default.")
    ] = None,
) -> None:
    """Read reviewers' decisions from their work sheets, or ask for them one by one."""
    from access_review.audit import decisions, judge
    from access_review.audit import filled_sheets as deciding
    from access_review.stages import audit
    from access_review.views import judgement

    asked: Asked = ctx.obj
    run = _audited(asked)
    if not sheets:
        one_by_one.ask(asked, run, by, of)
        return
    if by or of:
        raise typer.BadParameter("--by and --of are for being asked; the sheets say who decided")
    work = audit.work_of(run)
    read = deciding.read_decisions(sheets, work, today=asked.now.date())
    answers = decisions.record(audit.decisions_of(run), read)
    audit.keep_decisions(run, answers)
    judged = judge.judge(audit.sample_of(run), work, answers)
    asked.show(judge.to_json(judged), judgement.text(judged, read=len(read)))


def withdraw(
    ctx: typer.Context,
    items: Annotated[list[str], typer.Argument(help="Items of the work sheet, by the start of their ids.")],
    by: Annotated[str, typer.Option(help="Your id, name or mail, as the roster has it.")],
    comment: Annotated[str, typer.Option(help="Why, for the record.")],
) -> None:
    """Take decisions back. They stay in the history, and the items wait for an answer again."""
    from access_review.audit import judge
    from access_review.stages import audit
    from access_review.stages import decisions as answers
    from access_review.views import judgement
    from access_review.views.text import count

    asked: Asked = ctx.obj
    run = _audited(asked)
    left = answers.withdraw(run, items, by, comment, asked.now)
    judged = judge.judge(audit.sample_of(run), audit.work_of(run), left)
    taken = f"{count(len(set(items)), 'decision')} withdrawn by {by}."
    asked.show(judge.to_json(judged), f"{taken}\n{judgement.text(judged, read=0)}")


def _audited(asked: Asked) -> "Run":
    """Return the run asked for, or that of the newest audit."""
    from access_review.stages import routine

    return asked.found_run(reviewed=True) if asked.run else routine.newest_audit(asked.folder)[0]


def remind(ctx: typer.Context) -> None:
    """Say which reviewers are waited for, note who is to be reminded, and close an audit whose time is over."""
    import os

    from access_review import snapshot
    from access_review.audit import campaign as weeks
    from access_review.audit import notices
    from access_review.audit import reviewers as routing
    from access_review.stages import routine
    from access_review.views import campaign as view

    asked: Asked = ctx.obj
    workspace, run = asked.workspace(), _audited(asked)
    people = routing.people_of(snapshot.load(run).tables["people"].to_pylist())
    failed: list[str] = []

    def tell(now: weeks.Campaign, told: tuple[weeks.Reminder, ...]) -> frozenset[str]:
        written = notices.notices(now, told, people, workspace.policy.reviewing.escalate_to)
        folder = workspace.folder / "runs/notices"
        done = notices.deliver(written, workspace.policy.notify, os.environ, folder, asked.now)
        failed.extend(sorted({why for one in done for why in one.failed}))
        return frozenset(one.notice.about for one in done if one.failed)

    now, told = routine.remind(workspace, run, asked.now, tell)
    text = view.text(now, routine.waited_for(run), told, asked.now, people.names)
    asked.show(weeks.to_json(now), "\n".join((text, *(f"Not sent: {why}" for why in failed))))
    leave(1 if failed else 0)


def sign_off(
    ctx: typer.Context, by: Annotated[str, typer.Option(help="Your id, name or mail, as the roster has it.")]
) -> None:
    """End the audit: everything is answered, or its time is over."""
    from access_review import snapshot
    from access_review.audit import campaign as weeks
    from access_review.audit import reviewers as routing
    from access_review.stages import routine
    from access_review.views import campaign, judgement

    asked: Asked = ctx.obj
    run = _audited(asked)
    ended = routine.sign_off(run, by, asked.now)
    missed = f"; {len(ended.not_reviewed)} not reviewed" if ended.not_reviewed else ""
    told = judgement.reviewers(routine.judged(run).reviewers)
    people = routing.people_of(snapshot.load(run).tables["people"].to_pylist())
    who = campaign.named(people.who(by) or by, people.names)
    asked.show(weeks.to_json(ended), f"{ended.week} is signed off by {who}{missed}" + (f"\n\n{told}" if told else ""))


def trend_command(ctx: typer.Context) -> None:
    """Show the audits week by week, and how long everyone has waited to be looked at."""
    from dataclasses import asdict

    from access_review.audit import trend
    from access_review.stages import audit, routine
    from access_review.views import trend as view

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    points = [
        trend.trend_point(one, audit.read_report(run).findings, routine.judged(run), len(audit.sample_of(run).picks))
        for run, one in routine.audits(asked.folder)
    ]
    sampling = workspace.policy.sampling
    clock = trend.coverage_clock(audit.sample_state(workspace).coverage, asked.now, sampling.coverage_weeks)
    measured = routine.measured(asked.folder)
    text = view.text(points, clock, measured, weeks=sampling.coverage_weeks, confidence=sampling.confidence)
    weeks, reviewers = [asdict(one) for one in points], [asdict(one) for one in measured]
    asked.show({"weeks": weeks, "reviewers": reviewers, "coverage": asdict(clock)}, text)


def client(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The client, as the roster names it.")]
) -> None:
    """Write one client's part of a run alone: population, findings, sheets, answers, evidence."""
    from access_review.stages import routine

    asked: Asked = ctx.obj
    card, folder = routine.client_alone(asked.workspace(), asked.found_run(reviewed=True), name)
    lines = [f"{key.replace('_', ' '):24} {value}" for key, value in card.items()]
    asked.show({**card, "folder": str(folder)}, "\n".join((*lines, "", f"In {shown(folder)}")))


def _collect(asked: Asked, workspace: "Workspace") -> "Run":
    from access_review.stages import audit
    from access_review.views import terminal

    with terminal.progress(shown=False if asked.quiet or asked.json else None) as progress:
        return audit.collect(workspace, asked.now, progress)


def _manifest(run: "Run") -> dict[str, Any]:
    from access_review import runs, snapshot

    return runs.read_json(run.folder / runs.MANIFEST, snapshot.FORMAT)


def _unread(manifest: Mapping[str, Any]) -> int:
    return 0 if all(source["complete"] for source in manifest["sources"].values()) else 1


def _found(report: "Report", fail_on: Severity | None) -> int:
    if fail_on is None:
        return 0
    severe = [str(s) for s in Severity if s.rank >= fail_on.rank]
    rows = zip(report.findings["severity"].to_pylist(), report.findings["status"].to_pylist(), strict=True)
    return 3 if any(severity in severe and status in ("new", "open") for severity, status in rows) else 0


def _summarise(asked: Asked, workspace: "Workspace", run: "Run", report: "Report", *, file: Path | None = None) -> None:
    from access_review.views import summary, terminal

    value = summary.summary(
        report,
        _manifest(run),
        organisation=workspace.policy.organisation,
        report_file=shown(file) if file else "",
    )
    asked.show(
        {"run": run.id, **value},
        terminal.render(value, colour=asked.colour, width=asked.width, quiet=asked.quiet).rstrip(),
    )


def _first(report: "Report") -> str:
    """Return the start of the id of the finding with the highest risk, as something to ask about."""
    from access_review.views.summary import highest

    return next((str(row["finding"])[:8] for row in highest(report.findings, 1)), "PERSON")


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(collect)
    app.command()(review)
    app.command("audit")(audit_command)
    app.command()(decide)
    app.command()(withdraw)
    app.command()(remind)
    app.command("sign-off")(sign_off)
    app.command("trend")(trend_command)
    app.command()(client)
