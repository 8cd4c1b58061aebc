"""The command about the logbook: what happened in a workspace, and whether all of it is still as it was."""

from typing import Annotated

import typer

from access_review.cli.options import Options, leave


def logbook(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Read every file and store that a line names, and list what differs.")
    ] = False,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="HEAD", help="A head kept elsewhere, as 12:sha256:…; may be given again."),
    ] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="With --check, files that no line names too.")] = False,
) -> None:
    """Say what happened, line by line, and the head to keep elsewhere; check that nothing was taken back."""
    from access_review.stages.logbook import check_logbook, read_logbook
    from access_review.views import logbook as view

    options: Options = ctx.obj
    if check or head:
        log, found = check_logbook(options.folder, head or (), unknown=unknown)
        options.show(view.checked_value(log, found), view.checked_text(log, found))
        leave(1 if found else 0)
        return
    log = read_logbook(options.folder)
    options.show(view.value(log), view.text(log, width=options.width))


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(logbook)
