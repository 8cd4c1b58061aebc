"""What conclusions rest on: accounts that find their person, access that a template judges, people without a role."""

import json
from collections.abc import Callable

import pytest

from tests.support.command import access_review
from tests.support.workspaces import LEDGER, STAFF, Company

AT = "2026-11-02T06:00:00Z"
AWKWARD = ('a"b', "$.x", "*", "a\nb", "yes", "nome")


@pytest.fixture
def company(tmp_path):
    """Return a company whose ledger knows people by mail, while its ladder asks for an employee number."""
    made = Company(tmp_path / "company")
    rows = [f"u{n},Viewer,,yes,person{n}@x.example" for n in range(1, STAFF + 1)]
    (made.folder / "sources/ledger.csv").write_text("login,role,employee,enabled,mail\n" + "\n".join(rows) + "\n")
    people = [
        f"{n:05},Person {n},Active,,{'Finance' if n > 2 else 'Stores'},Person{n}@x.example" for n in range(1, STAFF + 1)
    ]
    (made.folder / "sources/people.csv").write_text(
        "id,name,status,last_day,department,mail\n" + "\n".join(people) + "\n"
    )
    hr = (made.folder / "sources/hr.yaml").read_text().replace("name: name,", "name: name, mail: mail,")
    (made.folder / "sources/hr.yaml").write_text(hr)
    set_ladder(made, "[employee_id, person]")
    return made


def set_ladder(company: Company, pair: str) -> None:
    text = LEDGER.replace("employee_id: employee,", "employee_id: employee, mail: mail,")
    (company.folder / "sources/ledger.yaml").write_text(text.replace("[employee_id, person]", pair))


def test_too_few_who_find_their_person_are_said_first_with_the_columns_that_do_better(company):
    said = f"ledger: only 0 of {STAFF} accounts that belong to people find their person"
    better = f"{{on: [mail, mail], certain: false}} under match would find {STAFF}."
    checked = access_review(company.folder, "--as-of", AT, "check")
    assert checked.out.startswith(said)
    assert better in checked.out.splitlines()[0]
    audited = access_review(company.folder, "--as-of", AT, "audit")
    assert audited.out.startswith(said), audited.err
    (page,) = company.folder.glob("runs/*/report.html")
    assert said in page.read_text("utf-8")


def test_coverage_counts_by_rung_what_templates_judge_and_who_has_no_role(company):
    set_ladder(company, "[mail, mail]")
    audited = access_review(company.folder, "--as-of", AT, "--json", "audit")
    shown = access_review(company.folder, "--json", "roles", "coverage").json
    assert shown["sources"] == [
        {
            "source": "ledger",
            "accounts": STAFF,
            "found": STAFF,
            "by_rung": {"mail = mail": STAFF},
            "ambiguous": 0,
            "few": False,
            "better": None,
        }
    ]
    assert shown["grants"] == {"ledger": {"grants": STAFF, "judged": STAFF - 2}}
    assert shown["without_role"] == ["hr:person:00001", "hr:person:00002"]
    assert shown.pop("judged")["grants_judged"] == STAFF - 2
    assert audited.json["coverage"] == shown
    text = access_review(company.folder, "roles", "coverage").out
    assert f"2 people of {STAFF} have no role: Person 1, Person 2." in text


def test_accounts_that_find_several_are_counted_apart(company):
    rows = (company.folder / "sources/people.csv").read_text().replace("Person2@", "Person1@")
    (company.folder / "sources/people.csv").write_text(rows)
    set_ladder(company, "[mail, mail]")
    shown = access_review(company.folder, "--as-of", AT, "--json", "check").json["coverage"]["sources"][0]
    assert (shown["found"], shown["ambiguous"], shown["few"]) == (STAFF - 2, 1, False)


@pytest.mark.parametrize(
    ("login", "known_as", "better"),
    [
        ("ACME\\p{n}", "p{n}", "{on: [name, login], ignoring: domain, certain: false}"),
        ("{n}", "{n:05}", "{on: [name, login], ignoring: leading-zeros, certain: false}"),
        ("p{n}@new.example", "P{n}@old.example", "{on: [name, login], ignoring: mail-domain, certain: false}"),
        ("P{n}", "p{n}", "{on: [name, login], certain: false}"),
    ],
)
def test_the_better_pair_may_be_an_attribute_and_ignore_something_and_works_when_taken(
    tmp_path, login, known_as, better
):
    made = Company(tmp_path / "company")
    rows = [f"{login.format(n=n)},Viewer,,yes" for n in range(1, STAFF + 1)]
    (made.folder / "sources/ledger.csv").write_text("login,role,employee,enabled\n" + "\n".join(rows) + "\n")
    people = [f"E{n:05},Person {n},Active,,Stores,{known_as.format(n=n)}" for n in range(1, STAFF + 1)]
    (made.folder / "sources/people.csv").write_text(
        "id,name,status,last_day,department,user\n" + "\n".join(people) + "\n"
    )
    hr = (made.folder / "sources/hr.yaml").read_text().replace("name: name,", "name: name, login: user,")
    (made.folder / "sources/hr.yaml").write_text(hr)
    first = access_review(made.folder, "--as-of", AT, "check").out.splitlines()[0]
    assert f"{better} under match would find {STAFF}." in first
    ledger = (made.folder / "sources/ledger.yaml").read_text()
    (made.folder / "sources/ledger.yaml").write_text(ledger.replace("{on: [employee_id, person]}", better))
    (match,) = access_review(made.folder, "--as-of", AT, "--json", "check").json["coverage"]["sources"]
    assert match["found"] == STAFF


def name_attributes(company: Company, values: Callable[[int, int], str]) -> None:
    """Give the roster an attribute of each awkward name, which says ``values(person, which)``."""
    columns = {"person": "id", "name": "name", "status": "status", **{name: f"c{i}" for i, name in enumerate(AWKWARD)}}
    options = {"path": "people.csv", "dates": "%Y-%m-%d", "statuses": {"active": ["Active"]}, "columns": columns}
    (company.folder / "sources/hr.yaml").write_text(json.dumps({"connector": "roster", "options": options}))
    lines = [",".join(["id", "name", "status", *(f"c{i}" for i in range(len(AWKWARD)))])]
    every = range(len(AWKWARD))
    lines += [
        ",".join([f"{n:05}", f"Person {n}", "Active", *(values(n, i) for i in every)]) for n in range(1, STAFF + 1)
    ]
    (company.folder / "sources/people.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("which", range(len(AWKWARD)))
def test_an_attribute_of_any_name_can_find_people_and_is_proposed_as_it_may_be_written(company, which):
    name_attributes(company, lambda n, i: f"u{n}" if i == which else f"x{n % 3}")
    said = access_review(company.folder, "--as-of", AT, "check").out.splitlines()[0]
    if AWKWARD[which] == "nome":  # it reads like `name`, so no ladder takes it
        assert said.endswith("what is said of the others is about nobody.")
        return
    assert said.endswith(f" under match would find {STAFF}.")
    line = said.partition("about nobody. ")[2].partition(" under match")[0]
    set_ladder(company, "[employee_id, person]")
    ledger = company.folder / "sources/ledger.yaml"
    ledger.write_text(ledger.read_text() + f"  - {line}\n")
    checked = access_review(company.folder, "--as-of", AT, "--json", "check").json
    assert checked["coverage"]["sources"][0]["found"] == STAFF
