"""A batch that a version before began, or that was signed ahead under it, is finished or undone by this one; nothing else of it is."""

import json

import pytest

from access_review.plan import record
from access_review.revoke.states import State
from tests.support.faulty_company import APPLY, AUDIT, PLAN, SIGN, Faulty
from tests.support.old_batches import age_plan, begin_journal, of_version
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

LEFT = (11, 12, 13)
BOTH = {7: "request", 8: "approval"}
UNDO = "2026-11-02T07:00:00Z"
MORNING, EVENING = "2026-10-30T06:00:00Z", "2026-10-30T16:30:00Z"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("old") / "company", excess=(), disables=True)
    people = company.folder / "sources/people.csv"
    for number in LEFT:
        people.write_text(
            people.read_text().replace(f"Person {number},Active,,", f"Person {number},Terminated,2026-10-31,")
        )
    assert company.run("audit", at=AUDIT).code == 0
    made = company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", at=PLAN)
    assert made.code == 0, made.err
    return company


@pytest.fixture
def company(planned, tmp_path):
    return planned.copy(tmp_path / "company")


def taken(company, number):
    """Let the system show that somebody's account is disabled."""
    path = company.folder / "sources/system.json"
    system = json.loads(path.read_text())
    del system["there"][f"app:user:u{number:05}|||"]
    path.write_text(json.dumps(system))


def begun(company, signed=BOTH):
    """Make an old batch, of which one change was made, one was about to be called for when it stopped, and one was not begun."""
    plan = age_plan(company, "plan", signed, SIGN)
    assert (plan.format, plan.inputs) == (record.EARLIER, None)
    first, second, _ = plan.changes
    begin_journal(company, "plan", plan, {first.id: State.PENDING, second.id: State.INTENT}, SIGN)
    assert first.target.person
    taken(company, int(first.target.person[-5:]))
    return plan


def undone(company, name):
    """Give back what a batch took, beside a newer run in which all of them are employed again."""
    people = company.folder / "sources/people.csv"
    people.write_text(people.read_text().replace("Terminated,2026-10-31", "Active,"))
    (old,) = company.folder.glob("runs/2*")
    for command in ("collect", "review"):
        assert company.run(command, at=UNDO).code == 0
    made = company.run("--run", old.name, "undo", "--of", name, "--requested-by", "00007", at=UNDO)
    assert made.code == 0, made.err
    for person, more in ((7, ("--request",)), (8, ())):
        signed = company.sign(person, "--of", "undo", *more, at=UNDO)
        assert signed.code == 0, signed.err
    back = company.apply("--of", "undo", at="2026-11-02T07:02:00Z")
    assert back.code == 0, (back.out, back.err)
    assert {f"app:user:u{n:05}|||" for n in LEFT} <= company.system["there"].keys(), (made.out, back.out)


def test_a_batch_of_the_first_format_that_was_begun_is_finished(company):
    begun(company)
    done = company.apply()
    assert (done.code, set(done.json["states"].values())) == (0, {"pending"}), done.err
    assert company.calls["revoke"] == 2, "what was made before is not made again"
    later = company.run("--json", "verify", at=UNDO)
    assert later.code == 0, later.err
    assert {one["state"] for one in later.json["changes"]} == {"revoked"}


def test_a_batch_of_the_first_format_that_was_begun_is_undone(company):
    begun(company)
    assert company.apply().code == 0
    undone(company, "plan")


@pytest.mark.parametrize("signed", [{7: "request"}, {7: "request", 9: "request"}])
def test_a_begun_batch_that_nobody_else_signed_goes_no_further(company, signed):
    begun(company, signed)
    refused = company.apply()
    assert (refused.code, company.calls) == (4, {})
    assert "0 of 1 approvals by somebody else" in refused.err


def test_a_plan_of_the_first_format_that_was_not_begun_is_neither_carried_out_nor_signed(company):
    age_plan(company, "plan", BOTH, SIGN)
    for done in (company.apply(), company.sign(9, at=SIGN)):
        assert done.code == 4
        assert "is of access-review/plan@1, which cannot be derived again" in done.err
    assert company.calls == {}


@pytest.fixture(scope="module")
def ahead(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("ahead") / "company")
    company.leave(20, "2026-10-30")
    assert company.run("audit", at=MORNING).code == 0
    assert company.run("plan", "--ahead", "--rule", "leaver-active", "--requested-by", "00007", at=MORNING).code == 0
    return company


@pytest.mark.sweep(share=1 / 2, each="signed")
@pytest.mark.parametrize("how", [("--by", "00007"), ("--standing",)], ids=["by a person", "unattended"])
@pytest.mark.parametrize("signed", [BOTH, {}, {7: "request"}], ids=["signed", "unsigned", "asked for"])
def test_a_plan_of_the_first_format_made_ahead_goes_out_in_its_hour_when_it_was_signed(ahead, tmp_path, how, signed):
    company = ahead.copy(tmp_path / "company")
    age_plan(company, "ahead", signed, MORNING)
    (run,) = company.folder.glob("runs/2*")
    assert company.run("verify", "--of", "ahead", at=MORNING).code == 0, "which begins the logbook"
    for person in (8, 9):
        assert company.sign(person, "--standing", at=MORNING).code == 0
    done = company.run("--run", run.name, "apply", "--of", "ahead", *how, at=EVENING)
    assert done.code == (0 if signed == BOTH else 4), done.err
    assert bool(list(company.folder.glob("runs/*/ahead/orders.csv"))) is (signed == BOTH)


def of_before(company, *, begin):
    """Let another version plan; two people sign under it; and the batch stops after a change where it is begun."""
    with of_version("0.0.9"):
        assert (
            company.run("plan", "--rule", "leaver-active", "--requested-by", "00007", "--name", "before", at=PLAN).code
            == 0
        )
        for person, more in ((7, ("--request",)), (8, ())):
            assert company.sign(person, "--of", "before", *more, at=SIGN).code == 0
        if begin:
            company.fail(calls={"2": "transient", "3": "transient"})
            company.apply("--of", "before")
            company.fail()
            assert company.calls["revoke"] == 1


def test_a_batch_that_another_version_began_is_finished_and_undone_by_this_one(company):
    of_before(company, begin=True)
    done = company.apply("--of", "before", at="2026-11-02T06:30:00Z")
    assert (done.code, company.calls["revoke"]) == (0, 3), (done.out, done.err)
    undone(company, "before")


def test_a_plan_that_another_version_made_is_planned_again(company):
    of_before(company, begin=False)
    for done in (company.apply("--of", "before"), company.sign(9, "--of", "before", at=APPLY)):
        assert done.code == 4
        assert "made by version 0.0.9 of this tool, and this is" in done.err
    assert company.calls == {}
