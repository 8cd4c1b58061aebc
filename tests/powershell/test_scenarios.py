"""The program in PowerShell against stand-ins for its two modules, where ``pwsh`` is found; and how it is started, everywhere."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.powershell import carry
from tests.powershell.carry import Carry, Ended, PowerShell, Typed, digest
from tests.powershell.scenarios import Scenario, every
from tests.powershell.world import ANN, world
from tests.powershell.written import taking

SCENARIOS = pytest.mark.parametrize("scenario", every(), ids=lambda one: one.__name__)


@dataclass
class Instead:
    """What is started in place of PowerShell: it notes how, and leaves the log and the calls that it is given."""

    log: str = ""
    calls: Sequence[Mapping[str, object]] = ()
    code: int = 0
    started: list[tuple[list[str], Path, Mapping[str, str]]] = field(default_factory=list)

    def run(self, words: Sequence[str], folder: Path, environment: Mapping[str, str], typed: Typed | None) -> Ended:
        assert typed is None or typed.text
        self.started.append((list(words), folder, dict(environment)))
        if self.log:
            (folder / "log.csv").write_text(self.log, "utf-8-sig", newline="")
        told = "".join(json.dumps(call) + "\n" for call in self.calls)
        Path(environment["STUB_LOG"]).write_text(told, "utf-8")
        return Ended(self.code, "", "")

    @contextmanager
    def holding(self, path: Path) -> Iterator[None]:
        assert path.is_file()
        yield


@pytest.mark.slow
@SCENARIOS
def test_scenario(scenario: Scenario, powershell: PowerShell, tmp_path: Path) -> None:
    scenario(Carry(tmp_path, powershell))


@SCENARIOS
def test_a_program_that_does_and_says_nothing_falls_short(scenario: Scenario, tmp_path: Path) -> None:
    """No scenario passes for want of anything that could fail it; and each can be started, with or without PowerShell."""
    with pytest.raises((AssertionError, IndexError)):
        scenario(Carry(tmp_path, Instead()))


def test_it_is_started_in_both_ways_with_the_stand_ins_alone(tmp_path: Path) -> None:
    instead = Instead()
    plan = taking()
    for prompt in (False, True):
        Carry(tmp_path, instead, program=Path("/p/carry-out.ps1")).out(plan, "-Batch", "batch-2", prompt=prompt)
    (file, where, variables), (prompted, other, _) = instead.started
    words = ["-Apply", "-Digest", digest(plan), "-Force", "-Batch", "batch-2", "-Plan", "plan.json", "-Log"]
    assert file == ["-NoProfile", "-NonInteractive", "-File", "/p/carry-out.ps1", *words, str(where / "log.csv")]
    quoted = f"-Apply -Digest '{digest(plan)}' -Force -Batch 'batch-2' -Plan 'plan.json' -Log '{other / 'log.csv'}'"
    assert prompted == [
        *carry.NON_INTERACTIVE,
        "-Command",
        f"& '/p/carry-out.ps1' {quoted}; exit $LASTEXITCODE",
    ]
    assert (where / "plan.json").read_bytes() == plan
    assert json.loads((where / "state.json").read_text("utf-8")) == world()
    assert Path(variables["PSModulePath"]) == carry.STUBS
    assert "STUB_FAULTS" not in variables
    modules = {path.parent.name for path in carry.STUBS.glob("*/*.psm1")}
    assert modules == {"ActiveDirectory", "Microsoft.Graph.Authentication", "StubState"}


def test_what_it_did_is_read_from_its_log_and_from_the_calls(tmp_path: Path) -> None:
    heading = '"At","Plan","Change","Batch","Action","Outcome","Note","By","On"\r\n'
    rows = [("c-1", "intent", ""), ("c-1", "failed", 'he said ""no"", and\r\nleft'), ("c-2", "absent", "")]
    log = heading + "".join(
        f'"t","sha256:0","{change}","batch-1","remove-member","{outcome}","{note}","me","dc1"\r\n'
        for change, outcome, note in rows
    )
    reads = {"call": "Get-ADObject", "with": {}}, {"call": "Invoke-MgGraphRequest", "with": {"Method": "GET"}}
    changing = (
        {"call": "Set-ADObject", "with": {}},
        {"call": "Invoke-MgGraphRequest", "with": {"Method": "DELETE", "Uri": ANN}},
    )
    instead = Instead(log, (*reads, *changing), code=4)
    ran = Carry(tmp_path, instead).out(taking(), faults={"GET *": (403, 2)})
    assert (ran.code, ran.outcomes, ran.writes) == (4, {"c-1": "failed", "c-2": "absent"}, list(changing))
    assert (ran.of("remove-member"), ran.after(ran)) == (["failed", "absent"], [])
    assert ran.notes("remove-member") == ' he said "no", and\r\nleft '
    assert ran.calls_with(ANN) == [changing[1]]
    faults = json.loads(Path(instead.started[0][2]["STUB_FAULTS"]).read_text("utf-8"))
    assert faults == {"GET *": {"status": 403, "times": 2}}
    again = Carry(tmp_path, instead).out(taking(), again=ran)
    assert (again.folder, len(again.rows)) == (ran.folder, 3)


def test_powershell_is_looked_for_where_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "pwsh-7"
    program.write_text('#!/bin/sh\nread line\nprintf "%s|%s|%s" "$*" "$STUB_STATE" "$line"\nexit 4\n')
    program.chmod(0o700)
    monkeypatch.setenv("PWSH", str(program))
    found = carry.find()
    assert found == PowerShell(str(program))
    ended = found.run(["-File", "x y"], tmp_path, {"STUB_STATE": "here"}, Typed(0, "Y\nY\n"))
    assert ended == Ended(4, "-File x y|here|Y", "")
    monkeypatch.setenv("PWSH", str(tmp_path / "none"))
    assert carry.find() is None
    monkeypatch.delenv("PWSH")
    assert (carry.find() is None) is not any(
        (Path(folder) / "pwsh").exists() for folder in os.environ["PATH"].split(os.pathsep)
    )
