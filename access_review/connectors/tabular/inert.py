"""Cells that are safe to open in a spreadsheet program.

A name in a directory can be written by an attacker, and a spreadsheet program runs
what looks like a formula. Whatever goes into a cell, of XLSX or CSV, goes through
:func:`inert` first. The record (JSON) keeps the exact text; a sheet is a view.
"""

import re
import unicodedata

LONGEST = 32_767
"""Characters of one cell that a spreadsheet program takes."""

# A formula starts with one of these, or with its full-width or small form (which some programs fold).
# It may also start behind a delimiter inside the text: a program that expects `;` splits a comma file there.
_FORMULA = re.compile("(^|[,;|\"'])(\\s*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212])")

# Order marks turn a name around on the screen, so that it reads as another.
_ORDER_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def inert(text: str | None) -> str:
    """Return text that no spreadsheet program takes for anything else.

    An apostrophe goes before what could begin a formula. Tabs, line ends, control
    and bidirectional order characters become visible stand-ins. What is longer
    than a cell is cut, and ends in an ellipsis. Idempotent; nothing becomes "".
    """
    if not text:
        return ""
    shown = text if text.isascii() and text.isprintable() else "".join(map(_visible, text))
    shown = _FORMULA.sub(_quoted, shown)
    return shown if _units(shown) <= LONGEST else _cut(shown)


def _quoted(match: re.Match[str]) -> str:
    # An apostrophe at the start of the cell, or one already put there, is quoting enough.
    return match[0] if match[1] == "'" and not match[2] else f"{match[1]}{match[2]}'"


def _visible(letter: str) -> str:
    code = ord(letter)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    category = unicodedata.category(letter)
    if letter in _ORDER_MARKS or category in {"Cc", "Cs", "Zl", "Zp", "Cn"} or code == 0xFEFF:
        return f"⟨U+{code:04X}⟩"
    return letter


def _units(text: str) -> int:
    """Length as spreadsheet programs count: in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str) -> str:
    kept = text.encode("utf-16-le")[: (LONGEST - 1) * 2].decode("utf-16-le", "ignore")
    return kept + "…"
