"""A reviewer's pages, without a script: what is shown, kept, refused, taken back, handed on and submitted."""

import html
import re

import pytest

from access_review.audit.decisions import ReviewerAnswer
from access_review.stages.decide_signed_in import own_items
from access_review.store import audits
from access_review.store.decisions import Assurance
from tests.support.command import access_review
from tests.web.company import Served, seen_on


@pytest.fixture(scope="module")
def reviewers(served: Served) -> list[str]:
    return served.reviewers()


def test_everything_asked_is_on_the_sheet_with_what_the_sheets_have_and_nothing_is_chosen(served, reviewers):
    browser = served.signed_in(reviewers[0])
    sheet = browser.get("/review").text
    own = own_items(served.run, reviewers[0])
    assert len(own.items) >= 5
    assert all(f"/review/{one.item.item}" in sheet for one in own.items)
    assert f"0 of {len(own.items)} items answered" in sheet
    assert "checked" not in sheet
    assert "all" not in {button.lower() for button in ("keep all",) if button in sheet.lower()}
    one = next(one.item for one in own.items if one.item.found and one.item.entitlement)
    page = browser.get(f"/review/{one.item}").text
    for shown in (one.person, one.title, one.what, one.last_used, one.found, one.account_name):
        assert shown.replace("'", "&#39;").replace('"', "&#34;") in page
    assert " checked" not in page
    assert "<svg" in page
    assert "needed: the machine objects" in page


def test_an_answer_is_kept_as_it_is_given_known_by_id_and_timed_and_the_next_one_shown(served, reviewers):
    me = reviewers[0]
    browser = served.signed_in(me)
    own = own_items(served.run, me)
    first = next(one.item for one in own.open if not one.item.found)
    page = browser.get(f"/review/{first.item}").text
    served.ticks[0] += 12
    kept = browser.post(f"/review/{first.item}", {"answer": "keep", "reason": "", "seen": seen_on(page)})
    assert kept.status_code == 303
    assert kept.headers["location"].startswith("/review/i")
    row = audits.recorded(served.run).standing[first.item]
    assert (row.person, row.assurance, row.decision.decision) == (me, Assurance.AUTHENTICATED, ReviewerAnswer.KEEP)
    assert row.decision.seconds == 12.0
    shown = browser.get(kept.headers["location"]).text
    assert "Kept: keep for" in shown
    back = browser.post(f"/review/{first.item}/take-back", {"seen": str(row.seq)})
    assert back.status_code == 303
    assert first.item not in audits.decisions(served.run).current


def test_a_refused_answer_keeps_what_was_typed(served, reviewers):
    browser = served.signed_in(reviewers[1])
    item = own_items(served.run, reviewers[1]).open[0].item.item
    for form, told in (
        ({"answer": "revoke", "reason": " "}, "A reason is needed"),
        ({"reason": "typed already"}, "Choose an answer first"),
        ({"answer": "withdrawn", "reason": "typed already"}, "Choose an answer first"),
        ({"answer": "revoke", "reason": "x" * 2001}, "characters"),
    ):
        refused = browser.post(f"/review/{item}", {"seen": "0", **form})
        assert refused.status_code == 422
        assert told in refused.text
        assert 'role="alert"' in refused.text
        assert form["reason"].strip() in refused.text
    assert item not in audits.decisions(served.run).current


def test_a_reason_of_two_lines_comes_back_into_its_field_as_it_was_written(served, reviewers):
    browser, written = served.signed_in(reviewers[1]), 'first "line"\nsecond <line>'
    item = own_items(served.run, reviewers[1]).open[0].item.item
    refused = browser.post(f"/review/{item}", {"seen": "0", "reason": written}).text
    assert html.unescape(refused.partition('maxlength="2000">')[2].partition("</textarea>")[0]) == written
    seen = seen_on(browser.get(f"/review/{item}").text)
    assert browser.post(f"/review/{item}", {"answer": "revoke", "reason": written, "seen": seen}).status_code == 303
    for path in (f"/review/{item}", "/review/submit"):
        assert "⟨U+00" not in browser.get(path).text
    seen = seen_on(browser.get(f"/review/{item}").text)
    assert browser.post(f"/review/{item}/take-back", {"seen": seen}).status_code == 303
    handed = browser.post(f"/review/{item}/hand-on", {"to": "No One <b>", "why": 'knows "it"'})
    assert handed.status_code == 422
    assert [html.unescape(one) for one in re.findall(r'name="(?:to|why)" value="([^"]*)"', handed.text)] == [
        "No One <b>",
        'knows "it"',
    ]
    assert item not in audits.decisions(served.run).current


def test_two_tabs_lose_nothing(served, reviewers):
    me = reviewers[1]
    one, other = served.signed_in(me), served.signed_in(me)
    item = own_items(served.run, me).open[0].item.item
    seen = seen_on(one.get(f"/review/{item}").text)
    assert one.post(f"/review/{item}", {"answer": "keep", "reason": "month end", "seen": seen}).status_code == 303
    late = other.post(f"/review/{item}", {"answer": "revoke", "reason": "left the team", "seen": seen})
    assert late.status_code == 409
    assert "Answered meanwhile" in late.text
    assert "month end" in late.text
    assert "left the team" in late.text
    assert audits.decisions(served.run).current[item].decision is ReviewerAnswer.KEEP
    knowing = other.post(f"/review/{item}", {"answer": "revoke", "reason": "left the team", "seen": seen_on(late.text)})
    assert knowing.status_code == 303
    assert audits.decisions(served.run).current[item].decision is ReviewerAnswer.REVOKE


def test_nobody_else_sees_or_answers_an_item_or_learns_that_there_is_one(served, reviewers):
    mine = own_items(served.run, reviewers[0]).items[-1].item.item
    other = served.signed_in(reviewers[1])
    nothing = other.get("/review/i0000000000000000")
    assert nothing.status_code == 404
    for answer in (
        other.get(f"/review/{mine}"),
        other.post(f"/review/{mine}", {"answer": "keep", "reason": "x", "seen": "0"}),
        other.post(f"/review/{mine}/take-back", {"seen": "0"}),
        other.post(f"/review/{mine}/hand-on", {"to": reviewers[1], "why": "x"}),
    ):
        assert answer.status_code == 404
        assert "no such item on your list" in answer.text
    assert mine not in other.get("/review").text
    assert all(row.decision.item != mine or row.person == reviewers[0] for row in audits.recorded(served.run).history)


def test_an_item_is_handed_on_and_all_are_submitted_when_all_are_answered(served, reviewers):
    me = reviewers[-1]
    browser = served.signed_in(me)
    own = own_items(served.run, me)
    early = browser.get("/review/submit").text
    assert "still without an answer" in early
    assert browser.post("/review/submit", {"seen": "0"}).status_code == 409
    if len(own.open) > 1:
        item, theirs = own.open[0].item.item, own.open[0].item.own
        other = next(who for who in reviewers if who != me and who not in theirs)
        wrong = browser.post(f"/review/{item}/hand-on", {"to": "Nobody Known", "why": "theirs"})
        assert wrong.status_code == 422
        assert "nobody of the rosters" in wrong.text
        assert browser.post(f"/review/{item}/hand-on", {"to": other, "why": "theirs"}).status_code == 303
        assert item in served.signed_in(other).get("/review").text
    for one in own_items(served.run, me).open:
        seen = seen_on(browser.get(f"/review/{one.item.item}").text)
        kept = browser.post(f"/review/{one.item.item}", {"answer": "keep", "reason": "needed", "seen": seen})
        assert kept.status_code == 303
    ready = browser.get("/review/submit").text
    seen = ready.partition('name="seen" value="')[2].partition('"')[0]
    assert browser.post("/review/submit", {"seen": seen}).status_code == 303
    assert "Submitted on 2026-11-03" in browser.get("/review").text
    assert own_items(served.run, me).submitted is not None
    assert access_review(served.folder, "logbook", "--check").code == 0
