"""Commands of evidence: make it, check it with nothing but its folder, and conclude its findings again."""

from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options, leave

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the pack.")]


def pack(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="A folder that is not there yet.")],
    since: Annotated[
        str | None, typer.Option("--since", metavar="RUN", help="All runs from this one on; without it, one run alone.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Your private SSH key: the pack is signed.")] = None,
    archive: Annotated[bool, typer.Option("--zip", help="Write a zip of the folder beside it too.")] = False,
) -> None:
    """Write the evidence of a run, or of a period, into a folder that anyone can check."""
    from access_review import runs
    from access_review.stages.evidence_pack import pack_evidence
    from access_review.store import logged
    from access_review.views import evidence as view

    options: Options = ctx.obj
    last = options.found_run()
    first = runs.find(options.folder, since) if since else last
    period = [run for run in logged.known_runs(options.folder) if first.as_of <= run.as_of <= last.as_of]
    made = pack_evidence(options.folder, period, output, options.now, key=key, archive=archive)
    where = str(made.archive) if made.archive else None
    options.show(
        view.packed_value(made.made, str(made.folder), where, made.digest),
        view.packed_text(made.made, str(made.folder), where, made.digest),
    )


def check(
    ctx: typer.Context,
    folder: Folder,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="HEAD", help="A head you were told some other way; may be given again."),
    ] = None,
) -> None:
    """Check a pack with nothing but its folder, and name the first thing that is wrong."""
    from access_review.stages.evidence_check import check_evidence
    from access_review.views import evidence as view

    options: Options = ctx.obj
    found = check_evidence(folder, head or ())
    told = found.made.head if found.made else None
    options.show(
        view.checked_value(str(folder), told, found.wrong, found.said),
        view.checked_text(str(folder), found.wrong, found.said),
    )
    leave(1 if found.wrong else 0, f"the pack is not as it was made: {found.wrong}")


def rederive(ctx: typer.Context, folder: Folder) -> None:
    """Conclude every finding of a pack again, from what was read and with the workspace of then."""
    from access_review.stages.evidence_check import rederive_evidence
    from access_review.views import evidence as view

    options: Options = ctx.obj
    again = list(rederive_evidence(folder))
    options.show({"runs": view.rederived_value(again)}, view.rederived_text(again))
    other = [one for one in again if one.digest != one.known]
    leave(1 if other else 0, f"{len(other)} of {len(again)} runs conclude something else than the pack says")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(no_args_is_help=True, help="Evidence for an auditor: make it, check it, conclude it again.")
    for command in (pack, check, rederive):
        commands.command()(command)
    app.add_typer(commands, name="evidence")
