"""The throttle of Microsoft Graph: published limits and costs, kept apart from what the product believes of them.

Microsoft's page "Microsoft Graph service-specific throttling limits", identity and access:
token bucket of resource units per application and tenant, by tenant size.
"""

import math
from dataclasses import dataclass, field

from tests.simulated_tenant.wire import Request, Response, failed

UNITS = {"S": 3500, "M": 5000, "L": 8000}
PER = 10.0
_BASE = {"users": 2, "members": 3, "transitivemembers": 5, "subscribedskus": 3}


def units(request: Request) -> int:
    """Return what a read costs."""
    options = request.options
    last = request.segments[-1].casefold() if request.segments else ""
    cost = _BASE.get(last, 1) if last != "users" or len(request.segments) == 1 else 1
    cost -= "$select" in options
    cost += "$expand" in options
    top = options.get("$top", "")
    cost -= top.isdigit() and int(top) < 20
    return max(1, int(cost))


@dataclass
class Meter:
    """One bucket: ``size`` per ``seconds``, refilling evenly."""

    size: float
    seconds: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, amount: float, now: float) -> float | None:
        """Take, or return in how many seconds it would succeed."""
        self.level = min(self.size, self.level + (now - self.at) * self.size / self.seconds)
        self.at = now
        if amount <= self.level:
            self.level -= amount
            return None
        return (amount - self.level) * self.seconds / self.size

    @property
    def used(self) -> float:
        return 1 - self.level / self.size


@dataclass
class Throttle:
    """Every limit of one application in one tenant, and what was spent."""

    users: int
    spent: int = 0
    refused: int = 0
    by_path: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = "S" if self.users <= 50 else "M" if self.users <= 500 else "L"
        self.directory = Meter(UNITS[size], PER)
        self.writes = Meter(3000, 150)
        self.reports = Meter(5, 10)
        self.policies = Meter(1, 1)

    def admit(self, request: Request, now: float) -> Response | None:
        """Return the refusal; null lets the request through."""
        path = request.path.casefold()
        if "/auditlogs/" in path:
            return self._refusal(self.reports.take(1, now), "reports")
        if "/identity/conditionalaccess" in path:
            wait = self.policies.take(1, now)
            # This service does not say how long to wait.
            return None if wait is None else self._count(failed(429, "TooManyRequests"))
        if request.method != "GET":
            return self._refusal(self.writes.take(1, now), "writes")
        cost = units(request)
        wait = self.directory.take(cost, now)
        if wait is None:
            self.spent += cost
            key = request.segments[-1] if request.segments else ""
            self.by_path[key] = self.by_path.get(key, 0) + cost
        return self._refusal(wait, "Application_Tenant_ReadByObjects")

    def headers(self, request: Request) -> dict[str, str]:
        """Return what an answer says of the limit."""
        said = {"x-ms-resource-unit": str(units(request))}
        if self.directory.used >= 0.8:
            said["x-ms-throttle-limit-percentage"] = f"{self.directory.used:.2f}"
        return said

    def _refusal(self, wait: float | None, scope: str) -> Response | None:
        if wait is None:
            return None
        said = failed(429, "TooManyRequests", "Too many requests", Retry_After=str(max(1, math.ceil(wait))))
        said.headers["x-ms-throttle-scope"] = scope
        return self._count(said)

    def _count(self, response: Response) -> Response:
        self.refused += 1
        return response
