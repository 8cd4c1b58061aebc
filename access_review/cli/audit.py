"""Commands of the weekly audit: collect, review, audit, reviewers' decisions, and how the weeks go."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli import decide as one_by_one
from access_review.cli import revocation as signatures
from access_review.cli.options import FailOn, Options, leave, shown
from access_review.model import CURRENT, Severity

if TYPE_CHECKING:
    from access_review.review import Report
    from access_review.runs import Run
    from access_review.stages.report import WrittenReport
    from access_review.workspace import Workspace


def collect(ctx: typer.Context) -> None:
    """Read every source into a new run."""
    from access_review.artifacts import MANIFEST
    from access_review.store import snapshots

    options: Options = ctx.obj
    run = options.collect(options.workspace(to_read=True))
    manifest = snapshots.read_manifest(run)
    options.show({"run": run.id, **MANIFEST.plain(manifest)}, _collected(run.id, manifest.rehearsal))
    leave(*_unread(run))


def _collected(run: str, rehearsal: bool) -> str:
    if rehearsal:
        return (
            f"Rehearsed {run}: a live source was read under --as-of, so nothing may rest on it\n"
            f"Next: access-review --run {run} review"
        )
    return f"Collected {run}\nNext: access-review review"


def review(
    ctx: typer.Context,
    fail_on: FailOn = None,
    group: Annotated[
        str, typer.Option(metavar="LINE", help="Instead, open a line of what to do: its place, or the start of its id.")
    ] = "",
) -> None:
    """Decide what is wrong in a run."""
    from access_review.stages.review import review_run

    options: Options = ctx.obj
    if group:
        _open_group(options, group)
        return
    options.begin_logbook("review")
    workspace, run = options.workspace(), options.found_run()
    report = review_run(workspace, run, options.now)
    _summarise(options, workspace, run, report)
    options.say(f"Next:   access-review audit --run {run.id[:16]}")
    leave(*_outcome(run, report, fail_on))


def _open_group(options: Options, wanted: str) -> None:
    from access_review.stages.open_group import open_group
    from access_review.views import opened_group
    from access_review.views.summary import titles

    found, rows = open_group(options.workspace(), options.found_run(reviewed=True), wanted)
    named = titles()
    options.show(opened_group.value(found, rows, named), opened_group.text(found, rows, named, options.width))


def audit(
    ctx: typer.Context,
    fail_on: FailOn = None,
    commitment: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The commitment (sha256:…) to the next draw's key, which the auditor keeps."),
    ] = None,
    draw_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="This draw's key (64 hex digits), where the auditor kept it.")
    ] = None,
    trial: Annotated[
        bool,
        typer.Option("--trial", help="While setting up: no sample, no campaign, and no later run compares with it."),
    ] = False,
) -> None:
    """Do the weekly audit: collect, review, sample, work sheets, report."""
    import secrets

    from access_review.sample.draw import pledge_elsewhere
    from access_review.stages.audit import AUDITOR, OPERATOR, commit_draw, open_audit
    from access_review.stages.report import write_report
    from access_review.stages.review import review_run
    from access_review.store import audits, reviews
    from access_review.views import asked_of
    from access_review.views.text import count

    options: Options = ctx.obj
    workspace = options.workspace(to_read=True)
    if trial:
        if commitment or draw_key:
            raise typer.BadParameter(
                "a trial draws nothing: leave --commitment and --draw-key away", param_hint="--trial"
            )
        tried = options.collect(workspace, trial=True)
        found = review_run(workspace, tried, options.now)
        _summarise(options, workspace, tried, found, written=write_report(workspace, tried))
        options.say("A trial: nothing is drawn, and no clock starts. The first audit without --trial starts them.")
        leave(*_outcome(tried, found, fail_on))
        return
    promised = pledge_elsewhere(_small(commitment)) if commitment else None
    key = _key(draw_key) if draw_key else None
    with options.holding_campaign("audit"):
        if promised and key is None and audits.sample_state(options.folder).pledge is None:
            key = secrets.token_bytes(32)  # the first draw, which nobody was promised a key for, and which says so
        commit_draw(workspace, options.now)
        run = options.found_run() if options.run else options.collect(workspace)
        report = review_run(workspace, run, options.now)
        with reviews.opened(workspace, run):  # once for the draw and the report
            opened = open_audit(workspace, run, promised or secrets.token_bytes(32), options.now, key)
            written = write_report(workspace, run)
    _summarise(options, workspace, run, report, written=written)
    if opened.drawn:
        sheets = f"{count(len(opened.drawn.sheets), 'work sheet')} in {shown(run.folder / 'sample')}"
        options.say(f"Sample: {len(opened.drawn.sample.picks)} to check by hand in {opened.week}; {sheets}")
        options.say(asked_of.text(opened.drawn.work, opened.drawn.sample))
        options.say(f"        The key of the next draw is held by {AUDITOR if promised else OPERATOR}")
    else:
        options.say(f"Sample: none is drawn now: {opened.why_not}")
    if first := _first(report):
        options.say(f"Next:   access-review explain {first}")
        options.say("        Then, with your own id: access-review plan --rule leaver-active --requested-by YOU")
    elif opened.drawn:
        options.say("Next:   access-review remind")
    leave(*_outcome(run, report, fail_on))


def _small(file: Path) -> str:
    from access_review.errors import ArtifactError
    from access_review.guarded_files.plain import read_plain

    try:
        return read_plain(file, 4096).decode("ascii")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{file} cannot be read: {getattr(error, 'strerror', 'it is no text')}") from None


def _key(file: Path) -> bytes:
    from access_review.errors import ArtifactError

    try:
        return bytes.fromhex(_small(file).strip())
    except ValueError:
        raise ArtifactError(f"{file} holds no key", hint="64 hex digits, as the auditor made them") from None


def decide(
    ctx: typer.Context,
    sheets: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Filled-in work sheets, .xlsx or .csv, or a folder of them; none to be asked in the terminal."
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who you are, to be asked one by one: id, name or mail.")] = None,
    of: Annotated[
        str | None, typer.Option(help="Whose items to be asked: a reviewer, or unassigned; yours by default.")
    ] = None,
) -> None:
    """Read reviewers' decisions from their work sheets, or ask for them one by one."""
    from access_review.artifacts import JUDGEMENT
    from access_review.stages.decide import read_sheets
    from access_review.views import judgement

    options: Options = ctx.obj
    run = _audited(options)
    if not sheets:
        one_by_one.ask(options, run, by, of)
        return
    if by or of:
        raise typer.BadParameter("--by and --of are for being asked; the sheets say who decided")
    read = read_sheets(run, sheets, options.now)
    value = {**JUDGEMENT.plain(read.judgement), "doubles": read.doubles, "strangers": read.strangers}
    said = judgement.text(read.judgement, read=read.answers, doubles=read.doubles, strangers=read.strangers)
    options.show(value, said)


def withdraw(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="Your id, name or mail, as the roster has it.")],
    comment: Annotated[str, typer.Option(help="Why, for the record.")],
    items: Annotated[
        list[str] | None, typer.Argument(help="Items of the work sheet, by the start of their ids.")
    ] = None,
    of: Annotated[str, typer.Option("--of", help="Your signatures under this plan of the run instead.")] = "",
    standing: Annotated[bool, typer.Option("--standing", help="Yours under the standing approval instead.")] = False,
    wind_down: Annotated[str, typer.Option("--wind-down", help="Yours under this wind-down instead.")] = "",
    key: Annotated[Path | None, typer.Option("--key", help="Your private SSH key, for signatures.")] = None,
) -> None:
    """Take decisions back, or signatures. They stay in the history and count no more."""
    from access_review.artifacts import JUDGEMENT
    from access_review.stages.withdraw import withdraw_decisions
    from access_review.store import audits
    from access_review.views import judgement
    from access_review.views.text import count

    options: Options = ctx.obj
    signed = bool(of) or standing or bool(wind_down)
    if [bool(items), bool(of), standing, bool(wind_down)].count(True) != 1 or bool(key) != signed:
        raise typer.BadParameter(
            "name items; or --of PLAN, --standing or --wind-down NAME, with --key for your signature"
        )
    if key:
        signatures.withdraw_signature(options, (by, key, comment), of=of or None, wind_down=wind_down)
        return
    items = items or []
    run = _audited(options)
    withdraw_decisions(run, items, by, comment, options.now)
    judged = audits.judgement(run)
    withdrawn = f"{count(len(set(items)), 'decision')} withdrawn by {by}."
    options.show(JUDGEMENT.plain(judged), f"{withdrawn}\n{judgement.text(judged, read=0)}")


def _audited(options: Options) -> "Run":
    """Return the run asked for, or that of the newest audit."""
    from access_review.store import audits

    options.begin_logbook("audit")
    if options.run:
        return options.found_run(reviewed=True)
    run = audits.newest(options.folder)[0]
    options.require_known(run)
    return run


def remind(ctx: typer.Context) -> None:
    """Say which reviewers are waited for, note who is to be reminded, and close an audit whose time is over."""
    import os

    from access_review.artifacts import AUDIT
    from access_review.audit import reviewers
    from access_review.stages import remind as reminding
    from access_review.stages.sign_off import as_signed
    from access_review.store import audits, snapshots
    from access_review.views import campaign
    from access_review.views.text import count, visible

    options: Options = ctx.obj
    workspace, run = options.workspace(), _audited(options)
    done = reminding.remind(workspace, run, options.now, os.environ)
    names = reviewers.people_of(snapshots.people(run)).names
    audit = as_signed(run, workspace, done.audit)
    text = campaign.text(audit, audits.waited_for(run), done.sent, options.now, names)
    options.show(AUDIT.plain(audit), "\n".join((text, *(f"Not sent: {why}" for why in done.failed))))
    missed = count(len(done.failed), "notice")
    leave(
        1 if done.failed else 0, f"{missed} did not arrive, and will be sent again: {visible('; '.join(done.failed))}"
    )


def sign_off(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="Your id, name or mail, as the roster has it.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Your private SSH key: signed, and not merely claimed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
) -> None:
    """End the audit: everything is answered, or its time is over. What is signed is shown, and asked."""
    from access_review.artifacts import AUDIT
    from access_review.audit import reviewers
    from access_review.stages import sign_off as signing
    from access_review.store import audits, snapshots
    from access_review.views import campaign, judgement

    options: Options = ctx.obj
    run = _audited(options)
    if not yes:
        one_by_one.ask_to_sign(run, options, asks=not options.json and sys.stdin.isatty())
    signer = signatures.signer_of(options, by, key)
    ended = signing.sign_off(run, by, options.now, signing.SignedBy(options.workspace(), signer) if signer else None)
    people = reviewers.people_of(snapshots.people(run))
    who = campaign.named(people.who(by) or by, people.names)
    missed = f"; {len(ended.not_reviewed)} not reviewed" if ended.not_reviewed else ""
    measured = judgement.reviewers(audits.judgement(run).reviewers)
    text = f"{ended.week} is signed off by {who} ({ended.signed_off_as}){missed}" + (
        f"\n\n{measured}" if measured else ""
    )
    options.show(AUDIT.plain(ended), text)


def trend(ctx: typer.Context) -> None:
    """Show the audits week by week, and how long everyone has waited to be looked at."""
    from dataclasses import asdict

    from access_review.stages.trend import read_trend
    from access_review.views import trend as view

    options: Options = ctx.obj
    workspace = options.workspace()
    known, sampling = read_trend(workspace, options.now), workspace.policy.sampling
    text = view.text(
        known.weeks, known.coverage, known.reviewers, weeks=sampling.coverage_weeks, confidence=sampling.confidence
    )
    weeks, reviewers = [asdict(week) for week in known.weeks], [asdict(one) for one in known.reviewers]
    options.show({"weeks": weeks, "reviewers": reviewers, "coverage": asdict(known.coverage)}, text)


def client(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The client, as the roster names it.")]
) -> None:
    """Write one client's part of a run alone: population, findings, sheets, answers, evidence."""
    from access_review.stages.client import write_client
    from access_review.views import judgement

    options: Options = ctx.obj
    made = write_client(options.workspace(), options.found_run(reviewed=True), name, options.now)
    options.show(judgement.client_value(*made.said), judgement.client_text(*made.said, width=options.width))


def _unread(run: "Run") -> tuple[int, str]:
    """Return the exit code for sources that were not read whole, and the first reason of each."""
    from access_review.store import snapshots
    from access_review.views.text import visible

    manifest = snapshots.read_manifest(run)
    if manifest.complete:
        return 0, ""
    why = []
    for name, source in sorted(manifest.sources.items()):
        reasons = [f"{part}: {v.reason}" for part, v in sorted(source.verdicts.items()) if not v.complete]
        if reasons or not source.verdicts:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            why.append(f"\n  {visible(name)}: {visible(reasons[0]) if reasons else 'it says nothing of itself'}{more}")
    return 1, f"not everything was read, so that less is concluded:{''.join(why)}"


def _outcome(run: "Run", report: "Report", fail_on: Severity | None) -> tuple[int, str]:
    """Return the exit code of a review and its reason: 1 unread, 3 found at or above ``fail_on``, 5 not all judged."""
    from access_review.views.text import count

    code, reason = _unread(run)
    if code:
        return code, reason
    rows = zip(report.findings["severity"].to_pylist(), report.findings["status"].to_pylist(), strict=True)
    current = [severity for severity, status in rows if status in CURRENT]
    severe = [str(s) for s in Severity if fail_on is not None and s.rank >= fail_on.rank]
    found = sum(severity in severe for severity in current)
    if found:
        return 3, f"{count(found, 'finding')} at or above {fail_on}"
    judged = report.judged
    if judged is not None and not judged.whole and (fail_on is not None or not current):
        return 5, (
            f"{judged.grants - judged.grants_judged:,} of {count(judged.grants, 'grant')} were not judged, so that nobody "
            "can say that nothing is wrong\n  → see whose and why: access-review roles coverage"
        )
    return 0, ""


def _summarise(
    options: Options, workspace: "Workspace", run: "Run", report: "Report", *, written: "WrittenReport | None" = None
) -> None:
    from access_review.store import snapshots
    from access_review.views import audited, coverage, predicted, summary, terminal

    value = summary.summary(
        report,
        snapshots.read_manifest(run),
        organisation=workspace.policy.organisation,
        report_file=shown(written.path) if written else "",
    )
    text = terminal.render(value, colour=options.colour, width=options.width, quiet=options.quiet).rstrip()
    if not written:
        options.show({"run": run.id, **value}, text)
        return
    text = "\n".join((*coverage.warnings(written.coverage), text, *predicted.next_to_fail(written.predicted)))
    more = audited.value(written.coverage, written.unusual, written.predicted)
    options.show({"run": run.id, **value, **more}, text)


def _first(report: "Report") -> str:
    """Return the start of the id of the finding with the highest risk, as something to ask about; nothing where none is."""
    from access_review.views.summary import about_access, highest

    return next((str(row["finding"])[:8] for row in highest(about_access(report.findings), 1)), "")


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(collect)
    app.command()(review)
    app.command()(audit)
    app.command()(decide)
    app.command()(withdraw)
    app.command()(remind)
    app.command("sign-off")(sign_off)
    app.command()(trend)
    app.command()(client)
