"""Notes on tickets: what a desk did not take when it was due is noted later, and nothing twice."""

import pytest

from tests.real.authority import Authority
from tests.stages.test_tickets import alarms, company_with, leaver_ordered, seen_to
from tests.support import desks
from tests.support.desks import PASSWORD, TOKEN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return leaver_ordered(tmp_path_factory.mktemp("company"))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("DESK_PASSWORD", PASSWORD)
    monkeypatch.setenv("DESK_TOKEN", TOKEN)


def notes(desk):
    (ticket,) = desk.tickets
    return ticket.get("notes") or ticket.get("comments") or []


@pytest.mark.parametrize("answer", [desks.servicenow, desks.jira], ids=["servicenow", "jira"])
def test_what_a_desk_did_not_note_is_noted_when_it_does_again(before, tmp_path, authority, answer):
    with company_with(before, tmp_path, authority, answer) as (company, desk):
        assert seen_to(company).code == 0
        for at in ("2026-10-30T19:50:00Z", "2026-10-30T20:30:00Z"):
            desk.broken = [desks.refused]
            assert len(seen_to(company, at).json["tickets"]["escalated"]) == 1
        assert notes(desk) == []
        assert len(alarms(company)) == 2
        assert all("its ticket has no note of this yet: " in one for one in alarms(company))
        desk.broken = [desks.refused]
        again = seen_to(company, "2026-10-30T20:40:00Z")
        assert "INC0000001 has no note yet" in str(again.json) or "ITSEC-1 has no note yet" in str(again.json)
        later = seen_to(company, "2026-10-30T20:50:00Z")
        assert (later.code, later.json["tickets"]["escalated"]) == (0, []), later.out
        assert ["not done in time" in one for one in notes(desk)] == [True], "that it soon is says nothing any more"
        assert seen_to(company, "2026-10-30T20:55:00Z").code == 0
        assert (len(notes(desk)), len(alarms(company))) == (1, 2)


def test_an_issue_that_cannot_be_closed_has_one_note_of_why_it_is(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.jira) as (company, desk):
        assert seen_to(company).code == 0
        company.disabled.add(20)
        company.write()
        seen_to(company, "2026-10-30T19:10:00Z")
        for minute in (30, 31, 32):
            desk.broken = [desks.taken, desks.refused] if minute == 30 else [desks.refused]
            assert seen_to(company, f"2026-10-30T19:{minute}:00Z").json["tickets"]["closed"] == []
        assert len(seen_to(company, "2026-10-30T19:40:00Z").json["tickets"]["closed"]) == 1
        (ticket,) = desk.tickets
        assert (len(notes(desk)), ticket["status"][1]) == (1, "done")
        assert notes(desk)[0].startswith("Proven to be gone by two reads")


@pytest.mark.parametrize("answer", [desks.servicenow, desks.jira], ids=["servicenow", "jira"])
def test_of_a_ticket_that_was_deleted_people_hear_once_and_nothing_is_left_to_be_done_about_it(
    before, tmp_path, authority, answer
):
    with company_with(before, tmp_path, authority, answer) as (company, desk):
        assert seen_to(company).code == 0
        desk.tickets.clear()
        gone = seen_to(company, "2026-10-30T19:20:00Z")
        assert len(gone.json["tickets"]["escalated"]) == 1
        assert "was closed or deleted, and the system does not show that it is done" in alarms(company)[0]
        for minute in (25, 30):
            again = seen_to(company, f"2026-10-30T19:{minute}:00Z")
            assert (again.code, again.json["tickets"]["failed"], len(alarms(company))) == (0, [], 1), again.out
        assert len(seen_to(company, "2026-10-30T20:30:00Z").json["tickets"]["escalated"]) == 1, "it is overdue"
        company.disabled.add(20)
        company.write()
        seen_to(company, "2026-10-30T20:40:00Z")
        assert len(seen_to(company, "2026-10-30T21:00:00Z").json["tickets"]["closed"]) == 1
        assert seen_to(company, "2026-10-30T21:10:00Z").code == 0
        assert desk.tickets == []
