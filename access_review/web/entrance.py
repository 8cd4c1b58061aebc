"""Signing in and out, and where each begins."""

import re
from typing import Any

from starlette.responses import Response

from access_review.stages.decide_signed_in import own_items
from access_review.stages.sign_in import NotKnown, WebRole
from access_review.web.pages import Visit
from access_review.web.sign_in import SignInRefused

_OURS = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.:-]*)*)?")
"""Our own pages, by their path alone: no other host can be written so, and no line end."""

_WORDS = {
    NotKnown.OTHER_TENANT: "You signed in at another organisation than the one whose accounts are reviewed here.",
    NotKnown.NO_ACCOUNT: "Your account is not among those that were read, or it is not certain whose it is.",
    NotKnown.CONTRADICTED: "Your organisation's sign-in gives you another employee number than the roster.",
    NotKnown.GONE: "The roster says that you do not work here now.",
    NotKnown.NO_RUN: "Nothing has been read here yet.",
}
"""What somebody reads who proved who they are and is nobody here."""


def home(visit: Visit) -> Response:
    """Send each to what they come for; who is not signed in reads what this is."""
    if visit.viewer is None:
        return visit.page("start")
    oversees = visit.viewer.roles & {WebRole.OPERATIONS, WebRole.AUDITOR}
    run = visit.site.audit()
    if oversees and not (run and own_items(run, visit.viewer.person).open):
        return visit.go("/status")
    if WebRole.REVIEWER in visit.viewer.roles:
        return visit.go("/review")
    return visit.page("message", heading="Signed in", text="Choose a page above.")


def sign_in(visit: Visit) -> Response:
    """Send the browser to the provider, with a session of its own that remembers what was asked."""
    place, flow = visit.site.provider.begin()
    name, session = visit.site.sessions.begin()
    session.flow = flow
    wanted = visit.request.query_params.get("to", "/")
    session.goes_to = wanted if _OURS.fullmatch(wanted) else "/"
    response = visit.go(place)
    _set(visit, response, name)
    return response


def callback(visit: Visit) -> Response:
    """Take whoever comes back from the provider, under a new name of the session: the one before may be known to others."""
    before = visit.session
    flow = dict(before.flow) if before else {}
    if before:
        visit.site.sessions.end(before)
    try:
        claims = visit.site.provider.finish(flow, dict(visit.request.query_params))
    except SignInRefused as error:
        told = f"{str(error.fault)[:1].upper()}{error.fault[1:]}. You are not signed in."
        return visit.page("message", 403, heading="Not signed in", text=told)
    found = visit.site.person_of(claims)
    if isinstance(found, NotKnown):
        return visit.page(
            "nobody", 403, why=_WORDS[found], account=claims.object_id, source=visit.site.web.sign_in.source
        )
    name, session = visit.site.sessions.begin(found, claims)
    visit.request.state.person = found
    response = visit.go(before.goes_to if before else "/")
    session.said = ""
    _set(visit, response, name)
    return response


def sign_out(visit: Visit) -> Response:
    """Sign this browser out."""
    visit.site.sessions.end(visit.signed_in)
    return _signed_out(visit, "You are signed out.")


def sign_out_everywhere(visit: Visit) -> Response:
    """Sign every browser of this person out."""
    ended = visit.site.sessions.end_all(visit.who.person)
    return _signed_out(visit, f"You are signed out everywhere: {ended} in all.")


def _signed_out(visit: Visit, told: str) -> Response:
    visit.viewer = visit.session = None
    response = visit.page("message", heading="Signed out", text=told)
    response.delete_cookie(**_cookie(visit))
    return response


def _set(visit: Visit, response: Response, name: str) -> None:
    response.set_cookie(value=name, **_cookie(visit))


def _cookie(visit: Visit) -> dict[str, Any]:
    # Lax and not strict: a strict one does not come along from the provider.
    return {
        "key": visit.site.cookie,
        "path": "/",
        "secure": visit.site.secure,
        "httponly": True,
        "samesite": "lax",
    }
