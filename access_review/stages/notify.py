"""Notify: a file always, mail and a webhook where the policy names them.

TLS is verified, secrets come from the environment, and neither they nor an address
that holds one is in what is said about a failure. A notice that did not arrive is
said to have failed, so that it is sent again.
"""

import re
import smtplib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

from access_review.policy import Notify, Smtp, Webhook
from access_review.store import files
from access_review.views import webhook_bodies
from access_review.views.notices import Notice

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


def deliver(
    some: Iterable[Notice], settings: Notify, environment: Mapping[str, str], folder: Path, at: datetime
) -> tuple[Delivered, ...]:
    """Write each notice as a file and send it through every channel of the policy."""
    done = []
    for notice in some:
        name = f"{at:%Y%m%dT%H%M%SZ}-{sha256(repr(notice).encode()).hexdigest()[:12]}.txt"
        content = (
            f"To: {notice.name}{f' <{notice.mail}>' if notice.mail else ''}\nSubject: {notice.subject}\n\n{notice.text}"
        )
        files.write(folder / name, content.encode())
        failed = []
        sheet = files.content(folder.parent.parent / notice.sheet) if notice.sheet and settings.smtp else b""
        if settings.smtp and (why := _mail(notice, settings.smtp, environment, at, sheet)):
            failed.append(f"mail: {why}")
        if settings.webhook and (why := _post(notice, settings.webhook, environment)):
            failed.append(f"webhook: {why}")
        done.append(Delivered(notice, folder / name, tuple(failed)))
    return tuple(done)


def _mail(notice: Notice, smtp: Smtp, environment: Mapping[str, str], at: datetime, sheet: bytes) -> str:
    """Send one mail, with its work sheet; return why it could not be sent, or nothing."""
    if not notice.mail or not _ADDRESS.fullmatch(notice.mail):
        return f"{notice.name} has no mail address"
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
