"""An approver's pages: plans that wait, one plan in full, and the passkey that signs it.

Nothing here can apply a plan: that stays with the command line and the unattended job. The
server never writes ``roles/``, so a new passkey is shown as the line that a repository review takes in.
"""

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from access_review.errors import PlanRefused, Unclear
from access_review.plan.record import Plan
from access_review.revoke import approve, passkeys, sshsig
from access_review.revoke.approve import StatementKind
from access_review.revoke.passkeys import Assertion
from access_review.revoke.sshsig import PublicKeyLine
from access_review.stages import approve as approving
from access_review.stages import waiting_plans as waiting
from access_review.stages.plan import require_lists
from access_review.store.plans import StoredPlan
from access_review.views import planned
from access_review.views.plan_changes import Screen
from access_review.web.pages import Visit

CHALLENGE_SECONDS = 300.0
"""Seconds that somebody has to unlock their passkey."""
_LONGEST_REASON = 2000
"""Characters of a reason."""


def plans(visit: Visit) -> Response:
    """List the plans that wait."""
    return visit.page("plans", plans=waiting.waiting_plans(visit.site.folder, visit.site.clock.now()))


def plan(visit: Visit) -> Response:
    """Show one plan in full, as the terminal does, and whether this person may approve it."""
    return _plan_page(visit, _stored(visit))


def ask(visit: Visit) -> Response:
    """Make the statement that is to be signed, and ask the passkey for it."""
    stored, declared = _stored(visit), visit.site.workspace()
    now = visit.site.clock.now().replace(microsecond=0)
    reason = visit.form.get("reason", "").strip()[:_LONGEST_REASON]
    require_lists(stored, declared)
    statement = approving.approval_to_sign(stored, declared, visit.who.person, reason, now)
    if not _keys(visit):
        raise PlanRefused("no passkey of yours is enrolled for this site", hint="enrol one under Passkey")
    asked = passkeys.challenge(statement)
    visit.signed_in.challenge = {"statement": statement, "until": visit.site.sessions.tick() + CHALLENGE_SECONDS}
    return _plan_page(visit, stored, statement=statement, challenge=_text(asked), site=_site(visit))


def approve_plan(visit: Visit) -> Response:
    """Take what the passkey signed: it counts once, for the statement that was shown."""
    stored, declared = _stored(visit), visit.site.workspace()
    known, visit.signed_in.challenge = visit.signed_in.challenge, {}
    if "statement" not in known or visit.site.sessions.tick() > known["until"]:
        raise PlanRefused(
            "the passkey was asked for too long ago, or for another plan", hint="look at it again, and approve"
        )
    statement = known["statement"]
    data = passkeys.sealed(statement, _keys(visit), _assertion(visit), visit.site.web.address)
    approving.keep_approval(stored, declared, statement, data, visit.site.clock.now())
    visit.signed_in.said = (
        "Approved, signed with your passkey. The command line and the unattended job carry plans out."
    )
    return visit.go(f"/plans/{stored.run.id}/{stored.name}")


def passkey(visit: Visit) -> Response:
    """Begin to enrol a passkey."""
    asked = secrets.token_bytes(32)
    visit.signed_in.challenge = {"new": asked, "until": visit.site.sessions.tick() + CHALLENGE_SECONDS}
    user = base64.urlsafe_b64encode(visit.who.person.encode()[:64]).decode().rstrip("=")
    mine = _keys(visit)
    return visit.page("passkey", challenge=_text(asked), site=_site(visit), user=user, mine=mine, line=None, sign=None)


def passkey_made(visit: Visit) -> Response:
    """Take a new passkey's public key, and have it sign once before its line is shown."""
    known, site = visit.signed_in.challenge, _site(visit)
    if "new" not in known or visit.site.sessions.tick() > known["until"]:
        raise PlanRefused("the passkey was asked for too long ago", hint="begin again")
    line = passkeys.public_line(_bytes(visit, "spki"), site)
    first = secrets.token_bytes(32)
    visit.signed_in.challenge = {"line": line, "first": first, "until": visit.site.sessions.tick() + CHALLENGE_SECONDS}
    asked = _text(sshsig.signed_bytes(first))
    return visit.page(
        "passkey", challenge=asked, site=site, user="", mine=[], line=None, sign=visit.form.get("id", "")[:1000]
    )


def passkey_proven(visit: Visit) -> Response:
    """Show the line of a passkey that has signed, for whoever reviews ``roles/approvers.yaml``."""
    known, visit.signed_in.challenge = visit.signed_in.challenge, {}
    if "line" not in known or visit.site.sessions.tick() > known["until"]:
        raise PlanRefused("the passkey was asked for too long ago", hint="begin again")
    line: PublicKeyLine = known["line"]
    passkeys.proven(line, known["first"], _assertion(visit), visit.site.web.address)
    return visit.page("passkey", challenge="", site=_site(visit), user="", mine=[], line=line, sign=None)


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
        "has_key": bool(_keys(visit)),
        "statement": None,
        "challenge": "",
        "site": _site(visit),
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


def _keys(visit: Visit) -> list[PublicKeyLine]:
    """Return the passkeys that this person may approve with here, now."""
    people, site, today = visit.site.people(), _site(visit), visit.site.clock.now().date()
    mine = (
        PublicKeyLine.parse(one.key)
        for one in visit.site.workspace().approvers.approvers
        if "approve" in one.may
        and (one.until is None or today <= one.until)
        and people.who(one.person) == visit.who.person
    )
    return [line for line in mine if line.algorithm == passkeys.ALGORITHM and line.application == site]


def _site(visit: Visit) -> str:
    """Return the exact host: a passkey of a domain above could be asked for by any host below it."""
    return urlsplit(visit.site.web.address).hostname or ""


def _assertion(visit: Visit) -> Assertion:
    return Assertion(_bytes(visit, "authenticator"), _bytes(visit, "client"), _bytes(visit, "signature"))


def _bytes(visit: Visit, name: str) -> bytes:
    text = visit.form.get(name, "")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise PlanRefused("what the passkey gave back is damaged", hint="sign again") from None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _in_fours(digest: str) -> str:
    bare = digest.removeprefix("sha256:")
    return " ".join(bare[place : place + 4] for place in range(0, len(bare), 4))
