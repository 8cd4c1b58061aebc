"""What was done cannot be taken back unseen: journals deleted, rolled back or copied, and the logbook itself."""

import os
import shutil
from datetime import UTC, datetime

import pytest
import rfc8785

from access_review.logbook import entries
from access_review.logbook.lines import LogEntry, LogEvent
from access_review.store import logbook, logged
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
AT, LATER = "2026-11-02T06:00:00Z", "2026-11-02T06:30:00Z"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Return a company whose one batch has ordered two leavers' accounts to be disabled."""
    company = Company(tmp_path_factory.mktemp("company"))
    company.leave(20, "2026-10-30")
    company.leave(21, "2026-10-30")
    assert company.run("audit", at=AT).code == 0
    assert company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=AT).code == 0
    assert company.sign(7, "--request", at=AT).code == 0
    assert company.sign(8, at=AT).code == 0
    done = company.run("--json", "apply", "--by", "00007", at="2026-11-02T06:05:00Z")
    assert done.code == 0, done.err
    return company


@pytest.fixture
def company(begun, tmp_path):
    return begun.copy(tmp_path / "company")


def plan_of(company):
    (folder,) = company.folder.glob("runs/*/plan")
    return folder


def test_a_journal_that_is_gone_is_never_begun_again(company):
    (plan_of(company) / "journal.sqlite").unlink()
    for words in (("apply", "--by", "00007"), ("verify",), ("undo", "--requested-by", "00007")):
        refused = company.run(*words, at=LATER)
        assert refused.code == 4, words
        assert "journal.sqlite: is gone" in refused.err
    refused = company.run("apply", "--standing", at=LATER)
    assert refused.code != 0
    assert "journal.sqlite: is gone" in refused.err, "what the day has taken is counted from every journal"


def test_a_journal_that_was_rolled_back_is_refused(company):
    folder = plan_of(company)
    before = (folder / "journal.sqlite").read_bytes()
    assert company.run("apply", "--by", "00007", at="2026-11-02T06:25:00Z").code == 0
    (folder / "journal.sqlite").write_bytes(before)
    refused = company.run("apply", "--by", "00007", at=LATER)
    assert (refused.code, "has fewer than" in refused.err) == (4, True)


def test_a_plan_under_another_name_is_none(company):
    folder = plan_of(company)
    shutil.copytree(folder, folder.with_name("again"))
    (folder.with_name("again") / "journal.sqlite").unlink()
    refused = company.run("apply", "--of", "again", "--by", "00007", at=LATER)
    assert (refused.code, "was made as" in refused.err) == (4, True)


def test_what_lies_there_and_was_never_logged_counts_for_nothing(company):
    (run,) = (path for path in company.folder.glob("runs/2*"))
    shutil.copytree(run, run.with_name("20261103T060000Z-0011aabb"))
    refused = company.run("plan", "--requested-by", "00007", at="2026-11-03T07:00:00Z")
    assert (refused.code, "is not known to the logbook" in refused.err) == (1, True)


def test_of_runs_of_one_second_the_logbook_says_which_is_the_newest(company):
    (first,) = company.folder.glob("runs/2*")
    company.leave(22, "2026-10-30")
    assert company.run("collect", at=AT).code == 0
    assert company.run("review", at=AT).code in {0, 3}
    (second,) = set(company.folder.glob("runs/2*")) - {first}
    os.utime(first / "manifest.json", (4_000_000_000, 4_000_000_000))
    done = company.run("plan", "--requested-by", "00007", at=AT)
    assert (done.code, second.name in done.out) == (0, True), done.out + done.err
    assert [run.id for run in logged.known_runs(company.folder)] == [first.name, second.name]


def test_the_check_names_what_was_changed_and_a_head_kept_elsewhere_shows_a_rollback(company):
    kept = company.run("--json", "logbook", at=LATER).json["head"]
    assert company.run("logbook", "--check", "--head", kept, at=LATER).code == 0
    path = logbook.path_of(company.folder)
    lines = path.read_bytes().splitlines(keepends=True)
    report = next(company.folder.glob("runs/2*/review.json"))
    report.write_bytes(report.read_bytes().replace(b'"rules"', b'"ruleS"'))
    checked = company.run("--json", "logbook", "--check", at=LATER)
    assert checked.code == 1
    assert [one["kind"] for one in checked.json["differs"]] == ["different"]
    path.write_bytes(b"".join(lines[:-2]))
    rolled = company.run("logbook", "--check", "--head", kept, at=LATER)
    assert rolled.code == 1
    assert "the logbook is not the one that --head" in rolled.out
    path.write_bytes(lines[0] + b"".join(lines[2:]))
    damaged = company.run("plan", "--requested-by", "00007", at=LATER)
    assert damaged.code == 1
    assert "a line before it was changed, moved or left out" in damaged.err


def test_the_check_names_a_journal_whose_beginning_was_cut_off_the_logbook(company):
    path = logbook.path_of(company.folder)
    lines = path.read_bytes().splitlines(keepends=True)
    begun = next(number for number, line in enumerate(lines) if b'"begun"' in line)
    path.write_bytes(b"".join(lines[:begun]))
    checked = company.run("--json", "logbook", "--check", at=LATER)
    assert checked.code == 1
    (one,) = checked.json["differs"]
    assert (one["kind"], one["path"].endswith("/plan/journal.sqlite")) == ("unknown", True)


@pytest.mark.parametrize("said", [LATER, "2027-06-01T06:00:00Z"], ids=["today", "in a year"])
def test_a_batch_that_a_forged_line_calls_pruned_still_counts(company, said):
    (run,) = (path for path in company.folder.glob("runs/2*"))
    for at in ("2026-11-02T06:20:00Z", "2026-11-02T06:25:00Z"):
        for command in ("collect", "review"):
            assert company.run(command, at=at).code == 0
    shutil.rmtree(run)
    line = entries.pruned(run.name, datetime.fromisoformat(said), why="old", removed={})
    logbook.append(company.folder, line, command="prune")
    made = company.run("plan", "--requested-by", "00007", at=LATER)
    if said == LATER:
        assert (made.code, "no batch is pruned so soon" in made.err) == (4, True), made.err
        return
    for person, more in ((7, ("--request",)), (8, ())):
        company.sign(person, *more, at="2026-11-02T06:31:00Z")
    refused = company.run("apply", "--by", "00007", at="2026-11-02T06:32:00Z")
    assert (refused.code, "no batch is pruned so soon" in refused.err) == (4, True), refused.err


@pytest.mark.parametrize("event", ["begun", "signature"])
def test_a_forged_line_that_lacks_what_others_rest_on_is_a_damaged_logbook_and_is_named(company, event):
    path = logbook.path_of(company.folder)
    whole = path.read_bytes()
    log, at = logbook.read(company.folder), datetime(2026, 11, 2, 6, 6, tzinfo=UTC)
    line = {"at": at.isoformat(), "event": event, "head": str(log.head), "name": "forged"}
    path.write_bytes(whole + rfc8785.dumps(line) + b"\n")
    for words in (("verify",), ("apply", "--by", "00007"), ("logbook", "--check"), ("status",)):
        refused = company.run(*words, at=LATER)
        said = refused.out + refused.err
        assert (refused.code, f"line {log.head.size + 1}: is not as this tool writes it" in said) == (1, True), said


def test_a_forged_line_about_the_draw_of_no_run_stops_no_audit(company):
    line = LogEntry(LogEvent.CAMPAIGN, "forged", datetime(2026, 11, 2, 6, 6, tzinfo=UTC))
    logbook.append(company.folder, line, command="audit")
    audited = company.run("audit", at="2026-11-09T06:00:00Z")
    assert audited.code in {0, 3}, audited.err


def test_a_workspace_from_before_the_logbook_gets_one_once(company):
    logbook.path_of(company.folder).unlink()
    first = company.run("verify", at="2026-11-02T06:25:00Z")
    assert "The logbook of this workspace is begun: 1 run from before" in first.err
    assert company.run("verify", at=LATER).err == ""
    checked = company.run("logbook", "--check", at=LATER)
    assert checked.code == 1
    assert "is not the one that runs/" in checked.out, "nobody rolls back past a signature unnoticed"
    refused = company.run("apply", "--by", "00007", at=LATER)
    assert (refused.code, "other workspace" in refused.err) == (4, True)


@pytest.mark.parametrize("words", [("scorecard",), ("scorecard", "trend", "leavers-in-time")], ids=" ".join)
def test_no_figure_is_made_of_what_was_written_into_a_run(begun, tmp_path, words):
    company = begun.copy(tmp_path / "company")
    (kept,) = company.folder.glob("runs/*/leavers.json")
    kept.write_bytes(kept.read_bytes().replace(b'"state":"open"', b'"state":"done"'))
    done = company.run(*words, at=LATER)
    assert (done.code, "leavers.json: was changed since line" in done.err) == (1, True), done.out + done.err


def test_a_run_whose_second_review_was_killed_is_reviewed_again(begun, tmp_path, monkeypatch):
    company = begun.copy(tmp_path / "company")
    with (company.folder / "roles/policy.yaml").open("a") as policy:
        policy.write("rules: {leaver-active: {grace_hours: 1}}\n")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("access_review.stages.review.logged.append", killed)
        assert company.run("review", at=LATER).code == 130
    refused = company.run("plan", "--requested-by", "00007", "--name", "again", at=LATER)
    assert (refused.code, "was changed since line" in refused.err) == (1, True), refused.err
    assert company.run("review", at=LATER).code == 0
    assert company.run("logbook", "--check", at=LATER).code == 0
