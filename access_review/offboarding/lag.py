"""Offboarding lag as one snapshot shows it: what is open of somebody who has left, and for how long at least."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from access_review.offboarding.queries import LeftPerson


class LagState(StrEnum):
    """What is left of a leaver's access."""

    OPEN = "open"
    DISABLED = "disabled"
    """No account works, and grants are left."""
    CLOSED = "closed"
    """Nothing is left; when that was, nobody witnessed."""
    VERIFIED = "verified"
    UNKNOWN = "unknown"
    """No day is known, or only accounts whose state is unknown are left."""


@dataclass(frozen=True, slots=True)
class OffboardingLag:
    """How long access outlived an employment: ``least`` and ``most`` are null where that cannot be said.

    ``told_late`` is how long after the end HR told us, null where it was in time or is not known.
    """

    state: LagState
    least: timedelta | None
    most: timedelta | None
    told_late: timedelta | None


def lag_of(leaver: LeftPerson, as_of: datetime) -> OffboardingLag:
    """Say how long a leaver's access outlived the employment by ``as_of``, at least and at most."""
    until = leaver["verified_gone_at"] or as_of
    latest, notified = leaver["left_at_latest"], leaver["notified_at"]
    earliest = leaver["left_at_earliest"] or latest
    state = _state(leaver)
    running = state in {LagState.OPEN, LagState.VERIFIED}
    return OffboardingLag(
        state=state,
        least=max(until - latest, timedelta()) if running and latest else None,
        most=max(until - earliest, timedelta()) if running and latest and earliest else None,
        told_late=notified - latest if notified and latest and notified > latest else None,
    )


def _state(leaver: LeftPerson) -> LagState:
    if leaver["verified_gone_at"]:
        return LagState.VERIFIED
    if not (leaver["enabled"] or leaver["unknown"]):
        return LagState.DISABLED if leaver["grants"] else LagState.CLOSED
    return LagState.OPEN if leaver["left_at_latest"] and leaver["enabled"] else LagState.UNKNOWN
