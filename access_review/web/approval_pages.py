"""An approver's pages: plans that wait, one plan in full, and the passkey that signs it.

Nothing here can apply a plan: that stays with the command line and the unattended job. The
server never writes ``roles/``, so a new passkey is shown as the line that a repository review takes in.
"""

import base64
import secrets
from typing import Any

from starlette.responses import Response

from access_review.errors import PlanRefused, Unclear
from access_review.plan.record import Plan, refuse_stale
from access_review.revoke import approve, passkeys, sshsig
from access_review.revoke.approve import StatementKind
from access_review.revoke.sshsig import PublicKeyLine
from access_review.stages import approve as approving
from access_review.stages import waiting_plans as waiting
from access_review.stages.plan import require_lists
from access_review.store.plans import StoredPlan
from access_review.views import planned
from access_review.views.plan_changes import Screen
from access_review.web import passkey_forms
from access_review.web.pages import Visit


def plans(visit: Visit) -> Response:
    """List the plans that wait."""
    return visit.page("plans", plans=waiting.waiting_plans(visit.site.folder, visit.site.clock.now()))


def plan(visit: Visit) -> Response:
    """Show one plan in full, as the terminal does, and whether this person may approve it."""
    return _plan_page(visit, _stored(visit))


def ask(visit: Visit) -> Response:
    """Make the statement that is to be signed, and ask the passkey for it."""
    stored = _stored(visit)
    require_lists(stored, visit.site.workspace())
    return _plan_page(visit, stored, **passkey_forms.ask(visit, _place(stored), _approval(visit, stored)))


def approve_plan(visit: Visit) -> Response:
    """Take what the passkey signed: it counts once, for the statement that was shown."""
    stored, declared = _stored(visit), visit.site.workspace()
    refuse_stale(stored.plan, now=visit.site.clock.now(), workspace_digest=declared.digest)
    passkey_forms.take(visit, _place(stored))
    visit.signed_in.said = (
        "Approved, signed with your passkey. The command line and the unattended job carry plans out."
    )
    return visit.go(_place(stored))


def _place(stored: StoredPlan) -> str:
    return f"/plans/{stored.run.id}/{stored.name}"


def _approval(visit: Visit, stored: StoredPlan) -> passkey_forms.Make:
    return lambda reason, at: approving.approval_to_sign(stored, visit.site.workspace(), visit.who.person, reason, at)


def passkey(visit: Visit) -> Response:
    """Begin to enrol a passkey."""
    asked = secrets.token_bytes(32)
    visit.signed_in.challenge = {"new": asked, "until": visit.site.sessions.tick() + passkey_forms.CHALLENGE_SECONDS}
    user = base64.urlsafe_b64encode(visit.who.person.encode()[:64]).decode().rstrip("=")
    mine = passkey_forms.own_keys(visit, "approve")
    return visit.page(
        "passkey",
        challenge=passkey_forms.as_text(asked),
        site=passkey_forms.host(visit),
        user=user,
        mine=mine,
        line=None,
        sign=None,
    )


def passkey_made(visit: Visit) -> Response:
    """Take a new passkey's public key, and have it sign once before its line is shown."""
    known, site = visit.signed_in.challenge, passkey_forms.host(visit)
    if "new" not in known or visit.site.sessions.tick() > known["until"]:
        raise PlanRefused("the passkey was asked for too long ago", hint="begin again")
    line = passkeys.public_line(passkey_forms.sent_bytes(visit, "spki"), site)
    first = secrets.token_bytes(32)
    visit.signed_in.challenge = {
        "line": line,
        "first": first,
        "until": visit.site.sessions.tick() + passkey_forms.CHALLENGE_SECONDS,
    }
    asked = passkey_forms.as_text(sshsig.signed_bytes(first))
    return visit.page(
        "passkey", challenge=asked, site=site, user="", mine=[], line=None, sign=visit.form.get("id", "")[:1000]
    )


def passkey_proven(visit: Visit) -> Response:
    """Show the line of a passkey that has signed, for whoever reviews ``roles/approvers.yaml``."""
    known, visit.signed_in.challenge = visit.signed_in.challenge, {}
    if "line" not in known or visit.site.sessions.tick() > known["until"]:
        raise PlanRefused("the passkey was asked for too long ago", hint="begin again")
    line: PublicKeyLine = known["line"]
    passkeys.proven(line, known["first"], passkey_forms.assertion_of(visit), visit.site.web.address)
    return visit.page("passkey", challenge="", site=passkey_forms.host(visit), user="", mine=[], line=line, sign=None)


def _plan_page(visit: Visit, stored: StoredPlan, **more: Any) -> Response:
    declared, now = visit.site.workspace(), visit.site.clock.now()
    counted = waiting.signed_so_far(stored, declared, now)
    shown: dict[str, Any] = {
        "stored": stored,
        "plan": stored.plan,
        "text": planned.text(stored.plan, [], screen=Screen(whole=True)),
        "digest": _in_fours(stored.plan.digest),
        "needed": approve.approvals_needed(stored.plan),
        "signed": counted.said,
        "passed_over": counted.passed_over,
        "why_not": _why_not(visit, stored.plan, stored),
        "approved": any(
            one.person == visit.who.person and one.kind is StatementKind.APPROVAL for one, _ in counted.said
        ),
        "has_key": bool(passkey_forms.own_keys(visit, "approve")),
        "statement": None,
        "challenge": "",
        "site": passkey_forms.host(visit),
    }
    return visit.page("plan", **shown | more)


def _why_not(visit: Visit, made: Plan, stored: StoredPlan) -> str:
    """Say why this person may not approve a plan; empty where they may."""
    people = stored.signatories
    try:
        return approve.conflict(made, people.person(visit.who.person), people.person(made.requested_by), people) or ""
    except PlanRefused as error:
        return error.message


def _stored(visit: Visit) -> StoredPlan:
    wanted = (visit.path("run"), visit.path("name"))
    for stored in waiting.waiting_plans(visit.site.folder, visit.site.clock.now()):
        if (stored.run.id, stored.name) == wanted:
            return stored
    raise Unclear("no such plan waits", hint="it may be expired, replaced, or being carried out")


def _in_fours(digest: str) -> str:
    bare = digest.removeprefix("sha256:")
    return " ".join(bare[place : place + 4] for place in range(0, len(bare), 4))
