from datetime import timedelta

import pytest

from access_review.changes import Action
from access_review.errors import StalePlan
from access_review.policy import Applying, ChangeWindow
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.change_windows import is_open
from access_review.revoke.states import Recheck, State
from access_review.store.journal import JournalFile
from tests.support.fake_system import START, FakeSystem, Faults, Time, a_change, a_plan, key_of

PACE = Applying(canary=0, per_minute=6000)


class Scene:
    """A plan of ``size`` removals, the system that holds them, and one run after another."""

    def __init__(self, folder, size=4, *, calls=None, looks=None, changes=None, **plan):
        self.clock = Time()
        self.plan = a_plan(*(changes or [a_change(n) for n in range(size)]), **plan)
        self.faults = Faults(calls=calls or {}, looks=looks or {})
        self.system = FakeSystem([key_of(one) for one in self.plan.changes], self.clock, self.faults)
        self.path = folder / "journal.sqlite"
        self.judged = Recheck()

    def run(self, pace=PACE, judge=None, **options):
        with JournalFile(self.path, self.plan.digest) as journal:
            batch = ApplyRun(
                self.plan, journal, {"ad": self.system}, judge or (lambda *_: self.judged), self.clock, pace, **options
            )
            return apply(batch)

    def states(self):
        with JournalFile(self.path, self.plan.digest) as journal:
            return [journal.standing(one.id).state for one in self.plan.changes]


def test_every_change_is_made_once_and_is_pending_not_revoked(tmp_path):
    scene = Scene(tmp_path)
    done = scene.run()
    assert not done.partly
    assert scene.states() == [State.PENDING] * 4
    assert not scene.system.there
    assert scene.run().calls == 0, "applied twice equals once"


def test_what_is_gone_already_is_absent_and_never_called(tmp_path):
    scene = Scene(tmp_path, 2)
    scene.system.take(key_of(scene.plan.changes[0]))
    scene.run()
    assert sorted(scene.states()) == ["absent", "pending"]
    assert scene.system.calls == 1


@pytest.mark.parametrize(
    ("judged", "state"),
    [
        (Recheck(skipped="expected now"), "skipped"),
        (Recheck(refused="protected"), "refused"),
        (Recheck(unread="the server is gone"), "deferred"),
    ],
)
def test_what_became_expected_or_protected_is_not_called(tmp_path, judged, state):
    scene = Scene(tmp_path, 2)
    scene.judged = judged
    done = scene.run()
    assert scene.states() == [state] * 2
    assert scene.system.calls == 0
    assert done.partly == (state != "skipped")


def test_what_was_given_anew_since_the_snapshot_is_skipped(tmp_path):
    scene = Scene(tmp_path, 1)
    scene.system.give(key_of(scene.plan.changes[0]))
    scene.run()
    assert scene.states() == [State.SKIPPED]


def test_a_lost_answer_is_decided_by_reading(tmp_path):
    scene = Scene(tmp_path, 2, calls={1: "lost after", 2: "lost"})
    scene.run()
    assert scene.states() == [State.PENDING] * 2
    assert scene.system.calls == 3, "the one that was not done is checked and called again"


def test_what_cannot_be_read_back_is_unknown_until_a_read_decides(tmp_path):
    scene = Scene(tmp_path, 1, looks={2: "unreadable", 3: "unreadable"})
    assert scene.run().partly
    assert scene.states() == [State.UNKNOWN]
    assert not scene.run().partly
    assert scene.states() == [State.PENDING]
    assert scene.system.calls == 1, "no blind repeat"


def test_a_stale_read_after_a_call_does_not_make_it_absent(tmp_path):
    scene = Scene(tmp_path, 1, looks={2: "stale"})
    scene.run()
    assert scene.states() == [State.PENDING], "this batch took it away: an undo must know"
    assert scene.system.calls == 1


def test_a_server_that_says_done_and_does_nothing_ends_in_failed(tmp_path):
    scene = Scene(tmp_path, 1, calls=dict.fromkeys(range(1, 9), "lie"))
    assert scene.run().partly
    assert scene.states() == [State.FAILED]
    assert scene.system.calls == 3


def test_throttling_waits_as_long_as_the_server_says(tmp_path):
    scene = Scene(tmp_path, 1, calls={1: "throttled"})
    scene.run()
    assert 20 in scene.clock.waited
    assert scene.states() == [State.PENDING]


def test_a_storm_at_action_40_of_100_stops_the_batch_and_it_resumes(tmp_path):
    scene = Scene(tmp_path, 100, calls=dict.fromkeys(range(40, 500), "throttled"))
    done = scene.run()
    assert "5 of them in a row" in done.stopped
    assert done.counts == {State.PENDING: 39, State.DEFERRED: 5, State.PLANNED: 56}
    scene.system.faults.calls.clear()
    assert not scene.run().partly
    assert scene.states() == [State.PENDING] * 100


def test_a_tenth_that_fails_stops_a_batch(tmp_path):
    scene = Scene(tmp_path, 50, calls=dict.fromkeys(range(1, 500, 2), "refused"))
    done = scene.run()
    assert done.counts[State.FAILED] == 5
    assert done.counts[State.PLANNED] > 30


def test_one_failure_does_not_stop_a_small_batch(tmp_path):
    scene = Scene(tmp_path, 4, calls={1: "refused"})
    done = scene.run()
    assert done.partly
    assert scene.states() == [State.FAILED, *[State.PENDING] * 3]


def test_a_plan_that_expires_stops_and_what_was_interrupted_is_still_read(tmp_path):
    scene = Scene(tmp_path, 2, looks={2: "unreadable", 4: "unreadable"})
    scene.run()
    scene.clock.at = scene.plan.expires_at
    calls = scene.system.calls
    assert "expired" in scene.run().stopped or State.PLANNED not in scene.states()
    assert scene.system.calls == calls
    assert State.UNKNOWN not in scene.states()


def test_an_expired_plan_calls_nothing(tmp_path):
    scene = Scene(tmp_path)
    scene.clock.tick = timedelta(0)
    scene.clock.at = scene.plan.expires_at
    assert "expired" in scene.run().stopped
    assert scene.system.calls == 0


def test_a_deadline_leaves_the_rest_planned(tmp_path):
    scene = Scene(tmp_path, 20)
    done = scene.run(Applying(canary=0, per_minute=60), until=START + timedelta(seconds=10))
    assert "deadline" in done.stopped
    assert 5 < done.calls < 15
    assert scene.states().count(State.PLANNED) == 20 - done.calls


def a_long_judge(scene, meanwhile=lambda: None):
    """Return a judge that reads for half an hour, while something happens in the system."""

    def judge(*_):
        scene.clock.at += timedelta(minutes=30)
        meanwhile()
        return Recheck()

    return judge


def test_a_plan_that_expires_while_it_is_judged_calls_nothing(tmp_path):
    scene = Scene(tmp_path)
    scene.clock.at = scene.plan.expires_at - timedelta(minutes=5)
    done = scene.run(judge=a_long_judge(scene))
    assert "expired" in done.stopped
    assert (done.calls, done.counts) == (0, {State.DEFERRED: 1, State.PLANNED: 3})


def test_a_deadline_that_passes_while_a_change_is_judged_calls_nothing(tmp_path):
    scene = Scene(tmp_path)
    done = scene.run(judge=a_long_judge(scene), until=scene.clock.at + timedelta(minutes=1))
    assert "deadline" in done.stopped
    assert (done.calls, done.counts) == (0, {State.DEFERRED: 1, State.PLANNED: 3})


def test_a_window_that_closes_while_a_change_is_judged_calls_nothing(tmp_path):
    window = ChangeWindow(days=("mon",), start="08:00", end="08:20", timezone="UTC")
    scene = Scene(tmp_path, changes=[a_change(1, left=False)])
    done = scene.run(Applying(canary=0, windows=(window,)), judge=a_long_judge(scene))
    assert ("window" in done.stopped, done.calls) == (True, 0)
    assert scene.states() == [State.DEFERRED]


def test_what_is_given_anew_while_a_change_is_judged_is_skipped(tmp_path):
    scene = Scene(tmp_path, 1)
    key = key_of(scene.plan.changes[0])

    def again():
        scene.system.take(key)
        scene.system.give(key)

    scene.run(judge=a_long_judge(scene, again))
    assert scene.states() == [State.SKIPPED]
    assert scene.system.calls == 0


def test_a_first_look_that_takes_long_is_asked_for_the_time_too(tmp_path):
    scene = Scene(tmp_path, 1)
    scene.clock.at = scene.plan.expires_at - timedelta(minutes=5)

    def reads_a_list(what):
        scene.clock.at += timedelta(minutes=30 if what == "look" else 0)

    scene.faults.before = reads_a_list
    done = scene.run()
    assert ("expired" in done.stopped, done.calls) == (True, 0)
    assert scene.states() == [State.DEFERRED]


def test_calls_to_one_system_keep_their_rate(tmp_path):
    scene = Scene(tmp_path, 5)
    began = scene.clock.at
    scene.run(Applying(canary=0, per_minute=60))
    assert scene.clock.at - began >= timedelta(seconds=4)


def test_the_first_changes_are_looked_at_before_the_rest(tmp_path):
    scene = Scene(tmp_path, 6)
    stopped = scene.run(Applying(canary=3, canary_pause=timedelta(0), per_minute=6000))
    assert "--go-on" in stopped.stopped
    assert stopped.calls == 3
    assert scene.run(PACE, go_on=True).calls == 3


def test_first_changes_that_do_not_hold_stop_the_batch(tmp_path):
    scene = Scene(tmp_path, 6)

    def give_back(seconds):
        scene.clock.at += timedelta(seconds=seconds)
        if seconds == 60:
            scene.system.give(key_of(scene.plan.changes[0]))

    scene.clock.wait = give_back
    done = scene.run(Applying(canary=3, per_minute=6000))
    assert "do not hold" in done.stopped
    assert done.calls == 3


def test_outside_its_window_nothing_begins_but_for_leavers(tmp_path):
    window = ChangeWindow(days=("tue",), start="09:00", end="17:00", timezone="Europe/Warsaw")
    stays, left = a_change(1, left=False), a_change(2)
    scene = Scene(tmp_path, changes=[left, stays])
    done = scene.run(Applying(canary=0, windows=(window,)))
    assert "window" in done.stopped
    assert scene.states() == [State.PENDING, State.PLANNED]


def test_windows_over_midnight_belong_to_the_day_they_start_on():
    night = (ChangeWindow(days=("fri",), start="22:00", end="04:00", timezone="UTC"),)
    friday = START.replace(day=6, hour=23)
    assert is_open(night, friday)
    assert is_open(night, friday + timedelta(hours=4))
    assert not is_open(night, friday + timedelta(hours=5))
    assert not is_open(night, friday - timedelta(hours=20))
    assert is_open((), friday)


def test_rules_that_refuse_everything_stop_before_a_call(tmp_path):
    scene = Scene(tmp_path)

    def judge(*_):
        raise StalePlan("roles have changed")

    done = scene.run(judge=judge)
    assert done.stopped == "roles have changed"
    assert scene.system.calls == 0


def test_a_system_that_nothing_can_write_to_is_left_alone(tmp_path):
    scene = Scene(tmp_path, changes=[a_change(1, source="elsewhere")])
    assert scene.run().partly
    assert scene.states() == [State.DEFERRED]


def test_sessions_are_revoked_once_and_known_by_their_time(tmp_path):
    scene = Scene(tmp_path, changes=[a_change(1, Action.REVOKE_SESSIONS)])
    scene.run()
    assert scene.states() == [State.PENDING]
    scene.run()
    assert scene.system.calls == 1
