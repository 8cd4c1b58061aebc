"""Faults on chosen pages: what the service may do wrong, and what must come of it."""

import copy
from dataclasses import dataclass
from typing import Any

from tests.simulated_tenant.wire import Request, Response, failed

FOREVER = 10_000

HARMLESS = (
    "429",
    "429-without-retry-after",
    "500",
    "502-html",
    "503",
    "504",
    "reset",
    "cut",
    "401",
    "empty-page",
    "replayed",
)
"""Faults after which the read must be identical: repeating, waiting or reading on is all it takes."""

HARMFUL = (
    "400",
    "403",
    "404",
    "410",
    "429-forever",
    "503-forever",
    "reset-forever",
    "cut-forever",
    "loop",
    "foreign-link",
    "error-as-page",
    "no-list",
    "without-id",
    "differs",
)
"""Faults after which the part must be incomplete, with the reason."""

COUNTED = ("lost-object", "lost-link")
"""Faults that only the server's own count gives away."""


@dataclass
class Fault:
    """What happens on page ``page`` (from 0) of the listing at ``path``, ``times`` times."""

    path: str
    page: int
    kind: str
    times: int = 1

    @classmethod
    def of(cls, path: str, page: int, kind: str) -> "Fault":
        lasting = kind in COUNTED or (kind in HARMFUL)
        return cls(path, page, kind, FOREVER if lasting else 1)

    def meets(self, request: Request, page: int) -> bool:
        if not self.times or request.path.casefold() != self.path.casefold() or page != self.page:
            return False
        self.times -= 1
        return True

    def apply(self, good: Response, again: str, start: str) -> Response:
        """Return what is answered instead of ``good``; ``again`` is the page's own link, ``start`` that of the first."""
        answers = {
            "429": lambda: failed(429, "TooManyRequests", Retry_After="7"),
            "429-without-retry-after": lambda: failed(429, "TooManyRequests"),
            "429-forever": lambda: failed(429, "TooManyRequests", Retry_After="5"),
            "500": lambda: failed(500, "InternalServerError"),
            "502-html": lambda: Response(502, "<html>Bad Gateway</html>"),
            "503": lambda: failed(503, "ServiceUnavailable", Retry_After="3"),
            "503-forever": lambda: failed(503, "ServiceUnavailable"),
            "504": lambda: failed(504, "GatewayTimeout"),
            "reset": lambda: Response(0, broken="reset"),
            "reset-forever": lambda: Response(0, broken="reset"),
            "cut": lambda: Response(good.status, good.body, good.headers, "cut"),
            "cut-forever": lambda: Response(good.status, good.body, good.headers, "cut"),
            "400": lambda: failed(400, "Request_BadRequest"),
            "401": lambda: failed(
                401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
            ),
            "403": lambda: failed(
                403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
            ),
            "404": lambda: failed(404, "Request_ResourceNotFound"),
            "410": lambda: failed(410, "Gone"),
            "error-as-page": lambda: Response(200, failed(500, "InternalServerError").body),
            "no-list": lambda: Response(200, {**good.body, "value": {"id": "x"}}),
        }
        if self.kind in answers:
            return answers[self.kind]()
        return Response(good.status, self._altered(copy.deepcopy(good.body), again, start), good.headers)

    def _altered(self, body: dict[str, Any], again: str, start: str) -> dict[str, Any]:
        value = body.get("value", [])
        match self.kind:
            case "empty-page":
                return {**body, "value": [], "@odata.nextLink": again}
            case "replayed":
                return {**body, "value": value + value[:1]} if value else body
            case "loop":
                return {**body, "@odata.nextLink": start}
            case "foreign-link":
                return {**body, "@odata.nextLink": "https://elsewhere.example.test/v1.0/users?$skiptoken=x"}
            case "without-id":
                return {**body, "value": [*value, {"displayName": "nobody"}]}
            case "differs":
                same = value[0] if value else {"id": "x"}
                return {**body, "value": [same, *value, {**same, "displayName": "another"}]}
            case "lost-object":
                return {**body, "value": value[1:]}
            case "lost-link":
                return {name: kept for name, kept in body.items() if name != "@odata.nextLink"}
        raise AssertionError(self.kind)
