"""Commands of the daily job: offboarding verification."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.asked import Asked, moment

if TYPE_CHECKING:
    from access_review.runs import Run
    from access_review.workspace import Workspace


def offboarding(
    ctx: typer.Context,
    person: Annotated[str, typer.Option(help="One leaver in full, by name or id.")] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Everyone whose end is not before this, clear or not; as 2026-11-01T00:00Z.",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--collect", help="Read the sources first.")] = False,
) -> None:
    """Say what is still open for those who leave, for how long, and in which system."""
    from access_review import offboarding as judging
    from access_review import routine
    from access_review.views import offboarding as view

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    run = _run(asked, workspace, fresh=fresh)
    made = routine.follow_leavers(workspace, run)
    if person:
        one = judging.find(made, person)
        asked.show(
            judging.to_json(judging.only(made, [one])), view.details(one, made, colour=asked.colour, width=asked.width)
        )
        return
    shown = view.since(made, since)
    text = view.listing(made, shown, colour=asked.colour, width=asked.width, stale=routine.too_old(run, asked.now))
    asked.show(judging.to_json(judging.only(made, shown)), text)


def _run(asked: Asked, workspace: "Workspace", *, fresh: bool) -> "Run":
    if not fresh:
        return asked.found_run()
    from access_review import audit
    from access_review.views import terminal

    with terminal.progress(shown=False if asked.quiet or asked.json else None) as progress:
        return audit.collect(workspace, asked.now, progress)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(offboarding)
