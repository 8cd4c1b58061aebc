"""Commands about all that was kept: what happened in a workspace, whether it is as it was, and what is kept no longer."""

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
    from access_review.views.text import count

    options: Options = ctx.obj
    options.refuse_links()
    if check or head:
        log, found = check_logbook(options.folder, head or (), unknown=unknown)
        options.show(view.checked_value(log, found), view.checked_text(log, found))
        leave(1 if found else 0, f"{count(len(found), 'thing')} not as the logbook says")
        return
    log = read_logbook(options.folder)
    options.show(view.value(log), view.text(log, width=options.width))


def prune(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it they are listed.")] = False,
) -> None:
    """List the runs that the policy keeps no longer (retention), and remove them; what they were stays in the logbook."""
    from access_review.errors import PlanRefused
    from access_review.stages.prune import list_prunable, list_remainder
    from access_review.stages.prune import prune as remove
    from access_review.views import prune as view

    options: Options = ctx.obj
    if options.as_of is not None:
        raise PlanRefused("what is old is old by the machine's clock", hint="leave --as-of out")
    options.begin_logbook("prune")
    workspace = options.workspace()
    now = options.acting(workspace).now()
    if yes:
        listed, outlived = remove(workspace, now)
    else:
        listed = list_prunable(workspace, now)
        outlived = list_remainder(workspace, listed, now)
    options.show(view.value(listed, outlived, removed=yes), view.text(listed, outlived, removed=yes))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(logbook)
    app.command()(prune)
