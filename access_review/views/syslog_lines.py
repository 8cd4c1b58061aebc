"""A notice as a collector of syslog takes it: one message of RFC 5424; pure.

Names in a notice may be written by an attacker. None of them begins another message, ends the
structured data, or looks like a header: control characters become visible, and what would end a value is escaped.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from access_review.settings.channels import FACILITIES, Syslog
from access_review.views.notices import Notice
from access_review.views.text import visible

_WARNING, _NOTICE = 4, 5
_ALARMS = frozenset({"watch", "standing", "orders"})
"""What a program tells of by itself; all else is about somebody's work."""
_LARGEST = {"udp": 2048, "tcp": 8192, "tls": 8192}
"""Octets that collectors take at least, as their settings come (RFC 5426, section 3.2, and 5425, section 4.3.1)."""
_CUT = " … the whole of it lies in runs/notices/"
_BOM = b"\xef\xbb\xbf"
"""Says that the text is UTF-8 (RFC 5424, section 6.4)."""
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class SyslogSender:
    """Who sends: the name of the machine and the id of the process."""

    host: str
    process: int


def message(notice: Notice, settings: Syslog, sender: SyslogSender, at: datetime) -> bytes:
    """Return one message, without what frames it on its way."""
    alarm = notice.about in _ALARMS
    priority = FACILITIES[settings.facility] * 8 + (_WARNING if alarm else _NOTICE)
    kind = notice.about if alarm else "notice"
    values = {"to": notice.name, "subject": notice.subject}
    data = "".join(f' {name}="{_escaped(value)}"' for name, value in values.items())
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    header = f"<{priority}>1 {stamp} {_printable(sender.host, 255)} access-review {sender.process} {kind}"
    head = f"{header} [accessReview@{settings.enterprise}{data}] ".encode() + _BOM
    lines = [visible(line) for line in f"{notice.subject}\n{notice.text}".split("\n") if line.strip()]
    return head + _cut(" | ".join(lines), _LARGEST[settings.transport] - len(head))


def framed(sent: bytes) -> bytes:
    """Return a message counted in octets, as RFC 5425 and 6587 send it over a connection."""
    return f"{len(sent)} ".encode() + sent


def _escaped(value: str) -> str:
    shown = visible(value)[:_LONGEST_VALUE]
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _printable(text: str, longest: int) -> str:
    """Return a name of a header: visible signs of ASCII without blanks, or ``-`` for none."""
    return "".join(sign for sign in text if "!" <= sign <= "~")[:longest] or "-"


def _cut(text: str, most: int) -> bytes:
    whole = text.encode("utf-8", "replace")
    if len(whole) <= most:
        return whole
    return whole[: most - len(_CUT.encode())].decode("utf-8", "ignore").encode() + _CUT.encode()
