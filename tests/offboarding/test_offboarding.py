"""Offboarding verification, through the roster's own dates: the four instants, the targets, what is open where."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review import workspace as workspaces
from access_review.artifacts import LEAVERS, removal_certificate
from access_review.changes import Action
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import Unclear
from access_review.facts import FORMER_OWNERS
from access_review.offboarding import assess, checklist, clocks, leaver
from access_review.offboarding import queries as leaver_facts
from access_review.offboarding.certificate import contradiction
from access_review.offboarding.leaver import AccessItem, AccessState, Late, Leaver, LeaverStatus, Span
from access_review.plan.record import write
from access_review.policy import Applying, Offboarding, Targets
from access_review.review import establish
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.proven import proven
from access_review.revoke.states import Recheck
from access_review.revoke.states import State as Step
from access_review.revoke.verify import verify
from access_review.stages.collect import collect_run
from access_review.stages.offboarding import follow_leavers
from access_review.store.journal import JournalFile
from access_review.store.plans import journals
from access_review.tables import frame
from tests.support.command import access_review, in_own_process, lay_out
from tests.support.fake_system import FakeSystem, Time, a_change, a_plan, key_of
from tests.support.snapshots import AS_OF, snapshot, tables, workspace
from tests.support.workspaces import Company

MANILA = """connector: roster
options:
  path: people.csv
  dates: "%Y-%m-%d"
  timezone: Asia/Manila
  left_at_means: {means}
  statuses: {{active: [Active], left: [Terminated]}}
  columns: {{person: id, name: name, status: status, left_at: last_day{shift}}}
"""
ACCOUNTS = """connector: table
options:
  path: {name}.csv
  stable_id: true
  enabled: {{"yes": [open], "no": [closed]}}
  columns: {{account: login, employee_id: id, enabled: state, entitlement: role}}
match: [{{on: [employee_id, person]}}]
"""
SHIFT = ", shift_start: from, shift_end: until"
FRIDAY = datetime(2026, 11, 6, tzinfo=UTC)


def company(folder: Path, *, means: str, shift: str = "", until: str = "18:00") -> Path:
    """A leaver on Friday 6 November in Manila, whose shift ends at 18:00 there: 10:00 UTC."""
    return lay_out(
        folder,
        {
            "sources/hr.yaml": MANILA.format(means=means, shift=shift),
            "sources/people.csv": "id,name,status,last_day,from,until\n"
            f"1,Ana Lim,Terminated,2026-11-06,09:00,{until}\n2,Cem Aydin,Active,,09:00,18:00\n",
            "sources/desk.yaml": ACCOUNTS.format(name="desk"),
            "sources/desk.csv": "login,id,state,role\nana,1,open,Agent\ncem,2,open,Agent\n",
        },
    )


def seen_at(folder: Path, at: datetime) -> Leaver:
    space = workspaces.load(folder)
    made = follow_leavers(space, collect_run(space, at), at).leavers
    return leaver.find_leaver(made, "Ana Lim")


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("means", "shift", "in_time_until", "perhaps_after"),
    [
        # 18:00 in Manila is 10:00 UTC, and others have 4 h.
        ("end-of-shift", SHIFT, utc(6, 14), utc(6, 14)),
        # Without a stated end the shift of Friday may end at any time until noon on Saturday, in Manila.
        ("end-of-shift", "", utc(7, 8), utc(5, 20)),
        # The end of Friday is midnight in Manila: 16:00 UTC.
        ("end-of-day", "", utc(6, 20), utc(6, 20)),
    ],
)
def test_a_leaver_in_manila_is_late_by_the_minute_and_not_one_earlier(
    tmp_path, means, shift, in_time_until, perhaps_after
):
    folder = company(tmp_path, means=means, shift=shift)
    minute = timedelta(minutes=1)
    assert seen_at(folder, perhaps_after).clock.late is Late.NO
    at_the_line = seen_at(folder, in_time_until)
    assert at_the_line.clock.late is (Late.NO if perhaps_after == in_time_until else Late.PERHAPS)
    assert at_the_line.clock.due_latest == in_time_until
    late = seen_at(folder, in_time_until + minute)
    assert (late.clock.late, late.clock.late_by) == (Late.YES, minute)
    assert late.signs_in is AccessState.OPEN
    failed = seen_at(folder, in_time_until + timedelta(hours=20) + minute)
    assert failed.clock.late is Late.FAILED


@pytest.mark.slow
def test_the_command_line_says_the_same_wherever_the_server_stands(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    printed = []
    for zone in ("UTC", "America/Bogota"):
        at = ("--as-of", "2026-11-06T14:01:00Z")
        told = in_own_process(folder, *at, "offboarding", "--collect", environment={"TZ": zone})
        assert told.code == 0, told.err
        printed.append(told.out)
    assert printed[0] == printed[1]
    assert "late by 1 min" in printed[0]
    early = access_review(folder, "--as-of", "2026-11-06T14:00:00Z", "offboarding", "--collect")
    assert "0 of them late" in early.out
    one = access_review(folder, "--as-of", "2026-11-06T22:00:00+08:00", "--json", "offboarding", "--person", "ana lim")
    assert one.json["leavers"][0]["left_at_latest"].startswith("2026-11-06T10:00:00")
    assert access_review(folder, "offboarding", "--person", "nobody").code == 2


def test_a_night_shift_that_begins_on_the_last_day_ends_the_morning_after(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT, until="06:00")
    assert seen_at(folder, utc(7, 2)).clock.late is Late.NO  # 06:00 on Saturday is 22:00 UTC on Friday, plus 4 h
    assert seen_at(folder, utc(7, 2, 1)).clock.late is Late.YES


def test_what_was_open_and_is_gone_has_bounds_and_the_account_that_vanished_is_gone(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    seen_at(folder, utc(6, 12))
    lay_out(folder, {"sources/desk.csv": "login,id,state,role\ncem,2,open,Agent\n"})
    gone = seen_at(folder, utc(6, 18))
    assert (gone.clock.least, gone.clock.most) == (timedelta(hours=2), timedelta(hours=8))
    assert gone.clock.late is Late.PERHAPS
    assert gone.systems[0].checks[0].reason == "the account is gone"
    assert gone.gone_at == utc(6, 18)
    lay_out(folder, {"sources/desk.csv": "login,id,state,role\nana,1,open,Agent\ncem,2,open,Agent\n"})
    back = seen_at(folder, utc(6, 20))
    assert back.systems[0].reopened
    assert back.gone_at is None


def test_a_rescinded_termination_and_a_rehire_stop_it_and_are_said_once(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    assert seen_at(folder, utc(4, 0)).standing is LeaverStatus.UPCOMING
    people = folder / "sources/people.csv"
    people.write_text(people.read_text().replace("Terminated,2026-11-06", "Active,"), encoding="utf-8")
    rescinded = seen_at(folder, utc(5, 0))
    assert rescinded.standing is LeaverStatus.STOPPED
    assert "rescinded" in rescinded.note
    with pytest.raises(Unclear):
        seen_at(folder, utc(5, 1))


def test_an_incomplete_source_never_says_done(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    seen_at(folder, utc(6, 12))
    (folder / "sources/desk.csv").unlink()
    unread = seen_at(folder, utc(6, 18))
    assert unread.signs_in is AccessState.UNKNOWN
    assert unread.gone_at is None
    assert unread.clock.late is Late.PERHAPS
    told = access_review(folder, "--as-of", utc(6, 18).isoformat(), "offboarding").out
    assert "1 person has left: 0 can still sign in, 0 of them late; of 1 more that is not known" in told


def test_a_system_that_was_not_read_may_have_an_account_of_any_leaver(tmp_path):
    shut = "login,id,state,role\nana,1,closed,Agent\ncem,2,open,Agent\n"
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    lay_out(folder, {"sources/tool.yaml": ACCOUNTS.format(name="tool"), "sources/desk.csv": shut})
    unread = seen_at(folder, utc(6, 18))
    assert [(one.source, one.state(AccessItem.SIGN_IN)) for one in unread.systems] == [
        ("desk", AccessState.DONE),
        ("tool", AccessState.UNKNOWN),
    ]
    assert (unread.signs_in, unread.gone_at) == (AccessState.UNKNOWN, None)
    lay_out(folder, {"sources/tool.csv": "login,id,state,role\ncem,2,open,Agent\n"})
    assert [one.source for one in seen_at(folder, utc(6, 19)).systems] == ["desk"]


def person(native, **more):
    return {"person": f"hr:person:{native}", "name": native, **more}


LEFT = {
    "status": "left",
    "left_at_earliest": AS_OF - timedelta(hours=10),
    "left_at_latest": AS_OF - timedelta(hours=10),
}


def judged(rows, *, before=None, verified=None, settings=None, policy=None, as_of=AS_OF, owners=None):
    taken = snapshot(as_of, **rows)
    space = workspace(match={name: [{"on": ["employee_id", "person"]}] for name in ("ad", "badge")}, policy=policy)
    settings = settings or Offboarding()
    with EmbeddedEngine(taken.as_of) as engine:
        establish(taken.tables, space, engine, owners)
        going = leaver_facts.list_leaving(engine, settings.prepare)
        things = leaver_facts.list_access(engine, settings.prepare)
    missing = frozenset(tables({})) - taken.collected
    seen = checklist.ReadContext("run", as_of, taken.digest, frozenset({"ad"}), missing, {}, frozenset({"ad", "badge"}))
    return assess.assess_leavers(going, things, seen, settings, Targets(), before=before, verified=verified)


WORLD = {
    "people": [
        person("bo", **LEFT),
        person("ana"),
        {"person": "hr:person:bot", "kind": "agent", "sponsor": "hr:person:bo"},
    ],
    "accounts": [
        {
            "account": "ad:user:bo",
            "employee_id": "bo",
            "enabled": True,
            "attributes": '{"forwarding":"x@example.test"}',
        },
        {"account": "ad:user:desk", "kind": "shared", "password_set_at": AS_OF - timedelta(days=9)},
        {"account": "ad:user:fresh", "kind": "shared", "password_set_at": AS_OF},
        {"account": "ad:user:svc", "kind": "service"},
        {"account": "badge:card:1", "employee_id": "bo", "enabled": False},
    ],
    "entitlements": [
        {"entitlement": "ad:group:Team", "kind": "group"},
        {"entitlement": "ad:group:Admins", "kind": "group", "privileged": True},
        {"entitlement": "ad:group:Deny", "kind": "group", "effect": "restricts"},
        {"entitlement": "ad:licence:E3", "kind": "licence"},
        {"entitlement": "ad:group:Handed", "kind": "group"},
    ],
    "grants": [
        {"account": "ad:user:bo", "entitlement": f"ad:{name}"}
        for name in ("group:Team", "group:Admins", "group:Deny", "licence:E3")
    ],
    "owners": [
        {"object": "ad:user:svc", "owner": "hr:person:bo"},
        {"object": "ad:group:Handed", "owner": "hr:person:bo"},
        {"object": "ad:group:Handed", "owner": "hr:person:ana"},
    ],
    "credentials": [{"object": "ad:user:svc", "credential": "k1"}],
    "custody": [{"account": f"ad:user:{name}", "person": "hr:person:bo"} for name in ("desk", "fresh")],
}


def test_every_item_of_the_check_list_names_what_is_open():
    (leaver,) = judged(WORLD).leavers
    ad = next(s for s in leaver.systems if s.source == "ad")
    still = {check.item: check.open for check in ad.checks if check.state is AccessState.OPEN}
    assert still == {
        AccessItem.SIGN_IN: ("bo",),
        AccessItem.PRIVILEGED: ("Admins",),
        AccessItem.GRANTS: ("Team",),
        AccessItem.LICENCES: ("E3",),
        AccessItem.OWNED: ("svc",),
        AccessItem.SECRETS: ("secret of svc",),
        AccessItem.SHARED: ("desk",),
        AccessItem.FORWARDING: ("bo to x@example.test",),
    } | {AccessItem.SESSIONS: ()}
    assert next(check for check in ad.checks if check.item is AccessItem.SHARED).done == ("fresh",)
    agents = next(s for s in leaver.systems if s.source == "hr")
    assert agents.state(AccessItem.AGENTS) is AccessState.OPEN


@pytest.mark.parametrize(
    ("account", "rungs", "sign_in", "grants"),
    [
        ({"employee_id": None}, "", AccessState.UNKNOWN, AccessState.UNKNOWN),
        ({"employee_id": "bo", "kind": "service"}, "", AccessState.UNKNOWN, AccessState.UNKNOWN),
        ({"employee_id": None, "enabled": False}, "", AccessState.DONE, AccessState.UNKNOWN),
        # Another's now: in doubt while the same rung says so, and certain where the ladder is another.
        ({"employee_id": "ana"}, "|employee_id = person|", AccessState.UNKNOWN, AccessState.UNKNOWN),
        ({"employee_id": "ana"}, "|mail = mail|", AccessState.DONE, AccessState.NONE),
    ],
)
def test_an_account_that_is_listed_and_no_longer_linked_is_not_gone(account, rungs, sign_in, grants):
    first = judged(WORLD)
    known = {"account": "ad:user:bo", "person": "hr:person:bo", "rungs": rungs}
    now = {**WORLD, "accounts": [{"account": "ad:user:bo", **account}], "custody": [], "owners": []}
    (leaver,) = judged(now, before=first, owners=frame(FORMER_OWNERS, [known])).leavers
    ad = next(one for one in leaver.systems if one.source == "ad")
    assert (ad.state(AccessItem.SIGN_IN), ad.state(AccessItem.GRANTS)) == (sign_in, grants)
    if sign_in is AccessState.UNKNOWN:
        assert (ad.checks[0].open, ad.first_gone_at) == (("bo",), None)
        assert "still listed" in ad.checks[0].reason


def test_privileged_and_involuntary_leavers_have_the_shorter_target():
    privileged = judged(WORLD).leavers[0]
    assert privileged.clock.target == timedelta(hours=1)
    plain = {**WORLD, "grants": [], "assignments": [{"person": "hr:person:bo", "attributes": '{"why":"dismissal"}'}]}
    assert judged(plain).leavers[0].clock.target == timedelta(hours=4)
    dismissed = judged(plain, settings=Offboarding(involuntary={"why": ("dismissal",)})).leavers[0]
    assert (dismissed.involuntary, dismissed.clock.target) == (True, timedelta(hours=1))
    # Taking the privilege away first does not lengthen the time for the rest.
    assert judged(plain, before=judged(WORLD)).leavers[0].clock.target == timedelta(hours=1)


def test_sessions_are_unknown_until_none_can_have_lasted():
    closed = {**WORLD, "accounts": [{**a, "enabled": False} for a in WORLD["accounts"]]}
    first = judged(closed)
    assert first.leavers[0].systems[0].state(AccessItem.SESSIONS) is AccessState.UNKNOWN
    later = judged(closed, before=first, as_of=AS_OF + timedelta(hours=28))
    assert later.leavers[0].systems[0].state(AccessItem.SESSIONS) is AccessState.DONE


def test_two_systems_a_day_apart_are_one_exposure_with_a_skew():
    ended: Any = LEFT["left_at_latest"]
    closed = {**WORLD, "accounts": [{**a, "enabled": False} for a in WORLD["accounts"]]}
    verified = {
        ("hr:person:bo", "ad"): ended + timedelta(hours=2),
        ("hr:person:bo", "badge"): ended + timedelta(hours=9),
    }
    (leaver,) = judged(closed, verified=verified).leavers
    assert (leaver.skew_least, leaver.skew_most) == (timedelta(hours=7), timedelta(hours=7))
    assert (leaver.clock.least, leaver.clock.most) == (timedelta(hours=9), timedelta(hours=9))
    assert leaver.gone_at == ended + timedelta(hours=9)


def test_what_was_seen_open_after_it_was_proven_gone_is_proven_no_more():
    closed = {**WORLD, "accounts": [{**a, "enabled": False} for a in WORLD["accounts"]]}
    ended: Any = LEFT["left_at_latest"]
    proof = {("hr:person:bo", "ad"): ended + timedelta(hours=2)}
    seen_open = judged(WORLD)
    assert seen_open.as_of > ended + timedelta(hours=2)
    (leaver,) = judged(closed, before=seen_open, verified=proof, as_of=AS_OF + timedelta(hours=1)).leavers
    assert {system.verified_at for system in leaver.systems} == {None}


def test_the_journals_of_batches_say_when_a_sign_in_was_proven_gone(tmp_path):
    clock = Time()
    changes = [a_change(n, Action.DISABLE_ACCOUNT, source=s) for n, s in ((1, "ad"), (1, "entra"), (2, "ad"))]
    plan = a_plan(*changes, a_change(3))
    folder = tmp_path / "runs/20260202T070000Z-11111111/plan"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(write(plan))
    system = FakeSystem([key_of(one) for one in plan.changes], clock)
    systems = {"ad": system, "entra": system}
    pace = Applying(canary=0, per_minute=6000)
    began = clock.now()
    with JournalFile(folder / "journal.sqlite", plan.digest) as journal:
        apply(ApplyRun(plan, journal, systems, lambda *_: Recheck(), clock, pace))
        assert proven(journals(tmp_path)) == {}, "one read proves nothing"
        gone_by = clock.now()
        clock.wait(16 * 60)
        system.give(key_of(changes[2]))
        verify(plan.changes, journal, systems, now=clock.now(), pace=pace, targets=Targets())
    found = proven(journals(tmp_path))
    assert set(found) == {("hr:person:1", "ad"), ("hr:person:1", "entra")}
    assert all(began <= at <= gone_by for at in found.values())


def test_one_account_that_is_not_proven_off_leaves_the_system_without_proof(tmp_path):
    clock = Time()
    first, second = (a_change(n, Action.DISABLE_ACCOUNT) for n in (1, 2))
    second = replace(second, target=replace(second.target, person="hr:person:1"))
    plan = a_plan(first, second)
    folder = tmp_path / "runs/20260202T070000Z-11111111/plan"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(write(plan))
    system = FakeSystem([key_of(one) for one in plan.changes], clock)
    pace = Applying(canary=0, per_minute=6000)
    with JournalFile(folder / "journal.sqlite", plan.digest) as journal:
        apply(ApplyRun(plan, journal, {"ad": system}, lambda *_: Recheck(), clock, pace))
        clock.wait(16 * 60)
        system.give(key_of(second))
        verify(plan.changes, journal, {"ad": system}, now=clock.now(), pace=pace, targets=Targets())
        assert journal.standing(first.id).state is Step.REVOKED
    assert proven(journals(tmp_path)) == {}


def test_a_late_word_from_hr_is_shown_beside_our_own_delay():
    told = [person("bo", **LEFT, notified_at=AS_OF - timedelta(hours=3)), *WORLD["people"][1:]]
    (leaver,) = judged({**WORLD, "people": told}).leavers
    assert leaver.told_late == timedelta(hours=7)
    assert leaver.clock.late is Late.YES


@pytest.mark.parametrize(
    ("least", "most", "late"),
    [
        (4 * 60, 4 * 60, Late.NO),
        (4 * 60 + 1, 4 * 60 + 1, Late.YES),
        (24 * 60, 24 * 60, Late.YES),
        (24 * 60 + 1, 24 * 60 + 1, Late.FAILED),
        (3 * 60, 5 * 60, Late.PERHAPS),
        (None, 5 * 60, Late.UNKNOWN),
        (None, 3 * 60, Late.NO),
        (5 * 60, None, Late.YES),
    ],
)
def test_the_clock_at_its_edges(least, most, late):
    until = Span(*(None if m is None else AS_OF + timedelta(minutes=m) for m in (least, most)))
    found = clocks.run_clock(AS_OF, AS_OF, until, timedelta(hours=4), timedelta(hours=24))
    assert found.late is late


def test_what_was_said_reads_back_the_same():
    made = judged(WORLD)
    assert LEAVERS.load(LEAVERS.dump(made)) == made


def test_audits_alone_are_the_two_reads_of_a_certificate(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    (folder / "sources/desk.csv").write_text("login,id,state,role\nana,1,closed,\ncem,2,open,Agent\n", encoding="utf-8")
    for at in ("2026-11-09T06:00:00Z", "2026-11-16T06:00:00Z"):
        assert access_review(folder, "--as-of", at, "--quiet", "audit").code in {0, 3, 5}
    words = ("--as-of", "2026-11-16T07:00:00Z", "--json", "offboarding", "--certificates", str(tmp_path / "c"))
    assert list(access_review(folder, *words).json["written"]) == ["hr:person:1"]


def test_a_certificate_needs_two_reads_and_nothing_open_or_unknown(tmp_path):
    folder = company(tmp_path, means="end-of-shift", shift=SHIFT)
    seen_at(folder, utc(6, 12))
    (folder / "sources/desk.csv").write_text("login,id,state,role\nana,1,closed,\ncem,2,open,Agent\n", encoding="utf-8")

    def certified(at):
        told = access_review(
            folder, "--as-of", at, "--json", "offboarding", "--collect", "--certificates", str(tmp_path / "c")
        )
        assert told.code == 0, told.err
        return told.json

    once = certified("2026-11-06T13:00:00Z")
    assert "seen gone once only" in once["refused"]["hr:person:1"]
    proved = certified("2026-11-06T13:15:00Z")
    page = Path(proved["written"]["hr:person:1"])
    assert "Ana Lim" in page.read_text(encoding="utf-8")
    record = json.loads(page.with_suffix(".json").read_bytes())
    assert record["systems"][0]["last_seen_open"].startswith("2026-11-06T12:00")
    assert record["judged"] == "in time"
    assert record["systems"][0]["checks"]["owned"]["state"] == "not read"
    (kept,) = folder.glob("runs/20261106T1315*/certificates/*.json")
    assert kept.read_bytes() == page.with_suffix(".json").read_bytes()
    assert access_review(folder, "logbook", "--check").code == 0
    leavers = LEAVERS.load((kept.parents[1] / LEAVERS.path).read_bytes())
    given = removal_certificate("any").load(kept.read_bytes())
    assert contradiction(given, leavers) == ""
    assert contradiction(replace(given, first_seen=given.as_of), leavers).startswith("says something else")
    assert contradiction(replace(given, person="hr:person:2"), leavers).startswith(("cannot be given", "is of nobody"))
    early = replace(given, systems=(replace(given.systems[0], verified=given.as_of),))
    assert "another moment of proof" in contradiction(early, leavers)
    later = LEAVERS.dump(leavers).replace(b'"verified_at":null', b'"verified_at":"2026-11-06T13:30:00Z"')
    assert contradiction(given, LEAVERS.load(later)) == ""


@pytest.mark.slow
def test_an_export_that_was_collected_twice_certifies_nothing(tmp_path):
    company = Company(tmp_path / "company")
    company.by_machine = True
    company.leave(20, "2026-10-30")
    assert company.run("--quiet", "audit", at="2026-11-02T06:00:00Z").code == 0
    ledger = company.folder / "sources/ledger.csv"

    def certified(exported, at):
        company.disabled = {20}
        company.write()
        ledger.write_text(ledger.read_text().replace("u20,Viewer,", "u20,,"))
        moment = datetime.fromisoformat(exported).timestamp()
        os.utime(ledger, (moment, moment))
        for command in ("collect", "review", "offboarding"):
            assert company.run("--quiet", command, at=at).code in {0, 5}
        words = ("--json", "offboarding", "--certificates", str(company.folder / "certificates"))
        return company.run(*words, at=at).json

    first = certified("2026-11-03T05:00:00Z", "2026-11-03T06:00:00Z")
    assert "seen gone once only" in first["refused"]["hr:person:00020"]
    again = certified("2026-11-03T05:00:00Z", "2026-11-03T08:00:00Z")
    assert "seen gone once only; export and collect again" in again["refused"]["hr:person:00020"]
    anew = certified("2026-11-03T09:00:00Z", "2026-11-03T10:00:00Z")
    assert (anew["refused"], [*anew["written"]]) == ({}, ["hr:person:00020"])
