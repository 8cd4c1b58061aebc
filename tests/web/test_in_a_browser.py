"""The pages in Chromium: a review by keyboard, without a script, on a desk and on a phone; signed in across sites."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from access_review import runs, store
from access_review.artifacts import WORKLIST
from access_review.audit.decisions import ReviewerAnswer
from access_review.runs import Run
from access_review.stages.decide_signed_in import own_items
from access_review.store import audits, watching
from access_review.store.decisions import Assurance
from tests.real.authority import Authority
from tests.simulated_tenant import token_service
from tests.support.programs import need
from tests.web.browsing import CHROMIUM, SECRET, Site, chromium, free_port, pages, people_of, serving
from tests.web.company import ADDRESS, health_at
from tests.web.looks import look_at

sync_api = pytest.importorskip("playwright.sync_api", reason="the pages are not looked at: playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the pages are not looked at in a browser: no chromium is installed"),
]
AT = "2026-11-03T09:00:00Z"
OVERSEES = 1
"""Which reviewer, by how many items they have, is an operations head and an auditor too."""


@pytest.fixture(scope="module")
def company(audited_example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    need("oidc-provider", "people signing in", token_service.missing())
    authority, run = Authority.make(tmp_path_factory.mktemp("authority")), runs.find(audited_example)
    overseer = reviewers(run, people_of(run, "entra"))[OVERSEES]
    roles = f"  operations: [{{person: '{overseer}'}}]\n  auditors: ['{overseer}']\n"
    with serving(audited_example, run, authority, AT, roles=roles) as site:
        yield site


@pytest.fixture(scope="module")
def browser(company: Site) -> Iterator[Any]:
    with sync_api.sync_playwright() as driver, chromium(driver, company) as opened:
        yield opened


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    with pages(browser) as found:
        yield found


def reviewers(run: Run, able: Collection[str]) -> list[str]:
    """Return the reviewers who can sign in, with most items first."""
    sheets = store.read(run, WORKLIST).by_reviewer()
    return sorted((who for who in sheets if who in able), key=lambda who: (-len(sheets[who]), who))


def answer_by_keys(page: Any, number: int) -> str:
    """Answer the item that is shown by keys alone; return which it was."""
    item = page.url.rpartition("/")[2]
    key = "krd"[number % 3]
    page.keyboard.press(key)
    if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
        page.keyboard.type(f"reason {number}")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith(item))
    return str(item)


def test_a_reviewer_answers_31_by_keyboard_alone_leaves_in_the_middle_and_comes_back(company, opened):
    me = reviewers(company.run, company.people)[0]
    number = len(own_items(company.run, me).items)
    page = opened(me)
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/review/i"))
    half = [answer_by_keys(page, one) for one in range(15)]
    assert set(half) <= audits.decisions(company.run).current.keys()
    page.context.close()

    page = opened(me)
    assert f"15 of {number}" in page.inner_text("main")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/review/i"))
    rest = [answer_by_keys(page, one) for one in range(15, 31)]
    assert len({*half, *rest}) == 31

    standing = audits.recorded(company.run).standing
    for number, item in enumerate([*half, *rest]):
        row = standing[item]
        expected = (ReviewerAnswer.KEEP, ReviewerAnswer.REVOKE, ReviewerAnswer.CANNOT_SAY)[number % 3]
        assert (row.decision.decision, row.person, row.assurance) == (expected, me, Assurance.AUTHENTICATED)
        assert row.decision.seconds is not None
        assert row.decision.comment in {"", f"reason {number}"}


def test_a_second_one_cannot_see_them_and_a_stranger_is_nobody(company, opened):
    mine = own_items(company.run, reviewers(company.run, company.people)[0]).items[0].item.item
    other = opened(reviewers(company.run, company.people)[1])
    other.goto(f"{ADDRESS}/review/{mine}")
    assert "no such item on your list" in other.inner_text("main")
    stranger = opened("stranger")
    assert "You are not known here" in stranger.inner_text("main")
    stranger.goto(f"{ADDRESS}/review")
    assert "/review" not in stranger.url.removeprefix(ADDRESS)


def test_without_a_script_a_review_is_completed(company, opened):
    me = reviewers(company.run, company.people)[2]
    page = opened(me, script=False, size="phone")
    number = len(own_items(company.run, me).open)
    page.click("a.button")
    for done in range(number):
        page.check("input[value=revoke]")
        page.fill("#reason", f"no longer in the team, {done}")
        page.click("button.strong")
    assert "Everything is answered" in page.inner_text("main")
    page.click("a.button")
    page.click("button.strong")
    assert "Submitted on" in page.inner_text("main")
    standing = own_items(company.run, me)
    assert not standing.open
    assert {one.answer.decision.decision for one in standing.items if one.answer} == {ReviewerAnswer.REVOKE}


def test_axe_has_nothing_to_say_nothing_scrolls_sideways_and_it_can_be_printed(company, opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    me = reviewers(company.run, company.people)[OVERSEES]
    item = own_items(company.run, me).items[0].item.item
    page = opened(me)
    watching.write_health(
        company.folder, health_at(datetime.fromisoformat(AT), company.run, lost="no answer", seen="entra")
    )
    of_reviewers = ("/review", f"/review/{item}", "/review/submit", "/review/i0000000000000000", "/nothing", "/")
    of_overseers = (
        *("/status", "/leavers", "/campaigns", "/findings", "/sources", "/watched", "/scorecard", "/trend"),
        "/auditor",
    )
    leading_on = ("/leavers/", "/findings/", f"/campaigns/{company.run.id}/", "/campaigns/", "/status/", "/auditor/")
    for place in (*of_reviewers, "/plans", "/removals", *of_overseers):
        page.goto(ADDRESS + place)
        look_at(page, axe, place)
    for place in leading_on:
        page.goto(f"{ADDRESS}/{place.split('/')[1]}" + (f"/{company.run.id}" if place.count("/") == 3 else ""))
        page.locator(f"main a[href^='{place}']").first.click()
        look_at(page, axe, place)
    look_at(opened("stranger"), axe, "stranger")
    out = opened()
    out.goto(ADDRESS)
    look_at(out, axe, "start")


def test_a_second_server_of_a_workspace_is_refused(company):
    words = ["serve", "--port", str(free_port()), "--behind-proxy"]
    second = subprocess.run(
        [sys.executable, "-m", "access_review", "-C", str(company.folder), "--as-of", AT, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "WEB_SECRET": SECRET},
    )
    assert second.returncode == 4
    assert "another web server of this workspace is running" in second.stderr
