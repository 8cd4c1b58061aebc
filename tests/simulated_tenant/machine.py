"""A simulator on the machine's own time, for programs in processes of their own."""

from datetime import UTC, datetime

from tests.simulated_tenant.wire import START, VirtualClock


class MachineClock(VirtualClock):
    """The machine's time: a program that asks compares it with its own."""

    def now(self) -> float:
        return (self.utc - START).total_seconds()

    @property
    def utc(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the time of a server
