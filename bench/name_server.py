"""A name server for one Active Directory domain on loopback: its controller's address and service records.

Readers that find a domain through DNS need no more. Formats are of RFC 1035 (messages)
and RFC 2782 (SRV).
"""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator

_A, _SRV, _IN = 1, 33, 1
_PORTS = {"_ldap": 389, "_kerberos": 88, "_gc": 3268}
_FOUND, _NO_SUCH_NAME = 0x8580, 0x8583  # an answer, authoritative, recursion not refused


def answer(request: bytes, host: str, domain: str, address: str) -> bytes:
    """Answer one question: the address of ``host``, or where a service of ``domain`` is."""
    name, end = _name(request, 12)
    kind, _ = struct.unpack_from("!HH", request, end)
    full = f"{host}.{domain}"
    data = b""
    if kind == _A and name in (full, domain):
        data = bytes(map(int, address.split(".")))
    elif kind == _SRV and name.endswith(f".{domain}") and (port := _PORTS.get(name.split(".")[0])):
        data = struct.pack("!HHH", 0, 100, port) + _encoded(full)
    known = data or name in (full, domain)
    head = request[:2] + struct.pack("!HHHHH", _FOUND if known else _NO_SUCH_NAME, 1, bool(data), 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, kind, _IN, 60, len(data)) + data if data else b""
    return head + request[12 : end + 4] + record


def _name(message: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := message[at]:
        labels.append(message[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"


@contextlib.contextmanager
def names(host: str, domain: str, address: str) -> Iterator[None]:
    """Answer on port 53 (UDP) of the controller's own address meanwhile."""

    class Question(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            request, channel = self.request
            channel.sendto(answer(request, host, domain, address), self.client_address)

    with socketserver.ThreadingUDPServer((address, 53), Question) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(5)
