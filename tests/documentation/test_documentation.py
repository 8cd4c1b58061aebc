"""The documentation that is executed: what a runbook shows in a ``console`` block is what happens.

The blocks of one runbook run in order, in one copy of the example workspace. A line
``$ command`` is run by bash in that folder, with lines ``> …`` below it as its
continuation. The lines after it must appear in what the command prints, in that order;
``…`` within a line stands for anything, and one space for any number. A command must end with 0, or with the code
that a comment at its end (``# exit 3``) or the first line of its block (``console exit
3``) names. A block whose first line names a file (``yaml sources/hr.yaml``) is written
there. All other blocks are to be read, not run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from access_review import __version__
from access_review.rules import load
from tests.documentation.film import SCENES
from tests.documentation.generate import README, rule_table, written
from tests.support.command import in_folder
from tests.support.example import REPOSITORY, copy_example
from tests.support.remembered import Done, remembered

RUNBOOKS = sorted((REPOSITORY / "runbooks").glob("*.md"))
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *RUNBOOKS])
COMMANDS = re.findall(r"^  ([a-z-]+) ", README.read_text(encoding="utf-8").partition("Commands:")[2], re.MULTILINE)
HEADINGS = ["When", "Before", "Steps", "Check", "Undo"]

_FENCE = re.compile(r"^( *)(`{3,})(.*)$")
_EXIT = re.compile(r"\bexit[ =](\d+)")
_STATED = re.compile(r"# *exit (\d+)$", re.MULTILINE)
_PLAIN = re.compile(r"access-review ([^|<>&;$`*?()~#\n]*)")
"""A command that means the same without a shell."""
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, the first line behind its fence, and its lines without their indent."""

    line: int
    info: str
    lines: tuple[str, ...]

    @property
    def file(self) -> str | None:
        """The file that the block is to be written to, if any."""
        words = self.info.split()
        return words[1] if len(words) == 2 and words[0] != "console" and "/" in words[1] else None


@dataclass(frozen=True)
class Step:
    """One command, how it is to end and what it is to print."""

    command: str
    code: int
    shown: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document, in order; one that is never closed is an error."""
    opened: tuple[int, str, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None:
            if fence:
                opened, inside = (number, fence[1], fence[2], fence[3].strip()), []
        elif fence and fence[2] == opened[2] and not fence[3].strip():
            yield Block(opened[0], opened[3], tuple(inside))
            opened = None
        else:
            inside.append(line.removeprefix(opened[1]))
    assert opened is None, f"the block that opens on line {opened and opened[0]} is never closed"


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a console block."""
    usual = _EXIT.search(block.info)
    command: list[str] = []
    shown: list[str] = []
    for line in (*block.lines, "$ "):
        if line.startswith("$ "):
            if command:
                whole = "\n".join(command)
                stated = _STATED.search(whole) or usual
                yield Step(whole, int(stated[1]) if stated else 0, tuple(shown))
            command, shown = [line[2:]], []
        elif line.startswith("> ") and not shown:
            command.append(line[2:])
        else:
            assert command, f"line {block.line}: a console block starts with a command"
            shown.append(line.rstrip())


def missing(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first line shown that was not printed after the ones before it, or nothing."""
    real = iter(_evenly(line) for line in printed.splitlines())
    for line in shown:
        wanted = re.compile(".*".join(re.escape(part) for part in _evenly(line).split("…")))
        if line.strip() not in {"", "…"} and not any(wanted.fullmatch(one) for one in real):
            return line
    return None


def _evenly(line: str) -> str:
    return " ".join(line.split())


def run(command: str, folder: Path) -> tuple[int, str]:
    """Run a command as somebody at a terminal of 100 columns would, and return its code and all it printed.

    What needs no shell runs in this process, which saves its start.
    """
    words = plain(command)
    if words is not None:
        result = in_folder(folder, *words)
        return result.code, result.out + result.err
    return in_shell(command, folder)


def plain(command: str) -> list[str] | None:
    """Return the words of a command of this tool that means the same without a shell, whose output may be thrown away."""
    found = _PLAIN.fullmatch(_STATED.sub("", command).replace("\\\n", " ").strip().removesuffix("> /dev/null"))
    return shlex.split(found[1]) if found else None


def installed(command: str, folder: Path) -> tuple[int, str]:
    """Run a command from a shell, by the program that is installed; what several runbooks begin with runs once."""
    code, printed, _ = remembered(
        folder, plain(command) or [], None, lambda: Done(*in_shell(command, folder), ""), how="from a shell"
    )
    return code, printed


def in_shell(command: str, folder: Path) -> tuple[int, str]:
    """Run a command by bash."""
    scripts = sysconfig.get_path("scripts")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "LC_ALL": "C.UTF-8",
            "PYTHONWARNINGS": "error",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def workspace(tmp_path):
    return copy_example(tmp_path)


def changed_lately() -> tuple[str, ...]:
    """Return the runbooks that the last commit changed, or that differ from it."""
    said = ["git", "-C", str(REPOSITORY), "diff", "--name-only", "HEAD~1", "--", "runbooks"]
    names = subprocess.run(said, capture_output=True, text=True, check=False).stdout if shutil.which("git") else ""
    return tuple(Path(name).stem for name in names.splitlines())


@pytest.mark.slow
@pytest.mark.sweep(share=1 / 4, always=("first-hour", *changed_lately()))
@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_what_a_runbook_shows_is_what_happens(runbook, workspace):
    execute = installed  # the first command: what is installed runs, from a shell
    for block in blocks(runbook.read_text(encoding="utf-8")):
        if block.file:
            target = workspace / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("\n".join(block.lines) + "\n", encoding="utf-8")
        if block.info.split()[:1] != ["console"]:
            continue
        for step in steps(block):
            code, printed = execute(step.command, workspace)
            execute = run
            told = f"{runbook.name}:{block.line}: $ {step.command}\n{printed}"
            assert code == step.code, told
            line = missing(step.shown, printed)
            assert line is None, f"{line!r} is not printed there\n{told}"


def test_every_shell_block_that_is_more_than_one_command_has_its_powershell():
    windows = next(path for path in RUNBOOKS if path.stem == "windows")
    lines = [line for b in blocks(windows.read_text(encoding="utf-8")) if b.info == "powershell" for line in b.lines]
    heads = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    left = []
    for runbook in RUNBOOKS:
        for block in blocks(runbook.read_text(encoding="utf-8")):
            for said in in_a_shell(block) if runbook is not windows else ():
                plain = _PLAIN.fullmatch(_STATED.sub("", said).replace("\\\n", " ").strip())
                if not plain and not any(said.startswith(head) for head in heads):
                    left.append(f"{runbook.name}: {said}")
    assert left == [], "say in windows.md how it is done there"


def in_a_shell(block: Block) -> list[str]:
    """Return the commands that a block shows for a shell: those after a prompt, or each line of one that is not run here."""
    if block.info.split()[:1] == ["console"]:
        return [step.command.removeprefix("{\n").strip() for step in steps(block)]
    if block.info != "sh":
        return []
    lines = "\n".join(block.lines).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_what_is_shown_for_powershell_is_whole():
    pairs = {"(": ")", "[": "]", "{": "}"}
    for block in blocks(next(path for path in RUNBOOKS if path.stem == "windows").read_text(encoding="utf-8")):
        if block.info != "powershell":
            continue
        text = "\n".join(line for line in block.lines if not line.startswith("#"))
        bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
        assert not set("'\"") & set(re.sub(r"#.*", "", bare)), f"line {block.line}: a quote is open"
        for opened, closed in pairs.items():
            assert bare.count(opened) == bare.count(closed), f"line {block.line}: {opened} and {closed}"
        for command in re.findall(r"^access-review (?:-C \S+ |--\S+(?: \S+T\S+)? )*([a-z][a-z-]*)", text, re.MULTILINE):
            assert command in COMMANDS, command


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_the_same_five_headings(runbook):
    text = outside_blocks(runbook.read_text(encoding="utf-8"))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert len(re.findall(r"^# .+$", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_links_between_documents_lead_somewhere(document):
    for path, heading in _LINK.findall(outside_blocks(document.read_text(encoding="utf-8"))):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        if heading:
            assert heading in anchors(target.read_text(encoding="utf-8")), f"{path}#{heading}"


def outside_blocks(text: str) -> str:
    """Return the lines of a document that stand in no fenced block."""
    kept, fenced = [], ""
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if fence:
            fenced = "" if fenced == fence[2] else fenced or fence[2]
        elif not fenced:
            kept.append(line)
    return "\n".join(kept)


def anchors(text: str) -> set[str]:
    """Return the names by which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.+)$", outside_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.slow
def test_the_generated_parts_of_the_readme_are_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert written(text) == text, "run make docs"


def test_the_first_hour_is_read_and_typed_in_less_than_ten_minutes():
    shown = README.read_text(encoding="utf-8").partition("<!-- film -->")[2].partition("<!-- /film -->")[0]
    typed = [scene.typed for scene in SCENES]
    assert all(f"$ {one}" in shown for one in typed)
    assert len(shown.split()) / 200 + len("".join(typed)) / 150 < 10, "words and keys in a minute, unhurried"


def test_the_table_has_every_rule_once():
    rows = rule_table().splitlines()[2:]
    assert sorted(row.split("`")[1] for row in rows) == sorted(load())
    assert all(row.count("|") == 6 for row in rows), "a cell holds a bar"


def test_the_changelog_has_this_version():
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}]" in text


def test_a_shown_line_must_be_printed_in_order():
    printed = "one 1\ntwo 2\nthree 3\n"
    assert missing(("one …", "", "…", "three 3"), printed) is None
    assert missing(("two …", "one …"), printed) == "one …"
    assert missing(("one 1", "one 1"), printed) == "one 1"
    assert missing(("tw",), printed) == "tw"
    assert missing(("t.o 2",), printed) == "t.o 2"


def test_a_block_is_read_with_its_commands_and_exit_codes():
    text = "1. First\n\n   ```console\n   $ a \\\n   > b # exit 3\n   out\n   $ c\n   ```\n\n```text\n$ d\n```\n"
    read = list(blocks(text))
    assert [block.info for block in read] == ["console", "text"]
    assert list(steps(read[0])) == [Step("a \\\nb # exit 3", 3, ("out",)), Step("c", 0, ())]
    assert list(steps(Block(1, "console exit 2", ("$ e",)))) == [Step("e", 2, ())]
    assert list(steps(Block(1, "console", ("$ e  # exit 4", "no")))) == [Step("e  # exit 4", 4, ("no",))]
