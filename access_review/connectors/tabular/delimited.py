"""Delimited text (CSV), read strictly.

RFC 4180 with the line endings of any system: a quote may stand only around a
whole field, doubled inside one. What is not so written is reported with its
line, and reading goes on behind it, so one pass names every place.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator

from access_review.connectors.tabular import drawn
from access_review.connectors.tabular.cells import LONGEST, Raw
from access_review.errors import Mistake, WorkspaceError

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}

# UTF-32 first: its little-endian mark begins with the one of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_TYPE_LINE = re.compile(r'"?#TYPE [\w.`+\[\], ]+"?[,;\t]*')
_SEPARATOR = re.compile(r"""["']?sep=(.)["']?[,;\t]*""", re.IGNORECASE)


def read_delimited(
    data: bytes,
    file: str,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header_row: int = 1,
    footer: int = 0,
) -> Raw:
    """Read delimited text whose headings stand on line ``header_row``; the last ``footer`` records are left out.

    Raises ``WorkspaceError`` where nothing can be read: no such encoding, text
    in another one, no headings, an unclear delimiter. All else is in the result. A list drawn with bars is read
    as one where nothing is said of its lines.
    """
    lines = list(io.StringIO(decode(data, file, encoding), newline=""))
    if delimiter in {None, "|"} and header_row == 1 and not footer and drawn.is_drawn(lines):
        return drawn.read_drawn(lines, file)
    cut = bool(lines) and not lines[-1].endswith(("\r", "\n"))
    while lines and not lines[-1].strip("\r\n"):
        lines.pop()
    first = lines[0] if lines else ""
    if declared := _SEPARATOR.fullmatch(first.rstrip("\r\n")):
        delimiter = delimiter or declared[1]
    if is_own_line(first):
        header_row += 1
    if len(lines) < header_row:
        raise WorkspaceError.of([Mistake(file, header_row, 0, "there are no headings: the file is empty")])
    if other := _parted_otherwise(lines[header_row - 1 : header_row + 1], delimiter):
        message = f"its columns are parted by {DELIMITERS[other]}, and not by {delimiter!r}"
        raise WorkspaceError.of(
            [Mistake(file, header_row, 0, message, f"set `delimiter: {other!r}` in the source file")]
        )
    delimiter = delimiter or detect(lines[header_row - 1], file, header_row)
    records: list[tuple[int, tuple[str, ...]]] = []
    mistakes: list[Mistake] = []
    for line, record in _records(lines, header_row, delimiter):
        if isinstance(record, str):
            mistakes.append(Mistake(file, line, 0, record))
        else:
            records.append((line, record))
    if not records or records[0][0] != header_row:
        raise WorkspaceError.of(mistakes)
    rows = records[1 : len(records) - footer] if footer else records[1:]
    columns, rows = _without_ends(records[0][1], rows)
    return Raw(header_row, columns, tuple(rows), tuple(mistakes), cut=cut)


def is_own_line(first: str) -> bool:
    """Tell whether a first line is a program's own: Excel's names the delimiter, Export-Csv's the type.

    It is no row, and headings are counted after it.
    """
    bare = first.rstrip("\r\n")
    return bool(_SEPARATOR.fullmatch(bare) or _TYPE_LINE.fullmatch(bare))


Record = tuple[str, ...]


def _without_ends(columns: Record, rows: list[tuple[int, Record]]) -> tuple[Record, list[tuple[int, Record]]]:
    """Leave out columns at the end that have neither heading nor values: some programs end each line with a delimiter."""
    width = len(columns)
    while (
        width > 1
        and not columns[width - 1].strip()
        and not any(v[width - 1].strip() for _, v in rows if len(v) >= width)
    ):
        width -= 1
    widest = max((len(values) for _, values in rows), default=0)
    extra = rows and all(len(v) == len(columns) + 1 == widest and not v[-1].strip() for _, v in rows)
    if width == len(columns) and not extra:
        return columns, rows
    whole = len(columns) + 1 if extra else len(columns)
    return columns[:width], [(line, v[:width] if len(v) == whole else v) for line, v in rows]


def decode(data: bytes, file: str, encoding: str | None = None) -> str:
    """Turn bytes into text: by the byte order mark, else by ``encoding``, else UTF-16 where it shows, else UTF-8.

    Raises ``WorkspaceError`` naming every line that is not in that encoding.
    """
    if packed := next((said for start, said in _PACKED.items() if data.startswith(start)), None):
        raise WorkspaceError.of([Mistake(file, 1, 0, f"is no text, but {packed}")])
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked and encoding and not _agree(marked, encoding):
        raise WorkspaceError.of([Mistake(file, 1, 0, f"starts with the mark of {marked}, `encoding` says {encoding}")])
    name = marked or encoding or unmarked(data)
    try:
        text = data.decode(name)
    except LookupError:
        raise WorkspaceError(f"no encoding is called {name!r}", hint="such as utf-8, utf-16, cp1252") from None
    except UnicodeError as error:
        lines = _undecodable(data, name) or [0]
        hint = "set `encoding`, such as cp1252, or export as UTF-8"
        raise WorkspaceError.of([Mistake(file, line, 0, f"not {name}", hint) for line in lines]) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise WorkspaceError.of([Mistake(file, line, 0, "holds a null character", "is this text, in this encoding?")])
    return text


_PACKED = {
    b"PK\x03\x04": "a workbook of Excel or a zip: name it .xlsx, or unpack it",
    b"\x1f\x8b": "packed by gzip: unpack it",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel, or one with a password: save it as .xlsx or CSV, without one",
    b"%PDF": "a PDF: export the list as CSV",
    b"PAR1": "a Parquet file: name it .parquet",
}


def _agree(marked: str, encoding: str) -> bool:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        return False
    return name.startswith(marked.removesuffix("-sig"))


def unmarked(data: bytes) -> str:
    """Return the encoding of text without a mark: UTF-16 without one a mark has a null beside each Latin letter of its headings."""
    start = data[:64]
    if len(start) >= 4 and not any(start[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and not any(start[::2]) else "utf-8"


def _undecodable(data: bytes, name: str) -> list[int]:
    def bad(line: bytes) -> bool:
        try:
            line.decode(name)
        except UnicodeError:
            return True
        return False

    # Only encodings whose line end is one byte can be looked at line by line.
    if name.startswith(("utf-16", "utf-32")):
        return []
    return [number for number, line in enumerate(data.split(b"\n"), 1) if bad(line)]


def detect(heading: str, file: str, line: int) -> str:
    """Return the delimiter of a line of headings; raises ``WorkspaceError`` when more than one could be it."""
    bare = _QUOTED.sub("", heading)
    found = [mark for mark in DELIMITERS if mark in bare]
    if len(found) > 1:
        between = " or ".join(DELIMITERS[mark] for mark in found)
        raise WorkspaceError.of([Mistake(file, line, 0, f"columns may be parted by {between}", "set `delimiter`")])
    return found[0] if found else ","


def _parted_otherwise(lines: list[str], delimiter: str | None) -> str | None:
    """Return what parts the headings and the first row, where that is not what a source file says."""
    bare = [_QUOTED.sub("", line) for line in lines]
    if delimiter is None or len(bare) < 2 or any(delimiter in line for line in bare):
        return None
    return next((mark for mark in DELIMITERS if all(mark in line for line in bare)), None)


def _records(lines: list[str], start: int, delimiter: str) -> Iterator[tuple[int, tuple[str, ...] | str]]:
    """Yield each record, or what is wrong with it, with the line it begins on."""
    mark = re.escape(delimiter)
    field = rf'(?:"(?:[^"]|"")*"|="[^"{mark}\r\n]*"|[^"{mark}\r\n]*)'
    strict = re.compile(rf"{field}(?:{mark}{field})*(?:\r\n|\r|\n)?")
    position = start - 1
    while position < len(lines):
        reader = csv.reader((lines[at] for at in range(position, len(lines))), delimiter=delimiter, strict=True)
        begun, wrong = position, ""
        while not wrong:
            begun = position + reader.line_num
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                wrong = _say(error)
                break
            raw = lines[begun : position + reader.line_num]
            if any('"' in part for part in raw) and not strict.fullmatch("".join(raw)):
                wrong = "a quote stands inside a field that is not quoted"
                break
            yield begun + 1, tuple(map(_unwrapped, record)) if '="' in "".join(raw) else tuple(record)
        yield begun + 1, wrong
        position = begun + 1


def _unwrapped(field: str) -> str:
    """Return a text that an export wrote as a formula, so that spreadsheets keep its zeros: ``="00123"``."""
    wrapped = _FORMULA.fullmatch(field)
    return wrapped[1] if wrapped else field


_FORMULA = re.compile(r'="([^"]*)"')


def _say(error: csv.Error) -> str:
    text = str(error)
    # The csv module has one error and no codes; only what people are told hangs on its words.
    if "end of data" in text:
        return "a quote is opened here and never closed"
    if "field larger" in text:
        return f"a field of more than {LONGEST:,} characters begins here: is a quote not closed?"
    if "expected after" in text:
        return "text follows a closing quote; quotes inside a field are doubled"
    return text
