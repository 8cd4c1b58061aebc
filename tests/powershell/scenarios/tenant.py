"""A tenant that is not as the plan has it, answers old, or does not show it."""

from dataclasses import replace
from datetime import timedelta

from access_review.changes import Action
from tests.powershell.carry import Carry
from tests.powershell.every_action import guid
from tests.powershell.scenarios import scenario
from tests.powershell.world import ANN, TEAM, World, world
from tests.powershell.written import altered, now, taking, two_scopes


def _may_not_be_read(carry: Carry, *, prompt: bool) -> None:
    ran = carry.out(taking(), prompt=prompt, faults={"GET *": (403, 99)})
    assert ran.code == 1, ran
    assert "absent" not in ran.outcomes.values(), ran
    assert not [call for call in ran.writes if call["call"] == "Invoke-MgGraphRequest"], ran


@scenario
def a_tenant_that_may_not_be_read_is_never_absent(carry: Carry) -> None:
    _may_not_be_read(carry, prompt=False)


@scenario
def a_tenant_that_may_not_be_read_is_never_absent_at_the_prompt(carry: Carry) -> None:
    _may_not_be_read(carry, prompt=True)


@scenario
def sessions_that_somebody_ended_after_the_plan_was_made_are_ended_again(carry: Carry) -> None:
    state = world()
    ended = now() - timedelta(minutes=30)
    state["graph"]["users"][ANN]["signInSessionsValidFromDateTime"] = ended.strftime("%Y-%m-%dT%H:%M:%SZ")
    ran = carry.out(taking(), state=state)
    assert ran.of("revoke-sessions") == ["pending"], ran
    assert ran.calls_with("revokeSignInSessions"), ran


@scenario
def of_the_sessions_of_a_guest_it_says_where_they_end(carry: Carry) -> None:
    state = world()
    state["graph"]["users"][ANN]["userType"] = "Guest"
    ran = carry.out(taking(), state=state)
    assert "home tenant" in ran.notes("revoke-sessions"), ran


def _by_pim(carry: Carry, kind: str) -> tuple[str, list[World]]:
    plan = altered(Action.END_PIM, lambda one: replace(one, target=replace(one.target, mode="assigned")))
    state = world()
    hers = {"principalId": ANN, "roleDefinitionId": guid(302), "directoryScopeId": "/"}
    state["graph"]["scheduled"] = [{**hers, "id": "sc-1", "assignmentType": kind, "memberType": "Direct"}]
    ran = carry.out(plan, state=state)
    (outcome,) = ran.of("end-pim") or [""]
    return outcome, ran.graph["scheduled"]


@scenario
def an_assignment_by_pim_is_ended(carry: Carry) -> None:
    assert _by_pim(carry, "Assigned") == ("pending", [])


@scenario
def an_activation_is_none_and_is_left_alone(carry: Carry) -> None:
    outcome, left = _by_pim(carry, "Activated")
    assert (outcome, len(left)) == ("failed", 1)


@scenario
def whose_grants_nobody_can_see_any_more_is_not_found_and_never_absent(carry: Carry) -> None:
    state = world()
    graph = state["graph"]
    del graph["users"][ANN]
    graph |= {"roleAssignments": [], "eligible": [], "appRoleAssignments": [], "grants": graph["grants"][:3]}
    ran = carry.out(taking(), "-Source", "entra", state=state)
    assert (ran.code, set(ran.outcomes.values())) == (4, {"not found"}), ran


@scenario
def an_account_that_is_gone_is_not_found(carry: Carry) -> None:
    state = world()
    del state["graph"]["users"][ANN]
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("revoke-sessions")) == (4, ["not found"]), ran
    assert ran.of("disable-account") == ["pending", "not found"], ran


def _group_that(carry: Carry, said: str, part: World) -> None:
    state = world()
    state["graph"]["groups"][TEAM].update(part)
    ran = carry.out(taking(), state=state)
    assert ran.code == 4, ran
    assert said in ran.notes("remove-member"), ran
    assert ANN in ran.graph["groups"][TEAM]["members"], ran


@scenario
def a_dynamic_group_fails_with_what_to_do(carry: Carry) -> None:
    _group_that(carry, "dynamic", {"groupTypes": ["DynamicMembership"]})


@scenario
def a_synchronised_group_fails_with_what_to_do(carry: Carry) -> None:
    _group_that(carry, "synchronised", {"onPremisesSyncEnabled": True})


@scenario
def a_mail_enabled_group_fails_with_what_to_do(carry: Carry) -> None:
    _group_that(carry, "mail-enabled", {"mailEnabled": True})


@scenario
def whether_an_account_is_enabled_that_does_not_come_back_is_not_disabled(carry: Carry) -> None:
    state = world()
    state["graph"]["users"][ANN]["accountEnabled"] = None
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("disable-account")) == (4, ["pending", "failed"]), ran


@scenario
def of_a_synchronised_account_it_says_that_its_directory_decides(carry: Carry) -> None:
    state = world()
    state["graph"]["users"][ANN]["onPremisesSyncEnabled"] = True
    ran = carry.out(taking(), state=state)
    assert ran.of("disable-account") == ["pending", "pending"], ran
    assert "synchronised" in ran.notes("disable-account"), ran


@scenario
def hidden_members_are_not_absent(carry: Carry) -> None:
    state = world()
    state["graph"]["groups"][TEAM]["visibility"] = "HiddenMembership"
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("remove-member")[2]) == (4, "failed"), ran
    assert "Member.Read.Hidden" in ran.notes("remove-member"), ran


@scenario
def hidden_members_are_removed_by_who_may_see_them(carry: Carry) -> None:
    state = world()
    state["graph"]["groups"][TEAM]["visibility"] = "HiddenMembership"
    state["graph"]["scopes"].append("Member.Read.Hidden")
    ran = carry.out(taking(), state=state)
    assert ran.code == 0, ran
    assert ANN not in ran.graph["groups"][TEAM]["members"], ran


@scenario
def another_assignment_than_the_approved_one_stays(carry: Carry) -> None:
    state = world()
    state["graph"]["roleAssignments"][2]["id"] = "as-9"
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("remove-role-assignment")) == (4, ["failed"]), ran
    assert len(ran.graph["roleAssignments"]) == 3, ran


def _three_scopes() -> World:
    state = world()
    state["graph"]["grants"][3]["scope"] = "Mail.Read Calendars.Read Files.Read"
    return state


def _left(graph: World) -> list[str]:
    return [one["scope"] for one in graph["grants"] if one["id"] == "as-3"]


@scenario
def of_two_scopes_of_one_consent_neither_comes_back_while_answers_are_old(carry: Carry) -> None:
    ran = carry.out(two_scopes(), state=_three_scopes(), faults={"GET *oauth2*": (3, 14)})
    assert _left(ran.graph) == ["Files.Read"], ran


@scenario
def a_scope_that_was_refused_is_not_taken_with_the_next(carry: Carry) -> None:
    ran = carry.out(two_scopes(), state=_three_scopes(), faults={"PATCH *oauth2*": (403, 1)})
    assert _left(ran.graph) == ["Mail.Read Files.Read"], ran
    assert ran.of("remove-consent") == ["failed", "pending"], ran


@scenario
def a_consent_goes_with_its_last_scope(carry: Carry) -> None:
    ran = carry.out(two_scopes())
    assert (ran.code, [one["id"] for one in ran.graph["grants"]]) == (0, ["other-0", "other-1", "other-2"]), ran
