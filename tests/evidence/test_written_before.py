"""Somebody who may write to ``runs/`` made everything fit before a pack was made of it: what does not follow is found still."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from access_review.artifacts import FRAME, SAMPLE, WORKLIST
from access_review.audit.worklist import Worklist
from access_review.revoke import statements
from access_review.sample import draw
from access_review.sample.choice import Choice, Stratum
from access_review.sample.commitment import merkle_root, seed
from access_review.sample.draw import Sample
from access_review.sample.population import ReviewUnit, SamplingFrame
from access_review.stages.evidence_check import check_evidence
from access_review.stages.evidence_rederive import rederive_evidence
from tests.evidence.conftest import TwoClients
from tests.evidence.damages import as_if_logged, changed_row, put, rows_of
from tests.evidence.verifiers import second_here
from tests.support.workspaces import Company, key_of

pytestmark = pytest.mark.slow

ANSWERED, LEAVING = "20261102", "20261109"


def run_of(company: TwoClients, day: str) -> Path:
    (run,) = company.folder.glob(f"runs/{day}*")
    return run


def packed(company: TwoClients, to: Path) -> Path:
    made = company.run("evidence", "pack", "--since", ANSWERED, "-o", str(to), at="2026-11-16T07:00:00Z")
    assert made.code == 0, made.err
    return to


def drawn_again(run: Path, units: list[ReviewUnit], sample: Sample) -> dict[Path, bytes]:
    """Draw from other units as the tool would, and leave out of the work list who is not drawn then."""
    root = merkle_root(unit.unit for unit in units)
    sown = seed(bytes.fromhex(sample.key), root, sample.run)
    aims = sample.clients.aims if sample.clients else None
    chosen = Choice(
        units, sample.policy, sample.run, sample.as_of, sown, {}, sample.carried, bounded=True, clients=aims
    ).chosen()
    parts = draw._parts(units, chosen.picks)
    other = replace(
        sample,
        root=root,
        seed=sown.hex(),
        picks=chosen.picks,
        parts=parts,
        size=chosen.size,
        clients=chosen.clients,
        put_off=(),
    )
    work = WORKLIST.load((run / WORKLIST.path).read_bytes())
    there = {pick.unit for pick in chosen.picks}
    return {
        run / FRAME.path: FRAME.dump(SamplingFrame(sample.run, tuple(units))),
        run / SAMPLE.path: SAMPLE.dump(other),
        run / WORKLIST.path: WORKLIST.dump(replace(work, items=tuple(i for i in work.items if i.unit in there))),
    }


def test_who_is_left_out_of_the_population_is_found_by_both_who_conclude(company, tmp_path):
    own = company.copy(tmp_path / "w")
    run = run_of(own, LEAVING)
    frame, sample = FRAME.load((run / FRAME.path).read_bytes()), SAMPLE.load((run / SAMPLE.path).read_bytes())
    (leaver,) = (pick.unit for pick in sample.picks if pick.stratum is Stratum.LEAVERS and pick.unit.endswith("6"))
    as_if_logged(own.folder, drawn_again(run, [unit for unit in frame.units if unit.unit != leaver], sample))
    pack = packed(own, tmp_path / "pack")
    again = {one.run[:8]: one for one in rederive_evidence(pack)}
    assert (again[ANSWERED].others, again[LEAVING].same) == ((), False)
    assert FRAME.path in again[LEAVING].others
    code, told = second_here(pack)
    assert code == 1
    assert (
        f"WRONG runs/{run.name}/{FRAME.path}: is no population that follows: [('{leaver}', 'person', 'left', ('HARBOR',))]"
        in told
    )


@pytest.mark.parametrize("said", ["found", "planted"])
def test_what_the_machine_had_not_found_cannot_be_said_to_be_found_nor_asked_as_a_test(company, tmp_path, said):
    own = company.copy(tmp_path / "w")
    run = run_of(own, ANSWERED)
    work = WORKLIST.load((run / WORKLIST.path).read_bytes())
    one = next(item for item in work.items if not item.found and not item.planted)
    other = replace(one, found="never-used: so it was") if said == "found" else replace(one, planted=True)
    items = tuple(other if item is one else item for item in work.items)
    as_if_logged(own.folder, {run / WORKLIST.path: WORKLIST.dump(Worklist(work.run, work.as_of, items))})
    again = {one.run[:8]: one for one in rederive_evidence(packed(own, tmp_path / "pack"))}
    assert again[ANSWERED].others == (WORKLIST.path,)
    assert again[LEAVING].others == ()


def test_no_more_is_tolerated_than_the_policy_tolerates(company, tmp_path):
    own = company.copy(tmp_path / "w")
    run = run_of(own, LEAVING)
    frame, sample = FRAME.load((run / FRAME.path).read_bytes()), SAMPLE.load((run / SAMPLE.path).read_bytes())
    sample = replace(sample, policy=sample.policy.model_copy(update={"tolerable": 0.6}))
    as_if_logged(own.folder, drawn_again(run, list(frame.units), sample))
    wrong = check_evidence(packed(own, tmp_path / "pack")).wrong
    assert [one.partition(": ")[2] for one in wrong] == [
        "aims at something else than sampling: in roles/policy.yaml does"
    ]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, "no two reads apart from each other show it"),
        ({"server": ""}, "no two reads apart from each other show it"),
        ({"change": "c-0000000000000000"}, "which is no change of its plan"),
        ({"change": "", "state": "ended", "at": "2026-11-01T06:08:02+00:00"}, ""),
    ],
)
def test_a_journal_proves_nothing_that_no_two_reads_show(company, tmp_path, said, wrong):
    own = company.copy(tmp_path / "w")
    (journal,) = run_of(own, ANSWERED).glob("*/journal.sqlite")
    ordered, ended = rows_of(journal)[-2:]
    changed_row(journal, ordered["seq"] - 1, "state", "pending")
    last = {"change": ordered["change"], "state": "revoked", "attempt": 1, "server": "ledger"} | said
    for column, value in last.items():
        changed_row(journal, ended["seq"] - 1, column, value)
    as_if_logged(own.folder, {})
    found = check_evidence(packed(own, tmp_path / "pack")).wrong
    assert all("journal.sqlite" in one for one in found)
    assert any(wrong in one for one in found) if wrong else not found


def test_a_batch_that_was_approved_when_it_was_over_is_not_one_that_was_approved(company, tmp_path):
    own = company.copy(tmp_path / "w")
    (approval,) = run_of(own, ANSWERED).glob("*/approvals/approval-*.json")
    late = statements.payload_of(approval.read_bytes())
    late = replace(late, at=late.at + timedelta(hours=1))
    put(approval, statements.sign(late, statements.signing_key(key_of(8)[0], name="key")))
    as_if_logged(own.folder, {})
    (found,) = check_evidence(packed(own, tmp_path / "pack")).wrong
    assert found.endswith("journal.sqlite: has a batch that nobody had approved when it began")


def test_a_batch_that_goes_on_later_began_when_it_did(company, tmp_path):
    own = company.copy(tmp_path / "w")
    went_on = own.run("--run", ANSWERED, "apply", "--by", "00007", at="2026-11-16T06:50:00Z")
    assert went_on.code == 0, went_on.err
    assert (own.folder / "runs/logbook.jsonl").read_text().count('"begun"') == 2
    assert check_evidence(packed(own, tmp_path / "pack")).wrong == []


def test_what_people_did_before_a_batch_began_is_no_part_of_it(company, tmp_path):
    own = company.copy(tmp_path / "w")
    assert own.run("plan", "--requested-by", "00007", at="2026-11-16T06:50:00Z").code == 0
    request = ("approve", "--request", "--by", "00007", "--key", str(own.folder / "key7"))
    assert own.run(*request, at="2026-11-16T06:51:00Z").code == 0
    assert own.sign(8, at="2026-11-16T06:52:00Z").code == 0
    (plan,) = own.folder.glob("runs/20261116*/plan/plan.json")
    change = json.loads(plan.read_text())["changes"][0]["id"]
    done = own.run("verify", "--confirm", change, "--by", "00007", at="2026-11-16T06:53:00Z")
    assert done.code in {0, 5}, done.err
    went_on = own.run("apply", "--by", "00007", at="2026-11-16T06:58:00Z")
    assert went_on.code in {0, 5}, went_on.err
    assert check_evidence(packed(own, tmp_path / "pack")).wrong == []


def test_what_people_carried_out_and_nobody_had_approved_is_said(company, tmp_path):
    own = company.copy(tmp_path / "w")
    assert own.run("plan", "--requested-by", "00007", at="2026-11-16T06:50:00Z").code == 0
    (plan,) = own.folder.glob("runs/20261116*/plan/plan.json")
    change = json.loads(plan.read_text())["changes"][0]["id"]
    assert own.run("verify", "--confirm", change, "--by", "00007", at="2026-11-16T06:53:00Z").code in {0, 5}
    assert own.sign(8, at="2026-11-16T06:59:00Z").code == 0, "which is too late"
    found = check_evidence(packed(own, tmp_path / "pack"))
    (said,) = (one for one in found.said if "nobody had approved" in one)
    assert said.endswith(
        "/plan/journal.sqlite: people carried it out from 2026-11-16 06:53 UTC on, and nobody had approved it"
    )
    assert found.wrong == []


def test_what_was_asked_before_a_run_was_reviewed_again_is_said_not_to_be_shown(company, tmp_path):
    own = company.copy(tmp_path / "w")
    template = own.folder / "roles/templates/clerk.yaml"
    template.write_text(template.read_text().replace("Viewer", "Viewer, ledger:role:Payroll"))
    assert own.run("--quiet", "--run", "20261116", "review", at="2026-11-16T06:40:00Z").code == 0
    pack = packed(own, tmp_path / "pack")
    found = check_evidence(pack)
    assert found.wrong == []
    assert any("was reviewed again after its sample was drawn" in one for one in found.said)
    last = list(rederive_evidence(pack))[-1]
    assert (last.same, last.not_shown) == (
        True,
        "sample/worklist.json follows from a review before, which another has replaced since",
    )


def test_an_unattended_batch_is_ordered_by_who_signed_the_standing_approval(tmp_path):
    own = Company(tmp_path / "w")
    assert own.run("--quiet", "audit", at="2026-10-26T06:00:00Z").code == 0
    for person in (8, 9):
        assert own.sign(person, "--standing", at="2026-10-26T07:00:00Z").code == 0
    own.leave(20, "2026-10-29")
    assert own.run("apply", "--standing", at="2026-10-30T19:00:00Z").code == 0
    words = ("evidence", "pack", "--since", "20261026", "-o")
    assert own.run(*words, str(tmp_path / "pack"), at="2026-11-01T06:00:00Z").code == 0
    assert check_evidence(tmp_path / "pack").wrong == []
    for signed in own.folder.glob("roles/approvals/*.json"):
        signed.unlink()
    assert own.run(*words, str(tmp_path / "unsigned"), at="2026-11-01T06:00:00Z").code == 0
    (wrong,) = check_evidence(tmp_path / "unsigned").wrong
    assert wrong.endswith("has a batch under a standing approval whose signatures are not here")
