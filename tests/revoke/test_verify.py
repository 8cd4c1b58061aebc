from datetime import timedelta

from access_review.changes import Sighting
from access_review.engine.duckdb import EmbeddedEngine
from access_review.policy import Applying, Targets
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.states import Recheck, State
from access_review.revoke.verify import confirm, remaining, verify
from access_review.store.journal import JournalFile
from tests.support.fake_system import FakeSystem, Time, a_change, a_plan, key_of
from tests.support.planning import add, company, declared, grant, nest, planned, reviewed

PACE = Applying(canary=0, per_minute=6000)


class Applied:
    """A batch of two that has been applied, and what later reads make of it."""

    def __init__(self, folder):
        self.clock = Time()
        self.plan = a_plan(a_change(1), a_change(2))
        self.keys = [key_of(one) for one in self.plan.changes]
        self.system = FakeSystem(self.keys, self.clock)
        self.path = folder / "j.sqlite"
        with JournalFile(self.path, self.plan.digest) as journal:
            apply(ApplyRun(self.plan, journal, {"ad": self.system}, lambda *_: Recheck(), self.clock, PACE))

    def later(self, minutes):
        self.clock.wait(minutes * 60)
        with JournalFile(self.path, self.plan.digest) as journal:
            now = self.clock.now()
            return verify(self.plan.changes, journal, {"ad": self.system}, now=now, pace=PACE, targets=Targets())

    def states(self, minutes):
        return [str(one.state) for one in self.later(minutes)]


def test_revoked_takes_two_reads_that_lie_apart(tmp_path):
    batch = Applied(tmp_path)
    assert batch.states(5) == ["pending", "pending"]
    assert batch.states(11) == ["revoked", "revoked"]
    assert batch.system.calls == 2, "verify writes nothing"


def test_what_outlives_a_read_is_proven_when_it_has_been_so_for_as_long(tmp_path):
    batch = Applied(tmp_path)
    batch.system.holds = lambda *_: Sighting(False, "fake-1", settles=timedelta(hours=28))
    assert [batch.states(minutes)[0] for minutes in (16, 27 * 60)] == ["pending", "pending"]
    assert batch.states(60)[0] == "revoked"


def test_where_somebody_says_they_did_it_two_reads_prove_it(tmp_path):
    plan, clock = a_plan(a_change(1)), Time()
    (one,) = plan.changes

    class Reads:
        def holds(self, *_):
            return Sighting(False, "fake-1", settles=timedelta(hours=28))

    with JournalFile(tmp_path / "j.sqlite", plan.digest) as journal:
        confirm(journal, one.id, by="hr:person:1001", now=clock.now(), reason="by hand")
        found = []
        for _ in range(2):
            clock.wait(16 * 60)
            verify(plan.changes, journal, {"ad": Reads()}, now=clock.now(), pace=PACE, targets=Targets())
            found.append(str(journal.standing(one.id).state))
    assert found == ["pending", "revoked"]


def test_somebodys_word_is_none_of_the_two_reads(tmp_path):
    plan, clock, looks = a_plan(a_change(1)), Time(), iter((None, None, False, False, False))
    (one,) = plan.changes

    class Reads:
        def holds(self, *_):
            there = next(looks)
            return Sighting(there, "fake-1", "no answer" if there is None else "")

    def looked(journal, minutes):
        clock.wait(minutes * 60)
        verify(plan.changes, journal, {"ad": Reads()}, now=clock.now(), pace=PACE, targets=Targets())
        standing = journal.standing(one.id)
        return str(standing.state), standing.gone_at is not None

    with JournalFile(tmp_path / "j.sqlite", plan.digest) as journal:
        confirm(journal, one.id, by="hr:person:1001", now=clock.now(), reason="by hand")
        assert [looked(journal, minutes) for minutes in (0, 16, 16)] == [
            ("pending", False),
            ("pending", False),
            ("pending", True),
        ]
        said = journal.standing(one.id).reason
        assert said == "hr:person:1001 says it is done: by hand; a read shows it"
        assert [looked(journal, minutes) for minutes in (5, 11)] == [("pending", True), ("revoked", True)]


def test_what_somebody_said_and_no_read_shows_is_contradicted_in_these_words(tmp_path):
    plan = a_plan(a_change(1))
    (one,) = plan.changes

    class Reads:
        def holds(self, *_):
            return Sighting(True, "fake-1")

    with JournalFile(tmp_path / "j.sqlite", plan.digest) as journal:
        confirm(journal, one.id, by="hr:person:1001", now=plan.made_at, reason="")
        (found,) = verify(plan.changes, journal, {"ad": Reads()}, now=plan.made_at, pace=PACE, targets=Targets())
    assert (found.state, found.reason) == (State.CONTRADICTED, "hr:person:1001 says it is done; no read shows it")


def test_a_read_that_does_not_say_where_is_a_read_of_its_source(tmp_path):
    plan, clock = a_plan(a_change(1)), Time()
    (one,) = plan.changes

    class Reads:
        def holds(self, *_):
            return Sighting(False, "")

    with JournalFile(tmp_path / "j.sqlite", plan.digest) as journal:
        confirm(journal, one.id, by="hr:person:1001", now=clock.now(), reason="")
        for minutes in (0, 16):
            clock.wait(minutes * 60)
            verify(plan.changes, journal, {"ad": Reads()}, now=clock.now(), pace=PACE, targets=Targets())
        assert (journal.standing(one.id).state, journal.standing(one.id).server) == (State.REVOKED, "ad")


def test_what_is_given_back_is_noticed_before_and_after_it_was_proven(tmp_path):
    batch = Applied(tmp_path)
    batch.system.give(batch.keys[0])
    assert batch.states(16) == ["regranted", "revoked"]
    batch.system.give(batch.keys[1])
    found = batch.later(60)[1]
    assert found.state is State.REGRANTED
    assert "gave it back" in found.reason


def test_a_flapping_replica_stays_pending_and_starts_the_spacing_anew(tmp_path):
    batch = Applied(tmp_path)
    batch.system.dates = False
    batch.system.give(batch.keys[0])
    assert batch.states(16)[0] == "contradicted"
    batch.system.take(batch.keys[0])
    assert batch.states(1)[0] == "pending"
    assert batch.states(5)[0] == "pending"
    assert batch.states(16)[0] == "revoked"


def test_reads_that_keep_contradicting_end_in_failed(tmp_path):
    batch = Applied(tmp_path)
    batch.system.dates = False
    batch.system.give(batch.keys[0])
    assert [batch.states(20)[0] for _ in range(3)] == ["contradicted", "contradicted", "failed"]


def test_what_is_not_proven_is_overdue_before_the_day_is_over(tmp_path):
    batch = Applied(tmp_path)
    batch.system.holds = lambda *_: Sighting(None, "fake-1", "no answer")
    assert not batch.later(60)[0].overdue
    assert batch.later(60 * 18)[0].overdue


def test_what_another_path_still_gives_is_named():
    rows = add(company(), grants=[grant(5, "Other"), grant(5, "Outer")])
    made = planned(rows)
    cut = [one for one in made.changes if one.target.entitlement and one.target.entitlement.name == "Other"]
    assert cut
    later = add(company(), grants=[grant(5, "Outer")], nesting=[nest("Outer", "Other")])
    with EmbeddedEngine(made.as_of, threads=1) as engine:
        reviewed(later, declared(), engine)
        left = remaining(engine, cut)
    assert [(one.account, one.entitlement, one.path) for one in left] == [("user5", "Other", "Outer > Other")]
