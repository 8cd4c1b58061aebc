"""Runs ``carry-out.ps1`` against the stand-ins, and says what it did: to the systems, in its log, and in what it printed."""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.powershell.world import World, world
from tests.support.example import REPOSITORY

STUBS = Path(__file__).parent / "stubs"
PROGRAM = REPOSITORY / "access_review" / "views" / "templates" / "carry-out.ps1"

ALTERED = "CARRY_OUT_PROGRAM"
"""Names another program to try in its place: the mutations do."""

NON_INTERACTIVE = ("-NoProfile", "-NonInteractive")
_WRITING = {"Disable", "Enable", "Remove", "Add", "Set", "Update", "Revoke", "New"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody types, and after how many seconds."""

    after: float
    text: str


class Starts(Protocol):
    """Whatever starts PowerShell."""

    def run(self, words: Sequence[str], folder: Path, environment: Mapping[str, str], typed: Typed | None) -> Ended:
        """Run it with these words to its end."""

    def holding(self, path: Path) -> AbstractContextManager[None]:
        """Keep a file open in another process meanwhile."""


@dataclass(frozen=True, slots=True)
class PowerShell:
    """The PowerShell of this machine."""

    pwsh: str

    def run(self, words: Sequence[str], folder: Path, environment: Mapping[str, str], typed: Typed | None) -> Ended:
        """Run it with these words to its end; what is typed comes when its time has come."""
        done = subprocess.Popen(
            [self.pwsh, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        with done:
            time.sleep(typed.after if typed else 0)
            out, err = done.communicate(typed.text if typed else None, timeout=180)
        return Ended(done.returncode, out, err)

    @contextmanager
    def holding(self, path: Path) -> Iterator[None]:
        """Keep a file open in another process meanwhile, as a run that has not ended does."""
        kept = f"$s = [IO.File]::Open('{path}', 'Open', 'ReadWrite', 'ReadWrite'); 'held'; Start-Sleep 60"
        with subprocess.Popen([self.pwsh, "-NoProfile", "-Command", kept], stdout=subprocess.PIPE, text=True) as held:
            assert held.stdout.readline() == "held\n"
            try:
                yield
            finally:
                held.kill()


def find() -> PowerShell | None:
    """Return the PowerShell of this machine: ``PWSH``, or the one on the path; nothing where there is none."""
    found = shutil.which(os.environ.get("PWSH", "pwsh"))
    return PowerShell(found) if found else None


def words_at_prompt(program: Path, words: Sequence[str], before: str = "") -> list[str]:
    """Return how the program is started by somebody at the prompt, where a script has a scope of its own.

    Modules see the difference: a script's preferences do not reach their functions there.
    """
    said = " ".join(word if word.startswith("-") else f"'{word}'" for word in words)
    return ["-Command", f"{before}& '{program}' {said}; exit $LASTEXITCODE"]


def words_for_file(program: Path, words: Sequence[str]) -> list[str]:
    """Return how the program is started with ``-File``, where a script is run in the global scope."""
    return ["-File", str(program), *words]


@dataclass(frozen=True, repr=False)
class Ran:
    """What a run did."""

    folder: Path
    code: int
    out: str
    err: str
    state: World
    calls: list[dict[str, Any]]
    rows: list[dict[str, str]]

    @property
    def graph(self) -> World:
        """The tenant as it is now."""
        found: World = self.state["graph"]
        return found

    @property
    def flat(self) -> str:
        """What it said, without the breaks that PowerShell puts into an error."""
        return self.err.replace("\n     | ", "").replace("\n", "")

    @property
    def outcomes(self) -> dict[str, str]:
        """The last outcome of each change."""
        return {row["Change"]: row["Outcome"] for row in self.rows}

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The calls that change something."""
        return [
            call
            for call in self.calls
            if call["call"].partition("-")[0] in _WRITING or call["with"].get("Method", "GET") != "GET"
        ]

    def of(self, action: str) -> list[str]:
        """Return the outcomes of an action, in the order of the log."""
        return [row["Outcome"] for row in self.rows if row["Action"] == action and row["Outcome"] != "intent"]

    def notes(self, action: str) -> str:
        """Return what the log says besides of an action."""
        return " ".join(row["Note"] for row in self.rows if row["Action"] == action)

    def after(self, earlier: "Ran") -> list[str]:
        """Return the outcomes that an earlier run with the same log did not have."""
        return [row["Outcome"] for row in self.rows[len(earlier.rows) :]]

    def calls_with(self, text: str) -> list[dict[str, Any]]:
        """Return the writing calls that name something."""
        return [call for call in self.writes if text in json.dumps(call)]

    def __repr__(self) -> str:
        return f"exit code {self.code}, {self.outcomes}\n{self.out[-1500:]}\n{self.err[-1500:]}"


@dataclass(frozen=True, slots=True)
class Carry:
    """One machine to run the program on: ``place`` is where its folders are."""

    place: Path
    starts: Starts
    modules: Path = STUBS
    program: Path = field(default_factory=lambda: Path(os.environ.get(ALTERED) or PROGRAM).resolve())

    def out(
        self,
        plan: bytes,
        *words: str,
        given: Sequence[str] | None = None,
        state: World | None = None,
        faults: Mapping[str, tuple[int, int]] | None = None,
        environment: Mapping[str, str] | None = None,
        again: Ran | None = None,
        before: Callable[[Path], None] | None = None,
        log: str = "log.csv",
        prompt: bool = False,
        session: str = "",
        flags: Sequence[str] = NON_INTERACTIVE,
        typed: Typed | None = None,
    ) -> Ran:
        """Carry a plan out, all of it and asking nobody unless ``given`` says otherwise.

        ``again`` is an earlier run, whose folder, systems and log this one goes on with. ``faults`` has by call an
        answer and how often it is given: a status; 1 lost before the change, 2 after it; 3 an old answer.
        ``session`` is what somebody has typed at the prompt before.
        """
        folder = again.folder if again else Path(tempfile.mkdtemp(dir=self.place))
        (folder / "plan.json").write_bytes(plan)
        variables = self._lay_out(folder, state, faults, new=again is None)
        if before:
            before(folder)
        log_at = folder / log
        how = ("-Apply", "-Digest", digest(plan), "-Force") if given is None else given
        said = (*how, *words, "-Plan", "plan.json", "-Log", str(log_at))
        line = words_at_prompt(self.program, said, session) if prompt else words_for_file(self.program, said)
        ended = self.starts.run(
            [*flags, *line], folder, {**variables, "PSModulePath": str(self.modules), **(environment or {})}, typed
        )
        return Ran(
            folder,
            ended.code,
            ended.out,
            ended.err,
            json.loads((folder / "state.json").read_text("utf-8-sig")),
            [json.loads(line) for line in (folder / "calls.json").read_text("utf-8-sig").splitlines()],
            rows_of(log_at.read_bytes()) if log_at.is_file() else [],
        )

    @staticmethod
    def _lay_out(
        folder: Path, state: World | None, faults: Mapping[str, tuple[int, int]] | None, *, new: bool
    ) -> dict[str, str]:
        """Write what the stand-ins read, and return the variables that tell them where."""
        at = {name: folder / f"{name}.json" for name in ("state", "calls", "old", "faults")}
        if new or state is not None:
            at["state"].write_text(json.dumps(state or world()), "utf-8")
        at["calls"].write_text("", "utf-8")
        at["old"].write_bytes(at["state"].read_bytes())
        given = {call: {"status": status, "times": times} for call, (status, times) in (faults or {}).items()}
        at["faults"].write_text(json.dumps(given), "utf-8")
        return {
            "NO_COLOR": "1",
            "STUB_STATE": str(at["state"]),
            "STUB_LOG": str(at["calls"]),
            "STUB_OLD": str(at["old"]),
            **({"STUB_FAULTS": str(at["faults"])} if given else {}),
        }


def digest(plan: bytes) -> str:
    """Return what is approved of a plan."""
    return "sha256:" + hashlib.sha256(plan).hexdigest()


def rows_of(log: bytes) -> list[dict[str, str]]:
    """Return the rows of a log."""
    return list(csv.DictReader(io.StringIO(log.decode("utf-8-sig"), newline="")))
