"""Work sheets: what a reviewer fills in, as XLSX with drop-downs and as CSV.

One per reviewer. ``access-review decide`` reads them back; only the cells to fill in
are unlocked, and the narrow column ``item`` ties each row to its question.
"""

import hashlib
import re
from collections.abc import Sequence
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING

from access_review.audit.filled_sheets import ANSWERS, FILLED_IN, SHEET
from access_review.audit.worklist import WorkItem
from access_review.connectors.tabular.inert import inert
from access_review.views.spreadsheet import csv_bytes, workbook_bytes

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_WIDTHS = {
    "item": 8,
    "person": 24,
    "client": 16,
    "roles": 24,
    "account": 24,
    "system": 10,
    "entitlement": 34,
    "how": 14,
    "last used": 22,
    "machine says": 44,
    "peers suggest": 44,
    "decision": 14,
    "comment": 34,
    "decided by": 24,
    "decided on": 14,
    "run": 8,
}
COLUMNS = tuple(_WIDTHS)


def name_of(reviewer: str) -> str:
    """Return a file name without ending for a reviewer's sheet: readable, safe anywhere, one per reviewer."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", reviewer).strip("-")[:40]
    return f"{plain or 'reviewer'}-{hashlib.sha256(reviewer.encode()).hexdigest()[:8]}"


def cells(run: str, item: WorkItem) -> tuple[str, ...]:
    """Return the row of an item, what is to be filled in left empty."""
    return (
        item.item,
        item.person,
        ", ".join(item.clients),
        item.roles,
        item.account_name,
        item.system,
        item.entitlement_name,
        item.how,
        item.last_used,
        item.found or "nothing found",
        item.peers or "nothing to compare",
        *("" for _ in FILLED_IN),
        run,
    )


def as_csv(run: str, items: Sequence[WorkItem]) -> bytes:
    """Write the items of one reviewer as CSV."""
    return csv_bytes(COLUMNS, (cells(run, item) for item in items))


def as_xlsx(run: str, items: Sequence[WorkItem], *, as_of: datetime) -> bytes:
    """Write the items of one reviewer as a workbook; the same items give the same bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    _instruct(book, run, items, as_of)
    page = book.create_sheet(SHEET)
    _fill(page, run, items)
    _look(page, len(items))
    _guard(page, len(items), as_of)
    _alike(page, len(items))
    book.active = page
    return workbook_bytes(book, at=as_of)


def _instruct(book: "Workbook", run: str, items: Sequence[WorkItem], as_of: datetime) -> None:
    page = book.worksheets[0]
    page.title = "Read me"
    page.column_dimensions["A"].width = 100
    who = items[0].reviewer_name if items else "nobody"
    units = len({item.unit for item in items})
    lines = (
        "Access review",
        f"For {who}: {len(items)} items about {units} people and accounts, as of {as_of:%Y-%m-%d} (run {run}).",
        f"On the sheet {SHEET}, answer for each row: does this person still need this access for the work they do now?",
        "decision: keep, revoke or cannot say. Leave it empty where you have not looked: that is no answer, never a revoke.",
        "decided by: your own name, mail or id. decided on: the date, as 2026-12-31; add the time, as 2026-12-31 14:05, if you like. comment: what another should know.",
        "Nobody decides on their own access. Leave such a row empty and say so to whoever sent this sheet.",
        "A row may be a test row: nobody has what it asks about. Such rows measure the review, and nothing else.",
        "“nothing found” means that the machine saw nothing wrong. It does not know the work: you do.",
        "“peers suggest” compares with people whose access is alike: unusual is a reason to look, usual is none to keep. It decides nothing.",
        "Order and width of rows and columns may change; the other cells may not. Send the file back as XLSX or CSV.",
    )
    for number, line in enumerate(lines, 1):
        _put(page, number, 1, line)
    page.protection.sheet = True


def _put(page: "Worksheet", row: int, column: int, text: str) -> None:
    # Told explicitly: left to itself, openpyxl takes "=…" for a formula and "#REF!" for an error.
    cell = page.cell(row, column, inert(text))
    cell.data_type = "s"


def _fill(page: "Worksheet", run: str, items: Sequence[WorkItem]) -> None:
    for column, heading in enumerate(COLUMNS, 1):
        _put(page, 1, column, heading)
    for row, item in enumerate(items, 2):
        for column, text in enumerate(cells(run, item), 1):
            if text:
                _put(page, row, column, text)


def _look(page: "Worksheet", count: int) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    for column, (heading, width) in enumerate(_WIDTHS.items(), 1):
        page.column_dimensions[get_column_letter(column)].width = width
        page.cell(1, column).font = Font(bold=True)
        wrapped = Alignment(wrap_text=heading not in {"item", "run"}, vertical="top")
        if count:
            page.cell(2, column).alignment = wrapped
            if heading in FILLED_IN:
                page.cell(2, column).fill = PatternFill("solid", start_color="FFF7D6")
    page.freeze_panes = "C2"
    page.print_title_rows = "1:1"
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _guard(page: "Worksheet", count: int, as_of: datetime) -> None:
    """Unlock what is to be filled in, and offer or check its values."""
    from openpyxl.styles import Protection
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    if count:
        for heading in FILLED_IN:
            cell = page.cell(2, COLUMNS.index(heading) + 1)
            cell.protection = Protection(locked=False)
            cell.number_format = "yyyy-mm-dd" if heading == "decided on" else "@"
    page.protection.sheet = True
    # False allows: widths may change and rows be filtered, the questions not.
    page.protection.formatColumns = page.protection.formatRows = page.protection.autoFilter = False
    if not count:
        return
    choice = DataValidation(type="list", formula1=f'"{",".join(ANSWERS)}"', allow_blank=True, showErrorMessage=True)
    choice.error = f"Choose {', '.join(ANSWERS)}, or leave it empty"
    day = DataValidation(
        type="date", operator="greaterThanOrEqual", formula1=f"DATE({as_of.year},{as_of.month},{as_of.day})"
    )
    day.allow_blank, day.showErrorMessage, day.error = True, True, "A date, not before the review began"
    for heading, rule in (("decision", choice), ("decided on", day)):
        letter = get_column_letter(COLUMNS.index(heading) + 1)
        page.add_data_validation(rule)
        rule.add(f"{letter}2:{letter}{count + 1}")


def _alike(page: "Worksheet", count: int) -> None:
    """Let every row look as the first: to give each cell its looks anew takes longer than all else of a sheet."""
    for column in range(1, len(COLUMNS) + 1):
        for row in range(3, count + 2):
            first, cell = page.cell(2, column), page.cell(row, column)
            # openpyxl has no public name for what a cell looks like as a whole.
            cell._style = copy(first._style)  # type: ignore[union-attr]  # noqa: SLF001
