"""How soon the report opens in Chromium, and how soon its search answers: ``python -m bench.report [FINDINGS]``."""

import itertools
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from access_review.views import report_page
from access_review.views.report_contents import contents
from tests.support.small_company import reviewed

OPENS, ANSWERS = 2.0, 0.2
"""Seconds that people wait for a page, and for an answer while they type."""

_ASKED = ("user12 payroll", "person 4321", "beyond the roles", "nothing of that name", "")
_SEARCH = """asked => {
    const field = document.getElementById("search"), began = performance.now();
    field.value = asked;
    field.dispatchEvent(new Event("input"));
    document.body.offsetHeight;
    return (performance.now() - began) / 1000;
}"""


def main() -> None:
    """Print both with their bars; exit with 1 where one is not met."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_bytes(_report(wanted))
        opened, found, answered = _measured(page)
        sys.stdout.write(f"report of {found:,} findings, {page.stat().st_size / 1e6:.1f} MB" + "\n")
    sys.stdout.write(f"opens in {opened:.2f} s, under {OPENS} s: {opened < OPENS}" + "\n")
    sys.stdout.write(
        f"search answers in {answered * 1000:.0f} ms at most, under {ANSWERS * 1000:.0f} ms: {answered < ANSWERS}\n"
    )
    sys.exit(0 if opened < OPENS and answered < ANSWERS else 1)


def _report(wanted: int) -> bytes:
    """Return the report of the small company, its findings told of ever more people."""
    with reviewed() as one:
        page = contents(one.engine, one.workspace, one.report, one.manifest)
    known = page.findings
    more = [
        {
            **row,
            "finding": f"{n:064x}",
            "person_name": f"Person {n}",
            "subject_name": f"user{n}",
            "subject": f"ad:user:{n}",
        }
        for n, row in zip(range(wanted), itertools.cycle(known), strict=False)
    ]
    told = [{**row, "reason": f"{row['reason']}, as of user {row['subject']}"} for row in more]
    return report_page.render(replace(page, findings=told))


def _measured(page: Path) -> tuple[float, int, float]:
    """Return the seconds until the first rows are drawn, how many findings there are, and the slowest answer in seconds."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), headless=True)
        shown = browser.new_page(viewport={"width": 1400, "height": 900})
        began = time.perf_counter()
        shown.goto(page.as_uri())
        shown.wait_for_selector("#rows tr")
        opened = time.perf_counter() - began
        found = int(shown.evaluate("JSON.parse(document.getElementById('data').textContent).rows.length"))
        shown.wait_for_timeout(500)  # nobody types sooner
        answered = max(float(shown.evaluate(_SEARCH, asked)) for asked in _ASKED)
        browser.close()
    return opened, found, answered


if __name__ == "__main__":
    main()
