"""What every page that has something signed shares: the statement that was shown, the passkey that is asked, and what comes back.

A statement is shown in full first; what is signed then is that one, in this session, once, within minutes.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from access_review.errors import PlanRefused
from access_review.revoke import passkeys
from access_review.revoke.approve import Statement
from access_review.revoke.passkeys import Assertion
from access_review.revoke.sshsig import PublicKeyLine
from access_review.stages.keep_signed import ToSign, keep_passkey, whole
from access_review.web.pages import Visit

CHALLENGE_SECONDS = 300.0
"""Seconds that somebody has to unlock their passkey."""
LONGEST_REASON = 2000
"""Characters of a reason."""

Make = Callable[[str, datetime], ToSign]
"""Makes what is to be signed with a reason at a moment: before it is shown, and again before it is kept."""


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A statement that was shown at an address, how it is made again, and until when it may be signed."""

    place: str
    statement: Statement
    make: Make
    until: float


class PasskeyRequest(TypedDict):
    """What a form shows of a statement, and asks the passkey: ``place`` is where it is sent."""

    statement: Statement
    challenge: str
    site: str
    place: str


def ask(visit: Visit, place: str, make: Make, *, may: str = "approve") -> PasskeyRequest:
    """Make what is to be signed, and return what the form shows of it; raises ``PlanRefused`` without a passkey for this site."""
    now = visit.site.clock.now().replace(microsecond=0)
    wanted = make(visit.form.get("reason", "").strip()[:LONGEST_REASON], now)
    if not own_keys(visit, may):
        raise PlanRefused("no passkey of yours is enrolled for this site", hint="enrol one under Passkey")
    statement = whole(wanted, visit.site.workspace())
    until = visit.site.sessions.tick() + CHALLENGE_SECONDS
    visit.signed_in.challenge = {"shown": ShownStatement(place, statement, make, until)}
    return {
        "statement": statement,
        "challenge": as_text(passkeys.challenge(statement)),
        "site": host(visit),
        "place": f"{place}/sign",
    }


def take(visit: Visit, place: str, *, may: str = "approve") -> Path:
    """Keep what the passkey signed of the statement that was shown at an address; it counts once. Raises ``PlanRefused``."""
    known, visit.signed_in.challenge = visit.signed_in.challenge.get("shown"), {}
    if not isinstance(known, ShownStatement) or known.place != place or visit.site.sessions.tick() > known.until:
        raise PlanRefused("the passkey was asked for too long ago, or for something else", hint="look again, and sign")
    said = known.statement
    data = passkeys.sealed(said, own_keys(visit, may), assertion_of(visit), visit.site.web.address)
    return keep_passkey(known.make(said.reason, said.at), said, data, visit.site.workspace())


def own_keys(visit: Visit, may: str = "") -> list[PublicKeyLine]:
    """Return the passkeys that this person may sign with here, now."""
    people, site, today = visit.site.people(), host(visit), visit.site.clock.now().date()
    mine = (
        PublicKeyLine.parse(one.key)
        for one in visit.site.workspace().approvers.approvers
        if (not may or may in one.may)
        and (one.until is None or today <= one.until)
        and people.who(one.person) == visit.who.person
    )
    return [line for line in mine if line.algorithm == passkeys.ALGORITHM and line.application == site]


def host(visit: Visit) -> str:
    """Return the exact host: a passkey of a domain above could be asked for by any host below it."""
    return urlsplit(visit.site.web.address).hostname or ""


def assertion_of(visit: Visit) -> Assertion:
    """Return what a passkey gave back; raises ``PlanRefused`` for what is damaged."""
    return Assertion(sent_bytes(visit, "authenticator"), sent_bytes(visit, "client"), sent_bytes(visit, "signature"))


def sent_bytes(visit: Visit, name: str) -> bytes:
    """Return the bytes of a field of a form; raises ``PlanRefused`` for what is damaged."""
    text = visit.form.get(name, "")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise PlanRefused("what the passkey gave back is damaged", hint="sign again") from None


def as_text(data: bytes) -> str:
    """Return bytes as a script takes them from a page."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
