"""A run of the version before, of a source whose name is no longer accepted, is read by every command that reads runs."""

import json

import pytest

from access_review import artifacts, runs, store
from access_review.plan import record
from access_review.runs import Run
from tests.support.old_runs import NAME, age
from tests.support.workspaces import Company

AT = "2026-11-02T08:00:00Z"
APPROVER = f"{NAME}:role:Approver"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(tmp_path_factory.mktemp("company"))
    made.besides = [(3, "Approver")]
    made.leave(4, "2026-10-20")
    assert made.run("audit", at="2026-11-02T06:00:00Z").code == 0
    assert made.run("plan", "--requested-by", "00007", at="2026-11-02T06:30:00Z").code == 0
    return made


@pytest.fixture(scope="module")
def old(company: Company) -> Run:
    return age(company)


@pytest.mark.slow
def test_every_command_that_reads_runs_reads_it(company: Company, old: Run, tmp_path) -> None:
    plan = store.read(old, artifacts.plan("plan"))
    assert (plan.format, {change.target.source for change in plan.changes}) == (record.EARLIER, {NAME})
    found = {
        "findings": APPROVER,
        "held": APPROVER,
        "effective": APPROVER,
        "accounts": NAME,
        "people": "hr:person:00001",
    }
    for table, expected in found.items():
        file = tmp_path / f"{table}.json"
        assert company.run("export", table, "--format", "json", "-o", str(file), at=AT).code == 0
        assert expected in file.read_text()
    said = {
        ("report",): "report.html",
        ("explain", APPROVER): APPROVER,
        ("explain", "Person 3"): "which is beyond the roles of the holder",
        ("roles", "coverage"): NAME,
        ("roles", "show"): "clerk",
        ("roles", "diff", str(company.folder / "roles")): "0 findings would appear",
        ("roles", "draft", "--to", str(tmp_path / "drafted")): "",
        ("unusual",): "",
        ("predict",): "",
        ("trend",): "2026-W45",
        ("offboarding",): "1 person has left",
        ("verify",): "",
        ("remind",): "2026-W45",
        ("logbook", "--check"): "Everything is as its",
    }
    for words, expected in said.items():
        answer = company.run(*words, at=AT)
        unjudged = words == ("offboarding",)  # it was reviewed when nothing counted what was judged
        assert answer.code == (5 if unjudged else 0), (words, answer.err)
        assert expected in answer.out, words
    page = (old.folder / "report.html").read_text()
    assert "o'brien" in page


@pytest.mark.slow
def test_what_comes_after_it_carries_on_from_it(company: Company, old: Run, tmp_path) -> None:
    refused = company.run("plan", "--requested-by", "00007", at=AT)
    assert (refused.code, "review --run" in refused.err) == (4, True)
    again = company.copy(tmp_path / "again")
    assert again.run("review", "--run", old.id, at=AT).code == 0
    assert again.run("plan", "--requested-by", "00007", at=AT).code == 0
    later = company.copy(tmp_path / "later")
    after = json.loads(later.run("--json", "audit", at="2026-11-09T06:00:00Z").out)
    assert [one["source"] for one in after["sources"]] == ["hr", "ledger", NAME]
    assert store.read(runs.find(later.folder), artifacts.MANIFEST).previous is not None
