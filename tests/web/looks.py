"""How a page looks: what axe says of it on a desk and a phone, light and dark; how wide it gets; what is left of it on paper."""

from typing import Any

from tests.web.browsing import SIZES

WIDE_WORDS = """() => {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) if (texts.currentNode.data.trim()) texts.currentNode.data = "Wide".repeat(40);
}"""
"""Whatever a name is, nothing scrolls sideways: each text becomes one word of 160 letters."""
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


def look_at(page: Any, axe: Any, place: str) -> None:
    """Fail where anything is wrong with how the page looks that is shown; its texts are no more what they were after that."""
    page.wait_for_load_state()  # a click comes back when the page is there, which may be before its style sheet is
    for summary in page.query_selector_all("summary"):
        summary.click()
    page.emulate_media(media="print")
    assert (place, page.is_visible("main h1"), page.is_visible("header nav")) == (place, True, False)
    page.emulate_media(media="screen")
    for size in SIZES.values():
        page.set_viewport_size(size)
        for scheme, rules in (("light", None), ("dark", _COLOURS)):
            page.emulate_media(color_scheme=scheme)
            found = [(one["id"], one["nodes"][0]["html"][:120]) for one in _violations(axe, page, rules)]
            assert (place, size, scheme, found) == (place, size, scheme, [])
        assert (place, size, _beyond(page)) == (place, size, 0)
    page.evaluate(WIDE_WORDS)
    for size in SIZES.values():
        page.set_viewport_size(size)
        assert (place, "wide words", size, _beyond(page)) == (place, "wide words", size, 0)


def _violations(axe: Any, page: Any, rules: Any) -> Any:
    return axe.run(page, options=rules).response["violations"]


def _beyond(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
