"""The standing approval when its signers go, the job that does nothing, and the draw that somebody would like again."""

import shutil
from datetime import UTC, datetime

import pytest

from access_review import runs
from access_review.artifacts import SAMPLE
from access_review.logbook import entries
from access_review.sample import commitment
from access_review.store import audits, logbook, read
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
MONDAY, FRIDAY = "2026-10-26T06:00:00Z", "2026-10-30T19:00:00Z"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Return a company whose standing approval three people have signed."""
    company = Company(tmp_path_factory.mktemp("company"))
    assert company.run("audit", at=MONDAY).code == 0
    for person in (7, 8, 9):
        assert company.sign(person, "--standing", at="2026-10-26T07:00:00Z").code == 0
    company.leave(20, "2026-10-29")
    return company


@pytest.fixture
def company(signed, tmp_path):
    return signed.copy(tmp_path / "company")


def test_one_signer_who_leaves_is_passed_over_and_said_and_two_are_needed(company):
    company.leave(9, "2026-10-28")
    done = company.run("--json", "apply", "--standing", at=FRIDAY)
    assert done.json["calls"] >= 1
    (told, *_) = [notice for notice in company.notices() if "Person 7" in notice.splitlines()[0]]
    assert "Signatures that do not count any more" in told
    assert "is not employed now" in told
    company.leave(8, "2026-10-29")
    refused = company.run("apply", "--standing", at="2026-10-31T19:00:00Z")
    assert (refused.code, "1 of 2 people" in refused.err) == (4, True)
    assert any("nothing could be done" in notice for notice in company.notices())


def test_a_standing_signature_can_be_withdrawn(company):
    words = (
        "withdraw",
        "--standing",
        "--by",
        "00009",
        "--key",
        str(company.folder / "key9"),
        "--comment",
        "not any more",
    )
    assert company.run(*words, at="2026-10-27T06:00:00Z").code == 0
    words = ("withdraw", "--standing", "--by", "00008", "--key", str(company.folder / "key8"), "--comment", "nor I")
    assert company.run(*words, at="2026-10-27T06:00:00Z").code == 0
    for path in (company.folder / "roles/approvals").glob("withdrawal-*.json"):
        path.unlink()
    refused = company.run("apply", "--standing", at=FRIDAY)
    assert (refused.code, "withdrawn" in refused.err) == (4, True)


def test_a_standing_approval_of_another_workspace_is_none(company):
    logbook.path_of(company.folder).unlink()
    refused = company.run("apply", "--standing", at=FRIDAY)
    assert (refused.code, "other workspace" in refused.err) == (4, True)


def test_a_job_that_is_not_heard_of_is_an_alarm_of_the_daily_check(company):
    silent = company.run("daily", at=FRIDAY)
    assert silent.code == 4
    assert "apply --standing has not run to its end yet" in silent.err
    company.run("apply", "--standing", at="2026-10-30T20:00:00Z")
    assert company.run("daily", at="2026-10-30T21:00:00Z").code == 0
    wrong = entries.ran_unattended("standing", datetime(2036, 10, 30, tzinfo=UTC), run="", made=0)
    logbook.append(company.folder, wrong, command="apply --standing")
    late = company.run("daily", at="2026-11-01T21:00:00Z")
    assert (late.code, "since 2026-10-30 20:00 UTC" in late.err) == (4, True)


def test_a_sample_drawn_again_after_its_run_was_taken_away_is_not_called_committed(company):
    for path in (company.folder / "roles/approvals").glob("*.json"):
        path.unlink()
    assert company.run("audit", at="2026-11-02T06:00:00Z").code == 0
    first = runs.find(company.folder)
    assert read(first, SAMPLE).committed
    shutil.rmtree(first.folder)
    again = company.run("audit", at="2026-11-02T07:00:00Z")
    assert again.code == 0, again.err
    drawn = read(runs.find(company.folder), SAMPLE)
    assert not drawn.committed
    assert any(f"what was drawn in {first.id} is gone" in reason for reason in drawn.reasons)


def test_a_rolled_back_state_draws_nothing(company):
    state = company.folder / "runs/state.json"
    before = state.read_bytes()
    assert company.run("audit", at="2026-11-02T06:00:00Z").code == 0
    state.write_bytes(before)
    refused = company.run("audit", at="2026-11-09T06:00:00Z")
    assert (refused.code, "state.json: was changed" in refused.err) == (1, True)


def test_the_key_of_the_draw_may_lie_with_the_auditor(company):
    key = b"auditor's own key, 32 bytes long!"
    (company.folder / "commitment").write_text(commitment.commitment(key) + "\n")
    first = company.run("audit", "--commitment", str(company.folder / "commitment"), at="2026-11-02T06:00:00Z")
    assert "The key of the next draw is held by the auditor" in first.out
    without = company.run("audit", at="2026-11-09T06:00:00Z")
    assert (without.code, "the auditor keeps it" in without.err) == (1, True)
    (company.folder / "wrong").write_text((b"w" * 32).hex())
    wrong = company.run("audit", "--draw-key", str(company.folder / "wrong"), at="2026-11-09T06:10:00Z")
    assert (wrong.code, "the key is not the one promised" in wrong.err) == (1, True)
    (company.folder / "key").write_text(key.hex())
    done = company.run("audit", "--draw-key", str(company.folder / "key"), at="2026-11-09T06:20:00Z")
    assert done.code == 0, done.err
    assert "held by the operator" in done.out
    assert read(runs.find(company.folder), SAMPLE).committed
    lines = company.run("--json", "logbook", at="2026-11-09T06:30:00Z").json["lines"]
    held = [line["details"]["held by"] for line in lines if line["event"] == "draw"]
    assert held[-1] == "the auditor"


def test_the_auditor_may_keep_the_key_from_the_first_week_on(tmp_path):
    company = Company(tmp_path / "company")
    key = b"k" * 32
    for name, text in (("promise", commitment.commitment(key)), ("key", key.hex()), ("wrong", "77" * 32), ("odd", "7")):
        (company.folder / name).write_text(text + "\n")
    odd = company.run("audit", "--commitment", str(company.folder / "odd"), at=MONDAY)
    assert (odd.code, "is no commitment to a key" in odd.err) == (1, True)
    first = company.run("audit", "--commitment", str(company.folder / "promise"), at=MONDAY)
    assert (first.code, "held by the auditor" in first.out) == (0, True), first.err
    assert not read(runs.find(company.folder), SAMPLE).committed, "nobody was promised the key of the first draw"
    late = company.run("audit", "--draw-key", str(company.folder / "key"), at="2026-10-28T06:00:00Z")
    assert (late.code, "2026-W44 was drawn in run" in late.out) == (0, True), late.err
    for words in ((), ("--draw-key", str(company.folder / "wrong"))):
        refused = company.run("audit", *words, at="2026-11-02T06:00:00Z")
        assert refused.code == 1, refused.out
    done = company.run("audit", "--draw-key", str(company.folder / "key"), at="2026-11-02T07:00:00Z")
    drawn = read(runs.find(company.folder), SAMPLE)
    assert (done.code, drawn.committed, drawn.key) == (0, True, key.hex()), done.err
    again = company.run("audit", "--draw-key", str(company.folder / "key"), at="2026-11-09T07:00:00Z")
    assert (again.code, "the key is not the one promised" in again.err) == (1, True), again.out


def test_whoever_was_not_read_for_a_week_waits_on_from_where_they_were(tmp_path):
    company = Company(tmp_path)
    assert company.run("audit", at=MONDAY).code == 0
    before = audits.sample_state(company.folder).coverage
    ledger = company.folder / "sources/ledger.csv"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(lines[: len(lines) // 2]))
    short = company.run("audit", at="2026-11-02T06:00:00Z")
    assert (short.code, "accept_fewer" in short.out + short.err) == (1, True)
    ledger.write_text("".join(lines))
    assert company.run("audit", at="2026-11-09T06:00:00Z").code == 0
    after = audits.sample_state(company.folder).coverage
    assert before.keys() == after.keys()
    assert {unit: clock.entered for unit, clock in after.items()} == {u: clock.entered for u, clock in before.items()}
