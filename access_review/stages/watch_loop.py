"""Go on watching until told to stop: after an error a pause that grows, and a file that says how it goes."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from access_review.errors import AccessReviewError
from access_review.model import Clock
from access_review.snapshot.watched import News, PendingAlarm, is_due
from access_review.stages.halted import why_halted
from access_review.stages.watch import Watch
from access_review.views import alarms
from access_review.views.observed import Observation

_WRITTEN = timedelta(seconds=10)
_LONGEST = 60.0
_AGAIN = timedelta(minutes=1)


@dataclass
class WatchLoop:
    """Looks again and again; ``on_seen`` hears of each look that saw something, ``on_failed`` of each that could not be.

    ``on_beat`` is called after every look, whatever came of it.
    """

    watch: Watch
    clock: Clock
    on_seen: Callable[[Observation], None] = lambda _: None
    on_failed: Callable[[str], None] = lambda _: None
    on_beat: Callable[[], None] = lambda: None
    looks: int = 0
    errors: int = 0
    failing: str = ""
    _written: datetime | None = None
    _in_a_row: int = field(default=0)
    _failing_since: datetime | None = None
    _alarm: PendingAlarm | None = None
    _alarmed_at: datetime | None = None

    def run(self, stop: Callable[[], bool]) -> None:
        """Look until ``stop`` says so; what a look could not do is tried again by the next."""
        while not stop():
            self.once()
            self.on_beat()
            pause = self.watch.workspace.policy.watch.files
            if self._in_a_row:
                pause = min(_LONGEST, pause * 2 ** min(self._in_a_row, 6))
            self._wait(pause, stop)

    def once(self) -> Observation | None:
        """Look once; nothing where that failed."""
        self.looks += 1
        try:
            seen = self.watch.look()
            for why in self.watch.follow_orders():
                self.on_failed(why)
        except Exception as error:  # noqa: BLE001 - what no look foresees is told as well, and stops none after it
            self.errors, self._in_a_row = self.errors + 1, self._in_a_row + 1
            self.failing = why_halted(error)[0]
            self.on_failed(self.failing if _is_foreseen(error) else "".join(traceback.format_exception(error)).rstrip())
            self._say_health(at_once=self._in_a_row == 1)
            self._tell_of_failing()
            return None
        self._in_a_row, self.failing = 0, ""
        self._failing_since = self._alarm = self._alarmed_at = None
        news = bool(seen.opened or seen.closed or seen.told or seen.failed or seen.back)
        if news or seen.read:
            self.on_seen(seen)
        self._say_health(at_once=news)
        return seen

    def _tell_of_failing(self) -> None:
        """Let people hear, once, that no look has succeeded for as long as a source may be silent; what did not arrive is tried again."""
        now, watch = self.clock.now(), self.watch
        self._failing_since = self._failing_since or now
        silent = watch.workspace.policy.watch.silent
        if self._alarmed_at is None and is_due(self._failing_since, silent, now):
            said = alarms.failing(self.failing, self._failing_since, now)
            self._alarm = News(f"failing {self._failing_since.isoformat()}", said).pending(now)
        if self._alarm is None or not is_due(self._alarmed_at, _AGAIN, now):
            return
        self._alarmed_at = now
        try:
            self._alarm, failed = watch.tell_of_failing(self._alarm)
        except (AccessReviewError, OSError) as error:
            failed = (why_halted(error)[0],)
        for why in failed:
            self.on_failed(why)

    def _wait(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Let time pass in small steps, so that whoever stops it waits no longer than one."""
        while seconds > 0 and not stop():
            self.clock.wait(min(1.0, seconds))
            seconds -= 1.0

    def _say_health(self, *, at_once: bool) -> None:
        now = self.clock.now()
        if not at_once and not is_due(self._written, _WRITTEN, now):
            return
        try:
            self.watch.write_health(looks=self.looks, errors=self.errors, failing=self.failing)
        except (AccessReviewError, OSError) as error:
            self.on_failed(why_halted(error)[0])
            return
        self._written = now


def _is_foreseen(error: Exception) -> bool:
    return isinstance(error, (AccessReviewError, OSError))
