"""Time windows in which a batch may make changes."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from access_review.policy import ChangeWindow

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open(windows: Sequence[ChangeWindow], now: datetime) -> bool:
    """Tell whether a moment lies in one of the windows; without any, it always does.

    A window whose end is not after its start goes on over midnight, and belongs to the
    day on which it starts.
    """
    return not windows or any(_inside(window, now) for window in windows)


def _inside(window: ChangeWindow, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(window.timezone))
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    today, yesterday = (_DAYS[(local.weekday() - ago) % 7] in window.days for ago in (0, 1))
    clock = local.time()
    if start < end:
        return today and start <= clock < end
    return (today and clock >= start) or (yesterday and clock < end)
