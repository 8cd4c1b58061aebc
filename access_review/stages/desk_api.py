"""Requests to a desk that has tickets: TLS verified, no redirect followed, no environment variable heeded, patient where it may be.

A request that surely was not carried out (no connection, *too many requests*, *unavailable*) is repeated with growing
pauses. What may have been carried out is not: whoever sent it looks first what became of it.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.retry import Retry

from access_review.connectors import Source
from access_review.connectors.secret import kept_at
from access_review.errors import ConnectorError, Transient
from access_review.model import JsonObject
from access_review.settings.desks import JiraDesk, ServiceNowDesk

NAME = "tickets"
"""What errors call the desk."""
_TIMEOUT = (10, 30)
_ATTEMPTS = 3
_LONGEST_WAIT = 20
_NOT_DONE = frozenset({429, 503})
_HINTS: Mapping[int, str] = {
    401: "check user and password or token under notify: tickets",
    403: "the account may not do this in the desk: give it the right, or take another",
    404: "check url, and what is named there, under notify: tickets",
}


class DeskRefusal(ConnectorError):
    """The desk answered that it does not do this one thing; others may go through."""


class NotThere(ConnectorError):
    """The desk has nothing at that place, or shows it to nobody who asks."""


class DeskApi:
    """One desk; close it. ``send`` returns the JSON that came back."""

    def __init__(self, settings: ServiceNowDesk | JiraDesk, folder: Path) -> None:
        self._base = settings.url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(folder / settings.ca) if settings.ca else True
        self._session.proxies = {"https": settings.proxy} if settings.proxy else {}
        patient = Retry(
            connect=_ATTEMPTS,
            status=_ATTEMPTS,
            total=None,
            read=0,
            other=0,
            redirect=0,
            allowed_methods=None,
            status_forcelist=_NOT_DONE,
            backoff_factor=0.5,
            backoff_max=_LONGEST_WAIT,
            retry_after_max=_LONGEST_WAIT,
            raise_on_status=False,
        )
        self._session.mount("https://", requests.adapters.HTTPAdapter(max_retries=patient))
        place = settings.password or settings.token
        assert place is not None  # noqa: S101 - the model holds exactly one
        secret = kept_at(place).read(Source(NAME, folder))
        if settings.user:
            self._session.auth = (settings.user, secret)
        else:
            self._session.headers["Authorization"] = f"Bearer {secret}"
        self._session.headers["Accept"] = "application/json"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def send(
        self, method: str, path: str, body: JsonObject | None = None, *, query: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request; return the JSON of the answer, null where it has none.

        Raises ``ConnectorError`` for what was surely not done, and ``Transient`` where nobody knows.
        """
        try:
            with closing(
                self._session.request(
                    method, self._base + path, json=body, params=query, timeout=_TIMEOUT, allow_redirects=False
                )
            ) as answer:
                return _result(answer)
        except requests.exceptions.SSLError:
            hint = "name the authority of your network under notify: tickets: ca"
            raise ConnectorError(NAME, "the desk's certificate is not trusted", hint=hint) from None
        except requests.exceptions.ProxyError:
            raise ConnectorError(NAME, "the proxy does not let it through", hint="check proxy") from None
        except requests.ConnectionError as error:
            reason = getattr(error.args[0] if error.args else None, "reason", None)
            if isinstance(reason, NewConnectionError | ConnectTimeoutError):
                raise ConnectorError(NAME, "the desk cannot be reached", hint="it is tried again") from None
            raise _unsure() from None
        except requests.RequestException:
            raise _unsure() from None


def _unsure() -> Transient:
    return Transient(NAME, "the answer of the desk was lost", hint="it is looked up before anything is asked again")


def _result(answer: requests.Response) -> Any:
    if answer.is_redirect or answer.status_code // 100 == 3:
        raise ConnectorError(NAME, "the desk leads to another address", hint="name the one that it leads to under url")
    try:
        body = answer.json() if answer.content else None
    except (ValueError, RecursionError):  # no JSON, or one that is nested without end
        body = ...
    if answer.ok and body is not ...:
        return body
    if answer.status_code in _NOT_DONE:
        raise ConnectorError(NAME, f"the desk is busy (status {answer.status_code})", hint="it is tried again")
    if answer.ok or answer.status_code >= 500:
        # Also a page in place of an answer, as an instance that sleeps has it: nobody knows what became of it.
        raise _unsure()
    said = _said(body)
    kind = NotThere if answer.status_code == 404 else ConnectorError if answer.status_code in _HINTS else DeskRefusal
    raise kind(
        NAME,
        f"the desk refused it (status {answer.status_code}{f': {said}' if said else ''})",
        hint=_HINTS.get(answer.status_code, "correct what it names under notify: tickets"),
    )


def _said(body: Any) -> str:
    """Return what a desk says is wrong, on one line: ServiceNow's ``error``, Jira's ``errorMessages`` and ``errors``."""
    if not isinstance(body, dict):
        return ""
    error, messages, fields = body.get("error"), body.get("errorMessages"), body.get("errors")
    parts = (
        [str(error.get(name)) for name in ("message", "detail") if error.get(name)] if isinstance(error, dict) else []
    )
    parts += [str(one) for one in messages] if isinstance(messages, list) else []
    parts += [f"{name}: {why}" for name, why in sorted(fields.items())] if isinstance(fields, dict) else []
    return " ".join("; ".join(parts).split())[:300]
