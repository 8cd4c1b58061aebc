"""The standing removal when words, signers, notices, roles or clocks are tampered with, or the world moves between notice and removal."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access_review import workspace
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.revoke import approve, statements
from access_review.revoke.signed_removal import Announcement, digest_of_removal
from access_review.revoke.statements import Statement, StatementKind
from access_review.stages.other_batches import removals_left
from access_review.store import files, keys, logbook, logged
from tests.support.faulty_company import key
from tests.support.moving_company import NEXT, SELLER, Moving

pytestmark = pytest.mark.slow
EVERYBODY = {11, 12, 13, 14}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return Moving.told(tmp_path_factory.mktemp("moving") / "company")


@pytest.fixture
def company(told, tmp_path):
    return told.copy(tmp_path / "company")


def edit(company, path, old, new):
    file = company.folder / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_whatever_is_not_as_it_was_signed_and_told_takes_nothing(company):
    """Signer gone, words edited, a source not whole, a line untested; and what was gone in between is told anew."""
    company.roster(gone=(9,))
    refused = company.look(NEXT)
    assert (refused.code, "1 of 2 people have signed" in refused.json["removals"]["stopped"]) == (4, True), refused.out
    company.roster()
    edit(company, "roles/policy.yaml", "daily: 3", "daily: 4")
    refused = company.look("2026-11-03T06:30:00Z")
    assert (refused.code, "0 of 2 people have signed" in refused.json["removals"]["stopped"]) == (4, True), refused.out
    edit(company, "roles/policy.yaml", "daily: 4", "daily: 3")
    marks = company.folder / "sources/marks.json"
    marks.write_text(json.dumps({"grants": {"complete": False, "reason": "page 2 answered 503"}}))
    unread = company.look("2026-11-03T06:45:00Z").json["removals"]
    assert sum("withheld: not checked this time" in line for line in unread["left"]) == 4, unread
    *_, waited = logbook.read(company.folder).of(LogEvent.OBSERVATION)
    assert len(waited.details["waiting"].split()) == 3, "what is not seen now takes no notice back"
    marks.unlink()
    edit(company, "roles/templates/seller.yaml", SELLER.splitlines()[-1], "")
    untested = company.look("2026-11-03T07:00:00Z").json["removals"]
    assert any("no test of the template seller" in line for line in untested["left"]), untested
    (company.folder / "roles/templates/seller.yaml").write_text(SELLER)
    again = company.look("2026-11-03T07:15:00Z").json["removals"]
    assert (again["done"], len(again["announced"]), company.holders) == ([], 3, EVERYBODY)


def test_another_manager_is_told_anew(company):
    company.roster(manager=7)
    other = company.look(NEXT).json["removals"]
    assert (other["done"], len(other["announced"]), company.holders) == ([], 3, EVERYBODY)


def test_what_became_privileged_between_plan_and_call_is_left_alone(company):
    company.fail(marks={"app:role:Books": {"privileged": True}})
    left = company.look(NEXT)
    assert company.holders == EVERYBODY, left.out
    (journal,) = company.folder.glob("runs/*/removal/journal.sqlite")
    assert "Books is privileged" in journal.read_bytes().decode(errors="replace")


def test_what_a_killed_look_may_have_taken_is_not_taken_again_though_its_journal_was_taken_away(company):
    """Whoever was given it back meanwhile keeps it: nothing but the journal says that it went before."""
    assert company.look(NEXT).code == 0
    assert company.holders == {14}
    (journal,) = company.folder.glob("runs/*/removal/journal.sqlite")
    path = logbook.path_of(company.folder)
    lines = path.read_bytes().splitlines(keepends=True)
    ended = next(n for n, line in enumerate(lines) if b'"event":"journal"' in line)
    path.write_bytes(b"".join(lines[:ended]))
    for later in company.folder.glob("runs/2*"):
        if later.name > journal.parents[1].name:
            shutil.rmtree(later)
    journal.unlink()
    system = company.system
    system["there"][key(12, "Books")] = "2026-11-03T06:20:00+00:00"
    (company.folder / "sources/system.json").write_text(json.dumps(system))
    for at in ("2026-11-03T06:25:00Z", "2026-11-05T06:40:00Z"):
        looked = company.look(at)
        assert 12 in company.holders, looked.out
    (left,) = (line for line in looked.json["removals"]["left"] if line.startswith("Person 12"))
    assert "a batch that was killed may have taken it" in left


def test_what_is_stopped_while_everything_is_read_again_is_left_alone(company):
    company.fail(stopped=company.change(11))
    looked = company.look(NEXT)
    assert company.holders == {11, 14}, looked.out
    assert not (company.folder / "sources/stopping").exists()


def test_forged_notices_count_for_nothing_and_stops_edits_and_days_hold(company, tmp_path):
    """A stop outlives a logbook that is rolled back; a plan edited or carried out by a person, and more than a day's worth, do not go."""
    shutil.copytree(company.folder / "runs", tmp_path / "before")
    stopped = company.stop(company.change(11), 8, "--key", str(company.folder / "key8"))
    assert (stopped.code, stopped.json["assured"]) == (0, "authenticated"), stopped.err
    shutil.rmtree(company.folder / "runs")
    shutil.copytree(tmp_path / "before", company.folder / "runs")
    forge_notices(company)
    company.look(NEXT)
    assert company.holders == {11, 14}

    job, late = ("--key", str(company.folder / "job")), datetime(2026, 11, 4, 6, 0, tzinfo=UTC)
    with company.installed():
        declared = workspace.load(company.folder)
    assert [removals_left(declared, late + timedelta(hours=one)) for one in (0, 1)] == [1, 3], "two of three went"
    (plan,) = company.folder.glob("runs/*/removal/plan.json")
    run = ("--run", plan.parents[1].name)
    key7 = ("--key", str(company.folder / "key7"))
    by_hand = company.run(*run, "apply", "--of", "removal", "--by", "00007", *key7, at="2026-11-03T06:30:00Z")
    assert by_hand.code == 4, by_hand.out
    plan.write_bytes(plan.read_bytes().replace(b"00013", b"00014"))
    edited = company.run(*run, "apply", "--standing", "--of", "removal", *job, at="2026-11-03T06:30:00Z")
    assert (edited.code, company.holders) == (4, {11, 14}), edited.out


def forge_notices(company):
    """Say that a manager was told of one more: dated back or ahead, under other words, to another, or by another key."""
    folder, now = company.folder, datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
    with company.installed():
        removal = workspace.load(folder).policy.standing_removal
    assert removal is not None
    true = Announcement(company.of(14), "app", "hr:person:00014", "hr:person:00010", digest_of_removal(removal))
    forged = (
        ("job", approve.JOB, now - timedelta(minutes=21), true),
        ("job", approve.JOB, now + timedelta(days=9), true),
        ("job", approve.JOB, now, replace(true, under="sha256:" + "0" * 64)),
        ("job", approve.JOB, now, replace(true, manager="hr:person:00007")),
        ("key9", approve.JOB, now, true),
        ("key9", "hr:person:00009", now, true),
    )
    for number, (file, person, at, what) in enumerate(forged):
        book = logbook.read(folder)
        said = Statement(
            StatementKind.NOTICE, what.digest, person, at, what.words, "job", "", book.workspace, book.head
        )
        data, place = statements.sign(said, keys.private_key(folder / file)), f"approvals/notice-{number}.json"
        files.write(folder / "runs" / place, data)
        mark = logbook.mark_of_bytes(data)
        line = entries.statement_signed(said.id, now, place, mark, kind="notice", about=what.digest, person=person)
        logged.append(folder, line, command="apply")
