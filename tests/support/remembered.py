"""What a command makes of the same files at the same moment is made once a session, and laid down again where it is asked for.

The example company is audited at the same moment by several dozen tests, and small companies by as many: most of the suite
was spent on making again what another test had made. A command is remembered by its words, the environment and the content
of every file of its workspace, and runs the first time that these come together. So a test that changes anything runs it, and
so does every test that puts something in the place of a part of the tool.

Workers of one session share what they made, through a folder of that session.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from access_review.cli import globals_first

NEVER = frozenset({"--certificates", "prune", "serve", "verify", "watch"})
"""The commands that are always run: what they do depends on more than the content of files, as on when one was written."""

ELSEWHERE = re.compile(
    r"://|\.\.|max_age|server|tenant:|host:|port:|(?<![\w.}*?\]+=])/(?!/)|~|\$\{|\\\\"
    r"|connector:(?! *(?:roster|table|ldap|entra|sharphound|faulty)\b)"
)
"""What in a declaration may lead out of the workspace: to a network, a folder beside it, a variable, a reader that keeps things in memory."""

DECLARING = frozenset({"sources", "roles"})
"""The folders whose files of YAML are declarations."""

IGNORED = re.compile(r"PYTEST_|COLUMNS$|PWD$|OLDPWD$|SHLVL$|_$")
"""Variables that no command reads, and that differ from test to test."""

LARGEST = 20_000_000
"""A workspace of more bytes than this is not looked through."""


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Files = Mapping[str, tuple[str, int]]
"""Digest and mode of each file by its place in a workspace; a folder has no digest."""

_HERE = "\0here\0"
"""Where the workspace is, in what a command printed."""

_kept: list[Path] = []
_patching: set[pytest.MonkeyPatch] = set()


@contextmanager
def remembering(folder: Path) -> Iterator[None]:
    """Remember in a folder, which the workers of one session share, for as long as nothing of the tool is replaced."""
    folder.mkdir(exist_ok=True)
    undo = pytest.MonkeyPatch.undo
    replacing = {name: getattr(pytest.MonkeyPatch, name) for name in ("setattr", "delattr", "setitem", "delitem")}

    def noted(name: str) -> Callable[..., None]:
        def replace(self: pytest.MonkeyPatch, *given: object, **named: object) -> None:
            _patching.add(self)
            replacing[name](self, *given, **named)

        return replace

    def undone(self: pytest.MonkeyPatch) -> None:
        _patching.discard(self)
        undo(self)

    _kept.append(folder)
    try:
        for name in replacing:
            setattr(pytest.MonkeyPatch, name, noted(name))
        pytest.MonkeyPatch.undo = undone
        yield
    finally:
        for name, method in replacing.items():
            setattr(pytest.MonkeyPatch, name, method)
        pytest.MonkeyPatch.undo = undo
        _kept.remove(folder)
        _patching.clear()


def remembered(folder: Path, words: Sequence[str], at: str | None, run: Callable[[], Done], how: str = "here") -> Done:
    """Run a command in its workspace, or lay down what it made of the same the last time; ``how`` it is run counts, too.

    What the command raises is raised, and not remembered.
    """
    words = ["--quiet" if word == "-q" else word for word in globals_first(words)]
    if not _kept or _patching or not _is_timed(words, at) or not NEVER.isdisjoint(words):
        return run()
    before = _read(folder)
    if before is None:
        return run()
    named = [word.replace(str(folder), "@") for word in words]
    if any(re.search(r"(^|=)/|\.\.", word) for word in named):
        return run()
    # Options that hold for every command come in any order before it.
    named = sorted(named[:-1]) + named[-1:] if named[-1].isalpha() else named
    variables = sorted((name, value) for name, value in os.environ.items() if not IGNORED.match(name))
    made_of = repr((named, at, how, variables, sorted(before.items())))
    place = _kept[-1] / hashlib.sha256(made_of.encode()).hexdigest()
    if (place / "done.json").exists():
        return _lay_down(place, folder)
    done = run()
    after = _read(folder)
    if after is not None:
        _keep(place, folder, before, after, done)
    return done


def _is_timed(words: Sequence[str], at: str | None) -> bool:
    """Tell whether a command is told the time: what the machine's clock says differs from run to run."""
    return at is not None or "--as-of" in words


def _read(folder: Path) -> Files | None:
    """Return what is in a workspace; nothing of one that leads elsewhere, or is large."""
    found: dict[str, tuple[str, int]] = {}
    size, base, inner = 0, len(str(folder)) + 1, [str(folder)]
    while inner:
        here = inner.pop()
        declaring = os.path.basename(here) in DECLARING  # noqa: PTH119 - text, of thousands of files
        with os.scandir(here) as entries:
            for entry in entries:
                about = entry.stat(follow_symlinks=False)
                size += about.st_size
                if size > LARGEST:
                    return None
                if stat.S_ISDIR(about.st_mode):
                    inner.append(entry.path)
                    digest = ""
                elif stat.S_ISREG(about.st_mode):
                    data = Path(entry.path).read_bytes()
                    if declaring and entry.name.endswith((".yaml", ".yml")) and _leads_elsewhere(data):
                        return None
                    digest = hashlib.sha256(data).hexdigest()
                else:
                    return None
                found[entry.path[base:]] = digest, about.st_mode
    return found


def _leads_elsewhere(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    return any(ELSEWHERE.search(line.partition("#")[0]) for line in text.splitlines())


def _keep(place: Path, folder: Path, before: Files, after: Files, done: Done) -> None:
    """Keep what a command changed in its workspace, all of it or nothing; nothing where a file says where the workspace is."""
    changed = [name for name, about in after.items() if before.get(name) != about]
    here = str(folder)
    if any(after[name][0] and here.encode() in (folder / name).read_bytes() for name in changed):
        return
    made = Path(tempfile.mkdtemp(dir=place.parent))
    for number, name in enumerate(changed):
        if after[name][0]:
            shutil.copyfile(folder / name, made / str(number))
    # In the order in which they were written, which is that of some files of equal rank.
    order = sorted(range(len(changed)), key=lambda number: (folder / changed[number]).stat().st_mtime_ns)
    told = {
        "done": (done.code, done.out.replace(here, _HERE), done.err.replace(here, _HERE)),
        "gone": [name for name in before if name not in after],
        "changed": [(number, changed[number], after[changed[number]]) for number in order],
    }
    (made / "done.json").write_text(json.dumps(told), encoding="utf-8")
    try:
        made.rename(place)
    except OSError:  # another worker was first
        shutil.rmtree(made)


def _lay_down(place: Path, folder: Path) -> Done:
    """Change a workspace as the command did."""
    told = json.loads((place / "done.json").read_text(encoding="utf-8"))
    for name in sorted(told["gone"], reverse=True):
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink()
    folders = [(name, mode) for _, name, (digest, mode) in told["changed"] if not digest]
    for name, _ in sorted(folders):
        (folder / name).mkdir(exist_ok=True)
    for number, name, (digest, mode) in told["changed"]:
        if digest:
            shutil.copyfile(place / str(number), folder / name)
            (folder / name).chmod(stat.S_IMODE(mode))
    for name, mode in folders:
        (folder / name).chmod(stat.S_IMODE(mode))
    code, out, err = told["done"]
    return Done(code, out.replace(_HERE, str(folder)), err.replace(_HERE, str(folder)))
