"""The report of the example company in Chromium: what it answers before any row is looked at, on a desk and on a phone.

Answers are taken from what was planted, never from what a review says.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.command import in_folder
from tests.support.example import AUDITED_AT, REPOSITORY, copy_example

sync_api = pytest.importorskip("playwright.sync_api", reason="the report is not looked at: playwright is not installed")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the report is not looked at in a browser: no chromium is installed"),
]

PLANTED = YAML(typ="safe").load((REPOSITORY / "sources/demo/planted.yaml").read_text("utf-8"))["planted"]
SIZES = {"desk": (1400, 900), "phone": (390, 844)}


def _planted(rule: str) -> list[dict[str, Any]]:
    return [one for one in PLANTED if one["rule"] == rule and "status" not in one]


def _named(planted: str) -> str:
    return planted.split(":", 2)[-1]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_example(tmp_path_factory.mktemp("company"))
    done = in_folder(folder, "--as-of", AUDITED_AT, "audit", "--trial")
    assert done.code == 0, done.err
    return next(folder.glob("runs/rehearsals/*/report.html"))


@pytest.fixture(scope="module", params=SIZES)
def page(request: pytest.FixtureRequest, report: Path) -> Iterator[Any]:
    width, height = SIZES[request.param]
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True)
        shown = browser.new_page(viewport={"width": width, "height": height})
        shown.said = []
        shown.on("console", lambda message: shown.said.append(message.text))
        shown.on("pageerror", lambda error: shown.said.append(str(error)))
        shown.route("**/*", lambda route: route.continue_() if route.request.url == report.as_uri() else route.abort())
        shown.goto(report.as_uri())
        shown.wait_for_selector("#rows tr")
        yield shown
        browser.close()


def _first_pages(page: Any) -> str:
    """Return what is read without looking at a row or opening anything: what to do, and how sure that is."""
    return re.sub(r"\s+", " ", page.inner_text("#today") + " " + page.inner_text("#summary"))


def _answer(page: Any, question: str) -> str:
    return str(page.inner_text(f"dl.brief dt:has-text('{question}') + dd"))


QUESTIONS = {
    "who left and can still sign in": lambda page: {
        name
        for one in _planted("leaver-active")
        if (name := _name_of(one["subject"])) and name not in _answer(page, "can still sign in").casefold()
    },
    "since when": lambda page: {"(left 2026-"} - set(re.findall(r"\(left 2026-", _answer(page, "can still sign in"))),
    "how many findings there are": lambda page: (
        {f"{len([one for one in PLANTED if 'status' not in one])} findings"}
        - set(re.findall(r"\d+ findings", _first_pages(page)))
    ),
    "how many are accepted": lambda page: (
        {f"{len([one for one in PLANTED if one.get('status') == 'waived'])} accepted exception"}
        - set(re.findall(r"\d+ accepted exception", _first_pages(page)))
    ),
    "what got worse": lambda page: (
        {"new since the run before"} - set(re.findall("new since the run before", _answer(page, "got worse")))
    ),
    "what first, and by whom": lambda page: (
        {"disable, by the administrators"} - set(re.findall("disable, by the administrators", _answer(page, "by whom")))
    ),
    "who signed in after the end": lambda page: _missing(page, "signin-after-end", "subject"),
    "which nested group hands out too much": lambda page: _missing(page, "nesting-escalates", "about"),
    "which agent exceeds its purpose": lambda page: _missing(page, "agent-beyond-purpose", "about"),
    "which power is held all the time": lambda page: _missing(page, "standing-privilege", "about"),
    "what is held though a role forbids it": lambda page: _missing(page, "never-allowed", "about"),
    "how much leavers leave behind": lambda page: (
        {f"{len(_planted('leaver-residue'))} things"} - set(re.findall(r"\d+ things", _first_pages(page)))
    ),
    "how sure we are": lambda page: (
        {"all of 10 sources read whole"} - set(re.findall(r"all of \d+ sources read whole", _answer(page, "How sure")))
    ),
}
"""What each question misses on the page: nothing, where it is answered."""


def _name_of(subject: str) -> str:
    """Return the name of a person as accounts are called after: ``adm-bruno.zych`` is Bruno Zych's."""
    found = re.search(r"([a-z]+)\.([a-z]+)(?:@|$)", _named(subject))
    return f"{found[1]} {found[2]}" if found else ""


def _missing(page: Any, rule: str, of: str) -> set[str]:
    wanted = {(_name_of(one[of]) if of == "subject" else _named(one[of]).casefold()) for one in _planted(rule)}
    assert wanted
    read = _first_pages(page).casefold()
    return {name for name in wanted if name not in read}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_before_any_row_is_looked_at(page: Any, question: str) -> None:
    assert QUESTIONS[question](page) == set()


def test_what_is_answered_in_short_stands_on_the_first_two_pages(page: Any) -> None:
    bottom = page.evaluate("document.querySelector('dl.brief').getBoundingClientRect().bottom + scrollY")
    assert bottom <= 2 * page.viewport_size["height"]


def test_nothing_scrolls_sideways_and_nothing_is_complained_of(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert page.said == []


def test_a_line_opens_its_findings_and_a_search_finds_by_text_person_and_rule(page: Any) -> None:
    page.click("#today button[data-group] >> nth=0")
    assert page.inner_text("#said").startswith(f"{len(_planted('leaver-active'))} of 101 findings")
    page.click("#whole")
    page.fill("#search", "server-admins helpdesk")
    assert page.locator("#rows tr").count() >= 1
    assert "Server-Admins" in page.inner_text("#rows tr >> nth=0")
    page.fill("#search", "")
    page.fill("#person", "iwona kos")
    page.select_option("#rule", "signin-after-end")
    assert page.inner_text("#said").startswith("1 of 101")
    page.fill("#person", "")
    page.select_option("#rule", "nesting-escalates")
    page.click("#rows summary >> nth=0")
    assert page.locator("#rows .picture svg").count() == 1
    page.select_option("#rule", "")


def test_axe_has_nothing_to_say_in_the_light_and_in_the_dark(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert [(one["id"], one["nodes"][0]["html"][:120]) for one in axe.run(page).response["violations"]] == []
