"""Commands of the small audits: five controls a quarter, and the mock audit as a case."""

from datetime import datetime
from typing import Annotated

import typer

from access_review.cli.options import Options, leave
from access_review.cli.revocation import signer_of
from access_review.cli.status import NOT_GREEN, NextBy, Note, day_given, recorded
from access_review.cli.waive import By, Key
from access_review.scorecard.ladder import MockStep
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
    from access_review.stages.statements import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who, now = WhoSays(by, signer_of(options, by, key)), options.now
    said = stage.answer(workspace, run, control, who, says=says, link=link, note=note, now=now)
    recorded(options, said, f"{said.text('control')} {says}")


def mock_audit(ctx: typer.Context) -> None:
    """Show the mock audit: steps, owners and dates, root causes by the records, repeated findings, and trainings."""
    if ctx.invoked_subcommand:
        return
    from access_review.stages.mock_audit import read_mock_audit
    from access_review.store import rosters
    from access_review.views import mock_audit as view

    options: Options = ctx.obj
    run = options.found_run(reviewed=True)
    shown = read_mock_audit(options.workspace(), run, options.now)
    parts = (shown.case, shown.causes, shown.repeated, shown.trainings)
    names = rosters.people_now(run).names
    options.show(view.value(*parts), view.text(*parts, names, options.now, width=options.width))
    late = [one.course for one in shown.trainings if one.state.is_late]
    late += [str(shown.case.next_step)] if shown.case and shown.case.due and shown.case.due < options.now else []
    leave(NOT_GREEN if late else 0, f"overdue: {', '.join(dict.fromkeys(late))}")


def open_(ctx: typer.Context, by: By, note: Note, next_by: NextBy = None, key: Key = None) -> None:
    """Open a mock audit: the review is done, its causes counted from the newest run."""
    from access_review.stages.mock_audit import open_mock_audit
    from access_review.stages.statements import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    who, ends = WhoSays(by, signer_of(options, by, key)), day_given(next_by)
    recorded(options, open_mock_audit(workspace, run, who, note=note, next_by=ends, now=options.now), "opened")


def step(
    ctx: typer.Context,
    taken: Annotated[MockStep, typer.Argument(metavar="STEP", help="engage, architect, control or test.")],
    by: By,
    note: Note,
    owner: Annotated[str, typer.Option(help="Who answers for it: id, name or mail.")] = "",
    link: Annotated[str, typer.Option(help="Where it can be seen.")] = "",
    next_by: NextBy = None,
    key: Key = None,
) -> None:
    """Take the next step of the mock audit; the test needs a run made since it was opened."""
    from access_review.stages.mock_audit import take_mock_step
    from access_review.stages.statements import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    who, ends = WhoSays(by, signer_of(options, by, key)), day_given(next_by)
    said = take_mock_step(workspace, run, taken, who, owner=owner, note=note, link=link, next_by=ends, now=options.now)
    recorded(options, said, str(taken))


def train(
    ctx: typer.Context,
    trainee: Annotated[str, typer.Argument(metavar="PERSON", help="Who is to learn something: id, name or mail.")],
    course: Annotated[str, typer.Argument(help="What.")],
    by: By,
    due: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Its last day: assigns it.")
    ] = None,
    done: Annotated[str, typer.Option(metavar="LINK", help="Where it can be seen that it is done.")] = "",
    key: Key = None,
) -> None:
    """Assign a training that follows from repeated findings, or say that it is done, with where that can be seen."""
    from access_review.stages import mock_audit as stage
    from access_review.stages.statements import WhoSays

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run()
    who, ends = WhoSays(by, signer_of(options, by, key)), day_given(due)
    said = stage.train(workspace, run, trainee, course, who, due=ends, link=done, now=options.now)
    recorded(options, said, f"{said.text('course')} {'done' if done else 'assigned until ' + f'{due:%Y-%m-%d}'}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(
        invoke_without_command=True, rich_markup_mode=None, help="Five controls a quarter, drawn, with evidence."
    )
    commands.callback()(mini_audit)
    commands.command()(answer)
    app.add_typer(commands, name="mini-audit")
    mock = typer.Typer(
        invoke_without_command=True, rich_markup_mode=None, help="Review, engage, architect, control, test: a case."
    )
    mock.callback()(mock_audit)
    mock.command("open")(open_)
    mock.command()(step)
    mock.command()(train)
    app.add_typer(mock, name="mock-audit")
