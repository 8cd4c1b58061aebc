"""A batch and its undo through the command line, carried out by people: from the plan through the program's log to proven."""

import hashlib
import json
from pathlib import Path

import pytest

from access_review.revoke.carried_out import COLUMNS
from access_review.views import carry_out
from tests.powershell.reads import lacking
from tests.stages.test_undo import AD, TEMPLATE, Domain, now_in_other

pytestmark = pytest.mark.slow


@pytest.fixture
def domain(tmp_path):
    made = Domain(tmp_path)
    (made.folder / "sources/ad.yaml").write_text(AD)
    (made.folder / "roles/templates/clerk.yaml").write_text(TEMPLATE)
    return made


def written_log(folder: Path, at: str) -> Path:
    """Write the log that the program writes when all goes well, and return where it is."""
    data = (folder / "plan.json").read_bytes()
    assert lacking(data) == []
    plan, digest = json.loads(data), "sha256:" + hashlib.sha256(data).hexdigest()
    action = {one["id"]: one["action"] for one in plan["changes"]}
    rows = [COLUMNS]
    for batch in plan["batches"]:
        for name in batch["changes"]:
            rows += [
                (at, digest, name, batch["id"], action[name], outcome, "", "HOME\\ann", "dc1.home.test")
                for outcome in ("intent", "pending")
            ]
    log = folder / carry_out.LOG
    log.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in rows), "utf-8-sig", newline="")
    return log


def test_a_batch_and_its_undo_are_proven_from_the_log(domain):
    now_in_other(domain, 14, 15)
    assert domain.run("audit", at="2026-10-26T06:00:00Z").code == 0
    planned = domain.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json
    folder = domain.folder / "runs" / planned["run"] / "plan"
    digest = "sha256:" + hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()
    assert planned["digest"] == digest
    signed = domain.sign(7, "--request", at="2026-10-26T06:06:00Z")
    assert (digest in signed.out, carry_out.digest() in signed.out) == (True, True)

    log = str(written_log(folder, "2026-10-26T06:10:00.1234567Z"))
    now_in_other(domain)
    assert domain.run("verify", "--log", log, at="2026-10-26T07:00:00Z").code == 2, "nobody says who brings it"
    first = domain.run("--json", "verify", "--log", log, "--by", "00007", at="2026-10-26T07:00:00Z")
    assert {one["state"] for one in first.json["changes"]} == {"pending"}, first.err
    proven = domain.run("--json", "verify", "--log", log, "--by", "00007", at="2026-10-26T07:20:00Z")
    assert {one["state"] for one in proven.json["changes"]} == {"revoked"}, proven.err

    late = "2026-10-28T06:00:00Z"
    assert domain.run("collect", at=late).code == 0
    assert domain.run("review", at=late).code == 0
    undo = domain.run("--json", "--run", planned["run"], "undo", "--requested-by", "00007", at=late)
    assert {one["action"] for one in undo.json["changes"]} == {"add-member"}, undo.err
    back = domain.folder / "runs" / undo.json["run"] / "undo"
    assert (back / carry_out.NAME).read_bytes() == carry_out.program()
    other = domain.run("verify", "--of", "undo", "--log", log, "--by", "00007", at=late)
    assert (other.code, "of another plan" in other.err) == (4, True)
    log = str(written_log(back, "2026-10-28T06:10:00.1234567Z"))
    now_in_other(domain, 14, 15)
    for at in ("2026-10-28T07:00:00Z", "2026-10-28T07:20:00Z"):
        given = domain.run("--json", "verify", "--of", "undo", "--log", log, "--by", "00007", at=at)
    assert {one["state"] for one in given.json["changes"]} == {"restored"}, given.err


def test_a_program_that_was_changed_is_not_signed_beside(domain):
    now_in_other(domain, 14)
    assert domain.run("audit", at="2026-10-26T06:00:00Z").code == 0
    planned = domain.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json
    program = domain.folder / "runs" / planned["run"] / "plan" / carry_out.NAME
    program.write_bytes(program.read_bytes() + b"# mine\n")
    refused = domain.sign(7, "--request", at="2026-10-26T06:06:00Z")
    assert (refused.code, carry_out.digest() in refused.err) == (4, True)
