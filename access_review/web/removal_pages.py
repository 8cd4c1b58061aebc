"""What the standing removal announced, in the browser: whoever answers for it sees what goes, and stops it."""

from starlette.responses import Response

from access_review.stages.stop_removal import announced_to, stop_signed_in
from access_review.web.oversight_pages import findings_of
from access_review.web.pages import Visit
from access_review.web.passkey_forms import LONGEST_REASON
from access_review.web.statement_pages import newest_run

_HOME = "/removals"


def removals(visit: Visit) -> Response:
    """List what was announced lately and this person may stop."""
    return _page(visit)


def stop(visit: Visit) -> Response:
    """Stop one of them for good."""
    reason = visit.form.get("reason", "").strip()[:LONGEST_REASON]
    if not reason:
        return _page(visit, 422, wrong="Say why it stays: nobody could tell later. Nothing was stopped.")
    workspace, run, person = visit.site.workspace(), newest_run(visit), visit.who.person
    stop_signed_in(workspace, run, visit.path("change"), person=person, comment=reason, now=visit.site.clock.now())
    visit.signed_in.said = "Stopped: the access stays until somebody plans its removal by itself."
    return visit.go(_HOME)


def _page(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    run, now = newest_run(visit), visit.site.clock.now()
    told = announced_to(visit.site.workspace(), run, findings_of(visit, run), visit.who.person, now)
    return visit.page("removals", status, told=told, now=now, names=visit.site.people().names, wrong=wrong)
