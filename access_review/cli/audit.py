"""Commands of the weekly audit: collect, review, audit."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.options import FailOn, Options, leave, shown
from access_review.model import CURRENT, Severity

if TYPE_CHECKING:
    from access_review.audit.worklist import Worklist
    from access_review.review import Report
    from access_review.runs import Run
    from access_review.sample.draw import Sample
    from access_review.stages.audit import Opened
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
    workspace, run = options.workspace(), options.run_to_review()
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
    options.show(opened_group.value(found, rows, named), opened_group.text(found, rows, named, options.room))


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
    from access_review.stages.audit import commit_draw, open_audit
    from access_review.stages.offboarding import keep_leavers
    from access_review.stages.report import write_report
    from access_review.stages.review import review_run
    from access_review.store import audits, reviews

    options: Options = ctx.obj
    workspace = options.workspace(to_read=True)
    if trial:
        if commitment or draw_key:
            raise typer.BadParameter(
                "a trial draws nothing: leave --commitment and --draw-key away", param_hint="--trial"
            )
        _try(options, workspace, fail_on)
        return
    promised, key = pledge_elsewhere(_small(commitment)) if commitment else None, _key(draw_key) if draw_key else None
    with options.holding_campaign("audit"):
        if promised and key is None and audits.sample_state(options.folder).pledge is None:
            key = secrets.token_bytes(32)  # the first draw, which nobody was promised a key for, and which says so
        commit_draw(workspace, options.now)
        run = options.found_run() if options.run else options.collect(workspace)
        report = review_run(workspace, run, options.now)
        with reviews.opened(workspace, run):  # once for the draw, the leavers and the report
            opened = open_audit(workspace, run, promised or secrets.token_bytes(32), options.now, key)
            keep_leavers(workspace, run, options.now)
            written = write_report(workspace, run)
    _summarise(options, workspace, run, report, opened, written=written)
    _say_what_is_asked(options, run, opened, kept_by_auditor=promised is not None)
    _say_next(options, report, opened)
    leave(*_outcome(run, report, fail_on))


def _try(options: Options, workspace: "Workspace", fail_on: Severity | None) -> None:
    """Review a new run that no later one is compared with, and draw nothing from it."""
    from access_review.stages.report import write_report
    from access_review.stages.review import review_run

    run = options.collect(workspace, trial=True)
    report = review_run(workspace, run, options.now)
    options = replace(options, run=run.id[:16])  # whoever reads on must name a trial
    _summarise(options, workspace, run, report, written=write_report(workspace, run))
    options.say("A trial: nothing is drawn, and no clock starts. The first audit without --trial starts them.")
    leave(*_outcome(run, report, fail_on))


def _say_what_is_asked(options: Options, run: "Run", opened: "Opened", *, kept_by_auditor: bool) -> None:
    """Say how many are to be checked by hand, in which sheets, and how long that takes whom."""
    from access_review.stages.audit import AUDITOR, OPERATOR
    from access_review.views import asked_of
    from access_review.views.text import count

    if not opened.drawn:
        options.say(f"Sample: none is drawn now: {opened.why_not}")
        return
    sheets = f"{count(len(opened.drawn.sheets), 'work sheet')} in {shown(run.folder / 'sample')}"
    options.say(f"Sample: {len(opened.drawn.sample.picks)} to check by hand in {opened.week}; {sheets}")
    options.say(asked_of.text(opened.drawn.work, opened.drawn.sample, options.width))
    options.say(f"        The key of the next draw is held by {AUDITOR if kept_by_auditor else OPERATOR}")


def _say_next(options: Options, report: "Report", opened: "Opened") -> None:
    if first := _first(report):
        options.say(f"Next:   access-review explain {first}")
        leaving = any(one.rule == "leaver-active" and one.hits for one in report.evaluations)
        options.say(
            f"Then:   access-review plan {'--rule leaver-active ' * leaving}--requested-by YOU     (your own id)"
        )
    elif opened.drawn:
        options.say("Next:   access-review remind")


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


_NOT_SAVED = "not saved"
"""So ends the reason of a part of a recorded tenant of which there is no file."""


def _unread(run: "Run") -> tuple[int, str]:
    """Return the exit code for sources that were not read whole, and the first reason of each."""
    from access_review.store import snapshots
    from access_review.views.text import by_reason, visible

    manifest = snapshots.read_manifest(run)
    if manifest.complete:
        return 0, ""
    why, remedy = [], ""
    for name, source in sorted(manifest.sources.items()):
        unread = by_reason((part, str(v.reason)) for part, v in sorted(source.verdicts.items()) if not v.complete)
        reasons = [f"{parts}: {reason}" for parts, reason in unread]
        if any(reason.endswith(_NOT_SAVED) for _, reason in unread):
            remedy = (
                "\n  What was not saved can be exported too, as runbooks/export-entra.md says; check names every part."
            )
        if reasons or not source.verdicts:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            why.append(f"\n  {visible(name)}: {visible(reasons[0]) if reasons else 'it says nothing of itself'}{more}")
    return 1, f"not everything was read, so that less is concluded:{''.join(why)}{remedy}"


def _outcome(run: "Run", report: "Report", fail_on: Severity | None) -> tuple[int, str]:
    """Return the exit code of a review and its reason: 1 unread, 3 found at or above ``fail_on``, 5 not all judged."""
    from access_review.store import snapshots
    from access_review.views import judged_share
    from access_review.views.summary import judged_summary
    from access_review.views.text import count

    code, reason = _unread(run)
    if code:
        return code, reason
    current = [row for row in report.count_by("severity", "status") if row["status"] in CURRENT]
    severe = [str(s) for s in Severity if fail_on is not None and s.rank >= fail_on.rank]
    found = sum(row["findings"] for row in current if row["severity"] in severe)
    if found:
        return 3, f"{count(found, 'finding')} at or above {fail_on}"
    if fail_on is not None or not current:
        too_little = judged_share.too_little(judged_summary(report.judged, snapshots.read_manifest(run)))
        return (5, too_little) if report.judged is not None and too_little else (0, "")
    return 0, ""


def _summarise(
    options: Options,
    workspace: "Workspace",
    run: "Run",
    report: "Report",
    opened: "Opened | None" = None,
    *,
    written: "WrittenReport | None" = None,
) -> None:
    from access_review.store import snapshots
    from access_review.views import asked_of, audited, coverage, predicted, summary, terminal

    manifest = snapshots.read_manifest(run)
    value = summary.summary(
        report,
        manifest,
        organisation=workspace.policy.organisation,
        report_file=shown(written.path) if written else "",
    )
    text = terminal.render(value, colour=options.colour, width=options.width, quiet=options.quiet).rstrip()
    if not written:
        options.show({"run": run.id, "trial": manifest.rehearsal, **value}, text)
        return
    text = "\n".join((*coverage.warnings(written.coverage), text, *predicted.next_to_fail(written.predicted)))
    more = audited.value(written.coverage, written.unusual, written.predicted)
    sample = asked_of.value(opened.week, opened.why_not, *_asked(opened)) if opened else None
    options.show({"run": run.id, "trial": manifest.rehearsal, **value, **more, "sample": sample}, text)


def _asked(opened: "Opened") -> "tuple[Worklist | None, Sample | None]":
    """Return what is asked in the week of an audit: by this draw, or by that of an audit before it in the same week."""
    from access_review import store
    from access_review.artifacts import SAMPLE, WORKLIST

    if opened.drawn:
        return opened.drawn.work, opened.drawn.sample
    return (store.read(opened.run, WORKLIST), store.read(opened.run, SAMPLE)) if opened.run else (None, None)


def _first(report: "Report") -> str:
    """Return the start of the id of the finding with the highest risk, as something to ask about; nothing where none is."""
    from access_review.views.summary import about_access, current_findings, highest

    return next((str(row["finding"])[:8] for row in highest(map(about_access, current_findings(report)), 1)), "")


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(collect)
    app.command()(review)
    app.command()(audit)
