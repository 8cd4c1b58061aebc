"""Clocks that stand for the machine's in tests; the product has no way to be given one."""

from datetime import datetime

from access_review.cli.clocks import MachineClock, RunningClock
from access_review.model import Clock


def clock_at(moment: str | datetime | None) -> Clock:
    """Return a clock that goes on from a moment, or the machine's own."""
    if moment is None:
        return MachineClock()
    began = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return RunningClock(began, MachineClock())
