from datetime import timedelta

import pytest

from access_review.errors import RosterFault
from access_review.snapshot.carry_over import carry_over
from tests.support.snapshots import AS_OF, tables, workspace


def people(*numbers, **more):
    return [{"person": f"hr:person:{n}", **more} for n in numbers]


def after(before, now, *, complete=True, options=None, policy=None):
    verdict = [] if complete else [{"source": "hr", "subject": "people", "complete": False, "reason": "cut"}]
    seen = tables({"people": now, "completeness": [*verdict, {"source": "hr", "subject": "aliases"}]})
    space = workspace(options={"hr": options or {}}, policy=policy)
    made = carry_over(seen, space, AS_OF, tables(before))
    return {row["person"].rsplit(":", 1)[1]: row for row in made["people"].to_pylist()}, made


def test_who_vanishes_without_a_termination_is_missing():
    found, _ = after({"people": people(1, 2)}, people(1))
    assert (found["1"]["status"], found["2"]["status"]) == ("active", "missing")


def test_who_left_stays_left_when_the_row_is_gone_and_first_seen_is_kept():
    week_ago = AS_OF - timedelta(days=7)
    found, _ = after({"people": people(2, status="left", first_seen_left_at=week_ago)}, people(1))
    assert (found["2"]["status"], found["2"]["first_seen_left_at"]) == ("left", week_ago)


def test_the_first_time_a_leaver_is_seen_is_noted():
    found, _ = after({"people": people(1)}, people(1, status="left"))
    assert found["1"]["first_seen_left_at"] == AS_OF


def test_an_incomplete_roster_says_nothing_about_who_is_not_in_it():
    found, _ = after({"people": people(1, 2)}, people(1), complete=False)
    assert found["2"]["status"] == "active"


def test_twice_missing_is_left_only_where_the_roster_declares_it():
    before = {"people": people(2, status="missing")}
    assert after(before, people(1))[0]["2"]["status"] == "missing"
    found, _ = after(before, people(1), options={"absence": "left-after-2-complete-reads"})
    assert (found["2"]["status"], found["2"]["left_at_latest"]) == ("left", AS_OF)


def test_the_names_and_former_spells_of_the_missing_are_kept():
    before = {
        "people": people(1, 2),
        "aliases": [{"scheme": "person-id", "value": "2", "id": "hr:person:2"}],
        "assignments": [{"person": "hr:person:2", "role": "r"}],
    }
    _, made = after(before, people(1))
    assert made["aliases"].to_pylist() == before["aliases"]
    assert made["assignments"]["person"].to_pylist() == ["hr:person:2"]


@pytest.mark.parametrize(
    ("size", "gone", "stops"), [(100, 20, False), (100, 21, True), (1000, 50, False), (1000, 51, True)]
)
def test_too_many_vanished_stop_the_run(size, gone, stops):
    before, now = {"people": people(*range(size))}, people(*range(gone, size))
    if stops:
        with pytest.raises(RosterFault, match=f"{gone} of {size} people vanished"):
            after(before, now)
    else:
        assert sum(row["status"] == "missing" for row in after(before, now)[0].values()) == gone


def test_ordinary_leavers_do_not_count_and_zero_means_zero():
    after({"people": people(*range(100), status="left")}, people(200))
    strict = {"rosters": {"vanished": {"percent": 0, "floor": 0}}}
    with pytest.raises(RosterFault):
        after({"people": people(1, 2)}, people(1), policy=strict)


def former(before, now, *, complete=True):
    """Return the jobs known of person 1 when the roster said ``before`` and now says ``now``."""
    job = {"person": "hr:person:1"}
    verdict = [] if complete else [{"source": "hr", "subject": "people", "complete": False, "reason": "cut"}]
    rows = [{**job, "seq": n, **row} for n, row in enumerate(now, start=1)]
    seen = tables({"people": people(1), "assignments": rows, "completeness": verdict})
    known = tables(
        {"people": people(1), "assignments": [{**job, "seq": n, **r} for n, r in enumerate(before, start=1)]}
    )
    made = carry_over(seen, workspace(options={"hr": {}}), AS_OF, known)
    return [(r["seq"], r["role"], r["status"], r["ends_latest"]) for r in made["assignments"].to_pylist()]


def test_a_job_that_the_roster_no_longer_lists_is_remembered_as_a_former_one():
    assert former([{"role": "a"}], [{"role": "b"}]) == [(1, "b", "active", None), (2, "a", "left", AS_OF)]


def test_what_was_remembered_keeps_its_end_and_the_same_job_is_no_former_one():
    ended = AS_OF - timedelta(days=20)
    before = [{"role": "b"}, {"role": "a", "status": "left", "ends_latest": ended}]
    assert former(before, [{"role": "b"}]) == [(1, "b", "active", None), (2, "a", "left", ended)]
    assert former([{"role": "a"}], [{"role": "a", "status": "left"}]) == [(1, "a", "left", None)]


def test_an_incomplete_roster_and_a_job_not_begun_make_no_former_jobs():
    assert former([{"role": "a"}], [{"role": "b"}], complete=False) == [(1, "b", "active", None)]
    coming = {"role": "a", "starts_earliest": AS_OF + timedelta(days=3)}
    assert former([coming], [{"role": "b"}]) == [(1, "b", "active", None)]


def test_the_first_run_has_nothing_to_carry_over_and_notes_who_has_left():
    seen = tables({"people": [*people(1), *people(2, status="left")]})
    made = carry_over(seen, workspace(), AS_OF, None)
    assert [row["first_seen_left_at"] for row in made["people"].to_pylist()] == [None, AS_OF]
    assert {name: table for name, table in made.items() if name != "people"} == {
        name: table for name, table in seen.items() if name != "people"
    }


@pytest.mark.parametrize("status", ["active", "leave", "unknown"])
def test_whoever_has_not_left_counts_among_those_who_vanish_and_among_those_expected(status):
    policy = {"rosters": {"vanished": {"percent": 10, "floor": 0}}}
    before = {"people": [*people(*range(10), status=status), *people(*range(10, 19))]}
    with pytest.raises(RosterFault, match="hr: 2 of 19 people vanished without a termination, 1 are allowed"):
        after(before, people(*range(2, 19)), policy=policy)
    found, _ = after(before, people(*range(1, 19)), policy=policy)
    assert found["0"]["status"] == "missing"


def test_people_of_other_rosters_and_leavers_do_not_make_room():
    policy = {"rosters": {"vanished": {"percent": 10, "floor": 0}}}
    others = [{"person": f"other:person:{n}"} for n in range(50)]
    before = {"people": [*people(*range(10)), *people(*range(10, 60), status="left"), *others]}
    with pytest.raises(RosterFault, match="hr: 2 of 10 people vanished"):
        after(before, [*people(*range(2, 10)), *others], policy=policy)


def test_a_job_of_which_nothing_is_known_is_not_remembered_as_ended():
    assert former([{"role": "a", "status": "unknown"}], [{"role": "b"}]) == [(1, "b", "active", None)]
