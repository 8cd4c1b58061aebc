"""What is taken back while a batch runs stops it before its next call."""

import pytest

from access_review import runs, workspace
from access_review.stages.apply import Pace, apply_plan
from access_review.stages.apply_standing import apply_standing
from access_review.stages.keep_signed import Signer
from access_review.store import plans
from tests.support.clocks import clock_at
from tests.support.command import CommandResult
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
AT, SIGNED, LATER, TAKEN_BACK = (f"2026-11-02T06:0{minute}:00Z" for minute in (0, 1, 5, 6))


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Return a company with an audit and two who have left."""
    company = Company(tmp_path_factory.mktemp("company") / "company")
    for number in (20, 21):
        company.leave(number, "2026-10-30")
    assert company.run("audit", at=AT).code == 0
    return company


@pytest.fixture
def company(audited, tmp_path):
    return audited.copy(tmp_path / "company")


def taking_back(company, *of):
    """Return a pace at which, after the first change, somebody takes back what they signed."""
    done: list[CommandResult] = []

    def told(_):
        if not done:
            words = ("--by", "00008", "--key", str(company.folder / "key8"), "--comment", "not now")
            done.append(company.run("withdraw", *of, *words, at=TAKEN_BACK))
            assert done[0].code == 0, done[0].err

    return Pace(told=told)


def test_an_approval_that_is_taken_back_stops_the_batch_that_runs_on_it(company):
    assert company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=AT).code == 0
    assert company.sign(7, "--request", at=SIGNED).code == 0
    assert company.sign(8, at=SIGNED).code == 0
    stored = plans.find(runs.find(company.folder), plans.PLAN)
    signer = Signer("00007", company.folder / "key7")
    applied = apply_plan(
        stored,
        workspace.load(company.folder),
        clock_at(LATER),
        by="00007",
        pace=taking_back(company, "--of", "plan"),
        signer=signer,
    )
    assert (applied.calls, "0 of 1 approvals" in applied.stopped) == (1, True), applied.stopped
    again = company.run("apply", "--by", "00007", at="2026-11-02T06:10:00Z")
    assert (again.code, "0 of 1 approvals" in again.err) == (4, True), again.err


def test_a_standing_approval_that_is_taken_back_stops_the_batch_that_runs_on_it(company):
    for person in (8, 9):
        assert company.sign(person, "--standing", at=SIGNED).code == 0
    pace = taking_back(company, "--standing")
    outcome = apply_standing(workspace.load(company.folder), clock_at(LATER), {}, pace=pace)
    applied = outcome.applied
    assert (applied.calls, "1 of 2 people have signed" in applied.stopped) == (1, True), applied.stopped
