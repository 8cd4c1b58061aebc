"""What is refused, lost on its way, or has no effect; and when it stops."""

from tests.powershell.carry import Carry, Ran
from tests.powershell.scenarios import scenario
from tests.powershell.world import ANN
from tests.powershell.written import many, taking


def _refused(carry: Carry, *, prompt: bool) -> None:
    ran = carry.out(taking(), prompt=prompt, faults={"PATCH *": (403, 1)})
    assert (ran.code, ran.of("disable-account")) == (4, ["pending", "failed"]), ran
    assert "Authorization_RequestDenied: Insufficient privileges" in ran.notes("disable-account"), ran


@scenario
def a_refused_write_is_a_failure_and_its_reason_is_told(carry: Carry) -> None:
    _refused(carry, prompt=False)


@scenario
def a_refused_write_is_a_failure_at_the_prompt(carry: Carry) -> None:
    _refused(carry, prompt=True)


@scenario
def a_change_without_effect_is_still_there(carry: Carry) -> None:
    ran = carry.out(taking(), environment={"STUB_DEAF": "Disable-ADAccount"})
    assert (ran.code, ran.of("disable-account")[0]) == (4, "still there"), ran


@scenario
def what_a_tenant_forgets_is_still_there(carry: Carry) -> None:
    ran = carry.out(taking(), environment={"STUB_DEAF": "DELETE"})
    assert (ran.code, ran.of("remove-member")[2]) == (4, "still there"), ran


@scenario
def an_answer_lost_after_the_change_is_pending_and_said(carry: Carry) -> None:
    ran = carry.out(taking(), faults={"PATCH *users*": (2, 1)})
    assert (ran.code, ran.of("disable-account")) == (0, ["pending", "pending"]), ran
    assert "done, though" in ran.notes("disable-account"), ran


@scenario
def an_answer_lost_before_the_change_is_unknown_and_done_when_run_again(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, faults={"PATCH *users*": (1, 1)})
    assert (ran.code, ran.of("disable-account")) == (4, ["pending", "unknown"]), ran
    again = carry.out(plan, again=ran)
    last = again.rows[-1]
    assert (again.code, last["Outcome"], last["Action"]) == (0, "pending", "disable-account"), again
    assert again.graph["users"][ANN]["accountEnabled"] is False, again


def _of_the_team(ran: Ran) -> str:
    """Return the last outcome of the group of the tenant, the third that somebody is removed from."""
    ids = [row["Change"] for row in ran.rows if row["Action"] == "remove-member" and row["Outcome"] != "intent"]
    return ran.outcomes[ids[2]]


@scenario
def an_answer_lost_after_the_change_with_old_answers_is_unknown_and_its_own_work(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, faults={"DELETE *members*": (2, 1), "GET *memberOf*": (3, 4)})
    assert (ran.code, _of_the_team(ran)) == (4, "unknown"), ran
    again = carry.out(plan, again=ran)
    assert (again.code, _of_the_team(again), again.calls_with("members")) == (0, "pending", []), again


@scenario
def old_answers_for_long_are_still_there_and_its_own_work(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, faults={"GET *memberOf*": (3, 4)})
    assert (ran.code, _of_the_team(ran)) == (4, "still there"), ran
    again = carry.out(plan, again=ran)
    assert (again.code, _of_the_team(again)) == (0, "pending"), again


@scenario
def what_was_asked_for_and_not_shown_is_left_alone_and_not_said_to_be_done(carry: Carry) -> None:
    plan = taking()
    first = carry.out(plan, environment={"STUB_DEAF": "POST"})
    ran = carry.out(plan, again=first)
    assert ran.of("end-pim")[-1] == "there again", ran
    assert "asked for it before" in ran.notes("end-pim"), ran


@scenario
def five_failures_in_a_row_stop_it(carry: Carry) -> None:
    refused = ("Disable-ADAccount", "Set-ADObject", "PATCH*", "POST*")
    ran = carry.out(taking(), faults=dict.fromkeys(refused, (403, 9)))
    assert ran.code == 1, ran
    assert "Stopped" in ran.err, ran
    assert len([row for row in ran.rows if row["Outcome"] == "intent"]) == 5, ran


def _count(ran: Ran, outcome: str) -> int:
    return [row["Outcome"] for row in ran.rows].count(outcome)


@scenario
def five_failures_in_a_row_stop_a_long_plan(carry: Carry) -> None:
    made = many(60)
    ran = carry.out(made.plan, state=made.state, faults={"Disable-ADAccount": (403, 5)})
    assert (ran.code, _count(ran, "failed"), len(ran.writes)) == (1, 5, 5), ran


@scenario
def every_other_one_failing_stops_it_too(carry: Carry) -> None:
    made = many(20, unreadable=range(0, 20, 2))
    ran = carry.out(made.plan, state=made.state)
    assert (ran.code, _count(ran, "failed"), _count(ran, "pending")) == (1, 5, 4), ran


@scenario
def five_that_always_fail_do_not_keep_the_others_from_being_done(carry: Carry) -> None:
    made = many(9, unreadable=range(5))
    first = carry.out(made.plan, state=made.state)
    ran = carry.out(made.plan, again=first)
    assert _count(ran, "pending") == 4, ran


@scenario
def two_failures_of_sixty_do_not_stop_it(carry: Carry) -> None:
    made = many(60, unreadable=(3, 30))
    ran = carry.out(made.plan, state=made.state)
    assert (ran.code, _count(ran, "pending")) == (4, 58), ran
