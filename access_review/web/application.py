"""The table of pages: each with who may open it, held in one place before any page is made."""

import importlib.resources
import logging
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from access_review.errors import AccessReviewError, ArtifactError, PlanRefused, WorkspaceError
from access_review.model import Clock
from access_review.stages.access_log import AccessLog
from access_review.stages.sign_in import WebRole
from access_review.store.rights import RightHeld
from access_review.views.mistakes import folded
from access_review.views.text import visible
from access_review.web import (
    approval_pages,
    auditor_pages,
    entrance,
    oversight_pages,
    removal_pages,
    review_pages,
    statement_pages,
    waiver_pages,
)
from access_review.web.guard import PageGuard, fault_of, plain_page
from access_review.web.pages import Visit
from access_review.web.sign_in import SignInRefused
from access_review.web.site import Site

log = logging.getLogger(__name__)

ANYBODY: frozenset[WebRole] = frozenset()
"""Who is not signed in may open it too."""
EVERY = frozenset(WebRole)
OVERSEES = frozenset({WebRole.OPERATIONS, WebRole.AUDITOR})
_APPROVERS = frozenset({WebRole.APPROVER})
_SIGNERS = frozenset({WebRole.REVIEWER, WebRole.APPROVER})
"""Who may have a passkey: whoever works here may ask for one line in the repository, and for a waiver."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """One address: how it is asked for, who may, and what makes it.

    What shows the ``whole`` is closed to who sees some clients alone.
    """

    method: str
    path: str
    may: frozenset[WebRole]
    make: Callable[[Visit], Response]
    whole: bool = False


PAGES = (
    WebPage("GET", "/", ANYBODY, entrance.home),
    WebPage("GET", "/sign-in", ANYBODY, entrance.sign_in),
    WebPage("GET", "/callback", ANYBODY, entrance.callback),
    WebPage("POST", "/sign-out", EVERY, entrance.sign_out),
    WebPage("POST", "/sign-out-everywhere", EVERY, entrance.sign_out_everywhere),
    WebPage("GET", "/review", frozenset({WebRole.REVIEWER}), review_pages.sheet),
    WebPage("GET", "/review/submit", frozenset({WebRole.REVIEWER}), review_pages.before_submitting),
    WebPage("POST", "/review/submit", frozenset({WebRole.REVIEWER}), review_pages.submit),
    WebPage("GET", "/review/{item}", frozenset({WebRole.REVIEWER}), review_pages.item),
    WebPage("POST", "/review/{item}", frozenset({WebRole.REVIEWER}), review_pages.answer),
    WebPage("POST", "/review/{item}/take-back", frozenset({WebRole.REVIEWER}), review_pages.take_back),
    WebPage("POST", "/review/{item}/hand-on", frozenset({WebRole.REVIEWER}), review_pages.hand_on),
    WebPage("GET", "/plans", frozenset({WebRole.APPROVER, WebRole.AUDITOR}), approval_pages.plans),
    WebPage("GET", "/plans/{run}/{name}", frozenset({WebRole.APPROVER, WebRole.AUDITOR}), approval_pages.plan),
    WebPage("POST", "/plans/{run}/{name}", frozenset({WebRole.APPROVER}), approval_pages.ask),
    WebPage("POST", "/plans/{run}/{name}/sign", frozenset({WebRole.APPROVER}), approval_pages.approve_plan),
    WebPage("GET", "/passkey", _SIGNERS, approval_pages.passkey),
    WebPage("POST", "/passkey", _SIGNERS, approval_pages.passkey_made),
    WebPage("POST", "/passkey/proven", _SIGNERS, approval_pages.passkey_proven),
    WebPage("GET", "/statements", _APPROVERS, statement_pages.statements),
    WebPage("POST", "/statements/standing", _APPROVERS, statement_pages.ask_standing),
    WebPage("POST", "/statements/standing/sign", _APPROVERS, statement_pages.sign_standing),
    WebPage("POST", "/statements/removal", _APPROVERS, statement_pages.ask_removal),
    WebPage("POST", "/statements/removal/sign", _APPROVERS, statement_pages.sign_removal),
    WebPage("POST", "/statements/wind-down/{name}", _APPROVERS, statement_pages.ask_wind_down),
    WebPage("POST", "/statements/wind-down/{name}/sign", _APPROVERS, statement_pages.sign_wind_down),
    WebPage("POST", "/statements/{name}/withdraw", _APPROVERS, statement_pages.ask_withdrawal),
    WebPage("POST", "/statements/{name}/withdraw/sign", _APPROVERS, statement_pages.sign_withdrawal),
    WebPage("GET", "/waivers", _SIGNERS | {WebRole.AUDITOR}, waiver_pages.waivers),
    WebPage("POST", "/waivers", _SIGNERS, waiver_pages.ask_waiver),
    WebPage("POST", "/waivers/sign", _SIGNERS, waiver_pages.sign_request),
    WebPage("GET", "/waivers/{name}", _SIGNERS | {WebRole.AUDITOR}, waiver_pages.waiver),
    WebPage("POST", "/waivers/{name}", _APPROVERS, waiver_pages.ask_grant),
    WebPage("POST", "/waivers/{name}/sign", _APPROVERS, waiver_pages.sign_grant),
    WebPage("GET", "/removals", _SIGNERS, removal_pages.removals),
    WebPage("POST", "/removals/{change}", _SIGNERS, removal_pages.stop),
    WebPage("GET", "/status", OVERSEES, oversight_pages.status),
    WebPage("GET", "/status/{checkpoint}", OVERSEES, oversight_pages.checkpoint, whole=True),
    WebPage("GET", "/leavers", OVERSEES, oversight_pages.leavers),
    WebPage("GET", "/leavers/{person:path}", OVERSEES, oversight_pages.leaver),
    WebPage("GET", "/campaigns", OVERSEES, oversight_pages.campaigns),
    WebPage("GET", "/campaigns/{run}", OVERSEES, oversight_pages.campaign),
    WebPage("GET", "/campaigns/{run}/{reviewer:path}", OVERSEES, oversight_pages.reviewer),
    WebPage("GET", "/findings", OVERSEES, oversight_pages.findings),
    WebPage("GET", "/findings/{finding}", OVERSEES, oversight_pages.finding),
    WebPage("GET", "/sources", OVERSEES, oversight_pages.sources),
    WebPage("GET", "/watched", OVERSEES, oversight_pages.watched, whole=True),
    WebPage("GET", "/scorecard", OVERSEES, oversight_pages.scorecard),
    WebPage("GET", "/trend", OVERSEES, oversight_pages.trend, whole=True),
    WebPage("GET", "/auditor", frozenset({WebRole.AUDITOR}), auditor_pages.auditor),
    WebPage("GET", "/auditor/{run}", frozenset({WebRole.AUDITOR}), auditor_pages.run),
    WebPage("POST", "/auditor/{run}/evidence", frozenset({WebRole.AUDITOR}), auditor_pages.evidence),
)
"""Everything that there is; what is not here is not found."""

STATIC = {
    "report.css": ("access_review.views", "templates", "text/css"),
    "pages.css": ("access_review.web", "static", "text/css"),
    "pages.js": ("access_review.web", "static", "text/javascript"),
}
"""Files by name alone, so that no path leads anywhere else."""


def application(site: Site, *, address: str, clock: Clock, behind_proxy: bool = False) -> PageGuard:
    """Return the pages of a site, as they are served."""
    routes = [Route("/static/{name}", _static, methods=["GET"])]
    routes += [Route(page.path, _opened(site, page), methods=[page.method]) for page in PAGES]
    failures = {HTTPException: _not_there(site), AccessReviewError: _refused(site), Exception: _fault}
    app = Starlette(routes=routes, exception_handlers=failures)  # type: ignore[arg-type]
    return PageGuard(app, address, clock.now, AccessLog(site.folder).add, behind_proxy)


def _opened(site: Site, page: WebPage) -> Callable[[Request], object]:
    async def opened(request: Request) -> Response:
        form: dict[str, str] = {}
        if request.method == "POST":
            async with request.form(max_files=0, max_fields=20) as sent:
                form = {name: value for name, value in sent.items() if isinstance(value, str)}
        request.state.typed = (form.get("reason") or form.get("why") or "").strip()
        return await run_in_threadpool(_made, site, page, request, form)

    return opened


def _made(site: Site, page: WebPage, request: Request, form: dict[str, str]) -> Response:
    visit = visit_of(site, request, form)
    if page.may and visit.viewer is None:
        if request.method == "GET":
            return visit.go("/sign-in", to=request.url.path)
        return visit.page(
            "message", 401, heading="You are signed out", text="Nothing was kept. Sign in and do it again."
        )
    if page.may and not page.may & visit.who.roles:
        needed = " or ".join(sorted(page.may))
        told = f"This page is for {needed}s. Who is one stands in roles/policy.yaml and roles/approvers.yaml."
        return visit.page("message", 403, heading="Not yours to see", text=told)
    if page.whole and visit.viewer is not None and visit.viewer.sees:
        told = f"This page is about everybody, and you see {', '.join(visit.viewer.sees)} alone."
        return visit.page("message", 403, heading="Not yours to see", text=told)
    if request.method == "POST" and not _has_token(visit):
        told = "The form is not one of this session: it was open since before you signed in. Nothing was kept."
        return visit.page("message", 403, heading="Not done", text=told)
    return page.make(visit)


def visit_of(site: Site, request: Request, form: dict[str, str] | None = None) -> Visit:
    """Return who asks for what."""
    session = site.sessions.find(request.cookies.get(site.cookie))
    viewer = site.signed_in(session.person, session.claims) if session and session.claims else None
    request.state.person = viewer.person if viewer else ""
    return Visit(site, request, session, viewer, form or {})


def _has_token(visit: Visit) -> bool:
    given, known = visit.form.get("csrf", ""), visit.session.csrf if visit.session else ""
    return bool(known) and compare_digest(given.encode(errors="replace"), known.encode())


def _static(request: Request) -> Response:
    found = STATIC.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    package, folder, kind = found
    data = (importlib.resources.files(package) / folder / request.path_params["name"]).read_bytes()
    return Response(data, media_type=f"{kind}; charset=utf-8", headers={"cache-control": "max-age=300"})


def _not_there(site: Site) -> Callable[[Request, HTTPException], object]:
    async def not_there(request: Request, error: HTTPException) -> Response:
        told = (
            "There is no such page." if error.status_code == 404 else f"This cannot be done so ({error.status_code})."
        )
        return await run_in_threadpool(_message, site, request, error.status_code, "Not here", told)

    return not_there


async def _fault(request: Request, error: Exception) -> Response:
    del error  # the guard writes it down
    return HTMLResponse(plain_page(500, fault_of(request.state.request_id)), 500)


def _refused(site: Site) -> Callable[[Request, AccessReviewError], object]:
    async def refused(request: Request, error: AccessReviewError) -> Response:
        status = 503 if isinstance(error, RightHeld) else 409 if isinstance(error, PlanRefused) else 404
        status = 500 if isinstance(error, ArtifactError | WorkspaceError) else status
        status = 503 if isinstance(error, SignInRefused) else status
        told = f"{error.message}. {error.hint[:1].upper()}{error.hint[1:]}".strip()
        return await run_in_threadpool(_message, site, request, status, "Not done", told)

    return refused


def _message(site: Site, request: Request, status: int, heading: str, told: str) -> Response:
    try:
        return visit_of(site, request).page("message", status, heading=heading, text=told)
    except AccessReviewError as error:
        # Where the workspace cannot be read, nobody knows who asks: they are told no more than that.
        why = "; ".join(filter(None, (error.message, *folded(getattr(error, "mistakes", ())), error.hint)))
        log.error("request %s: %s", request.state.request_id, visible(why))  # noqa: TRY400 - its traceback says no more
        return HTMLResponse(plain_page(503, _UNREADABLE), 503)


_UNREADABLE = (
    "The settings of this server cannot be read at the moment, so it can show nothing. "
    "Tell whoever runs it: its log says which file, and what to do."
)
