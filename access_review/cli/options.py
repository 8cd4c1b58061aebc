"""What every command shares: the global options, how results are shown, and exit codes."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.clocks import RunningClock
from access_review.errors import ArtifactError, PlanRefused
from access_review.model import Clock, Severity

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

    from access_review.runs import Run
    from access_review.snapshot.watched import HaltedJob
    from access_review.views.summary import JudgedSummary
    from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """The global options."""

    folder: Path
    run: str | None
    as_of: datetime | None
    clock: Clock
    json: bool
    quiet: bool
    given: str = ""
    """The workspace and the moment, as they were given: what is to be run next needs them too."""

    @property
    def now(self) -> datetime:
        """The moment reviewed: now, to the second, unless another is asked for."""
        return self.as_of or self.clock.now().replace(microsecond=0)

    def acting(self, workspace: "Workspace") -> Clock:
        """Return the clock by which is signed, changed, read back and given back.

        Raises ``PlanRefused`` for a moment asked for where a source is written to live: there it is the machine's clock, or
        an expired plan would write and a leaver of next month be disabled today. So it does for one that has passed where any
        run was collected now: an expired plan would be ordered from people. Raises ``ArtifactError`` where others may open ``runs/``: they could write what is signed.
        """
        from access_review.guarded_files.private import require_private
        from access_review.store import logged

        runs = self.folder / "runs"
        if runs.exists():
            require_private(runs)
        if self.as_of is None:
            return self.clock
        if live := workspace.written_live():
            raise PlanRefused(
                f"--as-of is for reviewing: {', '.join(live)} can be written to, by the machine's clock alone",
                hint="leave --as-of out",
            )
        if self.as_of < self.clock.now() and logged.machine_timed(self.folder):
            raise PlanRefused(
                "--as-of is for reviewing what has passed: runs here are of the machine's clock, and by that alone is signed and acted",
                hint="leave --as-of out; to try the example in its own time, lay it out anew: access-review init DIR",
            )
        return RunningClock(self.as_of, self.clock)

    def refuse_links(self) -> None:
        """Raise ``ArtifactError`` for a link in ``runs/``, whoever put it there: it would be read, or written, elsewhere.

        ``runs/`` itself may be one: it belongs to whoever laid the workspace out.
        """
        from access_review.guarded_files.plain import links_below

        runs = self.folder / "runs"
        for link in links_below(runs) if runs.exists() else ():
            raise ArtifactError(
                f"{link} is a link to elsewhere, and nothing in runs/ is one",
                hint="remove the link; who may write to runs/ is to be looked into",
            )

    def workspace(self, *, to_read: bool = False) -> "Workspace":
        """Read the workspace asked for; where its sources are ``to_read``, their files' mistakes are told with its own."""
        from access_review import workspace
        from access_review.stages.collect import file_mistakes

        self.refuse_links()
        return workspace.load(self.folder, besides=partial(file_mistakes, as_of=self.now) if to_read else lambda *_: ())

    def found_run(self, *, reviewed: bool = False) -> "Run":
        """Return the run asked for, or the newest."""
        from access_review.store import logged

        self.refuse_links()
        run = logged.find(self.folder, self.run, reviewed=reviewed)
        self.require_known(run)
        return run

    def judged(self, run: "Run") -> "JudgedSummary | None":
        """Return how much of a run was judged, and why the rest was not; nothing where no review has said so."""
        from access_review.store import reviews, snapshots
        from access_review.views.summary import judged_summary

        return judged_summary(reviews.judged_of(run), snapshots.read_manifest(run))

    def leave_unjudged(self, judged: "JudgedSummary | None") -> None:
        """End with 5 and say why, where nothing was found and not everything was judged: that is not clean."""
        from access_review.views.judged_share import too_little

        if reason := too_little(judged):
            leave(5, reason)

    def run_to_review(self) -> "Run":
        """Return the run that is about to be reviewed, maybe again: what the review before left is not held against it."""
        from access_review.store import logged

        self.refuse_links()
        run = logged.find(self.folder, self.run)
        self.require_known(run, logged.REVIEW)
        return run

    def require_known(self, run: "Run", remade: "Collection[str]" = ()) -> None:
        """Hold a run against the logbook, but for records that are ``remade``; say of everything else what is not as the logbook knows it."""
        from access_review.store import logged

        if log := logged.known(self.folder):
            logged.require_run(log, run, remade)
            self.say_what_differs()

    def say_what_differs(self) -> None:
        """Say what is not as the logbook knows it: of files that are gone, of other sizes, and journals that nobody can read any more."""
        from access_review.store import logged
        from access_review.views.text import count, visible

        if (log := logged.known(self.folder)) and (differs := logged.glance(self.folder, log)):
            shown = "\n".join(f"  {visible(str(one))}" for one in differs[:5])
            text = f"{count(len(differs), 'thing')} not as the logbook says (access-review logbook --check):\n{shown}"
            self.remark(text)

    def begin_logbook(self, command: str) -> None:
        """Take what lies in a workspace from before there was a logbook into one, and say so."""
        from access_review import runs
        from access_review.store import logged
        from access_review.views.text import count

        self.refuse_links()
        if runs.all_runs(self.folder) and (taken := logged.begin(self.folder, self.now, command)[1]):
            text = f"The logbook of this workspace is begun: {count(taken, 'run')} from before taken into it as found."
            self.remark(text)

    def holding_campaign(self, command: str) -> "AbstractContextManager[None]":
        """Hold the right to make runs and audits, from reading the sources to the work sheets."""
        from access_review.store.rights import Right, hold

        return hold(self.folder, Right.CAMPAIGN, now=self.now, command=command)

    def collect(self, workspace: "Workspace", *, trial: bool = False) -> "Run":
        """Read every source into a new run, and show how far it is."""
        from access_review.stages.collect import collect_run
        from access_review.views import terminal

        self.begin_logbook("collect")
        with terminal.progress(shown=False if self.quiet or self.json else None) as progress:
            return collect_run(workspace, self.now, progress, chosen=self.as_of is not None, trial=trial)

    @property
    def colour(self) -> bool:
        """Tell whether to colour: on a terminal that can, and not where ``NO_COLOR`` is set."""
        from access_review.views import terminal

        return terminal.wants_colour(sys.stdout, os.environ)

    @property
    def attended(self) -> bool:
        """Tell whether somebody sees what is said: standard error is a terminal."""
        return sys.stderr.isatty()

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 where there is none."""
        return shutil.get_terminal_size((100, 24)).columns

    @property
    def room(self) -> int:
        """Columns of the terminal, or as many as a line takes where there is none: programs read whole lines."""
        return self.width if sys.stdout.isatty() else _ENDLESS

    def show(self, value: Mapping[str, object], text: str) -> None:
        """Print a result: as JSON for scripts, or as text for people."""
        typer.echo(
            json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)
            if self.json
            else self._runs(text)
        )

    def say(self, text: str) -> None:
        """Print a remark for people: not with --json, not with --quiet."""
        if not self.json and not self.quiet:
            typer.echo(self._runs(text))

    def remark(self, text: str) -> None:
        """Say on standard error what is not as it should be: in a line of JSON where a program reads."""
        typer.echo(json.dumps({"warning": text}, ensure_ascii=False) if self.json else text, err=True)

    def halted(self, job: "HaltedJob") -> "AbstractContextManager[None]":
        """Let people hear where what runs by itself cannot begin within the block; why they do not, on standard error."""
        from access_review.stages.halted import told_where_halted

        return told_where_halted(
            self.folder, job, self.now, os.environ, lambda why: self.remark(f"access-review: {why}")
        )

    def _runs(self, text: str) -> str:
        """Return text in which commands to run next run as they are printed, in the workspace and at the moment given."""
        return runnable(text, self.given, self.run)

    def give(self, content: str | bytes, to: Path) -> bool:
        """Write a file that was asked for; to the standard output for ``-``, and tell that nothing else is to go there.

        Raises ``ArtifactError`` where it cannot be written.
        """
        data = content.encode() if isinstance(content, str) else content
        if to == STANDARD_OUTPUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return True
        try:
            to.write_bytes(data)
        except OSError as error:
            raise ArtifactError(f"{to} cannot be written: {error.strerror}", hint="name another file") from None
        return False


STANDARD_OUTPUT = Path("-")


def folder_only(value: Path | None) -> Path | None:
    """Refuse ``-`` where a folder is written."""
    if value == STANDARD_OUTPUT:
        raise typer.BadParameter("a folder is written, which cannot go to the standard output: name one")
    return value


_ENDLESS = 10_000
_TO_RUN = re.compile(r"((?:[:;→]|\bor) +)access-review (?=(--run )|([a-z]+))")
"""A command after a colon or an arrow, as in `Next: access-review audit`, that names neither a workspace nor a moment."""

_OF_NO_RUN = frozenset({"audit", "check", "collect", "daily", "init", "inspect", "remind", "serve", "sources", "watch"})


def command_line(words: Sequence[str]) -> str:
    """Return words as the shell of this machine takes them."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def runnable(text: str, given: str, run: str | None = None) -> str:
    """Return text in which commands run as they are printed: with the workspace and moment ``given``, and the run they read."""

    def whole(found: re.Match[str]) -> str:
        named = f"--run {run}" if run and not found[2] and found[3] not in _OF_NO_RUN else ""
        return " ".join(filter(None, (f"{found[1]}access-review", given, named))) + " "

    return _TO_RUN.sub(whole, text) if given or run else text


FailOn = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit with 3 when a new or open finding is at least this severe.")
]


def moment(text: str) -> datetime:
    """Read a moment given on the command line, its zone included."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write for example 2026-11-02T06:00:00Z") from None
    if moment.tzinfo is None:
        example = text + ("Z" if "T" in text or ":" in text else "T06:00:00Z")
        raise typer.BadParameter(f"{text!r} has no time zone, so it is no moment; write for example {example}")
    return moment.astimezone(UTC).replace(microsecond=0)


def shown(path: Path) -> str:
    """Show a path as short as it can be from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def leave(code: int, reason: str) -> None:
    """End with an exit code, unless it is 0, and say why on standard error: no code goes without its reason."""
    if code:
        typer.echo(f"access-review: {reason}", err=True)
        raise typer.Exit(code)
