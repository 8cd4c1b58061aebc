"""What ``roles/policy.yaml`` may say about tickets: where work orders go, in which words, and how a ticket is closed."""

import string
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from access_review.settings import File
from access_review.settings.secret_place import KeptSecret, MailAddress

PLACES = (
    "change", "what", "action", "system", "account", "account_id", "entitlement", "entitlement_id",
    "person", "due", "run", "reference",
)  # fmt: skip
"""What a template may name, in braces."""


def _template(text: str) -> str:
    try:
        named = [(name, said, turned) for _, name, said, turned in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ValueError(f"is no template: {error}; a brace of its own is written twice") from None
    for name, said, turned in named:
        if name not in PLACES or said or turned:
            raise ValueError(f"{{{name}}} is none of {', '.join(f'{{{one}}}' for one in PLACES)}")
    return text


TicketTemplate = Annotated[str, Field(min_length=1), AfterValidator(_template)]
_DESK = r"^https://[^\s@?#]+$"
_TEXT = """\
{what}
System: {system}
Account: {account} ({account_id})
Entitlement: {entitlement} {entitlement_id}
Person: {person}
To be done by: {due}
Change {change} of run {run}, reference {reference}

Please do it in the system. This ticket is closed when two later reads of the system show that it is done; closing it by
hand changes nothing there.
"""


class _Desk(File):
    """What every desk has: the words of a ticket."""

    summary: TicketTemplate = "{what} (by {due})"
    text: TicketTemplate = _TEXT


class _OnlineDesk(_Desk):
    """A desk with an API: ``url`` is where it begins, ``user`` and ``password`` or ``token`` who opens tickets there."""

    url: Annotated[str, Field(pattern=_DESK)]
    user: str | None = None
    password: KeptSecret | None = None
    token: KeptSecret | None = None
    ca: str | None = None
    proxy: str | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.password is None) == (self.token is None):
            raise ValueError("name exactly one of password and token")
        if self.password is not None and self.user is None:
            raise ValueError("user is missing: whose is the password?")
        return self


class ServiceNowDesk(_OnlineDesk):
    """Tickets by ServiceNow's Table API: ``table`` is where they stand, ``fields`` what else each of them says.

    ``groups`` are assignment groups by the source that an order is about; ``closing`` is what a record is set to when it
    is proven that the work was done.
    """

    kind: Literal["servicenow"]
    table: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = "incident"
    fields: Mapping[str, TicketTemplate] = {}
    groups: Mapping[str, str] = {}
    closing: Mapping[str, str] = {"state": "6", "close_code": "Solution provided"}


class JiraDesk(_OnlineDesk):
    """Tickets by the REST API of Jira Cloud: an issue of ``project`` and ``issue_type``; ``fields`` as the API takes them.

    ``due`` is the field that holds the day (none where the project has no such field), ``done`` the status that an issue
    is brought to when it is proven that the work was done; unless named, the first that Jira counts as done.
    """

    kind: Literal["jira"]
    project: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]+$")]
    issue_type: str = "Task"
    fields: Mapping[str, JsonValue] = {}
    due: str | None = "duedate"
    done: str | None = None


class MailDesk(_Desk):
    """Tickets by mail to a desk that opens one of each mail: sent as every mail is, by ``smtp`` or ``graph``."""

    kind: Literal["mail"]
    to: MailAddress


TicketDesk = Annotated[ServiceNowDesk | JiraDesk | MailDesk, Field(discriminator="kind")]
