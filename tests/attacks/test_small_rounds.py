"""Whoever wants to take much takes it in small rounds: limits count what batches took lately, less what was given back."""

import csv
import shutil
import sqlite3
from datetime import UTC, datetime

import pytest

from access_review import artifacts, runs
from access_review.errors import ConnectorError
from access_review.logbook import entries
from access_review.store import files, logbook, logged
from tests.support.faulty_company import POLICY, Faulty

pytestmark = pytest.mark.slow
CHECKLIST = """\
checkpoints:
  - {checkpoint: log-signed, title: Signed, every: monthly, attested: {valid: 31d, by: ["00009"]}, halt: stop}
"""
LIMITED = POLICY.replace("remove: {percent: 100, floor: 200}", "remove: {percent: 0.5, floor: 3}")


def at(minute, day=2):
    return f"2026-11-{day:02}T06:{minute:02}:00Z"


def collected(company, minute, day=2):
    for words in (("collect",), ("review",)):
        assert company.run(*words, at=at(minute, day)).code in {0, 3}


def planned(company, numbers, minute, day=2, name="plan"):
    persons = (f"--person={n:05}" for n in numbers)
    return company.run("plan", "--requested-by", "00007", "--name", name, *persons, at=at(minute, day))


def carried_out(company, minute, name="plan"):
    for person, more in ((7, ("--request",)), (8, ())):
        done = company.sign(person, *more, "--of", name, at=at(minute))
        assert done.code == 0, done.err
    return company.apply("--of", name, at=at(minute + 1))


def generous(folder):
    """Return a company whose policy limits nothing, and whose people hold three grants too many each."""
    company = Faulty(folder)
    (company.folder / "roles/templates/clerk.yaml").write_text(
        "role: clerk\nwho: {department: Finance}\nmay: [app:role:View, app:role:UseA, app:role:UseB]\n"
    )
    return company


def test_a_second_round_counts_with_the_first_until_that_is_given_back_or_a_week_old(tmp_path):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert planned(company, (13, 14), 1, name="beside").code == 0, "each alone is within the limit"
    assert carried_out(company, 2).code == 0
    refused = carried_out(company, 4, name="beside")
    assert refused.code == 4, (refused.out, refused.err)
    assert "app would lose 4 grants removed" in refused.json["stopped"]
    collected(company, 10)
    refused = planned(company, (13, 14), 11)
    assert (refused.code, "2 grants removed and 2 taken lately, 3 of" in refused.err) == (4, True), refused.err
    assert "--raise app.remove=4" in refused.err
    assert planned(company, (13,), 11).code == 0
    assert company.calls["revoke"] == 2
    collected(company, 10, day=9)
    assert planned(company, (13, 14), 11, day=9).code == 0, "what was taken is a week old"


def test_an_acceptance_that_nobody_gave_begins_no_count_anew(tmp_path):
    """What an earlier audit says of itself is held against the logbook, also by what is about a later run."""
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert carried_out(company, 2).code == 0
    assert company.run("audit", at=at(10)).code in {0, 3}
    collected(company, 20)
    newest, audited = (sorted(company.folder.glob("runs/2026*"))[at] for at in (-1, -2))
    said = (audited / "audit.json").read_bytes()
    forged = said.replace(b'"signed_off_at":null', b'"signed_off_at":"2026-11-02T06:15:00Z"')
    assert forged != said
    for place, wrong in ((audited, "audit.json: was changed since line"), (newest, "2 taken lately, 3 of")):
        (place / "audit.json").write_bytes(forged)
        refused = planned(company, (13, 14), 22)
        assert (refused.code > 0, wrong in refused.err) == (True, True), refused.err
        (place / "audit.json").unlink()
        (audited / "audit.json").write_bytes(said)


def killed(company, left):
    """Leave the batch of ``plan`` as one that was killed before the line about its journal, of which ``left`` rows are there.

    With none the journal is gone, and with fewer than none it is there, and empty.
    """
    log = company.folder / "runs/logbook.jsonl"
    *lines, last = log.read_bytes().splitlines(keepends=True)
    assert b'"event":"journal"' in last
    log.write_bytes(b"".join(lines))
    (journal,) = company.folder.glob("runs/*/plan/journal.sqlite")
    if not left:
        journal.unlink()
        return
    left = max(left, 0)
    with sqlite3.connect(journal) as connection:
        connection.execute("DELETE FROM rows WHERE seq > ?", (left,))


@pytest.mark.parametrize("left", [-1, 0, 1])
def test_a_batch_that_was_killed_and_whose_journal_was_taken_away_counts_with_all_of_its_plan(tmp_path, left):
    """Killed, a batch has no line that says how far its journal was: that could be taken away, or shortened, unseen."""
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    (company.folder / "roles/checklist.yaml").write_text(CHECKLIST)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert planned(company, (13, 14), 1, name="beside").code == 0
    assert carried_out(company, 2).code == 0
    killed(company, left)
    for words in (("--check",), ("--check", "--unknown")):
        differs = company.run("--json", "logbook", *words, at=at(3)).json["differs"]
        assert [one["kind"] for one in differs if "/plan/journal" in one["path"]] == ([] if left > 0 else ["gone"]), (
            words
        )
    if left <= 0:
        unsigned = company.apply("--of", "beside", at=at(3))
        for told in (company.run("status", at=at(3)), company.run("verify", at=at(3)), unsigned):
            assert "journal.sqlite: is gone or empty" in told.err, told.out
        again = company.apply(at=at(4))
        assert (again.code, "is gone or empty, and the batch had begun" in again.err) == (4, True), again.err
    refused = carried_out(company, 4, name="beside")
    assert refused.code == 4, (refused.out, refused.err)
    assert "2 grants removed and 2 taken lately, 3 of" in refused.json["stopped"]
    assert company.calls["revoke"] == 2
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    plan.unlink()
    refused = company.apply("--of", "beside", at=at(6))
    assert refused.code == 4, (refused.out, refused.err)


@pytest.mark.parametrize("words", [("apply",), ("verify",), ("apply", "--until", at(1))], ids=" ".join)
def test_a_killed_batch_counts_with_all_of_its_plan_also_once_it_went_on_or_was_looked_at(tmp_path, words):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert planned(company, (13, 14), 1, name="beside").code == 0
    assert carried_out(company, 2).code == 0
    killed(company, 1)
    command, *more = words
    done = company.apply(*more, at=at(4)) if command == "apply" else company.run("verify", at=at(4))
    assert done.code in {0, 4}, done.err
    refused = carried_out(company, 5, name="beside")
    assert refused.code == 4, (refused.out, refused.err)
    assert "2 grants removed and 2 taken lately, 3 of" in refused.json["stopped"]
    assert company.calls["revoke"] == 2
    assert company.run("logbook", "--check", at=at(8)).code == 0


@pytest.mark.parametrize("left", [1, 10_000])
def test_a_plan_knows_of_a_batch_that_was_killed_before_anybody_signs_it(tmp_path, left):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert carried_out(company, 2).code == 0
    killed(company, left)
    refused = planned(company, (13, 14), 4, name="beside")
    assert (refused.code, "2 grants removed and 2 taken lately, 3 of" in refused.err) == (4, True), refused.err
    assert not list(company.folder.glob("runs/*/beside"))
    words = ("--person=00013", "--person=00014", "--raise", "app.remove=4", "--reason", "a batch was killed")
    made = company.run("plan", "--requested-by", "00007", "--name", "beside", *words, at=at(5))
    assert made.code == 0, made.err
    assert company.sign(9, "--of", "beside", at=at(6)).code == 0
    done = carried_out(company, 7, name="beside")
    assert done.code == 0, (done.out, done.err)


def test_a_batch_that_was_stopped_and_killed_when_it_went_on_counts_with_all_of_its_plan(tmp_path):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert planned(company, (13, 14), 1, name="beside").code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, at=at(2)).code == 0
    assert company.apply("--until", at(2), at=at(2)).code == 4
    (journal,) = company.folder.glob("runs/*/plan/journal.sqlite")
    stopped = journal.read_bytes()
    assert company.apply(at=at(3)).code == 0
    killed(company, 10_000)
    journal.write_bytes(stopped)
    for _ in range(2):
        assert company.run("verify", at=at(4)).code == 0
    refused = carried_out(company, 5, name="beside")
    assert refused.code == 4, (refused.out, refused.err)
    assert "2 grants removed and 2 taken lately, 3 of" in refused.json["stopped"]


def with_two_taken(folder):
    """Lay out a company whose system says what it takes and gives back, and of which a batch took two grants."""
    company = Faulty(folder / "company", excess=range(11, 21), policy=LIMITED)
    source = company.folder / "sources/app.yaml"
    source.write_text(source.read_text() + "options: {declares: true}\n")
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert carried_out(company, 2).code == 0
    return company


def test_a_killed_batch_that_was_given_back_counts_no_more(tmp_path):
    company = with_two_taken(tmp_path)
    killed(company, 10_000)
    collected(company, 10)
    first = runs.all_runs(company.folder)[0].id
    assert company.run("--run", first, "undo", "--requested-by", "00007", at=at(12)).code == 0
    assert carried_out(company, 13, name="undo").code == 0
    collected(company, 20)
    made = planned(company, (13, 14, 15), 21)
    assert made.code == 0, made.err
    done = carried_out(company, 22)
    assert done.code == 0, (done.out, done.err)


def test_a_batch_that_no_system_let_in_did_not_begin_and_counts_nothing(tmp_path, monkeypatch):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    assert planned(company, (11, 12), 1).code == 0
    assert planned(company, (13, 14), 1, name="beside").code == 0

    def closed(*_):
        raise ConnectorError("app", "nobody is let in")

    with monkeypatch.context() as shut:
        shut.setattr("access_review.stages.apply.systems.executors", closed)
        assert carried_out(company, 2).code == 1
    assert "not as the logbook says" not in company.run("status", at=at(4)).err
    assert carried_out(company, 5, name="beside").code == 0


def test_what_was_given_back_counts_no_more(tmp_path):
    company = with_two_taken(tmp_path)
    collected(company, 10)
    assert planned(company, (13,), 11, name="beside").code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, "--of", "beside", at=at(11)).code == 0
    undone = company.run("--run", runs.all_runs(company.folder)[0].id, "undo", "--requested-by", "00007", at=at(12))
    assert undone.code == 0, undone.err
    assert carried_out(company, 13, name="undo").code == 0
    assert company.calls == {"revoke called": 2, "revoke": 2, "restore called": 2, "restore": 2}
    done = company.apply("--of", "beside", at=at(15))
    assert (done.code, company.calls["revoke"]) == (0, 3), "an undo between plan and apply refuses nothing"
    second = runs.all_runs(company.folder)[-1].id
    collected(company, 20)
    made = planned(company, (14, 15), 21)
    assert made.code == 0, made.err
    twice = company.run("--run", second, "undo", "--of", "undo", "--requested-by", "00007", at=at(22))
    assert (twice.code, "this batch gave access back" in twice.err) == (4, True), twice.err


def forge_beginning(company, folder):
    """Say of a plan in a folder that it was made and begun here, and how far its journal is."""
    plan = read_plan(folder)
    place, when = f"{folder.parent.name}/{folder.name}", datetime(2026, 11, 2, 6, 6, tzinfo=UTC)
    mark = logged.journal_mark(folder / "journal.sqlite")
    for line in (
        entries.plan_made(plan.digest, when, plan.run, f"{place}/plan.json", logbook.mark_of(folder / "plan.json")),
        entries.batch_begun(plan.digest, when, f"{place}/journal.sqlite", executor="hr:person:00007", run=plan.run),
        entries.journal_at(plan.digest, when, f"{place}/journal.sqlite", mark),
    ):
        logbook.append(company.folder, line, command="apply")


def read_plan(folder):
    return files.read(folder / "plan.json", artifacts.plan(folder.name))


@pytest.mark.parametrize("line", ["none", "forged"])
def test_a_give_back_that_nobody_began_here_begins_no_new_day(tmp_path, line):
    company = generous(tmp_path / "company")
    source = company.folder / "sources/app.yaml"
    source.write_text(source.read_text() + "options: {declares: true}\n")
    collected(company, 0)
    assert planned(company, range(11, 51), 1).code == 0
    assert planned(company, range(51, 86), 1, name="beside").code == 0
    assert carried_out(company, 2).code == 0
    taken = company.calls["revoke"]
    first = runs.all_runs(company.folder)[0]
    elsewhere = company.copy(tmp_path / "elsewhere")
    collected(elsewhere, 4)
    undone = elsewhere.run("--run", first.id, "undo", "--requested-by", "00007", at=at(5))
    assert undone.code == 0, undone.err
    assert carried_out(elsewhere, 6, name="undo").code == 0
    forged = first.folder / "forged"
    forged.mkdir(mode=0o700)
    for name in ("plan.json", "journal.sqlite"):
        shutil.copy(runs.all_runs(elsewhere.folder)[-1].folder / "undo" / name, forged)
    if line == "forged":
        forge_beginning(company, forged)
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, "--run", first.id, "--of", "beside", at=at(7)).code == 0
    refused = company.apply("--of", "beside", at=at(8))
    assert (refused.code, company.calls["revoke"]) == (4, taken)
    assert f"{taken} taken in 24 hours" in refused.json["stopped"]


def test_a_batch_whose_plan_is_gone_stops_no_other_and_still_counts(tmp_path):
    company = Faulty(tmp_path / "company", excess=range(11, 21), policy=LIMITED)
    collected(company, 0)
    for name, numbers in (("plan", (11, 12)), ("beside", (13,)), ("more", (14, 15))):
        assert planned(company, numbers, 1, name=name).code == 0
    assert carried_out(company, 2).code == 0
    next(company.folder.glob("runs/*/plan/plan.json")).unlink()
    beside = carried_out(company, 4, name="beside")
    assert (beside.code, "plan/plan.json: is gone" in beside.err) == (0, True), beside.err
    refused = carried_out(company, 6, name="more")
    assert refused.code == 4
    assert "2 grants removed and 3 taken lately, 3 of" in refused.json["stopped"]
    assert company.calls["revoke"] == 3
    collected(company, 10)
    again = planned(company, (14,), 11)
    assert (again.code, "1 grants removed and 3 taken lately" in again.err) == (4, True), again.err


def test_no_policy_and_no_raised_limit_takes_more_than_a_fifth_in_a_day(tmp_path):
    company = generous(tmp_path / "company")
    collected(company, 0)
    refused = planned(company, range(11, 100), 1)
    assert (refused.code, "whatever the policy allows" in refused.err) == (4, True), refused.err
    assert planned(company, range(11, 21), 1).code == 0


def accepted(company, minute):
    """Answer what an audit asks, and sign it off."""
    assert company.run("--quiet", "audit", at=at(minute)).code in {0, 3}
    for sheet in sorted(runs.all_runs(company.folder)[-1].folder.glob("sample/*.csv")):
        rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
        answer = {"decision": "keep", "decided by": "Person 9", "decided on": "2026-11-02", "comment": "agreed"}
        path = company.folder / sheet.name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(row | answer for row in rows)
        assert company.run("decide", str(path), at=at(minute)).code == 0
    assert company.run("sign-off", "--yes", "--by", "00009", at=at(minute + 1)).code == 0


def test_an_audit_that_is_signed_off_begins_no_new_day(tmp_path):
    company = generous(tmp_path / "company")
    collected(company, 0)
    assert planned(company, range(11, 51), 1).code == 0
    assert carried_out(company, 2).code == 0
    taken = company.calls["revoke"]
    accepted(company, 10)
    collected(company, 20)
    refused = planned(company, range(51, 86), 21)
    assert (refused.code, f"{taken} taken in 24 hours" in refused.err) == (4, True), refused.err


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("plan_valid: 8d\n", "a plan is valid for 7 days at most"),
        ("apply: {spacing: 0m}\n", "at least a minute apart"),
        ("protect: {last_holders: 0}\n", "last_holders"),
    ],
)
def test_a_policy_does_not_switch_guards_off(tmp_path, said, refused):
    company = Faulty(tmp_path / "company", policy=said)
    checked = company.run("check", at=at(0))
    assert (checked.code, refused in checked.err) == (2, True), checked.err
