"""Commands of the check list: how it stands, what people state, and the steps that follow."""

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.options import Options, leave
from access_review.cli.revocation import signer_of
from access_review.cli.waive import By, Key
from access_review.model import Rag
from access_review.scorecard.ladder import LadderStep, RootCause

if TYPE_CHECKING:
    from access_review.scorecard.follow_up import FollowUp
    from access_review.stages.status import OperationStatus

NOT_GREEN, NOT_KNOWN = 3, 5

Name = Annotated[str, typer.Argument(metavar="CHECKPOINT", help="The checkpoint, by name.")]
Note = Annotated[str, typer.Option(help="What was seen or done.")]
Link = Annotated[str, typer.Option(help="Where the evidence is: an address, a ticket or a path.")]
Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Its last day; as long as the file allows by default."),
]
NextBy = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="By when the step after it will be taken.")
]


def status(
    ctx: typer.Context,
    tell: Annotated[
        bool,
        typer.Option("--tell", help="Open an incident record for each red one and tell who is to hear of it, once."),
    ] = False,
    measures: Annotated[bool, typer.Option("--measures", help="List the figures that the files may use.")] = False,
) -> None:
    """Show the check list on one screen: what is green, amber or red, by the records, and what is due."""
    if ctx.invoked_subcommand:
        return
    from access_review import runs
    from access_review.stages import status as stage
    from access_review.stages.predict import predict_for_report
    from access_review.store import logged
    from access_review.views import judged_share, predicted
    from access_review.views import status as view

    options: Options = ctx.obj
    workspace = options.workspace()
    if measures:
        _measures(options)
        return
    if tell:
        for one in stage.tell_red(workspace, options.found_run(), options.now, os.environ):
            what = f"told {len(one.people)} of {one.checkpoint}; record: {one.incident.relative_to(workspace.folder)}"
            options.say("\n".join((what, *(f"  not reached: {why}" for why in one.failed))))
    options.say_what_differs()
    found = stage.read_status(workspace, options.now)
    newest = logged.newest_reviewed(workspace.folder)
    risk = predict_for_report(workspace, newest) if newest else None
    unknown = None if risk else "unreadable" if newest else "no-reviewed-run"
    judged = options.judged(newest) if newest else None
    trials = [] if newest else runs.rehearsals(workspace.folder)
    shown = view.text(
        found.at,
        workspace.policy.organisation,
        found.checkpoints,
        colour=options.colour,
        width=options.width,
        judged=judged_share.paragraph(judged, options.width),
        trial=trials[-1].id if trials else "",
    )
    options.show(
        {
            **view.value(found.at, found.checkpoints),
            "judged": judged,
            "predicted": predicted.risk(risk),
            "not_predicted": unknown,
            "only_trials": bool(trials),
        },
        "\n".join((shown, *predicted.next_to_fail(risk))),
    )
    leave(*_ended(found))
    options.leave_unjudged(judged)


def _measures(options: Options) -> None:
    from access_review.scorecard.measures import measure
    from access_review.settings.measures import MeasureName
    from access_review.stages.records_at import records_at
    from access_review.views import measures as view

    records = records_at(options.workspace(), options.now)
    known = {name: measure(name, records, options.now) for name in MeasureName}
    options.show({str(name): one.value for name, one in known.items()}, view.measures_table(known))


def _ended(found: "OperationStatus") -> tuple[int, str]:
    """Return the exit code of the check list and its reason: 3 red or overdue, 5 not done or not known."""
    red = [one.checkpoint.checkpoint for one in found.checkpoints if one.reading.rag is Rag.RED]
    if red:
        return NOT_GREEN, f"red: {', '.join(red)}"
    if late := [one.checkpoint.checkpoint for one in found.checkpoints if one.overdue]:
        return NOT_GREEN, f"overdue: {', '.join(late)}"
    undone = [one.checkpoint.checkpoint for one in found.checkpoints if one.reading.reason.is_undone]
    return (NOT_KNOWN, f"not done or not known, so not green: {', '.join(undone)}") if undone else (0, "")


def show(ctx: typer.Context, name: Name) -> None:
    """Show one checkpoint in full, with everything recorded about it."""
    from access_review.stages.status import read_checkpoint
    from access_review.views import status as view

    options: Options = ctx.obj
    found = read_checkpoint(options.workspace(), options.found_run(), name, options.now)
    text = view.details(found.status, found.history, found.assured)
    options.show(view.value(options.now, (found.status,)), text)


def attest(
    ctx: typer.Context,
    name: Name,
    by: By,
    link: Link,
    note: Note,
    state: Annotated[Rag, typer.Option(help="How it stands.")] = Rag.GREEN,
    until: Until = None,
    key: Key = None,
) -> None:
    """State how a checkpoint stands that no record measures: by name, with a link, until it expires."""
    from access_review.stages import status as stage
    from access_review.stages.statements import AttestedWords, WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who, stated = WhoSays(by, signer_of(options, by, key)), AttestedWords(link, note, day_given(until))
    said = stage.attest(workspace, run, name, who, state=state, stated=stated, now=options.now)
    recorded(options, said, f"stated {said.text('state')} until {said.text('until')[:10]}")


def step(
    ctx: typer.Context,
    name: Name,
    taken: Annotated[LadderStep, typer.Argument(metavar="STEP", help="isolate, investigate, remediate or reinforce.")],
    by: By,
    note: Note,
    cause: Annotated[RootCause | None, typer.Option(help="The root cause; investigating finds it.")] = None,
    link: Annotated[str, typer.Option(help="Where it can be seen.")] = "",
    next_by: NextBy = None,
    key: Key = None,
) -> None:
    """Take the next step for a checkpoint that is not green: isolate, investigate, remediate, reinforce."""
    from access_review.stages import status as stage
    from access_review.stages.statements import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who = WhoSays(by, signer_of(options, by, key))
    ends = day_given(next_by)
    said = stage.take_step(
        workspace, run, name, taken, who, note=note, link=link, cause=cause, next_by=ends, now=options.now
    )
    recorded(options, said, str(taken))


def day_given(day: datetime | None) -> datetime | None:
    """Return the end of a day that was given: until then, the day itself included."""
    return day.replace(tzinfo=UTC) + timedelta(days=1) if day else None


def recorded(options: Options, said: "FollowUp", what: str) -> None:
    """Show what was recorded, by whom, and how they are known."""
    value = {"about": said.about, "person": said.person, "assurance": said.assurance, "at": said.at.isoformat()}
    options.show({**value, **said.said}, f"{said.about}: {what}, by {said.person} ({said.assurance})")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(
        invoke_without_command=True,
        rich_markup_mode=None,
        help="The check list on one screen, and what follows from it.",
    )
    commands.callback()(status)
    for command in (show, attest, step):
        commands.command()(command)
    app.add_typer(commands, name="status")
