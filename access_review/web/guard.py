"""What stands before every page: who may be asked for, from where, how much, how fast; headers; the access log.

It wraps the finished application, so that a refusal, a page that is not there and a fault
of ours carry the same headers as any other answer.
"""

import asyncio
import logging
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 2**10
"""Bytes of what is sent with a form; the longest reason takes a tenth."""
SLOWEST_SECONDS = 20.0
"""Seconds that a part of a request is waited for."""
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # no-referrer would make the Origin of a form null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "cache-control": "no-store",
}
TRANSPORT = "max-age=31536000"
"""Seconds for which a browser comes back over TLS alone."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RateLimit:
    """At most so many in so many seconds for each address."""

    most: int
    seconds: float
    tick: Callable[[], float] = time.monotonic
    _seen: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, address: str) -> bool:
        """Count one, and tell whether it is within the limit."""
        now = self.tick()
        if len(self._seen) > 10_000:
            self._seen = defaultdict(deque, {a: s for a, s in self._seen.items() if s and now - s[-1] < self.seconds})
        seen = self._seen[address]
        while seen and now - seen[0] >= self.seconds:
            seen.popleft()
        if len(seen) >= self.most:
            return False
        seen.append(now)
        return True


class RequestRefused(Exception):
    """A request is none of ours: from elsewhere, larger, slower or more often than any."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass
class PageGuard:
    """The application as it is served; ``address`` is where people type it, ``write`` takes a line of the access log."""

    app: ASGIApp
    address: str
    now: Callable[[], datetime]
    write: Callable[[datetime, dict[str, object]], None]
    behind_proxy: bool = False
    sign_ins: RateLimit = field(default_factory=lambda: RateLimit(20, 60.0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        else:
            await send({"type": "websocket.close"})

    def client_of(self, scope: Scope) -> str:
        """Return who asks: of a proxy that we were told of, whom it says last; else who is connected."""
        if self.behind_proxy and (said := header_of(scope, b"x-forwarded-for")):
            return said.rpartition(",")[2].strip()[:64]
        return str((scope.get("client") or ("unknown",))[0])


@dataclass
class _Exchange:
    guard: PageGuard
    scope: Scope
    receive: Receive
    send: Send
    read: int = 0
    status: int = 0

    async def run(self) -> None:
        began, request_id = time.monotonic(), secrets.token_hex(6)
        state: MutableMapping[str, Any] = self.scope.setdefault("state", {})
        state["request_id"], state["person"] = request_id, ""
        state["client"] = self.guard.client_of(self.scope)
        try:
            self._require_ours()
            await self.guard.app(self.scope, self._receive, self._send)
        except RequestRefused as error:
            await self._plain(error.status, error.text)
        except Exception:
            log.exception("request %s failed", request_id)
            await self._plain(500, fault_of(request_id))
        finally:
            line: dict[str, object] = {
                "id": request_id,
                "from": state["client"],
                "person": state["person"],
                "method": self.scope["method"],
                "path": self.scope["path"][:500],  # without the query, where codes are
                "status": self.status,
                "ms": round(1000 * (time.monotonic() - began)),
            }
            await asyncio.to_thread(self.guard.write, self.guard.now(), line)

    def _require_ours(self) -> None:
        """Raise ``RequestRefused`` for a request that is not even looked at."""
        ours = urlsplit(self.guard.address)
        if header_of(self.scope, b"host") != ours.netloc:
            raise RequestRefused(400, f"This is {self.guard.address}, and no other name.")
        if self.scope["method"] not in {"GET", "HEAD", "POST"}:
            raise RequestRefused(405, "Pages are read, and forms are sent; nothing else is.")
        if self.scope["method"] == "POST" and not self._from_us():
            raise RequestRefused(403, "This form was sent from another site. Nothing was changed.")
        length = header_of(self.scope, b"content-length") or "0"
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise RequestRefused(413, f"That is more than {LARGEST_BODY:,} bytes. Nothing was changed.")
        if self.scope["path"] == "/sign-in" and not self.guard.sign_ins.take(self.scope["state"]["client"]):
            raise RequestRefused(429, "Too many sign-ins from here. Wait a minute.")

    def _from_us(self) -> bool:
        """Tell whether a form was sent by one of our pages: cookies come along from other ports of a host too."""
        site = header_of(self.scope, b"sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return header_of(self.scope, b"origin") == self.guard.address

    async def _receive(self) -> Message:
        try:
            message = await asyncio.wait_for(self.receive(), SLOWEST_SECONDS if not self.status else None)
        except TimeoutError:
            raise RequestRefused(408, "The rest of the form did not come. Nothing was changed.") from None
        self.read += len(message.get("body", b""))
        if self.read > LARGEST_BODY:
            raise RequestRefused(413, f"That is more than {LARGEST_BODY:,} bytes. Nothing was changed.")
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message.get("headers", [])}
            wanted = dict(HEADERS)
            if self.guard.address.startswith("https:"):
                wanted["strict-transport-security"] = TRANSPORT
            added = [(k.encode(), v.encode()) for k, v in wanted.items() if k.encode() not in given]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await self.send(message)

    async def _plain(self, status: int, text: str) -> None:
        """Answer with a sentence, where nothing was answered yet."""
        if self.status:
            return
        body = plain_page(status, text)
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if status == 429:
            headers.append((b"retry-after", b"60"))
        if status in {408, 413}:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})


def plain_page(status: int, text: str) -> bytes:
    """Return a page with one sentence, for when nothing else can be relied on."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{status} · Access review</title><main><h1>Not done</h1><p>{escape(text)}</p>"
        '<p><a href="/">To your pages</a></p></main></html>'
    ).encode()


def fault_of(request_id: str) -> str:
    """Return what somebody reads where a page failed."""
    return f"Something went wrong that is ours to mend. It is noted as {request_id}."


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return a header that came once; one that came twice is as if it said neither."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None if not found else ""
