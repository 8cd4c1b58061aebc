"""Requests to Microsoft Graph: one door for reading, writing and batches, patient where it may be.

Reads are repeated after throttling, server faults, broken connections and answers cut
short. A write is never repeated here: whoever sent it looks what became of it.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from access_review.connectors.entra.lost_connections import distrusts, innermost
from access_review.connectors.entra.pages import AbsentError, NotReadError
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.throttle import ThrottlePace, cost, http_date, retry_after, workload

BATCH = 20
"""Requests in one ``$batch``."""

EVENTUAL_CONSISTENCY = {"ConsistencyLevel": "eventual"}
_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 509})
# Graph has no code of its own for this: every workload says it in other words.
_UNLICENSED = ("licens", "premium")
# Where a delta cannot go on, the status is 410, or another of 40X with this code.
_LOST_PLACE = "syncstatenotfound"

Token = Callable[[bool], str]
"""Gives an access token; true asks for a fresh one."""


class RefusedError(NotReadError):
    """The application may not read it."""


class VanishedError(NotReadError):
    """It is not there."""


class ExpiredError(NotReadError):
    """A delta token is too old, or not known any more: everything has to be read anew."""


class UntrustedError(NotReadError):
    """The server's certificate is not one to trust: nothing was sent, and trying again would not help."""


class RejectedError(NotReadError):
    """The request itself is at fault (400, 501)."""


@dataclass(frozen=True, slots=True)
class GraphResponse:
    """What came back: ``body`` is null when it was not JSON or was cut short; ``status`` 0 means no answer."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""

    @property
    def code(self) -> str:
        """Graph's own word for the fault."""
        return _error(self.body, "code")

    @property
    def summary(self) -> str:
        """Status, code and message, on one line."""
        if self.failure:
            return self.failure
        message = " ".join(_error(self.body, "message").split())[:200]
        return f"status {self.status}" + "".join(f": {text}" for text in (self.code, message) if text)


def _error(body: Any, name: str) -> str:
    error = body.get("error") if isinstance(body, Mapping) else None
    value = error.get(name) if isinstance(error, Mapping) else None
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One GET: an address below the service's root, and headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Graph:
    """The service: ``base`` ends in ``/v1.0``, ``timeout`` is in seconds per answer. Threads may share it."""

    def __init__(
        self,
        base: str,
        token: Token,
        session: requests.Session,
        pace: ThrottlePace | None = None,
        *,
        attempts: int = 8,
        parallel: int = 4,
        timeout: float = 60.0,
    ) -> None:
        self.base = base.rstrip("/")
        self.session = session
        self.pace = pace or ThrottlePace()
        self.attempts = attempts
        self.pool = ThreadPoolExecutor(parallel, thread_name_prefix="graph")
        self.parallel = parallel
        self.requests = 0
        self._token = token
        self._timeout = timeout
        self._clock: datetime | None = None

    @property
    def clock(self) -> datetime | None:
        """The service's own time at its first answer."""
        return self._clock

    def permissions(self) -> frozenset[str]:
        """Return what the token says that it is good for; nothing where it does not say, since nobody promises its form."""
        try:
            middle = self._token(False).split(".")[1]
            said = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
            return frozenset([*said.get("roles", ()), *said.get("scp", "").split()])
        except (IndexError, ValueError, TypeError, AttributeError):
            return frozenset()

    def close(self) -> None:
        """End the threads and connections."""
        self.pool.shutdown(cancel_futures=True)
        self.session.close()

    def relative(self, url: str) -> str:
        """Return an address below the root; raises ``NotReadError`` for one elsewhere, which must not see the token."""
        if url.startswith("/"):
            return url
        if not url.startswith(f"{self.base}/"):
            raise NotReadError(f"a link leads to another server: {urlsplit(url).netloc or 'nowhere'}")
        return url[len(self.base) :]

    def get(self, ask: GraphRequest) -> Object:
        """Return one document; raises a ``NotReadError`` that says why there is none."""
        return self._patiently([ask], lambda asks: [self.send("GET", asks[0].url, headers=asks[0].headers)])[0]()

    def get_one(self, collection: str, native: str, *names: str) -> Object:
        """Return these properties of one object of a collection; raises ``NotReadError`` also where another object comes."""
        found = self.get(GraphRequest(f"{collection}/{native}?$select={','.join(('id', *names))}"))
        if found.get("id") != native:
            raise NotReadError(f"what came is not the object of {collection} that was asked for")
        return found

    def get_all(self, asks: Sequence[GraphRequest]) -> list[Callable[[], Object]]:
        """Ask up to twenty things in one ``$batch``; each result is called for its document or its fault."""
        return self._patiently(asks, self._batch)

    def _patiently(
        self, asks: Sequence[GraphRequest], ask_all: Callable[[Sequence[GraphRequest]], list[GraphResponse]]
    ) -> list[Callable[[], Object]]:
        """Repeat what may succeed later, those parts only."""
        answers: list[GraphResponse | None] = [None] * len(asks)
        open_ = list(range(len(asks)))
        refreshed = False
        for attempt in range(self.attempts):
            self._admit([asks[i] for i in open_])
            for i, answer in zip(open_, ask_all([asks[i] for i in open_]), strict=True):
                answers[i] = answer
            open_ = [i for i in open_ if _may_succeed(answers[i], refreshed)]
            if not open_:
                break
            # A long read outlives its token once; refused with a fresh one, it is refused.
            if any(_of(answers[i]).status == 401 for i in open_):
                refreshed = True
                self._token(True)
            self._wait(attempt, [(asks[i].url, _of(answers[i])) for i in open_])
        return [_result(_of(answer), self.attempts if i in open_ else 1) for i, answer in enumerate(answers)]

    def _admit(self, asks: Sequence[GraphRequest]) -> None:
        units: dict[str, int] = {}
        for ask in asks:
            kind = workload(ask.url)
            units[kind] = units.get(kind, 0) + cost(ask.url)
        for kind, spent in units.items():
            self.pace.admit(kind, spent)

    def _wait(self, attempt: int, failed: Sequence[tuple[str, GraphResponse]]) -> None:
        own = 0.0
        for url, answer in failed:
            if answer.status == 401:
                continue
            seconds = retry_after(answer.headers)
            if answer.status == 429 and seconds is not None:
                self.pace.close(workload(url), seconds)
            own = max(own, self.pace.back_off(attempt) if seconds is None else seconds)
        self.pace.pause(own)

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> GraphResponse:
        """Send one request, once."""
        sent = {"Authorization": f"Bearer {self._token(False)}", "Accept": "application/json", **(headers or {})}
        self.requests += 1
        try:
            response = self.session.request(
                method,
                self.base + self.relative(url),
                headers=sent,
                json=body,
                timeout=self._timeout,
                # A redirect would take the token to another server.
                allow_redirects=False,
            )
        # A header that cannot be read, such as a Location, comes as a plain ValueError.
        except (requests.RequestException, ValueError) as error:
            # The class alone: the words may hold the address, and that a token.
            reason = type(innermost(error)).__name__
            if distrusts(error):
                raise UntrustedError(f"the server's certificate is not trusted: {reason}") from error
            return GraphResponse(0, None, failure=f"no answer: {reason}")
        return self._answer(response)

    def _answer(self, response: requests.Response) -> GraphResponse:
        if self._clock is None:
            self._clock = http_date(response.headers.get("Date"))
        if response.status_code == 204:
            return GraphResponse(204, {}, response.headers)
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            cut = "the answer is not JSON, or was cut short" if response.status_code < 400 else ""
            return GraphResponse(response.status_code, None, response.headers, cut)
        return GraphResponse(response.status_code, body, response.headers)

    def _batch(self, asks: Sequence[GraphRequest]) -> list[GraphResponse]:
        parts = [
            {"id": str(i), "method": "GET", "url": self.relative(ask.url), "headers": dict(ask.headers)}
            for i, ask in enumerate(asks)
        ]
        outer = self.send("POST", "/$batch", body={"requests": parts})
        # A batch that failed whole says of each part what it says of itself: each may be asked again.
        if outer.status != 200 or outer.failure:
            return [outer] * len(asks)
        said = outer.body.get("responses") if isinstance(outer.body, dict) else None
        responses = said if isinstance(said, list) else []
        by_id = {r["id"]: r for r in responses if isinstance(r, dict) and isinstance(r.get("id"), str)}
        return [_part(by_id.get(str(i))) for i in range(len(asks))]


def quoted(text: str) -> str:
    """Return text as it stands in an OData filter: quoted, quotes within doubled."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _part(response: Object | None) -> GraphResponse:
    if response is None or not isinstance(response.get("status"), int):
        return GraphResponse(0, None, failure="the batch has no answer for it")
    headers = response.get("headers")
    return GraphResponse(response["status"], response.get("body"), headers if isinstance(headers, dict) else {})


def _of(answer: GraphResponse | None) -> GraphResponse:
    return answer or GraphResponse(0, None, failure="not asked")


def _may_succeed(answer: GraphResponse | None, refreshed: bool) -> bool:
    answer = _of(answer)
    return bool(answer.failure) or answer.status in _AGAIN or (answer.status == 401 and not refreshed)


def _result(answer: GraphResponse, attempts: int) -> Callable[[], Object]:
    def document() -> Object:
        fault = _fault(answer, attempts)
        if fault:
            raise fault
        body: Object = answer.body
        return body

    return document


def _fault(answer: GraphResponse, attempts: int) -> NotReadError | None:
    if answer.status == 200 and not answer.failure:
        return None if isinstance(answer.body, dict) else NotReadError("the answer is not an object")
    summary = answer.summary + (f", {attempts} times in a row" if attempts > 1 else "")
    if answer.status in (400, 403) and any(word in answer.summary.casefold() for word in _UNLICENSED):
        return AbsentError(f"the tenant has no licence for it ({summary})")
    if answer.code.casefold() == _LOST_PLACE:
        return ExpiredError(summary)
    kinds = {403: RefusedError, 404: VanishedError, 410: ExpiredError, 400: RejectedError, 501: RejectedError}
    return kinds.get(answer.status, NotReadError)(summary)
