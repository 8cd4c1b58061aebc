"""Commands that compare: how access stands beside that of peers, and what past decisions say of it."""

from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options


def changes(
    ctx: typer.Context,
    since: Annotated[
        str,
        typer.Option(
            metavar="RUN",
            help="An earlier run, by the start of its name or its day, or `accepted` for the one signed off last; "
            "the one before by default.",
        ),
    ] = "",
) -> None:
    """Show what was granted, taken and nested, and who joined and left, since an earlier run; by whom, where a source tells."""
    from access_review.stages.changes import read_changes
    from access_review.stages.zones import common_zone
    from access_review.views import changed_access as view
    from access_review.views import judged_share

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    changed = read_changes(workspace, run, since)
    judged = options.judged(run)
    zone = common_zone(workspace, run, {one.person for one in changed.changes if one.person})
    text = f"{view.text(changed, options.room, zone, common_zone(workspace, run, ()))}\n{judged_share.paragraph(judged, options.width)}"
    options.show({**view.value(changed), "judged": judged}, text)


def unusual(
    ctx: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, help="How many are shown, with why.")] = 20,
    of: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table of who holds what, instead of a run.")
    ] = None,
) -> None:
    """Show the grants that stand out most beside those of peers, and why. It orders, and decides nothing."""
    from access_review.draft.unusual import most_unusual
    from access_review.stages.unusual import score_grants, score_table
    from access_review.views import unusual as view

    options: Options = ctx.obj
    scored = score_table(of, options.now) if of else score_grants(options.workspace(), options.found_run())
    shown = most_unusual(scored.access, most, scored.names)
    if options.json:
        options.show(view.value(scored.access, shown), "")
    else:
        options.show({}, view.text(scored.access, shown, scored.names, options.room))


def predict(
    ctx: typer.Context,
    decisions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A table of past decisions, instead of those of this workspace."),
    ] = None,
    items: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table of open items, instead of what people hold in the run.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many items are shown, with why.")] = 10,
) -> None:
    """Say what past decisions tell of the next: what is likely to be revoked, where and why. Silent on few decisions."""
    from access_review.stages.predict import predict_items
    from access_review.views import predicted as view

    options: Options = ctx.obj
    tables_only = decisions is not None and (items is not None or not (options.folder / "sources").is_dir())
    workspace = None if tables_only else options.workspace()
    run = None if tables_only or items else options.found_run(reviewed=True)
    found = predict_items(workspace, run, decisions, items, options.now)
    options.show(view.value(found), view.text(found, most))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(changes)
    app.command()(unusual)
    app.command()(predict)
