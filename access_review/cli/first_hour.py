"""Commands of the first hour: look at files, lay out a workspace."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.options import Options, command_line, folder_only, shown

if TYPE_CHECKING:
    from access_review.draft.sources import SourceAnswers

_DEMO_TIME = "2026-11-02T06:00:00Z"
_LAST_DAYS = ("start-of-day", "end-of-day")


_UNREAD = (
    "The templates are drafts that nobody has read: below, whatever they leave out is called beyond a role. "
    "Read them before anything is taken away for it."
)
"""Said before a trial of what was drafted just now."""


def inspect(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Exports of any kind, or folders of them.")],
) -> None:
    """Say what files are and how they fit together, before anything is configured."""
    from access_review.stages.inspect import inspect_files
    from access_review.views import inspection as view

    options: Options = ctx.obj
    seen = inspect_files(files, options.now)
    exports: dict[str, view.ExportLook] = {
        name: {"connector": one.connector, "rows": dict(one.rows), "unread": list(one.unread)}
        for name, one in seen.found.exports.items()
    }
    ignored = [(one.path.as_posix(), one.reason) for one in seen.found.ignored]
    options.show(view.value(seen.look, exports, ignored), view.text(seen.look, exports, ignored, width=options.width))


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(callback=folder_only, help="Where to lay it out.")] = Path(),
    more: Annotated[list[Path] | None, typer.Argument(help="Further exports after --from.", show_default=False)] = None,
    example: Annotated[bool, typer.Option("--example", help="The example company; so it is by default.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Neither sources nor templates.")] = False,
    exports: Annotated[
        list[Path] | None, typer.Option("--from", metavar="FILE", help="From your exports, up to a first trial review.")
    ] = None,
    organisation: Annotated[str | None, typer.Option(help="Whose workspace it is.")] = None,
    last_day: Annotated[
        str | None,
        typer.Option("--last-day", help="On the last day of work, access ends at start-of-day or end-of-day."),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="The time zone of dates in the exports, as Europe/Warsaw.")] = None,
    status: Annotated[
        list[str] | None, typer.Option(metavar="WORD=MEANING", help="What a status means: active, leave or left.")
    ] = None,
) -> None:
    """Lay out a workspace: the example, an empty one, or one from your exports."""
    from access_review.stages.init import lay_out_empty, lay_out_example

    options: Options = ctx.obj
    if sum((example, empty, bool(exports))) > 1:
        raise typer.BadParameter("--example, --empty and --from exclude each other")
    if more and not exports:
        raise typer.BadParameter("further files go with --from")
    here = directory == Path()
    where = "" if here else command_line(["-C", str(directory)]) + " "
    place = "this folder" if here else str(directory)
    if exports:
        _init_from(options, directory, [*exports, *(more or [])], organisation or "", _answers(last_day, zone, status))
    elif empty:
        lay_out_empty(directory, organisation or "")
        options.show(
            {"workspace": str(directory)},
            f"An empty workspace is laid out in {place}.\n"
            f"Next: describe a source in {directory / 'sources'}, then access-review {where}check",
        )
    else:
        lay_out_example(directory)
        options.show(
            {"workspace": str(directory)},
            f"A workspace is laid out in {place}: the example company.\n"
            f"Next: access-review {where}--as-of {_DEMO_TIME} audit",
        )


def _answers(last_day: str | None, zone: str | None, status: list[str] | None) -> "SourceAnswers":
    """Take what no file says from the options, or ask where somebody sits at a terminal."""
    from access_review.connectors.tabular.instants import zone as known_zone
    from access_review.draft.sources import SourceAnswers

    asked = sys.stdin.isatty()
    if last_day is None and asked:
        last_day = typer.prompt("On the last day of work, access ends at", default="end-of-day")
    if zone is None and asked:
        zone = typer.prompt("The time zone of the dates, as Europe/Warsaw", default="UTC")
    if last_day is not None and last_day not in _LAST_DAYS:
        raise typer.BadParameter(f"{last_day!r} is not {' or '.join(_LAST_DAYS)}", param_hint="--last-day")
    try:
        known_zone(zone or "UTC")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--zone") from None
    pairs = [one.rpartition("=") for one in status or ()]
    for word, _, meaning in pairs:
        if not word or meaning not in ("active", "leave", "left"):
            raise typer.BadParameter(f"{word}={meaning} is not WORD=active, leave or left", param_hint="--status")
    return SourceAnswers(last_day or "end-of-day", zone or "UTC", {word: meaning for word, _, meaning in pairs})


def _init_from(
    options: Options, directory: Path, exports: list[Path], organisation: str, answers: "SourceAnswers"
) -> None:
    from access_review import workspace as workspaces
    from access_review.stages import drafting
    from access_review.stages.check import check_sources
    from access_review.stages.first_workspace import first_review, lay_out
    from access_review.stages.inspect import inspect_files
    from access_review.store import snapshots
    from access_review.views import check as check_view
    from access_review.views import drafted as drafted_view
    from access_review.views import first_workspace as view
    from access_review.views import terminal
    from access_review.views.summary import summary

    seen = inspect_files(exports, options.now)
    laid = lay_out(directory, seen, organisation, answers)
    ignored = [(one.path.as_posix(), one.reason) for one in seen.found.ignored]
    options.say(view.text(laid.sources, (*laid.unused, *ignored), seen.look.missing))
    options.say("\n" + check_view.text(check_sources(workspaces.load(directory), options.now, lambda *_: None)))
    trial = first_review(directory, options.now)
    options.say(
        "\n"
        + drafted_view.text(
            trial.drafted.draft, len(trial.drafted.files), shown(directory / "roles/templates"), trial.drafted.names
        )
    )
    given = command_line(
        ["-C", str(directory), *(["--as-of", f"{options.as_of:%Y-%m-%dT%H:%M:%SZ}"] if options.as_of else [])]
    )
    doubts, unread = any(source.doubts for source in laid.sources), bool(trial.drafted.files)
    to_read = f"{'what is marked LOOK in ' if doubts else ''}{shown(directory / 'sources')}"
    to_read += f" and the drafts in {shown(directory / 'roles/templates')}" if unread else ""
    said = summary(
        trial.report,
        snapshots.read_manifest(trial.run),
        organisation=organisation,
        report_file=shown(trial.page),
        next_command=f"read {to_read}, then access-review {given} audit",
    )
    replace(options, given=given, run=trial.run.id[:16]).show(
        {
            "workspace": str(directory),
            "run": trial.run.id,
            "sources": [view.value(one) for one in laid.sources],
            "unused": [{"file": file, "reason": reason} for file, reason in (*laid.unused, *ignored)],
            "draft": dict(drafting.value(trial.drafted)),
            "summary": said,
        },
        (f"\n{terminal.wrapped(_UNREAD, options.width)}\n" if unread else "")
        + "\nA trial review, that starts no clock and draws no sample:\n"
        + terminal.render(said, colour=options.colour, width=options.width),
    )


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(inspect)
    app.command()(init)
