"""A real LDAPS server in front of another one, which changes what a script says: what Samba never does, Windows does.

It speaks BER (X.690) by itself, so that a mistake of the LDAP library under test cannot
hide in it. One request at a time: it forwards a request, gathers the whole answer, lets
the script change it, and sends it on.
"""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.real.authority import Authority

BIND, BOUND, UNBIND, SEARCH, ENTRY, DONE, MODIFY, MODIFIED, REFERENCE = (
    0x60,
    0x61,
    0x42,
    0x63,
    0x64,
    0x65,
    0x66,
    0x67,
    0x73,
)
PAGED = b"1.2.840.113556.1.4.319"
_RANGE = re.compile(rb"(?i)(.+?)(?:;range=(\d+)-(\d+|\*))?")


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one value."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def parts(content: bytes) -> list[tuple[int, bytes]]:
    """Decode the values one after another."""
    found, at = [], 0
    while at < len(content):
        tag, size, at = content[at], content[at + 1], at + 2
        if size & 0x80:
            wide = size & 0x7F
            size, at = int.from_bytes(content[at : at + wide], "big"), at + wide
        found.append((tag, content[at : at + size]))
        at += size
    return found


@dataclass(frozen=True)
class Message:
    """One LDAP message: its operation, and the bytes of its parts."""

    number: bytes
    operation: int
    content: bytes
    controls: bytes | None = None

    @classmethod
    def read(cls, data: bytes) -> "Message":
        (_, number), (operation, content), *rest = parts(parts(data)[0][1])
        return cls(number, operation, content, rest[0][1] if rest else None)

    def encoded(self) -> bytes:
        controls = b"" if self.controls is None else tlv(0xA0, self.controls)
        return tlv(0x30, tlv(2, self.number), tlv(self.operation, self.content), controls)

    @property
    def code(self) -> int:
        return int.from_bytes(parts(self.content)[0][1], "big")

    def refused(self, code: int, text: bytes = b"") -> "Message":
        """Return this result with another code, and without controls."""
        more = tlv(0xA3, tlv(4, b"ldap://elsewhere.example.test/DC=elsewhere")) if code == 10 else b""
        return replace(self, content=tlv(10, bytes([code])) + tlv(4) + tlv(4, text) + more, controls=None)

    def attributes(self) -> list[tuple[bytes, list[bytes]]]:
        """Return the attributes of an entry."""
        found = []
        for _, one in parts(parts(self.content)[1][1]):
            (_, name), (_, values) = parts(one)
            found.append((name, [value for _, value in parts(values)]))
        return found

    def having(self, attributes: Sequence[tuple[bytes, Sequence[bytes]]]) -> "Message":
        """Return this entry with other attributes."""
        made = [tlv(0x30, tlv(4, name), tlv(0x31, *(tlv(4, v) for v in values))) for name, values in attributes]
        return replace(self, content=tlv(4, self.dn) + tlv(0x30, *made))

    @property
    def dn(self) -> bytes:
        return parts(self.content)[0][1]


@dataclass(frozen=True)
class Request:
    """What a client asks. Listings and their pages count from 1; what is not paged is of listing 0."""

    message: Message
    listing: int = 0
    page: int = 0

    @property
    def operation(self) -> int:
        return self.message.operation

    @property
    def base(self) -> bytes:
        return parts(self.message.content)[0][1] if self.operation == SEARCH else b""

    @property
    def wanted(self) -> list[bytes]:
        return [name for _, name in parts(parts(self.message.content)[7][1])] if self.operation == SEARCH else []


class Reset(Exception):
    """Raised by a fault to cut the connection without a word."""


Answer = list[Message]
Fault = Callable[[Request, Answer], Answer]


@dataclass
class Proxy:
    """A server on ``port`` of 127.0.0.1; ``faults`` are asked in order, and may be changed at any time.

    ``withhold`` cuts the connection instead of passing a modify on, ``refuse`` answers it with a code.
    """

    upstream: str
    authority: Authority
    folder: Path
    faults: Sequence[Fault] = ()
    names: Sequence[str] = ("127.0.0.1",)
    withhold: bool = False
    refuse: int | None = None
    seen: list[Request] = field(default_factory=list)
    port: int = 0
    _socket: socket.socket | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _listings: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"ldaps://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def served(self) -> Iterator["Proxy"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.issue(self.folder, *self.names))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        thread = threading.Thread(target=self._accept, args=(context,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            for one in (thread, *self._threads):
                one.join(5)

    def _accept(self, context: ssl.SSLContext) -> None:
        assert self._socket is not None
        while not self._stopped.is_set():
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(context, plain), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, context: ssl.SSLContext, plain: socket.socket) -> None:
        trust = ssl.create_default_context(cafile=self.authority.file)
        with contextlib.suppress(OSError), plain:
            plain.settimeout(60)
            with (
                context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection((self.upstream, 636), timeout=60) as raw,
                trust.wrap_socket(raw, server_hostname=self.upstream) as server,
            ):
                with contextlib.suppress(Reset):
                    self._converse(client, server)
                    return
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _converse(self, client: socket.socket, server: socket.socket) -> None:
        while (data := receive(client)) and not self._stopped.is_set():
            request = self._note(Message.read(data))
            if self.withhold and request.operation == MODIFY:
                raise Reset
            if self.refuse is not None and request.operation == MODIFY:
                done = Message(request.message.number, MODIFIED, b"").refused(self.refuse)
                client.sendall(done.encoded())
                continue
            server.sendall(data)
            if request.operation == UNBIND:
                return
            answer: Answer = []
            while not answer or answer[-1].operation in {ENTRY, REFERENCE}:
                answer.append(Message.read(receive(server)))
            for fault in self.faults:
                answer = fault(request, answer)
            client.sendall(b"".join(message.encoded() for message in answer))

    def _note(self, message: Message) -> Request:
        request = Request(message)
        cookie = paging_cookie(message)
        if message.operation == SEARCH and cookie is not None:
            if not cookie:
                self._listings += 1
            before = [r for r in self.seen if r.listing == self._listings]
            request = Request(message, self._listings, 1 + (before[-1].page if before else 0))
        self.seen.append(request)
        return request


def receive(stream: socket.socket) -> bytes:
    """Return the next whole message, empty when the other side has gone."""
    head = _exactly(stream, 2)
    if len(head) < 2:
        return b""
    size = head[1]
    if size & 0x80:
        more = _exactly(stream, size & 0x7F)
        head, size = head + more, int.from_bytes(more, "big")
    return head + _exactly(stream, size)


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


def paging_cookie(message: Message) -> bytes | None:
    """Return the paging cookie of a message, null without a paging control."""
    for _, control in parts(message.controls or b""):
        found = parts(control)
        if found[0][1] == PAGED:
            return parts(parts(found[-1][1])[0][1])[1][1]
    return None


def _paged(cookie: bytes) -> bytes:
    value = tlv(0x30, tlv(2, b"\0"), tlv(4, cookie))
    return tlv(0x30, tlv(4, PAGED), tlv(4, value))


# ── what servers do ──────────────────────────────────────────────────────────────────────────────────────────────


def size_limit(most: int) -> Fault:
    """Answer like Windows (MaxPageSize): more than so many entries only page by page."""

    def fault(request: Request, answer: Answer) -> Answer:
        entries = [one for one in answer if one.operation == ENTRY]
        if request.operation != SEARCH or request.listing or len(entries) <= most:
            return answer
        return [*entries[:most], answer[-1].refused(4)]

    return fault


def value_limit(most: int) -> Fault:
    """Answer like Windows (MaxValRange): at most so many values of ``member``, the rest by range."""

    def fault(request: Request, answer: Answer) -> Answer:
        del request
        return [_limited(one, most) if one.operation == ENTRY else one for one in answer]

    return fault


def _limited(entry: Message, most: int) -> Message:
    made: list[tuple[bytes, Sequence[bytes]]] = []
    for name, values in entry.attributes():
        found = _RANGE.fullmatch(name)
        if found is None or found[1].lower() != b"member" or len(values) <= most:
            made.append((name, values))
            continue
        if found[2] is None:
            made.append((name, ()))
        first = int(found[2] or 0)
        made.append((b"member;range=%d-%d" % (first, first + most - 1), values[:most]))
    return entry.having(made)


def on_page(listing: int, page: int, change: Fault) -> Fault:
    """Change one page only; listing 0 is any."""
    return lambda r, a: change(r, a) if r.page == page and r.listing and listing in {0, r.listing} else a


def on_bind(change: Fault) -> Fault:
    """Change the answers to binds."""
    return lambda r, a: change(r, a) if r.operation == BIND else a


def on_ranges(change: Fault) -> Fault:
    """Change the answers to requests for further pieces of a list."""
    return lambda r, a: change(r, a) if any(b";range=" in n and b"range=0-" not in n for n in r.wanted) else a


def result(code: int, *, keep: bool = False) -> Fault:
    """Answer with a code, with or without the entries."""
    return lambda _, a: [*(a[:-1] if keep else ()), a[-1].refused(code)]


def reset(request: Request, answer: Answer) -> Answer:
    """Cut the connection."""
    del request, answer
    raise Reset


def stall(seconds: float) -> Fault:
    """Answer late."""

    def fault(request: Request, answer: Answer) -> Answer:
        del request
        time.sleep(seconds)
        return answer

    return fault


def half(request: Request, answer: Answer) -> Answer:
    """Leave out half of the entries and say nothing of it."""
    del request
    return [*answer[: (len(answer) - 1) // 2], answer[-1]]


def nothing(request: Request, answer: Answer) -> Answer:
    """Leave out all entries and say nothing of it."""
    del request
    return [answer[-1]]


def last(request: Request, answer: Answer) -> Answer:
    """Claim that this page is the last."""
    del request
    return [*answer[:-1], replace(answer[-1], controls=_paged(b""))]


def unpaged(request: Request, answer: Answer) -> Answer:
    """Answer without a word about paging."""
    del request
    return [*answer[:-1], replace(answer[-1], controls=None)]


def references(request: Request, answer: Answer) -> Answer:
    """Mix in references to other servers, which nobody should follow."""
    del request
    found = Message(answer[-1].number, REFERENCE, tlv(4, b"ldap://elsewhere.example.test/DC=elsewhere"))
    return [found, *answer]


def garbage(request: Request, answer: Answer) -> Answer:
    """Answer with bytes that are no LDAP."""
    del request
    return [replace(answer[-1], content=b"\x04\x7fno")]


def without(*names: bytes) -> Fault:
    """Leave out attributes, as a server does for a reader without the right to them."""
    gone = {name.lower() for name in names}

    def fault(request: Request, answer: Answer) -> Answer:
        del request
        return [
            one.having([(n, v) for n, v in one.attributes() if n.lower().partition(b";")[0] not in gone])
            if one.operation == ENTRY
            else one
            for one in answer
        ]

    return fault


class Repeat:
    """Answer every further page of a listing with its first one."""

    def __init__(self) -> None:
        self.first: dict[int, Answer] = {}

    def __call__(self, request: Request, answer: Answer) -> Answer:
        if not request.listing:
            return answer
        kept = self.first.setdefault(request.listing, answer)
        return [replace(one, number=answer[-1].number) for one in kept]


class EmptyPage:
    """Answer one page of every listing with nothing but the cookie to go on, and bring its entries with the next."""

    def __init__(self, page: int) -> None:
        self.page = page
        self.held: dict[int, Answer] = {}

    def __call__(self, request: Request, answer: Answer) -> Answer:
        if request.page == self.page and paging_cookie(answer[-1]):
            self.held[request.listing] = answer[:-1]
            return answer[-1:]
        if request.page == self.page + 1:
            kept = self.held.pop(request.listing, [])
            return [*(replace(one, number=answer[-1].number) for one in kept), *answer]
        return answer
