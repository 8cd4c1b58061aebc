"""What stops it before the first change, and who is asked."""

from datetime import timedelta

from tests.powershell.carry import Carry, Typed, digest
from tests.powershell.scenarios import scenario
from tests.powershell.world import HOST, world
from tests.powershell.written import HOUR, taking


@scenario
def without_apply_it_says_what_it_would_do(carry: Carry) -> None:
    ran = carry.out(taking(), given=())
    assert (ran.code, ran.writes, ran.rows) == (0, [], []), ran
    assert ran.out.count("planned") >= 11, ran
    assert "Take the badge back" in ran.out, ran


@scenario
def hostile_names_are_shown_and_not_obeyed(carry: Carry) -> None:
    ran = carry.out(taking(), given=())
    assert "<U+000A>" in ran.out, ran
    assert "<U+202E>" in ran.out, ran
    assert "\u202e" not in ran.out, ran
    assert "\r\n'" not in ran.out, ran


@scenario
def another_digest_stops_it_and_it_tells_the_right_one(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, given=("-Apply", "-Force", "-Digest", digest(b"x")))
    assert (ran.code, ran.calls) == (1, []), ran
    assert digest(plan) in ran.flat, ran


@scenario
def one_byte_of_the_plan_stops_it(carry: Carry) -> None:
    plan = taking()
    other = plan.replace(b"Take the badge", b"Take the Badge", 1)
    assert other != plan
    ran = carry.out(other, given=("-Apply", "-Force", "-Digest", digest(plan)))
    assert (ran.code, ran.calls) == (1, []), ran


@scenario
def a_plan_that_has_expired_stops_it(carry: Carry) -> None:
    ran = carry.out(taking(expires=-timedelta(minutes=1)))
    assert (ran.code, ran.calls) == (1, []), ran
    assert "expired" in ran.err, ran


@scenario
def a_plan_made_ahead_does_nothing_before_its_hour(carry: Carry) -> None:
    ran = carry.out(taking(holds=HOUR))
    assert (ran.code, ran.calls) == (1, []), ran


@scenario
def another_tenant_stops_it(carry: Carry) -> None:
    state = world()
    state["graph"]["tenant"] = "0b0b0b0b-0000-4000-8000-000000000009"
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.writes) == (1, []), ran
    assert "another tenant" in ran.err, ran


@scenario
def no_connection_stops_it(carry: Carry) -> None:
    state = world()
    state["graph"]["connected"] = False
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.writes) == (1, []), ran
    assert "Connect-MgGraph" in ran.err, ran


@scenario
def another_domain_stops_it(carry: Carry) -> None:
    state = world()
    state["ad"]["domains"] = {name: {**one, "sid": "S-1-5-21-9-9-9"} for name, one in state["ad"]["domains"].items()}
    ran = carry.out(taking(), state=state)
    assert (ran.code, ran.writes) == (1, []), ran
    assert "another domain" in ran.err, ran


@scenario
def a_directory_that_is_down_stops_it(carry: Carry) -> None:
    ran = carry.out(taking(), faults={"Get-AD*": (500, 99)})
    assert (ran.code, ran.writes) == (1, []), ran


@scenario
def a_batch_that_is_none_is_an_error_that_names_those_there_are(carry: Carry) -> None:
    ran = carry.out(taking(), "-Batch", "nonsense")
    assert (ran.code, ran.writes) == (1, []), ran
    assert "batch-1" in ran.err, ran


@scenario
def one_batch_alone(carry: Carry) -> None:
    ran = carry.out(taking(), "-Batch", "batch-2")
    assert (ran.code, len(ran.rows), len(ran.writes)) == (0, 2, 1), ran


@scenario
def one_source_alone(carry: Carry) -> None:
    ran = carry.out(taking(), "-Source", "entra")
    assert ran.code == 0, ran
    assert ran.writes, ran
    assert not [call for call in ran.calls if "AD" in call["call"]], ran


@scenario
def one_source_on_a_server_of_ones_own(carry: Carry) -> None:
    ran = carry.out(taking(), "-Source", "ad", "-Server", HOST)
    assert ran.code == 0, ran
    assert not [call for call in ran.calls if "Mg" in call["call"]], ran
    assert {call["with"].get("Server") for call in ran.calls} == {HOST}, ran


@scenario
def what_if_changes_nothing_and_logs_nothing(carry: Carry) -> None:
    ran = carry.out(taking(), "-WhatIf")
    assert (ran.code, ran.writes, ran.rows) == (0, [], []), ran
    assert ran.out.count("planned") >= 11, ran


@scenario
def where_nobody_can_be_asked_it_says_so(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, given=("-Apply", "-Digest", digest(plan)))
    assert (ran.code, ran.writes) == (1, []), ran
    assert "-Force" in ran.err, ran


def _answers_for_nobody(carry: Carry, preference: str) -> None:
    plan = taking()
    session = f"$ConfirmPreference = '{preference}'; "
    ran = carry.out(plan, given=("-Apply", "-Digest", digest(plan)), prompt=True, session=session)
    assert ran.code != 0, ran
    assert ran.writes == [], ran


@scenario
def a_preference_of_none_in_the_session_answers_for_nobody(carry: Carry) -> None:
    _answers_for_nobody(carry, "None")


@scenario
def a_preference_of_low_in_the_session_answers_for_nobody(carry: Carry) -> None:
    _answers_for_nobody(carry, "Low")


@scenario
def confirm_false_asks_nobody_either(carry: Carry) -> None:
    plan = taking()
    ran = carry.out(plan, given=("-Apply", "-Digest", digest(plan), "-Confirm:$false"))
    assert (ran.code, len(ran.writes)) == (0, 11), ran


@scenario
def a_question_that_outlives_the_plan_changes_nothing(carry: Carry) -> None:
    plan = taking(expires=timedelta(seconds=9))
    given = ("-Apply", "-Digest", digest(plan))
    ran = carry.out(plan, given=given, flags=("-NoProfile",), typed=Typed(14, "Y\n" * 3))
    assert (ran.code, ran.writes, ran.rows) == (1, [], []), ran


@scenario
def the_defaults_of_a_person_change_nothing(carry: Carry) -> None:
    defaults = "@{ '*:ErrorAction' = 'SilentlyContinue'; '*-AD*:Server' = 'nowhere' }"
    session = f"$PSDefaultParameterValues = {defaults}; $ErrorActionPreference = 'SilentlyContinue'; "
    ran = carry.out(taking(), prompt=True, session=session, faults={"GET *": (403, 99)})
    assert ran.code != 0, ran
    assert "absent" not in ran.outcomes.values(), ran
    assert ran.of("disable-account") == ["pending", "failed"], ran


@scenario
def where_scripts_are_restricted_it_says_that_it_must_be_signed(carry: Carry) -> None:
    session = "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'; "
    ran = carry.out(taking(), prompt=True, session=session)
    assert ran.code != 0, ran
    assert ran.calls == [], ran
    assert "signed" in ran.err, ran


def _all_goes_well_where_people_write(carry: Carry, culture: str) -> None:
    ran = carry.out(taking(), environment={"LANG": culture, "LC_ALL": culture})
    assert (ran.code, len(ran.writes)) == (0, 11), ran


@scenario
def another_calendar_changes_nothing(carry: Carry) -> None:
    _all_goes_well_where_people_write(carry, "th_TH.UTF-8")


@scenario
def other_digits_change_nothing(carry: Carry) -> None:
    _all_goes_well_where_people_write(carry, "ar_SA.UTF-8")


@scenario
def another_order_of_letters_changes_nothing(carry: Carry) -> None:
    _all_goes_well_where_people_write(carry, "da_DK.UTF-8")
