"""Excel workbooks (XLSX), read strictly: what a person does not see, or sees merged, is a fault."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from access_review.connectors.tabular.cells import Raw, Value
from access_review.connectors.unpacking import is_bomb
from access_review.errors import Mistake, WorkspaceError

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

UNPACKED = 512 * 2**20
"""Bytes a workbook may unpack to: it is a zip, and a small one can hold terabytes."""
CELLS = 20_000_000
"""Cells between the first and the last one used: one stray cell makes a sheet of 17 thousand million."""


def read_workbook(data: bytes, file: str, *, sheet: str | None = None, header_row: int = 1, footer: int = 0) -> Raw:
    """Read one sheet whose headings stand in row ``header_row``; the last ``footer`` rows are left out.

    Raises ``WorkspaceError`` when this is no workbook, is too large, or the
    sheet is not clear. All else that is wrong is in the result.
    """
    page = _choose(_open(data, file, values=False), file, sheet)
    size = page.max_row * page.max_column
    if size > CELLS:
        raise WorkspaceError.of([Mistake(file, page.max_row, page.max_column, f"a sheet of {size:,} cells")])
    grid: list[list[Any]] = [list(row) for row in page.iter_rows(min_row=header_row, values_only=True)]
    mistakes = [*_unseen(page, file, header_row), *_computed(page, grid, data, file, header_row)]
    while grid and _is_empty(grid[-1]):
        grid.pop()
    first = next((line for line, row in enumerate(grid, header_row) if not _is_empty(row)), None)
    if first != header_row:
        said = "the line is empty" if first else "the sheet is empty"
        hint = f"do the headings stand on line {first}? Set `header_row`" if first else ""
        raise WorkspaceError.of([Mistake(file, header_row, 0, f"there are no headings: {said}", hint), *mistakes])
    columns = _trimmed(grid[0])
    rows = [(line, tuple(_padded(row, len(columns)))) for line, row in enumerate(grid[1:], header_row + 1)]
    return Raw(header_row, columns, tuple(rows[: len(rows) - footer]), tuple(mistakes))


def sheet_names(data: bytes, file: str) -> list[str]:
    """Return the sheets of a workbook that are not hidden; raises ``WorkspaceError`` when it is none, or too large."""
    book = _open(data, file, values=False, read_only=True)
    try:
        return _shown(book)
    finally:
        book.close()


def _open(data: bytes, file: str, *, values: bool, read_only: bool = False) -> "Workbook":
    import openpyxl

    _bound(data, file)
    with warnings.catch_warnings():
        # openpyxl warns of styles and drop-downs that it does not keep; only values matter here.
        warnings.simplefilter("ignore", UserWarning)
        try:
            return openpyxl.load_workbook(io.BytesIO(data), data_only=values, read_only=read_only)
        except Exception as error:  # a damaged part raises whatever its reader does, TypeError included
            raise _no_workbook(file) from error


def _bound(data: bytes, file: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            bombs = [entry.filename for entry in archive.infolist() if is_bomb(entry)]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _no_workbook(file) from error
    if unpacked > UNPACKED:
        limit = f"{UNPACKED // 2**20} MiB allowed"
        raise WorkspaceError.of([Mistake(file, 0, 0, f"unpacks to {unpacked // 2**20:,} MiB, {limit}")])
    if bombs:
        raise WorkspaceError.of([Mistake(file, 0, 0, f"{bombs[0]} in it unpacks to hundreds of times its size")])


def _no_workbook(file: str) -> WorkspaceError:
    hint = "a password, or an old .xls? Save it as .xlsx without one"
    return WorkspaceError.of([Mistake(file, 0, 0, "is no Excel workbook, or a damaged one", hint)])


def _choose(book: "Workbook", file: str, sheet: str | None) -> "Worksheet":
    pages = {page.title: page for page in book.worksheets}
    seen = _shown(book)
    if sheet is None and len(seen) == 1:
        return pages[seen[0]]
    if sheet in pages:
        return pages[sheet]
    message = f"no sheet is called {sheet!r}" if sheet else "there is more than one sheet, and `sheet` names none"
    raise WorkspaceError.of([Mistake(file, 0, 0, message, f"sheets: {', '.join(pages)}")])


def _shown(book: "Workbook") -> list[str]:
    return [page.title for page in book.worksheets if page.sheet_state == "visible"]


def _unseen(page: "Worksheet", file: str, header_row: int) -> Iterator[Mistake]:
    for line, row in sorted(page.row_dimensions.items()):
        if header_row <= line <= page.max_row and row.hidden:
            yield Mistake(file, line, 0, "the row is hidden or filtered away", "show all rows and save again")
    if page.auto_filter.filterColumn:
        yield Mistake(file, header_row, 0, "a filter is set", "clear it and save again")
    for merged in sorted(page.merged_cells.ranges, key=lambda area: area.bounds):
        if merged.max_row >= header_row:
            yield Mistake(file, merged.min_row, merged.min_col, f"cells {merged.coord} are merged", "unmerge them")


def _computed(page: "Worksheet", grid: list[list[Any]], data: bytes, file: str, header_row: int) -> Iterator[Mistake]:
    """Put the last computed value in the place of each formula; a formula never computed, or failed, is a fault."""
    formulas, failed = [], []
    for line, row in enumerate(page.iter_rows(min_row=header_row), header_row):
        formulas += [(line, place) for place, cell in enumerate(row, 1) if cell.data_type == "f"]
        failed += [(line, place) for place, cell in enumerate(row, 1) if cell.data_type == "e"]
    computed = _open(data, file, values=True)[page.title] if formulas else page
    for line, place in formulas:
        twin = computed.cell(line, place)
        grid[line - header_row][place - 1] = twin.value
        if twin.value is None:
            hint = "open it in a spreadsheet program and save"
            yield Mistake(file, line, place, "a formula that was never computed", hint)
        elif twin.data_type == "e":
            failed.append((line, place))
    for line, place in failed:
        yield Mistake(file, line, place, "a formula that failed")


def _is_empty(row: list[Any]) -> bool:
    return all(value is None or value == "" for value in row)


def _trimmed(row: list[Value]) -> tuple[Value, ...]:
    used = max(position for position, value in enumerate(row, 1) if value not in (None, ""))
    return tuple(row[:used])


def _padded(row: list[Value], width: int) -> list[Value]:
    """Cells beyond the headings stay where they hold something, so that the width check names the row."""
    if _is_empty(row):
        return []
    return row[:width] if _is_empty(row[width:]) else row
