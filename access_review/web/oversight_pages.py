"""Pages of operations heads and auditors: they read, and nothing here changes anything."""

from starlette.responses import Response

from access_review.stages import overview as overseeing
from access_review.stages.sign_in import WebRole
from access_review.store import logged
from access_review.web.pages import Visit


def status(visit: Visit) -> Response:
    """Show how the review and offboarding go: of some clients alone to whom the policy shows no more."""
    declared = visit.site.workspace()
    run = logged.newest_reviewed(declared.folder)
    if run is None:
        return visit.page("message", heading="Nothing to show", text="Nothing has been reviewed yet.")
    now = visit.site.clock.now()
    clients = () if WebRole.AUDITOR in visit.who.roles else visit.who.clients
    found = overseeing.overview(declared, run, visit.site.audit(), clients, now)
    return visit.page("status", found=found, clients=clients, age=now - run.as_of)


def auditor(visit: Visit) -> Response:
    """Show runs, populations and draws."""
    return visit.page("auditor", found=overseeing.auditor_view(visit.site.folder))
