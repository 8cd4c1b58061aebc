"""Columns that a source file names and the sheet does not have: what they are called there now, as far as that shows. Pure."""

import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from access_review.connectors.tabular.sheets import Sheet, heading_key
from access_review.errors import Mistake

_NAMED = 6
_ALIKE = 0.85


def lacking(sheet: Sheet, line: int, absent: Sequence[str], used: Collection[str]) -> list[Mistake]:
    """Return the mistakes of a sheet that lacks some of the columns in use: with the heading that is meant, or those left."""
    left = [name for name in sheet.columns if name and name not in used]
    return [Mistake(sheet.file, line, 0, f"has no column {column!r}", _hint(column, sheet, left)) for column in absent]


def _hint(column: str, sheet: Sheet, left: Sequence[str]) -> str:
    near = get_close_matches(column, sheet.columns, 1) or list(filter(None, [nearly(column, sheet, ())]))
    if near:
        return f"is {near[0]!r} meant?"
    named = ", ".join(left[:_NAMED]) + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")
    return f"has it another heading now? Nothing is read of {named}" if left else ""


def nearly(column: str, sheet: Sheet, used: Collection[str]) -> str | None:
    """Return the unused heading that an absent column was surely meant to be: then it is misspelt, not left out."""
    others = {_looks(name): name for name in sheet.columns if name not in used}
    near = get_close_matches(_looks(column), others, 1, _ALIKE)
    return others[near[0]] if near else None


def _looks(heading: str) -> str:
    """Return a heading without case, accents and the dot of an i: what a list in another language makes of it."""
    apart = unicodedata.normalize("NFKD", heading_key(heading)).casefold().replace("\u0131", "i")
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
