"""The pictures of README and runbooks, from a real audit of the example company: ``make pictures``, with Chromium.

They differ from machine to machine by their fonts, so nothing holds them to the byte.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.support.command import in_folder
from tests.support.example import AUDITED_AT, REPOSITORY, copy_example

PICTURES = REPOSITORY / "runbooks" / "pictures"
DESK, PHONE, PAPER = (1400, 900), (390, 844), (794, 1123)
MANAGER = "10042"
TANGLE = "hr:person:10008"


def main() -> None:
    """Write every picture anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = copy_example(Path(name))
        _run(folder, "--as-of", AUDITED_AT, "audit")
        report = next(folder.glob("runs/*/report.html"))
        page = folder / "manager.html"
        _run(folder, "report", "--manager", MANAGER, "-o", str(page))
        _run(folder, "explain", TANGLE, "--picture", str(PICTURES / "tangle.svg"))
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), headless=True)
            _take(browser, report, "report.png", DESK)
            _take(browser, report, "report-phone.png", PHONE)
            _take(browser, report, "report-print.png", PAPER, media="print")
            _take(browser, page, "report-manager.png", DESK)
            browser.close()


def _run(folder: Path, *words: str) -> None:
    done = in_folder(folder, *words)
    if done.code:
        raise RuntimeError(f"{' '.join(words)}\n{done.err}")


def _take(browser: Any, file: Path, name: str, size: tuple[int, int], media: str = "screen") -> None:
    shown = browser.new_page(viewport={"width": size[0], "height": size[1]})
    shown.emulate_media(media=media, color_scheme="light")
    shown.goto(file.as_uri())
    shown.wait_for_selector("#rows tr", state="attached")
    shown.screenshot(path=PICTURES / name)
    shown.close()


if __name__ == "__main__":
    main()
