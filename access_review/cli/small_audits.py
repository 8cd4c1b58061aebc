"""Commands of the small audits: five controls a quarter."""

from typing import Annotated

import typer

from access_review.cli.options import Options, leave
from access_review.cli.revocation import signer_of
from access_review.cli.status import NOT_GREEN, Note, recorded
from access_review.cli.waive import By, Key
from access_review.scorecard.mini_audit import Answer


def mini_audit(ctx: typer.Context) -> None:
    """Draw five controls of the quarter, that nobody chose, and show their evidence, what to ask, and the answers."""
    if ctx.invoked_subcommand:
        return
    from access_review.stages.mini_audit import open_mini_audit
    from access_review.views import mini_audit as view

    options: Options = ctx.obj
    shown = open_mini_audit(options.workspace(), options.now)
    options.show(
        view.value(shown.made, shown.opened_at, shown.answers),
        view.text(shown.made, shown.opened_at, shown.answers, width=options.width),
    )
    last = {one.text("control"): one.text("answer") for one in shown.answers}
    failed = sorted(control for control, said in last.items() if said == Answer.FAILS)
    leave(NOT_GREEN if failed else 0, f"fails: {', '.join(failed)}")


def answer(
    ctx: typer.Context,
    control: Annotated[str, typer.Argument(help='The control, as "SOC 2 CC6.2".')],
    says: Annotated[Answer, typer.Argument(metavar="ANSWER", help="works, fails or cannot-say.")],
    by: By,
    link: Annotated[str, typer.Option(help="What was looked at: an address, a ticket or a path.")],
    note: Note,
    key: Key = None,
) -> None:
    """Say what you saw of a drawn control; a later answer stands, the earlier stays to be seen."""
    from access_review.stages import mini_audit as stage
    from access_review.stages.status import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who, now = WhoSays(by, signer_of(by, key)), options.now
    said = stage.answer(workspace, run, control, who, says=says, link=link, note=note, now=now)
    recorded(options, said, f"{said.text('control')} {says}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(
        invoke_without_command=True, rich_markup_mode=None, help="Five controls a quarter, drawn, with evidence."
    )
    commands.callback()(mini_audit)
    commands.command()(answer)
    app.add_typer(commands, name="mini-audit")
