"""The command line: parse, call one function, show what it returns, choose the exit code.

Heavy modules are imported by the command that needs them, so that ``--help`` is quick.
The console script is :func:`main`, which alone makes the machine's clock; :func:`run` takes any.
"""

import gc
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from access_review import __version__
from access_review.cli import (
    audit,
    campaign,
    comparison,
    evidence,
    first_hour,
    logbook,
    mcp,
    offboarding,
    revocation,
    scorecard,
    serve,
    small_audits,
    status,
    stop,
    waive,
    watch,
    workspace,
)
from access_review.cli.clocks import MachineClock
from access_review.cli.library_remarks import on_one_line
from access_review.cli.options import Options, command_line, moment, runnable
from access_review.errors import AccessReviewError, said_by_the_system
from access_review.model import Clock

INTERRUPTED = 130

_FLAGS = ("--json", "--quiet", "-q")
_VALUES = ("-C", "--workspace", "--run", "--as-of")


def globals_first(args: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that people may write them after the command too."""
    moved: list[str] = []
    rest: list[str] = []
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        name, equals, _ = word.partition("=")
        if word == "--":
            rest += [word, *waiting]
            break
        if name in _VALUES and not equals:
            moved += [word, *waiting[:1]]
            del waiting[:1]
        elif name in _FLAGS or name in _VALUES:
            moved.append(word)
        else:
            rest.append(word)
    return moved + rest


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Reconcile who has access with who should have it, and take the rest away safely.",
    epilog="Exit codes: 0 clean; 1 a source or artifact could not be read; 2 usage, workspace or roster; "
    "3 findings at or above --fail-on; 4 refused or partly applied; 5 too little was judged to call it clean.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _nearest(here: Path) -> Path:
    """Return the workspace that a folder lies in, or is: as short as it can be said from there."""
    for up, folder in enumerate((here, *here.parents)):
        if (folder / "sources").is_dir() and (folder / "roles").is_dir():
            return Path(*[".."] * up)
    return Path()


@app.callback()
def _globals(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "-C",
            "--workspace",
            help="The workspace: a folder with sources/ and roles/; the nearest that this folder is in by default.",
        ),
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run, by the start of its name; the newest by default.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="The moment reviewed, as 2026-11-02T06:00:00Z; now by default. "
            "What a live source says now is then a rehearsal, and nothing live is changed.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    given = (["-C", str(folder)] if folder else []) + (["--as-of", f"{as_of:%Y-%m-%dT%H:%M:%SZ}"] if as_of else [])
    ctx.obj = Options(folder or _nearest(Path.cwd()), run, as_of, ctx.obj, as_json, quiet, command_line(given))


first_hour.add_to(app)
workspace.add_to(app)
comparison.add_to(app)
audit.add_to(app)
campaign.add_to(app)
offboarding.add_to(app)
waive.add_to(app)
status.add_to(app)
scorecard.add_to(app)
small_audits.add_to(app)
revocation.add_to(app)
stop.add_to(app)
logbook.add_to(app)
evidence.add_to(app)
watch.add_to(app)
serve.add_to(app)
mcp.add_to(app)


def main() -> None:
    """Run the command line as the console script does: with what was typed, by the machine's clock."""
    run(MachineClock())


def run(clock: Clock, args: Sequence[str] | None = None) -> None:
    """Run the command line; errors of the tree are printed with what to do, anything else is a bug."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A name must never crash the output, whatever the terminal can show.
            stream.reconfigure(errors="backslashreplace")
    # What is read stays until the end: looking for garbage every 700 objects took a seventh of reading a domain.
    gc.set_threshold(50_000)
    typed = globals_first(sys.argv[1:] if args is None else args)
    try:
        with on_one_line(as_json="--json" in typed):
            app(args=typed, prog_name="access-review", obj=clock)
    except AccessReviewError as error:
        _complain(error, typed)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:
        # Typer turns an interruption within a command into this code, and says nothing.
        if ended.code == INTERRUPTED:
            _interrupted()
        if "--json" in typed:
            _say_misused(ended)
        raise
    except BrokenPipeError:
        # Whoever read the output has enough of it; nothing more is written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        hint = "nothing was left half-written; see to it and repeat"
        _complain(AccessReviewError(said_by_the_system(error), hint=hint), typed)
        sys.exit(1)


def _interrupted() -> NoReturn:
    typer.echo("access-review: interrupted; the same command goes on with what was begun", err=True)
    sys.exit(INTERRUPTED)


def _say_misused(ended: SystemExit) -> None:
    """Say on standard output, as JSON, what people read on standard error where the command was not used as it can be."""
    why = ended.__context__  # Typer shows it and leaves; the class of what it caught has no public name
    if isinstance(why, Exception) and hasattr(why, "format_message"):
        path = ctx.command_path if (ctx := getattr(why, "ctx", None)) else "access-review"
        told = {"error": why.format_message(), "hint": f"{path} -h"}
        typer.echo(json.dumps(told, ensure_ascii=False))


def _given(typed: Sequence[str]) -> str:
    """Return the workspace and the moment that were typed, before the command."""
    found: list[str] = []
    waiting = list(typed)
    while waiting:
        word = waiting.pop(0)
        name, equals, _ = word.partition("=")
        if name in _VALUES:
            value = [] if equals else waiting[:1]
            del waiting[: len(value)]
            found += [] if name == "--run" else [word, *value]
        elif name not in _FLAGS:
            break
    return command_line(found)


def _complain(error: AccessReviewError, typed: Sequence[str]) -> None:
    """Say what is wrong and what to do, on standard error for people; with ``--json`` on standard output too, for programs."""
    from access_review.views import mistakes as view
    from access_review.views.text import visible

    mistakes = getattr(error, "mistakes", ())
    told: dict[str, object] = {"error": error.message, "hint": error.hint}
    if mistakes:
        told["mistakes"] = view.value(mistakes)
    if "--json" in typed and "watch" in typed:  # whose every line is an object, on both
        typer.echo(json.dumps(told, ensure_ascii=False))
        typer.echo(json.dumps({"failed": error.in_a_line, "hint": error.hint}, ensure_ascii=False), err=True)
        return
    if "--json" in typed:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    lines = [f"access-review: {visible(error.message)}"]
    lines += [f"  {visible(line)}" for line in view.folded(mistakes)]
    if error.hint:
        lines.append(runnable(f"  → {visible(error.hint)}", _given(typed)))
    typer.echo("\n".join(lines), err=True)
