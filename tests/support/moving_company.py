"""A company in which some have moved from books to sales and kept what they held: what the standing removal is about."""

from pathlib import Path
from typing import Self

from access_review import rules
from access_review.changes import Action, Target, Thing, change_id
from tests.support.command import CommandResult
from tests.support.fake_system import FakeOnDisk
from tests.support.faulty_company import APP, Faulty, key
from tests.support.workspaces import key_of

MOVED = range(11, 15)
MANAGER, STAFF = 10, 24
REMOVAL = """\
standing_removal:
  rules: [mover-kept-access, never-allowed]
  entitlements: ["app:role:Books"]
  daily: 3
  until: 2026-12-31
  tell: ["00007"]
"""
ASKED = {"mover-kept-access", "never-allowed", "access-beyond-role"}
POLICY = """\
engine: {threads: 1}
apply: {attempts: 1, canary: 0, per_minute: 100000}
limits: {remove: {percent: 20, floor: 10}, group: {percent: 100, members: 50}}
""" + "".join(["rules:\n", *(f"  {name}: {{enabled: false}}\n" for name in sorted({*rules.load()} - ASKED))])
"""No other rule runs, so that a look takes a moment."""
HISTORY = """\
  history: {path: history.csv, columns: {person: id, starts: from, ends: until, department: department}}
"""
CLERK = "role: clerk\nwho: {department: Finance}\nmay: [app:role:View, app:role:Books, app:role:UseA, app:role:UseB]\n"
SELLER = """\
role: seller
who: {department: Sales}
may: [app:role:View, app:role:UseA, app:role:UseB]
tests: [{has: [app:role:Books], expect: [access-beyond-role]}]
"""
AUDIT, SIGN, FIRST = "2026-11-02T06:00:00Z", "2026-11-02T06:05:00Z", "2026-11-02T06:10:00Z"
EARLY, NEXT = "2026-11-03T06:05:00Z", "2026-11-03T06:15:00Z"


def _things(number: int) -> tuple[Thing, Thing]:
    return Thing(f"app:user:u{number:05}", "", ""), Thing("app:role:Books", "", "")


class Moving(Faulty):
    """Four sold books before and still hold them; everybody's manager is one person, and the job has a key."""

    def __init__(self, folder: Path, policy: str = POLICY + REMOVAL) -> None:
        super().__init__(folder, excess=(), policy=policy)
        self.announced: list[str] = []
        (folder / "sources/app.yaml").write_text(APP + "options: {declares: true}\n")
        hr = folder / "sources/hr.yaml"
        hr.write_text(
            hr.read_text().replace("department: department", "department: department, manager: manager") + HISTORY
        )
        former = "".join(f"{n:05},2024-01-01,2026-09-30,Finance\n" for n in MOVED)
        (folder / "sources/history.csv").write_text("id,from,until,department\n" + former)
        self.roster()
        (folder / "roles/templates/clerk.yaml").write_text(CLERK)
        (folder / "roles/templates/seller.yaml").write_text(SELLER)
        held = [key(n, role) for n in range(11, STAFF + 1) for role in ("View", "UseA", "UseB")]
        books = [key(n, "Books") for n in (*MOVED, 23, 24)]
        FakeOnDisk.create(folder / "sources/system.json", [*held, *books, key(23, "Admins"), key(24, "Admins")])
        private, public = key_of(99)
        (folder / "job").touch(mode=0o600)
        (folder / "job").write_bytes(private)
        approvers = folder / "roles/approvers.yaml"
        approvers.write_text(approvers.read_text() + f'  - {{job: standing, key: "{public}", enrolled: made there}}\n')

    @classmethod
    def told(cls, folder: Path) -> Self:
        """Return a company whose standing removal two people signed, and whose manager was told of the first three."""
        company = cls(folder)
        audited = company.run("audit", at=AUDIT)
        assert audited.code == 0, audited.err
        company.sign_removal(8, 9)
        looked = company.look(FIRST)
        assert looked.code == 0, looked.out + looked.err
        company.announced = looked.json["removals"]["announced"]
        return company

    def change(self, number: int) -> str:
        """Return the name of what was announced of one who moved."""
        (found,) = (line for line in self.announced if line.startswith(f"Person {number}:"))
        return found.rsplit(" ", 1)[1]

    def of(self, number: int) -> str:
        """Return the name of the change that takes the books from one who moved."""
        return change_id(Action.REMOVE_MEMBER, Target("app", "faulty", *_things(number), mode="assigned"))

    def roster(self, manager: int | None = MANAGER, gone: tuple[int, ...] = (), back: tuple[int, ...] = ()) -> None:
        """Write who works where: whoever is ``gone`` has left, ``back`` came back to books."""
        lines = ["id,name,status,last_day,department,manager"]
        for n in range(1, STAFF + 1):
            status = "Terminated,2026-11-01" if n in gone else "Active,"
            over = f"{manager:05}" if manager and n != manager else ""
            lines.append(f"{n:05},Person {n},{status},{'Sales' if n in MOVED and n not in back else 'Finance'},{over}")
        (self.folder / "sources/people.csv").write_text("\n".join(lines) + "\n")

    def sign_removal(self, *people: int, at: str = SIGN) -> None:
        """Let people sign the standing removal."""
        for person in people:
            signed = self.sign(person, "--standing-removal", at=at)
            assert signed.code == 0, signed.err

    def look(self, at: str) -> CommandResult:
        """Let the unattended job run."""
        return self.run("--json", "apply", "--standing", "--key", str(self.folder / "job"), at=at)

    def stop(self, change: str, by: int = MANAGER, *words: str, at: str = "2026-11-02T08:00:00Z") -> CommandResult:
        """Stop what was announced."""
        return self.run("--json", "stop", change, "--by", f"{by:05}", "--comment", "hands over", *words, at=at)

    @property
    def holders(self) -> set[int]:
        """Who holds the books now, of those who moved."""
        return {n for n in MOVED if key(n, "Books") in self.system["there"]}
