"""One request, and the pages that answer it, set in type from templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from access_review.stages.sign_in import WebRole
from access_review.views.typeset import typesetter
from access_review.web.sessions import WebSession
from access_review.web.site import Site, Viewer

T = TypeVar("T")

MOST = 200
"""Rows that a page shows at a time."""


@dataclass(frozen=True, slots=True)
class Excerpt(Generic[T]):
    """Some of many rows: those from number ``start`` on, of how many, and where those before and after are."""

    rows: Sequence[T]
    start: int
    total: int
    before: str
    after: str


@dataclass
class Visit:
    """One request: what was asked for and sent, by whom."""

    site: Site
    request: Request
    session: WebSession | None
    viewer: Viewer | None
    form: Mapping[str, str]

    @property
    def who(self) -> Viewer:
        """Whoever is signed in; a page that asks for this is open to nobody else."""
        assert self.viewer is not None  # noqa: S101 - the table of pages holds it
        return self.viewer

    @property
    def signed_in(self) -> WebSession:
        """Their session."""
        assert self.session is not None  # noqa: S101 - as above
        return self.session

    def path(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """Return what stands behind the question mark of the address for a name; nothing where it is not there."""
        return self.request.query_params.get(name, "")

    def excerpt(self, rows: Sequence[T], *, most: int = MOST) -> Excerpt[T]:
        """Return as many rows as a page shows, from where its address says."""
        shown = rows[self.first : self.first + most]
        return self.excerpt_of(shown, len(rows), most=most)

    def excerpt_of(self, shown: Sequence[T], total: int, *, most: int = MOST) -> Excerpt[T]:
        """Return rows that are those of this page already, of ``total``."""
        first, end = self.first, self.first + len(shown)
        before = self._from(max(first - most, 0)) if first else ""
        return Excerpt(shown, first, total, before, self._from(end) if shown and end < total else "")

    @property
    def first(self) -> int:
        """The number of the first row that is shown."""
        asked = self.asked("from")
        return int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 10 else 0

    def _from(self, first: int) -> str:
        kept = {name: value for name, value in self.request.query_params.items() if name != "from"}
        return "?" + urlencode(kept | {"from": str(first)})

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Set a page in type."""
        policy = self.site.workspace().policy
        roles = self.viewer.roles if self.viewer else frozenset()
        shared = {
            "viewer": self.viewer,
            "csrf": self.session.csrf if self.session else "",
            "said": self.session.take_said() if self.session and self.viewer else "",
            "clients": self.viewer.sees if self.viewer else (),
            "organisation": policy.organisation,
            "removing": policy.standing_removal is not None,
            "at": self.request.url.path,
            "request_id": self.request.state.request_id,
            # What somebody wrote and is not taken is given back: their browser may not have it any more.
            "typed": getattr(self.request.state, "typed", "") if status >= 400 else "",
            "may": {str(role): role in roles for role in WebRole},
        }
        page = typesetter("access_review.web").get_template(f"{template}.html.jinja").render(**shared, **values)
        return HTMLResponse(page, status)

    def go(self, place: str, **query: str) -> Response:
        """Send the browser to another of our pages."""
        return RedirectResponse(place + (f"?{urlencode(query)}" if query else ""), 303)
