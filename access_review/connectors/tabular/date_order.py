"""Dates of which nobody can say whether the day or the month comes first: a file in which both orders stand.

``03/11/2026`` reads well either way. That a file has another order than it is said to have shows only in its other
cells: ``25/09/2026`` is no date to who reads months first. A spreadsheet that opened it in the wrong order shows it too:
what it understood became dates, and what it did not stayed text. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

from access_review.connectors import no_value
from access_review.connectors.tabular import instants
from access_review.connectors.tabular.sheets import Sheet

EITHER = "may be day first or month first: the file has dates in both orders"
"""Why such a cell is not believed."""

_MOST = 20
"""One in so many of the cells that tell may be a slip of the pen."""

_MONTHS = 12


def doubtful(sheet: Sheet, columns: Iterable[str], form: str | None) -> frozenset[tuple[int, str]]:
    """Return the cells, by line and column, that are dates in two ways where the file shows that both may be meant."""
    other = _other_order(form)
    if form is None or other is None:
        return frozenset()
    used = list(dict.fromkeys(columns))
    found: set[tuple[int, str]] = set()
    if not sheet.stored_dates:
        told: Counter[str] = Counter()
        for text, times in Counter(row.get(column) for column in used for _, row in sheet.rows).items():
            told[_order(text or "", form, other)] += times
        if told["other"] * _MOST > told["form"]:
            found |= {
                (line, column)
                for line, row in sheet.rows
                for column in used
                if (text := row.get(column)) and _order(text, form, other) == "either"
            }
        return frozenset(found)
    for column in used:
        found |= set(_misread(sheet, column, form, other))
    return frozenset(found)


def _misread(sheet: Sheet, column: str, form: str, other: str) -> Iterator[tuple[int, str]]:
    """Yield the stored dates of a column beside texts that a spreadsheet of the other order could not have understood."""
    stored = [(line, sheet.stored_dates.get((line, column))) for line, _ in sheet.rows]
    said = {row.get(column) or "" for line, row in sheet.rows if (line, column) not in sheet.stored_dates}
    orders = {_order(text, form, other) for text in said} - {""}
    early = [(line, day) for line, day in stored if day is not None and no_value.no_date(day) is None]
    if orders == {"form"} and early and all(day.day <= _MONTHS for _, day in early):
        yield from ((line, column) for line, day in early if day.day != day.month)


def _other_order(form: str | None) -> str | None:
    """Return a form with day and month exchanged; null where the year comes first, or a month has a name."""
    if form is None or "%d" not in form or "%m" not in form:
        return None
    year = max(form.find("%Y"), form.find("%y"))
    if year < min(form.index("%d"), form.index("%m")):
        return None
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


@lru_cache(maxsize=65_536)
def _order(text: str, form: str, other: str) -> str:
    """Say how a text can be read: as its ``form`` says, in the ``other`` order, ``either`` way; empty where that is all the same."""
    if no_value.is_nothing_dated(text):
        return ""
    read, crossed = _day(text, form), _day(text, other)
    if read is None:
        return "other" if crossed is not None else ""
    if crossed is None:
        return "form"
    return "either" if read != crossed else ""


def _day(text: str, form: str) -> date | None:
    try:
        return instants.parse(text, form)
    except instants.Unreadable:
        return None
