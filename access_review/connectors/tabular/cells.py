"""What a tabular file holds before it becomes a sheet, whatever its format.

The readers (``delimited``, ``workbook``, ``records``) return :class:`Raw`;
``sheets`` checks it and turns every value into text.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from access_review.errors import Mistake

Value = str | int | float | Decimal | date | time | timedelta | bytes | None

LONGEST = 131_072
"""Characters of one cell; more is a swallowed quote or an attack, not a name."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Headings and rows as found, each row with its line, and what was wrong so far."""

    heading_line: int
    columns: tuple[Value, ...]
    rows: tuple[tuple[int, tuple[Value, ...]], ...]
    mistakes: tuple[Mistake, ...] = ()
    exact_integers: bool = False
    """Integers were written digit by digit (JSON), so one may stand where an id belongs."""
    cut: bool = False
    """The last line does not end, as that of a whole file does."""
    more: str = ""
    """How the file itself says that there is more than it holds."""


def stored_date(value: Value) -> date | None:
    """Return the date or time that the file itself holds, or ``None``; a midnight without a zone is a date."""
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time.min:
        return value.date()
    return value if isinstance(value, date) else None


def cell_text(value: Value, *, strip: bool) -> str | None:
    """Write a value as text; nothing and empty text are both null."""
    match value:
        case None:
            return None
        case str():
            return (value.strip() if strip else value) or None
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case date() | time():
            return (stored_date(value) or value).isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def unmarked(text: str) -> str:
    """Return an id without the apostrophe that spreadsheets put before digits to keep them text."""
    return text[1:] if text[:1] == "'" and text[1:].isalnum() and text[1].isdigit() else text


def cell_fault(value: Value, *, is_id: bool, exact_integers: bool) -> tuple[str, str] | None:
    """Say what is wrong with one cell and what to do, or return ``None``."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            return f"a cell of {len(value):,} characters, {LONGEST:,} allowed", "is a quote missing before it?"
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return "half a character (a lone surrogate)", "export the file again as UTF-8"
        return None
    if not is_id or value is None:
        return None
    if exact_integers and isinstance(value, int) and not isinstance(value, bool):
        return None
    kind = (
        "a date" if isinstance(value, date) else "a number" if isinstance(value, int | float | Decimal) else "no text"
    )
    return (
        f"an id is stored as {kind}: {cell_text(value, strip=False)}",
        "leading zeros may be lost already; export ids as text, or set number_ids: true",
    )


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that stand more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)
