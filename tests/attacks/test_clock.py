"""Whoever chooses the time chooses what may be done: the clock of what is written live is the machine's."""

import json

import pytest

from tests.support.command import access_review, in_own_process
from tests.support.faulty_company import APPLY, AUDIT, EXCESS, SIGN, Faulty
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

LATE = "2026-11-04T06:00:00Z"
NEXT_MONTH = "2026-12-02T06:00:00Z"


@pytest.fixture(scope="module")
def approved(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("clock") / "company")
    result = company.run("audit", at=AUDIT)
    assert result.code == 0, result.err
    company.approved(EXCESS)
    return company


@pytest.fixture
def company(approved, tmp_path):
    return approved.copy(tmp_path / "company")


def test_an_expired_plan_writes_nothing_whatever_time_is_asked_for(company):
    done = company.run("--as-of", APPLY, "apply", "--by", "00007", "--key", "key7", at=LATE)
    assert done.code == 4
    assert "--as-of is for reviewing: app can be written to" in done.err
    assert "leave --as-of out" in done.err
    assert company.calls == {}
    assert not list(company.folder.glob("runs/*/plan/journal.sqlite"))


@pytest.mark.parametrize(
    "words",
    [
        ("apply", "--standing"),
        ("verify",),
        ("undo", "--requested-by", "00007"),
        ("approve", "--by", "00008", "--key", "key8"),
        ("approve", "--standing", "--by", "00008", "--key", "key8"),
        ("withdraw", "--of", "plan", "--by", "00008", "--key", "key8", "--comment", "no"),
        ("sign-off", "--yes", "--by", "00008", "--key", "key8"),
        ("waive", "approve", "W-2026-001", "--by", "00008", "--key", "key8"),
    ],
)
def test_nothing_that_signs_writes_or_reads_back_takes_another_time(company, words):
    before = sorted(company.folder.glob("runs/**/*"))
    done = company.run("--as-of", SIGN, *words, at=LATE)
    assert done.code == 4, done.err
    assert "--as-of is for reviewing" in done.err
    assert sorted(company.folder.glob("runs/**/*")) == before


def test_a_plan_that_is_yet_to_be_made_is_not_carried_out(company):
    done = company.apply(at="2026-11-02T06:01:00Z")
    assert done.code == 4
    assert "one comes after the other" in done.err
    assert company.calls == {}


def test_a_live_source_read_under_another_moment_is_a_rehearsal_on_which_nothing_rests(company):
    kept = sorted(path.name for path in company.folder.glob("runs/2026*"))
    audited = company.run("--as-of", NEXT_MONTH, "--quiet", "audit", at=LATE)
    assert audited.code == 0, audited.err
    (manifest,) = company.folder.glob("runs/rehearsals/*/manifest.json")
    assert json.loads(manifest.read_text())["rehearsal"] is True
    assert sorted(path.name for path in company.folder.glob("runs/2026*")) == kept
    assert not list(manifest.parent.glob("sample*")), "nothing is drawn from it"

    run = manifest.parent.name
    refused = company.run("--run", run, "plan", "--requested-by", "00007", at=NEXT_MONTH)
    assert refused.code == 4
    assert "is a rehearsal" in refused.err
    assert not (manifest.parent / "plan").exists()

    later = company.run("--json", "collect", at="2026-12-03T06:00:00Z")
    assert later.code == 0, later.err
    assert later.json["rehearsal"] is False
    assert later.json["previous"]["run"] == kept[-1]


def test_a_plan_moved_into_a_rehearsal_is_refused(company):
    assert company.run("--as-of", NEXT_MONTH, "--quiet", "audit", at=LATE).code == 0
    (rehearsal,) = company.folder.glob("runs/rehearsals/*/manifest.json")
    (plan,) = company.folder.glob("runs/*/plan")
    plan.rename(rehearsal.parent / "plan")
    # Neither where it lies nor among the runs does it count.
    named = company.run("--run", rehearsal.parent.name, "apply", "--by", "00007", "--key", "key7", at=APPLY)
    assert named.code == 4
    assert "is a rehearsal" in named.err
    rehearsal.parent.rename(company.folder / "runs" / rehearsal.parent.name)
    moved = company.run("--run", rehearsal.parent.name, "apply", "--by", "00007", "--key", "key7", at=APPLY)
    assert moved.code == 1
    assert "is not known to the logbook" in moved.err
    assert company.calls == {}


def test_no_variable_moves_the_clock_of_the_command(company):
    moved = dict.fromkeys(("AT", "AS_OF", "NOW", "CLOCK", "ACCESS_REVIEW_AS_OF", "ACCESS_REVIEW_NOW"), APPLY)
    path = f"{company.folder / 'packages'}"
    done = in_own_process(
        company.folder,
        "apply",
        "--by",
        "00007",
        "--key",
        str(company.folder / "key7"),
        environment={**moved, "PYTHONPATH": path},
    )
    assert done.code == 4, done.out
    assert company.calls == {}


def test_recorded_sources_are_reviewed_as_of_any_moment(company):
    (company.folder / "sources/app.yaml").unlink()
    for moment in (AUDIT, NEXT_MONTH):
        said = company.run("--as-of", moment, "--json", "collect", at=LATE)
        assert said.code in {0, 1}, said.err
        assert said.json["rehearsal"] is False
        assert said.json["as_of"][:10] == moment[:10]


BEGAN = "2026-11-02T06:00:00Z"


@pytest.mark.parametrize(
    "words",
    [
        ("apply", "--by", "00007", "--key", "key7"),
        ("verify",),
        ("approve", "--by", "00008", "--key", "key8"),
        ("waive", "approve", "W-2026-001", "--by", "00008", "--key", "key8"),
        ("watch", "--once"),
    ],
    ids=" ".join,
)
def test_where_files_alone_are_read_another_time_is_taken_until_a_run_is_of_the_machines_clock(tmp_path, words):
    """Nothing is written live there, but orders go out to people, and an expired approval must not stand behind them."""
    company = Company(tmp_path / "company")
    assert company.run("--quiet", "audit", at=BEGAN).code in {0, 3}
    tried = access_review(company.folder, "--as-of", BEGAN, *words, at=LATE)
    assert "by that alone is signed and acted" not in tried.err, "an example lives in its own time"
    assert access_review(company.folder, "--quiet", "audit", at=LATE).code in {0, 3}
    before = sorted(company.folder.glob("runs/**/*"))
    refused = access_review(company.folder, "--as-of", BEGAN, *words, at=LATE)
    assert (refused.code, "by that alone is signed and acted" in refused.err) == (4, True), refused.err
    assert sorted(company.folder.glob("runs/**/*")) == before
    assert access_review(company.folder, "--as-of", BEGAN, "explain", "Person 7", at=LATE).code == 0


def test_where_files_alone_are_read_a_time_to_come_may_be_tried(tmp_path):
    company = Company(tmp_path / "company")
    assert access_review(company.folder, "--quiet", "audit", at=LATE).code in {0, 3}
    later = access_review(company.folder, "--as-of", "2031-01-01T00:00:00Z", "watch", "--once", at=LATE)
    assert "by that alone is signed and acted" not in later.err


@pytest.mark.parametrize(
    "words",
    [
        ("sign-off", "--yes", "--by", "00008"),
        ("decide", "sheet.csv"),
        ("withdraw", "item", "--by", "00008", "--comment", "no"),
        ("waive", "ask", "finding", "--reason", "r", "--ticket", "T-1", "--until", "2026-12-01", "--by", "00008"),
        ("waive", "end", "W-2026-001"),
    ],
    ids=" ".join,
)
def test_nobody_dates_back_what_they_merely_claim(company, words):
    before = sorted(company.folder.glob("r*/**/*"))
    done = company.run("--as-of", SIGN, *words, at=LATE)
    assert (done.code, "--as-of is for reviewing" in done.err) == (4, True), done.err
    assert sorted(company.folder.glob("r*/**/*")) == before
