"""The first hour as a film: what a newcomer types from three exports to a report, and what is printed.

Every line comes from a run; of a long answer the lines that a reader looks for are kept, and ``…`` stands for the
rest. ``make docs`` writes it into README.md.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from tests.support.command import in_folder
from tests.support.example import AUDITED_AT, REPOSITORY

WIDTH = 112
_EXPORTS = {"people.csv": "hr/roster.csv", "ad": "ad", "ledger.csv": "ledger/users.csv"}
_BLOCKS = frozenset({"p", "li", "h1", "h2", "h3", "tr", "div", "section", "dt", "dd", "nav", "article", "header"})
_UNSEEN = frozenset({"style", "script", "svg", "nav"})


@dataclass(frozen=True)
class Excerpt:
    """Lines of an answer: from the first that has ``start``, so many."""

    start: str
    lines: int = 1


@dataclass(frozen=True)
class Scene:
    """What is said before, what is typed, and what is kept of the answer."""

    said: str
    typed: str
    kept: Sequence[Excerpt]


NOW = f"--as-of {AUDITED_AT}"
SCENES = (
    Scene(
        "Three exports: HR's list of people, three LDIF files of the directory, the ledger's list of users.",
        "access-review inspect exports",
        (
            Excerpt("exports/ad/ "),
            Excerpt("exports/ledger.csv: "),
            Excerpt("  role  "),
            Excerpt("exports/people.csv: "),
            Excerpt("  last_day  "),
            Excerpt("  status: "),
            Excerpt("  ? is the last day"),
            Excerpt("What joins", 2),
        ),
    ),
    Scene(
        "The two answers that no file has are options; without them it asks. (The clock is the example's.)",
        f"access-review {NOW} init norwind --from exports --organisation Norwind \\\n"
        "    --zone Europe/Warsaw --last-day end-of-day",
        (
            Excerpt("sources/hr.yaml", 2),
            Excerpt("sources/ad.yaml", 2),
            Excerpt("ledger: only", 2),
            Excerpt("attributes explain", 5),
            Excerpt("payroll-clerk"),
            Excerpt("Left out", 2),
            Excerpt(" templates written to "),
            Excerpt(" findings: ", 4),
            Excerpt("What to do first", 9),
            Excerpt("Report: "),
        ),
    ),
    Scene(
        "A template is a file, to be read by somebody who knows the work:",
        "cat norwind/roles/templates/payroll-clerk.yaml",
        (Excerpt("", 9),),
    ),
    Scene(
        "Why is one of them found?",
        f"access-review -C norwind {NOW} --run 2026 explain 'Gino Garcia'",
        (
            Excerpt("Finding ", 3),
            Excerpt("Payroll Run (ledger", 2),
            Excerpt("beside peers", 4),
            Excerpt("to end it: "),
        ),
    ),
)
_PAGE = (
    Excerpt("As of "),
    Excerpt("What to do today"),
    Excerpt("red findings"),
    Excerpt("hold 2 things"),
    Excerpt("→ take away"),
    Excerpt("left and can still sign in"),
    Excerpt("→ disable"),
    Excerpt("Judged: "),
)


def film() -> str:
    """Return the film as Markdown: a fenced block for each scene, and the page that a manager reads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for export, of in _EXPORTS.items():
            source, target = REPOSITORY / "sources" / "demo" / of, folder / "exports" / export
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        scenes = [_told(scene.said, f"$ {scene.typed}", _answer(folder, scene.typed), scene.kept) for scene in SCENES]
        page = next((folder / "norwind" / "runs" / "rehearsals").glob("*/report.html"))
        read = _Text(page.read_text(encoding="utf-8")).lines
        scenes.append(_told("The page that a manager reads, opened in a browser, begins so:", "", read, _PAGE))
    return "\n\n".join(scenes)


def _answer(folder: Path, typed: str) -> list[str]:
    words = typed.replace("\\\n", " ").replace("'", "").split()
    if words[0] == "cat":
        return (folder / words[1]).read_text(encoding="utf-8").splitlines()
    quoted = re.search(r"'(.*)'", typed)
    if quoted:
        words = [*words[: -len(quoted[1].split())], quoted[1]]
    done = in_folder(folder, *words[1:])
    if done.code:
        raise RuntimeError(f"{typed}\n{done.err}")
    return done.out.splitlines()


def _told(said: str, typed: str, answer: Sequence[str], kept: Sequence[Excerpt]) -> str:
    shown = "\n".join((*([typed] if typed else ()), *_excerpts(answer, kept)))
    return f"{said}\n\n```text\n{shown}\n```"


def _excerpts(answer: Sequence[str], kept: Sequence[Excerpt]) -> Iterator[str]:
    at = 0
    for one in kept:
        start = next((n for n in range(at, len(answer)) if one.start in answer[n]), None)
        if start is None:
            raise RuntimeError(f"no line has {one.start!r} any more: say in film.py what to show instead")
        if start > at:
            yield "…"
        at = min(start + one.lines, len(answer))
        yield from (_cut(line) for line in answer[start:at])
    if at < len(answer):
        yield "…"


def _cut(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1].rstrip()}…"


class _Text(HTMLParser):
    """A page as lines of text, without what is no text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._unseen = 0
        self.feed(page)
        lines = ("".join(self._parts)).splitlines()
        self.lines = [text for line in lines if (text := " ".join(line.split()))]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._unseen += tag in _UNSEEN
        self._parts.append("\n" if tag in _BLOCKS else " ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN
        self._parts.append("\n" if tag in _BLOCKS else " ")

    def handle_data(self, data: str) -> None:
        self._parts.append("" if self._unseen else data.replace("\n", " "))
