"""Listening: TLS by file or behind a proxy that we are told of, one server a workspace, a graceful stop."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from access_review.errors import Unclear
from access_review.guarded_files.private import read_private
from access_review.settings.web import Web

_STOP_SECONDS = 10
"""Seconds that requests have to end when the server stops."""
_MOST_AT_ONCE = 200
"""Requests at once; whoever comes beyond is told to come again."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to listen."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False


def refuse_unsafe(web: Web, at: Listening) -> None:
    """Refuse to send passwords' worth over a wire that others may read; raises ``Unclear``, and for a key others may read."""
    local = _is_loopback(at.host)
    tls = at.certificate is not None and at.key is not None
    if (at.certificate is None) != (at.key is None):
        raise Unclear("a certificate without its key, or a key without its certificate", hint="give --cert and --key")
    if tls and at.behind_proxy:
        raise Unclear("either TLS is ended here, or by the proxy", hint="leave out --behind-proxy, or --cert and --key")
    if at.key:
        read_private(at.key)
    secure = web.address.startswith("https://")
    if tls and not secure:
        raise Unclear(f"{web.address} is not reached over TLS", hint="web.address in roles/policy.yaml: https://…")
    if secure and not tls and not at.behind_proxy:
        raise Unclear(
            f"nothing says who ends TLS for {web.address}",
            hint="--cert FILE --key FILE, or --behind-proxy where a proxy in front does",
        )
    if not tls and not local:
        raise Unclear(
            f"without TLS this listens on loopback alone, not on {at.host}",
            hint="--host 127.0.0.1 behind the proxy of this machine, or --cert and --key",
        )
    if not secure and not _is_loopback(urlsplit(web.address).hostname or ""):
        raise Unclear(f"{web.address} would be read by others on its way", hint="https://, or http://localhost to try")


def listen(application: object, at: Listening, ready: Callable[[], None]) -> None:
    """Serve until told to stop; what is being answered then is answered still."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            if self.started:
                ready()

    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        host=at.host,
        port=at.port,
        ssl_certfile=str(at.certificate) if at.certificate else None,
        ssl_keyfile=str(at.key) if at.key else None,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        workers=1,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_graceful_shutdown=_STOP_SECONDS,
        lifespan="off",
        ws="none",
    )
    # The server gives a signal back to whoever had it before; then the process would end without its last words.
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        Server(config).run()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
