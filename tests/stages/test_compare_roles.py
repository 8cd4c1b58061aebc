"""A change of role files is tried on a run before it is taken."""

import json
import shutil

import pytest

from tests.support.command import access_review
from tests.support.workspaces import Company

AT = "2026-11-02T06:00:00Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Return a company that was reviewed, with a folder of roles beside it in which clerks may view no more."""
    made = Company(tmp_path_factory.mktemp("compared") / "company")
    rows = [f"u{n},{role},{n:05},yes" for n in range(1, 11) for role in ("Viewer", "Poster")[: 1 + (n < 4)]]
    (made.folder / "sources/ledger.csv").write_text("login,role,employee,enabled\n" + "\n".join(rows) + "\n")
    people = [f"{n:05},Person {n},Active,,Finance" for n in range(1, 31)]
    (made.folder / "sources/people.csv").write_text("id,name,status,last_day,department\n" + "\n".join(people) + "\n")
    audited = access_review(made.folder, "--as-of", AT, "audit")
    assert audited.code == 0, audited.err
    changed = made.folder / "changed"
    shutil.copytree(made.folder / "roles", changed)
    template = changed / "templates/clerk.yaml"
    template.write_text(template.read_text().replace("Viewer", "Poster"))
    return made


def test_what_appears_and_goes_is_said_by_rule_and_nothing_is_kept(company):
    before = {path: path.read_bytes() for path in company.folder.rglob("*") if path.is_file()}
    told = access_review(company.folder, "--json", "roles", "diff", "roles", "changed")
    assert told.code == 3, told.err
    assert told.json["rules"]["access-beyond-role"] == {"appear": 10, "go": 3}
    assert {row["about_name"] for row in told.json["appear"] if row["rule"] == "access-beyond-role"} == {"Viewer"}
    assert {path: path.read_bytes() for path in company.folder.rglob("*") if path.is_file()} == before
    # Whoever may view no more would lose it, and those who may now post would keep that.
    plan = told.json["plan"]
    assert (plan["before"], plan["after"]) == (3, 10)
    assert "beyond its limits" in plan["why_not"][0]
    assert (len(plan["appear"]), len(plan["go"])) == (10, 3)
    text = access_review(company.folder, "roles", "diff", "roles", "changed").out
    assert "would appear, " in text
    assert "access-beyond-role: u1 / Viewer" in text


def test_the_workspace_is_the_changed_one_where_none_is_named(company):
    told = access_review(company.folder, "--json", "roles", "diff", "changed")
    assert told.json["rules"]["access-beyond-role"] == {"appear": 3, "go": 10}
    same = access_review(company.folder, "--json", "roles", "diff", "roles")
    assert (same.code, same.json["appear"], same.json["go"]) == (0, [], [])


def test_a_pull_request_takes_what_appears_as_sarif(company, tmp_path):
    access_review(company.folder, "roles", "diff", "roles", "changed", "--sarif", str(tmp_path / "out.sarif"))
    (run,) = json.loads((tmp_path / "out.sarif").read_text())["runs"]
    appear = access_review(company.folder, "--json", "roles", "diff", "roles", "changed").json["appear"]
    assert [result["partialFingerprints"]["finding"] for result in run["results"]] == [row["finding"] for row in appear]
    assert {result["ruleId"] for result in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["level"] for result in run["results"]} <= {"error", "warning", "note"}


def test_a_mistake_in_the_changed_folder_is_said_with_its_place(company, tmp_path):
    shutil.copytree(company.folder / "changed", tmp_path / "wrong")
    (tmp_path / "wrong/templates/clerk.yaml").write_text("role: clerk\nmust_not: [a]\n")
    told = access_review(company.folder, "roles", "diff", "roles", str(tmp_path / "wrong"))
    assert told.code == 2
    assert "roles/templates/clerk.yaml:2" in told.err
    nowhere = access_review(company.folder, "roles", "diff", "sources")
    assert (nowhere.code, "has no templates/" in nowhere.err) == (2, True)
