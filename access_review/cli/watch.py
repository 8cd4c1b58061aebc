"""The command that goes on looking."""

import json
import os
import signal
import socket
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.options import Options, leave

if TYPE_CHECKING:
    from access_review.stages.watch import Watch
    from access_review.views.observed import Observation


def watch(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and end, for cron; what changed since the last look is seen.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="With --once: read every source anew, whatever shows a change.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The key of the unattended job, where one is enrolled: it carries out for leavers."),
    ] = None,
) -> None:
    """Look at every source again and again, and tell at once what opens, closes, or cannot be seen.

    It goes on from the last reviewed run. What it sees is in the logbook, who is told stands under watch: in
    roles/policy.yaml, and how it goes in runs/watch/health.json. It ends after the look it is at when it is interrupted.
    """
    from access_review.snapshot.watched import HaltedJob

    options: Options = ctx.obj
    if everything and not once:
        raise typer.BadParameter("goes with --once", param_hint="--everything")
    with ExitStack() as held:
        with options.halted(HaltedJob.WATCH):
            watching = _begin(options, key, held)
            run = watching.begin()
            left = _look_once(options, watching, everything=everything) if once else ""
        leave(1 if left else 0, left)
        if not once:
            _go_on(options, watching, run)


def _begin(options: Options, key: Path | None, held: ExitStack) -> "Watch":
    """Return what watches, as the only one in the workspace for as long as that is ``held``."""
    from access_review.errors import PlanRefused
    from access_review.stages.watch import Watch
    from access_review.store.rights import hold_instance

    workspace = options.workspace()
    clock = options.acting(workspace)
    if options.as_of is not None and (live := workspace.read_live(options.as_of)):
        raise PlanRefused(f"--as-of is for files: {', '.join(live)} say what is now", hint="leave --as-of out")
    options.begin_logbook("watch")
    held.enter_context(hold_instance(options.folder, "watch", now=clock.now(), command="watch"))
    return Watch(options.folder, clock, os.environ, key=key)


def _look_once(options: Options, watching: "Watch", *, everything: bool) -> str:
    """Look, show what was seen, and follow up what is due; return what of it could not be done, if anything."""
    seen = watching.look(everything=everything)
    typer.echo(_shown(options, seen))
    failed = watching.follow_orders()
    watching.write_health()
    for why in failed:
        _say_failed(options, why, watching.clock.now())
    if unread := ", ".join(sorted(seen.unread)):
        return f"{unread} could not be read, and is known as last seen"
    if seen.failed:
        return "not everybody could be told; the next look tries again"
    return "not all orders and tickets could be seen to; a later look tries again" if failed else ""


def _go_on(options: Options, watching: "Watch", run: str) -> None:
    """Look again and again until the process is told to end."""
    from access_review.stages.watch_loop import WatchLoop

    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda sign, _: ended.append(sign))
    quiet = options.quiet and not options.json
    loop = WatchLoop(
        watching,
        watching.clock,
        on_seen=lambda seen: None if quiet else _print(_shown(options, seen)),
        on_failed=lambda why: _say_failed(options, why, watching.clock.now()),
        on_beat=lambda: _tell_systemd("WATCHDOG=1"),
    )
    if not quiet and not options.json:
        _print(f"Watching {len(watching.workspace.sources)} sources from run {run} on. Ctrl-C ends it.")
    _tell_systemd("READY=1")
    loop.run(lambda: bool(ended))
    _tell_systemd("STOPPING=1")


def _shown(options: Options, seen: "Observation") -> str:
    from access_review.views import observed

    return json.dumps(observed.value(seen), ensure_ascii=False) if options.json else observed.text(seen)


def _say_failed(options: Options, why: str, at: datetime) -> None:
    """Say on standard error what a look could not do; with ``--json`` as one line, as all else is."""
    if options.json:
        _print(json.dumps({"at": at.isoformat(), "failed": why}, ensure_ascii=False), err=True)
    else:
        _print(f"access-review: {why}", err=True)


def _print(text: str, *, err: bool = False) -> None:
    """Print something. A log that has no room ends no watching: what was seen is in the logbook. A reader who is gone does end it."""
    try:
        typer.echo(text, err=err)
    except BrokenPipeError:
        raise
    except OSError:
        return


def _tell_systemd(word: str) -> None:
    """Say to systemd, where it started this, that it is ready, alive or ending."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(word.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            typer.echo(f"access-review: systemd was not reached: {error.strerror}", err=True)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(watch)
