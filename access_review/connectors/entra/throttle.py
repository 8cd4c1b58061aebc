"""Staying within what Microsoft Graph lets one application ask, and waiting when it says so.

Published limits (Graph documentation, "identity and access service limits"; "subject
to change"): a directory request costs resource units, of which an application has
3,500, 5,000 or 8,000 per 10 s in a tenant of up to 50, up to 500, or more users; reports
answer 5 requests per 10 s, policies 1 per second.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

from access_review.connectors.entra.queries import DIRECTORY, POLICIES, REPORTS

SIZES = ((50, 3500), (500, 5000))
LARGEST = 8000
"""Resource units in ten seconds that the largest tenants have."""
LONGEST_WAIT = 3600.0
"""Seconds that are waited at most because a service asks for it."""
SHARE = 0.9
"""The share (0 to 1) of a limit that is used, so that others who sign in as the same application are not starved."""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def cost(url: str) -> int:
    """Return the resource units of one GET, by the published table."""
    split = urlsplit(url)
    parts, query = [part.casefold() for part in split.path.split("/") if part], parse_qs(split.query)
    base = 1
    if parts[-1:] == ["users"]:
        base = 2
    elif parts[-1:] in (["members"], ["subscribedskus"]):
        base = 3
    elif parts[-1:] in (["transitivemembers"], ["transitivememberof"]):
        base = 5
    top = query.get("$top", [""])[0]
    base += ("$expand" in query) - ("$select" in query) - (top.isdigit() and int(top) < 20)
    return max(1, base)


def workload(url: str) -> str:
    """Return which limit a request counts against."""
    path = urlsplit(url).path.casefold()
    if "/auditlogs/" in path:
        return REPORTS
    return POLICIES if "/identity/conditionalaccess" in path else DIRECTORY


@dataclass
class Time:
    """The clock and the way to wait; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


@dataclass
class Bucket:
    """A budget that refills evenly: ``size`` per ``seconds``."""

    size: float
    seconds: float
    level: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.level = self.size

    def wait_for(self, units: float, now: float) -> float:
        """Take ``units`` and return how long to wait before they may be used."""
        if self.at is not None:
            self.level = min(self.size, self.level + (now - self.at) * self.size / self.seconds)
        self.at = now
        self.level -= units
        return max(0.0, -self.level * self.seconds / self.size)


class ThrottlePace:
    """Shared by all threads of a reading: nobody sends before :meth:`admit` lets them."""

    def __init__(self, clock: Time | None = None) -> None:
        self.time = clock or Time()
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}
        self._buckets = {
            DIRECTORY: Bucket(SIZES[0][1] * SHARE, 10),
            REPORTS: Bucket(5 * SHARE, 10),
            POLICIES: Bucket(1, 1),
        }
        self.spent: dict[str, int] = {}
        self.waited = 0.0

    def sized(self, users: int) -> None:
        """Say how many users the tenant has, on which the limit depends."""
        units = next((units for most, units in SIZES if users <= most), LARGEST)
        with self._lock:
            old = self._buckets[DIRECTORY]
            fresh = Bucket(units * SHARE, 10)
            # What was spent stays spent: a fresh bucket would be full, and the limit passed at once.
            fresh.level, fresh.at = old.level, old.at
            self._buckets[DIRECTORY] = fresh

    def admit(self, kind: str, units: int) -> None:
        """Wait until ``units`` may be spent."""
        with self._lock:
            now = self.time.now()
            self.spent[kind] = self.spent.get(kind, 0) + units
            wait = self._buckets[kind].wait_for(units, now)
            wait = max(wait, self._closed_until.get(kind, now) - now)
        self._pause(wait)

    def close(self, kind: str, seconds: float) -> None:
        """Let nobody send for ``seconds``: the service said so."""
        with self._lock:
            until = self.time.now() + seconds
            self._closed_until[kind] = max(self._closed_until.get(kind, until), until)

    def back_off(self, attempt: int) -> float:
        """Return a wait that doubles with each attempt, at random between half and whole, a minute at most."""
        return float(min(60, 2**attempt)) * (0.5 + self.time.jitter() / 2)

    def pause(self, seconds: float) -> None:
        """Wait ``seconds``."""
        self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self.waited += seconds
            self.time.sleep(seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After: seconds, or a date (measured from the answer's own Date); null when there is none that says when.

    It is :data:`LONGEST_WAIT` at most: who asks then and is told the same again gives up in the end.
    """
    said = {name.casefold(): str(held).strip() for name, held in headers.items()}
    value = said.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(LONGEST_WAIT, float(value))
    until, sent = http_date(value), http_date(said.get("date"))
    if until is None or sent is None:
        return None
    return min(LONGEST_WAIT, max(0.0, (until - sent).total_seconds()))


def http_date(text: object) -> datetime | None:
    """Return the date of a header in UTC; null for what is none."""
    try:
        at = parsedate_to_datetime(str(text))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
