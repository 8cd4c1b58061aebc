"""Time as it is handed to whoever needs it; the console script alone makes the machine's."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, and lets time pass."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...
