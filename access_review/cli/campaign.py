"""Commands of the campaign: reviewers' decisions, reminders, the sign-off, how the weeks go, and one client's part."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli import decide as one_by_one
from access_review.cli import revocation as signatures
from access_review.cli.options import Options, leave

if TYPE_CHECKING:
    from access_review.runs import Run


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
    from access_review.views.text import visible

    options: Options = ctx.obj
    options.acting(options.workspace())
    run = _audited(options)
    if not sheets:
        one_by_one.ask(options, run, by, of)
        return
    if by or of:
        raise typer.BadParameter("--by and --of are for being asked; the sheets say who decided")
    read = read_sheets(run, sheets, options.now)
    beside = {"doubles": read.doubles, "strangers": read.strangers, "strays": dict(read.strays)}
    said = judgement.text(
        read.judgement, read=read.answers, doubles=read.doubles, strangers=read.strangers, width=options.room
    )
    options.show({**JUDGEMENT.plain(read.judgement), **beside}, said)
    strays = "".join(f"\n  {visible(name)}: {visible(why)}" for name, why in read.strays)
    leave(
        1 if strays else 0, f"left aside, since they are no work sheets of run {run.id}; the others were read:{strays}"
    )


def withdraw(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="Your id, name or mail, as the roster has it.")],
    comment: Annotated[str, typer.Option(help="Why, for the record.")],
    items: Annotated[
        list[str] | None, typer.Argument(help="Items of the work sheet, by the start of their ids.")
    ] = None,
    of: Annotated[str, typer.Option("--of", help="Your signatures under this plan of the run instead.")] = "",
    standing: Annotated[bool, typer.Option("--standing", help="Yours under the standing approval instead.")] = False,
    removal: Annotated[
        bool, typer.Option("--standing-removal", help="Yours under the standing removal instead.")
    ] = False,
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
    ways = (bool(of), standing, removal, bool(wind_down))
    if [bool(items), *ways].count(True) != 1 or bool(key) != any(ways):
        raise typer.BadParameter(
            "name items; or --of PLAN, --standing, --standing-removal or --wind-down NAME, with --key for your signature"
        )
    if key:
        signatures.withdraw_signature(options, (by, key, comment), of=of, wind_down=wind_down, removal=removal)
        return
    items = items or []
    options.acting(options.workspace())
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
    """Say which reviewers are waited for, note who is to be reminded, and close an audit whose time is over.

    Work orders that have tickets are escalated when their time is almost over, and when it is.
    """
    import os

    from access_review.artifacts import AUDIT
    from access_review.audit import reviewers
    from access_review.stages import remind as reminding
    from access_review.stages.sign_off import as_signed
    from access_review.stages.tickets import see_to_tickets
    from access_review.store import audits, snapshots
    from access_review.views import campaign, tickets
    from access_review.views.text import count, visible

    options: Options = ctx.obj
    workspace = options.workspace()
    seen = see_to_tickets(workspace, options.now, os.environ)
    for line in tickets.lines(seen):
        options.say(line)
    run = _audited(options)
    done = reminding.remind(workspace, run, options.now, os.environ)
    names = reviewers.people_of(snapshots.people(run)).names
    audit = as_signed(run, workspace, done.audit)
    text = campaign.text(audit, audits.waited_for(run), done.sent, options.now, names)
    options.show(AUDIT.plain(audit), "\n".join((text, *(f"Not sent: {why}" for why in done.failed))))
    missed = count(len(done.failed), "notice")
    unsent = f"{missed} did not arrive, and will be sent again: {visible('; '.join(done.failed))}"
    no_ticket = "not all tickets could be seen to; why stands above"
    leave(1 if done.failed or seen.failed else 0, unsent if done.failed else no_ticket)


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

    from access_review import runs
    from access_review.stages.trend import read_trend
    from access_review.views import judged_share
    from access_review.views import trend as view

    options: Options = ctx.obj
    workspace = options.workspace()
    known, sampling = read_trend(workspace, options.now), workspace.policy.sampling
    text = view.text(
        known.weeks,
        known.coverage,
        known.reviewers,
        weeks=sampling.coverage_weeks,
        confidence=sampling.confidence,
        width=options.width,
    )
    weeks, reviewers = [asdict(week) for week in known.weeks], [asdict(one) for one in known.reviewers]
    value: dict[str, object] = {"weeks": weeks, "reviewers": reviewers, "coverage": asdict(known.coverage)}
    if known.weeks:
        judged = options.judged(runs.find(options.folder, known.weeks[-1].run))
        value["judged"], text = judged, f"{text}\n{judged_share.paragraph(judged, options.width)}"
    options.show(value, text)


def client(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The client, as the roster names it.")]
) -> None:
    """Write one client's part of a run alone: population, findings, sheets, answers, evidence."""
    from access_review.stages.client import write_client
    from access_review.views import judged_share, judgement

    options: Options = ctx.obj
    made = write_client(options.workspace(), options.found_run(reviewed=True), name, options.now)
    said = judged_share.paragraph(made.judged, options.width)
    text = judgement.client_text(made.card, made.shown, str(made.folder), judged=said, width=options.width)
    value = judgement.client_value(made.card, made.shown, str(made.folder))
    options.show({**value, "judged": made.judged}, text)
    if not sum(made.card["findings"].values()):
        options.leave_unjudged(made.judged)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(decide)
    app.command()(withdraw)
    app.command()(remind)
    app.command("sign-off")(sign_off)
    app.command()(trend)
    app.command()(client)
