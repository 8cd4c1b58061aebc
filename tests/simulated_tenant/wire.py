"""What goes over the simulator's wire, and its clock."""

import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

START = datetime(2026, 11, 24, 9, tzinfo=UTC)


class VirtualClock:
    """Time that passes only when somebody waits, or a request takes its share."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            target = self._seconds + max(0.0, seconds)
            self._seconds = max(self._seconds, target)

    @property
    def utc(self) -> datetime:
        return START + timedelta(seconds=self._seconds)


@dataclass(frozen=True)
class Request:
    """A request below the version: ``path`` is decoded, ``query`` as it was sent."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @classmethod
    def of(cls, method: str, url: str, headers: dict[str, str], body: Any = None) -> "Request":
        split = urlsplit(url)
        named = {name.casefold(): value for name, value in headers.items()}
        # Graph takes its namespace's alias as well.
        path = re.sub(r"/graph\.(?=[a-z])", "/microsoft.graph.", unquote(split.path))
        return cls(method, path, split.query, named, body)

    @property
    def segments(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    @property
    def options(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def eventual(self) -> bool:
        return self.headers.get("consistencylevel", "").casefold() == "eventual"


@dataclass
class Response:
    """An answer; ``broken`` is what becomes of it on the way: ``reset`` (no byte arrives) or ``cut`` (half of it)."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    broken: str = ""


def failed(status: int, code: str, message: str = "", **headers: str) -> Response:
    """Return an error as Graph words it."""
    inner = {"date": "2026-11-24T09:00:00", "request-id": "1", "client-request-id": "1"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"error": {"code": code, "message": message or code, "innerError": inner}}, named)
