"""Evidence through the command line: what is packed agrees, by two readers of their own; what is damaged is refused by both."""

import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files

import pytest

from access_review.errors import AccessReviewError
from access_review.stages.evidence_check import check_evidence
from bench.company import Company as DrawnCompany
from bench.company import Size
from bench.snapshots import write
from tests.evidence.damages import DAMAGES
from tests.support.command import access_review
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

DAMAGED_PACKS = int(os.environ.get("DAMAGED_PACKS", "20"))
"""How many packs are damaged; `make damage-evidence` asks for 500."""
SECOND = files("access_review") / "views" / "templates" / "check_evidence.py.txt"


class TwoClients(Company):
    """The same people, of whom every third works for one client and the others for another."""

    def write(self):
        super().write()
        path = self.folder / "sources/people.csv"
        head, *rows = path.read_text().splitlines()
        clients = ("HARBOR" if int(row[:5]) % 3 == 0 else "QUAY" for row in rows)
        path.write_text("\n".join([head + ",client", *map(",".join, zip(rows, clients, strict=True))]) + "\n")
        source = self.folder / "sources/hr.yaml"
        if "client:" not in source.read_text():
            source.write_text(source.read_text().replace("{person: id", "{client: client, person: id"))


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Lay out three weekly audits: people leave, a batch is signed and carried out, a week is answered and signed off."""
    made = TwoClients(tmp_path_factory.mktemp("company") / "w")
    policy = made.folder / "roles/policy.yaml"
    policy.write_text(
        policy.read_text() + "sampling: {tolerable: 0.2}\nclients: {HARBOR: {tolerable: 0.2, confidence: 0.9}}\n"
    )
    template = made.folder / "roles/templates/clerk.yaml"
    template.write_text(template.read_text() + "never: [ledger:role:Approver]\n")
    made.besides = [(4, "Payroll"), (5, "Approver")]
    made.leave(3, "2026-11-01")
    assert made.run("--quiet", "audit", at="2026-11-02T06:00:00Z").code in {0, 3}
    assert made.run("plan", "--requested-by", "00007", at="2026-11-02T06:05:00Z").code == 0
    request = ("approve", "--request", "--by", "00007", "--key", str(made.folder / "key7"))
    assert made.run(*request, at="2026-11-02T06:06:00Z").code == 0
    assert made.sign(8, at="2026-11-02T06:07:00Z").code == 0
    applied = made.run("apply", "--by", "00007", at="2026-11-02T06:08:00Z")
    assert applied.code == 0, applied.err
    signed = ("sign-off", "--by", "00008", "--key", str(made.folder / "key8"))
    answer(made, "2026-11-03T06:00:00Z")
    ended = made.run(*signed, at="2026-11-04T06:00:00Z")
    assert ended.code == 0, ended.err
    made.disabled = {3}
    made.leave(6, "2026-11-08")
    for day in ("09", "16"):
        assert made.run("--quiet", "audit", at=f"2026-11-{day}T06:00:00Z").code in {0, 3}
    return made


def answer(made, at):
    """Answer every row of the work sheets: one is to be revoked."""
    for number, sheet in enumerate(sorted(made.folder.glob("runs/*/sample/*.csv"))):
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        names = {name.lower(): name for name in rows[0]}
        for place, row in enumerate(rows):
            row[names["decision"]] = "revoke" if number == place == 0 else "keep"
            own = any(value == "Person 9" for value in row.values())
            row[names["decided by"]], row[names["decided on"]] = "Person 10" if own else "Person 9", "2026-11-03"
        with sheet.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        read = made.run("decide", str(sheet), at=at)
        assert read.code == 0, read.err


@pytest.fixture(scope="module")
def pack(company, tmp_path_factory):
    to = tmp_path_factory.mktemp("packs") / "pack"
    words = ("--since", "20261102", "-o", str(to), "--zip", "--key", str(company.folder / "key8"))
    made = company.run("--json", "evidence", "pack", *words, at="2026-11-16T07:00:00Z")
    assert made.code == 0, made.err
    return to, made.json


def second(folder, *words):
    """Run the second verifier as an auditor does: a file, and a Python that cannot find this tool."""
    command = [sys.executable, "-I", "-c", RUN, str(SECOND), str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


RUN = """
import runpy, sys
sys.modules["access_review"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_both_verifiers_agree_that_a_pack_is_as_it_was_made(pack):
    folder, made = pack
    first = access_review(folder, "--json", "evidence", "check", str(folder), "--head", made["head"])
    assert (first.code, first.json["wrong"]) == (0, [])
    assert sum(", authenticated, " in line for line in first.json["said"]) == 4, first.json["said"]
    other = second(folder, "--head", made["head"])
    assert (other.returncode, other.stderr) == (0, ""), other.stdout
    assert "Everything agrees" in other.stdout
    assert "signed by 00008" in other.stdout
    assert re.search(r"access-beyond-role 1, leaver-active 1, never-allowed 1", other.stdout), other.stdout


def test_the_second_verifier_shares_no_code_and_needs_little():
    text = SECOND.read_text()
    imported = set(re.findall(r"^\s*(?:from|import) ([a-z_0-9]+)", text, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


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


@pytest.mark.parametrize("seed", range(DAMAGED_PACKS))
def test_a_damaged_pack_is_refused_by_both(pack, tmp_path, seed):
    folder, made = pack
    copy = shutil.copytree(folder, tmp_path / "pack")
    chance = random.Random(seed)  # noqa: S311 - chosen by a number, so that it happens again
    damage = DAMAGES[seed % len(DAMAGES)]
    what = damage(copy, chance)
    try:
        found = check_evidence(copy, [made["head"]]).wrong
    except AccessReviewError as error:  # what cannot be read at all
        found = [str(error)]
    assert found, f"the first verifier did not notice: {what}"
    other = second(copy, "--head", made["head"])
    assert other.returncode == 1, f"the second verifier did not notice: {what}\n{other.stdout}{other.stderr}"
    assert "WRONG" in other.stdout
    assert "Traceback" not in other.stderr


def test_a_stranger_reads_who_answered_what_it_proves_and_which_controls_have_nothing(pack):
    folder, made = pack
    said = access_review(folder, "--json", "evidence", "check", str(folder), "--head", made["head"]).json["said"]
    first = made["runs"][0]
    assert any(re.fullmatch(rf"{first}: \d+ answers: 0 authenticated, \d+ claimed", line) for line in said), said
    assert any(
        re.search(r"drawn were tested.*wrong \d, at most \d+% of all; missed by the machine", line) for line in said
    ), said
    assert any("of leavers not known to be off" in line for line in said), said
    assert not any(line.startswith("nothing in it for") for line in said), said


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
