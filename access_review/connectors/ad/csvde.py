"""What ``csvde`` exports: a row for each entry, the DN first, values parted by semicolons, bytes as ``X'0105'``. Pure.

A value that holds a semicolon has a backslash before it, as a DN has. ``csvde`` leaves out no column, so an empty cell is
an attribute that the entry does not have. The format is that of Microsoft's reference of the command.
"""

import re
from collections.abc import Iterator

from access_review.connectors.ad.entry import Entry
from access_review.connectors.tabular.delimited import read_delimited
from access_review.errors import Mistake, WorkspaceError

_PARTED = re.compile(r"(?<!\\);")
_BYTES = re.compile(r"X'((?:[0-9A-Fa-f]{2})+)'")


def entries(data: bytes, file: str) -> Iterator[Entry]:
    """Yield the entries of an export; raises ``WorkspaceError`` with every mistake."""
    raw = read_delimited(data, file, delimiter=",")
    names = [str(name).strip().lower() for name in raw.columns]
    mistakes = list(raw.mistakes)
    if names[:1] != ["dn"] or len(set(names)) < len(names):
        mistakes.append(
            Mistake(file, raw.heading_line, 0, "is no export of csvde: its first column is DN, each column once")
        )
    for line, row in raw.rows:
        if len(row) != len(names):
            mistakes.append(Mistake(file, line, 0, f"{len(row)} columns where {len(names)} are expected"))
        elif not row[0]:
            mistakes.append(Mistake(file, line, 1, "the DN is empty"))
    if mistakes:
        raise WorkspaceError.of(mistakes)
    for line, row in raw.rows:
        dn, *cells = (str(cell) for cell in row)
        values = {name: _values(cell) for name, cell in zip(names[1:], cells, strict=True) if cell}
        yield Entry(_value(dn).decode("utf-8", "replace"), values, f"{file}:{line}")


def is_cut(data: bytes) -> bool:
    """Tell whether the last row does not end, as that of a whole export does."""
    return not data.rstrip(b"\0").endswith((b"\n", b"\r"))


def _values(cell: str) -> tuple[bytes, ...]:
    return tuple(_value(text) for text in _PARTED.split(cell))


def _value(text: str) -> bytes:
    written = _BYTES.fullmatch(text)
    return bytes.fromhex(written[1]) if written else text.encode()
