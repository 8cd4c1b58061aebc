"""Desks that tickets are opened in: ServiceNow, Jira Cloud, and one that takes mail. None of them decides anything.

Each finds a ticket by its reference, opens one, adds a note, and closes it. A ticket that does not carry the reference
is another's, whatever was written down: it is neither noted on nor closed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.parse import quote

from access_review.errors import ConnectorError, Transient
from access_review.model import Json
from access_review.settings.channels import Notify
from access_review.settings.desks import JiraDesk, MailDesk, ServiceNowDesk
from access_review.stages import notify
from access_review.stages.desk_api import NAME, DeskApi
from access_review.views import ticket_bodies
from access_review.views.notices import Notice
from access_review.views.ticket_bodies import TicketOrder

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 100
"""Signs of a number or key; a longer one, or one that cannot be printed, is none."""


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """A ticket as a desk has it: its number for people, its key for the API, and whether it is closed there."""

    number: str
    key: str
    closed: bool = False


class Desk(Protocol):
    """Somewhere tickets are opened."""

    @property
    def answers(self) -> bool:
        """Tell whether it can be asked what it has."""
        ...

    @property
    def notes_apart(self) -> bool:
        """Tell whether why a ticket is closed is a note of its own, to be made before it is."""
        ...

    def find(self, reference: str) -> FoundTicket | None:
        """Return the ticket that carries a reference; raises ``ConnectorError`` where that cannot be told."""
        ...

    def open(self, asked: TicketOrder) -> FoundTicket:
        """Open a ticket; raises ``ConnectorError`` where none was, and ``Transient`` where nobody knows."""
        ...

    def look(self, key: str, reference: str) -> FoundTicket:
        """Return a ticket as it is now; raises ``ConnectorError`` for one that does not carry the reference."""
        ...

    def note(self, key: str, asked: TicketOrder, said: str) -> None:
        """Add a note to a ticket, and raise how urgent it is; raises ``ConnectorError``."""
        ...

    def close(self, key: str, asked: TicketOrder, said: str) -> None:
        """Close a ticket; raises ``ConnectorError``."""
        ...


@contextmanager
def opened(settings: Notify, environment: Mapping[str, str], workspace: Path, now: datetime) -> Iterator[Desk]:
    """Open the desk of the policy while the block runs; where its secret cannot be had, one that refuses everything."""
    desk = settings.tickets
    if isinstance(desk, MailDesk):
        yield _Mails(desk, settings, environment, workspace, now)
        return
    assert desk is not None  # noqa: S101 - whoever asks has looked
    try:
        api = DeskApi(desk, workspace)
    except ConnectorError as error:
        yield ShutDesk(error)
        return
    with api:
        yield _ServiceNow(desk, api) if isinstance(desk, ServiceNowDesk) else _Jira(desk, api)


@dataclass(frozen=True, slots=True)
class ShutDesk:
    """A desk that lets nobody in, or is left alone: every call raises why."""

    why: ConnectorError
    answers: bool = True
    notes_apart: bool = False

    def _refuse(self, *_: object) -> NoReturn:
        raise self.why

    find = open = look = note = close = _refuse


@dataclass(frozen=True, slots=True)
class _ServiceNow:
    desk: ServiceNowDesk
    api: DeskApi
    answers: bool = True
    notes_apart: bool = False

    def find(self, reference: str) -> FoundTicket | None:
        answer = self.api.send("GET", self._path(), query=self._query(f"correlation_id={reference}", limit="5"))
        records = _list(answer, "result")
        # A field that the table does not have is left out of the question, and the answer is then any record at all.
        if any(_text(one, "correlation_id") != reference for one in records):
            raise ConnectorError(
                NAME,
                f"the table {self.desk.table} cannot be asked by correlation_id",
                hint="name a table that is a task, such as incident or sc_task, and let the account read correlation_id",
            )
        return self._found(records[0]) if records else None

    def open(self, asked: TicketOrder) -> FoundTicket:
        answer = self.api.send("POST", self._path(), ticket_bodies.servicenow(asked, self.desk), query=self._query())
        return self._found(_object(answer, "result"))

    def look(self, key: str, reference: str) -> FoundTicket:
        record = _object(self.api.send("GET", self._path(key), query=self._query()), "result")
        _require_ours([_text(record, "correlation_id")], reference)
        return self._found(record)

    def note(self, key: str, asked: TicketOrder, said: str) -> None:
        del asked
        self.api.send("PATCH", self._path(key), {"work_notes": said, "urgency": "1"}, query=self._query())

    def close(self, key: str, asked: TicketOrder, said: str) -> None:
        del asked
        closing: dict[str, Json] = {**self.desk.closing, "close_notes": said}
        record = _object(self.api.send("PATCH", self._path(key), closing, query=self._query()), "result")
        if not self._found(record).closed:
            hint = "look which values of closing a record of this table needs: notify: tickets: closing"
            raise ConnectorError(NAME, f"{_text(record, 'number')} was not closed", hint=hint)

    def _path(self, key: str = "") -> str:
        return f"/api/now/table/{self.desk.table}{f'/{_safe(key)}' if key else ''}"

    def _query(self, query: str = "", limit: str = "") -> dict[str, str]:
        asked = {
            "sysparm_fields": "number,sys_id,correlation_id,state,active",
            "sysparm_exclude_reference_link": "true",
        }
        return asked | ({"sysparm_query": query, "sysparm_limit": limit} if query else {})

    def _found(self, record: Mapping[str, Any]) -> FoundTicket:
        closed = _text(record, "active") == "false" or _text(record, "state") == self.desk.closing.get("state")
        return FoundTicket(_needed(record, "number"), _key_of(record, "sys_id"), closed)


@dataclass(frozen=True, slots=True)
class _Jira:
    desk: JiraDesk
    api: DeskApi
    answers: bool = True
    notes_apart: bool = True

    def find(self, reference: str) -> FoundTicket | None:
        jql = f'project = "{self.desk.project}" AND labels = "{reference}"'
        answer = self.api.send(
            "GET", "/rest/api/3/search/jql", query={"jql": jql, "fields": "labels,status", "maxResults": "5"}
        )
        issues = [one for one in _list(answer, "issues") if reference in _labels(one)]
        return _issue(issues[0]) if issues else None

    def open(self, asked: TicketOrder) -> FoundTicket:
        made = self.api.send("POST", "/rest/api/3/issue", ticket_bodies.jira(asked, self.desk))
        return FoundTicket(_needed(made, "key"), _key_of(made, "id"))

    def look(self, key: str, reference: str) -> FoundTicket:
        issue = self.api.send("GET", f"/rest/api/3/issue/{_safe(key)}", query={"fields": "labels,status"})
        _require_ours(_labels(issue), reference)
        return _issue(issue)

    def note(self, key: str, asked: TicketOrder, said: str) -> None:
        del asked
        self.api.send("POST", f"/rest/api/3/issue/{_safe(key)}/comment", {"body": ticket_bodies.document(said)})

    def close(self, key: str, asked: TicketOrder, said: str) -> None:
        del asked, said
        path = f"/rest/api/3/issue/{_safe(key)}/transitions"
        wanted = (self.desk.done or "").casefold()
        for one in _list(self.api.send("GET", path), "transitions"):
            to = one.get("to") or {}
            done = _text(to, "name").casefold() == wanted if wanted else _category(to) == "done"
            if done:
                self.api.send("POST", path, {"transition": {"id": _needed(one, "id")}})
                return
        hint = "name the status under notify: tickets: done, and let the account make that step"
        raise ConnectorError(NAME, "no step leads from where the issue is to one that is done", hint=hint)


@dataclass(frozen=True, slots=True)
class _Mails:
    """A desk that opens a ticket of each mail, and tells nobody which: the reference stands for its number."""

    desk: MailDesk
    settings: Notify
    environment: Mapping[str, str]
    workspace: Path
    now: datetime
    answers: bool = False
    notes_apart: bool = False

    def find(self, reference: str) -> FoundTicket | None:
        del reference
        return None

    def open(self, asked: TicketOrder) -> FoundTicket:
        self._send(asked, ticket_bodies.text(asked, self.desk))
        return FoundTicket(asked.reference, asked.reference)

    def look(self, key: str, reference: str) -> FoundTicket:
        del key
        return FoundTicket(reference, reference)

    def note(self, key: str, asked: TicketOrder, said: str) -> None:
        del key
        self._send(asked, f"{said}\n\n{ticket_bodies.text(asked, self.desk)}")

    close = note

    def _send(self, asked: TicketOrder, said: str) -> None:
        subject = f"{ticket_bodies.summary(asked, self.desk)} [{asked.reference}]"
        alone = Notify(smtp=self.settings.smtp, graph=self.settings.graph)
        notice = Notice("orders", "the desk", self.desk.to, subject, said)
        folder = self.workspace / notify.FOLDER
        (sent,) = notify.deliver([notice], alone, self.environment, folder, self.now)
        if sent.failed:
            raise ConnectorError(
                NAME, f"the desk was not written to: {'; '.join(sent.failed)}", hint="it is tried again"
            )


def _safe(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ConnectorError(NAME, "what was kept of a ticket is no key of a desk", hint="restore runs/ from a backup")
    return quote(key)


def _require_ours(carried: Sequence[str], reference: str) -> None:
    if reference not in carried:
        hint = "look at it in the desk; who may write to runs/ is to be looked into"
        raise ConnectorError(NAME, f"the ticket does not carry {reference}, so it is another's", hint=hint)


def _issue(issue: Mapping[str, Any]) -> FoundTicket:
    status = (issue.get("fields") or {}).get("status") or {}
    return FoundTicket(_needed(issue, "key"), _key_of(issue, "id"), _category(status) == "done")


def _labels(issue: Any) -> list[str]:
    fields = issue.get("fields") if isinstance(issue, dict) else None
    labels = fields.get("labels") if isinstance(fields, dict) else None
    return [str(one) for one in labels] if isinstance(labels, list) else []


def _category(status: Mapping[str, Any]) -> str:
    category = status.get("statusCategory")
    return _text(category, "key") if isinstance(category, dict) else ""


def _object(answer: Any, name: str) -> Mapping[str, Any]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise _odd(name)
    return found


def _list(answer: Any, name: str) -> list[Mapping[str, Any]]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _odd(name)
    return found


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _needed(record: Any, name: str) -> str:
    value = _text(record, name) if isinstance(record, dict) else ""
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST:
        raise _odd(name)
    return value


def _key_of(record: Any, name: str) -> str:
    """Return by what the API takes a ticket: what could never be asked for again is none, and is looked up instead."""
    value = _needed(record, name)
    if not _KEY.fullmatch(value):
        raise _odd(name)
    return value


def _odd(name: str) -> ConnectorError:
    # What was asked may well have been done: whoever asked looks it up.
    return Transient(NAME, f"the answer of the desk has no {name}", hint="check url and what is named there")
