"""The clocks of the command line: the machine's, and one that runs from a moment reviewed."""

import time
from datetime import UTC, datetime

from access_review.model import Clock


class MachineClock:
    """The machine's own time. Only the console script makes one: no option, variable or file reaches it."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)  # noqa: TID251 - the one place where now enters

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class RunningClock:
    """The time as it goes on from a moment, for what is reviewed as of then and written nowhere live."""

    def __init__(self, began: datetime, clock: Clock) -> None:
        self._clock = clock
        self._ahead = began - clock.now()

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now() + self._ahead

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.wait(seconds)
