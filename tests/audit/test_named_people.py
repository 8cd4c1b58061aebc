"""Whoever is named in the files of a workspace and has left: it is said, and what they were to hear reaches somebody else."""

from datetime import date

import pytest

from access_review.audit.named_people import named_nobody, who_hears
from access_review.audit.reviewers import people_of
from access_review.workspace import load
from tests.support.workspaces import Company

AT = "2026-10-26T06:00:00Z"


def person(number, status="active"):
    known = f"hr:person:{number:05}"
    return {
        "person": known,
        "native_id": f"{number:05}",
        "kind": "employee",
        "name": f"Person {number}",
        "mail": None,
    } | {
        "status": status,
        "manager": None,
    }


@pytest.fixture
def company(tmp_path):
    made = Company(tmp_path)
    policy = tmp_path / "roles/policy.yaml"
    more = 'watch: {tell: ["00010", "Person 11"], plans_for: "00012"}\nreviewing: {client_leads: {Finance: "00013"}}\n'
    policy.write_text(policy.read_text() + more)
    checkpoint = (
        "  - {checkpoint: drills, title: Drills, every: weekly, attested: {valid: 7d, by: ['00014']}, halt: nothing}"
    )
    (tmp_path / "roles/checklist.yaml").write_text(f'notify: ["00015"]\ncheckpoints:\n{checkpoint}\n')
    return made


def test_check_names_everybody_who_is_named_and_has_left_with_the_file_and_the_key(company):
    assert company.run("--json", "check", at=AT).json["named_nobody"] == []
    for number in (7, *range(10, 16)):
        company.status[number] = ("Terminated", "2026-10-01")
    company.write()
    said = company.run("--json", "check", at=AT)
    assert said.code == 0
    assert [(one["file"].removeprefix("roles/"), one["key"], one["name"]) for one in said.json["named_nobody"]] == [
        ("policy.yaml", "watch.tell", "00010"),
        ("policy.yaml", "watch.tell", "Person 11"),
        ("policy.yaml", "standing.tell", "00007"),
        ("policy.yaml", "watch.plans_for", "00012"),
        ("policy.yaml", "reviewing.client_leads", "00013"),
        ("checklist.yaml", "notify", "00015"),
        ("checklist.yaml", "drills.attested.by", "00014"),
        ("approvers.yaml", "approvers", "00007"),
    ]
    told = company.run("check", at=AT).out
    assert "roles/policy.yaml: watch.tell: Person 11 (hr:person:00011) does not work here now" in " ".join(told.split())


def test_an_alarm_for_people_who_have_left_goes_to_the_others_whom_the_policy_names(company):
    policy = load(company.folder).policy
    named = policy.watch.tell
    here = [person(number) for number in (7, 10, 11)]
    assert who_hears(named, policy, people_of(here)) == ("hr:person:00010", "hr:person:00011")
    one_left = [person(10, "left"), person(11), person(7)]
    assert who_hears(named, policy, people_of(one_left)) == ("hr:person:00011",)
    all_left = [person(10, "left"), person(11, "left"), person(7)]
    assert who_hears(named, policy, people_of(all_left)) == ("hr:person:00007",), "who hears of the standing approval"
    assert who_hears(named, policy, people_of([])) == named, (
        "nobody is known: the names stand for whoever reads the folder"
    )
    assert who_hears((), policy, people_of(here)) == ()


def test_what_watch_sees_is_told_to_them(company):
    for number in (10, 11):
        company.status[number] = ("Terminated", "2026-10-01")
    company.write()
    assert company.run("--quiet", "audit", at=AT).code == 0
    assert company.run("watch", "--once", at="2026-10-26T06:05:00Z").code == 0
    company.besides.append((3, "Admin"))
    company.write()
    assert company.run("watch", "--once", at="2026-10-26T06:10:00Z").code == 0
    assert [one.splitlines()[0] for one in company.notices() if "opened" in one] == ["To: Person 7"]


def test_a_row_that_cannot_be_read_silences_nobody(company):
    policy = load(company.folder).policy
    rows = [person(10, "unknown"), person(11, "left"), person(7)]
    assert who_hears(policy.watch.tell, policy, people_of(rows)) == ("hr:person:00010",)


def test_whoever_is_named_for_a_time_that_is_over_is_not_missed(company):
    policy = company.folder / "roles/policy.yaml"
    delegates = "{person: '00020', delegate: '00021', since: 2026-10-01, until: 2026-10-15}"
    policy.write_text(policy.read_text().replace("reviewing: {", f"reviewing: {{delegates: [{delegates}], "))
    workspace, people = load(company.folder), people_of([person(n) for n in (7, 8, 9, *range(10, 16))])
    keys = {day: [one.key for one in named_nobody(workspace, people, date(2026, 10, day))] for day in (15, 16)}
    assert keys == {15: ["reviewing.delegates"], 16: []}
