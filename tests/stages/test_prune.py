"""What is older than the policy keeps it goes, unless something rests on it; and that it was there stays provable."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from access_review import runs
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.evidence.removed import removed_things
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.store import decisions, files, logbook, logged
from tests.support.command import access_review
from tests.support.workspaces import POLICY, Company

pytestmark = pytest.mark.slow
KEPT = "retention: {runs: 90d, audits: 100d, batches: 100d, rehearsals: 0d}\n"
AUDITED, BATCH, PLAIN, BEFORE, NEWEST = (
    "2026-11-02T06:00:00Z",
    "2026-11-03T06:00:00Z",
    "2026-11-04T06:00:00Z",
    "2026-11-09T06:00:00Z",
    "2027-05-31T06:00:00Z",
)
NOW = "2027-06-01T06:00:00Z"


def reviewed(company, at):
    for command in ("collect", "review"):
        assert company.run(command, at=at).code == 0


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Return a company of five runs: an audit nobody signed off, one of no use, one with a batch that is open, and the last two."""
    company = Company(tmp_path_factory.mktemp("old") / "company")
    (company.folder / "roles/policy.yaml").write_text(POLICY + KEPT)
    assert company.run("audit", at=AUDITED).code == 0
    company.leave(20, "2026-11-02")
    reviewed(company, BATCH)
    assert company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=BATCH).code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, at=BATCH).code == 0
    assert company.run("apply", "--by", "00007", at=BATCH).code == 0
    reviewed(company, PLAIN)
    reviewed(company, BEFORE)
    assert company.run("audit", "--trial", at=BEFORE).code == 0
    reviewed(company, NEWEST)
    return company


@pytest.fixture
def company(old, tmp_path):
    return old.copy(tmp_path / "company")


def prune(company, *words, at=NOW):
    return access_review(company.folder, "--json", "prune", *words, at=at)


def ids(company):
    return [run.id[:8] for run in runs.all_runs(company.folder)]


def test_only_what_nothing_rests_on_is_removed_and_the_logbook_says_what_it_was(company):
    before = ids(company)
    listed = prune(company)
    assert (listed.code, ids(company)) == (0, before), listed.err
    assert [one["kept_for"] for one in listed.json["runs"] if one["kind"] == "rehearsal"] == [None]
    kept = {one["run"][:8]: one["kept_for"] for one in listed.json["runs"] if one["kind"] != "rehearsal"}
    assert kept.pop("20261109") == "the newest review is held against it"
    assert kept.pop("20261104") is None
    assert "newest audit" in kept.pop("20261102")
    assert "is neither proven nor given up" in kept.pop("20261103")
    assert kept == {}
    plain = runs.find(company.folder, "20261104")
    files = {f"{plain.id}/{name}" for name in ("manifest.json", "findings.parquet", "snapshot/people.parquet")}
    copy = shutil.copytree(plain.folder, company.folder / "copy")
    done = prune(company, "--yes")
    assert (done.code, ids(company)) == (0, [one for one in before if one != "20261104"]), done.err
    assert not list((company.folder / "runs/rehearsals").glob("2*"))
    (line,) = logbook.read(company.folder).of(LogEvent.PRUNE)
    assert (line.name, line.removed, files <= line.details.keys()) == (plain.id, (plain.id,), True)
    assert line.details["why"] == "run, kept 90 days by the policy"
    assert company.run("logbook", "--check", at=NOW).code == 0
    assert company.run("plan", "--requested-by", "00007", at=NEWEST).code == 0, "what is left is enough"
    shutil.move(copy, plain.folder)
    there_again = company.run("--run", plain.id, "explain", "Person 20", at=NOW)
    assert (there_again.code, "is not known to the logbook" in there_again.err) == (1, True), there_again.err
    assert prune(company, "--yes").code == 0
    assert not plain.folder.exists()
    packed(company, plain.id)


def packed(company, gone):
    """Hold a pack of what is left to what it says of the run that is gone, and of what was compared with it."""
    pack = company.folder / "pack"
    made = company.run("--json", "evidence", "pack", "--since", "20261103", "-o", str(pack), at=NOW)
    assert made.code == 0, made.err
    checked = access_review(pack, "--json", "evidence", "check", str(pack))
    assert checked.json["wrong"] == []
    (said,) = (line for line in checked.json["said"] if line.startswith(gone))
    assert "(run, kept 90 days by the policy); line " in said
    again = access_review(pack, "--json", "evidence", "rederive", str(pack))
    why = {one["run"][:8]: one["why_not"] for one in again.json["runs"]}
    assert (again.code, why.pop("20261109").partition(" removed ")[2][: len(gone)]) == (5, gone)
    assert set(why.values()) == {""}
    assert gone in (pack / "removed.csv").read_text()
    log = logbook.read(pack)
    forged = replace(log, entries=tuple(without_findings(one) for one in log.entries))
    assert [one.wrong for one in removed_things(forged)] == [(f"{gone}/findings.parquet",)]


def without_findings(entry):
    left = {name: digest for name, digest in entry.details.items() if not name.endswith("findings.parquet")}
    return replace(entry, details=left) if entry.event is LogEvent.PRUNE else entry


def decided(item):
    said = Decision(
        item, "unit", "app:user:1", "app:role:A", "assigned", ReviewerAnswer.KEEP, "Person 7", date(2026, 11, 5)
    )
    return lambda _: (decisions.NewDecision(said, "hr:person:00007", decisions.Assurance.CLAIMED),)


def test_answers_go_with_their_run_and_notices_by_their_age_and_the_logbook_says_so(company):
    folder, at = company.folder, datetime(2026, 11, 5, tzinfo=UTC)
    policy = folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace("rehearsals: 0d", "rehearsals: 0d, notices: 90d"))
    plain, audited = runs.find(folder, "20261104").id, runs.find(folder, "20261102").id
    for run, item in ((audited, "a"), (plain, "b"), (audited, "a"), (plain, "c"), (audited, "d")):
        mark = decisions.write_decisions(folder, run, decided(item), now=at)
    logged.append(folder, entries.decisions_at(at, decisions.STORE, mark, run=plain, read=5))
    before = decisions.read_decisions(folder, audited).decisions
    notices = [f"notices/{day}T060000Z-{'0' * 12}.txt" for day in ("20261105", "20270530")]
    for name in notices:
        files.write(folder / "runs" / name, b"To: Person 7")
    digest = files.digest_of(folder / "runs" / notices[0])
    listed = prune(company)
    assert (listed.json["decisions"], listed.json["notices"]) == (2, 1)
    assert "2 runs, 2 answers, 1 notice" in access_review(folder, "prune", at=NOW).out
    assert prune(company, "--yes").code == 0
    assert decisions.read_decisions(folder, plain).history == ()
    kept = decisions.read_decisions(folder, audited)
    assert (kept.decisions, [row.replaces for row in kept.history]) == (before, [None, 1, None])
    assert [(folder / "runs" / name).exists() for name in notices] == [False, True]
    said = {line.name: line.details for line in logbook.read(folder).of(LogEvent.PRUNE)}
    assert said["notices"][notices[0]] == digest
    assert said[decisions.STORE][decisions.STORE] == mark.head
    assert company.run("logbook", "--check", at=NOW).code == 0
    left = prune(company).json
    assert (left["decisions"], left["notices"]) == (0, 0)
    decisions.write_decisions(folder, audited, decided("e"), now=at)
    assert len(decisions.read_decisions(folder, audited).history) == 4


def test_a_removal_that_was_broken_off_is_finished_by_the_next(company, monkeypatch):
    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "rmtree", broken)
    assert prune(company, "--yes").code == 1
    monkeypatch.undo()
    assert "20261104" not in ids(company)
    assert company.run("logbook", "--check", at=NOW).code == 0
    assert prune(company, "--yes").code == 0
    assert not list((company.folder / "runs").glob(".pruned-*"))
    elsewhere, link = company.folder / "elsewhere", company.folder / "runs/.pruned-20200101T000000Z-00000000"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    refused = prune(company, "--yes")
    assert (refused.code, "is a link to elsewhere" in refused.err) == (1, True), refused.err
    assert (link.is_symlink(), (elsewhere / "kept").exists()) == (True, True)


def test_what_differs_from_the_logbook_and_what_the_clock_says_otherwise_stays(company):
    refused = company.run("prune", "--yes", at="2040-01-01T00:00:00Z")
    assert (refused.code, "by the machine's clock" in refused.err) == (4, True)
    plain = runs.find(company.folder, "20261104")
    (plain.folder / "findings.parquet").write_bytes(b"shorter")
    done = prune(company, "--yes")
    (why,) = [one["kept_for"] for one in done.json["runs"] if one["run"] == plain.id]
    assert "findings.parquet" in why
    assert plain.folder.exists()


def test_an_audit_that_was_signed_off_and_a_batch_that_ended_go_in_their_time(company):
    assert company.run("--run", "20261102", "remind", at=NEWEST).code == 0
    assert company.run("--run", "20261102", "sign-off", "--yes", "--by", "00007", at=NEWEST).code == 0
    kept = {one["run"][:8]: one["kept_for"] for one in prune(company).json["runs"]}
    assert kept["20261102"] in {
        "it has the population that was accepted last",
        "it has the newest audit, and what that left open",
    }
    early = prune(company, at="2027-01-15T00:00:00Z").json["runs"]
    assert {one["kind"] for one in early} <= {"rehearsal"}, "each is within its time"
    company.disabled.add(20)
    company.write()
    for at in ("2026-11-03T07:00:00Z", "2026-11-03T08:00:00Z"):
        assert company.run("--run", "20261103", "verify", at=at).code == 0
    (batch,) = [one for one in prune(company, "--yes").json["runs"] if one["kind"] == "batch"]
    assert batch["kept_for"] is None
    assert ids(company) == ["20261102", "20261109", "20270531"]
    assert company.run("logbook", "--check", at=NOW).code == 0
    assert company.run("audit", at=NOW).code == 0, "what is left is enough"
    unsigned = {one["run"][:8]: one["kept_for"] for one in prune(company, at="2027-12-31T00:00:00Z").json["runs"]}
    assert unsigned["20261102"] == "it has the population that was accepted last"


def test_a_policy_keeps_what_the_tool_itself_looks_back_to(company):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(POLICY + "retention: {runs: 30d}\n")
    found = company.run("check", at=NOW)
    assert (found.code, "kept for 90 days at least" in found.err) == (2, True), found.err
