"""Notify: a file always, and every channel that the policy names; the one way for every notice of the tool.

TLS is verified, secrets come from the environment, and neither they nor an address
that holds one is in what is said about a failure. A notice that did not arrive is
said to have failed, so that it is sent again.
"""

import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from access_review.settings.channels import GraphMail, Notify, Smtp, Webhook
from access_review.stages import syslog
from access_review.store import files
from access_review.views import webhook_bodies
from access_review.views.notices import Notice

if TYPE_CHECKING:
    from access_review.stages.graph_mail import GraphPost

FOLDER = "runs/notices"
"""Where notices are kept in a workspace."""

_TIMEOUT = 30
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


def channels(settings: Notify) -> Iterator[Channel]:
    """Yield every way by which a notice goes out, each by itself: the file first, which is always written."""
    yield Channel("file", personal=True, alone=Notify())
    if settings.smtp or settings.graph:
        yield Channel("mail", personal=True, alone=Notify(smtp=settings.smtp, graph=settings.graph))
    if settings.webhook:
        yield Channel("webhook", personal=False, alone=Notify(webhook=settings.webhook))
    if settings.syslog:
        yield Channel("syslog", personal=False, alone=Notify(syslog=settings.syslog))


def deliver(
    some: Iterable[Notice], settings: Notify, environment: Mapping[str, str], folder: Path, at: datetime
) -> tuple[Delivered, ...]:
    """Write each notice as a file and send it through every channel of the policy.

    Of one that goes to several people syslog has one message. Files that the settings name start from the workspace.
    """
    workspace, done = folder.parent.parent, []
    logged: dict[tuple[str, str], str] = {}
    with ExitStack() as stack:
        post = stack.enter_context(closing(_graph_post(settings.graph, workspace))) if settings.graph else None
        for notice in some:
            name = f"{at:%Y%m%dT%H%M%SZ}-{sha256(repr(notice).encode()).hexdigest()[:12]}.txt"
            content = (
                f"To: {notice.name}{f' <{notice.mail}>' if notice.mail else ''}\n"
                f"Subject: {notice.subject}\n\n{notice.text}"
            )
            files.write(folder / name, content.encode())
            failed = []
            mailed = settings.smtp or post
            sheet = files.content(workspace / notice.sheet) if notice.sheet and mailed else b""
            if mailed and (why := _mail(notice, settings.smtp or post, environment, at, sheet)):
                failed.append(f"mail: {why}")
            if settings.webhook and (why := _post(notice, settings.webhook, environment)):
                failed.append(f"webhook: {why}")
            if settings.syslog:
                same = (notice.subject, notice.text)
                if same not in logged:
                    logged[same] = syslog.send(notice, settings.syslog, workspace, at)
                failed += [f"syslog: {logged[same]}"] if logged[same] else []
            done.append(Delivered(notice, folder / name, tuple(failed)))
    return tuple(done)


def _graph_post(settings: GraphMail, workspace: Path) -> "GraphPost":
    # requests and msal take a quarter of a second to import, which whoever sends no such mail does not need.
    from access_review.stages.graph_mail import GraphPost

    return GraphPost(settings, workspace)


def _mail(
    notice: Notice, by: "Smtp | GraphPost | None", environment: Mapping[str, str], at: datetime, sheet: bytes
) -> str:
    """Send one mail, with its work sheet; return why it could not be sent, or nothing."""
    if not notice.mail or not _ADDRESS.fullmatch(notice.mail):
        return f"{notice.name} has no mail address"
    if isinstance(by, Smtp):
        return _by_smtp(notice, by, environment, at, sheet)
    return by.send(notice, notice.mail, sheet) if by else ""


def _by_smtp(notice: Notice, smtp: Smtp, environment: Mapping[str, str], at: datetime, sheet: bytes) -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = smtp.sender, notice.mail, notice.subject
    message["Date"] = format_datetime(at)
    message.set_content(notice.text)
    if sheet:
        name = notice.sheet.rpartition("/")[2]
        message.add_attachment(sheet, maintype="application", subtype=_WORKBOOK, filename=name)
    if missing := [name for name in (smtp.user_env, smtp.password_env) if name and name not in environment]:
        return f"{missing[0]} is not set"
    try:
        context = ssl.create_default_context(cafile=smtp.ca)
        with _connect(smtp, context) as server:
            if smtp.user_env and smtp.password_env:
                server.login(environment[smtp.user_env], environment[smtp.password_env])
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return f"{smtp.host}: {type(error).__name__}"
    return ""


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


def _post(notice: Notice, webhook: Webhook, environment: Mapping[str, str]) -> str:
    """Post one notice; return why it could not be posted, or nothing."""
    import requests

    url = environment.get(webhook.url_env, "")
    if not url.startswith("https://"):
        return f"{webhook.url_env} holds no https:// address"
    try:
        sent = webhook_bodies.body(notice, webhook.form)
        answer = requests.post(url, json=sent, timeout=_TIMEOUT, verify=webhook.ca or True, allow_redirects=False)
    except requests.RequestException as error:
        return type(error).__name__
    return "" if answer.ok and not answer.is_redirect else f"answered {answer.status_code}"
