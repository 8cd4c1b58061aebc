"""Lines of a report that are no rows of it: titles above the headings, the headings again, totals and footers. Pure.

Read as rows they would be a person called *Total: 214*, or an account called *login*. What is wrong is said once,
with the option that leaves such lines out.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from access_review.connectors import no_value
from access_review.connectors.tabular.cells import Raw, Value, cell_text
from access_review.errors import Mistake

Key = Callable[[str], str]

_LAST = 3
"""Lines at the end among which a total stands."""

_NUMBER = r"[\d.,' \u00a0\u202f]*\d"
_WORDS = (
    "(?:(?:grand|sub|overall)[ -]?)?totals?|sum|count|record count|row count|rows?|records?|rows? affected|headcount|summe|gesamt(?:summe|zahl)?"
    "|(?:rows?|records?|entries) (?:selected|returned|exported|fetched|read|in set(?: \\(.*)?)|anzahl(?: datens\N{LATIN SMALL LETTER A WITH DIAERESIS}tze)?|totaal|totale|razem|suma|somme|total(?:es| general)?"
)
_TOTAL = re.compile(
    rf"\(?(?:(?:{_WORDS})\b[^\w]*(?P<said>{_NUMBER})?|(?P<before>{_NUMBER}) (?:{_WORDS}))[.:)]*", re.IGNORECASE
)
_COUNTED = re.compile(_NUMBER)
_RULED = re.compile(r"[-=]{2,}")
_CUT_SHORT = re.compile(
    r"\btruncated\b|\bmore (?:rows|records|results|entries)\b|\b(?:row|result|export|record) limit\b", re.IGNORECASE
)


def headings_elsewhere(raw: Raw) -> Mistake | None:
    """Say that the headings stand on another line, where most lines have another width than the first; or nothing."""
    width = len(raw.columns)
    widths = Counter(len(values) for _, values in raw.rows if len(values) > 1)
    usual, times = widths.most_common(1)[0] if widths else (width, 0)
    if usual == width or times < 2 or times * 2 <= len(raw.rows):
        return None
    line = next(line for line, values in raw.rows if len(values) == usual)
    message = f"{width} headings, and {usual} columns in {times} of {len(raw.rows)} lines"
    return Mistake("", raw.heading_line, 0, message, f"do the headings stand on line {line}? Set `header_row`")


def _are(filled: Sequence[str], headings: frozenset[str], key: Key) -> bool:
    # Of millions of rows nearly none begins as the headings do: the rest of a row is not looked at.
    return all(key(text) in headings for text in filled) and {key(text) for text in filled} == headings


def no_row(raw: Raw, place: int, headings: frozenset[str], key: Key) -> tuple[str, str] | None:
    """Say why the line at a place is none of the rows, and what to do; ``headings`` are those of the sheet, by their key."""
    _, values = raw.rows[place]
    filled = _filled(values)
    if len(values) == len(raw.columns) and len(filled) == len(headings) and _are(filled, headings, key):
        return "the headings again", "are these two exports, one below the other? Leave the line out"
    if not place and len(filled) > 1 and len(filled) == len(values) and all(map(_RULED.fullmatch, filled)):
        return "a rule below the headings, and no row", "leave the line out"
    if len(raw.rows) - place <= _LAST and len(filled) == 1 < len(raw.columns) and _CUT_SHORT.search(filled[0]):
        return f"it says that there is more than it holds: {filled[0]!r}", "export it whole"
    if len(raw.rows) - place <= _LAST and _is_total(filled, values):
        return "a total, and no row", f"leave it out with `footer: {footer(raw)}`"
    return None


def footer(raw: Raw) -> int:
    """Return how many lines at the end are no rows: totals, and those of another width."""
    odd = 0
    for number, (_, values) in enumerate(reversed(raw.rows[-_LAST:]), 1):
        if len(values) != len(raw.columns) or _is_total(_filled(values), values):
            odd = number
    return odd


def has_total(raw: Raw, odd: int) -> bool:
    """Tell whether a total is among the last lines, so that they are not what is left of a row."""
    return any(_is_total(_filled(values), values) for _, values in (raw.rows[-odd:] if odd else ()))


def footer_hint(raw: Raw, place: int, odd: int) -> str:
    """Return what may be meant by a line of another width, where it is one of the ``odd`` last that are no rows."""
    at_end = len(raw.rows) - place <= odd < len(raw.rows)
    return f"was the file cut here? If its report ends so, set `footer: {odd}`" if at_end else ""


def _filled(values: Sequence[Value]) -> list[str]:
    return [text for value in values if (text := no_value.bare(cell_text(value, strip=False) or ""))]


def _is_total(filled: Sequence[str], values: Sequence[Value]) -> bool:
    found = _TOTAL.fullmatch(filled[0]) if filled else None
    if found is None:
        return False
    numbers = [text for text in filled[1:] if _COUNTED.fullmatch(text)]
    if len(numbers) < len(filled) - 1:
        return False
    return bool(numbers or found["said"] or found["before"] or len(values) > len(filled) + 1)
