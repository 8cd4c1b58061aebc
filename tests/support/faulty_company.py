"""A company whose application can be written to, and fails on schedule: what ``apply`` does with it, by the command line."""

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import CommandResult, access_review, in_own_process
from tests.support.example import REPOSITORY
from tests.support.fake_system import FakeOnDisk
from tests.support.workspaces import Company

AUDIT, PLAN, SIGN, APPLY = (
    "2026-11-02T06:00:00Z",
    "2026-11-02T06:05:00Z",
    "2026-11-02T06:10:00Z",
    "2026-11-02T06:20:00Z",
)
STAFF = 120
EXCESS = range(11, 111)
USES = ("UseA", "UseB", "UseC", "UseD")
"""What everybody may have besides, so that the excess is no fifth of everything."""

APP = """\
connector: faulty
match:
  - {on: [employee_id, person]}
"""
# Whoever asks, approves and applies has no access here, so that who is whose does not matter.
POLICY = """\
engine: {threads: 1}
apply: {attempts: 1, canary: 0, per_minute: 100000}
limits:
  disable: {percent: 5, floor: 10}
  remove: {percent: 100, floor: 200}
  group: {percent: 100, members: 200}
  batch: 200
"""
PACKAGE = {
    "METADATA": "Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n",
    "entry_points.txt": "[access_review.connectors]\nfaulty = tests.faults.connector:connect\n",
}


def key(number: int, role: str) -> str:
    return f"app:user:u{number:05}|app:role:{role}||assigned"


class Faulty(Company):
    """The company, with an application in which 100 people hold what no role of theirs allows, and three administer."""

    def __init__(
        self, folder: Path, excess: Iterable[int] = EXCESS, policy: str = POLICY, *, disables: bool = False
    ) -> None:
        super().__init__(folder)
        (folder / "sources/ledger.yaml").unlink()
        (folder / "sources/app.yaml").write_text(APP + ("options: {disables: true}\n" if disables else ""))
        (folder / "roles/policy.yaml").write_text(policy)
        (folder / "roles/templates/clerk.yaml").write_text(
            "role: clerk\nwho: {department: Finance}\nmay: [app:role:View, app:role:Use*]\n"
        )
        people = "".join(f"{number:05},Person {number},Active,,Finance\n" for number in range(1, STAFF + 1))
        (folder / "sources/people.csv").write_text("id,name,status,last_day,department\n" + people)
        roles = ("View", *USES)
        held = [key(n, role) for n in range(11, STAFF + 1) for role in roles] + [key(n, "Other") for n in excess]
        held += [f"app:user:u{n:05}|||" for n in range(11, STAFF + 1)] if disables else []
        FakeOnDisk.create(folder / "sources/system.json", held + [key(n, "Admins") for n in (112, 113, 114)])
        package = folder / "packages/faulty-1.0.dist-info"
        package.mkdir(parents=True)
        for name, text in PACKAGE.items():
            (package / name).write_text(text)

    def run(self, *words: str, at: str, file_size: int | None = None) -> CommandResult:
        packages = self.folder / "packages"
        if file_size is None:
            return access_review(self.folder, *words, path=[packages], at=at)
        path = os.pathsep.join([str(REPOSITORY), str(packages)])
        limited = {"PYTHONPATH": path, "FILE_SIZE": str(file_size)}
        return in_own_process(self.folder, *words, at=at, environment=limited)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Let this process find the connector of the application, as the command does."""
        with pytest.MonkeyPatch.context() as borrowed:
            borrowed.syspath_prepend(str(self.folder / "packages"))
            yield

    def approved(self, numbers: Iterable[int], name: str = "plan") -> None:
        """Plan what these people hold too much, ask and approve."""
        of = () if name == "plan" else ("--of", name)
        named = () if name == "plan" else ("--name", name)
        for said in (
            self.run("plan", "--requested-by", "00007", *named, *(f"--person={n:05}" for n in numbers), at=PLAN),
            self.sign(7, "--request", *of, at=SIGN),
            self.sign(8, *of, at=SIGN),
        ):
            assert said.code == 0, said.err

    def apply(self, *words: str, at: str = APPLY, file_size: int | None = None) -> CommandResult:
        return self.run(
            "--json", "apply", "--by", "00007", "--key", str(self.folder / "key7"), *words, at=at, file_size=file_size
        )

    def fail(self, **faults: Any) -> None:
        (self.folder / "sources/faults.json").write_text(json.dumps(faults))

    @property
    def system(self) -> Any:
        return json.loads((self.folder / "sources/system.json").read_text())

    @property
    def calls(self) -> Counter[str]:
        return Counter(what for what, _ in self.system["log"])

    def journal(self, name: str = "plan") -> list[tuple[str, str]]:
        (path,) = self.folder.glob(f"runs/*/{name}/journal.sqlite")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as outside:
            found = outside.execute("SELECT change, state FROM rows WHERE change <> '' ORDER BY seq").fetchall()
        outside.close()
        return found
