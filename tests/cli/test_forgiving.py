"""What is typed by hand: from any folder of a workspace, with names nearly right, and a moment without its zone."""

import json
import re

import pytest

from tests.support.command import in_folder
from tests.support.workspaces import Company

AT = "2026-11-02T06:00:00Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(tmp_path_factory.mktemp("company"))
    assert made.run("collect", at=AT).code == 0
    assert made.run("review", at=AT).code == 0
    return made


@pytest.mark.slow
@pytest.mark.parametrize("below", ["", "sources", "roles/templates", "runs"])
def test_a_workspace_is_found_from_any_folder_in_it(company: Company, below: str) -> None:
    said = in_folder(company.folder / below, "--as-of", AT, "explain", "Person 3")
    assert (said.code, said.err) == (0, "")
    assert "hr:person:00003" in said.out


def test_outside_of_a_workspace_it_is_said_that_there_is_none(tmp_path) -> None:
    said = in_folder(tmp_path, "check")
    assert said.code == 2
    assert "has no sources/ and roles/" in said.err


def test_many_mistakes_of_one_kind_are_said_a_few_times_and_all_of_them_in_json(tmp_path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "roles/templates").mkdir(parents=True)
    (tmp_path / "sources/hr.yaml").write_text("connector: roster\noptions: {path: a.csv, columns: {person: id}}\n")
    numbers = "".join(f"  - {n}\n" for n in range(120))
    (tmp_path / "roles/templates/x.yaml").write_text(f"role: x\nmay:\n{numbers}nverse: []\n")
    said = in_folder(tmp_path, "check")
    assert said.code == 2
    lines = said.err.splitlines()
    assert lines[0] == "access-review: 121 mistakes"
    assert len(lines) == 8
    assert "roles/templates/x.yaml: 115 more like these; all of them: --json" in said.err
    assert "nverse" in said.err
    assert len(in_folder(tmp_path, "--json", "check").json["mistakes"]) == 121


@pytest.mark.slow
def test_a_table_goes_to_a_pipe_where_a_dash_is_its_file(company: Company) -> None:
    said = company.run("export", "accounts", "--format", "json", "-o", "-", at=AT)
    assert (said.code, said.err) == (0, "")
    assert len(json.loads(said.out)) == 30
    assert not list(company.folder.rglob("accounts.json"))


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "meant"), [("Persn 13", "Person 13"), ("viever", "Viewer")])
def test_a_misspelt_name_is_answered_with_the_nearest(company: Company, typed: str, meant: str) -> None:
    said = company.run("explain", typed, at=AT)
    assert said.code == 2
    assert f"nothing is called '{typed}'" in said.err
    assert re.search(rf"did you mean .*\b{meant}\b", said.err)


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["2026-11-02", "2026-11-02T06:00"])
def test_a_moment_without_a_zone_is_answered_with_one_that_is_accepted(company: Company, typed: str) -> None:
    refused = company.run("roles", "show", at=typed)
    assert refused.code == 2
    (example,) = set(re.findall(r"example\s+(\S*\d+Z)", refused.err))
    assert example.startswith(typed)
    assert company.run("roles", "show", at=example).code == 0
