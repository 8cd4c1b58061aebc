"""The attacker: writes to ``runs/`` as they like and holds one person's key; what they may do between any two steps.

A history begins where honest people have brought a company (audited, planned, asked for, approved, carried out), lets
the attacker at it before each further step, and ends with the attacker carrying out whatever lies there. Honest people
are gullible: they sign what the tool lets them sign. Whatever happens, nothing is taken that was not excess in the
system itself, or that no honest person signed besides the attacker.
"""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import rfc8785

from access_review import runs, workspace
from access_review.errors import AccessReviewError
from access_review.logbook import entries
from access_review.revoke import statements
from access_review.revoke.statements import Statement, StatementKind
from access_review.snapshot import digest_of
from access_review.store import files, keys, logbook, logged, snapshots
from tests.fuzz import damage
from tests.support.faulty_company import APPLY, AUDIT, PLAN, SIGN, Faulty, key

Chance = random.Random

EXCESS = range(11, 14)
TAKEN = frozenset(key(number, "Other") for number in EXCESS)
"""All that the review of the untouched company justifies taking."""
VICTIM = "00050"
STEPS = {
    "plan": (PLAN, "reviewed"),
    "request": (SIGN, "planned"),
    "approve": (SIGN, "requested"),
    "apply": (APPLY, "approved"),
    "verify": ("2026-11-02T06:40:00Z", "applied"),
    "collect": ("2026-11-02T06:41:00Z", "proven"),
    "review": ("2026-11-02T06:42:00Z", "read again"),
    "undo": ("2026-11-02T06:45:00Z", "reviewed again"),
    "request undo": ("2026-11-02T06:50:00Z", "undo planned"),
    "approve undo": ("2026-11-02T06:50:00Z", "undo requested"),
    "apply undo": ("2026-11-02T06:55:00Z", "undo approved"),
}
"""What honest people do, in this order: when, and at which stage of the company."""
STAGES = tuple(stage for _, stage in STEPS.values())
BEGINS = {
    "reviewed": 1,
    "planned": 6,
    "requested": 2,
    "approved": 9,
    "applied": 5,
    "reviewed again": 1,
    "undo planned": 2,
    "undo approved": 2,
}
"""Where histories begin, and how often."""


class Prepared:
    """The company at every stage, each as it lies on disk: laid out once, and put back for each history."""

    def __init__(self, folder: Path) -> None:
        self.company = Faulty(folder / "company", excess=EXCESS)
        declared = self.company.folder / "sources/app.yaml"
        declared.write_text(declared.read_text() + "options: {declares: true}\n")
        # Nobody's account holds the role too, or it would be gone with its last holder and nothing be given back.
        path, system = self.company.folder / "sources/system.json", self.company.system
        path.write_text(
            json.dumps(system | {"there": system["there"] | {key(999, "Other"): system["there"][key(11, "Other")]}})
        )
        self.kept = folder / "stages"
        for command in ("collect", "review"):
            assert self.company.run(command, at=AUDIT).code == 0
        for step, (_, stage) in STEPS.items():
            self._keep(stage)
            done = step_of(self.company, self.run_of(step), step)
            assert done.code == 0, f"{step}: {done.err}"

    def run_of(self, step: str) -> str:
        """Return in which run a step happens: an undo lies in the run that was read after its batch."""
        known = sorted(path.name for path in (self.kept / self.last / "runs").glob("2*"))
        return known[step.endswith(" undo")]

    def _keep(self, stage: str) -> None:
        shutil.copytree(self.company.folder / "runs", self.kept / stage / "runs")
        shutil.copy(self.company.folder / "sources/system.json", self.kept / stage)
        self.last = stage

    def at(self, stage: str) -> Faulty:
        """Put the company back to a stage."""
        shutil.rmtree(self.company.folder / "runs")
        shutil.copytree(self.kept / stage / "runs", self.company.folder / "runs")
        shutil.copy(self.kept / stage / "system.json", self.company.folder / "sources")
        return self.company


def step_of(company: Faulty, run: str, step: str, at: str | None = None) -> Any:
    """Do one step as the honest person whose step it is."""
    command, _, of = step.partition(" ")
    at, words = at or STEPS[step][0], ("--of", of) if of else ()
    match command:
        case "request":
            return company.run("--run", run, *_signing(company, 7), "--request", *words, at=at)
        case "approve":
            return company.run("--run", run, *_signing(company, 8), *words, at=at)
        case "apply":
            return company.run("--run", run, *_signing(company, 7, "apply"), *words, at=at)
        case "plan" | "undo":
            return company.run("--run", run, command, "--requested-by", "00007", at=at)
        case "verify":
            return company.run("--run", run, command, at=at)
        case _:
            return company.run(command, at=at)


def _signing(company: Faulty, person: int, command: str = "approve") -> tuple[str, ...]:
    return (command, "--by", f"{person:05}", "--key", str(company.folder / f"key{person}"))


@dataclass
class History:
    """One seed: where it begins, whose key the attacker has, and what came of it."""

    prepared: Prepared
    chance: Chance
    told: list[str] = field(default_factory=list)
    clock: int = 0

    def live(self) -> None:
        """Live through it; raises ``AssertionError`` at a breach."""
        chance = self.chance
        stage = chance.choices(tuple(BEGINS), tuple(BEGINS.values()))[0]
        self.attacker = chance.choices((7, 8, 9), (4, 3, 1))[0]
        self.company = self.prepared.at(stage)
        self.before = set(self.company.system["there"])
        begun = STAGES.index(stage)
        batch, undo = (min(begun, 4), max(0, begun - 7))
        self.signed = {n for n, needed in ((7, 2), (8, 3)) if batch >= needed and n != self.attacker}
        self.asked = set(TAKEN) if self.signed else set()
        self.given_back = set(TAKEN) if undo >= 3 or (undo == 2 and self.attacker != 7) else set()
        self.told.append(f"{stage}, with the key of {self.attacker}")
        ahead = list(STEPS)[begun:]
        if begun < 5 and chance.random() < 0.7:
            ahead = ahead[: 5 - begun]  # most batches are never undone
        for number, step in enumerate(ahead):
            if step == "request" and not number:
                self._act("plan forged", plan_forged)
            self._tamper(0 if number or undo else 1)
            if not self._step(step):
                break  # whoever is honest asks somebody, and does not go on
        self._tamper()
        if chance.random() < 0.5:
            self._step("apply", by_attacker=True)

    def _step(self, step: str, *, by_attacker: bool = False) -> bool:
        at, days = STEPS[step][0], self.clock
        if by_attacker or (step.startswith("apply") and self.attacker == 7):
            days += self.chance.choice((0, 0, 0, 1, 3, -1, -300, 300))
        if days:
            at = f"{datetime.fromisoformat(at) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        if by_attacker:
            names = sorted(path.parent.name for path in self.company.folder.glob("runs/2*/*/plan.json")) or ["plan"]
            who = str(self.company.folder / f"key{self.attacker}")
            claimed = self.chance.choice((self.attacker, 7))
            of = ("--of", self.chance.choice(names))
            run = (
                ("--run", self.prepared.run_of(self.chance.choice(tuple(STEPS)))) if self.chance.random() < 0.8 else ()
            )
            done = self.company.run(*run, "apply", "--by", f"{claimed:05}", "--key", who, *of, "--go-on", at=at)
        else:
            name = "undo" if step.endswith("undo") else "plan"
            kind = step.partition(" ")[0]
            shown = self._shown(name) if kind in {"request", "approve"} else set()
            done = step_of(self.company, self.prepared.run_of(step), step, at)
            who_signs = {"request": 7, "approve": 8}.get(kind)
            if who_signs not in {None, self.attacker} and done.code == 0:
                self.signed.add(int(who_signs or 0))
                asked = self.given_back if name == "undo" else self.asked
                asked |= shown
        self.told.append(f"{step} at {at}: {done.code} {done.err.strip().splitlines()[:1]}")
        self._hold()
        return bool(done.code == 0)

    def _shown(self, name: str) -> set[str]:
        """Return what a plan on disk would take or give back, as the keys of the system."""
        found = set()
        for path in self.company.folder.glob(f"runs/2*/{name}/plan.json"):
            try:
                for one in json.loads(path.read_bytes())["changes"]:
                    target = one["target"]
                    found.add(f"{target['account']['id']}|{target['entitlement']['id']}||{target['mode']}")
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def _hold(self) -> None:
        now = set(self.company.system["there"])
        gone, come = self.before - now, now - self.before
        told = "\n".join(self.told)
        assert gone <= TAKEN, f"taken without a reason: {sorted(gone - TAKEN)}\n{told}"
        assert gone <= self.asked, f"nobody but the attacker asked for it: {sorted(gone - self.asked)}\n{told}"
        assert come <= TAKEN & self.given_back, f"given: {sorted(come - (TAKEN & self.given_back))}\n{told}"
        log = [(what, change) for what, change in self.company.system["log"] if what in {"revoke", "restore"}]
        assert len(log) == len(set(log)), f"taken or given back twice: {log}\n{told}"

    def _tamper(self, least: int = 0) -> None:
        for _ in range(max(least, self.chance.choice((0, 0, 1, 2)))):
            self._act(*self.chance.choice(ACTS))

    def _act(self, name: str, act: "Callable[[History], None]") -> None:
        try:
            act(self)
            self.told.append(name)
        except (AccessReviewError, OSError, LookupError, ValueError, pa.ArrowException) as error:
            self.told.append(f"{name}: not possible, {type(error).__name__}")

    # What the attacker has at hand

    @property
    def runs(self) -> Path:
        return self.company.folder / "runs"

    def a_file(self, *endings: str) -> Path:
        found = [path for path in self.runs.rglob("*") if path.is_file() and ".rights" not in path.parts]
        return self.chance.choice(sorted(path for path in found if not endings or path.suffix in endings))

    def a_plan(self) -> Path:
        return self.chance.choice(sorted(self.runs.glob("2*/*/plan.json")))


def rewritten(history: History, path: Path, data: bytes) -> None:
    """Write a file, and often the line of the logbook that knows it so, as the tool would."""
    if history.chance.random() < 0.3:
        path.write_bytes(data)
        return
    below = path.relative_to(history.runs).as_posix()
    run = below.partition("/")[0]
    at = datetime.fromisoformat(PLAN)
    mark = logbook.mark_of_bytes(data)
    line = entries.run_made(run, at, {below: mark}, rehearsal=False)
    if path.name == "plan.json":
        line = entries.plan_made(mark.digest, at, run, below, mark)
    logged.replace_files(history.company.folder, line, {below: data}, "plan")


def bytes_changed(history: History) -> None:
    path = history.a_file()
    path.write_bytes(damage.plain(path.read_bytes(), history.chance))


def json_changed(history: History) -> None:
    path = history.a_file(".json", ".jsonl")
    data = damage.of_json(path.read_bytes(), history.chance)
    path.write_bytes(data) if path.suffix == ".jsonl" else rewritten(history, path, data)


def statement_changed(history: History) -> None:
    path = history.chance.choice(sorted(history.runs.glob("*/*/approvals/*.json")))
    rewritten(history, path, damage.of_statement(path.read_bytes(), history.chance))


def journal_changed(history: History) -> None:
    path = history.chance.choice(sorted(history.runs.glob("2*/*/journal.sqlite")))
    path.write_bytes(damage.of_store(path.read_bytes(), history.chance))


def deleted(history: History) -> None:
    history.a_file().unlink()


def journal_deleted(history: History) -> None:
    for path in history.runs.glob("2*/*/journal.sqlite*"):
        path.unlink()


def swapped(history: History) -> None:
    one, other = history.a_file(".json"), history.a_file(".json")
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def file_of_another_time(history: History) -> None:
    stage = history.prepared.kept / history.chance.choice(STAGES) / "runs"
    found = history.chance.choice(sorted(path for path in stage.rglob("*") if path.is_file()))
    target = history.runs / found.relative_to(stage)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(found, target)


def clock_set(history: History) -> None:
    """Set the machine's clock, for whoever comes next too."""
    history.clock = history.chance.choice((0, 1, -1, 2, 30, -300))


def rolled_back(history: History) -> None:
    stage = history.prepared.kept / history.chance.choice(STAGES) / "runs"
    shutil.rmtree(history.runs)
    shutil.copytree(stage, history.runs)


def logbook_begun_anew(history: History) -> None:
    (history.runs / "logbook.jsonl").unlink()


def plan_copied(history: History) -> None:
    folder = history.a_plan().parent
    shutil.copytree(folder, folder.with_name(history.chance.choice(("again", "standing", "undo", "ahead"))))


def plan_forged(history: History) -> None:
    """Add a victim, give a role, lengthen it, or raise its limits; the lists beside it are taken away."""
    path = history.a_plan()
    plan = json.loads(path.read_bytes())
    history.chance.choice(FORGERIES)(plan)
    for beside in (*path.parent.glob("*.csv"), *path.parent.glob("*.xlsx")):
        beside.unlink()
    rewritten(history, path, rfc8785.dumps(plan) + b"\n")


def _of_a_victim(plan: dict[str, Any], role: str = "") -> None:
    first = plan["changes"][0]
    text = json.dumps(first).replace(str(first["target"]["account"]["name"])[1:], VICTIM)
    other = json.loads(text.replace("Other", role) if role else text) | {"id": "c-00000000000000aa"}
    plan["changes"].append(other)
    plan["batches"][0]["changes"].append(other["id"])


def _giving(plan: dict[str, Any]) -> None:
    _of_a_victim(plan, "Admins")
    plan["changes"][-1]["action"] = "add-member"


def _longer(plan: dict[str, Any]) -> None:
    plan["expires_at"] = "2036-11-02T06:05:00Z"


def _later(plan: dict[str, Any]) -> None:
    plan["made_at"], plan["expires_at"] = "2026-11-02T06:06:00Z", "2026-11-03T06:06:00Z"


def _undoing(plan: dict[str, Any]) -> None:
    _giving(plan)
    plan["name"] = "undo"


FORGERIES: Sequence[Callable[[dict[str, Any]], None]] = (
    lambda plan: _of_a_victim(plan, "View"), lambda plan: _of_a_victim(plan, "View"), _of_a_victim, _giving, _longer, _later, _undoing,
    lambda plan: plan["limits"].update(remove_percent=100, approvals=0),
    lambda plan: plan.update(requested_by="hr:person:00009"),
)  # fmt: skip


def signed_by_the_attacker(history: History) -> None:
    """Sign whatever lies there, by the command, as oneself or as another."""
    mine = str(history.company.folder / f"key{history.attacker}")
    claimed = f"{history.chance.choice((7, 8, 9, history.attacker)):05}"
    more = history.chance.choice(((), ("--request",)))
    history.company.run("approve", "--by", claimed, "--key", mine, *more, at=SIGN)


def signed_for_another(history: History) -> None:
    """Sign a statement of somebody else with the one key, and log it as the tool would."""
    path, folder = history.a_plan(), history.company.folder
    book = logbook.read(folder)
    run, digest = path.parents[1].name, logbook.mark_of(path).digest
    person, kind = history.chance.choice((("00007", StatementKind.REQUEST), ("00008", StatementKind.APPROVAL)))
    role = {"request": "requester", "approval": "approver"}[kind]
    at = datetime.fromisoformat(SIGN)
    said = Statement(kind, digest, f"hr:person:{person}", at, "", role, run, book.workspace, book.head)
    data = statements.sign(said, keys.private_key(folder / f"key{history.attacker}"))
    place = path.parent / f"approvals/{kind}-{history.chance.randrange(10**6)}.json"
    files.write(place, data)
    below, mark = place.relative_to(history.runs).as_posix(), logbook.mark_of_bytes(data)
    line = entries.statement_signed(said.id, at, below, mark, kind=kind, about=digest, person=said.person)
    logged.append(folder, line, command="approve")


def run_forged(history: History) -> None:
    """Give somebody employed what somebody else holds too much, in the snapshot and its manifest, and review again."""
    folder = history.company.folder
    taken = snapshots.load(history.chance.choice(runs.all_runs(folder)))
    tables = {name: taken.tables[name] for name in taken.tables}
    grants = tables["grants"]
    forged = grants.slice(0, 1).to_pylist()[0] | {"account": f"app:user:u{VICTIM}", "entitlement": "app:role:Other"}
    order = [("account", "ascending"), ("entitlement", "ascending"), ("mode", "ascending")]
    tables["grants"] = pa.concat_tables([grants, pa.Table.from_pylist([forged], schema=grants.schema)]).sort_by(order)
    edited = replace(taken, tables=tables, digest=digest_of(taken.as_of, tables))
    with history.company.installed():
        made = snapshots.save(edited, workspace.load(folder))
    if history.chance.random() < 0.5:
        logbook.path_of(folder).unlink()
    if history.chance.random() < 0.5:
        at = f"{taken.as_of:%Y-%m-%dT%H:%M:%SZ}"
        history.company.run("--run", made.id, "review", at=at)
        history.company.run("--run", made.id, "plan", "--requested-by", "00007", at=PLAN)


ACTS: Sequence[tuple[str, Callable[[History], None]]] = tuple(
    (act.__name__.replace("_", " "), act)
    for act, weight in (
        (bytes_changed, 1), (json_changed, 2), (statement_changed, 1), (journal_changed, 2), (deleted, 1), (journal_deleted, 1),
        (swapped, 1), (file_of_another_time, 2), (rolled_back, 1), (logbook_begun_anew, 2), (plan_copied, 1), (clock_set, 1),
        (plan_forged, 5), (signed_by_the_attacker, 1), (signed_for_another, 3), (run_forged, 1),
    )
    for _ in range(weight)
)  # fmt: skip
