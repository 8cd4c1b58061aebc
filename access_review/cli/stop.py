"""The command that stops what the standing removal announced."""

from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options, shown
from access_review.cli.revocation import signer_of


def stop(
    ctx: typer.Context,
    changes: Annotated[list[str], typer.Argument(help="Changes as the notice names them, by the start of their ids.")],
    by: Annotated[str, typer.Option("--by", help="Who you are: a person of the roster, by id, name or mail.")],
    comment: Annotated[str, typer.Option("--comment", help="Why the access stays, for the record.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Your private SSH key: signed, and not merely claimed.")
    ] = None,
) -> None:
    """Stop, for good, what the standing removal announced to you: the access stays until somebody plans it by itself."""
    from access_review.stages.stop_removal import stop_removals

    options: Options = ctx.obj
    options.begin_logbook("stop")
    run, workspace = options.found_run(reviewed=True), options.workspace()
    options.acting(workspace)
    signer = signer_of(options, by, key)
    made = stop_removals(workspace, run, changes, by=by, comment=comment, now=options.now, signer=signer)
    lines = [f"{one} stays: stopped, {made.assured}" for one in made.changes]
    lines += [f"  {shown(path)}" for path in made.files]
    options.show({"stopped": list(made.changes), "assured": made.assured, "person": made.person}, "\n".join(lines))


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(stop)
