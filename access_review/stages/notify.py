"""Notify: a file always, and every channel that the policy names; the one way for every notice of the tool.

TLS is verified, secrets come from the environment, and neither they nor an address
that holds one is in what is said about a failure. A notice that did not arrive is
said to have failed, so that it is sent again.
"""

import math
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from access_review.errors import ArtifactError, said_by_the_system
from access_review.settings.channels import GraphMail, Notify, Smtp, Webhook
from access_review.stages import syslog
from access_review.store import files
from access_review.views import webhook_bodies
from access_review.views.notices import Notice
from access_review.views.text import visible

if TYPE_CHECKING:
    from access_review.stages.graph_mail import GraphPost

FOLDER = "runs/notices"
"""Where notices are kept in a workspace."""

FILE = "file"
"""The channel that there always is."""

_TIMEOUT = 30
_HOOK_TIMEOUT = 10
_WORKBOOK = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a notice: where the file is, and why a channel failed."""

    notice: Notice
    file: Path
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """One way by which people are told: ``alone`` are settings that name no other, ``personal`` one that reaches one person.

    What is not personal reaches whoever reads there, and is told there once.
    """

    name: str
    personal: bool
    alone: Notify


@dataclass(frozen=True, slots=True)
class Patience:
    """Which channels took long to fail, until when they are left alone, and why: the others go on.

    Longer than ``long`` seconds is long, and then it is not waited for again for ``rest`` seconds: while this lasts.
    After ``most`` nothing is waited for, since a server that sends a letter now and then never times out; while it does,
    nothing more is sent to it.
    """

    long: float = 5.0
    rest: float = math.inf
    most: float = 120.0
    spent: dict[str, tuple[float, str]] = field(default_factory=dict)
    _sending: dict[str, threading.Thread] = field(default_factory=dict)

    def send(self, channel: str, send: Callable[[], str]) -> str:
        """Send by a channel; return why that failed, or nothing."""
        begun = time.monotonic()
        until, known = self.spent.get(channel, (begun, ""))
        if begun < until or (channel in self._sending and self._sending[channel].is_alive()):
            return known
        why = self._within(channel, send)
        if why and time.monotonic() - begun >= self.long:
            self.spent[channel] = (time.monotonic() + self.rest, why)
        return why

    def _within(self, channel: str, send: Callable[[], str]) -> str:
        """Send in the time that there is at most, and what that raises is raised."""
        sent: Future[str] = Future()

        def sending() -> None:
            try:
                sent.set_result(send())
            except BaseException as error:  # noqa: BLE001 - raised where it was asked for
                sent.set_exception(error)

        self._sending[channel] = threading.Thread(target=sending, name=f"sends {channel}", daemon=True)
        self._sending[channel].start()
        try:
            return sent.result(self.most)
        except TimeoutError:
            if sent.done():
                raise
            return f"no end within {self.most:g} seconds"


def channels(settings: Notify) -> Iterator[Channel]:
    """Yield every way by which a notice goes out, each by itself: the file first, which is always written."""
    yield Channel(FILE, personal=True, alone=Notify())
    if settings.smtp or settings.graph:
        yield Channel("mail", personal=True, alone=Notify(smtp=settings.smtp, graph=settings.graph))
    if settings.webhook:
        yield Channel("webhook", personal=False, alone=Notify(webhook=settings.webhook))
    if settings.syslog:
        yield Channel("syslog", personal=False, alone=Notify(syslog=settings.syslog))


def deliver(
    some: Iterable[Notice],
    settings: Notify,
    environment: Mapping[str, str],
    folder: Path,
    at: datetime,
    patience: Patience | None = None,
) -> tuple[Delivered, ...]:
    """Write each notice as a file and send it through every channel of the policy.

    Of one that goes to several people syslog has one message. Files that the settings name start from the workspace.
    ``patience`` is shared by what is told in one round.
    """
    done = []
    patience = Patience() if patience is None else patience
    logged: dict[tuple[str, str], str] = {}
    with _ways(settings, environment, folder, at) as ways:
        for notice in some:
            file = _write(notice, folder, at)
            of_this = ways(notice)
            if (notice.subject, notice.text) in logged:
                of_this.pop("syslog", None)
            why = {channel: patience.send(channel, send) for channel, send in of_this.items()}
            if settings.syslog:
                why["syslog"] = logged.setdefault((notice.subject, notice.text), why.get("syslog", ""))
            failed = [f"{channel}: {said}" for channel, said in why.items() if said]
            done.append(Delivered(notice, file, tuple(failed)))
    return tuple(done)


def deliver_by(
    channel: Channel, notice: Notice, environment: Mapping[str, str], folder: Path, at: datetime, patience: Patience
) -> str:
    """Tell somebody by one channel alone; return why that failed, or nothing. Where no file can be written the others go on."""
    if channel.name == FILE:
        try:
            _write(notice, folder, at)
        except ArtifactError as error:
            return f"{FILE}: {error.in_a_line}"
        except OSError as error:
            return f"{FILE}: {said_by_the_system(error)}"
        return ""
    with _ways(channel.alone, environment, folder, at) as ways:
        why = patience.send(channel.name, ways(notice)[channel.name])
    return f"{channel.name}: {why}" if why else ""


def _write(notice: Notice, folder: Path, at: datetime) -> Path:
    """Write a notice as a file, named by what it says; return where."""
    path = folder / f"{at:%Y%m%dT%H%M%SZ}-{sha256(repr(notice).encode()).hexdigest()[:12]}.txt"
    content = (
        f"To: {visible(notice.name)}{f' <{visible(notice.mail)}>' if notice.mail else ''}\n"
        f"Subject: {visible(notice.subject)}\n\n{notice.text}"
    )
    files.write(path, content.encode())
    return path


@contextmanager
def _ways(
    settings: Notify, environment: Mapping[str, str], folder: Path, at: datetime
) -> Iterator[Callable[[Notice], dict[str, Callable[[], str]]]]:
    """Give what sends a notice by each channel beside the file, and says why it did not arrive; connections end after."""
    workspace = folder.parent.parent
    with ExitStack() as stack:
        post = stack.enter_context(closing(_graph_post(settings.graph, workspace))) if settings.graph else None

        def ways(notice: Notice) -> dict[str, Callable[[], str]]:
            found: dict[str, Callable[[], str]] = {}
            if mailed := settings.smtp or post:
                sheet = files.content(workspace / notice.sheet) if notice.sheet else b""
                found["mail"] = partial(_mail, notice, mailed, workspace, environment, at, sheet)
            if settings.webhook:
                found["webhook"] = partial(_post, notice, settings.webhook, workspace, environment)
            if settings.syslog:
                found["syslog"] = partial(syslog.send, notice, settings.syslog, workspace, at)
            return found

        yield ways


def _graph_post(settings: GraphMail, workspace: Path) -> "GraphPost":
    # requests and msal take a quarter of a second to import, which whoever sends no such mail does not need.
    from access_review.stages.graph_mail import GraphPost

    return GraphPost(settings, workspace)


def _mail(
    notice: Notice,
    by: "Smtp | GraphPost",
    workspace: Path,
    environment: Mapping[str, str],
    at: datetime,
    sheet: bytes,
) -> str:
    """Send one mail, with its work sheet; return why it could not be sent, or nothing."""
    if not notice.mail or not _ADDRESS.fullmatch(notice.mail):
        return f"{visible(notice.name)} has no mail address"
    if isinstance(by, Smtp):
        return _no_authority(by.ca, workspace) or _by_smtp(notice, by, workspace, environment, at, sheet)
    return by.send(notice, notice.mail, sheet)


def _by_smtp(
    notice: Notice, smtp: Smtp, workspace: Path, environment: Mapping[str, str], at: datetime, sheet: bytes
) -> str:
    if missing := [name for name in (smtp.user_env, smtp.password_env) if name and name not in environment]:
        return f"{missing[0]} is not set"
    try:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = smtp.sender, notice.mail, notice.subject
        message["Date"] = format_datetime(at)
        message.set_content(notice.text)
        if sheet:
            name = notice.sheet.rpartition("/")[2]
            message.add_attachment(sheet, maintype="application", subtype=_WORKBOOK, filename=name)
        context = ssl.create_default_context(cafile=workspace / smtp.ca if smtp.ca else None)
        with _connect(smtp, context) as server:
            if smtp.user_env and smtp.password_env:
                server.login(environment[smtp.user_env], environment[smtp.password_env])
            server.send_message(message)
    except (
        OSError,
        ValueError,
    ) as error:  # also what cannot be written as a header, or as the letters that a server takes
        return f"{smtp.host}: {type(error).__name__}"
    return ""


def _no_authority(ca: str | None, workspace: Path) -> str:
    """Say that the file of trusted certificates is not there; empty where it is, or none is named."""
    return f"ca: {ca} is no file" if ca and not (workspace / ca).is_file() else ""


def _connect(smtp: Smtp, context: ssl.SSLContext) -> smtplib.SMTP:
    if smtp.security == "tls":
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=_TIMEOUT, context=context)
    server = smtplib.SMTP(smtp.host, smtp.port, timeout=_TIMEOUT)
    try:
        server.starttls(context=context)  # raises where the server offers none: nothing is sent in the clear
    except BaseException:
        server.close()
        raise
    return server


def _post(notice: Notice, webhook: Webhook, workspace: Path, environment: Mapping[str, str]) -> str:
    """Post one notice; return why it could not be posted, or nothing. What is answered beside a status is not read."""
    import requests

    url = environment.get(webhook.url_env, "")
    if not url.startswith("https://"):
        return f"{webhook.url_env} holds no https:// address"
    if why := _no_authority(webhook.ca, workspace):
        return why
    trusted = str(workspace / webhook.ca) if webhook.ca else True
    try:
        sent = webhook_bodies.body(notice, webhook.form)
        with requests.post(
            url, json=sent, timeout=_HOOK_TIMEOUT, verify=trusted, allow_redirects=False, stream=True
        ) as answer:
            return "" if answer.ok and not answer.is_redirect else f"answered {answer.status_code}"
    except (OSError, ValueError) as error:  # also an address that is none, which is not told: it holds a secret
        return type(error).__name__
