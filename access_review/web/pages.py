"""One request, and the pages that answer it, set in type from templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from access_review.stages.sign_in import WebRole
from access_review.views.typeset import typesetter
from access_review.web.sessions import WebSession
from access_review.web.site import Site, Viewer


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

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Set a page in type."""
        roles = self.viewer.roles if self.viewer else frozenset()
        shared = {
            "viewer": self.viewer,
            "csrf": self.session.csrf if self.session else "",
            "said": self.session.take_said() if self.session and self.viewer else "",
            "organisation": self.site.workspace().policy.organisation,
            "at": self.request.url.path,
            "request_id": self.request.state.request_id,
            "may": {str(role): role in roles for role in WebRole},
        }
        page = typesetter("access_review.web").get_template(f"{template}.html.jinja").render(**shared, **values)
        return HTMLResponse(page, status)

    def go(self, place: str, **query: str) -> Response:
        """Send the browser to another of our pages."""
        return RedirectResponse(place + (f"?{urlencode(query)}" if query else ""), 303)
