"""The certificate of access removal: what can be proved of one leaver, and why it cannot be where it cannot."""

from datetime import datetime, timedelta
from typing import Any

from access_review.offboarding.leaver import AccessItem, AccessState, Leaver, Leavers, LeaverStatus, System

CERTIFICATE = "access-review/access-removal@1"

APART = timedelta(minutes=15)
"""Two reads that agree must be at least so far apart to prove that access is gone."""


def why_not(leaver: Leaver, as_of: datetime) -> str:
    """Say why no certificate can be given of a leaver, or nothing."""
    if leaver.standing is not LeaverStatus.LEFT:
        return "has not left"
    if not leaver.systems:
        return "no account was ever seen, so there is no removal to certify"
    for state in (AccessState.OPEN, AccessState.UNKNOWN):
        items = [
            f"{system.source}: {check.item}"
            for system in leaver.systems
            for check in system.checks
            if check.state is state
        ]
        if items:
            return f"{state}: {', '.join(items)}"
    once = [system.source for system in leaver.systems if not _proved(system, as_of)]
    if once:
        return f"{', '.join(once)}: seen gone once only; collect again {APART.seconds // 60} minutes later"
    return ""


def _proved(system: System, as_of: datetime) -> bool:
    """Tell whether two reads far enough apart agree that nobody can sign in."""
    if system.state(AccessItem.SIGN_IN) is AccessState.NONE or system.verified_at is not None:
        return True
    return system.first_gone_at is not None and as_of - system.first_gone_at >= APART


def certificate(leaver: Leaver, made: Leavers) -> dict[str, Any]:
    """Return the certificate as JSON; raises ``ValueError`` where none can be given (:func:`why_not`)."""
    if reason := why_not(leaver, made.as_of):
        raise ValueError(reason)
    return {
        "format": CERTIFICATE,
        "person": leaver.person,
        "name": leaver.name,
        "run": made.run,
        "snapshot": made.snapshot,
        "as_of": made.as_of.isoformat(),
        "notified": _iso(leaver.notified_at),
        "effective": {"earliest": _iso(leaver.left_at_earliest), "latest": _iso(leaver.left_at_latest)},
        "first_seen": _iso(leaver.first_seen_left_at),
        "gone": _iso(leaver.gone_at),
        "target_minutes": leaver.clock.target.total_seconds() // 60,
        "judged": str(leaver.clock.late),
        "systems": [
            {
                "source": system.source,
                "last_seen_open": _iso(system.last_open_at),
                "first_seen_gone": _iso(system.first_gone_at),
                "verified": _iso(system.verified_at),
                "checks": {
                    str(check.item): {"state": str(check.state), "about": list(check.done), "reason": check.reason}
                    for check in system.checks
                },
            }
            for system in leaver.systems
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
