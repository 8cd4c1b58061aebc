"""What ``roles/policy.yaml`` may say about how people are told: mail, a webhook and syslog, each declared once for every notice."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from access_review.settings import File
from access_review.settings.desks import MailDesk, TicketDesk
from access_review.settings.secret_place import HttpsAddress, KeptSecret, MailAddress

Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class Smtp(File):
    """A mail server. Names of environment variables hold user and password; ``ca`` is a file of trusted certificates."""

    host: str
    port: Port = 587
    security: Literal["starttls", "tls"] = "starttls"
    sender: MailAddress
    user_env: str | None = None
    password_env: str | None = None
    ca: str | None = None


class GraphPlace(File):
    """Where a cloud of Microsoft signs in, and where its Graph is."""

    sign_in: HttpsAddress
    graph: HttpsAddress


class GraphMail(File):
    """Mail by Graph's ``sendMail``: an application with ``Mail.Send`` that proves itself by its certificate.

    ``certificate`` is one PEM file with certificate and key, from the workspace's folder, that nobody else may open;
    ``sender`` the mailbox that sends.
    """

    tenant: str
    client_id: str
    certificate: str
    password: KeptSecret | None = None
    sender: MailAddress
    cloud: Literal["global", "us-government", "us-government-dod", "china"] | GraphPlace = "global"
    ca: str | None = None
    proxy: str | None = None


WebhookForm = Literal["json", "teams", "slack"]


class Webhook(File):
    """Where notices are posted. The address is a secret: ``url_env`` names the variable that holds it.

    ``form`` is plain JSON, an adaptive card as the workflows of Teams take it, or a message of Slack.
    """

    url_env: str
    ca: str | None = None
    form: WebhookForm = "json"


Facility = Literal[
    "user", "daemon", "auth", "authpriv", "audit", "alert",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip
FACILITIES: Mapping[Facility, int] = {
    "user": 1, "daemon": 3, "auth": 4, "authpriv": 10, "audit": 13, "alert": 14,
    "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip
"""Numbers of RFC 5424, section 6.2.1."""


class Syslog(File):
    """A collector of syslog (RFC 5424): over TLS, or in the clear over TCP or UDP.

    ``port`` is 6514 for TLS, 601 for TCP and 514 for UDP unless said. ``certificate`` is a PEM file with certificate and
    key where the collector asks for one. ``enterprise`` is the private enterprise number in the name of the structured
    data: your own, or 32473, which is reserved for examples.
    """

    host: str
    transport: Literal["tls", "tcp", "udp"] = "tls"
    port: Port | None = None
    facility: Facility = "authpriv"
    enterprise: Annotated[StrictInt, Field(ge=1)] = 32473
    ca: str | None = None
    certificate: str | None = None

    @model_validator(mode="after")
    def _only_tls_trusts(self) -> Self:
        if self.transport != "tls" and (self.ca or self.certificate):
            raise ValueError(f"ca and certificate are for TLS, and transport is {self.transport}")
        return self


class Notify(File):
    """How people are told, beside the files in ``runs/notices``: by every channel that is named, of everything.

    ``tickets`` is where work orders go besides.
    """

    smtp: Smtp | None = None
    graph: GraphMail | None = None
    webhook: Webhook | None = None
    syslog: Syslog | None = None
    tickets: TicketDesk | None = None

    @model_validator(mode="after")
    def _one_way_of_mail(self) -> Self:
        if self.smtp and self.graph:
            raise ValueError("smtp and graph both send mail: nobody is to get each notice twice; keep one of them")
        if isinstance(self.tickets, MailDesk) and not (self.smtp or self.graph):
            raise ValueError("tickets go by mail, and neither smtp nor graph is named to send it")
        return self
