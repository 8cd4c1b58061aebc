"""Text that is safe to show: names, moments and spans of time, in words.

A name in a directory can be written by an attacker. Shown as it stands it could turn
the line around, hide letters, or drive the terminal; so whatever cannot be seen is
spelled out. The record (JSON, Parquet) keeps the exact text.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})

# Drawn as nothing or as a space, though Unicode counts them as letters, marks or symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VARIATIONS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def visible(text: str) -> str:
    """Return text with every control, order mark and invisible character spelled out, as in ``⟨U+202E⟩``.

    Line ends and tabs count as controls, and any space other than the plain one
    becomes plain. Idempotent.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


@lru_cache(maxsize=4096)
def _shown(letter: str) -> str:
    code, category = ord(letter), unicodedata.category(letter)
    if category in _HIDDEN or letter in _BLANK or any(code in span for span in _VARIATIONS):
        return f"⟨U+{code:04X}⟩"
    return " " if category == "Zs" else letter


def shorten(text: str, width: int) -> str:
    """Return visible text of at most ``width`` columns of a terminal, cut at the end with an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    text = visible(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else "…"[:width]


def moment(at: datetime | None, *, unknown: str = "unknown") -> str:
    """Write a moment in UTC to the minute."""
    return unknown if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def local(at: datetime | None, zone: str, *, unknown: str = "unknown") -> str:
    """Write a moment on the clock of a person, with UTC beside; in UTC alone where no zone is known."""
    if at is None or not zone:
        return moment(at, unknown=unknown)
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone} ({moment(at)})"


def local_lines(at: datetime | None, zone: str) -> str:
    """Write a moment in two lines for a narrow column: on the clock of a person, by its city, and in UTC below."""
    if at is None or not zone:
        return moment(at)
    city = zone.rpartition("/")[2].replace("_", " ")
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {city}\n{moment(at)}"


def day(at: datetime | None, *, unknown: str = "unknown", zone: str = "") -> str:
    """Write the day of a moment, on the clock of ``zone``; in UTC where none is known."""
    return unknown if at is None else f"{at.astimezone(ZoneInfo(zone) if zone else UTC):%Y-%m-%d}"


def last_day(until: datetime | None, *, zone: str, unknown: str = "unknown") -> str:
    """Write the last day of a span that ends before a moment: one that ends at midnight does not hold the day that begins then."""
    before = until - timedelta(microseconds=1) if until is not None and zone else until
    return day(before, unknown=unknown, zone=zone)


def between(earliest: datetime | None, latest: datetime | None, *, unknown: str = "unknown", zone: str = "") -> str:
    """Write a moment of which only bounds are known; one that is known, on the clock of ``zone`` too."""
    if earliest is None or latest is None or earliest == latest:
        return local(latest or earliest, zone, unknown=unknown)
    return f"{moment(earliest).removesuffix(' UTC')} to {moment(latest)}"


def span(length: timedelta | None, *, unknown: str = "unknown") -> str:
    """Write a length of time in its one or two largest units: ``35 min``, ``30 h``, ``3 d 4 h``, ``90 d``."""
    if length is None:
        return unknown
    minutes = int(length.total_seconds() // 60)
    if minutes < 0:
        return "−" + span(-length)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days >= 2:
        return f"{days} d {hours} h" if hours and days < 14 else f"{days:,} d"
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: ``1 finding``, ``1,204 findings``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def limit(rate: float) -> str:
    """Write an upper limit of a rate in percent, rounded up so that it never says less: ``4.67%``, ``86%``."""
    percent = 100 * rate
    if percent >= 10:
        return f"{ceil(round(percent, 6))}%"
    return f"{ceil(round(100 * percent, 6)) / 100:.2f}%" if percent else "0%"


def parted(names: Sequence[str]) -> str:
    """Write names after one another: those that have commas (``Last, First``) are parted by another mark."""
    return ("; " if any(", " in name for name in names) else ", ").join(names)


def listed(names: Sequence[str], most: int = 5, total: int | None = None) -> str:
    """Write the first names and how many more there are."""
    total = len(names) if total is None else total
    shown = parted([visible(name) for name in names[:most]])
    return shown + (f" and {total - most:,} more" if total > most else "")


def under_headings(parts: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Yield each heading with its lines as a list and a blank line behind; one without lines is left out."""
    for heading, lines in parts:
        if lines:
            yield heading
            yield from (f"- {line}" for line in lines)
            yield ""


def by_reason(said: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is said of several things, each reason once: with the names of all that it is said of."""
    alike: dict[str, list[str]] = {}
    for name, reason in said:
        alike.setdefault(reason, []).append(name)
    return [(", ".join(names), reason) for reason, names in alike.items()]
