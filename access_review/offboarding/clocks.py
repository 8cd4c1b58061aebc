"""How long access outlived an employment: bounds at least and at most, and what is late for certain.

Where a roster knows only a day, or two runs only saw that access was open and then gone, a
moment has bounds. What is called late is late whatever the truth between them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from access_review.offboarding.leaver import AccessItem, AccessState, Late, LeaverClock, Span, System, worst


def run_clock(
    earliest: datetime | None, latest: datetime | None, until: Span, target: timedelta, failure: timedelta
) -> LeaverClock:
    """Say how long access outlived the end of employment, at least and at most, and whether that is late.

    ``earliest`` and ``latest`` bound the end of employment; ``until`` bounds the moment at which access was gone, or is the moment of the run
    where it is open. Exactly the target is in time; the first minute beyond it is not.
    """
    earliest = earliest or latest
    if latest is None or earliest is None:
        return LeaverClock(target, None, None, Late.UNKNOWN, None, None)
    least = max(until.least - latest, timedelta()) if until.least is not None else None
    most = max(until.most - earliest, timedelta()) if until.most is not None else None
    if least is not None and least > target:
        late = Late.FAILED if least > failure else Late.YES
    elif most is not None and most <= target:
        late = Late.NO
    elif least is None or most is None:
        late = Late.UNKNOWN
    else:
        late = Late.PERHAPS
    late_by = least - target if least is not None and least > target else None
    return LeaverClock(target, least, most, late, earliest + target, latest + target, late_by)


def bound_end(systems: Sequence[System], as_of: datetime) -> Span:
    """Bound the moment at which nothing could sign in any more: ``as_of``, that of the run, where something can."""
    states = [system.state(AccessItem.SIGN_IN) for system in systems]
    if AccessState.OPEN in states:
        return Span(as_of, as_of)
    gone = [system.gone() for system in systems if system.state(AccessItem.SIGN_IN) is not AccessState.NONE]
    least = [span.least for span in gone if span.least is not None]
    if AccessState.UNKNOWN in states:
        return Span(max(least, default=None), as_of)
    # A system that was closed when it was first looked at: when that was, nobody witnessed.
    most = [span.most for span in gone if span.most is not None]
    if not gone:
        return Span()
    return Span(max(least, default=None), max(most) if len(most) == len(gone) else None)


def gone_everywhere_at(systems: Sequence[System]) -> datetime | None:
    """Return when access was seen to be gone everywhere; null while it is not."""
    if worst(system.state(AccessItem.SIGN_IN) for system in systems) in {AccessState.OPEN, AccessState.UNKNOWN}:
        return None
    return max((span.most for span in (system.gone() for system in systems) if span.most is not None), default=None)


def bound_skew(systems: Sequence[System], as_of: datetime) -> tuple[timedelta | None, timedelta | None]:
    """Return how far apart a leaver's systems were closed, at least and at most; open ones run until now."""
    # When each system was closed: after its low, before its high.
    lows: list[datetime | None] = []
    highs: list[datetime | None] = []
    for system in systems:
        match system.state(AccessItem.SIGN_IN):
            case AccessState.OPEN:
                lows.append(as_of)
                highs.append(None)
            case AccessState.DONE:
                lows.append(system.gone().least)
                highs.append(system.gone().most)
    if len(lows) < 2:
        return None, None
    late = max((low for low in lows if low is not None), default=None)
    early = min((high for high in highs if high is not None), default=None)
    least = max(late - early, timedelta()) if late is not None and early is not None else None
    known_lows, known_highs = [low for low in lows if low is not None], [high for high in highs if high is not None]
    bounded = len(known_lows) == len(known_highs) == len(lows)
    return least, max(known_highs) - min(known_lows) if bounded else None
