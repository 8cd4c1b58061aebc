"""Doubt blocks: an account that may well be another's is nobody's to take away, until a person settles it once."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import CommandResult, access_review, lay_out
from tests.support.workspaces import Company

HR = """\
connector: roster
options:
  path: people.csv
  timezone: UTC
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Left]}
  columns: {person: id, name: name, mail: mail, status: status, starts: start, left_at: end, department: unit}
"""
LEDGER = """\
connector: table
options:
  path: ledger.csv
  table: grants
  columns: {account: login, display_name: shown, mail: mail, entitlement: role, employee_id: number, enabled: enabled}
  enabled: {yes: ["yes"], no: ["no"]}
  stable_id: true
match:
  - {on: [employee_id, person]}
  - {on: [mail, mail]}
"""
FILES = {
    "sources/hr.yaml": HR,
    "sources/ledger.yaml": LEDGER,
    "roles/templates/clerk.yaml": "role: clerk\nwho: {department: Finance}\nmay: [ledger:role:Viewer]\n",
    "roles/policy.yaml": "engine: {threads: 1}\nlimits: {group: {percent: 100, members: 9}}\n",
}
BOSS = "7,Bo Boss,bo@x.example,Active,2015-01-01,,Head"


class Small:
    """A workspace of a few people and accounts; ``audit`` reads and reviews it as it is then."""

    def __init__(self, folder: Path) -> None:
        self.folder = lay_out(folder, FILES)

    def write(self, people: list[str], accounts: list[str], settled: str = "") -> None:
        rows = "\n".join(["id,name,mail,status,start,end,unit", BOSS, *people])
        (self.folder / "sources/people.csv").write_text(rows + "\n")
        held = "\n".join(["login,shown,mail,role,number,enabled", "bo,Bo Boss,,Manager,7,yes", *accounts])
        (self.folder / "sources/ledger.csv").write_text(held + "\n")
        (self.folder / "sources/ledger.yaml").write_text(LEDGER + settled)

    def run(self, *words: str, day: int = 1) -> CommandResult:
        return access_review(self.folder, "--as-of", f"2026-02-{day:02}T06:00:00Z", *words)

    def review(self, day: int = 1) -> list[tuple[str, str | None, str]]:
        """Collect and review, and return the doubts that are open."""
        for command in ("collect", "review"):
            assert self.run(command, day=day).code == 0
        target = self.folder / "table.json"
        assert self.run("export", "findings", "--format", "json", "-o", str(target)).code == 0
        found: list[dict[str, Any]] = json.loads(target.read_text("utf-8"))
        self.rules = {(row["rule"], row["subject"]) for row in found if row["status"] != "closed"}
        return [
            (row["subject"], row["about"], row["reason"])
            for row in found
            if row["rule"] == "owner-doubtful" and row["status"] != "closed"
        ]

    def plan(self, day: int = 1) -> dict[str, Any]:
        result = self.run("--json", "plan", "--requested-by", "7", day=day)
        assert result.code == 0, result.err
        planned: dict[str, Any] = result.json
        return planned


def touched(plan: dict[str, Any]) -> set[str]:
    """Return the accounts that a plan would touch."""
    return {change["target"]["account"]["id"] for change in plan["changes"]}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


DOUBTFUL = {
    # of each: rows of the roster, beginning with the leaver's; the account; what is said of it
    "a": (
        ["11,Ann Lee,,Left,2020-03-01,2026-01-20,Finance", "12,Ann Lee,,Active,2026-01-25,,Finance"],
        "a,Ann Lee,,Viewer,11,yes",
        "belongs to Ann Lee (11), who left (matched on employee_id = person); Ann Lee (12) of the same name began about then",
    ),
    "b": (
        ["21,Ida Ray,,Left,2020-03-01,2026-01-20,Finance", '22,"RAY, Ída",,Active,,,Finance'],
        "b,Ida Ray,,Viewer,21,yes",
        "RAY, Ída (22) of the same name began about then",
    ),
    "c": (
        ["31,Max Orr,,Left,2020-03-01,2026-01-20,Finance", "32,Cy Poe,cy@x.example,Active,2019-01-01,,Finance"],
        "c,Max Orr,CY@x.example,Viewer,31,yes",
        "a mail address leads to Cy Poe (32)",
    ),
    "d": (
        ["41,Tom Fry,,Left,2020-03-01,2026-01-20,Finance", "42,Eva Kay,,Active,2019-01-01,,Finance"],
        'd,"Kay, Eva",,Viewer,41,yes',
        "its name is that of Eva Kay (42)",
    ),
    "e": (
        ["51,Lou Tan,lou@x.example,Left,2020-03-01,2026-01-20,Finance"],
        "e,Lou Tan,lou@x.example,Viewer,99,yes",
        "the number beside it, 99, is nobody's",
    ),
    "f": (
        ["61,Kim Roe,kim@x.example,Left,2020-03-01,2026-01-20,Finance"],
        "f,Kim Roe,kim@x.example,Viewer,7,yes",
        "",  # the number decides, and is of somebody else who works here: no leaver's at all
    ),
    "g": (
        [
            "71,Jo Low,,Left,2020-03-01,2026-01-20,Finance",
            "72,Jo Low,,Active,2018-01-01,,Finance",
            "73,Jo Low,,Active,2026-06-01,,Finance",
        ],
        "g,Jo Low,,Viewer,71,yes",
        None,  # namesakes employed all along, or long after, are other people
    ),
}


def test_what_may_be_somebody_s_who_works_here_is_planned_when_a_person_has_settled_it(small: Small) -> None:
    people, accounts = [p for rows, _, _ in DOUBTFUL.values() for p in rows], [row for _, row, _ in DOUBTFUL.values()]
    small.write(people, accounts)
    found = {subject: said for subject, _, said in small.review(1)}
    assert found.keys() == {f"ledger:user:{name}" for name in "abcde"}
    for name, (_, _, said) in DOUBTFUL.items():
        assert (said or "") in found.get(f"ledger:user:{name}", "")
        assert (("leaver-active", f"ledger:user:{name}") in small.rules) == (said != "")
    plan = small.plan(1)
    assert touched(plan) == {"ledger:user:g"}
    reasons = {one["reason"]: one["ways_out"] for one in plan["to_person"]}
    assert reasons["it is in doubt whether it is Ann Lee (11)'s, or Ann Lee (12)'s"] == [
        "say whose it is in sources/ledger.yaml: same: [[ledger:user:a, PERSON]]",
        "or whose it is not: not_same: [[ledger:user:a, hr:person:12]]",
    ]
    settled = """\
not_same:
  - [hr:person:11, hr:person:12]
  - [ledger:user:c, hr:person:32]
same:
  - [ledger:user:d, hr:person:42]
  - [ledger:user:e, hr:person:51]
"""
    small.write(people, accounts, settled)
    assert [subject for subject, _, _ in small.review(2)] == ["ledger:user:b"]
    assert ("leaver-active", "ledger:user:d") not in small.rules
    assert touched(small.plan(2)) == {f"ledger:user:{name}" for name in "aceg"}


WORKERS = [
    f"{number},{name},,Active,2020-01-01,,Finance" for number, name in enumerate(("Ann Lee", "Ben Oda", "Cy Poe"), 1)
]
WORKERS += ["4,Dee Fox,,Active,2020-01-01,,Finance", "5,Eva Kay,,Active,2020-01-01,,Finance"]
HELD = [f"{name},{name},,Admin,{number},yes" for number, name in enumerate("abcde", 1)]


def test_who_has_another_s_number_or_account_is_in_doubt_until_somebody_looked(small: Small) -> None:
    small.write(WORKERS, HELD)
    assert small.review(1) == []
    swapped = [WORKERS[0].replace("Ann Lee", "Ben Oda"), WORKERS[1].replace("Ben Oda", "Ann Lee"), WORKERS[2]]
    renamed = [WORKERS[3].replace("Dee Fox", "Dee Moe"), WORKERS[4].replace("Eva Kay", "Zed Hu")]
    handed = [*HELD[:2], HELD[2].replace(",3,", ",4,"), *HELD[3:]]
    doubts = {
        ("a", "hr:person:2"): "the number of Ben Oda (1) was that of Ann Lee before, who is Ann Lee (2) now",
        ("b", "hr:person:1"): "the number of Ann Lee (2) was that of Ben Oda before, who is Ben Oda (1) now",
        (
            "c",
            "hr:person:3",
        ): "belonged to Cy Poe (3) before, and now leads to Dee Moe (4) (matched on employee_id = person)",
        ("e", None): "the number of Zed Hu (5) was that of Eva Kay before",
    }
    small.write([*swapped, *renamed], handed)
    assert {(subject[-1], about): said for subject, about, said in small.review(2)} == doubts
    assert touched(small.plan(2)) == {"ledger:user:d"}
    small.write([*swapped, *renamed], handed, "not_same: [[ledger:user:c, hr:person:3]]\n")
    doubts.pop(("c", "hr:person:3"))
    assert {(subject[-1], about): said for subject, about, said in small.review(3)} == doubts  # still, in the run after
    assert touched(small.plan(3)) == {"ledger:user:c", "ledger:user:d"}
    small.write([*WORKERS[:3], *renamed], HELD, "not_same: [[ledger:user:c, hr:person:3]]\n")
    assert {(subject[-1], about): said for subject, about, said in small.review(4)} == {
        ("c", None): "leads to Cy Poe (3) (matched on employee_id = person), which not_same of a source file denies",
        (
            "c",
            "hr:person:4",
        ): "belonged to Dee Moe (4) before, and now leads to Cy Poe (3) (matched on employee_id = person)",
        ("e", None): doubts["e", None],
    }


def test_pairs_are_ids(small: Small) -> None:
    small.write(WORKERS, HELD, "not_same: [[ann, hr:person:1]]\n")
    result = small.run("check")
    assert result.code == 2
    assert "sources/ledger.yaml:11:12: not_same[0]: ['ann', 'hr:person:1'] is no pair of ids" in result.err


def test_a_rehire_after_the_signatures_is_left_alone(tmp_path: Path) -> None:
    company = Company(tmp_path / "company")
    company.leave(3, "2026-10-30")
    at = "2026-11-02T06:{}:00Z"
    assert company.run("audit", at=at.format("00")).code == 0
    assert company.run("plan", "--requested-by", "00007", at=at.format("05")).code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, at=at.format("06")).code == 0
    with (company.folder / "sources/people.csv").open("a") as roster:
        roster.write("00099,Person 3,Active,,Finance\n")
    applied = company.run("--json", "apply", "--by", "00007", at=at.format("10"))
    assert set(applied.json["states"].values()) == {"skipped"}, applied.err
    assert {why.removeprefix("now: ") for why in applied.json["reasons"].values()} == {
        "it is in doubt whether it is Person 3 (00003)'s, or Person 3 (00099)'s"
    }
    again = company.run("apply", "--by", "00007", at=at.format("12"))
    assert "(00099)'s" in again.out, again.err
