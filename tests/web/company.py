"""The example company served in this process: a stand-in signs people in, and a browser is as good as its cookies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from access_review import runs, store
from access_review.artifacts import WORKLIST
from access_review.audit.worklist import UNASSIGNED
from access_review.runs import Run
from access_review.snapshot.watch_health import SourceHealth, WatchHealth
from access_review.stages.sign_in import Claims
from access_review.store import reviews
from access_review.web.application import application
from access_review.web.guard import PageGuard, RateLimit
from access_review.web.sessions import Sessions
from access_review.web.sign_in import SignInFault, SignInRefused
from access_review.web.site import Site
from tests.support.clocks import clock_at

ADDRESS = "https://review.example.test"
TENANT = "6f1b0f53-8f6e-4f0b-b6a7-0c1f6d1c3a10"
NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)


def tenant_of(run: Run) -> str:
    """Return the tenant that a run read, by what its source says."""
    from access_review.store import snapshots

    return snapshots.load(run).systems.get("entra", (None, None))[0] or TENANT


def policy(run: Run | None, address: str = ADDRESS, **more: str) -> str:
    """Return what the policy says of the pages."""
    tenant = tenant_of(run) if run else TENANT
    settings = {"issuer": f"https://login.example.test/{tenant}/v2.0", "tenant": tenant, "client": "review"}
    lines = [f"    {name}: {value}" for name, value in {**settings, "secret_env": "WEB_SECRET", **more}.items()]
    return "\n".join(("", "web:", f"  address: {address}", "  sign_in:", *lines, ""))


def health_at(now: datetime, run: Run, *, lost: str, seen: str) -> WatchHealth:
    """Return how watching goes where ``hr`` cannot be read, for the reason ``lost``, and the source called ``seen`` can."""
    since = now - timedelta(hours=2)
    sources = {
        "hr": SourceHealth(now - timedelta(hours=3), 10800.0, now - timedelta(hours=4), since, lost),
        seen: SourceHealth(now, 0.0, now, None, ""),
    }
    return WatchHealth(
        at=now,
        well=False,
        failing="",
        looks=3141,
        errors=2,
        reviewed=now,
        run=run.id,
        reviews={"alone": 12},
        checked=None,
        open=7,
        alarms_waiting=1,
        seconds_to_alarm=1.74,
        sources=sources,
        writes=4,
        refusals=2,
    )


@dataclass
class StandIn:
    """A provider that believes everybody: what it would check is tested with tokens, and in a browser."""

    tenant: str
    begun: int = 0

    def begin(self) -> tuple[str, Mapping[str, Any]]:
        self.begun += 1
        return f"https://login.example.test/authorize?state=s{self.begun}", {"state": f"s{self.begun}"}

    def finish(self, flow: Mapping[str, Any], query: Mapping[str, str]) -> Claims:
        if not flow or flow["state"] != query.get("state"):
            raise SignInRefused(SignInFault.NOT_BEGUN)
        return Claims(query.get("tid", self.tenant), query.get("oid", ""), {})


@dataclass
class Served:
    """The company and its pages; ``ticks`` is the clock of sessions, which a test moves."""

    folder: Path
    run: Run
    at: datetime | str = NOW
    source: str = "entra"
    ticks: list[float] = field(default_factory=lambda: [1000.0])
    address: str = ""

    def __post_init__(self) -> None:
        self.address = self.address or ADDRESS
        self.clock = clock_at(self.at)
        self.provider = StandIn(tenant_of(self.run))
        self.sessions = Sessions(1800.0, 36000.0, lambda: self.ticks[0])
        self.site = Site(self.folder, self.clock, self.provider, self.sessions)
        self.app: PageGuard = application(self.site, address=self.address, clock=self.clock)
        self.app.sign_ins = RateLimit(10_000, 60.0)
        table = reviews.owners(self.run)
        assert table is not None
        owned = [row for row in table.read().to_pylist() if row["account"].startswith(f"{self.source}:")]
        self.object_ids = {row["person"]: row["account"].rpartition(":")[2] for row in owned}

    def reviewers(self) -> list[str]:
        """Return the reviewers who can sign in, with most items first."""
        sheets = store.read(self.run, WORKLIST).by_reviewer()
        able = (who for who in sheets if who != UNASSIGNED and who in self.object_ids)
        return sorted(able, key=lambda who: (-len(sheets[who]), who))

    def browser(self) -> "Browser":
        return Browser(self)

    def signed_in(self, person: str) -> "Browser":
        browser = Browser(self)
        browser.sign_in(person)
        return browser

    def lines(self) -> list[str]:
        """Return what the access log says."""
        return [line for path in sorted(self.folder.glob("runs/web/*.jsonl")) for line in path.read_text().splitlines()]


class Browser:
    """A browser as far as the server can tell: it keeps cookies, says where forms come from, and follows nothing."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.client = TestClient(
            served.app, base_url=served.address, follow_redirects=False, raise_server_exceptions=False
        )

    @property
    def cookie(self) -> str:
        return str(self.client.cookies.get("__Host-session") or "")

    def get(self, path: str, **settings: Any) -> Any:
        return self.client.get(path, **settings)

    def post(self, path: str, form: Mapping[str, str], *, csrf: str | None = None, **headers: str) -> Any:
        """Send a form as a page of ours would, unless told otherwise; underscores in header names stand for dashes."""
        token = self.csrf() if csrf is None else csrf
        said = {"sec-fetch-site": "same-origin", "origin": self.served.address} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.client.post(path, data={"csrf": token, **form}, headers={k: v for k, v in said.items() if v})

    def csrf(self) -> str:
        """Return the token of this session, as its pages have it."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/review").text)
        return found[1] if found else ""

    def begin(self, **query: str) -> Any:
        return self.get("/sign-in", params=query)

    def come_back(self, person: str, **more: str) -> Any:
        """Come back from the provider that was begun with last, as somebody."""
        query = {"state": f"s{self.served.provider.begun}", "oid": self.served.object_ids.get(person, person)}
        return self.get("/callback", params=query | more)

    def sign_in(self, person: str) -> None:
        assert self.begin().status_code == 303
        done = self.come_back(person)
        assert done.status_code == 303, done.text


def seen_on(page: str) -> str:
    """Return the version that a form saw."""
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found, page
    return found[1]


def served_copy(folder: Path) -> Served:
    """Serve a workspace whose policy says so from here on."""
    run = runs.find(folder)
    path = folder / "roles/policy.yaml"
    path.write_text(path.read_text("utf-8") + policy(run), encoding="utf-8")
    return Served(folder, run)
