"""Which form the dates of a column have, and what proves that the day or the month comes first.

03/04/2026 proves nothing; 17/04/2026 proves that the day comes first. Where no value proves
anything, another column of the same file may, and else a person must be asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

_CLOCK = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
_MOST = 0.9


class DateOrder(StrEnum):
    """What comes first."""

    YEAR_FIRST = "year-first"
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    UNKNOWN = "unknown"
    """Day or month: nothing proves which."""
    MIXED = "mixed"
    """Some values prove the one, some the other."""


@dataclass(frozen=True, slots=True)
class DateLook:
    """The form of a column's dates; counts are of different values."""

    order: DateOrder
    format: str | None
    """As ``strptime`` has it; null where the order is not known."""
    separator: str
    day_first: int
    """Values that can only be read with the day first."""
    month_first: int
    silent: int
    """Values that can be read either way."""
    unreadable: int
    timed: bool
    sentence: str
    clock: str | None = None
    """How the time of day behind each date is written, as ``strptime`` has it; null where not all have the same."""
    year: str = "%Y"
    """How the year is written, of four digits or of two."""


def date_look(values: Any) -> DateLook | None:
    """Look at different values (Arrow text, blanks around taken off); nothing where they are no dates."""
    import pyarrow.compute as pc

    count = len(values)
    if not count:
        return None
    for expression, order, form in _PLAIN:
        matches = pc.match_substring_regex(values, rf"^{expression}{_CLOCK}$")
        hits = pc.sum(matches).as_py()
        if hits >= _MOST * count:
            timed = pc.any(pc.match_substring_regex(values.filter(matches), r"\d[ T]\d{1,2}:\d{2}")).as_py()
            sentence = f"{order.value}, as in {form}; {hits} of {count} different values read so"
            return DateLook(order, form, "", 0, 0, 0, count - hits, bool(timed), sentence, _clock(values))
    for separator in "/.-":
        look = _either_way(values, separator, count)
        if look:
            return look
    return None


# Months in English alone: those of other languages are read by no form.
_MON = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_MONTH = r"(?i:january|february|march|april|may|june|july|august|september|october|november|december)"
_PLAIN = (
    (r"(19|20)\d{2}-\d{1,2}-\d{1,2}", DateOrder.YEAR_FIRST, "%Y-%m-%d"),
    (r"(19|20)\d{2}/\d{1,2}/\d{1,2}", DateOrder.YEAR_FIRST, "%Y/%m/%d"),
    (r"(19|20)\d{2}\.\d{1,2}\.\d{1,2}", DateOrder.YEAR_FIRST, "%Y.%m.%d"),
    (r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", DateOrder.YEAR_FIRST, "%Y%m%d"),
    (r"(19|20)\d{2}年\d{1,2}月\d{1,2}日", DateOrder.YEAR_FIRST, "%Y年%m月%d日"),
    (rf"\d{{1,2}}-{_MON}-\d{{4}}", DateOrder.DAY_FIRST, "%d-%b-%Y"),
    (rf"\d{{1,2}} {_MON} \d{{4}}", DateOrder.DAY_FIRST, "%d %b %Y"),
    (rf"\d{{1,2}}-{_MON}-\d{{2}}", DateOrder.DAY_FIRST, "%d-%b-%y"),
    (rf"\d{{1,2}} {_MONTH} \d{{4}}", DateOrder.DAY_FIRST, "%d %B %Y"),
    (rf"{_MON} \d{{1,2}}, \d{{4}}", DateOrder.MONTH_FIRST, "%b %d, %Y"),
    (rf"{_MONTH} \d{{1,2}}, \d{{4}}", DateOrder.MONTH_FIRST, "%B %d, %Y"),
)


_CLOCKS = (
    (r" \d{1,2}:\d{2}$", " %H:%M"),
    (r" \d{1,2}:\d{2}:\d{2}$", " %H:%M:%S"),
    (r" \d{1,2}:\d{2} [AaPp][Mm]$", " %I:%M %p"),
    (r" \d{1,2}:\d{2}:\d{2} [AaPp][Mm]$", " %I:%M:%S %p"),
    (r"T\d{2}:\d{2}$", "T%H:%M"),
    (r"T\d{2}:\d{2}:\d{2}$", "T%H:%M:%S"),
    (r"T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})$", "T%H:%M:%S%z"),
    (r"T\d{2}:\d{2}:\d{2}\.\d{1,9}(Z|[+-]\d{2}:?\d{2})$", "T%H:%M:%S.%f%z"),
    (r" \d{1,2}:\d{2}:\d{2} ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$", " %H:%M:%S%z"),
    (r" \d{1,2}:\d{2}:\d{2}\.\d{1,9} ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$", " %H:%M:%S.%f%z"),
)


def _clock(values: Any) -> str | None:
    """Return how the time of day behind every date is written, where all are written alike."""
    import pyarrow.compute as pc

    return next((form for shape, form in _CLOCKS if pc.all(pc.match_substring_regex(values, shape)).as_py()), None)


def _either_way(values: Any, separator: str, count: int) -> DateLook | None:
    """Count what proves the order of dates such as 03/04/2026."""
    import pyarrow.compute as pc

    dot = "\\" + separator
    parts = pc.extract_regex(values, rf"^(?P<a>\d{{1,2}}){dot}(?P<b>\d{{1,2}}){dot}(?P<y>\d{{2}}|\d{{4}}){_CLOCK}$")
    found = parts.filter(pc.is_valid(parts))
    if len(found) < _MOST * count:
        return None
    first, second = (pc.struct_field(found, name).cast("int64") for name in ("a", "b"))
    day_first = pc.sum(pc.and_(pc.greater(first, 12), pc.less_equal(second, 12))).as_py() or 0
    month_first = pc.sum(pc.and_(pc.greater(second, 12), pc.less_equal(first, 12))).as_py() or 0
    silent = pc.sum(pc.and_(pc.less_equal(first, 12), pc.less_equal(second, 12))).as_py() or 0
    unreadable = count - day_first - month_first - silent
    year = "%Y" if pc.min(pc.utf8_length(pc.struct_field(found, "y"))).as_py() == 4 else "%y"
    timed = bool(pc.any(pc.match_substring_regex(values, r"\d[ T]\d{1,2}:\d{2}")).as_py())
    order = DateOrder.UNKNOWN
    if day_first and month_first:
        order = DateOrder.MIXED
    elif day_first or month_first:
        order = DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST
    look = DateLook(
        order,
        _format(order, separator, year),
        separator,
        day_first,
        month_first,
        silent,
        unreadable,
        timed,
        "",
        _clock(values),
        year,
    )
    return replace(look, sentence=_evidence(look))


def _format(order: DateOrder, separator: str, year: str) -> str | None:
    match order:
        case DateOrder.DAY_FIRST:
            return separator.join(("%d", "%m", year))
        case DateOrder.MONTH_FIRST:
            return separator.join(("%m", "%d", year))
        case _:
            return None


def _evidence(look: DateLook) -> str:
    either = f"{look.silent} can be read either way"
    match look.order:
        case DateOrder.DAY_FIRST:
            return f"day first: {look.day_first} different values have a first number above 12, none a second; {either}"
        case DateOrder.MONTH_FIRST:
            return f"month first: {look.month_first} different values have a second number above 12, none a first; {either}"
        case DateOrder.MIXED:
            return f"mixed: {look.day_first} different values can only have the day first, {look.month_first} only the month"
        case _:
            return f"day or month first cannot be told: all {look.silent} different values can be read either way"


def settle_order(looks: Sequence[tuple[str, DateLook]]) -> dict[str, DateLook]:
    """Let the columns of one file that prove an order speak for those written alike that prove none."""
    proven: dict[str, dict[DateOrder, str]] = {}
    for column, look in looks:
        if look.separator and look.order in {DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST}:
            proven.setdefault(look.separator, {}).setdefault(look.order, column)
    settled = {}
    for column, look in looks:
        orders = proven.get(look.separator, {})
        if look.order is DateOrder.UNKNOWN and len(orders) == 1:
            ((order, witness),) = orders.items()
            words = f"{order.value.replace('-', ' ')}, as {witness} of the same file proves; here nothing does"
            look = replace(look, order=order, format=_format(order, look.separator, look.year), sentence=words)  # noqa: PLW2901
        settled[column] = look
    return settled
