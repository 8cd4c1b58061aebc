"""The protocol as tables: each decision with its reason, since the reason is what an auditor reads."""

from datetime import timedelta

import pytest

from access_review.changes import Sighting, WriteAnswer, WriteResult
from access_review.errors import ArtifactError
from access_review.revoke.states import (
    NEXT,
    TERMINAL,
    ChangeStatus,
    NextStep,
    Recheck,
    State,
    Transition,
    advance,
    after_call,
    after_interruption,
    after_recheck,
    after_verifying_read,
    fold,
    too_many_failures,
)
from tests.support.fake_system import START

MINUTE = timedelta(minutes=1)
SPACING = 15 * MINUTE
THERE, GONE, UNREAD = Sighting(True, "dc1"), Sighting(False, "dc1"), Sighting(None, "dc1", "no answer")


def row(state, minutes=0, **more):
    return Transition("c-1", state, START + minutes * MINUTE, **{"attempt": 1} | more)


# Where a change stands


def test_every_row_leaves_its_trace_in_where_a_change_stands():
    rows = [
        row(State.INTENT, 0),
        row(State.CALLING, 1, server="dc1", checked_at=START, called_at=START + MINUTE),
        row(State.STILL_THERE, 2, server="dc2", reason="a lie"),
        row(State.INTENT, 3, attempt=2),
        row(State.CALLING, 4, attempt=2, called_at=START + 4 * MINUTE),
        row(State.PENDING, 5, attempt=2, server="dc1"),
    ]
    assert fold(rows)["c-1"] == ChangeStatus(
        State.PENDING,
        attempt=2,
        at=START + 5 * MINUTE,
        intended_at=START,
        called_at=START + 4 * MINUTE,
        gone_at=START + 5 * MINUTE,
        server="dc1",
        unchanged=1,
    )
    assert fold(rows[:3])["c-1"] == ChangeStatus(
        State.STILL_THERE,
        attempt=1,
        at=START + 2 * MINUTE,
        intended_at=START,
        called_at=START + MINUTE,
        server="dc2",
        reason="a lie",
        unchanged=1,
    )


def test_a_contradiction_starts_the_proof_anew_and_what_follows_it_does_not():
    pending = ChangeStatus(State.PENDING, at=START, gone_at=START)
    contradicted = advance(pending, row(State.CONTRADICTED, 1))
    assert (contradicted.gone_at, contradicted.contradictions, contradicted.intended_at) == (None, 1, None)
    assert advance(contradicted, row(State.PENDING, 2, server="dc1")).gone_at == START + 2 * MINUTE
    assert advance(contradicted, row(State.PENDING, 2)).gone_at is None, "somebody's word, which was read nowhere"
    assert advance(pending, row(State.REVOKED, 20)).gone_at == START


@pytest.mark.parametrize("state", State)
def test_only_the_steps_that_are_drawn_can_be_taken(state):
    for after in State:
        if after in NEXT[state]:
            assert advance(ChangeStatus(state), row(after)).state is after
        else:
            with pytest.raises(
                ArtifactError, match=f"^the journal says c-1 went from {state} to {after}, which cannot"
            ):
                advance(ChangeStatus(state), row(after))


def test_what_has_ended_stays_so_but_for_what_somebody_gives_back():
    assert {after for state in TERMINAL for after in NEXT[state]} == {State.REGRANTED}
    assert NEXT[State.REVOKED] == {State.REGRANTED}


def test_nothing_is_called_but_from_a_recheck_and_nothing_is_revoked_but_from_pending():
    assert {state for state in State if State.CALLING in NEXT[state]} == {State.INTENT}
    assert {state for state in State if State.REVOKED in NEXT[state]} == {State.PENDING}
    assert {state for state in State if State.INTENT in NEXT[state]} == {
        State.PLANNED,
        State.DEFERRED,
        State.STILL_THERE,
    }


# Another one was given since

ANOTHER = Sighting(True, "graph", "given since", another=True)


def test_what_was_given_since_is_left_alone_before_a_call_and_given_back_after_one():
    def before(*, wanted, unchanged=0):
        return after_recheck(ANOTHER, Recheck(), wanted=wanted, planned_on=START, unchanged=unchanged)

    assert before(wanted=False) == NextStep(State.SKIPPED, "given since")
    assert before(wanted=True).state is State.ABSENT
    assert before(wanted=False, unchanged=1).state is State.PENDING
    answer = WriteAnswer(WriteResult.DONE, "graph")
    assert after_call(answer, ANOTHER, wanted=False, unchanged=0, attempts=3).state is State.PENDING
    interrupted = after_interruption(ANOTHER, wanted=False)
    assert interrupted is not None
    assert interrupted.state is State.PENDING
    for state in (State.PENDING, State.CONTRADICTED, State.REVOKED):
        standing = ChangeStatus(state, at=START, gone_at=START, called_at=START)
        later = after_verifying_read(standing, ANOTHER, START + MINUTE, wanted=False, spacing=SPACING, most=3)
        assert later is not None
        assert later.state is State.REGRANTED


# Just before a call

PROTECTED, EXPECTED = Recheck(refused="protected: tier 0"), Recheck(skipped="expected now")
ANEW = Sighting(True, "dc1", since=START + timedelta(seconds=1))
ANEW_SAID = "it was given anew at 2026-02-02 08:00:01 UTC, after the plan's snapshot"
ALREADY = "there was nothing to do: it is as wanted already"


@pytest.mark.parametrize(
    ("seen", "judged", "wanted", "step"),
    [
        (THERE, Recheck(), False, NextStep(State.CALLING)),
        (GONE, Recheck(), True, NextStep(State.CALLING)),
        (GONE, Recheck(), False, NextStep(State.ABSENT, ALREADY)),
        (THERE, Recheck(), True, NextStep(State.ABSENT, ALREADY)),
        (UNREAD, Recheck(), False, NextStep(State.DEFERRED, "no answer")),
        (
            Sighting(None, "dc1"),
            Recheck(),
            False,
            NextStep(State.DEFERRED, "it could not be read just before the change"),
        ),
        *((seen, PROTECTED, False, NextStep(State.REFUSED, "protected: tier 0")) for seen in (THERE, GONE, UNREAD)),
        (GONE, EXPECTED, False, NextStep(State.ABSENT, ALREADY)),
        (UNREAD, EXPECTED, False, NextStep(State.SKIPPED, "expected now (no answer)")),
        (THERE, EXPECTED, False, NextStep(State.SKIPPED, "expected now")),
        (ANEW, Recheck(), False, NextStep(State.SKIPPED, ANEW_SAID)),
        (Sighting(False, "dc1", since=ANEW.since), Recheck(), True, NextStep(State.CALLING)),
        (Sighting(True, "dc1", since=START), Recheck(), False, NextStep(State.CALLING)),
        (Sighting(True, "dc1", since=START - MINUTE), Recheck(), False, NextStep(State.CALLING)),
    ],
)
def test_just_before_a_call(seen, judged, wanted, step):
    assert after_recheck(seen, judged, wanted=wanted, planned_on=START, unchanged=0) == step


@pytest.mark.parametrize("judged", [Recheck(), PROTECTED, EXPECTED])
def test_what_an_earlier_call_did_is_not_absent_but_to_be_proven(judged):
    done = after_recheck(GONE, judged, wanted=False, planned_on=START, unchanged=1)
    assert done == NextStep(State.PENDING, "an earlier call did it, which the read after it did not show")
    again = after_recheck(THERE, judged, wanted=False, planned_on=START, unchanged=1)
    assert again == after_recheck(THERE, judged, wanted=False, planned_on=START, unchanged=0)
    unread = after_recheck(UNREAD, judged, wanted=False, planned_on=START, unchanged=1)
    assert unread.state is (State.REFUSED if judged.refused else State.DEFERRED), "the earlier call may be why"


# After a call

REFUSES, BUSY = WriteAnswer(WriteResult.REFUSED, "dc1"), WriteAnswer(WriteResult.TRANSIENT, "dc1", "busy")
DONE, LOST = WriteAnswer(WriteResult.DONE, "dc1"), WriteAnswer(WriteResult.UNKNOWN, "dc1", "the connection broke")


@pytest.mark.parametrize(
    ("answer", "seen", "step"),
    [
        (WriteAnswer(WriteResult.ORDERED, "x", "by hand"), GONE, NextStep(State.ORDERED, "by hand")),
        (DONE, GONE, NextStep(State.PENDING, "")),
        (WriteAnswer(WriteResult.ABSENT, "dc1", "was not there"), GONE, NextStep(State.PENDING, "was not there")),
        (LOST, GONE, NextStep(State.PENDING, "the answer was lost; reading shows it done")),
        (REFUSES, GONE, NextStep(State.PENDING, "")),
        (DONE, UNREAD, NextStep(State.UNKNOWN, "no answer")),
        (BUSY, Sighting(None, "dc1"), NextStep(State.UNKNOWN, "busy")),
        (REFUSES, Sighting(None, "dc1"), NextStep(State.UNKNOWN, "it could not be read back")),
        (REFUSES, THERE, NextStep(State.FAILED, "the system refused it")),
        (WriteAnswer(WriteResult.REFUSED, "dc1", "no right"), THERE, NextStep(State.FAILED, "no right")),
        (BUSY, THERE, NextStep(State.DEFERRED, "busy")),
        (
            WriteAnswer(WriteResult.TRANSIENT, "x"),
            THERE,
            NextStep(State.DEFERRED, "the system did not do it, and may later"),
        ),
        (DONE, THERE, NextStep(State.STILL_THERE, "the system said done, and reading shows it unchanged")),
        (LOST, THERE, NextStep(State.STILL_THERE, "the connection broke")),
    ],
)
def test_after_a_call_the_read_decides(answer, seen, step):
    assert after_call(answer, seen, wanted=False, unchanged=0, attempts=3) == step


@pytest.mark.parametrize(("unchanged", "state"), [(0, State.STILL_THERE), (1, State.STILL_THERE), (2, State.FAILED)])
def test_the_last_call_that_changes_nothing_is_a_failure(unchanged, state):
    step = after_call(DONE, THERE, wanted=False, unchanged=unchanged, attempts=3)
    assert step.state is state
    assert after_call(LOST, THERE, wanted=False, unchanged=2, attempts=3) == NextStep(
        State.FAILED, "the connection broke"
    )
    if state is State.FAILED:
        assert step.reason == "still unchanged after 3 attempts"


def test_what_was_given_back_is_read_back_the_same_way():
    assert after_call(DONE, THERE, wanted=True, unchanged=0, attempts=3).state is State.PENDING
    assert after_call(DONE, GONE, wanted=True, unchanged=0, attempts=3).state is State.STILL_THERE


@pytest.mark.parametrize("wanted", [True, False])
def test_an_interrupted_call_is_decided_by_reading_only(wanted):
    assert after_interruption(UNREAD, wanted=wanted) is None
    assert after_interruption(Sighting(wanted, "x"), wanted=wanted) == NextStep(
        State.PENDING, "interrupted; reading shows it done"
    )
    assert after_interruption(Sighting(not wanted, "x"), wanted=wanted) == NextStep(
        State.STILL_THERE, "interrupted; reading shows it unchanged, so it is checked again from the start"
    )


# Later reads


def stands(state, **more):
    return ChangeStatus(state, 1, START, START, **more)


def later(standing, seen, minutes=60, *, wanted=False, most=3):
    return after_verifying_read(standing, seen, START + minutes * MINUTE, wanted=wanted, spacing=SPACING, most=most)


PENDING = stands(State.PENDING, gone_at=START)


@pytest.mark.parametrize(
    ("standing", "seen", "minutes", "step"),
    [
        (PENDING, GONE, 14, None),
        (PENDING, GONE, 15, NextStep(State.REVOKED)),
        (PENDING, UNREAD, 60, None),
        (stands(State.PENDING), GONE, 60, NextStep(State.PENDING, "it was said to be done; a read shows it")),
        (stands(State.PENDING), UNREAD, 60, None),
        (ChangeStatus(State.PENDING, gone_at=START), GONE, 60, None),
        (stands(State.CONTRADICTED), GONE, 60, NextStep(State.PENDING)),
        (stands(State.ORDERED), GONE, 60, NextStep(State.PENDING)),
        (stands(State.ORDERED), THERE, 60, None),
        (stands(State.REVOKED, gone_at=START), GONE, 60, None),
    ],
)
def test_proven_are_two_reads_that_agree_and_lie_apart(standing, seen, minutes, step):
    assert later(standing, seen, minutes) == step


@pytest.mark.parametrize(
    ("state", "seen", "step"),
    [
        (State.ORDERED, THERE, NextStep(State.SKIPPED, "the person is active")),
        (State.ORDERED, GONE, NextStep(State.PENDING)),
        (State.ORDERED, UNREAD, None),
        (
            State.ORDERED,
            Sighting(None, "dc1", "the account is not there", gone=True),
            NextStep(State.SKIPPED, "the person is active (the account is not there)"),
        ),
        (State.PENDING, Sighting(None, "dc1", "the account is not there", gone=True), None),
    ],
)
def test_a_void_order_ends_unless_it_was_done_or_nobody_can_say(state, seen, step):
    found = after_verifying_read(
        stands(state), seen, START + MINUTE, wanted=False, spacing=SPACING, most=3, void="the person is active"
    )
    assert found == step


CONTRADICTS = "an earlier read showed it done, this one does not: replication, or given back"
BACK = "somebody gave it back at 2026-02-02 08:01:00 UTC"
CALLED = {"gone_at": START, "called_at": START + 30 * timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("standing", "since", "step"),
    [
        (PENDING, None, NextStep(State.CONTRADICTED, CONTRADICTS)),
        (PENDING, START + MINUTE, NextStep(State.REGRANTED, BACK)),
        (PENDING, START, NextStep(State.CONTRADICTED, CONTRADICTS)),
        (stands(State.PENDING, **CALLED), START + MINUTE, NextStep(State.REGRANTED, BACK)),
        (stands(State.PENDING, **CALLED), START + timedelta(seconds=20), NextStep(State.CONTRADICTED, CONTRADICTS)),
        (stands(State.CONTRADICTED, contradictions=1), START + MINUTE, NextStep(State.REGRANTED, BACK)),
        (stands(State.REVOKED), START + MINUTE, NextStep(State.REGRANTED, BACK)),
        (
            stands(State.REVOKED),
            None,
            NextStep(State.REGRANTED, "somebody gave it back before 2026-02-02 09:00:00 UTC"),
        ),
        (stands(State.CONTRADICTED, contradictions=1), None, NextStep(State.CONTRADICTED, CONTRADICTS)),
        (
            stands(State.CONTRADICTED, contradictions=2),
            None,
            NextStep(State.FAILED, "reads contradict each other: it was as wanted, and is not"),
        ),
    ],
)
def test_what_is_back_was_given_back_or_contradicts_an_earlier_read(standing, since, step):
    assert later(standing, Sighting(True, "dc1", since=since)) == step


def test_what_was_given_back_on_purpose_is_restored_by_two_reads_and_ends_there():
    assert later(PENDING, THERE, wanted=True) == NextStep(State.RESTORED)
    assert later(stands(State.RESTORED), GONE, wanted=True) is None
    assert later(PENDING, Sighting(False, "dc1", since=START + MINUTE), wanted=True).state is State.CONTRADICTED


# Exports, which are as old as they were written


def export(minutes, *, there=False):
    return Sighting(there, "badge", written=START + minutes * MINUTE)


ASKED = {"ordered": True, "called_at": START}


@pytest.mark.parametrize(
    ("standing", "seen", "step"),
    [
        (stands(State.ORDERED, **ASKED), export(-1), None),
        (stands(State.ORDERED, **ASKED), export(1), NextStep(State.PENDING)),
        (PENDING, export(14), None),
        (PENDING, export(15), NextStep(State.REVOKED)),
        (PENDING, export(999), NextStep(State.REVOKED)),
        (PENDING, export(-1, there=True), None),
        (PENDING, export(1, there=True), NextStep(State.CONTRADICTED, CONTRADICTS)),
        (stands(State.PENDING, **ASKED), export(-1), None),
        (
            stands(State.PENDING, called_at=START),
            export(-1),
            NextStep(State.PENDING, "it was said to be done; a read shows it"),
        ),
        (stands(State.PENDING), export(-1, there=True), None),
        (
            stands(State.PENDING),
            export(1, there=True),
            NextStep(State.CONTRADICTED, "it was said to be done; no read shows it"),
        ),
        (stands(State.CONTRADICTED, contradictions=2), export(-1, there=True), None),
        (stands(State.CONTRADICTED, contradictions=1), export(-1), None),
        (stands(State.CONTRADICTED, contradictions=1), export(1), NextStep(State.PENDING)),
        (stands(State.REVOKED), export(-1, there=True), None),
    ],
)
def test_an_export_says_nothing_of_what_came_after_it_and_is_one_read_however_often_it_is_read(standing, seen, step):
    assert later(standing, seen) == step


def test_a_void_order_ends_by_any_list_that_does_not_show_it_done():
    found = after_verifying_read(
        stands(State.ORDERED, **ASKED), export(-1, there=True), START, wanted=False, spacing=SPACING, most=3, void="no"
    )
    assert found == NextStep(State.SKIPPED, "no")


# When a batch stops by itself


@pytest.mark.parametrize(
    ("in_a_row", "failures", "size", "stops"),
    [
        (5, 5, 1000, True),
        (4, 4, 1000, False),
        (0, 2, 4, False),
        (0, 3, 4, True),
        (0, 3, 30, True),
        (0, 3, 31, False),
        (1, 10, 100, True),
        (1, 9, 100, False),
        (1, 199, 2000, False),
    ],
)
def test_five_in_a_row_or_a_tenth_but_never_fewer_than_three(in_a_row, failures, size, stops):
    assert too_many_failures(in_a_row, failures, size, row=5, percent=10) is stops
