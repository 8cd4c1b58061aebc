"""The report of the example company in Chromium: what it answers before any row is looked at, on a desk and on a phone.

Answers are taken from what was planted, never from what a review says.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.command import in_folder
from tests.support.example import AUDITED_AT, REPOSITORY, as_it_was_before, copy_example, name_of, planted

sync_api = pytest.importorskip("playwright.sync_api", reason="the report is not looked at: playwright is not installed")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the report is not looked at in a browser: no chromium is installed"),
]

PLANTED = YAML(typ="safe").load((REPOSITORY / "sources/demo/planted.yaml").read_text("utf-8"))["planted"]
REVIEWED_BEFORE = "2026-11-02T03:00:00Z"
"""So shortly before that time alone makes nothing worse."""

LAST_FRIDAY = "2026-10-30"
SIZES = {"desk": (1400, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def worse() -> list[dict[str, Any]]:
    """What was planted between the run before and the one that is looked at."""
    return []


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, worse: list[dict[str, Any]]) -> Path:
    folder = copy_example(tmp_path_factory.mktemp("company"))
    with as_it_was_before(folder) as since:
        worse += since
        for command in ("collect", "review"):
            done = in_folder(folder, "--as-of", REVIEWED_BEFORE, command)
            assert done.code in {0, 3}, done.err
    done = in_folder(folder, "--as-of", AUDITED_AT, "audit", "--trial")
    assert done.code == 0, done.err
    return next(folder.glob("runs/rehearsals/*/report.html"))


@pytest.fixture(scope="module")
def manager(report: Path) -> Path:
    """Return the page of the manager of whoever kept access."""
    folder = report.parents[3]
    done = in_folder(
        folder, "--run", report.parent.name, "report", "--manager", "10042", "-o", str(folder / "manager.html")
    )
    assert done.code == 0, done.err
    return folder / "manager.html"


@pytest.fixture(scope="module", params=SIZES)
def page(request: pytest.FixtureRequest, report: Path, manager: Path) -> Iterator[Any]:
    width, height = SIZES[request.param]
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True)
        shown = browser.new_page(viewport={"width": width, "height": height})
        shown.said = []
        shown.on("console", lambda message: shown.said.append(message.text))
        shown.on("pageerror", lambda error: shown.said.append(str(error)))
        shown.route(
            "**/*",
            lambda route: (
                route.continue_() if route.request.url in {report.as_uri(), manager.as_uri()} else route.abort()
            ),
        )
        shown.goto(report.as_uri())
        shown.wait_for_selector("#rows tr")
        yield shown
        browser.close()


def _first_pages(page: Any) -> str:
    """Return what is read without looking at a row or opening anything: what to do, and how sure that is."""
    return re.sub(r"\s+", " ", page.inner_text("#today") + " " + page.inner_text("#summary"))


def _answer(page: Any, question: str) -> str:
    return str(page.inner_text(f"dl.brief dt:has-text('{question}') + dd"))


def _who_left(page: Any) -> set[str]:
    read = _answer(page, "still has access").casefold()
    return {name for one in planted("leaver-active") if (name := _name_of(one["subject"])) not in read}


def _since_when(page: Any) -> set[str]:
    """Hold the day that is shown of each leaver against what was said when they were planted."""
    read = _answer(page, "still has access").casefold()
    shown = {name: re.search(f"{name}: left ([0-9-]{{10}}), [0-9]+ days? ago", read) for name in _leavers()}
    undated = {name for name, found in shown.items() if not found}
    return undated | {name for name, found in shown.items() if found and not found[1].startswith(_leavers()[name])}


def _leavers() -> dict[str, str]:
    """Return each planted leaver with the beginning of the day that their planter names."""
    days = {"on Friday": LAST_FRIDAY, "in September": "2026-09"}
    return {
        _name_of(one["subject"]): next((day for said, day in days.items() if said in one["why"]), "2026-")
        for one in planted("leaver-active")
        if _name_of(one["subject"])
    }


def _got_worse(page: Any, worse: list[dict[str, Any]]) -> set[str]:
    read = _answer(page, "got worse")
    number = {f"{len(worse)} findings new"} - set(re.findall(r"\d+ findings new", read))
    return number | {name_of(one["about"]) for one in worse if name_of(one["about"]) not in read}


def _why_worse(page: Any, worse: list[dict[str, Any]]) -> set[str]:
    lines = _answer(page, "got worse").splitlines()
    return {
        one["about"]
        for one in worse
        if not any(name_of(one["about"]) in line and f"{_happened(one)} since then" in line for line in lines)
    }


def _happened(one: dict[str, Any]) -> str:
    return "nested" if ":group:" in one["subject"] else "granted"


def _today(page: Any) -> set[str]:
    lines = [line for line in _answer(page, "done today").splitlines() if ":" in line]
    return {
        f"{one['rule']}: {' '.join(DONE[one['rule']])}"
        for one in PLANTED
        if one["rule"] in DONE
        and not any(line.startswith(DONE[one["rule"]][0]) and DONE[one["rule"]][1] in line for line in lines)
    }


def _counted(page: Any, number: int, what: str) -> set[str]:
    return {f"{number} {what}"} - set(re.findall(rf"\d+ {what}", _first_pages(page)))


def _sources() -> int:
    return len(list((REPOSITORY / "sources").glob("*.yaml")))


QUESTIONS: dict[str, Callable[[Any, list[dict[str, Any]]], set[str]]] = {
    "who left and can still sign in": lambda page, _: _who_left(page),
    "since when": lambda page, _: _since_when(page),
    "how many findings there are": lambda page, _: _counted(
        page, sum("status" not in one for one in PLANTED), "findings"
    ),
    "how many are accepted": lambda page, _: _counted(
        page, sum(one.get("status") == "waived" for one in PLANTED), "accepted exception"
    ),
    "what got worse": _got_worse,
    "why it got worse": _why_worse,
    "what must be done today, and by whom": lambda page, _: _today(page),
    "who signed in after the end": lambda page, _: _missing(page, "signin-after-end", "subject"),
    "which nested group hands out too much": lambda page, _: _missing(page, "nesting-escalates", "about"),
    "which agent exceeds its purpose": lambda page, _: _missing(page, "agent-beyond-purpose", "about"),
    "which power is held all the time": lambda page, _: _missing(page, "standing-privilege", "about"),
    "what is held though a role forbids it": lambda page, _: _missing(page, "never-allowed", "about"),
    "how much leavers leave behind": lambda page, _: _counted(page, len(planted("leaver-residue")), "things"),
    "how sure we are": lambda page, _: _counted(page, _sources(), "sources read whole"),
}
"""What each question misses on the page: nothing, where it is answered."""

DONE = {
    "leaver-active": ("The administrators", "left and can still sign in: disable"),
    "signin-after-end": ("The administrators", "signed in after the end: disable"),
    "nesting-escalates": ("The owner of the group", "which must be allowed by name: cut the nesting"),
}
"""Who does what about what is planted under a rule."""


def _name_of(subject: str) -> str:
    """Return the name of a person as accounts are called after: ``adm-bruno.zych`` is Bruno Zych's."""
    found = re.search(r"([a-z]+)\.([a-z]+)(?:@|$)", name_of(subject))
    return f"{found[1]} {found[2]}" if found else ""


def _missing(page: Any, rule: str, of: str) -> set[str]:
    wanted = {(_name_of(one[of]) if of == "subject" else name_of(one[of]).casefold()) for one in planted(rule)}
    assert wanted
    read = _first_pages(page).casefold()
    return {name for name in wanted if name not in read}


@pytest.mark.sweep(share=1 / 4)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_before_any_row_is_looked_at(
    page: Any, worse: list[dict[str, Any]], question: str
) -> None:
    assert worse
    assert QUESTIONS[question](page, worse) == set()


def test_what_is_answered_in_short_stands_on_the_first_two_pages(page: Any) -> None:
    bottom = page.evaluate("document.querySelector('dl.brief').getBoundingClientRect().bottom + scrollY")
    assert bottom <= 2 * page.viewport_size["height"]


def test_nothing_scrolls_sideways_and_nothing_is_complained_of(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert page.said == []


def test_a_line_opens_its_findings_and_a_search_finds_by_text_person_and_rule(page: Any) -> None:
    page.click("#today button[data-group] >> nth=0")
    assert page.inner_text("#said").startswith(f"{len(planted('leaver-active'))} of 101 findings")
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
    page.locator("#rows .picture svg").wait_for()
    page.select_option("#rule", "")


def test_a_card_says_who_and_what_somebody_is_with_a_picture(page: Any) -> None:
    kept = planted("mover-kept-access")[0]
    for asked, kind in (
        (_name_of(kept["subject"]), "person"),
        (name_of(kept["about"]), "entitlement"),
        ("it-admin", "role"),
    ):
        page.fill("#name", asked)
        page.press("#name", "Enter")
        assert page.inner_text("#card-kind").lower() == kind
        assert page.inner_text("#card-title").casefold() == asked.casefold()
        if kind == "person":
            drawn = page.text_content("#card svg")
            assert name_of(kept["about"]) in drawn
            assert "would be cut" in drawn
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "name"
    page.fill("#name", "nobody at all")
    page.press("#name", "Enter")
    assert "no card of that name" in page.inner_text("#unknown")


def test_everything_is_reached_and_opened_by_the_keys(page: Any) -> None:
    page.reload()  # nothing is open yet
    page.wait_for_selector("#rows tr")
    page.focus(".skip")
    wanted = "a[href], button, input, select, summary, [tabindex='0']"
    seen = set()
    for _ in range(1000):
        at = page.evaluate(f'[...document.querySelectorAll("{wanted}")].indexOf(document.activeElement)')
        if at in seen or at < 0:
            break
        seen.add(at)
        page.keyboard.press("Tab")
    there = page.evaluate(
        f'[...document.querySelectorAll("{wanted}")].map((one, at) => one.checkVisibility() ? at : -1).filter((at) => at >= 0)'
    )
    assert set(there) <= seen
    for selector, opened in (
        ("#rows summary >> nth=0", "#rows details[open] dl"),
        ("#rows .named >> nth=0", "#card[open]"),
    ):
        page.focus(selector)
        page.keyboard.press("Enter")
        page.locator(opened).wait_for()
    page.keyboard.press("Escape")
    assert "named" in page.evaluate("document.activeElement.className")
    page.focus("#today button[data-group] >> nth=0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "whole"
    page.keyboard.press("Enter")


def test_axe_has_nothing_to_say_of_a_card(page: Any) -> None:
    page.locator("#rows .named").first.click()
    assert _complaints(page) == []
    page.click("#close")
    assert page.locator("#card[open]").count() == 0


def test_the_page_of_one_manager_stands_alone(page: Any, manager: Path) -> None:
    page.goto(manager.as_uri())
    page.wait_for_selector("#rows tr")
    try:
        assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
        assert _complaints(page) == []
    finally:
        page.go_back()
        page.wait_for_selector("#rows tr")


def test_axe_has_nothing_to_say_in_the_light_and_in_the_dark(page: Any) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert _complaints(page) == []


def _complaints(page: Any) -> list[tuple[str, str]]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    return [(one["id"], one["nodes"][0]["html"][:120]) for one in axe.run(page).response["violations"]]
