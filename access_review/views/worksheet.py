"""Work sheets: what a reviewer fills in, as XLSX with drop-downs and as CSV.

One per reviewer. ``access-review decide`` reads them back; only the cells to fill in
are unlocked, and the narrow column ``item`` ties each row to its question.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING

from access_review.audit.filled_sheets import ANSWERS, FILLED_IN, NOT_ASKED, SHEET
from access_review.audit.worklist import WorkItem, minutes_for
from access_review.connectors.tabular.inert import inert
from access_review.views import text
from access_review.views.spreadsheet import csv_bytes, workbook_bytes
from access_review.views.summary import titles

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_WIDTHS = {
    "item": 8,
    "person": 24,
    "title": 20,
    "department": 18,
    "manager": 20,
    "client": 16,
    "roles": 24,
    "account": 24,
    "system": 10,
    "entitlement": 34,
    "what it is": 34,
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
_MOST_GROUPS = 20
BESIDE = "Not asked"
"""The sheet of a workbook that lists what nobody is asked about."""


def name_of(reviewer: str) -> str:
    """Return a file name without ending for a reviewer's sheet: readable, safe anywhere, one per reviewer."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", reviewer).strip("-")[:40]
    return f"{plain or 'reviewer'}-{hashlib.sha256(reviewer.encode()).hexdigest()[:8]}"


def cells(run: str, item: WorkItem) -> tuple[str, ...]:
    """Return the row of an item, what is to be filled in left empty."""
    return (
        item.item,
        item.person,
        item.title,
        item.department,
        item.manager,
        ", ".join(item.clients),
        item.roles,
        item.account_name,
        item.system,
        item.entitlement_name,
        item.what,
        item.how,
        item.last_used,
        item.found or "nothing found",
        item.peers or "nothing to compare",
        *("" for _ in FILLED_IN),
        run,
    )


def not_asked(run: str, items: Sequence[WorkItem]) -> tuple[tuple[str, ...], ...]:
    """Return the one line that says what stands on nobody's list, and why; none where all is asked about."""
    beside = _beside(items)
    if not beside:
        return ()
    why = Counter(reason for _, _, _, reason in beside)
    most = ", ".join(
        f"{reason} ({number})" for reason, number in sorted(why.items(), key=lambda one: (-one[1], one[0]))
    )
    said = f"{len(beside)} more that nobody decides here: {most}"
    row = dict.fromkeys(COLUMNS, "") | {"item": NOT_ASKED, "entitlement": said, "run": run}
    return (tuple(row.values()),)


def _beside(items: Iterable[WorkItem]) -> list[tuple[str, str, str, str]]:
    """Return person, account, entitlement and reason of what is not asked about."""
    found = {(item.person, item.account_name, *held.rpartition(": ")[::2]) for item in items for held in item.beside}
    return sorted(found)


def objections(items: Sequence[WorkItem]) -> list[tuple[str, tuple[WorkItem, ...]]]:
    """Return what the machine objects to, a group for each thing and reason, that of most items first."""
    named = titles() if any(item.found for item in items) else {}
    groups: dict[tuple[str, tuple[str, ...]], list[WorkItem]] = {}
    for item in items:
        if item.found:
            remarks = (remark.partition(":")[0] for remark in item.found.split("; "))
            rules = tuple(dict.fromkeys(rule for rule in remarks if rule in named))
            groups.setdefault((item.entitlement_name, rules), []).append(item)
    return [
        (f"{thing}: {'; '.join(named[rule] for rule in rules)}", tuple(some))
        for (thing, rules), some in sorted(groups.items(), key=lambda one: -len(one[1]))
    ]


def ordered(items: Sequence[WorkItem]) -> tuple[WorkItem, ...]:
    """Return the items as a sheet shows them: what the machine objects to first, what is alike together."""
    first = [item for _, some in objections(items) for item in some]
    return (*first, *(item for item in items if not item.found))


def as_csv(run: str, items: Sequence[WorkItem]) -> bytes:
    """Write the items of one reviewer as CSV."""
    return csv_bytes(COLUMNS, (*(cells(run, item) for item in ordered(items)), *not_asked(run, items)))


def as_xlsx(run: str, items: Sequence[WorkItem], *, as_of: datetime) -> bytes:
    """Write the items of one reviewer as a workbook; the same items give the same bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    _instruct(book, run, items, as_of)
    page = book.create_sheet(SHEET)
    _fill(page, [*(cells(run, item) for item in ordered(items)), *not_asked(run, items)])
    _look(page, len(items))
    _guard(page, len(items), as_of)
    _alike(page, len(items))
    _list_besides(book, items)
    book.active = page
    return workbook_bytes(book, at=as_of)


def _instruct(book: "Workbook", run: str, items: Sequence[WorkItem], as_of: datetime) -> None:
    page = book.worksheets[0]
    page.title = "Read me"
    page.column_dimensions["A"].width = 100
    lines = (
        "Access review",
        *summary(run, items, as_of),
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


def summary(run: str, items: Sequence[WorkItem], as_of: datetime) -> Iterator[str]:
    """Yield what a sheet asks: how much about how many, how long it takes, and where to look first."""
    who = items[0].reviewer_name if items else "nobody"
    people = len({item.unit for item in items if item.unit != item.account})
    accounts = len({item.unit for item in items if item.unit == item.account})
    about = [text.count(people, "person", "people")] * bool(people) + [
        f"{text.count(accounts, 'account')} of nobody"
    ] * bool(accounts)
    minutes = minutes_for(len(items))
    asks = f"{text.count(len(items), 'item')} about {' and '.join(about) or 'nobody'}"
    yield f"For {who}: {asks}, as of {as_of:%Y-%m-%d} (run {run}). It takes about {text.count(minutes, 'minute')}."
    if objected := sum(bool(item.found) for item in items):
        yield f"The machine objects to {text.count(objected, 'item')}, which stand first; what is alike stands together:"
        yield from _listed(objections(items))
    systems = Counter(item.system for item in items)
    yield "By system: " + ", ".join(f"{system} {number}" for system, number in sorted(systems.items()))
    if beside := _beside(items):
        yield (
            f"{len(beside)} more {'is' if len(beside) == 1 else 'are'} not asked about, since nobody can take them away, they only restrict, or every holder "
            f"of the role must have them: one line at the end, each on the sheet {BESIDE}."
        )


def _listed(groups: Sequence[tuple[str, tuple[WorkItem, ...]]]) -> Iterator[str]:
    """Yield a line for each group: its rows, how many people, the thing and the reason."""
    row = 2
    for number, (said, some) in enumerate(groups):
        if number == _MOST_GROUPS:
            rest = groups[number:]
            yield f"    rows {row} on: {text.count(len(rest), 'group')} more, of {text.count(sum(len(s) for _, s in rest), 'item')}"
            return
        rows = f"row {row}" if len(some) == 1 else f"rows {row} to {row + len(some) - 1}"
        people = len({item.unit for item in some})
        yield f"    {rows}: {text.count(people, 'person', 'people') if people > 1 else some[0].person}, {said}"
        row += len(some)


def _list_besides(book: "Workbook", items: Sequence[WorkItem]) -> None:
    """List on a sheet of its own what is not asked about."""
    beside = _beside(items)
    if not beside:
        return
    page = book.create_sheet(BESIDE)
    for letter, width in zip("ABCD", (24, 30, 34, 60), strict=True):
        page.column_dimensions[letter].width = width
    for number, row in enumerate((("person", "account", "entitlement", "why nobody is asked"), *beside), 1):
        for column, said in enumerate(row, 1):
            _put(page, number, column, said)
    page.freeze_panes = "A2"
    page.protection.sheet = True


def _put(page: "Worksheet", row: int, column: int, said: str) -> None:
    # Told explicitly: left to itself, openpyxl takes "=…" for a formula and "#REF!" for an error.
    cell = page.cell(row, column, inert(said))
    cell.data_type = "s"


def _fill(page: "Worksheet", rows: Sequence[Sequence[str]]) -> None:
    for column, heading in enumerate(COLUMNS, 1):
        _put(page, 1, column, heading)
    for number, row in enumerate(rows, 2):
        for column, said in enumerate(row, 1):
            if said:
                _put(page, number, column, said)


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
