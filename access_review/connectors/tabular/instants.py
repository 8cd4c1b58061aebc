"""Dates of a roster as instants: a lower and an upper bound, in UTC.

A roster says "31 January", which is no instant: it takes the zone of the place
of work and a declared meaning of the day. What stays unknown widens the bounds,
so that the truth is always between them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from access_review.connectors import no_value
from access_review.connectors.no_value import NoDate

EASTERNMOST = timedelta(hours=14)
WESTERNMOST = timedelta(hours=12)
_OFFSET = re.compile(r"\s*(Z|[+-]\d\d:?\d\d)$")
_FINER = re.compile(r"([.,]\d{6})\d+")
# Microsoft's JSON dates, as SuccessFactors and ConvertTo-Json of Windows PowerShell write them.
_MILLISECONDS = re.compile(r"\\?/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\\?/")


class LastDayMeaning(StrEnum):
    """When, on the last day, employment ends."""

    START_OF_DAY = "start-of-day"
    END_OF_DAY = "end-of-day"
    END_OF_SHIFT = "end-of-shift"
    INSTANT = "instant"


class Unreadable(ValueError):
    """A cell is no moment; the message says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """An instant between two others, both included; both null is unknown, or never."""

    earliest: datetime | None = None
    latest: datetime | None = None

    @property
    def known(self) -> bool:
        """Tell whether there is an instant at all."""
        return self.latest is not None

    def past(self, at: datetime) -> bool:
        """Tell whether the instant has certainly come."""
        return self.latest is not None and self.latest <= at


UNKNOWN = Bounds()


def last(bounds: Iterable[Bounds]) -> Bounds:
    """Return the latest of several instants; unknown when one of them is, or there is none."""
    instants = list(bounds)
    earliest = [b.earliest for b in instants if b.earliest is not None]
    latest = [b.latest for b in instants if b.latest is not None]
    if not instants or len(earliest) < len(instants) or len(latest) < len(instants):
        return UNKNOWN
    return Bounds(max(earliest), max(latest))


def between(wall: datetime, zone: ZoneInfo | None) -> Bounds:
    """Return when a wall clock shows ``wall``: one instant, two in the hour a clock repeats, 26 hours anywhere on earth."""
    try:
        if zone is None:
            utc = wall.replace(tzinfo=UTC)
            return Bounds(utc - EASTERNMOST, utc + WESTERNMOST)
        # In the hour skipped in spring the two readings stand around the change, which is just as true.
        both = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        return Bounds(min(both), max(both))
    except OverflowError as error:
        raise Unreadable("is out of the calendar") from error


def start(value: date, zone: ZoneInfo | None) -> Bounds:
    """Return when something begins: at the time of day given, else at the start of the day; unknown for no date."""
    if no_value.no_date(value):
        return UNKNOWN
    return _instant(value, zone) if isinstance(value, datetime) else _day(value, 0, time.min, zone)


def until(value: date, zone: ZoneInfo | None) -> Bounds:
    """Return until when something holds: the time of day given, else the end of the day; unknown for no date."""
    if no_value.no_date(value):
        return UNKNOWN
    return _instant(value, zone) if isinstance(value, datetime) else _day(value, 1, time.min, zone)


def end(
    value: date,
    zone: ZoneInfo | None,
    meaning: LastDayMeaning,
    *,
    shift_start: time | None = None,
    shift_end: time | None = None,
) -> Bounds:
    """Return when employment ends. Only :attr:`LastDayMeaning.INSTANT` looks at a time of day; the others take the day.

    The end of a day is midnight after it. The end of a shift is the hour
    ``shift_end``, on the next day when the shift began later in the day than it
    ends; without ``shift_start`` a shift ending before noon may end on either
    day. With no hour known, it ends between the start of the day and noon of the
    next: a night shift of the last day ends the morning after.
    """
    none = no_value.no_date(value)
    if none is NoDate.END:
        return UNKNOWN
    if none is NoDate.ZERO:
        raise Unreadable(f"is {value}, which programs write for no date (see `empty`)")
    if meaning is LastDayMeaning.INSTANT:
        if not isinstance(value, datetime):
            raise Unreadable("has no time of day, and `left_at_means` is instant")
        return _instant(value, zone)
    day = _local_day(value, zone)
    if meaning is LastDayMeaning.START_OF_DAY:
        return _day(day, 0, time.min, zone)
    if meaning is LastDayMeaning.END_OF_DAY:
        return _day(day, 1, time.min, zone)
    if shift_end is None:
        return Bounds(_day(day, 0, time.min, zone).earliest, _day(day, 1, time(12), zone).latest)
    if shift_start is None and shift_end < time(12):
        return Bounds(_day(day, 0, shift_end, zone).earliest, _day(day, 1, shift_end, zone).latest)
    overnight = shift_start is not None and shift_start >= shift_end
    return _day(day, int(overnight), shift_end, zone)


def _instant(value: datetime, zone: ZoneInfo | None) -> Bounds:
    if value.tzinfo is None:
        return between(value, zone)
    utc = value.astimezone(UTC)
    return Bounds(utc, utc)


def _local_day(value: date, zone: ZoneInfo | None) -> date:
    if not isinstance(value, datetime):
        return value
    # A midnight is a date that was given an offset: taken elsewhere it would be the day before.
    return (value.astimezone(zone) if value.tzinfo and zone and value.time() != time.min else value).date()


def _day(day: date, later: int, at: time, zone: ZoneInfo | None) -> Bounds:
    try:
        return between(datetime.combine(day + timedelta(days=later), at), zone)
    except OverflowError as error:
        raise Unreadable("is out of the calendar") from error


@cache
def parse(text: str, form: str) -> date:
    """Read text by a ``strptime`` form: a ``datetime`` when the form has a time of day, else a bare ``date``.

    An offset behind it is understood where the form has none (Workday writes one even behind a bare date), and
    so are Microsoft's milliseconds. Raises ``Unreadable``.
    """
    if milliseconds := _MILLISECONDS.fullmatch(text):
        return _since_epoch(int(milliseconds[1]))
    if "%f" in form:  # .NET and PowerShell write seven digits of a second, where six can be kept
        text = _FINER.sub(r"\1", text)
    offset = None if "%z" in form else _OFFSET.search(text)
    for written, read_by in ((text, form), *(((text[: offset.start()] + offset[1], f"{form}%z"),) if offset else ())):
        try:
            found = datetime.strptime(written, read_by)  # noqa: DTZ007 - the zone is that of the place of work
        except ValueError:
            continue
        return found if _has_time(form) else found.date()
    raise Unreadable(f"is not written as {form}: {text!r}")


def _since_epoch(milliseconds: int) -> date:
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise Unreadable("is out of the calendar") from error
    return at if at.time() != time.min else at.date()


def clock(text: str) -> time:
    """Read an hour written ``HH:MM``; raises ``Unreadable``."""
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
    except ValueError:
        raise Unreadable(f"is not written as HH:MM: {text!r}") from None


def is_form(form: str) -> bool:
    """Tell whether a ``strptime`` form says year, month and day."""
    sample = datetime(2001, 2, 3, 4, 5, 6)  # noqa: DTZ001 - any will do
    try:
        bare = form.replace("%z", "")  # a zone in the text needs none to be checked
        return datetime.strptime(sample.strftime(bare), bare).date() == sample.date()  # noqa: DTZ007
    except ValueError:
        return False


def _has_time(form: str) -> bool:
    bare = form.replace("%%", "")
    return any(f"%{letter}" in bare for letter in "HIXcfs")


@cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name; raises ``ValueError`` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"no time zone is called {name!r}") from None
