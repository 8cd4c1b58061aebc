"""Commands of the exception log."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from access_review.cli.options import Options, shown
from access_review.cli.revocation import signer_of


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write for example 2026-12-31") from None


Until = Annotated[date, typer.Option(parser=_day, metavar="DAY", help="The last day, as 2026-12-31.")]
By = Annotated[str, typer.Option(help="Who you are: id, name or mail.")]
Ticket = Annotated[str, typer.Option(help="The ticket that asks for it.")]
Key = Annotated[Path | None, typer.Option("--key", help="Your private SSH key: signed, and not merely claimed.")]
Name = Annotated[str, typer.Argument(help="The waiver, as W-2026-011.")]


def ask(
    ctx: typer.Context,
    finding: Annotated[str, typer.Argument(help="The finding, by the start of its id.")],
    reason: Annotated[str, typer.Option(help="Why it is to be accepted.")],
    ticket: Ticket,
    until: Until,
    by: By,
    key: Key = None,
    for_merge: Annotated[
        bool,
        typer.Option(
            "--for-merge", help="Sign it into runs/, for waive merge: roles/ and open plans stay as they are."
        ),
    ] = False,
) -> None:
    """Ask to have a finding accepted; it accepts nothing until another approves it."""
    from access_review.stages.waive import ask_waiver
    from access_review.stages.waiver_requests import pending_waivers, sign_request

    options: Options = ctx.obj
    if for_merge and key is None:
        raise typer.BadParameter("what waits for waive merge is signed: --key FILE", param_hint="--for-merge")
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    signer = signer_of(options, by, key)
    if for_merge and signer:
        name = sign_request(
            workspace, run, finding, reason=reason, ticket=ticket, until=until, by=by, signer=signer, now=options.now
        )
    else:
        waiting = [one.asked for one in pending_waivers(workspace, run, options.now) if not one.merged]
        name = ask_waiver(
            workspace,
            run,
            finding,
            reason=reason,
            ticket=ticket,
            until=until,
            by=by,
            now=options.now,
            signer=signer,
            besides=waiting,
        )
    _show_asked(options, name, signed=signer is not None)


def approve(
    ctx: typer.Context,
    name: Name,
    by: By,
    key: Key = None,
) -> None:
    """Approve what another asked for."""
    from access_review.stages.waive import approve_waiver
    from access_review.stages.waiver_requests import sign_grant, waits

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    signer = signer_of(options, by, key)
    if waits(workspace, run, name, options.now):
        if signer is None:
            raise typer.BadParameter(f"{name} waits for waive merge, so it is signed: --key FILE", param_hint="--key")
        by = sign_grant(workspace, run, name, signer, options.now)
        text = f"{name} is approved by {by} (authenticated).\nNext: access-review waive merge, which carries it into roles/"
        options.show({"waiver": name, "approver": by, "assurance": "authenticated"}, text)
        return
    by = approve_waiver(run, name, by, signer, workspace=workspace, now=options.now)
    how = "authenticated" if signer else "claimed"
    options.show(
        {"waiver": name, "approver": by, "assurance": how},
        f"{name} is approved by {by} ({how}); it counts from the next review on.",
    )


def renew(ctx: typer.Context, name: Name, until: Until, ticket: Ticket, by: By, key: Key = None) -> None:
    """Ask for more time; another approves it again."""
    from access_review.stages.waive import renew_waiver

    options: Options = ctx.obj
    run = options.found_run(reviewed=True)
    signer = signer_of(options, by, key)
    renew_waiver(options.workspace(), run, name, by=by, ticket=ticket, until=until, now=options.now, signer=signer)
    _show_asked(options, name, signed=signer is not None)


def _show_asked(options: Options, name: str, *, signed: bool) -> None:
    how = "authenticated" if signed else "claimed"
    text = f"{name} waits for an approver; who asked is {how}.\nNext: access-review waive approve {name} --by SOMEBODY-ELSE"
    options.show({"waiver": name, "assurance": how}, text)


def end(ctx: typer.Context, name: Name) -> None:
    """End a waiver: what it accepted is open again."""
    from access_review.stages.waive import end_waiver

    options: Options = ctx.obj
    options.acting(options.workspace())
    end_waiver(options.folder, name, options.now)
    options.show({"waiver": name}, f"{name} has ended; what it accepted is open again in the next review.")


def merge(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these; all that are granted by default.")] = None,
) -> None:
    """Carry waivers that were asked for and granted in the browser into roles/, with their signatures."""
    from access_review.stages.waiver_requests import merge_waivers
    from access_review.views import exception_log as view

    options: Options = ctx.obj
    workspace = options.workspace()
    now = options.acting(workspace).now()
    done = merge_waivers(workspace, options.found_run(reviewed=True), tuple(names or ()), now)
    value = {"merged": list(done.merged), "before": list(done.before), "waiting": dict(done.waiting)}
    options.show(value, view.carried_over(done.merged, done.before, done.waiting))


def list_(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the list to sign, as CSV; - is the standard output.")
    ] = None,
) -> None:
    """List every waiver with how it stands: the list that is signed off each month."""
    from access_review.stages.waive import list_waivers
    from access_review.stages.waiver_requests import pending_waivers
    from access_review.views import exception_log as view

    options: Options = ctx.obj
    workspace, run, today = options.workspace(), options.found_run(reviewed=True), options.now.date()
    log = list_waivers(workspace, run, options.now)
    waiting = [(one.asked, one.state(today)) for one in pending_waivers(workspace, run, options.now) if not one.merged]
    if output and options.give(view.csv(log.states, log.unlogged, log.approved_as), output):
        return
    value: dict[str, Any] = {
        "waivers": [
            {
                **waiver.model_dump(mode="json"),
                "asked_as": log.asked_as.get(waiver.waiver),
                "approved_as": log.approved_as.get(waiver.waiver),
                "state": state,
            }
            for waiver, state in log.states
        ],
        "for_merge": [{**one.model_dump(mode="json"), "state": state} for one, state in waiting],
        "kept_without_waiver": [
            {"item": item.item, "account": item.account, "entitlement": item.entitlement} for item in log.unlogged
        ],
    }
    text = view.text(log.states, log.unlogged, log.approved_as, waiting, width=options.room)
    options.show(value, text + (f"\n\nTo sign: {shown(output)}" if output else ""))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    waive = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The exception log.")
    waive.command()(ask)
    waive.command()(approve)
    waive.command()(renew)
    waive.command()(end)
    waive.command()(merge)
    waive.command("list")(list_)
    app.add_typer(waive, name="waive")
