"""Findings of runs before ``findings@2``: read as they were written, and said in the same words."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review import runs
from access_review.artifacts import REVIEWED
from access_review.engine import ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import ArtifactError
from access_review.facts import FINDINGS
from access_review.findings import format_1, register
from access_review.findings.sentences import every_sentence
from access_review.store import files, reviews
from access_review.tables import digest, frame
from tests.support.old_runs import FINDINGS_1
from tests.support.snapshots import AS_OF
from tests.support.workspaces import Company

JUDGED = {"severity": "medium", "rag": "amber", "risk": 45, "remedy": "remove", "status": "new", "first_seen": AS_OF}
HELD = {
    "finding": "3f" * 32,
    "rule": "access-beyond-role",
    "subject": "ledger:account:u3",
    "about": "ledger:role:Approver",
    "subject_name": "u3",
    "about_name": "Approver",
    "source": "ledger",
    "reason": 'holds "Approver", which is beyond\tthe roles of the holder: [clerk]',
    "risk_reasons": "medium 30, restricted data 15",
    **JUDGED,
}
CARRIED = {
    **HELD,
    "finding": "a0" * 32,
    "rule": "own-rule",
    "about": None,
    "about_name": None,
    "reason": "not checked this time: not checked by anybody",
    "risk_reasons": None,
    "status": "open",
}
OLD = pa.Table.from_pylist([HELD, CARRIED], FINDINGS_1)
DIGEST = "sha256:a7b8ab2d9bcdf896ba2d8839dd3562f05173dcec53622c496c1bf5f50229447f"


def test_they_are_known_in_words_and_checked_or_not_alike_in_memory_and_in_the_engine(tmp_path):
    pq.write_table(OLD, tmp_path / "old.parquet")
    today = format_1.of_today(OLD)
    assert today.schema == FINDINGS.schema
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        for found in (OLD, ParquetFile(tmp_path / "old.parquet")):
            register(engine, "findings", found)
            assert engine.query("SELECT * FROM findings ORDER BY finding").cast(FINDINGS.schema).equals(today)
    held, carried = map(every_sentence().shown, today.to_pylist())
    assert [(row["reason"], row["risk_reasons"]) for row in (held, carried)] == [
        (HELD["reason"], HELD["risk_reasons"]),
        (CARRIED["reason"], ""),
    ]
    assert [(row["code"], row["checked"]) for row in (held, carried)] == [("in-words", True), ("in-words", False)]
    assert carried["facts"] == {"words": "not checked by anybody"}
    assert {name: held[name] for name in HELD} == HELD


def test_those_of_today_are_what_they_are():
    row = {
        **{name: HELD[name] for name in HELD if "reason" not in name},
        "code": "held",
        "facts": "{}",
        "checked": True,
    }
    found = frame(FINDINGS, [{**row, "risk_parts": "{}"}])
    assert format_1.of_today(found).equals(found)
    assert digest(OLD) == DIGEST, "the digest that runs of before were sealed with"


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Company:
    """A company whose only run was reviewed by the version before."""
    made = Company(tmp_path_factory.mktemp("company"))
    made.besides = [(3, "Approver")]
    made.write()
    assert made.run("collect", at="2026-11-02T06:00:00Z").code == 0
    assert made.run("review", at="2026-11-02T06:00:00Z").code == 0
    run = runs.find(made.folder)
    (now,) = [row for row in reviews.read(run).findings.to_pylist() if row["rule"] == "access-beyond-role"]
    old = pa.Table.from_pylist([{**HELD, "finding": now["finding"], "subject": now["subject"]}], FINDINGS_1)
    pq.write_table(old, run.folder / "findings.parquet")
    known = json.loads((run.folder / REVIEWED.path).read_text())
    del known["findings"]
    known |= {"format": "access-review/review@1", "digest": digest(old), "file": ""}
    files.write(run.folder / REVIEWED.path, json.dumps(known).encode())
    (made.folder / "runs/logbook.jsonl").unlink()  # a new one takes what lies there as it is
    return made


def test_a_run_of_before_is_shown_in_its_words(company, tmp_path):
    report = reviews.read(runs.find(company.folder))
    (row,) = report.findings.to_pylist()
    at = "2026-11-02T06:00:00Z"
    assert 'Why: holds "Approver", which is beyond' in company.run("explain", row["finding"], at=at).out
    company.run("export", "findings", "--format", "json", "-o", str(tmp_path / "f.json"), at=at)
    (told,) = json.loads((tmp_path / "f.json").read_text())
    assert (told["reason"], told["risk_reasons"]) == (HELD["reason"], HELD["risk_reasons"])
    assert (told["code"], told["facts"]) == ("in-words", {"words": HELD["reason"]})


def test_no_plan_is_made_of_it_before_it_is_reviewed_again(company, tmp_path):
    refused = company.copy(tmp_path / "a").run("plan", "--requested-by", "00007", at="2026-11-02T06:00:00Z")
    assert (refused.code, "review --run" in refused.err) == (4, True)


def test_the_next_review_carries_it_on_and_closes_it_as_any_other(company, tmp_path):
    later = company.copy(tmp_path / "a")
    (later.folder / "sources/ledger.csv").rename(tmp_path / "gone.csv")
    later.run("audit", at="2026-11-09T06:00:00Z")
    (row,) = [r for r in reviews.read(runs.find(later.folder)).findings.to_pylist() if r["rule"] == HELD["rule"]]
    assert (row["status"], row["checked"], row["first_seen"]) == ("open", False, AS_OF)
    assert every_sentence().reason(row) == f"not checked this time: {HELD['reason']}"
    later.besides = []
    later.write()
    later.run("audit", at="2026-11-16T06:00:00Z")
    (row,) = [r for r in reviews.read(runs.find(later.folder)).findings.to_pylist() if r["rule"] == HELD["rule"]]
    assert (row["status"], every_sentence().reason(row)) == ("closed", HELD["reason"])


def test_findings_of_a_version_to_come_are_refused_by_name(company, tmp_path):
    other = company.copy(tmp_path / "a")
    path = runs.find(other.folder).folder / REVIEWED.path
    known = json.loads(path.read_text()) | {"format": REVIEWED.format, "findings": "access-review/findings@3"}
    files.write(path, json.dumps(known).encode())
    with pytest.raises(ArtifactError, match="'access-review/findings@3', not 'access-review/findings@2'"):
        reviews.read(runs.find(other.folder))
