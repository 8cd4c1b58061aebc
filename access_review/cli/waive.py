"""Commands of the exception log."""

import sys
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
) -> None:
    """Ask to have a finding accepted; it accepts nothing until another approves it."""
    from access_review.stages.waive import ask_waiver

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    signer = signer_of(options, by, key)
    name = ask_waiver(
        workspace, run, finding, reason=reason, ticket=ticket, until=until, by=by, now=options.now, signer=signer
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

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    signer = signer_of(options, by, key)
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
    end_waiver(options.folder, name, options.now.date())
    options.show({"waiver": name}, f"{name} has ended; what it accepted is open again in the next review.")


def list_(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the list to sign, as CSV; - is the standard output.")
    ] = None,
) -> None:
    """List every waiver with how it stands: the list that is signed off each month."""
    from access_review.stages.waive import list_waivers
    from access_review.views import exception_log as view

    options: Options = ctx.obj
    log = list_waivers(options.workspace(), options.found_run(reviewed=True), options.now.date())
    if output == Path("-"):
        sys.stdout.buffer.write(view.csv(log.states, log.unlogged, log.approved_as))
        sys.stdout.buffer.flush()
        return
    if output:
        output.write_bytes(view.csv(log.states, log.unlogged, log.approved_as))
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
        "kept_without_waiver": [
            {"item": item.item, "account": item.account, "entitlement": item.entitlement} for item in log.unlogged
        ],
    }
    text = view.text(log.states, log.unlogged, log.approved_as, width=options.room)
    options.show(value, text + (f"\n\nTo sign: {shown(output)}" if output else ""))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    waive = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The exception log.")
    waive.command()(ask)
    waive.command()(approve)
    waive.command()(renew)
    waive.command()(end)
    waive.command("list")(list_)
    app.add_typer(waive, name="waive")
