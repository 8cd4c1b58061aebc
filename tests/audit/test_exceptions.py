"""The exception log is edited without losing a comment, by two people, and its list says how each entry stands."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review import runs
from access_review.audit import exception_log
from access_review.audit.exception_log import WaiverRequest
from access_review.declared import end_of
from access_review.errors import PlanRefused, Unclear
from access_review.policy import Exceptions
from access_review.settings import Waiver
from access_review.store import reviews
from tests.support.command import access_review
from tests.support.example import copy_example

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)
SETTINGS = Exceptions()
LOG = """# The exception log.
waivers:
  - waiver: W-2026-011
    rule: direct-grant            # a reason beside it
    subject: ad:user:ana
    about: ad:group:X
    reason: "covers"
    approver: Head of Operations
    ticket: CHG-1
    expires: 2026-11-20
"""


def request(**more):
    told = {"rule": "direct-grant", "subject": "ad:user:bo", "about": None, "reason": "needs it", "asked_by": "Ana Lim"}
    return WaiverRequest(**{**told, "ticket": "CHG-2", "expires": TODAY + timedelta(days=30), **more})


def read(text):
    return {one.waiver: one for one in exception_log._read(text).waivers}


def test_an_entry_is_added_and_every_other_line_stays():
    text, name = exception_log.request_waiver(LOG, request(), SETTINGS, TODAY)
    assert name == "W-2026-012"
    assert text.startswith(LOG)
    assert read(text)[name].approver is None
    approved = exception_log.approve_waiver(text, name, "Cem Aydin")
    assert read(approved)[name].approver == "Cem Aydin"
    assert approved.startswith(LOG)
    with pytest.raises(PlanRefused):
        exception_log.approve_waiver(approved, name, "Somebody Else")


@pytest.mark.parametrize("by", ["Ana Lim", " ana  LIM "])
def test_nobody_approves_what_they_asked_for(by):
    text, name = exception_log.request_waiver("", request(), SETTINGS, TODAY)
    with pytest.raises(PlanRefused, match="another approves"):
        exception_log.approve_waiver(text, name, by)


def test_renewing_takes_the_approval_back_and_ending_opens_what_was_accepted():
    more = TODAY + timedelta(days=60)
    renewed = exception_log.renew_waiver(
        LOG, "W-2026-011", by="Bo", ticket="CHG-9", expires=more, settings=SETTINGS, today=TODAY
    )
    entry = read(renewed)["W-2026-011"]
    assert (entry.approver, entry.expires, entry.asked_by) == (None, more, "Bo")
    assert "# a reason beside it" in renewed
    with pytest.raises(Unclear):
        exception_log.end_waiver(LOG, "W-1", NOW)


@pytest.mark.parametrize("hour", [0, 6, 11, 12, 23])
def test_what_is_ended_accepts_nothing_from_that_moment_on(hour):
    now = NOW.replace(hour=hour)
    ended = exception_log.end_waiver(LOG, "W-2026-011", now)
    over = end_of(read(ended)["W-2026-011"].expires)
    assert over is not None
    assert now - timedelta(days=1) < over <= now
    with pytest.raises(PlanRefused):
        exception_log.end_waiver(ended, "W-2026-011", now)


@pytest.mark.parametrize("days", [-1, 181])
def test_no_exception_is_older_than_today_or_longer_than_allowed(days):
    with pytest.raises(PlanRefused):
        exception_log.request_waiver(LOG, request(expires=TODAY + timedelta(days=days)), SETTINGS, TODAY)


def test_the_same_is_not_asked_for_twice():
    with pytest.raises(PlanRefused, match="W-2026-011"):
        exception_log.request_waiver(LOG, request(subject="ad:user:ana", about="ad:group:X"), SETTINGS, TODAY)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_whatever_the_reason_says_is_read_back_as_text(reason):
    if not reason.strip():
        with pytest.raises(PlanRefused, match="says why"):
            exception_log.request_waiver(LOG, request(reason=reason), SETTINGS, TODAY)
        return
    text, name = exception_log.request_waiver(LOG, request(reason=reason), SETTINGS, TODAY)
    assert read(text)[name].reason == reason.strip()


def test_nothing_is_asked_for_or_renewed_without_a_ticket():
    with pytest.raises(PlanRefused, match="which ticket"):
        exception_log.request_waiver(LOG, request(ticket=" "), SETTINGS, TODAY)
    with pytest.raises(PlanRefused, match="which ticket"):
        exception_log.renew_waiver(
            LOG, "W-2026-011", by="Bo", ticket="", expires=TODAY + timedelta(days=9), settings=SETTINGS, today=TODAY
        )


def test_how_each_entry_stands():
    full: dict[str, Any] = {"rule": "r", "subject": "s", "reason": "x", "approver": "a", "ticket": "t"}
    blank = {**full, "reason": " ", "approver": "\t"}
    rows = [
        (Waiver(waiver="0", **full, expires=TODAY - timedelta(days=2)), "expired"),
        (Waiver(waiver="1", **full, expires=TODAY - timedelta(days=1)), "expires soon, and nothing needs it"),
        (Waiver(waiver="2", rule="r", subject="s", expires=TODAY), "accepts nothing: without reason, approver, ticket"),
        (Waiver(waiver="3", **full, expires=TODAY + timedelta(days=30)), "expires soon, and nothing needs it"),
        (Waiver(waiver="4", **full, expires=TODAY + timedelta(days=31)), "in force"),
        (Waiver(waiver="5", **full, expires=TODAY + timedelta(days=31)), "nothing needs it"),
        (Waiver(waiver="6", **blank, expires=TODAY + timedelta(days=31)), "accepts nothing: without reason, approver"),
        (Waiver(waiver="7", **full | {"ticket": " "}, expires=TODAY + timedelta(days=31)), "in force; without ticket"),
    ]
    stand = exception_log.waiver_states([one for one, _ in rows], {"4": 1, "7": 1}, SETTINGS, NOW)
    assert [state for _, state in stand] == [state for _, state in rows]


@pytest.mark.slow
def test_through_the_command_line_a_finding_is_waived_by_two_people(tmp_path):
    copy_example(tmp_path)
    at = ("--as-of", "2026-11-02T06:00:00Z")
    daily = access_review(tmp_path, *at, "--json", "daily")
    assert daily.code == 0, daily.err
    found = [row for row in daily.json["signins"] if row["rule"].startswith("signin-")]
    assert {row["rule"] for row in found} == {"signin-after-end", "signin-off-shift", "signin-outside-countries"}
    applications = {row["name"]: (row["approved"], row["foreign"]) for row in daily.json["applications"]}
    assert (applications["NoteScribe AI"], applications["Quick Meeting Helper"]) == ((False, True), (False, False))
    words = ("--reason", "agreed", "--ticket", "CHG-3", "--until", "2026-12-01", "--by", "10005")
    asked = access_review(tmp_path, *at, "--json", "waive", "ask", found[0]["finding"][:10], *words)
    assert asked.code == 0, asked.err
    name = asked.json["waiver"]
    assert access_review(tmp_path, *at, "waive", "approve", name, "--by", "marek gawron").code == 4
    assert access_review(tmp_path, *at, "waive", "approve", name, "--by", "Head of Operations").code == 4
    assert access_review(tmp_path, *at, "waive", "approve", name, "--by", "10001").code == 0
    assert access_review(tmp_path, *at, "-q", "review").code == 0
    listed = access_review(tmp_path, *at, "--json", "waive", "list", "-o", str(tmp_path / "sign.csv"))
    states = {one["waiver"]: one["state"] for one in listed.json["waivers"]}
    assert states[name] == "expires soon"
    assert states["W-2026-003"] == "expired"
    assert "signed by" in (tmp_path / "sign.csv").read_text(encoding="utf-8-sig")
    assert "# expired: what it accepted is open again" in (tmp_path / "roles/waivers.yaml").read_text(encoding="utf-8")
    assert json.loads(listed.out)["kept_without_waiver"] == []


@pytest.mark.slow
@pytest.mark.parametrize("named", [0, 1], ids=["by id", "by name"])
def test_nobody_approves_the_exception_of_their_own_access_however_it_is_named(audited_example, named):
    found = reviews.read(runs.find(audited_example)).findings.to_pylist()
    beyond = [row for row in found if row["rule"] == "access-beyond-role" and row["subject"].startswith("ad:")]
    one = next(row for row in beyond if row["person"] not in {None, "hr:person:10001"})
    source, kind, _ = one["subject"].split(":", 2)
    subject = (one["subject"], f"{source}:{kind}:{one['subject_name']}")[named]
    log = audited_example / "roles/waivers.yaml"
    entry = f"""  - waiver: W-2026-90{named}
    rule: {one["rule"]}
    subject: {subject}
    about: {one["about"]}
    reason: needed
    asked_by: hr:person:10001
    ticket: CHG-9
    expires: 2026-12-01
"""
    log.write_text(log.read_text("utf-8") + entry, encoding="utf-8")
    at = ("--as-of", "2026-11-02T07:00:00Z")
    refused = access_review(audited_example, *at, "waive", "approve", f"W-2026-90{named}", "--by", one["person"])
    assert refused.code == 4
    assert "is about the access of" in refused.err
