"""Evidence through the command line: what is packed agrees, by two readers of their own; what is damaged is refused by both."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from access_review import runs
from access_review import workspace as workspaces
from access_review.errors import AccessReviewError
from access_review.sample.population import list_units
from access_review.stages.evidence_check import check_evidence
from access_review.stages.evidence_rederive import rederive_evidence
from access_review.store import reviews
from bench.company import Company as DrawnCompany
from bench.company import Size
from bench.snapshots import write
from tests.evidence.damages import DAMAGES, copied, damage, reseal
from tests.evidence.half_year import example_weeks, half_year
from tests.evidence.verifiers import COMPILED, SECOND, first_named, second, second_here
from tests.support.command import access_review
from tests.support.old_runs import in_words
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

DAMAGED_PACKS = int(os.environ.get("DAMAGED_PACKS", str(len(DAMAGES))))
"""How many packs are damaged; `make damage-evidence` asks for 500."""
DAMAGED_PACK = os.environ.get("DAMAGED_PACK", "")
"""Which pack: `half-year` is one of 26 weeks with what people signed, `example` of 26 of the example company, or a folder."""


def test_both_verifiers_agree_that_a_pack_is_as_it_was_made(pack):
    folder, made = pack
    first = access_review(folder, "--json", "evidence", "check", str(folder), "--head", made["head"])
    assert (first.code, first.json["wrong"]) == (0, [])
    assert sum(", authenticated, " in line for line in first.json["said"]) == 4, first.json["said"]
    (certified,) = (line for line in first.json["said"] if "/certificates/" in line)
    assert certified.endswith("certifies that access of hr:person:00003 is gone, signed by hr:person:00008")
    assert "certificate: access of hr:person:00003 is gone" in (folder / "said.csv").read_text()
    other = second(folder, "--head", made["head"])
    assert (other.returncode, other.stderr) == (0, ""), other.stdout
    assert "Everything agrees" in other.stdout
    assert "signed by 00008" in other.stdout
    assert re.search(r"sign-off-\S+: sign-off by \S*00008, signed by 00008\n", other.stdout), other.stdout
    assert re.search(
        r"missed by the machine: \d+ to \d+ of \d+ drawn, at most [\d.]+% of \d+ \(95% sure\); answers: \d+ claimed",
        other.stdout,
    )
    assert re.search(r"access-beyond-role 1, leaver-active 1, never-allowed 1", other.stdout), other.stdout


def test_the_second_verifier_shares_no_code_and_needs_little():
    text = SECOND.read_text()
    imported = set(re.findall(r"^\s*(?:from|import) ([a-z_0-9]+)", text, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert max(map(len, text.splitlines())) <= 100
    shape = ("ruff", "format", "--isolated", "--line-length", "100", "--check", "--stdin-filename", "check.py", "-")
    subprocess.run([sys.executable, "-m", *shape], input=text, text=True, check=True, capture_output=True)


def test_every_finding_is_concluded_again_from_the_folder_alone(company, pack, tmp_path):
    made = pack[1]
    with zipfile.ZipFile(made["archive"]) as archive:
        archive.extractall(tmp_path / "elsewhere")
    aside = company.folder.rename(company.folder.with_name("gone"))
    try:
        again = access_review(tmp_path, "--json", "evidence", "rederive", str(tmp_path / "elsewhere"))
    finally:
        aside.rename(company.folder)
    assert again.code == 0, again.out
    assert [one["same"] for one in again.json["runs"]] == [True] * 3


def test_a_pack_is_not_made_of_what_was_changed(company, tmp_path):
    changed = company.copy(tmp_path / "copy")
    path = next(changed.folder.glob("runs/20261109*/review.json"))
    path.write_bytes(path.read_bytes().replace(b'"hits":1', b'"hits":0', 1))
    refused = changed.run("evidence", "pack", "-o", str(tmp_path / "pack"), at="2026-11-16T07:00:00Z")
    assert refused.code == 1, refused.out
    assert "review.json" in refused.err
    assert not (tmp_path / "pack").exists()


def test_one_run_alone_is_packed_with_what_it_is_compared_with(company, tmp_path):
    to = tmp_path / "one"
    made = company.run("--json", "--run", "20261109", "evidence", "pack", "-o", str(to), at="2026-11-16T07:00:00Z")
    assert made.code == 0, made.err
    assert made.json["left_out"] > 20
    assert access_review(tmp_path, "evidence", "check", str(to), "--head", made.json["head"]).code == 0
    assert access_review(tmp_path, "evidence", "rederive", str(to)).code == 0
    assert second(to, "--head", made.json["head"]).returncode == 0
    secret = json.loads((company.folder / "runs/state.json").read_bytes())["sample"]["pledge"]["key"]
    assert not any(secret.encode() in path.read_bytes() for path in to.rglob("*") if path.is_file())


@pytest.mark.sweep(share=1 / 3)
@pytest.mark.parametrize("seed", range(DAMAGED_PACKS))
def test_a_damaged_pack_is_refused_by_both_which_name_first_what_was_damaged(damaged_pack, tmp_path, seed):
    folder, head = damaged_pack
    copy = copied(folder, tmp_path / "pack")
    done = damage(copy, seed)
    head = done.head or head
    found = first_named(copy, head) if DAMAGED_PACK else wrong_in(copy, head)
    code, said = second_here(copy, "--head", head)
    others = [line for line in said.splitlines() if line.startswith("WRONG ")]
    shutil.rmtree(copy)
    assert (bool(found), code, bool(others)) == (True, 1, True), f"not noticed: {done}\n{found}\n{said}"
    assert done.is_named_in(found), f"the first names something else: {done}\n{found}"
    assert done.is_named_in(others[0]), f"the second names something else: {done}\n{others[:3]}"


def wrong_in(folder, head):
    """Return the first of what is wrong, after a whole check."""
    try:
        return next(iter(check_evidence(folder, [head]).wrong), "")
    except AccessReviewError as error:  # what cannot be read at all
        return str(error)


@pytest.mark.skipif(not DAMAGED_PACK, reason="the small company's has tests of its own")
def test_the_pack_that_is_damaged_agrees_by_both_and_every_finding_is_concluded_again(damaged_pack):
    folder, head = damaged_pack
    assert check_evidence(folder, [head]).wrong == []
    assert second(folder, "--head", head).returncode == 0
    again = list(rederive_evidence(folder))
    assert [one.digest for one in again] == [one.known for one in again]


@pytest.fixture(scope="module")
def damaged_pack(request):
    """A pack to be damaged, with its head: that of `DAMAGED_PACK`, or the small company's."""
    if not DAMAGED_PACK:
        folder, made = request.getfixturevalue("pack")
        return folder, made["head"]
    kinds = {"half-year": half_year, "example": example_weeks}
    weeks = kinds.get(DAMAGED_PACK)
    to = request.getfixturevalue("tmp_path_factory").mktemp("weeks")
    folder = weeks(to) if weeks else Path(DAMAGED_PACK)
    return folder, json.loads((folder / "pack.json").read_bytes())["head"]


def test_a_stranger_reads_who_answered_what_it_proves_and_which_controls_have_nothing(pack):
    folder, made = pack
    said = access_review(folder, "--json", "evidence", "check", str(folder), "--head", made["head"]).json["said"]
    first = made["runs"][0]
    assert any(re.fullmatch(rf"{first}: \d+ answers: 0 authenticated, \d+ claimed", line) for line in said), said
    assert any(
        re.search(r"drawn were tested.*wrong \d, at most \d+% of all; missed by the machine", line) for line in said
    ), said
    assert any("of leavers not known to be off" in line for line in said), said
    assert any(
        re.search(r"HARBOR: \d+ of \d+ drawn were tested.*no more than 20 % wrong with 90%", line) for line in said
    )
    lacking = next(line for line in said if line.startswith("nothing in it for"))
    assert "SOC 2 CC6.4" in lacking, "no source is about badges"
    assert "CC6.3" not in lacking


def test_the_readme_alone_answers_a_stranger(pack):
    folder = pack[0]
    text = (folder / "README.txt").read_text()
    assert "- SOC 2 CC6.4: badges as a source like any other" in text
    assert "- SOC 2 CC6.3" not in text
    assert re.search(r"- approval by \S*00008, authenticated: 1\n", text), text
    assert re.search(r"- sign-off by \S*00008, authenticated: 1\n", text), text
    assert re.search(r"answers of reviewers: 0 authenticated, \d+ claimed", text)
    assert re.search(
        r"misses, by the newest draw with answers and with 95% confidence.*: [1-9]\d* of \d+ drawn were tested",
        text,
        re.DOTALL,
    )
    assert f"{pack[1]['runs'][-1]}: drawn, and not answered yet" in text
    lock = (folder / "tool/requirements.txt").read_bytes()
    assert f"sha256:{hashlib.sha256(lock).hexdigest()}" in text
    assert b"--hash=sha256:" in lock
    with (folder / "said.csv").open(newline="", encoding="utf-8-sig") as file:
        said = list(csv.DictReader(file))
    assert {(one["what"], one["who"][-5:], one["how known"]) for one in said} >= {
        ("request", "00007", "authenticated"),
        ("approval", "00008", "authenticated"),
        ("answers", "", "claimed"),
    }
    with (folder / "answers.csv").open(newline="", encoding="utf-8-sig") as file:
        answers = list(csv.DictReader(file))
    assert {(one["who"], one["how known"], one["answer"]) for one in answers if one["stands"] == "yes"} >= {
        ("hr:person:00009", "claimed", "keep"),
        ("hr:person:00009", "claimed", "revoke"),
    }, answers
    with (folder / "controls.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {f"{one['framework']} {one['control']}": one for one in csv.DictReader(file)}
    controls = {name: one["evidence"] for name, one in rows.items()}
    assert rows["ISO 27001 9.2"]["where"] == "runs/*/sample/frame.json runs/*/sample/sample.json"
    assert "mini-audit" in rows["ISO 27001 9.2"]["nothing in"]
    wanted = ("ISO 27001 9.1", "ISO 27001 9.2", "ISO 27001 9.3", "ISO 27001 10.2", "SOC 2 CC7.3-7.4", "SOC 2 CC8.1")
    assert {controls[one] for one in wanted} == {"yes"}
    assert {controls[one] for one in ("HIPAA 164.308(a)(4)", "HIPAA 164.312(b)")} == {"yes"}
    assert (controls["SOC 2 CC6.4"], controls["SOC 2 CC9.2"]) == ("no", "no")


def test_an_independent_validator_reads_the_assessment_results(pack):
    from trestle.oscal import assessment_results as oscal

    folder, made = pack
    read = oscal.AssessmentResults.oscal_read(folder / "oscal/assessment-results.json")
    assert [one.title for one in read.results] == [f"Access review {run}" for run in made["runs"]]
    states = {one.title: str(one.target.status.state.value) for one in read.results[0].findings}
    assert (states["leaver-active"], states["nesting-cycle"]) == ("not-satisfied", "satisfied")
    uuids = re.findall(r'"uuid":"([^"]+)"', (folder / "oscal/assessment-results.json").read_text())
    assert len(uuids) == len(set(uuids)) > 20


def test_what_is_written_for_readers_follows_from_the_rest(pack, tmp_path):
    copy = shutil.copytree(pack[0], tmp_path / "pack")
    for name in (
        "README.txt",
        "controls.csv",
        "said.csv",
        "answers.csv",
        "figures.csv",
        "provenance.csv",
        "oscal/assessment-results.json",
    ):
        path = copy / name
        path.write_bytes(path.read_bytes().replace(b"claimed", b"authenticated").replace(b"no", b"yes") + b" ")
    reseal(copy)
    wrong = check_evidence(copy, [pack[1]["head"]]).wrong
    assert sum("says something else than follows from the pack" in one for one in wrong) == 7


@pytest.mark.sweep(share=1 / 2)
@pytest.mark.parametrize("seed", [1, 2])
def test_both_find_the_same_in_a_company_drawn_by_chance(tmp_path, seed):
    """Nestings with cycles, movers, toxic pairs, synced copies: row by row the same, by code of its own."""
    run = write(tmp_path, DrawnCompany(Size("tiny", 300, 150, 5), seed=seed))
    assert access_review(tmp_path, "--quiet", "review", "--run", run.id).code == 0
    to = tmp_path / "pack"
    assert access_review(tmp_path, "evidence", "pack", "-o", str(to), at="2026-11-02T07:00:00Z").code == 0
    found = second(to)
    assert found.returncode == 0, found.stdout
    assert re.search(r"access-beyond-role [1-9]\d\d, leaver-active \d+, never-allowed [1-9]", found.stdout), (
        found.stdout
    )
    with reviews.opened(workspaces.load(tmp_path), run) as facts:
        units = {(one.unit, one.kind, one.census, one.clients) for one in list_units(facts.engine)}
    assert {census for *_, census, _ in units} == {None, "left", "privileged"}
    module: dict[str, Any] = {}
    exec(COMPILED, module)  # noqa: S102 - our own file
    declared = module["read"](to / f"declared/{run.id}.json")
    concluded = module["conclude"](to / "tables" / run.id, declared, run.as_of, True)
    assert module["population_of"](concluded) == units, "both draw from the same population"


@pytest.mark.parametrize(
    "said",
    ["{}", "[]", "null", "[" * 100_000, '{"format": "access-review/evidence@1", "files": {}, "runs": ["../.."]}'],
)
def test_what_is_no_pack_is_refused_in_a_sentence(pack, tmp_path, said):
    copy = shutil.copytree(pack[0], tmp_path / "pack")
    (copy / "pack.json").write_text(said)
    assert access_review(tmp_path, "evidence", "check", str(copy)).code == 1
    assert access_review(tmp_path, "evidence", "rederive", str(copy)).code == 1
    other = second(copy)
    assert (other.returncode, other.stderr) == (1, "")
    assert "WRONG" in other.stdout


def test_of_a_run_in_a_former_format_both_say_so_and_nothing_is_wrong(tmp_path):
    """Such a run may have been reviewed when the files of its workspace were kept already."""
    made = Company(tmp_path / "w")
    made.besides = [(4, "Payroll")]
    made.write()
    assert made.run("--quiet", "audit", at="2026-11-02T06:00:00Z").code == 0
    run = runs.find(made.folder)
    in_words(run)
    (made.folder / "runs/logbook.jsonl").unlink()  # a new one takes what lies there as it is
    assert made.run("--quiet", "audit", at="2026-11-09T06:00:00Z").code == 0
    words = ("evidence", "pack", "--since", "20261102", "-o", str(tmp_path / "pack"))
    assert made.run(*words, at="2026-11-09T07:00:00Z").code == 0
    assert check_evidence(tmp_path / "pack").wrong == []
    assert [one.unknowable for one in rederive_evidence(tmp_path / "pack")] == [True, False]
    other = second(tmp_path / "pack")
    assert (other.returncode, other.stderr) == (0, ""), other.stdout
    assert f"{run.id}  its findings have a former format" in other.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_a_pack_is_not_waited_for(pack, tmp_path):
    copy = shutil.copytree(pack[0], tmp_path / "pack")
    (copy / "runs/logbook.jsonl").unlink()
    os.mkfifo(copy / "runs/logbook.jsonl")
    assert access_review(tmp_path, "evidence", "check", str(copy)).code == 1
    assert "no plain file" in second(copy).stdout


def test_a_trial_is_no_evidence(company, tmp_path):
    own = company.copy(tmp_path / "copy")
    assert own.run("--quiet", "audit", "--trial", at="2026-11-17T06:00:00Z").code in {0, 3}
    (trial,) = (own.folder / "runs/rehearsals").iterdir()
    refused = own.run("--run", trial.name, "evidence", "pack", "-o", str(tmp_path / "pack"), at="2026-11-17T07:00:00Z")
    assert refused.code == 1
    assert "a trial or a rehearsal is none" in refused.err
