"""Commands of the scorecard."""

from typing import Annotated

import typer

from access_review.cli.options import Options
from access_review.cli.revocation import signer_of
from access_review.cli.status import Link, Note, Until, day_given, recorded
from access_review.cli.waive import By, Key


def scorecard(
    ctx: typer.Context,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="List every metric with its figure, bounds and source.")
    ] = False,
    formulas: Annotated[
        bool,
        typer.Option("--formulas", help="Print the formulas in use, to be kept as roles/scorecard.yaml and changed."),
    ] = False,
) -> None:
    """Score process, people, technology, monitoring and AI by the records, and say what would buy the next points."""
    if ctx.invoked_subcommand:
        return
    from access_review.stages import scorecard as stage
    from access_review.views import scorecard as view

    options: Options = ctx.obj
    workspace = options.workspace()
    if formulas:
        typer.echo(stage.formulas_text(workspace).rstrip())
        return
    card = stage.read_scorecard(workspace, options.now)
    high_risk = stage.formulas_of(workspace).high_risk
    organisation = workspace.policy.organisation
    text = view.text(card, organisation, high_risk=high_risk, colour=options.colour, width=options.width)
    options.show(view.value(card), view.metrics_text(card) if metrics else text)


MetricName = Annotated[str, typer.Argument(metavar="METRIC", help="The metric, by name.")]


def trend(ctx: typer.Context, name: MetricName) -> None:
    """Show one metric at each of the last runs: points and figure, by the formulas of today."""
    from access_review.stages.behind_metric import metric_trend
    from access_review.views import scorecard as view

    options: Options = ctx.obj
    points = metric_trend(options.workspace(), name, options.now)
    options.show(view.points_value(points), view.points_text(points))


def rows(ctx: typer.Context, name: MetricName) -> None:
    """Show the rows that a metric's figure counts, at the newest run or at that of --run."""
    from access_review.stages.behind_metric import rows_behind
    from access_review.views import scorecard as view

    options: Options = ctx.obj
    found = rows_behind(options.workspace(), options.found_run(), name, options.now)
    shown = view.behind_text(found.what, found.run, found.rows)
    options.show(view.behind_value(found.metric.metric, found.what, found.run, found.rows), shown)


def attest(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="METRIC", help="The metric, by name.")],
    value: Annotated[float, typer.Option(help="The figure, in percent.")],
    by: By,
    link: Link,
    note: Note,
    until: Until = None,
    key: Key = None,
) -> None:
    """State the figure of a metric that no record measures: by name, with a link, until it expires."""
    from access_review.stages import scorecard as stage
    from access_review.stages.statements import AttestedWords, WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who, stated = WhoSays(by, signer_of(options, by, key)), AttestedWords(link, note, day_given(until))
    said = stage.attest_metric(workspace, run, name, who, value=value, stated=stated, now=options.now)
    recorded(options, said, f"{value:g}% stated until {said.text('until')[:10]}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(
        invoke_without_command=True,
        rich_markup_mode=None,
        help="Points of five dimensions by the records, and the next to gain.",
    )
    commands.callback()(scorecard)
    for command in (trend, rows, attest):
        commands.command()(command)
    app.add_typer(commands, name="scorecard")
