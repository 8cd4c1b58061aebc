"""How watching goes: what monitoring and a page are told of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review.snapshot.watched import WatchedSource, WatchState

FRESH = timedelta(minutes=1)
"""How old what is said of it may be: whoever watches says it every ten seconds, and after a failed look within a minute."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source: when it last showed itself, how many seconds ago, when it was read, and since when and why it cannot be.

    ``short`` says what of it is not shown whole, so that nothing is concluded from what is missing there.
    """

    seen: datetime | None
    age_seconds: float | None
    read: datetime | None
    unread_since: datetime | None
    reason: str
    short: str = ""


@dataclass(frozen=True, slots=True)
class WatchHealth:
    """How watching goes at a moment.

    ``failing`` is why the last look could not be, empty where it was; ``looks`` and ``errors`` count since the start.
    ``reviewed`` is the moment of the last review and ``checked`` of the last of everything, ``reviews`` counts them as
    :class:`~access_review.snapshot.watched.WatchState` does. ``seconds_to_alarm`` is how long the last one took.
    ``writes`` counts the changes that were made for leavers since watching began, and ``refusals`` what was refused of
    them, or could not be begun.
    """

    at: datetime
    well: bool
    failing: str
    looks: int
    errors: int
    reviewed: datetime | None
    run: str
    reviews: Mapping[str, int]
    checked: datetime | None
    open: int
    alarms_waiting: int
    seconds_to_alarm: float | None
    sources: Mapping[str, SourceHealth]
    writes: int = 0
    refusals: int = 0

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether this was said moments ago, so that somebody watches still."""
        return abs(now - self.at) <= FRESH


def health_of(state: WatchState, now: datetime, *, looks: int, errors: int, failing: str) -> WatchHealth:
    """Say how it goes by what is known after a look."""
    return WatchHealth(
        at=now,
        well=not failing and not any(one.since for one in state.sources.values()),
        failing=failing,
        looks=looks,
        errors=errors,
        reviewed=state.at,
        run=state.run,
        reviews=dict(sorted(state.reviews.items())),
        checked=state.proven_at,
        open=state.open,
        alarms_waiting=len(state.alarms),
        seconds_to_alarm=state.delay,
        sources={name: _source(one, now) for name, one in sorted(state.sources.items())},
        writes=state.writes,
        refusals=state.refusals,
    )


def _source(one: WatchedSource, now: datetime) -> SourceHealth:
    age = round((now - one.looked_at).total_seconds(), 1) if one.looked_at else None
    return SourceHealth(one.looked_at, age, one.read_at, one.since, one.reason, one.short)
