"""LDIF content (RFC 2849): text in, entries out, every mistake with its line.

Attribute names are compared without case, so they come out in lower case, with
their options (``member;range=0-1499``). Change records are refused: a source
says what is, not what to do. But ``ldifde`` writes every entry of an export as one that
is added, and the members of a large group as modifications that add them: those say what is. Values behind URLs are refused: reading a
recording must not open other files.

Habits of common tools are understood: raw UTF-8 in values, and the last lines that
``ldapsearch`` adds to say how the search, or each page of it, ended. A search that did
not end well, or not with its last page, is kept in :attr:`Ldif.endings`.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from access_review.connectors.ad.entry import Entry
from access_review.connectors.tabular import delimited
from access_review.errors import Mistake

MOST_MISTAKES = 1000
"""Lines that may be no LDIF before a file is taken for something else."""

_NAME = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)(?:;[A-Za-z0-9=*-]+)*")
_ENDING = frozenset({"search", "result", "ref", "pagedresults"})
_KEPT = frozenset({b"add", b"modify"})
_SUCCESS = re.compile(r"0\b")


class _Line(NamedTuple):
    number: int
    name: str
    value: bytes


class _Malformed(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(slots=True)
class Ldif:
    """A reader of one file; ``mistakes`` and ``endings`` fill while :meth:`entries` is consumed."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    _unread: str = ""

    def entries(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        """Yield the entries of a file given as lines; a record with a mistake is left out, and the mistake noted.

        Reading stops after ``MOST_MISTAKES``: such a file is no LDIF.
        """
        for record in _records(_unfolded(lines)):
            before = len(self.mistakes)
            entry = self._entry(record)
            if len(self.mistakes) >= MOST_MISTAKES:
                return
            if entry is not None and len(self.mistakes) == before:
                yield entry
        if self._unread:
            self.endings.append(self._unread)

    def _entry(self, record: list[tuple[int, bytes]]) -> Entry | None:
        lines = self._parsed(record)
        if lines and lines[0].name == "version":
            self._version(lines.pop(0))
        if not lines:
            return None
        first, *rest = lines
        adds = bool(rest) and rest[0].name == "changetype"
        continues = adds and rest[0].value.strip().lower() == b"modify"
        rest = self._added(rest[1:]) if continues else rest[1:] if adds else rest
        if first.name in _ENDING:
            self._ending(lines)
            return None
        if first.name != "dn":
            self._wrong(first.number, f"a record starts with dn:, not with {first.name}:")
            return None
        values: dict[str, list[bytes]] = {}
        for line in rest:
            if line.name == "dn":
                self._wrong(line.number, "a second dn: in one record", "an empty line ends a record")
            values.setdefault(line.name, []).append(line.value)
        try:
            dn = first.value.decode("utf-8")
        except UnicodeDecodeError:
            self._wrong(first.number, "the DN is not UTF-8")
            return None
        place = f"{self.file}:{first.number}"
        return Entry(dn, {name: tuple(found) for name, found in values.items()}, place, continues)

    def _added(self, lines: list[_Line]) -> list[_Line]:
        """Return the values that a modification adds; whatever else it does is a change and a mistake."""
        added: list[_Line] = []
        attribute = ""
        for line in lines:
            if line.name == "-":
                attribute = ""
            elif not attribute and line.name == "add":
                attribute = line.value.decode("ascii", "replace").strip().lower()
            elif attribute and line.name == attribute:
                added.append(line)
            else:
                self._wrong(
                    line.number, f"{line.name}: this is a change, not an entry", "export the entries themselves"
                )
                return []
        return added

    def _parsed(self, record: list[tuple[int, bytes]]) -> list[_Line]:
        lines: list[_Line] = []
        modifies = False
        for number, raw in record:
            if modifies and raw == b"-":
                lines.append(_Line(number, "-", b""))
                continue
            try:
                line = _parsed(number, raw)
            except _Malformed as error:
                self._wrong(number, str(error), error.hint)
                continue
            if line.name == "control" and (not lines or len(lines) == 1 or lines[0].name in _ENDING):
                continue  # how the search was made, not what was found
            modifies = modifies or (line.name == "changetype" and line.value.strip().lower() == b"modify")
            if line.name == "changetype" and line.value.strip().lower() in _KEPT and len(lines) == 1:
                lines.append(line)
                continue
            if line.name in {"changetype", "control"}:
                # What follows is the language of changes: nothing in it is worth a second mistake.
                self._wrong(number, f"{line.name}: this is a change, not an entry", "export the entries themselves")
                return []
            lines.append(line)
        return lines

    def _version(self, line: _Line) -> None:
        if line.value.strip() != b"1":
            self._wrong(line.number, "only version 1 of LDIF is known")

    def _wrong(self, line: int, message: str, hint: str = "") -> None:
        self.mistakes.append(Mistake(self.file, line, 0, message, hint))

    def _ending(self, lines: list[_Line]) -> None:
        for line in lines:
            text = line.value.decode("utf-8", "replace")
            if line.name == "pagedresults":
                cookie = text.partition("cookie=")[2].strip()
                self._unread = f"{self.file}:{line.number}: the search ended before its last page" if cookie else ""
            if line.name == "result" and not _SUCCESS.match(text):
                self.endings.append(f"{self.file}:{line.number}: the search ended with {text}")


def split_lines(data: bytes) -> Iterable[bytes]:
    """Split a file into lines; a byte order mark is understood, and UTF-16 behind one (``ldifde -u``) or where it shows.

    Raises ``UnicodeDecodeError`` when the mark promises UTF-16 and the rest is none.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = data.decode("utf-16").encode()
    elif (unmarked := delimited.unmarked(data)) != "utf-8":
        data = data.decode(unmarked).encode()
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def cut_off(lines: Sequence[bytes]) -> str:
    """Say why a file may not be whole: empty, broken off within a line, or without the end that its tool writes."""
    if not any(line.strip() for line in lines):
        return "the file is empty"
    if lines[-1]:
        return "the file does not end with a line end: it may be cut"
    for beginning, ending, tool in _ENDED:
        begins = any(line.startswith(beginning) for line in lines[:3])
        if begins and not any(line.startswith(ending) for line in lines[-12:]):
            return f"the end that {tool} writes is not there: the file may be cut"
    return ""


_ENDED = (
    (b"# extended LDIF", b"result: ", "ldapsearch"),
    (b"# record 1", b"# returned ", "ldbsearch"),
)
"""How tools begin that say at the end how the search went."""


def declared_entries(lines: Iterable[bytes]) -> int | None:
    """Return how many entries the tool says that it wrote, of all searches in a file; null where it says nothing."""
    said = [int(found[1] or found[2]) for line in lines if (found := _DECLARED.fullmatch(line.rstrip(b"\r")))]
    return sum(said) if said else None


_DECLARED = re.compile(rb"# (?:numEntries: (\d{1,12})|(\d{1,12}) entries)")
"""How ldapsearch and ldbsearch say it, in their last lines."""


def _unfolded(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield logical lines with the number of their first physical line; comments are gone, folded ones too."""
    start, parts = 0, [b""]
    for number, raw in enumerate(lines, 1):
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if line[:1] == b" " and parts[0]:
            parts.append(line[1:])
            continue
        if not parts[0].startswith(b"#"):
            yield start, b"".join(parts)
        start, parts = number, [line]
    if not parts[0].startswith(b"#"):
        yield start, b"".join(parts)


def _records(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    record: list[tuple[int, bytes]] = []
    for number, line in lines:
        if line:
            record.append((number, line))
        elif record:
            yield record
            record = []
    if record:
        yield record


def _parsed(number: int, line: bytes) -> _Line:
    name, colon, rest = line.partition(b":")
    folded = _folded(name) if colon else None
    if folded is None:
        raise _Malformed("not an attribute, a colon and a value", "a line is continued by one space at its start")
    if rest[:1] == b"<":
        raise _Malformed(f"the value of {folded} is a URL, which is not followed", "put the value itself, as base64")
    if rest[:1] == b":":
        return _Line(number, folded, _decoded(folded, rest[1:].strip(b" ")))
    value = rest.lstrip(b" ")
    if b"\0" in value or b"\r" in value:
        raise _Malformed(f"the value of {folded} holds a control character", "such values are written as base64")
    if not value.isascii() and not _is_utf8(value):
        raise _Malformed(f"the value of {folded} is not UTF-8", "other bytes are written as base64")
    return _Line(number, folded, value)


@lru_cache(maxsize=4096)
def _folded(name: bytes) -> str | None:
    return name.decode("ascii").lower() if _NAME.fullmatch(name) else None


def _decoded(name: str, text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _Malformed(f"the value of {name} is not base64") from error


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
