"""Orders that nobody is to carry out any more, while it is watched: people hear once, and the next read ends them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from access_review import runs
from access_review.stages.watch_loop import WatchLoop
from access_review.store import watching
from tests.stages.test_orders_void import _allowed, _waived, verified
from tests.stages.test_watch import START, later, watched
from tests.support.fake_system import Time
from tests.support.workspaces import Company

SUBJECT = "Subject: Access review: 2 orders not to be carried out any more"


@pytest.fixture(scope="module")
def ordered(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("company"))
    company.besides = [(15, "Admin"), (16, "Admin")]
    company.write()
    at = [f"2026-10-26T06:{minute:02}:00Z" for minute in (0, 10, 12, 15)]
    assert company.run("audit", at=at[0]).code == 0
    assert company.run("plan", "--requested-by", "00008", "--rule", "access-beyond-role", at=at[1]).code == 0
    for words in ((8, "--request"), (9,)):
        assert company.sign(*words, at=at[2]).code == 0
    assert company.run("apply", "--by", "00008", at=at[3]).code == 0
    return company


@pytest.fixture
def company(ordered, tmp_path):
    return ordered.copy(tmp_path / "company")


def looks(company, clock, *spans):
    """Look once after each span of time; return what could not be done."""
    said = list[str]()
    loop = WatchLoop(watched(company, clock), clock, on_failed=said.append)
    for span in spans:
        later(clock, minutes=span)
        assert loop.once() is not None, said
    return said


def told(company):
    return [one for one in company.notices() if SUBJECT in one]


@pytest.mark.parametrize("ends", [_waived, _allowed])
def test_an_order_that_is_seen_to_be_void_is_told_once_and_ended(company, ends):
    clock = Time(START + timedelta(minutes=20), timedelta())
    assert looks(company, clock, 1, 60) == []
    assert (told(company), len(runs.all_runs(company.folder))) == ([], 1)
    ends(company)
    assert looks(company, clock, 1, 20, 20) == []
    (notice,) = told(company)
    assert "- take Admin away from u15 in ledger of Person 15: " in notice
    assert len(runs.all_runs(company.folder)) == 2, "a run that the logbook knows says so"
    standing, _ = verified(company, f"{clock.now():%Y-%m-%dT%H:%M:%SZ}")
    assert [one["state"] for one in standing.values()] == ["skipped"] * 2
    assert looks(company, clock, 20, 20) == []
    assert (len(told(company)), len(runs.all_runs(company.folder))) == (1, 2)


def test_a_look_of_cron_sees_to_orders_in_their_time_too(company):
    def look(at, *words):
        done = company.run("watch", "--once", *words, at=f"2026-10-26T{at}:00Z")
        assert done.code == 0, done.err
        return len(told(company)), len(runs.all_runs(company.folder))

    assert look("06:20") == (0, 1)
    _waived(company)
    assert look("07:21") == (1, 2), "the first look that is due ends it"
    _allowed(company)
    assert [look(at) for at in ("07:22", "07:35", "07:37")] == [(1, 2)] * 3
    standing, _ = verified(company, "2026-10-26T07:40:00Z")
    assert [one["state"] for one in standing.values()] == ["skipped"] * 2


def test_what_a_look_of_cron_saw_before_orders_were_due_is_still_known_when_they_are(company):
    def look(at):
        done = company.run("watch", "--once", at=f"2026-10-26T{at}:00Z")
        assert done.code == 0, done.err
        return len(told(company))

    assert look("07:20") == 0
    _waived(company)
    assert [look(at) for at in ("07:25", "07:30", "07:36")] == [0, 0, 1]


def test_an_order_that_was_carried_out_is_not_void(company):
    clock = Time(START + timedelta(minutes=20), timedelta())
    assert looks(company, clock, 1, 60) == []
    company.besides = []
    company.write()
    assert looks(company, clock, 1, 20, 20) == []
    assert told(company) == []


def test_of_an_order_that_ended_before_a_crash_people_hear_after_it(company):
    clock = Time(START + timedelta(minutes=20), timedelta())
    looks(company, clock, 1)
    run = runs.all_runs(company.folder)[0].id
    changes = re.findall(r"c-[0-9a-f]{16}", (company.folder / f"runs/{run}/plan/plan.csv").read_text())
    state = watching.read(company.folder)
    watching.write(company.folder, replace(state, faults=tuple(f"void {run}/plan {one}" for one in changes)))
    _waived(company)
    assert company.run("audit", at="2026-10-26T12:00:00Z").code == 0
    assert [one["state"] for one in verified(company, "2026-10-26T12:05:00Z")[0].values()] == ["skipped"] * 2
    later(clock, hours=6)
    assert looks(company, clock, 20, 20) == []
    assert len(told(company)) == 1


def test_of_an_order_that_is_not_done_in_time_people_hear_once_though_no_desk_is_declared(company):
    clock = Time(START + timedelta(minutes=20), timedelta())

    def late():
        return [one for one in company.notices() if "Subject: Access review: 2 orders not done in time" in one]

    assert looks(company, clock, 1, 60 * 23) == []
    assert late() == []
    assert looks(company, clock, 60, 20) == []
    assert looks(company, clock, 60 * 24) == []
    (notice,) = late()
    assert "- take Admin away from u15 in ledger of Person 15, by 2026-10-27 06:15 UTC; to be proven: " in notice
    assert re.search("access-review --run 20261026T060000Z-[0-9a-f]+ verify --of plan", notice)
