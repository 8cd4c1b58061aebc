"""The pictures of README and runbooks, from real audits of the example company: ``make pictures``, with Chromium.

They differ from machine to machine by their fonts, so nothing holds them to the byte.
"""

import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import sync_playwright

from access_review import runs
from access_review.revoke import passkeys
from access_review.stages.decide_signed_in import own_items
from tests.support.command import in_folder
from tests.support.example import AUDITED_AT, REPOSITORY, as_it_was_before, copy_example
from tests.web import company

PICTURES = REPOSITORY / "runbooks" / "pictures"
DESK, PHONE, PAPER = (1400, 900), (390, 844), (794, 1123)
REVIEWED_BEFORE = "2026-10-26T06:00:00Z"
MANAGER = "10042"
KEPT = "Ramil Ocampo"
TANGLE, GROUP = "hr:person:10008", "ad:group:Server-Admins"
REQUESTER, LEAVER = "10005", "hr:person:10804"


def main() -> None:
    """Write every picture anew: of a week in which something got worse."""
    with tempfile.TemporaryDirectory() as name:
        folder = copy_example(Path(name))
        with as_it_was_before(folder):
            _run(folder, "--as-of", REVIEWED_BEFORE, "collect")
            _run(folder, "review")
        _run(folder, "--as-of", AUDITED_AT, "audit")
        report = max(folder.glob("runs/*/report.html"))
        page = folder / "manager.html"
        _run(folder, "report", "--manager", MANAGER, "-o", str(page))
        for what, file in ((TANGLE, "tangle.svg"), (GROUP, "group.svg"), (_finding(folder), "path.svg")):
            _run(folder, "explain", what, "--picture", str(PICTURES / file))
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), headless=True)
            _take(browser, report, "report.png", DESK)
            _take(browser, report, "report-changed.png", DESK, part="#changed")
            _take(browser, report, "report-card.png", DESK, card=KEPT)
            _take(browser, report, "report-dark.png", DESK, scheme="dark")
            _take(browser, report, "report-phone.png", PHONE)
            _take(browser, report, "report-print.png", PAPER, media="print")
            _take(browser, page, "report-manager.png", DESK)
            _take_pages(browser, folder)
            browser.close()


def _take_pages(browser: Any, folder: Path) -> None:
    """Take the pages of a reviewer, an approver and an operations head, who are signed in by a stand-in."""
    address = company.ADDRESS = "http://localhost:18779"
    policy = folder / "roles/policy.yaml"
    policy.write_text(policy.read_text("utf-8") + company.policy(runs.find(folder), address), encoding="utf-8")
    reviewer, approver, head = company.Served(folder, runs.find(folder)).reviewers()[:3]
    policy.write_text(policy.read_text("utf-8") + f"  operations: [{{person: '{head}'}}]\n", encoding="utf-8")
    key = passkeys.public_line(_public(), "localhost")
    enrolled = f'approvers:\n  - {{person: "{approver}", key: "{key}", enrolled: in person, may: [approve]}}\n'
    (folder / "roles/approvers.yaml").write_text(enrolled, encoding="utf-8")
    _run(folder, "--as-of", AUDITED_AT, "review")
    words = ("--requested-by", REQUESTER, "--rule", "leaver-active", "--person", LEAVER)
    _run(folder, "--as-of", AUDITED_AT, "plan", *words)
    served = company.Served(folder, runs.find(folder), at=AUDITED_AT)
    served.site.secure = False
    server = uvicorn.Server(uvicorn.Config(served.app, port=18779, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.05)
        _take_review(browser, served, reviewer)
        shown = _signed_in(browser, served, approver, DESK)
        shown.goto(f"{address}/plans")
        shown.click("main th a")
        shown.screenshot(path=PICTURES / "web-plan.png", full_page=True)
        shown.close()
        for size, place in ((DESK, "status"), (DESK, "leavers"), (PHONE, "scorecard")):
            shown = _signed_in(browser, served, head, size)
            shown.goto(f"{address}/{place}")
            shown.screenshot(path=PICTURES / f"web-{place}{'-phone' if size == PHONE else ''}.png")
            shown.close()
    finally:
        server.should_exit = True
        thread.join()
        served.site.close()


def _take_review(browser: Any, served: company.Served, reviewer: str) -> None:
    objected = [one.item.item for one in own_items(served.run, reviewer).items if one.item.found]
    for size, ending in ((DESK, ""), (PHONE, "-phone")):
        shown = _signed_in(browser, served, reviewer, size)
        if not ending:
            shown.goto(f"{company.ADDRESS}/review")
            shown.screenshot(path=PICTURES / "web-review.png")
        shown.goto(f"{company.ADDRESS}/review/{objected[0]}")
        if not ending:
            shown.click("details.way summary")
        shown.screenshot(path=PICTURES / f"web-item{ending}.png", full_page=not ending)
        shown.close()


def _signed_in(browser: Any, served: company.Served, person: str, size: tuple[int, int]) -> Any:
    shown = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    begun = shown.request.get(f"{company.ADDRESS}/sign-in", max_redirects=0)
    state = begun.headers["location"].rpartition("=")[2]
    shown.goto(f"{company.ADDRESS}/callback?state={state}&oid={served.object_ids[person]}")
    return shown


def _public() -> bytes:
    key = ec.derive_private_key(5, ec.SECP256R1()).public_key()  # nobody's: it only stands in the list
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _run(folder: Path, *words: str) -> str:
    done = in_folder(folder, *words)
    if done.code:
        raise RuntimeError(f"{' '.join(words)}\n{done.err}")
    return done.out


def _finding(folder: Path) -> str:
    """Return what somebody kept from a former role."""
    found = json.loads(_run(folder, "export", "findings", "--format", "json", "-o", "-"))
    return next(
        str(one["finding"]) for one in found if one["rule"] == "mover-kept-access" and one["person_name"] == KEPT
    )


def _take(
    browser: Any,
    file: Path,
    name: str,
    size: tuple[int, int],
    *,
    media: str = "screen",
    scheme: str = "light",
    part: str = "",
    card: str = "",
) -> None:
    shown = browser.new_page(viewport={"width": size[0], "height": size[1]})
    shown.emulate_media(media=media, color_scheme=scheme)
    shown.goto(file.as_uri())
    shown.wait_for_selector("#rows tr", state="attached")
    if card:
        shown.fill("#name", card)
        shown.press("#name", "Enter")
    if part:
        shown.locator(part).screenshot(path=PICTURES / name)
    else:
        shown.screenshot(path=PICTURES / name)
    shown.close()


if __name__ == "__main__":
    main()
