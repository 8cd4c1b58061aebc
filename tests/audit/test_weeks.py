"""Twenty-six weeks of a small company in one process, and the promises of the sample over many seeds."""

import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from access_review import store
from access_review import workspace as workspaces
from access_review.artifacts import AUDIT, FRAME, LEAVERS, WORKLIST
from access_review.audit import campaign
from access_review.evidence.pack import VERIFIER
from access_review.findings.sentences import every_sentence
from access_review.offboarding.leaver import AccessState, Late, LeaverStatus
from access_review.policy import Sampling
from access_review.sample import draw, hypergeometric, rotation
from access_review.sample.choice import Draw
from access_review.sample.draw import SampleState
from access_review.sample.population import ReviewUnit
from access_review.sample.rotation import week_of
from access_review.scorecard.measures import measure
from access_review.scorecard.score import score
from access_review.settings.measures import MeasureName
from access_review.stages.evidence_check import check_evidence
from access_review.stages.evidence_pack import pack_evidence
from access_review.stages.evidence_rederive import rederive_evidence
from access_review.stages.remind import remind
from access_review.stages.scorecard import formulas_of
from access_review.stages.sign_off import sign_off
from access_review.store import audits, reviews
from access_review.store.run_records import read_records
from access_review.store.snapshots import load
from tests.audit.half_year_company import KEPT, MISSED_WEEK, SILENT, START, WEEK, Company, happen

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def half_year(tmp_path_factory):
    """Run the weeks; return what each said."""
    company = Company(tmp_path_factory.mktemp("company"))
    told = {}
    for week in range(26):
        at = START + week * WEEK
        happen(company, week)
        if week == MISSED_WEEK:
            continue
        opened, leavers = company.week(at)
        space = workspaces.load(company.folder)
        assert opened.run
        reminded = []
        for days in (0, 1, 2, 3, 4, 5):
            if days == 1:
                company.answer(opened.run, (at + timedelta(days=1)).date())
            reminded.append(remind(space, opened.run, at + timedelta(days=days), {}).sent)
        told[week] = (opened, leavers, reminded)
    return company, told


def test_no_week_is_drawn_twice_and_none_is_drawn_for_the_week_without_a_run(half_year):
    company, told = half_year
    assert sorted(told) == [week for week in range(26) if week != MISSED_WEEK]
    assert len({opened.week for opened, _, _ in told.values()}) == 25
    again, _ = company.week(START + 25 * WEEK + timedelta(hours=5))
    assert again.drawn is None
    assert again.run == told[25][0].run
    assert len(audits.all_audits(company.folder)) == 25


def test_every_leaver_is_as_late_as_the_own_clock_says(half_year):
    _, told = half_year
    leavers = told[2][1]
    open_for = {
        one.person[-2:]: (one.clock.least, one.clock.late) for one in leavers.leavers if one.person[-2:] in "e0e1e2"
    }
    assert open_for == {
        "e0": (timedelta(hours=14), Late.YES),
        "e1": (timedelta(hours=7), Late.YES),
        "e2": (timedelta(hours=1), Late.NO),
    }
    closed = {one.person[-2:]: one for one in told[3][1].leavers}
    assert closed["e0"].signs_in is AccessState.DONE
    assert (closed["e0"].clock.least, closed["e0"].clock.most) == (
        timedelta(hours=14),
        timedelta(days=7, hours=14),
    )
    assert closed["e2"].clock.late is Late.PERHAPS


def test_the_records_say_of_every_week_how_the_operation_stood(half_year):
    company, _ = half_year
    space = workspaces.load(company.folder)
    records = read_records(company.folder, space.policy)

    def figure(name, week):
        return measure(name, records, START + week * WEEK + timedelta(hours=1))

    missed = [figure(MeasureName.WEEKS_AUDITED, week) for week in (8, MISSED_WEEK, 12, 25)]
    assert [(one.part, one.whole) for one in missed] == [(9, 9), (9, 10), (12, 13), (13, 13)]
    in_time = figure(MeasureName.LEAVERS_IN_TIME, 2)
    assert (in_time.part, in_time.whole) == (1, 3)
    assert figure(MeasureName.LEAVERS_OPEN_LATE, 2).value == 0
    assert figure(MeasureName.EXCEPTION_RATE, 21).part == 0
    assert figure(MeasureName.EXCEPTION_RATE, 25).part == len(KEPT)
    assert 0 < (figure(MeasureName.UNITS_REVIEWED, 25).value or 0) < 100
    card = score(formulas_of(space), space.checklist, records, START + 25 * WEEK + timedelta(hours=1))
    assert len(card.trend) >= 25
    assert card.total == round(sum(one.points for one in card.metrics), 1)


def test_a_rescinded_termination_and_a_rehire_stop_and_are_not_leavers(half_year):
    _, told = half_year
    assert told[5][1].of("hr:person:e7").standing is LeaverStatus.UPCOMING
    assert told[6][1].of("hr:person:e7").standing is LeaverStatus.STOPPED
    assert told[7][1].of("hr:person:e7") is None
    assert told[12][1].of("hr:person:e0").standing is LeaverStatus.STOPPED
    assert told[13][1].of("hr:person:e0") is None


def test_the_silent_manager_is_reminded_escalated_and_closed_and_the_items_come_again_red(half_year):
    _, told = half_year
    kinds = [sent.kind for sent_now in told[0][2] for sent in sent_now if sent.reviewer == SILENT]
    assert kinds == [campaign.ReminderKind.ASKED, campaign.ReminderKind.REMINDER, campaign.ReminderKind.ESCALATION]
    assert not [s for now in told[0][2][2:] for s in now if s.reviewer != SILENT]
    first = store.read(told[0][0].run, AUDIT)
    assert first.closed_at == START + WEEK
    assert first.not_reviewed
    assert not first.red
    second = told[1][0]
    drawn = {pick.unit for pick in second.drawn.sample.picks}
    assert set(first.not_reviewed) <= drawn
    assert set(second.ongoing.missed) == set(first.not_reviewed)
    said = f"{len(first.not_reviewed)} that the audit before drew and nobody reviewed are among them"
    assert said in second.drawn.sample.reasons
    assert not [line for line in told[0][0].drawn.sample.reasons if "audit before" in line]
    assert set(store.read(second.run, AUDIT).red) >= set(first.not_reviewed)


def findings(told, week, rule):
    rows = reviews.read(told[week][0].run).findings.to_pylist()
    return {row["subject"]: row for row in rows if row["rule"] == rule and row["status"] in {"new", "open"}}


def test_what_was_not_reviewed_is_a_finding_of_the_next_review_and_red_the_second_time(half_year):
    _, told = half_year
    assert not findings(told, 0, "not-reviewed")
    left = set(store.read(told[0][0].run, AUDIT).not_reviewed)
    once = findings(told, 1, "not-reviewed")
    assert set(once) == left
    assert {row["rag"] for row in once.values()} == {"amber"}
    again = findings(told, 2, "not-reviewed-again")
    assert left <= set(again)
    assert {row["rag"] for row in again.values()} == {"red"}
    assert not set(again) & set(findings(told, 2, "not-reviewed"))
    for week in list(told)[1:]:
        before = max(w for w in told if w < week)
        open_now = set(findings(told, week, "not-reviewed")) | set(findings(told, week, "not-reviewed-again"))
        assert open_now == set(store.read(told[before][0].run, AUDIT).not_reviewed)


def test_what_a_manager_keeps_against_a_finding_is_one_until_it_is_logged(half_year):
    _, told = half_year
    kept: set[Any] = set()
    seen: set[Any] = set()
    for week, (opened, _, _) in told.items():
        reported = {every_sentence().reason(row) for row in findings(told, week, "kept-unlogged").values()}
        named = {name for name in KEPT if any(f" for {name} about " in reason for reason in reported)}
        assert named == (kept if week < 22 else set()), week
        seen |= named
        answers = audits.decisions(opened.run).current
        kept |= {
            item.account_name
            for item in store.read(opened.run, WORKLIST).items
            if item.item in answers and item.account_name in KEPT and item.findings and week < 22
        }
    assert seen


def test_everyone_who_is_answered_for_is_seen_in_time_though_a_week_was_missed(half_year):
    company, told = half_year
    seen: dict[str, Any] = {}
    for week, (opened, _, _) in told.items():
        for unit in {p.unit for p in opened.drawn.sample.picks} - audits.not_reviewed(opened.run):
            seen.setdefault(unit, []).append(week)
    present = [n for n in company.people if company.people[n].manager != "m2" and n not in {"e1", "new"}]
    for name in present:
        been = [0, *seen.get(f"hr:person:{name}", []), 26]
        gaps = [later - earlier for earlier, later in pairwise(been)]
        assert max(gaps) <= 12 + 1, name
    assert all(opened.drawn.sample.overdue == 0 for week, (opened, _, _) in told.items() if week < 12)


def test_every_sample_can_be_chosen_again_from_what_was_published(half_year):
    _, told = half_year

    before = None
    for opened, _, _ in told.values():
        drawn = opened.drawn.sample
        frame = store.read(opened.run, FRAME)
        assert draw.verify(drawn, frame.units, bytes.fromhex(drawn.key), published=before) == ()
        before = drawn.next_commitment


def test_the_audit_ends_once_and_not_while_items_are_open_in_time(half_year):
    company, told = half_year
    run = told[25][0].run
    at = START + 25 * WEEK + timedelta(days=5)
    with pytest.raises(Exception, match="are open and their time is not over"):
        sign_off(run, "m0", at)
    with pytest.raises(Exception, match="in no roster"):
        sign_off(run, "nobody", at)
    remind(workspaces.load(company.folder), run, at + timedelta(days=2), {})
    assert sign_off(run, "m0", at + timedelta(days=2)).signed_off_by == "m0"
    with pytest.raises(Exception, match="was signed off"):
        sign_off(run, "m0", at + timedelta(days=2))


def units(count):
    return [ReviewUnit(f"u{i:03}", "person", None, (), None, None, 1, 1) for i in range(count)]


def half_a_year(seed):
    """Draw 26 weeks of a company that changes; yield the sample, who is there, and who of them is wrong."""
    rng = random.Random(seed)  # noqa: S311 - a world, not a secret
    policy = Sampling(tolerable=0.1, coverage_weeks=24)
    there = {unit.unit: unit for unit in units(120)}
    wrong = set(rng.sample(sorted(there), rng.randint(0, 20)))
    state, number = SampleState(), 1000
    for week in range(26):
        if week != MISSED_WEEK:
            # Access drifts among those already looked at too; only an independent draw notices.
            wrong = {u for u in wrong if u in there} | {rng.choice(sorted(there))}
            at = datetime(2026, 1, 5, tzinfo=UTC) + week * timedelta(weeks=1)
            drawn, state = draw.draw(
                list(there.values()),
                policy,
                state,
                run=f"{seed}-{week}",
                as_of=at,
                next_pledge=draw.pledge(rng.randbytes(32)),
            )
            yield week, drawn, set(there), set(wrong), state
            corrected = {pick.unit for pick in drawn.picks}
            wrong -= corrected
        for gone in rng.sample(sorted(there), 2):
            del there[gone]
            number += 1
            there[f"u{number}"] = ReviewUnit(f"u{number}", "person", None, (), None, None, 1, 1)


def test_coverage_and_confidence_hold_over_many_seeds():
    held = trials = 0
    for seed in range(30):
        for _, drawn, there, wrong, state in half_a_year(seed):
            assert drawn.overdue == 0
            at = drawn.as_of
            assert not rotation.count_overdue(there, state.coverage, run="later", as_of=at, weeks=24)
            inference = [pick.unit for pick in drawn.picks if pick.draw is Draw.INFERENCE]
            found = sum(unit in wrong for unit in inference)
            most = hypergeometric.upper_deviations(len(there), len(inference), found, 0.95)
            held += len(wrong) <= most
            trials += 1
    assert trials == 30 * 25
    # Exact limits hold in 95 % or more; three standard errors below that would be a fault.
    assert held / trials >= 0.95 - 3 * (0.95 * 0.05 / trials) ** 0.5


@pytest.mark.parametrize(
    ("at", "zone", "week"),
    [
        (datetime(2027, 1, 3, 23, tzinfo=UTC), "UTC", "2026-W53"),
        (datetime(2027, 1, 3, 23, tzinfo=UTC), "Asia/Manila", "2027-W01"),
        (datetime(2026, 12, 31, tzinfo=UTC), "UTC", "2026-W53"),
    ],
)
def test_a_week_is_that_of_the_calendar_of_its_zone(at, zone, week):
    assert week_of(at, zone) == week


def test_what_the_routine_keeps_reads_back(half_year):
    _, told = half_year
    made = store.read(told[1][0].run, AUDIT)
    assert AUDIT.load(AUDIT.dump(made)) == made
    assert isinstance(made.opened_at.date(), date)
    assert LEAVERS.load(LEAVERS.dump(told[2][1])) == told[2][1]


def test_a_mover_is_the_new_clients_and_what_no_role_of_the_new_work_allows_is_found(half_year):
    _, told = half_year
    clients = {}
    for week, (opened, _, _) in told.items():
        frame = store.read(opened.run, FRAME)
        clients[week] = next(unit.clients for unit in frame.units if unit.unit == "hr:person:e6")
    assert {clients[week] for week in told if week < 5} == {("HARBOR",)}
    assert {clients[week] for week in told if week >= 5} == {("PINEWAY",)}
    assert not findings(told, 4, "access-beyond-role")
    for week in (5, 6, 25):
        assert "desk:user:e6" in findings(told, week, "access-beyond-role")
    # The roster lists the present job only; the former one is remembered from the week before.
    jobs = load(told[5][0].run).tables["assignments"].to_pylist()
    assert {(row["client"], row["status"]) for row in jobs if row["person"] == "hr:person:e6"} == {
        ("PINEWAY", "active"),
        ("HARBOR", "left"),
    }


def test_the_half_year_is_evidence_that_both_verifiers_check_and_of_which_every_finding_is_concluded_again(
    half_year, tmp_path
):
    company, told = half_year
    to = tmp_path / "pack"
    period = [told[week][0].run for week in sorted(told)]
    made = pack_evidence(company.folder, period, to, START + 26 * WEEK)
    assert check_evidence(to, [made.made.head]).wrong == []
    again = list(rederive_evidence(to))
    assert len(again) == len(told)
    assert all(one.digest == one.known for one in again), again
    command = [sys.executable, "-I", str(to / VERIFIER), str(to), "--head", made.made.head]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stdout
    assert second.stdout.count("leaver-active") == len(told)
