"""Sources: retire one, in its own file, which keeps its comments and stays a file that can be read."""

import re
from datetime import date

from access_review import documents
from access_review.errors import Unclear, WorkspaceError
from access_review.store import files
from access_review.workspace import Workspace

_BEGINS = re.compile(r"^connector[ \t]*:[^\n]*\n?", re.MULTILINE)


def retire_source(workspace: Workspace, name: str, day: date) -> str:
    """Write ``retired`` with a day into the file of a source, and return the file; the rest of it stays byte for byte.

    Raises ``Unclear`` for a source that is not there or is retired already, and ``WorkspaceError``
    for a file in which no line can be added safely: nothing is written then.
    """
    entry = next((entry for entry in workspace.sources if entry.name == name), None)
    shown = f"sources/{name}.yaml"
    if entry is None:
        known = ", ".join(sorted(entry.name for entry in workspace.sources))
        raise Unclear(
            f"no source is called {name!r}", hint=f"known: {known}; if its file was deleted, put it back and retire it"
        )
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
