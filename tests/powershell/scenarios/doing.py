"""Everything is taken, given back, and not taken a second time."""

import copy

from tests.powershell.carry import Carry, Ran
from tests.powershell.every_action import guid
from tests.powershell.scenarios import scenario
from tests.powershell.world import ANN, OTHER, TEAM, nested, of, world
from tests.powershell.written import cutting, giving, taking


def _is_taken(ran: Ran) -> None:
    assert ran.code == 0, ran
    assert len(ran.of("disable-account")) == 2, ran
    assert {row["Outcome"] for row in ran.rows} == {"intent", "pending"}, ran
    assert len([row for row in ran.rows if row["Outcome"] == "intent"]) == 11, ran
    assert {row["Plan"] for row in ran.rows} == {ran.rows[0]["Plan"]}, ran
    five, graph = of(ran.state, "O'Brien"), ran.graph
    assert five["userAccountControl"] == 514, ran
    assert five["dn"] not in of(ran.state, "All")["member"] + of(ran.state, "Fin")["member"], ran
    assert of(ran.state, "Other")["member"] == [], ran
    assert graph["users"][ANN]["accountEnabled"] is False, ran
    assert str(graph["users"][ANN]["signInSessionsValidFromDateTime"]) > "2026", ran
    assert ANN not in graph["groups"][TEAM]["members"], ran
    assert len(graph["groups"][TEAM]["members"]) == 3, ran
    assert {one["id"] for one in graph["roleAssignments"]} == {"as-other", "as-0"}, ran
    assert graph["eligible"] == [], ran
    assert graph["appRoleAssignments"] == [], ran
    assert [one["scope"] for one in graph["grants"] if one["id"] == "as-3"] == ["Calendars.Read"], ran
    assert len(graph["grants"]) == 4, ran


@scenario
def everything_is_taken(carry: Carry) -> None:
    _is_taken(carry.out(taking()))


@scenario
def everything_is_taken_at_the_prompt(carry: Carry) -> None:
    ran = carry.out(taking(), prompt=True)
    _is_taken(ran)
    assert {ANN, OTHER} <= set(ran.graph["users"]), "nobody is deleted"


@scenario
def what_is_done_is_not_repeated(carry: Carry) -> None:
    plan = taking()
    first = carry.out(plan)
    ran = carry.out(plan, again=first)
    assert (ran.code, ran.writes) == (0, []), ran
    assert ran.after(first) == ["absent"] * 11, ran


@scenario
def what_somebody_gave_again_since_is_left_alone(carry: Carry) -> None:
    plan = taking()
    first = carry.out(plan)
    state = copy.deepcopy(first.state)
    state["graph"]["groups"][TEAM]["members"].append(ANN)
    of(state, "Fin")["member"] = [of(state, "O'Brien")["dn"]]
    ran = carry.out(plan, again=first, state=state)
    assert (ran.code, ran.writes) == (4, []), ran
    assert ran.after(first).count("there again") == 2, ran


@scenario
def an_undo_gives_everything_back_once(carry: Carry) -> None:
    taken = carry.out(taking())
    plan = giving()
    ran = carry.out(plan, state=taken.state, log="undo.csv")
    five, graph = of(ran.state, "O'Brien"), ran.graph
    assert ran.code == 0, ran
    assert five["userAccountControl"] == 512, ran
    assert five["dn"] in of(ran.state, "All")["member"], ran
    assert graph["users"][ANN]["accountEnabled"] is True, ran
    assert ANN in graph["groups"][TEAM]["members"], ran
    assert [len(graph[name]) for name in ("eligible", "appRoleAssignments", "roleAssignments")] == [1, 1, 3], ran
    assert [one["scope"] for one in graph["grants"] if one["id"] == "as-3"] == ["Calendars.Read Mail.Read"], ran
    again = carry.out(plan, again=ran, log="undo.csv")
    assert (again.code, again.writes) == (0, []), again
    assert set(again.after(ran)) == {"present"}, again


@scenario
def groups_are_cut_out_of_groups_and_put_back(carry: Carry) -> None:
    cut, back = cutting()
    state = nested()
    inner = of(state, "Carrier")["dn"]
    ran = carry.out(cut, state=state)
    assert (ran.code, ran.of("cut-nesting")) == (0, ["pending", "pending"]), ran
    assert inner not in of(ran.state, "All")["member"], ran
    assert ran.graph["groups"][TEAM]["members"] == state["graph"]["groups"][TEAM]["members"][:-1], ran
    assert guid(302) in ran.graph["groups"], ran
    given = carry.out(back, state=ran.state, log="undo.csv")
    assert (given.code, given.of("add-nesting")) == (0, ["pending", "pending"]), given
    assert inner in of(given.state, "All")["member"], given
    assert guid(302) in given.graph["groups"][TEAM]["members"], given


@scenario
def a_grant_that_has_gone_of_somebody_who_is_there_is_absent(carry: Carry) -> None:
    state = world()
    del state["graph"]["roleAssignments"][2]
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("remove-role-assignment")) == (0, ["absent"]), ran
