"""A directory that is not as the plan has it, or does not show it."""

from tests.powershell.carry import Carry
from tests.powershell.scenarios import scenario
from tests.powershell.world import of, world
from tests.powershell.written import taking


@scenario
def a_directory_that_cannot_be_read_is_failed_and_never_absent(carry: Carry) -> None:
    ran = carry.out(taking(), faults={"Get-ADObject": (500, 99)})
    assert ran.code in (1, 4), ran
    assert "absent" not in ran.outcomes.values(), ran
    assert not [call for call in ran.writes if "AD" in call["call"]], ran


@scenario
def an_object_that_is_gone_is_not_found(carry: Carry) -> None:
    state = world()
    del state["ad"]["objects"][0]
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("disable-account")) == (4, ["not found", "pending"]), ran


@scenario
def a_contact_leaves_a_group_and_an_account_that_cannot_be_read_is_not_absent(carry: Carry) -> None:
    state = world()
    one = of(state, "O'Brien")
    one["class"] = "contact"
    del one["userAccountControl"]
    ran = carry.out(taking(), state=state)
    assert ran.of("remove-member")[:2] == ["pending", "pending"], ran
    assert ran.of("disable-account")[0] == "failed", ran


@scenario
def an_error_that_does_not_end_the_statement_is_an_error(carry: Carry) -> None:
    """As functions write it that stand for a session elsewhere."""
    faults = {"Disable-ADAccount": (403, 1)}
    ran = carry.out(taking(), prompt=True, environment={"STUB_PROXY": "1"}, faults=faults)
    assert (ran.code, ran.of("disable-account")) == (4, ["failed", "pending"]), ran
    assert "denied" in ran.notes("disable-account"), ran


@scenario
def what_adminsdholder_protects_says_who_can(carry: Carry) -> None:
    state = world()
    of(state, "O'Brien")["adminCount"] = 1
    ran = carry.out(taking(), state=state, faults={"Disable-ADAccount": (403, 1)})
    assert ran.code == 4, ran
    assert "tier 0" in ran.notes("disable-account"), ran


@scenario
def a_left_over_admin_count_stops_nobody_who_may(carry: Carry) -> None:
    state = world()
    of(state, "O'Brien")["adminCount"] = 1
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("disable-account")[0]) == (0, "pending"), ran


def _unseen(carry: Carry, how: str) -> None:
    state = world()
    of(state, "Fin")["hidden"] = how
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.of("remove-member")[1]) == (4, "failed"), ran


@scenario
def members_that_may_not_be_seen_as_in_samba_are_failed_and_never_absent(carry: Carry) -> None:
    _unseen(carry, "as in Samba")


@scenario
def members_of_which_no_question_is_answered_are_failed_and_never_absent(carry: Carry) -> None:
    _unseen(carry, "silent")


@scenario
def a_primary_group_is_not_absent(carry: Carry) -> None:
    state = world()
    of(state, "Fin")["member"] = []
    of(state, "O'Brien")["primaryGroupID"] = 2101
    ran = carry.out(taking(), state=state)
    assert ran.code == 4, ran
    assert "primary group" in ran.notes("remove-member"), ran
