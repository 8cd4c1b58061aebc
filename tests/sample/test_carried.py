"""What nobody reviewed is asked about again, but never adds more work than the draw itself."""

from datetime import UTC, datetime

from access_review.policy import Sampling
from access_review.sample import draw
from access_review.sample.draw import SampleState, pledge
from access_review.sample.population import ReviewUnit

AT = datetime(2026, 1, 5, 6, tzinfo=UTC)
POLICY = Sampling(tolerable=0.2, rate=0.01, coverage_weeks=12)


def _units(number: int, grants: int = 3) -> list[ReviewUnit]:
    return [ReviewUnit(f"hr:person:{n:03}", "person", None, (), None, None, 1, grants) for n in range(number)]


def test_of_many_that_wait_as_much_is_asked_as_the_draw_asks_and_the_rest_is_put_off() -> None:
    units = _units(400)
    waiting = [unit.unit for unit in units[:300]]
    sample, _ = draw.draw(
        units, POLICY, SampleState(), run="r", as_of=AT, next_pledge=pledge(b"k" * 32), carried=waiting
    )
    alone, _ = draw.draw(units, POLICY, SampleState(), run="r", as_of=AT, next_pledge=pledge(b"k" * 32))
    fresh = {pick.unit for pick in alone.picks}
    added = {pick.unit for pick in sample.picks} - fresh
    assert added <= set(waiting)
    assert len(added) == len(fresh)  # each asks the same here: as many again, and no more
    assert sample.put_off == tuple(sorted(set(waiting) - added - fresh))
    assert (
        f"{len(sample.put_off or ())} more that nobody reviewed are not asked about again now: they count as not tested"
        in (sample.reasons)
    )
    carried_on = len(waiting) - len(sample.put_off or ())
    assert f"{carried_on} that the audit before drew and nobody reviewed are among them" in sample.reasons
    assert draw.verify(sample, units, bytes.fromhex(sample.key), seen={}) == ()


def test_the_work_is_counted_in_questions_and_not_in_people() -> None:
    units = [*_units(100), ReviewUnit("hr:person:big", "person", None, (), None, None, 5, 5_000)]
    sample, _ = draw.draw(
        units, POLICY, SampleState(), run="r", as_of=AT, next_pledge=pledge(b"k" * 32), carried=["hr:person:big"]
    )
    drawn = {pick.unit for pick in sample.picks}
    assert ("hr:person:big" in drawn) is not (sample.put_off == ("hr:person:big",))


def test_a_sample_from_before_there_was_a_bound_still_follows_from_its_key() -> None:
    from dataclasses import replace

    units = _units(60)
    sample, _ = draw.draw(units, POLICY, SampleState(), run="r", as_of=AT, next_pledge=pledge(b"k" * 32))
    assert draw.verify(replace(sample, put_off=None), units, bytes.fromhex(sample.key), seen={}) == ()
