"""The plan that `watch` prepares for a leaver: people hear before it lapses, and another is prepared when nobody took it up."""

import re
from datetime import timedelta

import pytest

from tests.stages.test_watch import START, later, observations, watched
from tests.support.fake_system import Time
from tests.support.watched_day import OTHERS
from tests.support.workspaces import Company

LAPSES, LEFT = "Access review: a plan for who left lapses soon", "Access review: 1 person left and can still sign in"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("company"))
    policy = company.folder / "roles/policy.yaml"
    unsigned = re.sub("(?m)^standing:.*$", 'watch: {tell: ["00007"], plans_for: "00007"}', policy.read_text())
    policy.write_text(unsigned + OTHERS)
    assert company.run("audit", at=f"{START:%Y-%m-%dT%H:%M:%SZ}").code == 0
    return company


@pytest.fixture
def clock():
    return Time(START + timedelta(minutes=5), timedelta())


@pytest.fixture
def company(audited, tmp_path, clock):
    """Return a company that is watched, where somebody has left and a plan was prepared."""
    company = audited.copy(tmp_path / "company")
    watched(company, clock).look()
    company.leave(20, "2026-10-24")
    later(clock, seconds=2)
    assert watched(company, clock).look().told[-1] == LEFT
    return company


def plans(company):
    return [path.parents[1].name for path in sorted(company.folder.glob("runs/*/leavers/plan.json"))]


def told(company, clock, **span):
    """Let time pass, and return what is told by a process that is started anew, and by the look after."""
    later(clock, **span)
    watch = watched(company, clock)
    return (*watch.look().told, *watch.look().told)


def notice(company, words):
    return [one for one in company.notices() if words in one]


def sign(company, run, at):
    for who, more in ((7, ("--request",)), (8, ())):
        key = str(company.folder / f"key{who}")
        words = ("approve", "--of", "leavers", "--by", f"{who:05}", "--key", key, *more)
        assert company.run("--run", run, *words, at=at).code == 0


def test_people_hear_once_before_a_plan_lapses_and_another_is_prepared_after_it(company, clock):
    (first,) = plans(company)
    assert told(company, clock, hours=17) == ()
    assert told(company, clock, hours=2) == (LAPSES,)
    (warned,) = notice(company, "and can be until 2026-10-27 06:05 UTC")
    assert "Left, with accounts that work: Person 20" in warned
    assert f"access-review --run {first} apply --of leavers" in warned
    assert told(company, clock, hours=1) == ()
    assert told(company, clock, hours=5) == (LEFT,)
    _, second = plans(company)
    (again,) = notice(company, f"The plan of {first}, prepared 2026-10-26 06:05 UTC, can be carried out no more.")
    assert f"access-review --run {second} approve --of leavers --request" in again
    assert told(company, clock, hours=1) == ()
    assert told(company, clock, hours=18) == (LAPSES,)
    assert not [one for one in observations(company) if "Person" in str(one.details)], "the logbook names nobody"


def test_a_plan_that_was_carried_out_is_neither_told_of_nor_prepared_again(company, clock):
    (first,) = plans(company)
    sign(company, first, "2026-10-26T06:10:00Z")
    done = company.run("--run", first, "apply", "--of", "leavers", "--by", "00007", at="2026-10-26T06:11:00Z")
    assert done.code == 0, done.err
    assert [told(company, clock, hours=10) for _ in range(5)] == [()] * 5
    assert plans(company) == [first]


def test_who_has_not_left_after_all_needs_no_other_plan(company, clock):
    company.status.clear()
    company.write()
    assert told(company, clock, minutes=1) == ("Access review: somebody has not left after all",)
    assert [told(company, clock, hours=10) for _ in range(3)] == [()] * 3
    assert len(plans(company)) == 1


def test_a_policy_that_is_another_since_leaves_a_plan_that_can_be_carried_out_no_more(company, clock):
    template = company.folder / "roles/templates/clerk.yaml"
    template.write_text(template.read_text() + "# looked at\n")
    assert told(company, clock, minutes=5) == ()
    assert told(company, clock, minutes=15) == (LEFT,)
    assert len(plans(company)) == 2
    assert told(company, clock, minutes=15) == ()


def test_what_a_wrong_clock_prepared_is_prepared_again_when_it_is_right(company, clock):
    company.leave(21, "2026-10-24")
    later(clock, days=300)
    watched(company, clock).look()
    assert len(plans(company)) == 2
    later(clock, days=-300)
    assert "Access review: 2 persons left and can still sign in" in told(company, clock, minutes=1)


def test_where_nobody_is_named_who_asks_people_hear_again_each_day(company, clock):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace(', plans_for: "00007"', ""))
    told(company, clock, minutes=20)
    assert told(company, clock, hours=23) == ()
    assert told(company, clock, hours=2) == (LEFT,)
    assert len(notice(company, ", and nothing was carried out since.")) == 1
