"""Test rows: nobody has what they ask about, anyone can choose them again, and they measure reviewers only."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from access_review import workspace as workspaces
from access_review.audit import decisions, judge, peer_suggestions, planted, reviewers, worklist
from access_review.audit import filled_sheets as deciding
from access_review.audit.decisions import Decisions, ReviewerAnswer, decision_on
from access_review.audit.judge import ENOUGH, Sign
from access_review.audit.worklist import UNASSIGNED, Worklist
from access_review.changes import decision_reference
from access_review.plan.request import Scope
from access_review.plan.reviewed_revokes import decided_revokes
from access_review.policy import Sampling
from access_review.sample.draw import SampleState, draw, pledge
from access_review.sample.population import ReviewUnit
from access_review.stages.audit import open_audit
from access_review.stages.collect import collect_run
from access_review.stages.review import review_run
from access_review.store import reviews
from access_review.views import judgement
from tests.support.example import copy_example
from tests.views.test_worksheet import item

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = date(2026, 11, 4)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Draw the sample of the example company; yield its engine, the sample, the work list without and with test rows."""
    folder = copy_example(tmp_path_factory.mktemp("example"))
    space = workspaces.load(folder)
    run = collect_run(space, AS_OF)
    review_run(space, run, AS_OF)
    drawn = open_audit(space, run, b"k" * 32, AS_OF).drawn
    with reviews.opened(space, run) as facts:
        people = reviewers.people_of(facts.snapshot.tables["people"].to_pylist())
        asked = worklist.list_work(facts.engine, drawn.sample)
        plain = reviewers.route(asked, space.policy.reviewing, people, facts.snapshot.as_of.date())
        yield facts.engine, drawn.sample, peer_suggestions.suggest(facts.engine, plain), drawn.work


def test_no_plan_follows_from_a_test_row_that_is_to_be_revoked(example):
    _, drawn, _, work = example
    by = "Ivan Salazar"
    rows = [next(i for i in work.items if i.planted is planted_row) for planted_row in (True, False)]
    made = decisions.record(
        Decisions(drawn.run), [decision_on(row, ReviewerAnswer.REVOKE, by=by, at=DAY) for row in rows]
    )
    told = decided_revokes([(work.items, made.current)], reviewers.people_of([]), Scope())
    assert [one.name for one in told] == [decision_reference(rows[1].item)]


def test_every_sheet_that_is_long_enough_has_one_and_the_real_rows_are_as_they_were(example):
    engine, _, plain, work = example
    assert tuple(i for i in work.items if not i.planted) == plain.items
    rows = Counter(i.reviewer for i in work.items if i.planted)
    # Of whom no role is known nobody can say what they must not have.
    known = {row["person"] for row in engine.rows("SELECT person FROM person_role_sets")}
    long = {
        who
        for who, items in plain.by_reviewer().items()
        if len(items) >= planted.FEWEST and who != UNASSIGNED and any(i.entitlement and i.unit in known for i in items)
    }
    assert set(rows) == long
    assert len(long) > 10
    assert set(rows.values()) == {1}
    assert len({i.item for i in work.items}) == len(work.items)


def test_nobody_has_or_may_have_what_a_test_row_asks_about(example):
    engine, _, _, work = example
    reached = {
        (r["person"], r["reached"])
        for r in engine.rows("SELECT DISTINCT h.person, c.reached FROM held h JOIN closure c USING (entitlement)")
    }
    allowed = {
        (r["person"], r["entitlement"])
        for r in engine.rows(
            "SELECT person, entitlement FROM person_roles JOIN expected USING (role) WHERE allows <> 'never'"
        )
    }
    carried: dict[str, Any] = {}
    for row in engine.rows("SELECT entitlement, reached FROM closure"):
        carried.setdefault(row["entitlement"], []).append(row["reached"])
    for row in (i for i in work.items if i.planted):
        assert (row.unit, row.entitlement) not in reached
        assert not any((row.unit, given) in allowed for given in carried[row.entitlement])
        assert row.found == ""


def test_nothing_on_the_sheet_tells_a_test_row_from_another(example):
    _, _, plain, work = example
    for row in (i for i in work.items if i.planted):
        like = [i for i in plain.items if i.account == row.account]
        assert {(i.reviewer, i.person, i.roles, i.system, i.own) for i in like} >= {
            (row.reviewer, row.person, row.roles, row.system, row.own)
        }
        assert row.how in {i.how for i in like}
        # Whether peers suggest anything follows from whose row it is, never from what it asks about.
        assert {bool(i.peers) for i in plain.items if i.unit == row.unit and i.mode == row.mode and i.entitlement} == {
            bool(row.peers)
        }
    assert work.items == tuple(sorted(work.items, key=worklist.sort_key))


def test_the_seed_chooses_them_and_anyone_chooses_the_same_again(example):
    engine, drawn, plain, work = example
    again = planted.plant_test_rows(engine, plain, bytes.fromhex(drawn.seed), 1)
    assert peer_suggestions.suggest(engine, again) == work
    other = planted.plant_test_rows(engine, plain, b"another seed", 1)
    assert [i.item for i in other.items if i.planted] != [i.item for i in work.items if i.planted]
    assert planted.plant_test_rows(engine, plain, bytes.fromhex(drawn.seed), 0) == plain


@pytest.mark.parametrize("each", [1, 3])
def test_of_a_large_company_the_same_rows_are_found_a_few_accounts_at_a_time(example, monkeypatch, each):
    engine, drawn, plain, _ = example
    at_once = planted.plant_test_rows(engine, plain, bytes.fromhex(drawn.seed), each)
    assert any(Counter(i.reviewer for i in at_once.items if i.planted)[who] == each for who in plain.by_reviewer())
    monkeypatch.setattr(planted, "_LISTED", 2)
    assert planted.plant_test_rows(engine, plain, bytes.fromhex(drawn.seed), each) == at_once


UNITS = [ReviewUnit(f"hr:person:{n}", "person", None, (), None, None, 1, 1) for n in range(100)]
SAMPLE, _ = draw(UNITS, Sampling(), SampleState(), run="r", as_of=AS_OF, next_pledge=pledge(b"k" * 32))


def given_answers(*, test_row, others=ReviewerAnswer.KEEP, seconds=None):
    """Everybody's one grant is answered for, and one test row about somebody drawn."""
    real = [
        replace(item(n), unit=pick.unit, stratum=pick.stratum, draw=pick.draw, found="")
        for n, pick in enumerate(SAMPLE.picks)
    ]
    test = replace(real[0], item="itest", entitlement="ad:group:none", planted=True)
    given = [decision_on(one, others, by="Lea", at=DAY, seconds=seconds) for one in real]
    if test_row:
        given.append(decision_on(test, test_row, by="Lea", at=DAY, seconds=seconds))
    return Worklist("r", AS_OF, (*real, test)), decisions.record(Decisions("r"), given)


@pytest.mark.parametrize("said", [None, *(a for a in ReviewerAnswer if a is not ReviewerAnswer.WITHDRAWN)])
def test_a_test_row_changes_no_rate_whatever_is_said_of_it(said):
    work, said_of = given_answers(test_row=said)
    without = Worklist("r", AS_OF, tuple(i for i in work.items if not i.planted))
    with_it, plain = judge.judge(SAMPLE, work, said_of), judge.judge(SAMPLE, without, said_of)
    assert (with_it.lines, with_it.reviewed, with_it.within_tolerance) == (
        plain.lines,
        plain.reviewed,
        plain.within_tolerance,
    )
    # A sheet whose test row is open is open: else the count would tell which row it is.
    assert with_it.unanswered == (said is None)


@pytest.mark.parametrize(
    ("said", "caught", "signs"),
    [
        (ReviewerAnswer.REVOKE, 1, ()),
        (ReviewerAnswer.CANNOT_SAY, 0, ()),
        (ReviewerAnswer.KEEP, 0, (Sign.KEPT_TEST_ROW, Sign.ALWAYS_KEEPS)),
    ],
)
def test_reviewers_are_measured_by_it(said, caught, signs):
    made = judge.judge(SAMPLE, *given_answers(test_row=said))
    (lea,) = made.reviewers
    assert (lea.answers, lea.tested, lea.caught, lea.signs) == (len(SAMPLE.picks), 1, caught, signs)
    assert [row.decision for row in made.test_rows] == [said]
    shown = judgement.text(made, read=1)
    assert f"{caught} of 1" in shown
    assert "itest" in shown
    assert all(sign in shown for sign in signs)


def test_answers_within_seconds_are_a_sign_and_unknown_times_are_none():
    quick = judge.judge(SAMPLE, *given_answers(test_row=ReviewerAnswer.REVOKE, seconds=2.0)).reviewers[0]
    assert (quick.seconds, quick.signs) == (2.0, (Sign.QUICK,))
    careful = judge.judge(SAMPLE, *given_answers(test_row=ReviewerAnswer.REVOKE, seconds=20.0)).reviewers[0]
    assert careful.signs == ()
    unknown = judge.judge(SAMPLE, *given_answers(test_row=ReviewerAnswer.REVOKE)).reviewers[0]
    assert (unknown.timed, unknown.seconds, unknown.signs) == (0, None, ())
    assert len(SAMPLE.picks) > ENOUGH


def test_the_time_of_day_on_a_sheet_tells_how_long_answers_took():
    one = decision_on(item(1), ReviewerAnswer.KEEP, by="Lea", at=DAY)
    at = datetime(2026, 11, 4, 14)  # noqa: DTZ001 - as a spreadsheet holds it
    minutes = timedelta(minutes=1)
    sitting = [(one, at), (one, at + minutes), (one, at + 4 * minutes)]
    after_lunch = [(one, at + 60 * minutes), (one, at + 61 * minutes)]
    another = [(replace(one, by="Ben"), at + 2 * minutes)]
    read = deciding.timed([*sitting, *another, *after_lunch, (one, None)])
    assert [d.seconds for d in read] == [120.0, 120.0, 120.0, None, 60.0, 60.0, None]
    assert [d.seconds for d in deciding.timed([(one, at)] * 3)] == [None] * 3
