"""Dates of a roster as instants: a lower and an upper bound, in UTC.

A roster says "31 January", which is no instant: it takes the zone of the place
of work and a declared meaning of the day. What stays unknown widens the bounds,
so that the truth is always between them.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from access_review.connectors import no_value
from access_review.connectors.no_value import NoDate

EASTERNMOST = timedelta(hours=14)
WESTERNMOST = timedelta(hours=12)
# PostgreSQL writes hours alone, others name UTC, and Java puts the name of the zone behind its offset.
_OFFSET = re.compile(r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:\[[A-Za-z0-9_+/-]+\])?$")
_UTC = frozenset({"UTC", "GMT"})
_UTC_WORD = re.compile(r"(?<=[HMSfp])\s?(?:Z|UTC|GMT)$")
_HOURS = re.compile(r"[+-]\d\d")
_FINER = re.compile(r"([.,]\d{6})\d+")
# Microsoft's JSON dates, as SuccessFactors and ConvertTo-Json of Windows PowerShell write them.
_MILLISECONDS = re.compile(r"\\?/Date\((-?\d{1,17})([+-]\d{4})?\)\\?/")


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
    if zone is None and isinstance(value, datetime) and _elsewhere(value):
        return _somewhere(value, meaning)
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
    return (value.astimezone(zone) if zone and _elsewhere(value) else value).date()


def _elsewhere(value: datetime) -> bool:
    """Tell whether another zone may call this another day; a midnight is a date that was given an offset."""
    return value.tzinfo is not None and value.time() != time.min


def _somewhere(value: datetime, meaning: LastDayMeaning) -> Bounds:
    """Return when employment ends on the day that this moment is in, in a zone that nobody named: any may be meant."""
    utc = value.astimezone(UTC)
    before, after = {
        LastDayMeaning.START_OF_DAY: (1, 0),
        LastDayMeaning.END_OF_DAY: (0, 1),
    }.get(meaning, (1, 1.5))
    try:
        return Bounds(utc - timedelta(days=before), utc + timedelta(days=after))
    except OverflowError as error:
        raise Unreadable("is out of the calendar") from error


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
        return _since_epoch(int(milliseconds[1]), milliseconds[2])
    if "%f" in form:  # .NET and PowerShell write seven digits of a second, where six can be kept
        text = _FINER.sub(r"\1", text)
    for written, read_by in _readings(text, _UTC_WORD.sub("%z", form)):
        try:
            found = datetime.strptime(written, read_by)  # noqa: DTZ007 - the zone is that of the place of work
        except ValueError:
            continue
        return found if _has_time(form) else found.date()
    raise Unreadable(f"is not written as {form}: {text!r}")


def _readings(text: str, form: str) -> Iterator[tuple[str, str]]:
    """Yield a text as it is, then with its offset as ``strptime`` reads one."""
    yield text, form
    offset = _OFFSET.search(text) if form.endswith("%z") or "%z" not in form else None
    if offset and (_has_time(form) or not _HOURS.fullmatch(offset[1])):
        yield _with_offset(text[: offset.start()], offset[1]), f"{form.removesuffix('%z').rstrip()}%z"


def has_zone(form: str) -> bool:
    """Tell whether a form says where its clock stands: by ``%z``, or by a word for UTC, a letter only to ``strptime``."""
    return "%z" in form or _UTC_WORD.search(form) is not None


def _with_offset(text: str, offset: str) -> str:
    if offset in _UTC:
        return f"{text}Z"
    return f"{text}{offset}00" if _HOURS.fullmatch(offset) else f"{text}{offset}"


def _since_epoch(milliseconds: int, offset: str | None) -> date:
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        if offset:
            at = at.astimezone(datetime.strptime(offset, "%z").tzinfo)
    except (OverflowError, ValueError) as error:
        raise Unreadable("is out of the calendar") from error
    return at if at.time() != time.min else at.date()


_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")


def clock(text: str) -> time:
    """Read an hour written ``HH:MM``, with seconds as workbooks store it, or with AM and PM; raises ``Unreadable``."""
    if text in ("24:00", "24:00:00"):  # the end of a day, which is the beginning of the next
        return time()
    for form in _CLOCKS:
        with suppress(ValueError):
            return datetime.strptime(text, form).time()  # noqa: DTZ007 - a time of day has no zone
    raise Unreadable(f"is not written as HH:MM: {text!r}")


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
