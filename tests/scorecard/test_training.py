"""Trainings by the table and by name, and the share that is done: what is late counts, what is not due yet does not."""

from datetime import UTC, datetime, timedelta

import pytest

from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.measurement import Unmeasured
from access_review.scorecard.measures import measure
from access_review.scorecard.records import CarriedOut, Records, RunRecord
from access_review.scorecard.training import TrainingFigures, TrainingLine, trainings
from access_review.settings.measures import MeasureName

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(course="Card data", *, due=10, done=False):
    said = {"course": course, "due": (AT + due * DAY).isoformat(), "done": done, "link": "lms/1" if done else ""}
    return FollowUp(FollowUpKind.TRAINING, "p1", AT, "hr:person:1", said)


def line(course="card data", *, due=None, done=None, until=None):
    moments = (None if days is None else AT + days * DAY for days in (due, done, until))
    return TrainingLine("lms", "p1", course, *moments)


@pytest.mark.parametrize(
    ("records", "lines", "state"),
    [
        ([asked()], [], "assigned"),
        ([asked(due=-1)], [], "overdue"),
        ([asked(due=-1), asked(due=-1, done=True)], [], "done"),
        ([asked(due=-1)], [line(done=-300)], "overdue"),
        ([asked()], [line(done=0)], "done"),
        ([], [line(due=-1)], "overdue"),
        ([], [line(due=1)], "assigned"),
        ([], [line()], "undone"),
        ([], [line(done=-9, until=-1)], "run-out"),
        ([], [line(done=-9, until=-1), line("Card data", done=-1), line(due=30)], "done"),
        ([], [line(done=1)], "undone"),
    ],
)
def test_a_training_stands_as_its_last_record_or_the_table_says(records, lines, state):
    [one] = trainings(records, lines, AT + timedelta(hours=1))
    assert one.state == state
    assert bool(one.source) == (not records or (state == "done" and not one.link))


def figure(name, *runs, says=(), changes=(), at=AT):
    found = measure(name, Records(tuple(runs), tuple(says), 24, tuple(changes)), at)
    return (found.part, found.whole) if found.why is None else found.why


def test_the_share_done_is_of_the_table_and_of_what_was_assigned_by_name():
    def run(training):
        return RunRecord("r", AT, "", 1, 1, training=training)

    assert figure(MeasureName.TRAINING_DONE, run(None)) is Unmeasured.NO_TRAININGS
    assert figure(MeasureName.TRAINING_DONE, run(None), says=[asked(due=-1)]) == (0, 1)
    assert figure(MeasureName.TRAINING_DONE, run(TrainingFigures(3, 4)), says=[asked()]) == (3, 4)
    assert figure(MeasureName.TRAINING_DONE, run(TrainingFigures(3, 4, (line(done=0),))), says=[asked()]) == (4, 5)
    assert figure(MeasureName.TRAINING_DONE, run(TrainingFigures(3, 4, whole=False))) is Unmeasured.NOT_WHOLE


def test_changes_are_proven_by_two_reads_and_wait_a_day_for_the_second():
    changes = [CarriedOut(AT - 5 * DAY, AT - 4 * DAY), CarriedOut(AT - 5 * DAY, None), CarriedOut(AT, None)]
    changes += [CarriedOut(AT - timedelta(hours=2), AT - timedelta(hours=1)), CarriedOut(AT - 99 * DAY, None)]
    assert figure(MeasureName.CHANGES_PROVEN, changes=changes) == (2, 3)
    assert figure(MeasureName.CHANGES_PROVEN, changes=changes, at=AT - timedelta(days=4, hours=12)) is (
        Unmeasured.NOTHING_YET
    )
    assert figure(MeasureName.CHANGES_PROVEN) is Unmeasured.NOTHING_YET
