"""A small company on disk over half a year: joiners, movers, leavers in three time zones, and reviewers who answer or do not."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from access_review import store
from access_review import workspace as workspaces
from access_review.artifacts import WORKLIST
from access_review.audit import decisions
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.worklist import UNASSIGNED, WorkItem
from access_review.runs import Run
from access_review.stages.audit import Opened, open_audit
from access_review.stages.collect import collect_run
from access_review.stages.offboarding import follow_leavers
from access_review.stages.review import review_run
from access_review.store import audits
from access_review.store.decisions import claimed, unread
from tests.support.command import lay_out

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
WEEK = timedelta(weeks=1)
SILENT = "hr:person:m2"
KEPT = ("e8", "e9", "e12", "e15")
"""Whose access beyond the role is kept by their managers, and logged late."""
MISSED_WEEK = 9
SITES = ("Manila", "Kraków", "Bogotá")

HR = """connector: roster
options:
  path: people.csv
  dates: "%Y-%m-%d"
  timezone: {column: site, map: {Manila: Asia/Manila, Kraków: Europe/Warsaw, Bogotá: America/Bogota}}
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Terminated]}
  columns: {person: id, name: name, mail: mail, status: status, starts: starts, left_at: last_day, client: client, manager: manager, department: department}
"""
DESK = """connector: table
options:
  path: desk.csv
  stable_id: true
  enabled: {"yes": [open], "no": [closed]}
  columns: {account: login, employee_id: id, enabled: state, entitlement: role}
match: [{on: [employee_id, person]}]
"""
POLICY = "engine: {memory: 512MB, threads: 1}\nsampling: {tolerable: 0.2, rate: 0.05, coverage_weeks: 12}\n"
TEMPLATE = "role: agent\nwho: {department: Desk}\nmay: ['desk:role:Agent']\n"


@dataclass(frozen=True)
class Employee:
    """One row of the roster, and whether the account is open."""

    id: str
    site: str
    manager: str
    client: str = "HARBOR"
    last_day: date | None = None
    open: bool = True
    role: str = "Agent"

    @property
    def row(self) -> str:
        status = "Terminated" if self.last_day else "Active"
        name, mail = f"Person {self.id}", f"{self.id}@norwind.example.test"
        return f"{self.id},{name},{mail},{status},2025-01-06,{self.last_day or ''},{self.client},{self.manager},Desk,{self.site}"

    @property
    def account(self) -> str:
        return f"{self.id},{self.id},{'open' if self.open else 'closed'},{self.role}"


@dataclass
class Company:
    """The company as it is this week."""

    folder: Path
    people: dict[str, Employee] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = {name: Employee(name, "Kraków", "m0") for name in ("m0", "m1", "m2", "m3")}
        self.people["m0"] = replace(self.people["m0"], manager="m1")
        for number in range(36):
            manager, site = f"m{1 + number % 3}", SITES[number % 3]
            self.people[f"e{number}"] = Employee(f"e{number}", site, manager, ("HARBOR", "PINEWAY")[number % 2])
        files = {"sources/hr.yaml": HR, "sources/desk.yaml": DESK, "roles/policy.yaml": POLICY}
        lay_out(self.folder, {**files, "roles/templates/agent.yaml": TEMPLATE})

    def change(self, name: str, **more: Any) -> None:
        self.people[name] = replace(self.people[name], **more)

    def write(self) -> None:
        hr = "id,name,mail,status,starts,last_day,client,manager,department,site\n"
        desk = "login,id,state,role\n"
        lay_out(
            self.folder,
            {
                "sources/people.csv": hr + "\n".join(p.row for p in self.people.values()) + "\n",
                "sources/desk.csv": desk + "\n".join(p.account for p in self.people.values()) + "\n",
            },
        )

    def week(self, at: datetime) -> tuple[Opened, Any]:
        """Collect, review, open the audit of the week, and follow the leavers."""
        self.write()
        space = workspaces.load(self.folder)
        run = collect_run(space, at)
        review_run(space, run, at)
        opened = open_audit(space, run, at.isoformat().encode().ljust(32, b"."), at)
        return opened, follow_leavers(space, run, at).leavers

    def answer(self, run: Run, on: date) -> None:
        """Everybody but the silent manager answers: what no role allows is to go."""
        work = store.read(run, WORKLIST)
        new = [
            decisions.decision_on(item, self.says(item), by=self.decider(item), at=on)
            for item in work.items
            if item.reviewer != SILENT
        ]
        at = datetime.combine(on, time(), UTC)
        audits.write(run, lambda now: claimed(unread(now, new), lambda by: by), at)

    def says(self, item: WorkItem) -> ReviewerAnswer:
        accepted = item.entitlement_name == "Agent" or item.unit in {f"hr:person:{name}" for name in KEPT}
        return ReviewerAnswer.KEEP if accepted else ReviewerAnswer.REVOKE

    def waive(self) -> None:
        """Log what was kept."""
        entries = [
            f"  - {{waiver: W-2026-{number:03}, rule: access-beyond-role, subject: 'desk:user:{name}', about: 'desk:role:Lead', "
            "reason: agreed, asked_by: m1, approver: m0, ticket: CHG-1, expires: 2026-12-31}\n"
            for number, name in enumerate(KEPT, 1)
        ]
        lay_out(self.folder, {"roles/waivers.yaml": "waivers:\n" + "".join(entries)})

    def decider(self, item: WorkItem) -> str:
        return "m0@norwind.example.test" if item.reviewer == UNASSIGNED else item.reviewer


def happen(company: Company, week: int) -> None:
    """Leavers end at midnight of their own place; the first Monday after is a run at 06:00 UTC."""
    sunday = (START + week * WEEK - timedelta(days=1)).date()
    match week:
        case 2:
            company.change("e0", last_day=sunday)  # Manila: ended 14 h before the run
            company.change("e1", last_day=sunday)  # Kraków: 7 h
            company.change("e2", last_day=sunday)  # Bogotá: 1 h
        case 3:
            for name in ("e0", "e1", "e2"):
                company.change(name, open=False)
            company.people["new"] = company.people["e3"].__class__("new", "Manila", "m1")
        case 5:
            company.change("e6", client="PINEWAY", role="Lead")  # a mover with too much
            company.change("e7", last_day=sunday + timedelta(days=10))
        case 6:
            company.change("e7", last_day=None)  # rescinded
        case 12:
            company.change("e0", last_day=None, open=True)  # hired again
        case 14:
            for name in KEPT:
                company.change(name, role="Lead")  # more than the role allows, and their managers keep it
        case 22:
            company.waive()
