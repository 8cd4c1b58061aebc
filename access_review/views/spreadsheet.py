"""Files that are safe to open in a spreadsheet program: every cell is inert (:mod:`access_review.connectors.tabular.inert`)."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from access_review.connectors.tabular.inert import inert

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

_EPOCH = (1980, 1, 1, 0, 0, 0)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> bytes:
    """Write rows as CSV (UTF-8 with a mark, so that Excel reads it so; every field quoted), each cell inert."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(map(inert, header))
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return sink.getvalue().encode("utf-8-sig")


def read_back(data: bytes) -> list[dict[str, str]]:
    """Return the rows of :func:`csv_bytes`, cells as they stand there."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def workbook_bytes(book: "Workbook", *, at: datetime) -> bytes:
    """Return a workbook as a file: the same book and time give the same bytes."""
    from openpyxl.writer.excel import ExcelWriter

    book.properties.creator = "access-review"
    book.properties.created = book.properties.modified = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        ExcelWriter(book, archive).write_data()
    return _repacked(written)


def _repacked(written: io.BytesIO) -> bytes:
    """The entries of an archive again, without the times at which they were written."""
    sink = io.BytesIO()
    with zipfile.ZipFile(written) as archive, zipfile.ZipFile(sink, "w") as again:
        for entry in archive.infolist():
            fixed = zipfile.ZipInfo(entry.filename, _EPOCH)
            fixed.compress_type = zipfile.ZIP_DEFLATED
            fixed.external_attr = 0o600 << 16
            again.writestr(fixed, archive.read(entry))
    return sink.getvalue()
