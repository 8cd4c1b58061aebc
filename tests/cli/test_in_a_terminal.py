"""What people see: the main commands in a real terminal, of 80 and of 100 columns."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.workspaces import Company

pty = pytest.importorskip("pty", reason="a real terminal is one of a Unix system")

AT = "2026-11-02T06:00:00Z"
NAME = "Maria Magdalena Wolfeschlegelsteinhausen"
COMMANDS = (
    "collect",
    "review",
    "review --group 1",
    "offboarding",
    "offboarding --person 00003",
    "trend",
    "plan --requested-by 00007",
)
AGAIN = ("review --group 1", "offboarding", "trend")
# One process for all of them: to start one for each would take longer than all they do.
RUN = """\
import fcntl, struct, sys, termios
from access_review import cli
from tests.support.clocks import clock_at
folder, at, *rest = sys.argv[1:]
for words in rest:
    if words.isdecimal():
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(words), 0, 0))
        continue
    print("\\n$ " + words)
    try:
        cli.run(clock_at(None), ["-C", folder, "--as-of", at, *words.split()])
        print("exit 0")
    except SystemExit as ended:
        print("exit", ended.code or 0)
"""
COPIED = ("access-review ", "/", "sha256:")
"""In what is to be copied whole: a command, a path and a digest may be as long as they are; all else fits."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company of which one has left and one holds too much, both with long names; reviewed once before."""
    made = Company(tmp_path_factory.mktemp("company"))
    made.leave(3, "2026-10-20")
    made.besides = [(4, "Administrator of every ledger of the whole organisation")]
    made.write()
    people = made.folder / "sources/people.csv"
    people.write_text(re.sub(r"Person ([34]),", rf"{NAME} \1,", people.read_text()))
    assert made.run("audit", at="2026-10-26T06:00:00Z").code == 0
    return made


def in_a_terminal(company: Company) -> str:
    """Return what the commands print where standard output is a terminal, of 80 columns and then of 100."""
    child, terminal = pty.fork()
    if not child:  # pragma: no cover - another process
        os.environ.update({"TERM": "xterm-256color"})
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            os.environ.pop(name, None)
        os.chdir(Path(__file__).parents[2])
        words = [str(company.folder), AT, "80", *COMMANDS, "100", *AGAIN]
        os.execv(sys.executable, [sys.executable, "-W", "ignore", "-c", RUN, *words])  # noqa: S606
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:  # Linux says so where the other end is closed
        pass
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_in_a_terminal_nothing_is_cut_and_nothing_runs_over(company: Company) -> None:
    shown = in_a_terminal(company)
    text = _ESCAPES.sub("", re.sub(r"[^\n]*\r", "", shown))  # what shows progress is drawn over
    assert re.findall(r"exit (\d+)", text) == ["0"] * (len(COMMANDS) + len(AGAIN)), text
    narrow, wide = text.split("exit 0\n", len(COMMANDS))[:-1], text.split("exit 0\n")[len(COMMANDS) : -1]
    for width, parts in ((80, narrow), (100, wide)):
        lines = [line for part in parts for line in part.split("\n") if all(one not in line for one in COPIED)]
        assert [line for line in lines if len(line) > width] == []
        assert [line for line in lines if line.rstrip().endswith("…")] == []
    plain = " ".join(text.split())
    for needed in ("→ disable", "→ take away", "failed, late by", "2026-10-21 00:00 Manila", "Judged: "):
        assert needed in plain
    assert "\x1b[3" in shown, "colour where somebody looks"


def test_where_nobody_looks_there_is_no_colour(company: Company) -> None:
    assert "\x1b" not in company.run("review", "--run", "20261026", at=AT).out
