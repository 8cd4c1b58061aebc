"""Who works here now: by the newest rosters that were read whole, less who has left by what was read since."""

from datetime import datetime

import pytest

from access_review.store import logged, rosters
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

NOW = datetime.fromisoformat("2026-11-06T07:00:00+00:00")
STAYS, LEAVES = "hr:person:00013", "hr:person:00012"
FAULTY = "".join(f"000{n},Person {n},Weird,,Finance\n" for n in (31, 32, 33))


def collected(company, day, *, whole):
    people = company.folder / "sources/people.csv"
    kept = people.read_text()
    people.write_text(kept if whole else kept + FAULTY)
    done = company.run("collect", at=f"2026-11-{day:02}T06:00:00Z")
    people.write_text(kept)
    assert done.code in {0, 1, 3}, done.err


@pytest.mark.parametrize("first_whole", [True, False], ids=["the first was read whole", "none was ever read whole"])
def test_who_has_left_by_a_newer_run_is_not_here_though_that_was_not_read_whole(tmp_path, first_whole):
    company = Company(tmp_path / "company")
    collected(company, 2, whole=first_whole)
    company.leave(12, "2026-11-02")
    collected(company, 4, whole=False)
    collected(company, 5, whole=False)
    known = logged.known_runs(company.folder)
    assert len(known) == 3
    for run in known:
        for now in (NOW, None):
            here = rosters.people_now(run, now).here
            assert (STAYS in here, LEAVES in here) == (True, False), run.id


def test_who_came_back_by_rosters_that_were_read_whole_since_is_here(tmp_path):
    company = Company(tmp_path / "company")
    active = (company.folder / "sources/people.csv").read_text()
    collected(company, 2, whole=True)
    company.leave(12, "2026-11-02")
    collected(company, 3, whole=False)
    (company.folder / "sources/people.csv").write_text(active)
    collected(company, 4, whole=False)
    oldest = logged.known_runs(company.folder)[0]
    assert LEAVES not in rosters.people_now(oldest, NOW).here, "nothing says yet that the end was a mistake"
    collected(company, 5, whole=True)
    assert LEAVES in rosters.people_now(oldest, NOW).here
