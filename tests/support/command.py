"""The command line as a person runs it, against a workspace on disk.

Most tests are about what a command does with files, so :func:`access_review` runs it in this process, as isolated as a
process of its own would be: folder, input, streams, warnings and environment are the command's and given back after.
Where the process itself is tested (start-up, time zones, limits, signals), :func:`in_own_process` starts one.
"""

import contextlib
import gc
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from access_review import cli
from tests.support.clocks import clock_at
from tests.support.remembered import Done, remembered


@dataclass(frozen=True)
class CommandResult:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def access_review(folder: Path, *words: str, path: Sequence[Path] = (), at: str | None = None) -> CommandResult:
    """Run the command in a workspace; ``path`` names folders of packages that it finds besides.

    ``at`` is what the machine's clock says when it begins.

    An error that is none of the tool's own is raised, with its traceback, in the test.
    """
    return in_folder(folder, "-C", str(folder), *words, path=path, at=at)


def in_folder(folder: Path, *words: str, path: Sequence[Path] = (), at: str | None = None) -> CommandResult:
    """Run the command with nothing but these words, from a folder; :mod:`tests.support.remembered` says when it runs."""
    if not all(one.is_relative_to(folder) for one in path):
        return CommandResult(*_run(folder, words, path, at))
    how = str([one.relative_to(folder) for one in path])
    return CommandResult(*remembered(folder, words, at, lambda: _run(folder, words, path, at), how))


def _run(folder: Path, words: Sequence[str], path: Sequence[Path], at: str | None) -> Done:
    out, err = _Terminalless(), _Terminalless()
    with _as_if_alone(folder, out, err, path):
        try:
            cli.run(clock_at(at), words)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Done(code, out.text, err.text)


def in_own_process(
    folder: Path, *words: str, at: str | None = None, environment: Mapping[str, str] | None = None
) -> CommandResult:
    """Run the command in a process of its own; with ``at``, the launcher of the tests starts it with another clock."""
    module = ["access_review"] if at is None else ["tests.support.launcher", at]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *module, "-C", str(folder), *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        timeout=300,
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


def lay_out(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a workspace from texts by path."""
    for name in ("sources", "roles/templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class _Terminalless(io.TextIOWrapper):
    """A stream of UTF-8 that is no terminal and keeps what is written."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    @property
    def text(self) -> str:
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        return kept.getvalue().decode("utf-8")


_command = cache(typer.main.get_command)
"""The commands, put together once: they hold nothing of a run."""


@contextlib.contextmanager
def _as_if_alone(folder: Path, out: _Terminalless, err: _Terminalless, path: Sequence[Path]) -> Iterator[None]:
    """Give a command what a process would have for itself, and take it back."""
    threshold = gc.get_threshold()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as borrowed,
        warnings.catch_warnings(),
    ):
        borrowed.setattr(sys, "stdin", io.StringIO())
        borrowed.setattr(sys, "path", [*map(str, path), *sys.path])
        borrowed.setenv("COLUMNS", "100")
        borrowed.setattr(typer.main, "get_command", _command)
        warnings.simplefilter("error")
        try:
            yield
        finally:
            gc.set_threshold(*threshold)
