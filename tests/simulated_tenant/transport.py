"""The simulator on a wire: in the process, for speed and virtual time, or over real HTTPS."""

import http.server
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from tests.real.authority import Authority
from tests.simulated_tenant.signin_stub import SignIn
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.wire import Request, Response

VERSION = "/v1.0"


def encoded(response: Response) -> bytes:
    """Return the body as bytes."""
    if response.body is None or response.status == 204:
        return b""
    if isinstance(response.body, str):
        return response.body.encode()
    return json.dumps(response.body).encode()


class InProcess(BaseAdapter):
    """Carries requests to the simulator without a socket; bodies are JSON text all the same."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:  # noqa: ARG002
        url = str(request.url)[len(self.simulator.base) :]
        body = json.loads(request.body) if request.body else None
        answer = self.simulator.answer(Request.of(str(request.method), url, dict(request.headers), body))
        if answer.broken == "reset":
            raise requests.exceptions.ConnectionError(ConnectionResetError(104, "reset by peer"))
        raw = encoded(answer)
        if answer.broken == "cut":
            raw = raw[: len(raw) // 2]
        made = requests.Response()
        made.status_code, made.url, made.request = answer.status, str(request.url), request
        made.headers = CaseInsensitiveDict(answer.headers)
        made._content = raw
        return made

    def close(self) -> None: ...


def session(simulator: Simulator) -> requests.Session:
    """Return a session whose requests reach the simulator."""
    made = requests.Session()
    made.trust_env = False
    made.mount("https://", InProcess(simulator))
    return made


class _Quiet(http.server.ThreadingHTTPServer):
    """A server that does not print what clients do to it."""

    def handle_error(self, *_: Any) -> None: ...


@dataclass
class Server:
    """The simulator, and the sign-in service beside it, on a loopback port with a certificate of our own authority."""

    simulator: Simulator
    folder: Path
    sign_in: SignIn | None = None
    port: int = 0
    delay: float = 0.0
    seen: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.authority = Authority.make(self.folder / "ca")
        certificate, key = self.authority.issue(self.folder / "server", "localhost", "127.0.0.1")
        self.ca = self.authority.file
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.simulator.base = f"{self.url}{VERSION}"
        if self.sign_in:
            self.sign_in.base = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def _handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            server.seen.append(dict(self.headers))
            path = urlsplit(self.path).path
            if server.delay:
                time.sleep(server.delay)  # the way there and back; requests side by side wait side by side
            if path.startswith(VERSION + "/"):
                body = json.loads(raw) if raw else None
                made = Request.of(self.command, self.path[len(VERSION) :], dict(self.headers), body)
                self._give(server.simulator.answer(made))
            elif server.sign_in:
                self._give(server.sign_in.answer(self.command, self.path, raw.decode()))
            else:
                self._give(Response(404, {}))

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815

        def _give(self, response: Response) -> None:
            if response.broken == "reset":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            raw = encoded(response)
            self.send_response_only(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if response.broken == "cut":
                self.wfile.write(raw[: len(raw) // 2])
                self.close_connection = True
                return
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None: ...

    return Handler
