"""Watching: what changes is told once, what cannot be read closes nothing, and a crash at any write loses and repeats nothing."""

import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import chdir, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from access_review import runs
from access_review.engine.kept import KeptDatabase
from access_review.errors import ArtifactError
from access_review.findings.compare import current
from access_review.logbook.lines import LogEvent
from access_review.stages.watch import Watch
from access_review.stages.watch_loop import WatchLoop
from access_review.store import files, logbook, logged, reviews, watching
from access_review.store.rights import Right, hold
from tests.support.fake_system import Time
from tests.support.watched_day import OTHERS, Day, Kills, Systems, WatchedCompany
from tests.support.workspaces import Company

ROOT = Path(__file__).parents[2]
START = datetime(2026, 10, 26, 6, tzinfo=UTC)
WRONG = timedelta(days=4000)
"""By how much a clock is wrong for a moment."""


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Return a company that was audited, and of which few rules are asked: what is tested is not theirs."""
    company = Company(tmp_path_factory.mktemp("company"))
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + OTHERS)
    assert company.run("audit", at=f"{START:%Y-%m-%dT%H:%M:%SZ}").code == 0
    return company


@pytest.fixture
def company(audited, tmp_path):
    return audited.copy(tmp_path / "company")


@pytest.fixture
def clock():
    return Time(START + timedelta(minutes=5), timedelta())


def watched(company, clock, **options):
    return Watch(company.folder, clock, {}, **options)


def later(clock, **span):
    clock.at += timedelta(**span)


def rules(rows):
    return sorted(row["rule"] for row in rows)


def observations(company):
    return [one for one in logbook.read(company.folder).of(LogEvent.OBSERVATION) if one.name == "watch"]


def grant(company, number, role="Admin"):
    company.besides.append((number, role))
    company.write()


def test_a_grant_is_told_at_the_next_look_once_with_what_to_do_and_closes_when_it_is_gone(company, clock):
    watch = watched(company, clock)
    assert watch.look().opened == ()
    grant(company, 3)
    later(clock, seconds=2)
    seen = watch.look()
    assert (rules(seen.opened), seen.read) == (["access-beyond-role"], ("ledger",))
    (notice,) = company.notices()
    assert "u3 of Person 3, Admin" in notice
    assert "To do: take it away" in notice
    later(clock, seconds=2)
    assert (watch.look().reviewed, len(company.notices())) == (False, 1), "nothing changed: nothing is judged or told"
    again = watched(company, clock)
    assert (again.look(everything=True).opened, len(company.notices())) == ((), 1)
    company.besides.clear()
    company.write()
    later(clock, seconds=2)
    assert rules(again.look().closed) == ["access-beyond-role"]
    told = observations(company)
    assert [(one.details["opened count"], one.details["closed count"]) for one in told] == [
        ("0", "0"),
        ("1", "0"),
        ("0", "1"),
    ]
    assert told[1].details["opened"] == told[2].details["closed"]


def test_the_end_of_a_last_day_is_seen_though_no_file_changed(company, clock):
    company.leave(20, "2026-10-26")
    watch = watched(company, clock)
    assert rules(watch.look().opened) == []
    midnight = datetime(2026, 10, 26, 16, tzinfo=UTC)  # in Manila
    for seconds, opened in ((-1, []), (0, []), (2, ["leaver-active", "leaver-residue"]), (4, [])):
        clock.at = midnight + timedelta(seconds=seconds)
        assert rules(watch.look().opened) == opened, seconds


def test_a_roster_that_cannot_be_read_when_a_last_day_ends_is_tried_in_its_time(company, clock):
    company.leave(20, "2026-10-26")
    watch = watched(company, clock)
    watch.look()
    roster = company.folder / "sources/people.csv"
    whole = roster.read_bytes()
    roster.write_text("id,name,status,last_day,department\n")
    clock.at = datetime(2026, 10, 26, 16, 0, 2, tzinfo=UTC)
    assert "hr" in watch.look().unread
    since = watch.state.sources["hr"]
    later(clock, seconds=0.1)
    watch.look()
    assert watch.state.sources["hr"] == since, "not at every look"
    roster.write_bytes(whole)
    later(clock, seconds=90)
    assert rules(watch.look().opened) == ["leaver-active", "leaver-residue"]


def test_a_torn_file_closes_nothing_is_said_and_is_an_alarm_once_when_it_stays_so(company, clock):
    grant(company, 30)
    watch = watched(company, clock)
    assert rules(watch.look().opened) == ["access-beyond-role"]
    ledger, roster = (company.folder / "sources" / name for name in ("ledger.csv", "people.csv"))
    whole = ledger.read_bytes(), roster.read_bytes()
    ledger.write_bytes(whole[0][: len(whole[0]) // 2])
    roster.write_text("id,name,status,last_day,department\n")
    later(clock, seconds=10)
    seen = watch.look()
    assert (seen.closed, sorted(seen.unread)) == ((), ["hr", "ledger"])
    assert seen.unread["hr"].startswith("people.csv: holds no rows"), "where and what, not how many mistakes"
    assert observations(company)[-1].details["source hr"].startswith("not read since")
    later(clock, minutes=16)
    said = watch.look().told
    assert [one.split(" has not")[0] for one in said] == ["Access review: hr", "Access review: ledger"]
    later(clock, minutes=16)
    assert (watch.look().told, len(company.notices())) == ((), 3)
    ledger.write_bytes(whole[0])
    roster.write_bytes(whole[1])
    later(clock, seconds=10)
    mended = watch.look()
    assert (mended.opened, mended.closed, mended.unread, set(mended.back)) == ((), (), {}, {"hr", "ledger"})


def test_a_leaver_loses_sign_in_at_once_under_the_standing_approval_and_one_who_is_back_is_told(company, clock):
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-10-26T06:01:00Z").code == 0
    watch = watched(company, clock)
    watch.look()
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    assert rules(watch.look().opened) == ["leaver-active", "leaver-residue"]
    done = [notice for notice in company.notices() if "Standing approval: 1 change made" in notice]
    assert len(done) == 3, "the two who signed, and whom the policy names"
    assert (watch.state.writes, watch.state.refusals) == (1, 0)
    (journal,) = company.folder.glob("runs/*/standing/journal.sqlite")
    later(clock, seconds=30)
    watch.look()
    assert [journal] == [*company.folder.glob("runs/*/standing/journal.sqlite")], "it is done once"
    runs_of_the_job = [one for one in logbook.read(company.folder).of(LogEvent.OBSERVATION) if one.name == "standing"]
    state = watching.read(company.folder)
    assert state.act_at
    watching.write(company.folder, replace(state, act_at=state.act_at + WRONG))
    later(clock, minutes=16)
    watch = watched(company, clock)
    watch.look()
    again = [one for one in logbook.read(company.folder).of(LogEvent.OBSERVATION) if one.name == "standing"]
    assert len(again) == len(runs_of_the_job) + 1, (
        "a moment that only a wrong clock can have set is waited for by nobody"
    )
    company.status.clear()
    company.write()
    later(clock, seconds=2)
    seen = watch.look()
    assert "Access review: somebody has not left after all" in seen.told
    (notice,) = [one for one in company.notices() if "Person 20 works here" in one]
    assert re.search("undo --of standing", notice), notice
    assert rules(seen.closed) == ["leaver-active", "leaver-residue"]


def test_without_one_a_plan_is_prepared_that_two_people_can_sign_and_it_is_void_when_rescinded(company, clock):
    policy = company.folder / "roles/policy.yaml"
    unsigned = re.sub("(?m)^standing:.*$", 'watch: {tell: ["00007"], plans_for: "00007"}', policy.read_text())
    policy.write_text(unsigned)
    watch = watched(company, clock)
    watch.look()
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    assert watch.look().told[-1] == "Access review: 1 person left and can still sign in"
    (plan,) = company.folder.glob("runs/*/leavers/plan.json")
    run = plan.parents[1].name
    (notice,) = [one for one in company.notices() if "A plan is ready" in one]
    assert f"access-review --run {run} approve --of leavers --request" in notice
    at = "2026-10-26T06:10:00Z"
    key = ("--key", str(company.folder / "key7"))
    assert company.run("--run", run, "approve", "--of", "leavers", "--by", "00007", "--request", *key, at=at).code == 0
    signed = company.run(
        "--run", run, "approve", "--of", "leavers", "--by", "00008", "--key", str(company.folder / "key8"), at=at
    )
    assert signed.code == 0, signed.err
    company.status.clear()
    company.write()
    done = company.run("--json", "--run", run, "apply", "--of", "leavers", "--by", "00007", at=at)
    assert (done.json["calls"], set(done.json["states"].values())) == (0, {"skipped"}), done.err
    later(clock, seconds=2)
    assert "Access review: somebody has not left after all" in watch.look().told
    (notice,) = [one for one in company.notices() if "Person 20 works here" in one]
    assert "Nothing was carried out here." in notice, "what apply skipped needs nothing to be given back"


def test_who_leaves_and_is_back_again_and_again_is_told_and_ordered_each_time(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace("daily: 2", "daily: 9"))
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-10-26T06:01:00Z").code == 0
    watch = watched(company, clock)
    watch.look()
    for times in (1, 2, 3):
        company.leave(20, "2026-10-24")
        later(clock, seconds=20)
        watch.look()
        assert watch.state.writes == times, "an order that was taken back is given anew"
        company.status.clear()
        company.write()
        later(clock, seconds=20)
        watch.look()
        told = [one for one in company.notices() if "Person 20 works here" in one]
        assert len(told) == times
        assert "An order that is not done yet is ended now" in told[-1]
    journals = company.folder.glob("runs/*/standing/journal.sqlite")
    ended = [state for path in journals for state in states(path)]
    assert ended == ["skipped"] * 3, "no order waits for anybody"


def states(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outside:
        last = "SELECT state FROM rows WHERE change <> '' GROUP BY change HAVING seq = max(seq)"
        return [state for (state,) in outside.execute(last)]


def test_a_leaver_who_had_signed_leaves_a_plan_to_sign_since_nobody_stands_behind_the_approval_now(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + 'watch: {tell: ["00007"], plans_for: "00007"}\n')
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-10-26T06:01:00Z").code == 0
    watch = watched(company, clock)
    watch.look()
    company.leave(8, "2026-10-24")
    later(clock, seconds=2)
    assert watch.look().told[-1] == "Access review: 1 person left and can still sign in"
    assert len([*company.folder.glob("runs/*/leavers/plan.json")]) == 1


@pytest.mark.parametrize(
    ("status", "day", "said"),
    [
        ("terminated", "2026-10-24", "is 'Terminated' meant?"),
        ("Terminated", "24/10/2026", "last_day is not written as"),
        ("", "2026-10-24", "status is empty"),
    ],
)
def test_a_leaver_whose_row_cannot_be_read_is_told_once_and_seen_to_when_it_is_mended(
    company, clock, status, day, said
):
    watch = watched(company, clock)
    watch.look()
    company.status[20] = (status, day)
    company.write()
    later(clock, seconds=2)
    assert watch.look().told == ("Access review: of 1 person nobody knows any more whether they left",)
    (notice,) = [one for one in company.notices() if "Person 20 (hr:person:00020): people.csv:21: " in one]
    assert said in notice
    company.status[21] = ("Active", "soon")
    company.write()
    later(clock, seconds=2)
    assert watched(company, clock).look().told == (), (
        "two rows of thirty make the roster incomplete, which is told as such"
    )
    del company.status[21]
    company.write()
    later(clock, seconds=2)
    assert watch.look().told == (), "and once"
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    assert rules(watch.look().opened) == ["leaver-active", "leaver-residue"]
    company.status[20] = (status, day)
    company.write()
    later(clock, seconds=2)
    assert len(watch.look().told) == 1, "it is told again when it is so again"


def test_where_nothing_was_carried_out_nobody_is_told_to_give_it_back(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(re.sub("(?m)^standing:.*$", 'watch: {tell: ["00007"], plans_for: "00007"}', policy.read_text()))
    watch = watched(company, clock)
    watch.look()
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    watch.look()
    company.status.clear()
    company.write()
    later(clock, seconds=2)
    watch.look()
    (notice,) = [one for one in company.notices() if "Person 20 works here" in one]
    assert "Nothing was carried out here." in notice
    assert "undo" not in notice


def test_who_leaves_a_second_time_costs_no_more_than_the_first(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(re.sub("(?m)^standing:.*$", 'watch: {tell: ["00007"], plans_for: "00007"}', policy.read_text()))
    watch = watched(company, clock, least=0)
    watch.look()
    opened = []
    for _ in range(2):
        company.leave(20, "2026-10-24")
        later(clock, seconds=2)
        seen = watch.look()
        opened.append((rules(seen.opened), seen.whole))
        company.status.clear()
        company.write()
        later(clock, seconds=2)
        assert watch.look().whole == "a run or an audit has come in between"
    assert opened == [(["leaver-active", "leaver-residue"], "")] * 2


def test_a_roster_that_many_vanish_from_without_a_termination_is_not_believed(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "rosters: {vanished: {percent: 1, floor: 1}}\n")
    watch = watched(company, clock)
    watch.look()
    began = clock.at
    grant(company, 3)
    roster = company.folder / "sources/people.csv"
    whole = roster.read_text()
    roster.write_text("".join(whole.splitlines(keepends=True)[:-2]))
    for seconds in (2, 60):
        later(clock, seconds=seconds)
        seen = watch.look()
        assert (seen.opened, list(seen.unread), seen.back) == ((), ["hr"], ()), "no role is known for certain now"
    assert "2 of 30 people vanished without a termination" in seen.unread["hr"]
    since = watch.state.sources["hr"].since
    assert since is not None
    assert since - began < timedelta(seconds=5), "it has been so since the first of them"
    roster.write_text(whole)
    later(clock, minutes=2)
    mended = watch.look()
    assert (mended.back, rules(mended.opened)) == (("hr",), ["access-beyond-role"])


def test_a_template_that_cannot_be_used_is_told_once_and_one_that_is_gone_is_reviewed_without(company, clock):
    watch = watched(company, clock)
    watch.look()
    template = company.folder / "roles/templates/clerk.yaml"
    text = template.read_text()
    template.write_text("role: [")
    later(clock, seconds=2)
    assert watch.look().told == ("Access review: sources/ or roles/ cannot be used as written",)
    grant(company, 3)
    later(clock, seconds=2)
    seen = watch.look()
    assert (rules(seen.opened), len(seen.told)) == (["access-beyond-role"], 1), "watched as it was written before"
    template.write_text(text.replace("[ledger:role:Viewer]", "[ledger:role:*]"))
    later(clock, seconds=2)
    assert rules(watch.look().closed) == ["access-beyond-role"]
    template.unlink()
    later(clock, seconds=2)
    assert watch.look().reviewed


def test_a_leaver_whom_a_look_did_not_come_to_is_seen_to_by_the_next_one_though_nothing_changed(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(re.sub("(?m)^standing:.*$", 'watch: {tell: ["00007"], plans_for: "00007"}', policy.read_text()))
    watched(company, clock).look()
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    taken, done = threading.Event(), threading.Event()

    def audit():
        with hold(company.folder, Right.CAMPAIGN, now=clock.at, command="audit"):
            taken.set()
            done.wait(60)

    auditing = threading.Thread(target=audit)
    auditing.start()
    assert taken.wait(10)
    told = watched(company, clock).look().told
    done.set()
    auditing.join()
    assert [one.split(": ")[1] for one in told] == ["2 findings opened, high at worst"]
    later(clock, seconds=2)
    assert watched(company, clock).look().told == ("Access review: 1 person left and can still sign in",)
    later(clock, seconds=2)
    assert watched(company, clock).look().told == ()


def test_a_mistake_that_was_taken_back_is_told_again_when_it_is_made_again(company, clock):
    watch = watched(company, clock)
    watch.look()
    template = company.folder / "roles/templates/clerk.yaml"
    text = template.read_text()
    for _ in range(2):
        template.write_text("role: [")
        later(clock, seconds=2)
        assert watch.look().told == ("Access review: sources/ or roles/ cannot be used as written",)
        template.write_text(text)
        later(clock, seconds=2)
        assert watch.look().told == ()


@dataclass
class Writing(Time):
    """A clock by which somebody goes on writing a file while it is waited for."""

    file: Path = Path()
    parts: list[str] = field(default_factory=list)

    def wait(self, seconds):
        super().wait(seconds)
        if self.parts:
            self.file.write_text(self.parts.pop(0))


def test_half_of_a_policy_that_is_being_written_is_no_policy(company):
    policy = company.folder / "roles/policy.yaml"
    whole = policy.read_text()
    clock = Writing(START + timedelta(minutes=5), timedelta(), file=policy)
    watch = watched(company, clock)
    watch.look()
    policy.write_text("")  # an empty one would do, with everything as it comes
    clock.parts = [whole]
    later(clock, seconds=2)
    seen = watch.look()
    assert (seen.reviewed, seen.told, watch.workspace.policy.organisation) == (
        False,
        (),
        watched(company, clock).workspace.policy.organisation,
    )
    policy.write_text(f"{whole}\nmover_grace: 9d\n")
    later(clock, seconds=2)
    watch.look()
    assert watch.workspace.policy.mover_grace == timedelta(days=9)


def test_a_clock_that_goes_back_is_told_and_nothing_is_lost(company, clock):
    watch = watched(company, clock)
    watch.look()
    later(clock, hours=-3)
    grant(company, 3)
    seen = watch.look()
    assert rules(seen.opened) == ["access-beyond-role"]
    assert "Access review: the clock of the machine went back" in seen.told
    later(clock, minutes=1)
    assert watch.look().told == ()


def test_an_alarm_that_did_not_arrive_is_tried_on_though_the_clock_jumps(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "notify: {webhook: {url_env: HOOK}}\n")
    watch = watched(company, clock)
    watch.look()
    grant(company, 3)
    later(clock, seconds=2)
    assert watch.look().failed == ("webhook: HOOK holds no https:// address",)
    (alarm,) = watch.state.alarms
    for jump in (WRONG, -2 * WRONG, WRONG):
        clock.at += jump
        later(clock, minutes=1)
        watch.look()
        assert alarm.key in {one.key for one in watch.state.alarms}, jump


def test_what_was_last_done_when_the_clock_was_wrong_keeps_no_alarm_back(company, clock):
    watch = watched(company, clock)
    watch.look()
    clock.at += WRONG
    watch.look()
    clock.at -= WRONG
    ledger = company.folder / "sources/ledger.csv"
    ledger.write_bytes(ledger.read_bytes()[:40])
    told = []
    for _ in range(4):
        later(clock, minutes=16)
        told += watch.look().told
    assert sum("ledger has not been seen" in one for one in told) == 1, told


@pytest.mark.parametrize("how", ["gone", "put back", "begun anew"])
def test_a_logbook_that_is_not_the_one_that_was_seen_is_an_alarm_once(company, clock, how):
    path = logbook.path_of(company.folder)
    lines = path.read_bytes().splitlines(keepends=True)
    watch = watched(company, clock)
    assert watch.look().told == ()
    if how == "put back":
        path.write_bytes(b"".join(lines[:-1]))
    else:
        path.unlink()
    if how == "begun anew":
        logged.begin(company.folder, clock.at)
    grant(company, 3)
    later(clock, seconds=2)
    if how == "begun anew":
        watch = watched(company, clock)
    seen = watch.look()
    assert sorted(seen.told) == [
        "Access review: 1 finding opened, medium at worst",
        "Access review: the logbook is gone or another one",
    ]
    for _ in range(2):
        later(clock, minutes=61)
        assert watch.look().told == ()


def test_that_no_look_succeeds_is_an_alarm_once_and_again_when_it_begins_again(company, clock):
    watch = watched(company, clock)
    loop = WatchLoop(watch, clock)
    assert loop.once()
    path = logbook.path_of(company.folder)
    whole = path.read_bytes()
    for times in (1, 2):
        path.write_bytes(whole.replace(b"run", b"nur", 1))
        for _ in range(5):
            later(clock, minutes=6)
            assert loop.once() is None
        notices = [one for one in company.notices() if "Subject: Access review: nothing is watched" in one]
        assert len(notices) == times
        assert "logbook, line 2" in notices[-1]
        path.write_bytes(whole)
        later(clock, seconds=2)
        assert loop.once()
        whole = path.read_bytes()


def test_there_is_a_run_to_go_on_from(tmp_path):
    bare = Company(tmp_path / "bare")
    refused = bare.run("watch", "--once", at="2026-10-26T06:10:00Z")
    assert (refused.code, refused.err.endswith(" audit\n"), f"access-review -C {bare.folder} " in refused.err) == (
        1,
        True,
        True,
    )


def test_a_full_disk_stops_no_loop_and_the_change_is_told_when_there_is_room(company, clock, monkeypatch):
    watch = watched(company, clock)
    watch.look()
    grant(company, 3)
    later(clock, seconds=2)
    said: list[str] = []
    loop = WatchLoop(watch, clock, on_failed=said.append)

    def full(path, _):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as now:
        now.setattr(files, "write", full)
        assert loop.once() is None
        later(clock, seconds=2)
        assert loop.once() is None
    assert re.fullmatch(re.escape(f"{company.folder / 'runs/watch'}/") + r"\S+: No space left on device", said[0])
    later(clock, seconds=2)
    seen = loop.once()
    assert rules(seen.opened) == ["access-beyond-role"]
    assert len(company.notices()) == 1


def test_what_nobody_foresaw_stops_no_loop_is_shown_with_its_place_and_becomes_an_alarm(company, clock, monkeypatch):
    watch = watched(company, clock)
    watch.look()
    said: list[str] = []
    loop = WatchLoop(watch, clock, on_failed=said.append)

    def unforeseen(*_, **__):
        raise RuntimeError("what nobody\nforesaw")

    with monkeypatch.context() as now:
        now.setattr(watch, "look", unforeseen)
        for _ in range(4):
            assert loop.once() is None
            later(clock, minutes=6)
    assert said[0].startswith("Traceback")
    assert "in unforeseen" in said[0]
    (notice,) = [one for one in company.notices() if "Subject: Access review: nothing is watched" in one]
    assert "a fault of the tool, RuntimeError: what nobody foresaw" in notice
    assert loop.once()
    assert loop.failing == ""


def test_only_what_changed_is_judged_anew_and_a_whole_review_holds_it_to_account(company, clock):
    watch = watched(company, clock, least=0)
    assert watch.look().whole == "nothing is kept of the look before"
    folder = company.folder / "runs/watch"
    if os.name != "nt":
        assert [oct(path.stat().st_mode & 0o777) for path in (folder, folder / "kept.duckdb")] == ["0o700", "0o600"]
    grant(company, 3)
    later(clock, seconds=2)
    seen = watch.look()
    assert (rules(seen.opened), seen.whole, seen.open) == (["access-beyond-role"], "", 1)
    later(clock, seconds=2)
    grant(company, 4)
    again = watched(company, clock, least=0)
    assert (rules(again.look().opened), again.state.reviews) == (["access-beyond-role"], {"alone": 2, "kept": 1})
    later(clock, hours=2)
    for _ in range(3):  # each source in its turn, and what is kept
        checked = again.look()
        assert (checked.opened, checked.told) == ((), ())
        later(clock, minutes=61)
    assert (again.state.reviews["alone"], again.state.proven_at) == (5, checked.at)

    with KeptDatabase(folder / "kept.duckdb", clock.at) as kept:
        buckets = kept.engine.query("SELECT bucket FROM buckets LIMIT 1")
        kept.change("buckets", ["bucket"], buckets)
    missed = again.look(everything=True)
    assert (missed.told, missed.whole) == (
        ("Access review: reviewing only what changed had missed something",),
        "a whole review found something else",
    )
    later(clock, seconds=2)
    sound = again.look(everything=True)
    assert (sound.told, sound.whole, sound.open) == ((), "", 2)


def test_what_is_kept_is_a_copy_that_may_be_of_another_look_damaged_or_gone(company, clock):
    watch = watched(company, clock, least=0)
    watch.look()
    file = company.folder / "runs/watch/kept.duckdb"
    older = file.read_bytes()
    for number, (content, why) in enumerate(
        ((older, "what is kept is not of the look before"), (b"torn", "cannot be used"), (None, "nothing is kept")), 3
    ):
        grant(company, number)
        later(clock, seconds=2)
        seen = watch.look()
        assert (rules(seen.opened), seen.whole) == (["access-beyond-role"], "")
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
            file.with_name(f"{file.name}.wal").write_bytes(b"written ahead")
        grant(company, number, "Payer")
        later(clock, seconds=2)
        seen = watch.look()
        assert rules(seen.opened) == ["access-beyond-role"]
        assert seen.whole
        assert why in seen.whole or content == older, "of what was written ahead nothing may be used"
        assert [path.name for path in file.parent.glob("kept*")] == [file.name]
    assert watch.state.open == len(watching.open_now(company.folder, watch.state)) == 6


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE state SET state = 'no JSON'",
        "UPDATE state SET state = '{}'",
        'UPDATE state SET state = json_merge_patch(state, \'{"note": {"tables": "[]"}}\')',
        "UPDATE state SET state = json_merge_patch(state, '{\"more\": 1}')",
        "UPDATE entitlements SET entitlement = NULL",
        "UPDATE expected SET role = NULL",
        "ALTER TABLE grants_kept ALTER account TYPE BLOB USING 'x'::BLOB",
        "ALTER TABLE previous_findings_kept ALTER finding TYPE BLOB USING 'x'::BLOB",
        "ALTER TABLE nesting RENAME child TO other",
    ],
)
def test_what_somebody_wrote_into_what_is_kept_is_thrown_away(company, clock, forged):
    watched(company, clock, least=0).look()
    with duckdb.connect(str(company.folder / "runs/watch/kept.duckdb")) as kept:
        kept.execute(forged)
    grant(company, 3)
    later(clock, seconds=2)
    seen = watched(company, clock, least=0).look()
    assert (rules(seen.opened), "what was kept cannot be used" in seen.whole) == (["access-beyond-role"], True), seen
    grant(company, 4)
    later(clock, seconds=2)
    seen = watched(company, clock, least=0).look()
    assert (rules(seen.opened), seen.whole) == (["access-beyond-role"], "")


SOAK_LOOKS = int(os.environ.get("SOAK_LOOKS", "6"))
"""So often a day is looked at in a test that runs always; ``make soak`` does it more often."""
MOST_CHANGES = int(os.environ.get("SOAK_CHANGES", "4"))


def resident():
    """Return how many megabytes of memory this process holds; nothing is known where there is no /proc."""
    held = Path("/proc/self/statm")
    return int(held.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if held.exists() else 0.0


@pytest.fixture
def day(tmp_path, clock, monkeypatch):
    """Return the day of a company that was reviewed, with all of its systems."""
    systems = Systems(clock)
    with systems.served(tmp_path / "tenant", monkeypatch) as entra:
        company = WatchedCompany(tmp_path / "company", entra)
        for words in (("collect",), ("--quiet", "review")):
            assert company.run(*words, at=f"{START:%Y-%m-%dT%H:%M:%SZ}").code == 0
        yield Day(company, systems, clock, Kills(monkeypatch), int(os.environ.get("SOAK_SEED", "1")))


@pytest.mark.slow
def test_a_day_of_random_changes_faults_and_kills_loses_no_alarm_and_tells_none_twice(day, record_property, capsys):
    company, clock = day.company, day.clock
    state = Counter(current(reviews.read(runs.find(company.folder)).findings)["finding"].to_pylist())
    watch = day.watch()
    watch.look()
    kills, held = min(10, SOAK_LOOKS // 2), {}
    apart = timedelta(days=1) / SOAK_LOOKS
    for turn in range(SOAK_LOOKS):
        for _ in range(day.chance.randint(1, MOST_CHANGES)):
            day.change()
        day.mend()
        if day.chance.random() < 0.4:
            day.fault()
        clock.at += apart
        watch = day.look(watch, kill=turn % (SOAK_LOOKS // kills) == 0 and turn // (SOAK_LOOKS // kills) < kills)
        held[(turn + 1) * apart] = resident()
    day.mend()
    # A clock that was put back is right again by the end: what is collected then is the newest run.
    assert watch.state.at is not None
    clock.at = max(clock.at, watch.state.at) + max(apart, timedelta(minutes=10))
    ledger = company.folder / "sources/ledger.yaml"  # what a day took away is no file cut short
    ledger.write_text(f"{ledger.read_text()}accept_fewer: {clock.at:%Y-%m-%d}\n")
    watch.look()
    checked = watch.look(everything=True)
    assert not checked.wrong
    assert checked.unread == {}

    open_now = watching.open_now(company.folder, watch.state)
    for one in observations(company):
        state.update(one.details.get("opened", "").split())
        state.subtract(one.details.get("closed", "").split())
        assert set(state.values()) <= {0, 1}, "opened twice without closing, or closed without having been open"
    assert {finding for finding, count in state.items() if count} == set(open_now["finding"].to_pylist())
    opened = Counter(one for line in observations(company) for one in line.details.get("opened", "").split())
    told = Counter(one for notice in company.notices() for one in re.findall(r"Finding ([0-9a-f]{64})", notice))
    assert told == opened, "each alarm once: every finding here is at least medium"
    numbers = [one.details["number"] for one in observations(company)]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]

    later(clock, seconds=1)
    at = f"{clock.at:%Y-%m-%dT%H:%M:%SZ}"
    assert company.run("collect", at=at).code == 0
    assert company.run("--quiet", "review", at=at).code == 0
    full = current(reviews.read(runs.find(company.folder)).findings)
    assert sorted(full["finding"].to_pylist()) == sorted(open_now["finding"].to_pylist())
    hour, last = (held[min(held, key=lambda at: abs(at - timedelta(hours=hours)))] for hours in (1, 24))
    said = (
        f"{day.changes} changes, {len(opened)} findings opened, {sum(opened.values())} times, {SOAK_LOOKS} looks, {kills} kills, "
        f"faults {dict(sorted(Counter(day.faults).items()))}; "
        f"reviews {watch.state.reviews}; memory {hour:.0f} MB after an hour, {last:.0f} MB after the day"
    )
    record_property("day", said)
    if SOAK_LOOKS >= 100:
        with capsys.disabled():
            print(f"\n{said}")  # noqa: T201 - the figures are what it is for
        assert last < 1.2 * hour, "memory grows"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no systemd")
def test_a_service_says_that_it_is_ready_and_alive_survives_a_kill_and_ends_when_it_is_told_to(company, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, chdir(tmp_path):
        systemd.bind("notify")  # a path of a test is longer than a socket's may be
        systemd.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": "notify"}
        words = [
            sys.executable,
            "-m",
            "tests.support.launcher",
            "2026-10-26T06:10:00Z",
            "-C",
            str(company.folder),
            "--json",
        ]

        def start():
            environment["PYTHONPATH"] = str(ROOT)
            made = subprocess.Popen([*words, "watch"], env=environment, stdout=subprocess.PIPE, text=True)
            assert systemd.recv(100) == b"READY=1"
            assert systemd.recv(100) == b"WATCHDOG=1"
            return made

        first = start()
        grant(company, 3)
        assert first.stdout is not None
        while not (seen := json.loads(first.stdout.readline()))["opened"]:
            pass
        assert seen["told"] == ["Access review: 1 finding opened, medium at worst"]
        first.kill()
        first.communicate()
        while select.select([systemd], [], [], 0)[0]:
            systemd.recv(100)
        second = start()
        health = json.loads((company.folder / "runs/watch/health.json").read_text())
        assert (health["well"], health["open"], health["alarms_waiting"], sorted(health["sources"])) == (
            True,
            1,
            0,
            ["hr", "ledger"],
        )
        assert company.run("watch", "--once", at="2026-10-26T07:00:00Z").code == 4, "one instance"
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
        assert second.returncode == 0
        assert len(company.notices()) == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("words", [["--json"], []])
def test_a_log_that_has_no_room_ends_no_watching(company, words):
    command = [sys.executable, "-m", "tests.support.launcher", "2026-10-26T06:10:00Z", "-C", str(company.folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as full:
        made = subprocess.Popen([*command, *words, "watch"], env=environment, stdout=full, stderr=full)
    try:
        for number in (3, 4):
            grant(company, number)
            for _ in range(600):
                if len(company.notices()) == number - 2:
                    break
                time.sleep(0.1)
                assert made.poll() is None
    finally:
        made.terminate()
    assert made.wait(60) == 0
    assert len(company.notices()) == 2


def _of_another_table(state):
    parts = state["sources"]["ledger"]["parts"]
    parts["grants"], parts["accounts"] = parts["accounts"], parts["grants"]


def _of_another_source(state):
    state["sources"]["ledger"]["parts"]["people"] = state["sources"]["hr"]["parts"]["people"]


def _elsewhere(state):
    state["findings"] = "../../sources/ledger.csv"


def _no_moment(state):
    state["at"] = "soon"


def _no_head(state):
    state["logbook"] = "12"


@pytest.mark.parametrize("forge", [_of_another_table, _of_another_source, _elsewhere, _no_moment, _no_head])
def test_a_state_that_names_what_is_not_its_own_is_refused_and_what_to_do_is_said(company, clock, forge):
    watched(company, clock).look()
    file = company.folder / "runs/watch/state.json"
    state = json.loads(file.read_text())
    forge(state)
    file.write_text(json.dumps(state))
    with pytest.raises(ArtifactError) as refused:
        watched(company, clock).look()
    assert "state.json" in refused.value.message
    assert refused.value.hint.startswith("remove runs/watch")
