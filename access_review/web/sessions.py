"""Sessions: who is signed in, known to this process alone.

The browser holds a random name and nothing else; of that only the digest is kept, so that
no dump of the memory signs anybody in. A restart signs everybody out; answers are on disk.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from access_review.model import Options
from access_review.stages.sign_in import Claims

SIGN_IN_SECONDS = 600
"""Seconds that somebody has to sign in at the provider."""
MOST_SESSIONS = 10_000
"""How many sessions at once; beyond, whoever began to sign in first and did not finish has to begin again."""


@dataclass(slots=True)
class WebSession:
    """One browser: who is signed in (nobody yet, while at the provider) by which claims, and what was shown to them when."""

    digest: str
    csrf: str
    began: float
    last: float
    person: str = ""
    claims: Claims | None = None
    flow: Options = field(default_factory=dict)
    goes_to: str = "/"
    shown: dict[str, float] = field(default_factory=dict)
    said: str = ""
    challenge: Options = field(default_factory=dict)

    def take_said(self) -> str:
        """Return what is to be said on the next page, once."""
        said, self.said = self.said, ""
        return said


class Sessions:
    """All sessions; ``idle`` and ``longest`` are in seconds, ``tick`` is a clock that only goes forward."""

    def __init__(self, idle: float, longest: float, tick: Callable[[], float]) -> None:
        self._idle, self._longest, self.tick = idle, longest, tick
        self._by_digest: dict[str, WebSession] = {}
        self._lock = threading.Lock()

    def find(self, name: str | None) -> WebSession | None:
        """Return the session that a browser names, if it is one of ours and not over; this counts as use."""
        if not name:
            return None
        now = self.tick()
        with self._lock:
            session = self._by_digest.get(_digest(name))
            if session is None:
                return None
            if self._over(session, now):
                del self._by_digest[session.digest]
                return None
            session.last = now
            return session

    def begin(self, person: str = "", claims: Claims | None = None) -> tuple[str, WebSession]:
        """Make a session; return its name, which the browser alone keeps."""
        name, now = secrets.token_urlsafe(32), self.tick()
        session = WebSession(_digest(name), secrets.token_urlsafe(32), now, now, person, claims)
        with self._lock:
            if len(self._by_digest) >= MOST_SESSIONS:
                self._make_room(now)
            self._by_digest[session.digest] = session
        return name, session

    def end(self, session: WebSession) -> None:
        """Sign one browser out."""
        with self._lock:
            self._by_digest.pop(session.digest, None)

    def end_all(self, person: str) -> int:
        """Sign a person out everywhere; return of how many browsers."""
        with self._lock:
            theirs = [one.digest for one in self._by_digest.values() if one.person == person]
            for digest in theirs:
                del self._by_digest[digest]
        return len(theirs)

    def _over(self, session: WebSession, now: float) -> bool:
        if not session.person:
            return now - session.began > SIGN_IN_SECONDS
        return now - session.last > self._idle or now - session.began > self._longest

    def _make_room(self, now: float) -> None:
        for digest in [one.digest for one in self._by_digest.values() if self._over(one, now)]:
            del self._by_digest[digest]
        waiting = sorted((one for one in self._by_digest.values() if not one.person), key=lambda one: one.began)
        for one in waiting[: MOST_SESSIONS // 10]:
            del self._by_digest[one.digest]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()
