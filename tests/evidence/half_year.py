"""Half a year of a small company, with plans and audits that people sign, and of the example company, each as one pack."""

from datetime import datetime, timedelta
from pathlib import Path

from access_review import workspace as workspaces
from access_review.stages.remind import remind
from tests.audit.half_year_company import MISSED_WEEK, START, WEEK, Company, happen
from tests.support.command import access_review, lay_out
from tests.support.example import AUDITED_AT, copy_example
from tests.support.workspaces import key_of

WEEKS = 26
PLANNED, SIGNED_OFF = (2, 6, 12), (4, 8, 12, 16, 20, 24)
SIGNERS = {"m0": 7, "m1": 8, "m3": 9}


def half_year(folder: Path) -> Path:
    """Run the weeks in a folder, and return the pack of all of them, signed."""
    company = Company(folder / "company")
    lines = ["approvers:"]
    for person, number in SIGNERS.items():
        private, public = key_of(number)
        key = company.folder / f"key-{person}"
        key.touch(mode=0o600)
        key.write_bytes(private)
        lines.append(f"  - {{person: {person}, key: '{public}', enrolled: in person}}")
    policy = (company.folder / "roles/policy.yaml").read_text() + "reviewing: {close: 6d}\n"
    lay_out(company.folder, {"roles/approvers.yaml": "\n".join(lines) + "\n", "roles/policy.yaml": policy})
    for week in range(WEEKS):
        happen(company, week)
        if week == MISSED_WEEK:
            continue
        at = START + week * WEEK
        opened, _ = company.week(at)
        assert opened.run
        if week in PLANNED:
            plan(company, at)
        company.answer(opened.run, (at + timedelta(days=1)).date())
        space = workspaces.load(company.folder)
        for days in range(7):
            remind(space, opened.run, at + timedelta(days=days), {})
        if week in SIGNED_OFF:
            said(company, at + timedelta(days=7, hours=-1), "sign-off", "--yes", *signer(company, "m3"))
    to = folder / "pack"
    first = min(path.name for path in company.folder.glob("runs/2026*"))
    said(
        company,
        START + WEEKS * WEEK,
        "evidence",
        "pack",
        "--since",
        first,
        "-o",
        str(to),
        "--zip",
        *signer(company, "m3")[2:],
    )
    return to


def example_weeks(folder: Path) -> Path:
    """Audit the example company in each of the weeks, in a folder, and return the pack of all of them."""
    space = copy_example(folder / "example")
    first = datetime.fromisoformat(AUDITED_AT)
    for week in range(WEEKS):
        at = f"{first + week * WEEK:%Y-%m-%dT%H:%M:%SZ}"
        done = access_review(space, "--as-of", at, "--quiet", "audit")
        assert done.code in {0, 3}, (week, done.err)
    made = access_review(
        space, "--as-of", at, "evidence", "pack", "--since", f"{first:%Y%m%d}", "-o", str(folder / "pack")
    )
    assert made.code == 0, made.err
    return folder / "pack"


def plan(company, at):
    """Ask for what is to go, sign it twice, and carry it out."""
    for minutes, words in enumerate(
        (
            ("plan", "--requested-by", "m0"),
            ("approve", "--request", *signer(company, "m0")),
            ("approve", *signer(company, "m1")),
            ("apply", *signer(company, "m0")),
        )
    ):
        said(company, at + timedelta(minutes=5 + minutes), *words)


def signer(company, person):
    return "--by", person, "--key", str(company.folder / f"key-{person}")


def said(company, at, *words):
    done = access_review(company.folder, "--as-of", f"{at:%Y-%m-%dT%H:%M:%SZ}", *words)
    assert done.code in {0, 3}, (words, done.out, done.err)
