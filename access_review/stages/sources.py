"""Sources: list them, and retire one, in its own file, which keeps its comments and stays a file that can be read."""

import re
from datetime import date, datetime

from access_review import connectors, documents
from access_review.errors import Unclear, WorkspaceError, no_such
from access_review.snapshot.carry_over import UNDECLARED
from access_review.store import files, logged, snapshots
from access_review.views.sources import ListedSource
from access_review.workspace import SourceEntry, Workspace

_BEGINS = re.compile(r"^connector[ \t]*:[^\n]*\n?", re.MULTILINE)


def list_sources(workspace: Workspace, now: datetime) -> list[ListedSource]:
    """Describe each source that a file declares, and those that only the last run knows; nothing is read of them."""
    runs = [run for run in logged.known_runs(workspace.folder) if run.as_of <= now]
    last: dict[str, tuple[datetime, bool]] = {}
    wanted = {entry.name for entry in workspace.sources}
    for run in reversed(runs):
        for name, source in snapshots.read_manifest(run).sources.items():
            wanted.add(name)
            if UNDECLARED not in source.verdicts:
                last.setdefault(name, (run.as_of, source.complete))
        if wanted <= last.keys():
            break
    kinds = {entry.name: entry.file.connector for entry in workspace.sources}
    read_from = {entry.name: _read_from(workspace, entry) for entry in workspace.sources}
    retired = {entry.name: entry.file.retired for entry in workspace.sources}
    found: list[ListedSource] = []
    for name in sorted(kinds.keys() | last.keys()):
        at, whole = last.get(name, (None, None))
        gone = retired.get(name)
        found.append(
            {
                "source": name,
                "connector": kinds.get(name, ""),
                "read_from": read_from.get(name, ""),
                "last_read": at.isoformat() if at else None,
                "complete": whole,
                "retired": gone.isoformat() if gone else None,
            }
        )
    return found


def _read_from(workspace: Workspace, entry: SourceEntry) -> str:
    """Tell whether a source is read live or from files; empty where that cannot be told, as its files are gone."""
    try:
        return "files" if connectors.is_recorded(workspace.connected(entry)) else "live"
    except WorkspaceError:
        return ""


def retire_source(workspace: Workspace, name: str, day: date) -> str:
    """Write ``retired`` with a day into the file of a source, and return the file; the rest of it stays byte for byte.

    Raises ``Unclear`` for a source that is not there or is retired already, and ``WorkspaceError``
    for a file in which no line can be added safely: nothing is written then.
    """
    entry = next((entry for entry in workspace.sources if entry.name == name), None)
    shown = f"sources/{name}.yaml"
    if entry is None:
        known = [entry.name for entry in workspace.sources]
        raise no_such("no source is called", name, known, more="; if its file was deleted, put it back and retire it")
    if entry.file.retired is not None:
        raise Unclear(
            f"{name} is retired since {entry.file.retired}: nothing was written", hint=f"to undo it, edit {shown}"
        )
    path = workspace.folder / shown
    text = path.resolve().read_bytes().decode("utf-8")
    found = _BEGINS.search(text.removeprefix("\ufeff"))
    changed = _with_line(text, found, f"retired: {day.isoformat()}") if found else text
    before, after = (documents.parse(one.removeprefix("\ufeff"), shown) for one in (text, changed))
    if after.mistakes or after.data != {**before.data, "retired": day}:
        raise WorkspaceError(
            f"{shown} is not written line by line: nothing was written",
            hint=f"write into it yourself: retired: {day.isoformat()}",
        )
    mode = path.stat().st_mode & 0o777
    files.write(path.resolve(), changed.encode("utf-8"))
    path.chmod(mode)
    return shown


def _with_line(text: str, found: re.Match[str], line: str) -> str:
    """Return a text with one line more behind the one that was found, ended as that one is."""
    mark = len(text) - len(text.removeprefix("\ufeff"))
    end = "\r\n" if found[0].endswith("\r\n") else "\n"
    begun = "" if found[0].endswith("\n") else end
    return text[: mark + found.end()] + begun + line + end + text[mark + found.end() :]
