"""What the sample proves, by hand-worked counts."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from access_review.artifacts import JUDGEMENT
from access_review.audit.decisions import Decisions, ReviewerAnswer, decision_on, record
from access_review.audit.judge import judge
from access_review.audit.worklist import Worklist, item_id
from access_review.policy import Sampling
from access_review.sample.choice import Draw, Stratum
from access_review.sample.draw import SampleState, draw, pledge
from access_review.sample.population import ReviewUnit
from access_review.views.text import limit
from tests.views.test_worksheet import item

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = date(2026, 11, 4)
UNITS = tuple(
    ReviewUnit(f"u{number:04}", "person", None, (), None, "left" if number >= 1200 else None, 1, 2)
    for number in range(1204)
)
# 5 % of the 1,200 that are drawn from is 60.
SAMPLE, _ = draw(UNITS, Sampling(coverage_weeks=12), SampleState(), run="r", as_of=AS_OF, next_pledge=pledge(b"k" * 32))
INFERENCE = [pick.unit for pick in SAMPLE.picks if pick.draw is Draw.INFERENCE]


def worklist(found="") -> Worklist:
    """Two items about each unit drawn."""
    made = [
        replace(
            item(0),
            item=item_id("r", pick.unit, "a", str(number), "assigned"),
            unit=pick.unit,
            stratum=pick.stratum,
            draw=pick.draw,
            found=found,
        )
        for pick in SAMPLE.picks
        for number in range(2)
    ]
    return Worklist("r", AS_OF, tuple(made))


def answered(work, **by_unit):
    """Everything is kept, but for the first item of the units named; no answer is ``None``."""
    given, seen = [], set()
    for asked in work.items:
        answer = ReviewerAnswer.KEEP if asked.unit in seen else by_unit.get(asked.unit, ReviewerAnswer.KEEP)
        seen.add(asked.unit)
        if answer is not None:
            given.append(decision_on(asked, answer, by="Lea", at=DAY))
    return record(Decisions("r"), given)


def lines(judgement):
    return {line.stratum: line for line in judgement.lines}


@pytest.mark.parametrize(("revokes", "percent"), [(0, 4.67), (1, 7.50), (2, 9.92)])
def test_the_worked_example(revokes, percent):
    work = worklist()
    made = judge(SAMPLE, work, answered(work, **dict.fromkeys(INFERENCE[:revokes], ReviewerAnswer.REVOKE)))
    rest = lines(made)["rest"]
    assert (rest.population, rest.drawn, rest.tested, rest.untested) == (1200, 60, 60, 0)
    assert rest.wrong.found_least == rest.wrong.found_most == revokes
    assert round(100 * rest.wrong.limit_most, 2) == percent
    assert rest.missed == rest.wrong
    assert made.within_tolerance is (revokes == 0)


def test_what_the_machine_had_found_is_wrong_but_not_missed():
    work = worklist(found="access-beyond-role: said")
    rest = lines(judge(SAMPLE, work, answered(work, **{INFERENCE[0]: ReviewerAnswer.REVOKE})))["rest"]
    assert (rest.wrong.found_least, rest.missed.found_least) == (1, 0)


@pytest.mark.parametrize("answer", [None, ReviewerAnswer.CANNOT_SAY])
def test_what_nobody_could_say_is_given_both_ways(answer):
    work = worklist()
    made = judge(SAMPLE, work, answered(work, **{INFERENCE[0]: answer}))
    rest = lines(made)["rest"]
    assert (rest.tested, rest.untested) == (59, 1)
    assert (rest.wrong.found_least, rest.wrong.found_most) == (0, 1)
    assert round(100 * rest.wrong.limit_least, 2) == 4.67
    assert round(100 * rest.wrong.limit_most, 2) == 7.50
    assert made.within_tolerance is None
    assert made.unanswered == (answer is None)
    assert (INFERENCE[0] in made.reviewed) is (answer is not None)


def test_no_answer_is_never_a_revoke():
    made = judge(SAMPLE, worklist(), Decisions("r"))
    rest = lines(made)["rest"]
    assert (rest.wrong.found_least, rest.wrong.found_most, rest.tested) == (0, 60, 0)
    assert made.reviewed == ()
    assert made.within_tolerance is None


def test_the_coverage_draw_proves_nothing():
    work = worklist()
    coverage = [pick.unit for pick in SAMPLE.picks if pick.draw is Draw.COVERAGE]
    assert coverage
    made = judge(SAMPLE, work, answered(work, **dict.fromkeys(coverage, ReviewerAnswer.REVOKE)))
    assert lines(made)["rest"].wrong.found_most == 0
    assert made.within_tolerance is True


def test_a_census_has_no_error_of_sampling():
    work = worklist()
    made = judge(SAMPLE, work, answered(work, u1200=ReviewerAnswer.REVOKE))
    leavers = lines(made)[Stratum.LEAVERS]
    assert (leavers.population, leavers.drawn) == (4, 4)
    assert leavers.wrong.rate_most == leavers.wrong.limit_most == 0.25


def test_a_unit_about_which_nothing_was_asked_is_untested():
    work = worklist()
    fewer = replace(work, items=tuple(i for i in work.items if i.unit != INFERENCE[0]))
    rest = lines(judge(SAMPLE, fewer, answered(fewer)))["rest"]
    assert (rest.drawn, rest.untested, rest.wrong.found_most) == (60, 1, 1)


def test_reviewers_are_measured_too():
    work = worklist(found="account-dormant: said")
    (lea,) = judge(SAMPLE, work, answered(work, **{INFERENCE[0]: ReviewerAnswer.REVOKE})).reviewers
    assert (lea.answers, lea.revokes, lea.days) == (len(work.items), 1, 1)
    assert lea.overruled_findings == len(work.items) - 1


def test_a_small_population_and_none():
    small, _ = draw((), Sampling(), SampleState(), run="r", as_of=AS_OF, next_pledge=pledge(b"k" * 32))
    made = judge(small, Worklist("r", AS_OF, ()), Decisions("r"))
    assert made.within_tolerance is True
    assert lines(made)["rest"].wrong.rate_most is None


def test_without_a_draw_nothing_is_known():
    idle = replace(SAMPLE, picks=tuple(pick for pick in SAMPLE.picks if pick.draw is not Draw.INFERENCE))
    work = worklist()
    made = judge(idle, work, answered(work))
    assert lines(made)["rest"].wrong.limit_most is None
    assert made.within_tolerance is None


def test_as_a_file():
    work = worklist()
    made = judge(SAMPLE, work, answered(work))
    assert JUDGEMENT.load(JUDGEMENT.dump(made)) == made


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0, "0%"), (0.0467, "4.67%"), (0.07500001, "7.51%"), (0.0992, "9.92%"), (0.8571, "86%"), (1, "100%")],
)
def test_a_limit_is_rounded_up_so_that_it_never_says_less(rate, shown):
    assert limit(rate) == shown
