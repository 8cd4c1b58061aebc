"""A plan follows from what it is asked for and from what was read, and from nothing else: in memory, without a file."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from access_review.audit.decisions import ReviewerAnswer, decision_on
from access_review.changes import decision_reference
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import LimitExceeded, PlanRefused, StalePlan
from access_review.plan import derive as deriving
from access_review.plan import proof
from access_review.plan.ahead import RULES
from access_review.plan.derive import PlanInputs, PlanOrder, derive
from access_review.plan.limits import Higher, Population, Raised
from access_review.plan.recent_removals import RecentRemovals, RemovedAmount
from access_review.plan.record import PinnedInputs, write
from access_review.plan.request import Scope
from access_review.review import Previous
from tests.support import planning
from tests.support.planning import CAPABILITIES, add, change, company, declared, grant, leave
from tests.support.snapshots import AS_OF
from tests.views.test_worksheet import item

ROWS = add(
    leave(company(12), 5),
    grants=[grant(7, "Other"), grant(8, "Other", removable=False, why_not="a rule of the directory gives it")],
)
SPACE = declared(policy={"limits": {"remove": {"percent": 5, "floor": 4}}})
NOW = AS_OF + timedelta(hours=1)
ORDER = PlanOrder("hr:person:60", NOW, "plan")
SOON = NOW + timedelta(days=2)
LEAVING = change(
    change(company(12), "people", "hr:person:6", left_at_latest=SOON), "assignments", "hr:person:6", ends_latest=SOON
)


def read(rows):
    """Return what a plan on these rows is derived from, pinned to what a review finds now."""
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = planning.reviewed(rows, SPACE, engine)
    pinned = PinnedInputs("0", report.digest, None, "sha256:0", None)
    return PlanInputs(taken, SPACE, Previous(), pinned, CAPABILITIES, {})


@pytest.fixture(scope="module")
def inputs():
    return read(ROWS)


@pytest.fixture(scope="module")
def derived(inputs):
    return derive(ORDER, inputs)


@pytest.fixture(scope="module")
def leaving():
    return read(LEAVING)


def test_the_same_order_and_inputs_give_the_same_bytes_and_say_what_they_are(inputs, derived):
    assert write(derive(PlanOrder.of(derived.plan), inputs).plan) == write(derived.plan)
    made = derived.plan
    assert (made.requested_by, made.made_at, made.name) == ("hr:person:60", NOW, "plan")
    assert (made.inputs, made.as_of, made.snapshot) == (inputs.pinned, AS_OF, inputs.snapshot.digest)
    assert (made.ahead, made.valid_from, made.scope) == (None, None, Scope())
    assert len(made.changes) > 1


def test_the_order_of_a_plan_says_what_was_raised_and_whether_it_is_for_later(derived):
    assert PlanOrder.of(derived.plan) == ORDER
    for limits, reason in (
        ((Higher("ad", "remove", 9),), "a site moves"),
        ((Higher("ad", "remove", 9),), ""),
        ((), "x"),
    ):
        raised = replace(derived.plan.limits, raised=limits, raised_because=reason)
        assert PlanOrder.of(replace(derived.plan, limits=raised)) == replace(ORDER, raised=Raised(limits, reason))
    scope = Scope(rules=("leaver-active",), persons=("hr:person:5",), reviewed=True)
    assert PlanOrder.of(replace(derived.plan, scope=scope, name="other")) == replace(ORDER, scope=scope, name="other")


def test_each_change_has_its_reason_in_words_and_what_is_left_has_who_and_what(derived):
    assert derived.reasons.keys() == {finding for one in derived.plan.changes for finding in one.because}
    assert any("left" in reason for reason in derived.reasons.values())
    left = derived.left()
    assert left.keys() == {name for one in derived.plan.to_person for name in one.findings}
    assert set(next(iter(left.values()))) >= {"finding", "subject", "subject_name", "about", "person", "person_name"}


def test_findings_that_are_not_those_pinned_stop_it(inputs):
    other = replace(inputs, pinned=replace(inputs.pinned, findings="sha256:1"))
    with pytest.raises(StalePlan) as refused:
        derive(ORDER, other)
    assert refused.value.message == "the workspace has changed since the run was reviewed"
    assert refused.value.hint.startswith("access-review review --run 2026")


def test_what_batches_took_lately_counts_until_a_limit_is_raised_and_the_accepted_population_too(inputs):
    lately = RecentRemovals((RemovedAmount("c-9", AS_OF, "grants removed", "ad", 3),))
    more = replace(inputs, taken=lately, accepted={"ad": Population(20, 20)})
    with pytest.raises(LimitExceeded):
        derive(ORDER, more)
    raised = Raised((Higher("ad", "remove", 9),), "a site moves")
    made = derive(replace(ORDER, raised=raised), more).plan
    assert (made.limits.raised, made.limits.raised_because) == (raised.limits, raised.reason)
    (removed,) = (one for one in made.limits.counts if one.what == "grants removed")
    assert (removed.population, removed.taken) == (20, 3)


def test_what_a_reviewer_decided_is_taken_away_where_the_plan_is_for_that(inputs):
    """Somebody's rightful access, which no finding asks for."""
    asked = replace(
        item(0), unit="hr:person:3", account="ad:user:3", entitlement="ad:group:Fin", mode="assigned", planted=False
    )
    said = decision_on(asked, ReviewerAnswer.REVOKE, by="Person 2", at=AS_OF.date(), comment="moved")
    more = replace(inputs, answered=[([asked], {asked.item: said})])
    assert decision_reference(asked.item) not in derive(ORDER, more).reasons
    made = derive(replace(ORDER, name="decided", scope=Scope(reviewed=True)), more)
    assert made.plan.name == "decided"
    (decided,) = (one for one in made.plan.changes if one.because == (decision_reference(asked.item),))
    assert (decided.target.account.id, decided.target.entitlement.id) == ("ad:user:3", "ad:group:Fin")
    assert made.reasons[decision_reference(asked.item)] == f"Person 2 decided on {AS_OF.date()}: revoke (moved)"


def test_what_was_found_before_is_part_of_what_is_found_now(inputs):
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        _, report = planning.reviewed(ROWS, SPACE, engine)
    with pytest.raises(StalePlan):
        derive(ORDER, replace(inputs, previous=Previous(report.found)))


def test_the_findings_of_a_large_company_stay_on_disk_and_give_the_same_plan(inputs, derived, monkeypatch):
    """Every company is large for an engine that calls none small."""
    rooms = []

    class Large(EmbeddedEngine):
        def room(self, name):
            rooms.append(super().room(name))
            return rooms[-1]

    for module in (deriving, proof):
        monkeypatch.setattr(module, "EmbeddedEngine", partial(Large, small=0))
    again = derive(ORDER, inputs)
    assert (write(again.plan), again.reasons, again.left()) == (write(derived.plan), derived.reasons, derived.left())
    assert {one.path.name.rpartition("-")[0] for one in rooms} == {"findings", "grants_after", "accounts_after"}
    assert not any(one.path.exists() for one in rooms)


def test_of_nothing_follows_nothing():
    made = derive(ORDER, read(company(12)))
    assert (made.plan.changes, made.reasons, made.left()) == ((), {}, {})


def test_ahead_it_is_for_who_is_to_leave_and_holds_from_their_end_whatever_is_found_today(leaving):
    other = replace(leaving, pinned=replace(leaving.pinned, findings="sha256:1"))
    made = derive(replace(ORDER, ahead=True), other).plan
    assert made.ahead is not None
    assert made.ahead.persons == ("hr:person:6",)
    assert made.valid_from == made.ahead.since == SOON
    assert made.expires_at == made.ahead.until
    assert (made.scope.persons, made.scope.rules) == (("hr:person:6",), RULES)
    assert PlanOrder.of(made).ahead


def test_ahead_nobody_who_stays(leaving):
    with pytest.raises(PlanRefused, match="hr:person:5 is not to leave"):
        derive(replace(ORDER, ahead=True, scope=Scope(persons=("hr:person:5",))), leaving)
