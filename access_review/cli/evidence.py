"""Commands of evidence: make it, check it with nothing but its folder, and conclude its findings again."""

from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options, folder_only, leave, shown

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the pack.")]


def pack(
    ctx: typer.Context,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", callback=folder_only, help="A folder that is not there yet."),
    ],
    since: Annotated[
        str | None, typer.Option("--since", metavar="RUN", help="All runs from this one on; without it, one run alone.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Your private SSH key: the pack is signed.")] = None,
    archive: Annotated[bool, typer.Option("--zip", help="Write a zip of the folder beside it too.")] = False,
    client: Annotated[
        str | None, typer.Option("--client", metavar="NAME", help="One client alone, with nothing of others.")
    ] = None,
    under_pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Pseudonyms for people; key and map are kept apart.")
    ] = False,
    of: Annotated[
        Path | None,
        typer.Option("--of", metavar="PACK", help="The full pack a part is made of; without it one is made beside."),
    ] = None,
    pseudonym_key: Annotated[
        Path | None, typer.Option("--pseudonym-key", metavar="FILE", help="The key of pseudonyms; made if not there.")
    ] = None,
) -> None:
    """Write the evidence of a run, or of a period, into a folder that anyone can check."""
    from access_review import runs
    from access_review.stages.evidence_pack import pack_evidence
    from access_review.stages.evidence_part import PseudonymFiles, part_of_client, part_under_pseudonyms
    from access_review.store import logged
    from access_review.views import evidence as view

    options: Options = ctx.obj
    last = options.found_run()
    first = runs.find(options.folder, since) if since else last
    period = [run for run in logged.known_runs(options.folder) if first.as_of <= run.as_of <= last.as_of]
    if client and under_pseudonyms:
        raise typer.BadParameter(
            "one client's people are named to that client: make two parts", param_hint="--pseudonyms"
        )
    part = bool(client or under_pseudonyms)
    if (of or pseudonym_key) and not part:
        raise typer.BadParameter("only a part (--client, --pseudonyms) is made of a full pack", param_hint="--of")
    full = of or output.with_name(output.name + ".full")
    if part and of is None:
        pack_evidence(options.folder, period, full, options.now, key=key)
        options.say(f"The full pack, whose digest the part carries: {shown(full)}. It stays with you")
    if client:
        made = part_of_client(full, client, output, options.now, key=key, archive=archive)
    elif under_pseudonyms:
        secret = PseudonymFiles.beside(output, pseudonym_key)
        made = part_under_pseudonyms(full, secret, output, options.now, key=key, archive=archive)
        options.say(f"Key {shown(secret.key)} and map {shown(secret.map)}: keep them apart, or destroy both")
    else:
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
    digest: Annotated[
        list[str] | None,
        typer.Option("--digest", metavar="DIGEST", help="The digest of pack.json that you were told some other way."),
    ] = None,
) -> None:
    """Check a pack with nothing but its folder, and name the first thing that is wrong."""
    from access_review.stages.evidence_check import check_evidence
    from access_review.views import evidence as view

    options: Options = ctx.obj
    found = check_evidence(folder, head or (), digest or ())
    told = found.made.head if found.made else None
    options.show(
        view.checked_value(str(folder), told, found.wrong, found.said),
        view.checked_text(str(folder), found.wrong, found.said),
    )
    leave(1 if found.wrong else 0, f"the pack is not as it was made: {found.wrong}")


def rederive(ctx: typer.Context, folder: Folder) -> None:
    """Conclude every finding of a pack again, from what was read and with the workspace of then."""
    from access_review.cli.status import NOT_KNOWN
    from access_review.stages.evidence_rederive import rederive_evidence
    from access_review.views import evidence_rederived as view

    options: Options = ctx.obj
    again = list(rederive_evidence(folder))
    options.show({"runs": view.rederived_value(again)}, view.rederived_text(again))
    if other := [one for one in again if not one.same and not one.why_not]:
        leave(1, f"{len(other)} of {len(again)} runs conclude something else than the pack says")
    unknown = [one for one in again if one.why_not]
    code = NOT_KNOWN if all(one.unknowable for one in unknown) else 1
    leave(code if unknown else 0, f"{len(unknown)} of {len(again)} runs cannot be concluded again")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(no_args_is_help=True, help="Evidence for an auditor: make it, check it, conclude it again.")
    for command in (pack, check, rederive):
        commands.command()(command)
    app.add_typer(commands, name="evidence")
