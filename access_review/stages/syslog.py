"""Send a notice to a collector of syslog: over verified TLS, or in the clear where the policy says so.

The protocol has no answer: what was sent may still not have arrived. A collector that ends the connection or
refuses our certificate is noticed.
"""

import os
import socket
import ssl
from datetime import datetime
from pathlib import Path

from access_review.settings.channels import Syslog
from access_review.views import syslog_lines
from access_review.views.notices import Notice
from access_review.views.syslog_lines import SyslogSender

_TIMEOUT = 10
_PARTING = 2
"""Seconds for which a collector may say that it refuses what it was sent."""
_PORTS = {"tls": 6514, "tcp": 601, "udp": 514}


def send(notice: Notice, settings: Syslog, folder: Path, at: datetime) -> str:
    """Send one notice; return why it could not be sent, or nothing. Files of the settings start from ``folder``."""
    sent = syslog_lines.message(notice, settings, SyslogSender(socket.gethostname(), os.getpid()), at)
    place = (settings.host, settings.port or _PORTS[settings.transport])
    try:
        if settings.transport == "udp":
            _as_datagram(sent, place)
            return ""
        with socket.create_connection(place, timeout=_TIMEOUT) as plain:
            if settings.transport == "tls":
                _over_tls(plain, syslog_lines.framed(sent), settings, folder)
            else:
                plain.sendall(syslog_lines.framed(sent))
                plain.shutdown(socket.SHUT_WR)
    except OSError as error:
        return f"{settings.host}: {type(error).__name__}"
    return ""


def _as_datagram(sent: bytes, place: tuple[str, int]) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as datagram:
        datagram.sendto(sent, address)


def _over_tls(plain: socket.socket, sent: bytes, settings: Syslog, folder: Path) -> None:
    context = ssl.create_default_context(cafile=folder / settings.ca if settings.ca else None)
    if settings.certificate:
        context.load_cert_chain(folder / settings.certificate)
    with context.wrap_socket(plain, server_hostname=settings.host) as connection:
        connection.sendall(sent)
        connection.settimeout(_PARTING)
        try:
            # In TLS 1.3 a certificate is refused after the first bytes were sent: only what comes back says so.
            connection.unwrap()
        except TimeoutError:
            pass
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                raise
