"""Checkpoints by the records alone: what nobody did is never green, and a clock runs whether anybody looks or not."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from access_review.findings.counts import ReviewCounts
from access_review.model import Rag
from access_review.scorecard.checkpoints import StatusReason, assess, cases_of, due_at, followed_up, read_checkpoint
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.ladder import LadderStep
from access_review.scorecard.measurement import Unmeasured
from access_review.scorecard.measures import measure
from access_review.scorecard.records import AuditFigures, LeaverFigures, Records, RuleFigures, RunRecord
from access_review.settings.checklist import Checkpoint, CheckpointList
from access_review.settings.measures import MEASURES, MeasureName

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = frozenset(f"p{number}" for number in range(20))


def rules(**found: int) -> dict[str, RuleFigures]:
    return {name.replace("_", "-"): RuleFigures(evaluated=True, open=number) for name, number in found.items()}


def run(days, *, complete=10, audit=None, leavers=None, counts=None, **found):
    at = START + days * DAY
    return RunRecord(f"r{days}", at, "", 10, complete, rules(**found) or None, counts, leavers, audit)


def audit(days, *, drawn, reviewed, population=ALL, closed=7, signed=None):
    opened = START + days * DAY
    return AuditFigures(
        opened,
        opened + closed * DAY,
        opened + signed * DAY if signed else None,
        population,
        frozenset(drawn),
        frozenset(reviewed),
        0.04,
        0.06,
        2,
        1,
    )


def records(*runs, says=()):
    return Records(tuple(runs), tuple(says), coverage_weeks=2)


def checkpoint(**more):
    plain = {"checkpoint": "one", "title": "One", "every": "daily", "halt": "stop", "measured": "sources-complete"}
    return Checkpoint.model_validate({**plain, "green": {"at_least": 100}, "amber": {"at_least": 90}} | more)


def stated(days, *, state="green", lasts=10, about="one"):
    at = START + days * DAY
    said = {"state": state, "until": (at + lasts * DAY).isoformat(), "link": "x", "note": "y"}
    return FollowUp(FollowUpKind.ATTESTATION, about, at, "hr:person:1", said)


def took(step, at, **more):
    return FollowUp(FollowUpKind.STEP, "one", at, "hr:person:1", {"step": step, "note": "y", **more})


def test_a_figure_makes_the_colour_and_what_is_old_or_unknown_is_never_green():
    one = checkpoint()
    colours = [(10, Rag.GREEN), (9, Rag.AMBER), (8, Rag.RED)]
    for complete, rag in colours:
        assert read_checkpoint(one, records(run(0, complete=complete)), START).rag is rag
    old = read_checkpoint(one, records(run(0)), START + 2 * DAY)
    assert (old.rag, old.reason) == (Rag.AMBER, StatusReason.OUT_OF_DATE)
    nothing = read_checkpoint(checkpoint(undone="red"), records(), START)
    assert (nothing.rag, nothing.reason) == (Rag.RED, StatusReason.UNKNOWN)
    assert nothing.measured
    assert nothing.measured.why is Unmeasured.NO_RUN


def test_zero_findings_of_a_rule_that_was_not_evaluated_are_not_none():
    one = checkpoint(measured="open-findings", rules=["never-allowed"], green={"at_most": 0}, amber={"at_most": 2})
    assert read_checkpoint(one, records(run(0, never_allowed=0)), START).rag is Rag.GREEN
    silent = RunRecord("r", START, "", 1, 1, {"never-allowed": RuleFigures(evaluated=False)})
    for found in (silent, run(0, other=0)):
        assert read_checkpoint(one, records(found), START).reason is StatusReason.UNKNOWN


def test_a_statement_holds_until_it_expires_and_only_for_what_was_known_then():
    one = checkpoint(measured=None, green=None, amber=None, every="monthly", attested={"valid": "31d"})
    known = records(says=[stated(0), stated(20, state="red")])
    reasons = [read_checkpoint(one, known, START + days * DAY) for days in (-1, 1, 11, 21, 31)]
    assert [(at.rag, at.reason) for at in reasons] == [
        (Rag.AMBER, StatusReason.NEVER_DONE),
        (Rag.GREEN, StatusReason.ATTESTED),
        (Rag.AMBER, StatusReason.EXPIRED),
        (Rag.RED, StatusReason.ATTESTED),
        (Rag.AMBER, StatusReason.EXPIRED),
    ]


def test_amber_is_due_within_a_day_of_the_run_that_saw_it_and_red_within_hours():
    listed = CheckpointList(checkpoints=(checkpoint(),))
    amber = records(run(0), run(1, complete=9), run(2, complete=9))
    [status] = assess(listed, amber, START + 2 * DAY + timedelta(hours=1))
    assert status.case
    assert (status.case.since, status.case.is_red) == (START + DAY, False)
    assert (status.due, status.overdue) == (START + 2 * DAY, True)
    red = records(run(0), run(1, complete=9), run(2, complete=5))
    [worse] = assess(listed, red, START + 2 * DAY + timedelta(hours=1))
    assert worse.case
    assert worse.case.red_since == START + 2 * DAY
    assert (worse.due, worse.overdue) == (START + 2 * DAY + timedelta(hours=4), False)


def test_a_red_one_that_turns_green_by_itself_stays_open_until_the_last_step():
    one, hour = checkpoint(), timedelta(hours=1)
    seen = [run(0, complete=5), run(1), run(2)]
    [case] = cases_of(one, records(*seen), START + 2 * DAY)
    assert case.is_open
    assert case.until == START + DAY
    assert case.next_step is LadderStep.ISOLATE
    steps = [took(step, START + (n + 1) * hour) for n, step in enumerate(LadderStep)]
    [done] = cases_of(one, records(*seen, says=steps), START + 2 * DAY)
    assert not done.is_open
    again = cases_of(one, records(*seen, run(3, complete=5), says=steps), START + 3 * DAY)
    assert [(case.since, len(case.steps)) for case in again] == [(START, 4), (START + 3 * DAY, 0)]
    unfinished = cases_of(one, records(*seen, run(3, complete=5)), START + 3 * DAY)
    assert [(case.since, case.until) for case in unfinished] == [(START, None)]


def test_an_amber_one_that_nobody_began_ends_with_being_green():
    known = records(run(0, complete=9), run(1))
    [case] = cases_of(checkpoint(), known, START + DAY)
    assert not case.is_open


def test_what_was_promised_with_a_step_is_when_the_next_is_due():
    promised = took(LadderStep.ISOLATE, START + timedelta(hours=1), next_by=(START + 5 * DAY).isoformat())
    [case] = cases_of(checkpoint(), records(run(0, complete=5), says=[promised]), START + DAY)
    assert due_at(case, CheckpointList()) == START + 5 * DAY


def test_a_step_taken_in_time_counts_as_followed_up_and_silence_does_not():
    listed = CheckpointList(checkpoints=(checkpoint(),))
    red = records(run(0, complete=5), says=[took(LadderStep.ISOLATE, START + timedelta(hours=1))])
    late = records(run(0, complete=5), says=[took(LadderStep.ISOLATE, START + timedelta(hours=9))])
    shares = [followed_up(listed, known, START + DAY).value for known in (red, late, records(run(0, complete=5)))]
    assert shares == [100.0, 0.0, 0.0]


def test_every_figure_has_a_meaning_and_is_unknown_without_a_record():
    assert list(MEASURES) == list(MeasureName)
    for name in MeasureName:
        found = measure(name, records(), START)
        assert (found.value is None, found.why is None) == (True, False), name


def test_figures_are_what_their_meaning_says():
    first = audit(0, drawn=["p0", "p1", "p2"], reviewed=["p0", "p1"], signed=8)
    second = audit(14, drawn=["p3"], reviewed=["p3"])
    going_on = audit(21, drawn=["p4"], reviewed=[], closed=7)
    counts = ReviewCounts(accounts=50, grants=200, grants_judged=150, privileged=8, standing=2, agents=4)
    leavers = LeaverFigures((2.0, 3.0, None), in_time=2, open_late=1)
    closing = {
        "access-beyond-role": RuleFigures(
            True, excess=True, open=3, waived=1, ages=12.0, closed={1.0: 1, 9.0: 1, 30.0: 1}
        )
    }
    owners = rules(account_unowned=2, service_unowned=3, agent_unowned=1)
    last = replace(run(21, audit=going_on, counts=counts, leavers=leavers), rules=owners | closing)
    known = records(run(0, audit=first), run(14, audit=second), last)
    at = START + 22 * DAY
    figures = {name: measure(name, known, at) for name in MeasureName}
    value = {name: one.value if one.value is None else round(one.value, 1) for name, one in figures.items()}
    assert value[MeasureName.UNITS_REVIEWED] == 75.0
    assert value[MeasureName.AUDITS_SIGNED_OFF] == 50.0
    assert value[MeasureName.WEEKS_AUDITED] == 75.0
    assert value[MeasureName.SAMPLED_SHARE] == 5.0
    assert value[MeasureName.COVERAGE] == 5.0  # of the first day's twenty, only p3 was looked at within two weeks
    assert value[MeasureName.GRANTS_JUDGED] == 75.0
    assert value[MeasureName.ORPHAN_RATE] == 10.0
    assert value[MeasureName.AGENTS_OWNED] == 75.0
    assert value[MeasureName.STANDING_PRIVILEGE] == 25.0
    assert value[MeasureName.EXCESS_AGE] == 4.0
    assert value[MeasureName.EXCEPTION_RATE] == 10.0
    assert value[MeasureName.REVOCATION_SPEED] == 30.0
    assert value[MeasureName.LEAVERS_IN_TIME] == 66.7
    assert (value[MeasureName.LEAVER_LAG], figures[MeasureName.LEAVER_LAG].why) == (None, Unmeasured.NOT_PROVEN)
    assert value[MeasureName.TEST_ROWS_CAUGHT] == 50.0
    assert (value[MeasureName.MISS_LIMIT], value[MeasureName.WRONG_LIMIT]) == (4.0, 6.0)
    assert round(measure(MeasureName.DAYS_WITH_RUN, known, at).value or 0, 1) == 13.0  # 3 of 23 days


@pytest.mark.parametrize(
    ("closed", "open_for", "days"),
    [
        ((1.0,), {}, 1.0),
        ((1.0, 1.0, 40.0), {}, 40.0),
        ((1.0,) * 8, {0.0: 500, 1.0: 100}, 1.0),  # what is open for no longer says nothing yet
        ((1.0,) * 9, {60.0: 1}, 1.0),
        ((1.0,) * 9, {60.0: 2}, None),  # the easy ones were quick, and the others are there still
        ((1.0,) * 9 + (70.0,), {60.0: 2}, 70.0),
        ((), {60.0: 2}, None),
    ],
)
def test_how_fast_findings_go_is_not_told_by_those_alone_that_are_gone(closed, open_for, days):
    stands = RuleFigures(True, open=sum(open_for.values()), open_for=open_for, closed=Counter(closed))
    found = measure(
        MeasureName.REVOCATION_SPEED, records(replace(run(21), rules={"never-used": stands})), START + 22 * DAY
    )
    why = None if days else Unmeasured.OPEN_FOR_LONGER if closed else Unmeasured.NOTHING_YET
    assert (found.value, found.why) == (days, why)


def test_no_privilege_at_all_is_nothing_that_is_known_of_privilege():
    asked = checkpoint(measured="standing-privilege", green={"at_most": 25}, amber=None)
    for privileged, rag in ((0, Rag.AMBER), (8, Rag.GREEN)):
        counts = ReviewCounts(accounts=50, grants=200, grants_judged=150, privileged=privileged, standing=0, agents=0)
        read = read_checkpoint(asked, records(run(0, counts=counts, never_used=0)), START + DAY)
        assert read.rag is rag, read


def test_what_the_review_fell_short_of_changes_no_figure_about_access():
    access = {"never-used": RuleFigures(True, open=3, waived=1, oldest_days=9.0, closed={30.0: 1})}
    short = {"not-reviewed": RuleFigures(True, open=96, oldest_days=80.0, closed={7.0: 99})}
    alone, both = (records(replace(run(21), rules=rules)) for rules in (access, access | short))
    about = (
        MeasureName.EXCEPTION_RATE,
        MeasureName.OPEN_FINDINGS,
        MeasureName.OLDEST_FINDING,
        MeasureName.REVOCATION_SPEED,
    )
    figures = [[measure(name, known, START + 22 * DAY).value for name in about] for known in (alone, both)]
    assert figures == [[25.0, 3.0, 9.0, 30.0]] * 2
    asked = measure(
        MeasureName.OPEN_FINDINGS, records(replace(run(21), rules=access | short)), START + 22 * DAY, ["not-reviewed"]
    )
    assert asked.value == 96.0, "where it is named, it is asked about"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"attested": {"valid": "1d"}}, "either measured, or attested"),
        ({"green": None}, "say from which figure"),
        ({"amber": {"at_least": 100}}, "more room than green"),
        ({"amber": {"at_most": 3}}, "more room than green"),
        ({"rules": ["never-allowed"]}, "not measured rule by rule"),
        ({"measured": "followed-up"}, "about the check list itself"),
        ({"undone": "green"}, "'amber' or 'red'"),
        ({"halt": ""}, "at least 1 character"),
        ({"measured": None, "green": None, "amber": None, "attested": {"valid": "90d"}}, "longer than it is due again"),
    ],
)
def test_a_check_list_that_could_call_green_what_is_not_is_refused(more, said):
    with pytest.raises(ValidationError, match=said):
        checkpoint(**more)


def test_a_mini_audit_has_two_weeks_to_be_answered():
    opened = FollowUp(FollowUpKind.MINI_AUDIT, "q", START, "", {"controls": ["a", "b"]}, "")
    answer = FollowUp(FollowUpKind.ANSWER, "q", START + DAY, "hr:person:1", {"control": "a"})
    found = [
        measure(MeasureName.MINI_AUDIT_ANSWERED, records(says=[opened, answer]), START + days * DAY) for days in (2, 15)
    ]
    assert [(one.value, one.part, one.whole) for one in found] == [(None, 1, 2), (50.0, 1, 2)]
    assert found[0].why is Unmeasured.GOES_ON


def test_before_the_time_to_look_at_everybody_has_passed_nobody_is_said_to_be_in_time_and_nothing_is_to_be_done():
    some, one = frozenset({"p0", "p1"}), checkpoint(measured="coverage", every="monthly", undone="red")
    early = records(run(0, audit=audit(0, drawn=some, reviewed=some)))
    reading = read_checkpoint(one, early, START + DAY)
    assert (reading.rag, reading.reason) == (Rag.AMBER, StatusReason.GOES_ON)
    assert reading.measured
    assert (reading.measured.value, reading.measured.part, reading.measured.whole) == (None, 2, len(ALL))
    assert cases_of(one, early, START + DAY) == ()

    everybody = records(run(0, audit=audit(0, drawn=ALL, reviewed=ALL)))
    assert read_checkpoint(one, everybody, START + DAY).rag is Rag.GREEN
    later = records(*(run(days, audit=audit(days, drawn=some, reviewed=some)) for days in (0, 15)))
    assert read_checkpoint(one, later, START + 15 * DAY).rag is Rag.RED


def test_no_agent_at_all_is_not_every_agent_owned():
    none = ReviewCounts(accounts=3, grants=3, grants_judged=3, privileged=0, standing=0, agents=0)
    one = checkpoint(measured="agents-owned")
    for agents, rag in ((0, Rag.AMBER), (2, Rag.GREEN)):
        known = records(run(0, counts=replace(none, agents=agents), agent_unowned=0))
        assert read_checkpoint(one, known, START).rag is rag
    assert read_checkpoint(one, records(run(0, counts=none, agent_unowned=0)), START).reason is StatusReason.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "counted"),
    [("agent-beyond-purpose", "agents"), ("app-consent-unapproved", "applications"), ("mover-kept-access", "movers")],
)
def test_nothing_found_of_what_no_source_tells_of_is_no_figure(rule, counted):
    def counts(number):
        wholes = {"agents": 1, "applications": 1, "movers": 1} | {counted: number}
        return ReviewCounts(accounts=3, grants=3, grants_judged=3, privileged=0, standing=0, **wholes)

    read = replace(run(21), rules={rule: RuleFigures(True)})
    for name in (MeasureName.OPEN_FINDINGS, MeasureName.OLDEST_FINDING):
        for number, value in ((0, None), (1, 0.0), (None, 0.0)):
            known = records(replace(read, counts=counts(number)))
            assert measure(name, known, START + 22 * DAY, [rule]).value == value
    still_open = replace(read, counts=counts(0), rules={rule: RuleFigures(True, open=2)})
    assert measure(MeasureName.OPEN_FINDINGS, records(still_open), START + 22 * DAY, [rule]).value == 2


def test_nothing_found_by_no_rule_at_all_is_no_figure():
    known = records(replace(run(21), rules={"never-used": RuleFigures(False), "toxic-pair": RuleFigures(False)}))
    assert measure(MeasureName.OPEN_FINDINGS, known, START + 22 * DAY).why is Unmeasured.NOT_EVALUATED
