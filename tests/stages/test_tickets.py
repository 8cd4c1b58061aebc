"""Work orders as tickets through the command line, at desks that answer over HTTPS as ServiceNow and Jira do."""

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from access_review import runs
from access_review.revoke.journal import Note
from access_review.store.journal import JournalFile
from tests.real.authority import Authority
from tests.support import desks
from tests.support.desks import PASSWORD, TOKEN, USER, DeskServer
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

ORDERED, FRIDAY = "2026-10-30T18:30:00Z", "2026-10-30T19:00:00Z"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return leaver_ordered(tmp_path_factory.mktemp("company"))


def leaver_ordered(folder):
    """Return a company that somebody has left, whose account was ordered to be disabled an hour before its desk is declared."""
    company = Company(folder)
    assert company.run("audit", at="2026-10-26T06:00:00Z").code == 0
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-10-26T07:00:00Z").code == 0
    company.leave(20, "2026-10-30")
    assert company.run("apply", "--standing", at=ORDERED).code == 0
    return company


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("DESK_PASSWORD", PASSWORD)
    monkeypatch.setenv("DESK_TOKEN", TOKEN)


@contextmanager
def company_with(before, tmp_path, authority, answer, *more):
    """Give a company with a desk, and the desk."""
    with DeskServer(tmp_path / "desk", authority, answer) as desk:
        company = before.copy(tmp_path / "company")
        common = [f"url: {desk.url}", f"ca: {authority.file}"]
        if answer is desks.servicenow:
            words = ["kind: servicenow", f"user: {USER}", "password: {env: DESK_PASSWORD}", *common]
        else:
            words = ["kind: jira", "token: {env: DESK_TOKEN}", "project: ITSEC", *common]
        declare(company, *words, *more)
        yield company, desk


def declare(company, *words):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + f"notify:\n  tickets: {{{', '.join(words)}}}\n")


def seen_to(company, at=FRIDAY):
    """Read again what was ordered, which sees to the tickets."""
    run = next(company.folder.glob("runs/*/standing/journal.sqlite")).parents[1].name
    return company.run("--json", "--run", run, "verify", "--of", "standing", at=at)


def alarms(company):
    return [one for one in company.notices() if "Subject: Work order" in one]


@pytest.mark.parametrize("answer", [desks.servicenow, desks.jira], ids=["servicenow", "jira"])
def test_an_order_is_a_ticket_that_is_escalated_and_closed_by_proof_alone(before, tmp_path, authority, answer):
    with company_with(before, tmp_path, authority, answer) as (company, desk):
        done = seen_to(company)
        assert done.code == 0, done.err
        (opened,) = done.json["tickets"]["opened"]
        assert opened["number"] == ("INC0000001" if answer is desks.servicenow else "ITSEC-1")
        assert opened["due"] == "2026-10-30T20:00:00+00:00", "four hours after the day ended in Manila"
        (ticket,) = desk.tickets
        text = ticket["description"] if answer is desks.servicenow else desks.said(ticket["description"])
        assert text.startswith("disable u20 in ledger of Person 20\nSystem: ledger\nAccount: u20")
        if answer is desks.servicenow:
            assert ticket["due_date"] == "2026-10-30 20:00:00"
        else:
            assert ticket["duedate"] == "2026-10-30"
        assert PASSWORD not in done.out + done.err
        again = seen_to(company, "2026-10-30T19:05:00Z")
        assert (again.json["tickets"]["opened"], len(desk.tickets)) == ([], 1), "and nobody is asked twice"

        late = seen_to(company, "2026-10-30T19:50:00Z")
        assert [one["number"] for one in late.json["tickets"]["escalated"]] == [opened["number"]]
        assert seen_to(company, "2026-10-30T19:55:00Z").json["tickets"]["escalated"] == [], "each once"
        over = seen_to(company, "2026-10-30T20:30:00Z")
        assert len(over.json["tickets"]["escalated"]) == 1
        notes = ticket["notes"] if answer is desks.servicenow else ticket["comments"]
        assert [("almost over" in one, "not done in time" in one) for one in notes] == [(True, False), (False, True)]
        assert [one.splitlines()[0] for one in alarms(company)] == ["To: Person 7"] * 2
        assert all("verify --of standing" in one for one in alarms(company))

        if answer is desks.servicenow:
            ticket["state"] = "6"
        else:
            ticket["status"] = ("Done", "done")
        by_hand = seen_to(company, "2026-10-30T21:00:00Z")
        assert len(by_hand.json["tickets"]["escalated"]) == 1, "a button proves nothing"
        assert by_hand.json["tickets"]["closed"] == []
        assert any("was closed or deleted, and the system does not show" in one for one in alarms(company))
        if answer is desks.servicenow:
            ticket["state"] = "2"
        else:
            ticket["status"] = ("In Progress", "indeterminate")

        company.disabled.add(20)
        company.write()
        once = seen_to(company, "2026-10-30T22:00:00Z")
        assert once.json["tickets"]["closed"] == [], "one read is no proof"
        twice = seen_to(company, "2026-10-30T22:20:00Z")
        assert [one["number"] for one in twice.json["tickets"]["closed"]] == [opened["number"]]
        closed = ticket["state"] == "6" if answer is desks.servicenow else ticket["status"][1] == "done"
        assert closed
        before_last = len(desk.made())
        assert seen_to(company, "2026-10-30T23:00:00Z").json["tickets"] == {
            "opened": [],
            "closed": [],
            "escalated": [],
            "failed": [],
        }
        assert len(desk.made()) == before_last


def test_the_unattended_job_and_the_daily_one_see_to_tickets_at_once(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        company.leave(21, "2026-10-30")
        done = company.run("--json", "apply", "--standing", at=FRIDAY)
        assert done.code == 0, done.err
        assert [one["number"] for one in done.json["tickets"]["opened"]] == ["INC0000001", "INC0000002"]
        assert sorted(one["short_description"].split()[1] for one in desk.tickets) == ["u20", "u21"]
        late = company.run("remind", at="2026-10-30T19:50:00Z")
        assert "Ticket INC0000001 escalated: disable u20 in ledger of Person 20, to be done by" in late.out


def test_a_look_of_cron_opens_escalates_and_says_what_the_desk_does_not_take(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        look = partial(company.run, "--json", "watch", "--once")
        assert look(at=FRIDAY).code == 0
        assert [one["number"] for one in desk.tickets] == ["INC0000001"]
        assert look(at="2026-10-30T20:30:00Z").code == 0
        assert [one.splitlines()[1] for one in alarms(company)][-1] == "Subject: Work order INC0000001: overdue"
    silent = look(at="2026-10-30T20:46:00Z")
    assert (silent.code, [json.loads(line)["failed"].split(":")[0] for line in silent.err.splitlines()[:-1]]) == (
        1,
        ["tickets"],
    )
    health = json.loads((company.folder / "runs/watch/health.json").read_text())
    assert (health["at"][:16], health["looks"]) == ("2026-10-30T20:46", 1)


@pytest.mark.parametrize("answer", [desks.servicenow, desks.jira], ids=["servicenow", "jira"])
def test_the_order_of_a_leaver_who_has_not_left_is_urged_on_by_nobody_and_ended_by_a_read(
    before, tmp_path, authority, answer
):
    with company_with(before, tmp_path, authority, answer) as (company, desk):
        assert len(seen_to(company).json["tickets"]["opened"]) == 1
        company.status.clear()
        company.write()
        reminded = company.run("remind", at="2026-10-30T20:30:00Z")
        assert reminded.code == 1, "it is overdue"
        assert "is not to be done any more: the person is active: the end was rescinded" in reminded.out
        assert "verify --of standing ends the order" in reminded.out
        (ticket,) = desk.tickets
        assert (ticket.get("notes", []), ticket.get("comments", []), alarms(company)) == ([], [], [])
        job = company.run("--json", "apply", "--standing", at="2026-10-30T20:35:00Z")
        (told,) = job.json["unproven"]
        assert (job.code, "not to be done any more: the person is active" in told) == (4, True), job.out
        assert len(job.json["tickets"]["closed"]) == 1
        said = ticket["close_notes"] if answer is desks.servicenow else ticket["comments"][0]
        assert said.startswith("Nothing is to be done any more: the person is active")
        assert "Where it was done already, it is to be given back" in said
        assert not (company.folder / f"runs/{job.json['run']}/standing/orders.csv").exists()
        again = company.run("--json", "apply", "--standing", at="2026-10-30T20:50:00Z")
        assert (again.code, again.json["unproven"], len(desk.tickets)) == (0, [], 1), again.out
        run = next(company.folder.glob("runs/*/standing/tickets.json")).parents[1].name
        shown = company.run("--run", run, "verify", "--of", "standing", at="2026-10-30T20:55:00Z")
        assert re.search(r"manual u20 \(c-\w+\): the person is active: the end was rescinded", shown.out), shown.out
        company.leave(20, "2026-10-30")
        anew = company.run("--json", "apply", "--standing", at="2026-10-30T21:05:00Z")
        assert (len(anew.json["done"]), len(desk.tickets)) == (1, 2), "who leaves again is ordered anew"


def test_a_ticket_that_a_desk_surely_has_not_opened_is_needed_no_more_when_the_work_is_done(
    before, tmp_path, authority
):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.broken = [desks.sleeping]
        assert seen_to(company).code == 1
        company.disabled.add(20)
        company.write()
        soon = seen_to(company, "2026-10-30T19:02:00Z")
        assert "nobody knows yet whether" in soon.json["tickets"]["failed"][0]
        for at in ("2026-10-30T19:10:00Z", "2026-10-30T19:30:00Z"):
            done = seen_to(company, at)
            assert (done.code, done.json["tickets"]["failed"], desk.tickets) == (0, [], []), at


def ordered_besides(company, numbers):
    """Let more people leave, whose accounts are ordered to be disabled."""
    policy = company.folder / "roles/policy.yaml"
    limits = "limits: {disable: {percent: 20, floor: 20}}\n"
    policy.write_text(policy.read_text().replace("daily: 2", "daily: 20") + limits)
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-10-30T18:40:00Z").code == 0
    for number in numbers:
        company.leave(number, "2026-10-30")


def test_what_a_desk_refuses_of_some_keeps_the_tickets_of_others_back_for_nobody(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.broken = [desks.refused] * 4
        ordered_besides(company, range(21, 27))
        done = company.run("--json", "apply", "--standing", at=FRIDAY)
        assert (done.code, len(done.json["tickets"]["opened"]), len(desk.tickets)) == (1, 3, 3), done.out
        assert len(alarms(company)) == 1, (
            "of the one that was ordered half an hour ago; the others wait a quarter of it"
        )


def test_while_a_desk_is_down_people_hear_of_every_order_that_is_late(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        ordered_besides(company, range(21, 26))
        assert len(company.run("--json", "apply", "--standing", at=FRIDAY).json["tickets"]["opened"]) == 6
        other = desk.url
    policy = company.folder / "roles/policy.yaml"
    assert other in policy.read_text()
    late = company.run("remind", at="2026-10-30T20:30:00Z")
    assert (late.code, late.out.count("escalated")) == (1, 6), late.out
    told = alarms(company)
    assert (len(told), len({one.splitlines()[1] for one in told})) == (6, 6)
    assert all("is not done in time (its ticket has no note of this yet: " in one for one in told)


@pytest.mark.parametrize("answer", [desks.servicenow, desks.jira], ids=["servicenow", "jira"])
def test_an_answer_that_is_lost_opens_no_second_ticket(before, tmp_path, authority, answer):
    with company_with(before, tmp_path, authority, answer) as (company, desk):
        desk.broken, desk.hidden = [desks.lost], 2
        done = seen_to(company)
        assert done.code == 1
        assert "the answer of the desk was lost" in done.json["tickets"]["failed"][0]
        if answer is desks.jira:  # whose search does not show the issue yet
            soon = seen_to(company, "2026-10-30T19:01:00Z")
            assert "nobody knows yet whether" in soon.json["tickets"]["failed"][0]
        found = seen_to(company, "2026-10-30T19:10:00Z")
        assert (found.code, len(found.json["tickets"]["opened"])) == (0, 1), found.err
        assert len(desk.tickets) == 1


def test_a_page_in_place_of_an_answer_is_none_and_a_busy_desk_is_asked_again(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.broken = [desks.busy, desks.busy, desks.sleeping]
        done = seen_to(company)
        assert done.code == 1
        assert (len(desk.made()), desk.tickets) == (3, [])
        assert "nobody knows yet" in seen_to(company, "2026-10-30T19:02:00Z").json["tickets"]["failed"][0]
        assert len(seen_to(company, "2026-10-30T19:06:00Z").json["tickets"]["opened"]) == 1
        assert len(desk.tickets) == 1


def test_killed_between_the_call_and_its_record_opens_one_ticket(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.jira) as (company, desk):
        run = next(company.folder.glob("runs/*/standing/journal.sqlite")).parents[1].name
        words = ["-C", str(company.folder), "--as-of", FRIDAY, "--run", run, "verify", "--of", "standing"]
        program = [sys.executable, "-m", "tests.support.killed_at_desk", *words]
        ended = subprocess.run(program, capture_output=True, check=False, cwd=Path(__file__).parents[2])
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert len(desk.tickets) == 1
        (kept,) = company.folder.glob("runs/*/standing/tickets.json")
        assert [one["number"] for one in json.loads(kept.read_text())["tickets"]] == [""]
        seen_to(company, "2026-10-30T19:01:00Z")
        assert len(desk.tickets) == 1
        assert [one["number"] for one in json.loads(kept.read_text())["tickets"]] == ["ITSEC-1"]


def test_a_plan_that_cannot_be_read_is_said_and_keeps_nothing_back_of_the_others(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        broken = runs.all_runs(company.folder)[0].folder / "earlier"
        broken.mkdir(mode=0o700)
        (broken / "plan.json").write_text("{}")
        with JournalFile(broken / "journal.sqlite", "sha256:" + "0" * 64) as journal:
            journal.note(Note("opened", datetime.fromisoformat(ORDERED), "00007"))
            journal.flush()
        done = company.run("remind", at=FRIDAY)
        assert (done.code, len(desk.tickets)) == (1, 1), (done.out, done.err)
        assert f"Tickets: the earlier of {broken.parent.name}: " in done.out


def test_a_ticket_of_somebody_else_is_neither_noted_on_nor_closed(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        assert seen_to(company).code == 0
        other = {**desk.tickets[0], "number": "INC0000666", "sys_id": f"{0x666:032x}", "correlation_id": "theirs"}
        desk.tickets.append(dict(other))
        (kept,) = company.folder.glob("runs/*/standing/tickets.json")
        kept.write_text(kept.read_text().replace(desk.tickets[0]["sys_id"], other["sys_id"]))
        company.disabled.add(20)
        company.write()
        seen_to(company, "2026-10-30T19:30:00Z")
        done = seen_to(company, "2026-10-30T20:30:00Z")
        assert done.code == 1
        assert "does not carry access-review-" in done.json["tickets"]["failed"][0]
        assert desk.tickets[1] == other
        kept.write_text(kept.read_text().replace(other["sys_id"], "../../../api/now/table/sys_user/1"))
        assert "no key of a desk" in seen_to(company, "2026-10-30T20:40:00Z").json["tickets"]["failed"][0]


def test_a_desk_that_leaves_the_question_out_opens_nothing(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.tickets.append({"number": "INC0000001", "sys_id": "1" * 32, "correlation_id": "", "active": "true"})
        desk.ignores_queries = True
        done = seen_to(company)
        assert (done.code, len(desk.tickets)) == (1, 1)
        assert "cannot be asked by correlation_id" in done.json["tickets"]["failed"][0]


def test_what_the_desk_refuses_is_said_with_what_to_do_and_costs_no_write_to_any_system(
    before, tmp_path, authority, monkeypatch
):
    with company_with(before, tmp_path, authority, desks.jira, "due: customfield_1") as (company, _):
        done = seen_to(company)
        assert done.code == 1
        assert "customfield_1: Field 'customfield_1' cannot be set" in done.json["tickets"]["failed"][0]
        assert [one["state"] for one in done.json["changes"]] == ["ordered"], "the order itself stands"
        policy = company.folder / "roles/policy.yaml"
        policy.write_text(policy.read_text().replace("due: customfield_1", "due: duedate"))
        monkeypatch.setenv("DESK_TOKEN", "wrong")
        wrong = seen_to(company, "2026-10-30T19:01:00Z")
        assert "check user and password or token" in wrong.json["tickets"]["failed"][0]
        monkeypatch.delenv("DESK_TOKEN")
        assert "DESK_TOKEN is not set" in seen_to(company, "2026-10-30T19:02:00Z").json["tickets"]["failed"][0]
        (told,) = alarms(company)
        assert "could not be opened as a ticket" in told, "half an hour after it was ordered, and once"
        assert "customfield_1" in told
        assert "/standing/orders.csv" in told


def test_the_policy_holds_templates_that_name_what_there_is(before, tmp_path):
    company = before.copy(tmp_path / "company")
    declare(company, "kind: jira", "url: 'https://x.test'", "token: hunter2", "project: ITSEC", "text: '{person.name}'")
    refused = company.run("check", at=FRIDAY)
    assert refused.code == 2
    assert "{person.name} is none of {change}, {what}" in refused.err
    assert "does not stand in the policy" in refused.err
    assert "hunter2" not in refused.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("number", "INC1\n\x1b]0;owned\x07"),
        ("number", "\ud800"),
        ("number", "9" * 5000),
        ("number", 5),
        ("number", "  "),
        ("sys_id", "../sys_user/1"),
        ("sys_id", " "),
        ("sys_id", "<script>"),
    ],
    ids=["control", "half", "long", "no text", "blank", "a way", "blank key", "markup"],
)
def test_what_cannot_be_the_number_or_key_of_a_ticket_is_none_and_nothing_is_asked_twice(
    before, tmp_path, authority, name, said
):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.broken = [lambda status, body: (status, {"result": {**body["result"], name: said}})]
        done = seen_to(company)
        assert (done.code, done.json["tickets"]["opened"]) == (1, [])
        assert f"has no {name}" in done.json["tickets"]["failed"][0]
        (opened,) = seen_to(company, "2026-10-30T19:06:00Z").json["tickets"]["opened"]
        assert (opened["number"], len(desk.tickets)) == ("INC0000001", 1)


def test_an_answer_that_is_nested_without_end_stops_nothing(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        desk.broken = [lambda *_: (200, "[" * 100_000)]
        desk.broken[0].of_reads = True
        done = seen_to(company)
        assert done.json["tickets"]["failed"] == [
            "the answer of the desk was lost → it is looked up before anything is asked again"
        ]


def test_a_ticket_that_somebody_wrote_to_be_closed_is_not_while_the_journal_has_no_proof(before, tmp_path, authority):
    with company_with(before, tmp_path, authority, desks.servicenow) as (company, desk):
        seen_to(company)
        (file,) = company.folder.glob("runs/*/standing/tickets.json")
        kept = json.loads(file.read_text())
        kept["tickets"][0]["closed_at"] = "2026-10-30T19:01:00+00:00"
        file.chmod(0o600)
        file.write_text(json.dumps(kept))
        late = seen_to(company, "2026-10-30T20:30:00Z")
        assert [one["number"] for one in late.json["tickets"]["escalated"]] == ["INC0000001"], (
            "it is overdue all the same"
        )
        assert desk.tickets[0]["state"] != "6"
