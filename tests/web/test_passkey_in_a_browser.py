"""A plan asked for on the command line is approved in Chromium with a passkey, enrolled there, and goes out."""

import re
from pathlib import Path
from typing import Any

import pytest

from access_review import runs
from tests.real.authority import Authority
from tests.simulated_tenant import token_service
from tests.support.programs import need
from tests.support.workspaces import Company
from tests.web.browsing import CHROMIUM, attach, chromium, enrol, pages, serving, wait_for
from tests.web.company import ADDRESS
from tests.web.looks import look_at

sync_api = pytest.importorskip("playwright.sync_api", reason="the pages are not looked at: playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the pages are not looked at in a browser: no chromium is installed"),
]
MONDAY, ASKED, NOW = "2026-10-26T06:00:00Z", "2026-10-26T06:05:00Z", "2026-10-26T06:30:00Z"
APPROVER = "hr:person:00008"


def _looks(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    look_at(page, axe, page.url)


def test_a_passkey_is_enrolled_signs_an_approval_and_the_plan_goes_out(tmp_path: Path) -> None:
    need("oidc-provider", "people signing in", token_service.missing())
    company = Company(tmp_path / "company")
    company.besides = [(12, "Payments")]
    company.write()
    assert company.run("audit", at=MONDAY).code == 0
    approvers = company.folder / "roles/approvers.yaml"
    with (
        serving(company.folder, runs.find(company.folder), Authority.make(tmp_path / "ca"), NOW, "ledger") as site,
        sync_api.sync_playwright() as driver,
        chromium(driver, site) as browser,
        pages(browser) as opened,
    ):
        without = opened(APPROVER, script=False)
        without.goto(f"{ADDRESS}/passkey")
        assert without.is_disabled("button.strong"), "nothing goes off that no passkey signs"
        page = opened(APPROVER, prepare=attach)
        entry = enrol(page)
        _looks(page)
        # A repository review takes the line in, and a plan made after it is approved by it.
        approvers.write_text(approvers.read_text() + entry + "\n")
        assert company.run("review", at=MONDAY).code == 0
        made = company.run("plan", "--requested-by", "00007", at=ASKED)
        assert made.code == 0, made.err
        assert company.sign(7, "--request", at="2026-10-26T06:10:00Z").code == 0
        page.goto(f"{ADDRESS}/passkey")
        _looks(page)
        page.goto(f"{ADDRESS}/plans")
        page.click("main th a")
        assert "Payments" in page.inner_text("pre.plan")
        _looks(page)
        page.fill("#reason", "seen in full")
        page.click("button.strong")
        _looks(page)
        session, authenticator = page.authenticator
        unverified = {"authenticatorId": authenticator["authenticatorId"], "isUserVerified": False}
        session.send("WebAuthn.setUserVerified", unverified)
        page.click("button.strong")
        wait_for(page, "did not sign (NotAllowedError)")
        session.send("WebAuthn.setUserVerified", unverified | {"isUserVerified": True})
        page.click("button.strong")
        wait_for(page, "You approved this plan")
        page.goto(f"{ADDRESS}/waivers")
        _looks(page)
        page.goto(f"{ADDRESS}/statements")
        _looks(page)
        page.click("button.strong")
        _looks(page)
        page.click("button.strong")
        wait_for(page, "You signed it.")
    assert len(list(company.folder.glob("runs/approvals/standing-*.json"))) == 1
    (signed,) = company.folder.glob("runs/*/plan/approvals/approval-*.json")
    assert APPROVER in company.run("logbook", at=NOW).out or signed.exists()
    applied = company.run("apply", "--by", "00007", at="2026-10-26T06:40:00Z")
    assert re.search("approv", applied.err) is None, applied.err
    assert signed.parent.with_name("journal.sqlite").exists(), applied.err
