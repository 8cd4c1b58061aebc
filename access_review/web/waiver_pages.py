"""Waivers asked for and granted in the browser, both signed: into ``runs/``, from where `waive merge` carries them over.

Approvers and auditors see all of them, others what they asked for. Whoever may not approve asks
about what stands on their own work sheet alone, so that nobody reads here what they may not see.
"""

from datetime import date, datetime

from starlette.responses import Response

from access_review.errors import PlanRefused, Unclear
from access_review.settings import Waiver
from access_review.stages import decide_signed_in as deciding
from access_review.stages import waiver_requests as waiving
from access_review.stages.keep_signed import ToSign
from access_review.stages.sign_in import WebRole
from access_review.stages.waive import beneficiary_of
from access_review.stages.waiver_requests import PendingWaiver
from access_review.views import exception_log as view
from access_review.web import passkey_forms
from access_review.web.pages import Visit
from access_review.web.statement_pages import newest_run, sign_page

_HOME = "/waivers"
_SEE_ALL = {WebRole.APPROVER, WebRole.AUDITOR}


def waivers(visit: Visit) -> Response:
    """List the waivers that were asked for here."""
    found = waiving.pending_waivers(visit.site.workspace(), newest_run(visit), visit.site.clock.now())
    return visit.page(
        "waivers",
        pending=[one for one in found if _may_see(visit, one)],
        today=visit.site.clock.now().date(),
        has_key=bool(passkey_forms.own_keys(visit)),
        finding=visit.request.query_params.get("finding", "")[:64],
    )


def ask_waiver(visit: Visit) -> Response:
    """Show the request for a waiver as it is to be signed."""
    make = _asking(visit)
    shown = passkey_forms.ask(visit, _HOME, make, may="")
    wanted = make("", shown["statement"].at)
    entry = waiving.words_to_sign(wanted)
    return sign_page(visit, f"Ask for {entry.waiver}", _text(visit, entry), _HOME, **shown)


def sign_request(visit: Visit) -> Response:
    """Keep the signed request for a waiver."""
    passkey_forms.take(visit, _HOME, may="")
    visit.signed_in.said = "Asked for, signed with your passkey. Another person grants it."
    return visit.go(_HOME)


def waiver(visit: Visit) -> Response:
    """Show one waiver in full, and whether this person may grant it."""
    found, now = _found(visit), visit.site.clock.now()
    why_not = ""
    if WebRole.APPROVER in visit.who.roles:
        try:
            waiving.grant_to_sign(visit.site.workspace(), newest_run(visit), found.asked.waiver, visit.who.person, now)
        except PlanRefused as error:
            why_not = error.message
    return visit.page(
        "waiver",
        one=found,
        text=_text(visit, found.granted or found.asked),
        state=found.state(now.date()),
        why_not=why_not,
        has_key=bool(passkey_forms.own_keys(visit, "approve")),
    )


def ask_grant(visit: Visit) -> Response:
    """Show a waiver with its approver, as that approver is to sign it."""
    found = _found(visit)
    make, place = _granting(visit, found.asked.waiver), f"{_HOME}/{found.asked.waiver}"
    shown = passkey_forms.ask(visit, place, make)
    entry = waiving.words_to_sign(make("", shown["statement"].at))
    return sign_page(visit, f"Grant {entry.waiver}", _text(visit, entry), place, **shown)


def sign_grant(visit: Visit) -> Response:
    """Keep that somebody grants a waiver."""
    place = f"{_HOME}/{visit.path('name')}"
    passkey_forms.take(visit, place)
    visit.signed_in.said = "Granted, signed with your passkey. It counts once access-review waive merge was run."
    return visit.go(place)


def _asking(visit: Visit) -> passkey_forms.Make:
    form, person = dict(visit.form), visit.who.person
    try:
        until = date.fromisoformat(form.get("until", ""))
    except ValueError:
        raise Unclear("the last day is no day", hint="write for example 2026-12-31") from None
    finding = form.get("finding", "").strip()
    if WebRole.APPROVER not in visit.who.roles and not _on_own_sheet(visit, finding):
        raise Unclear("no item on your work sheet has such a finding", hint="an approver may ask about any")

    def make(reason: str, at: datetime) -> ToSign:
        del reason  # it is among the words
        return waiving.waiver_to_sign(
            visit.site.workspace(),
            newest_run(visit),
            finding,
            reason=form.get("reason", "")[: passkey_forms.LONGEST_REASON],
            ticket=form.get("ticket", "")[:200],
            until=until,
            by=person,
            at=at,
        )

    return make


def _granting(visit: Visit, name: str) -> passkey_forms.Make:
    def make(reason: str, at: datetime) -> ToSign:
        del reason
        return waiving.grant_to_sign(visit.site.workspace(), newest_run(visit), name, visit.who.person, at)

    return make


def _on_own_sheet(visit: Visit, finding: str) -> bool:
    run = visit.site.audit()
    own = deciding.own_items(run, visit.who.person).items if run else ()
    return len(finding) >= 6 and any(
        known.startswith(finding.lower()) for one in own if not one.item.planted for known in one.item.findings
    )


def _found(visit: Visit) -> PendingWaiver:
    """Return a waiver that this person may see; another's is as unknown as one that there is not."""
    now = visit.site.clock.now()
    found = waiving.find_pending(visit.site.workspace(), newest_run(visit), visit.path("name"), now)
    if not _may_see(visit, found):
        raise Unclear(f"no waiver that waits is called {found.asked.waiver!r}", hint="access-review waive list")
    return found


def _may_see(visit: Visit, one: PendingWaiver) -> bool:
    return bool(visit.who.roles & _SEE_ALL) or one.asked.asked_by == visit.who.person


def _text(visit: Visit, entry: Waiver) -> str:
    whose = beneficiary_of(newest_run(visit), entry)
    names = visit.site.people().names
    return view.words(entry, f"{names[whose]} ({whose})" if whose in names else whose)
