"""The rotating panel: who is due, so that everyone is seen within a number of weeks.

Earliest deadline first, with the load levelled: each draw takes as many as the
busiest stretch ahead needs, so no week asks for much more than another, whoever
comes or goes. One week is kept spare: a draw missed or late breaks no promise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class LastReviewed:
    """When a unit entered the population, and when it was last drawn for review.

    ``run`` is the run of the last draw and ``before`` the draw before it, so that
    the same run drawn again gives the same panel.
    """

    entered: datetime
    drawn: datetime | None = None
    run: str | None = None
    before: datetime | None = None

    def clock(self, run: str) -> datetime:
        """Return since when the unit waits, as ``run`` sees it."""
        return self.last(run) or self.entered

    def last(self, run: str) -> datetime | None:
        """Return the last draw other than that of ``run``."""
        return self.before if self.run == run else self.drawn


def week_of(at: datetime, zone: str) -> str:
    """Return the ISO week of a moment on the calendar of a time zone, as ``2026-W45``."""
    year, week, _ = at.astimezone(ZoneInfo(zone)).isocalendar()
    return f"{year}-W{week:02}"


def draws_left(clock: datetime, as_of: datetime, weeks: int) -> int:
    """Return in how many weekly draws, this one included, a unit can be taken in time; one that is late has 1 left."""
    # Rounded down: the last draw before the deadline, not the first after it.
    return max(1, (clock + weeks * WEEK - as_of) // WEEK)


def choose_panel(
    units: Iterable[str],
    seen: Mapping[str, LastReviewed],
    *,
    run: str,
    as_of: datetime,
    weeks: int,
    rank: Callable[[str], Any],
) -> tuple[str, ...]:
    """Return the units due in this draw, sorted: everyone is to be drawn once in ``weeks``.

    Of those with as many draws left, those never drawn come first, then those of lowest ``rank``.
    """
    new = LastReviewed(as_of)
    waiting = [
        (draws_left(state.clock(run), as_of, weeks), state.last(run) is not None, rank(unit), unit)
        for unit in units
        for state in [seen.get(unit, new)]
    ]
    needed = level_load(Counter(left for left, *_ in waiting))
    return tuple(sorted(unit for *_, unit in sorted(waiting)[:needed]))


def level_load(due: Mapping[int, int]) -> int:
    """Return the least number per draw that meets every deadline; ``due`` counts units by draws left."""
    total, most = 0, 0
    for left in sorted(due):
        total += due[left]
        most = max(most, -(-total // left))
    return most


def count_overdue(
    units: Iterable[str], seen: Mapping[str, LastReviewed], *, run: str, as_of: datetime, weeks: int
) -> int:
    """Count the units that waited longer than the weeks allow."""
    return sum(1 for unit in units if unit in seen and seen[unit].clock(run) + weeks * WEEK < as_of)


def advance_clocks(
    seen: Mapping[str, LastReviewed], units: Iterable[str], drawn: Iterable[str], *, run: str, as_of: datetime
) -> dict[str, LastReviewed]:
    """Return what is known after a draw: who entered, and who was drawn. Who is not in the population is forgotten."""
    after = {unit: seen.get(unit, LastReviewed(as_of)) for unit in units}
    for unit in drawn:
        state = after[unit]
        after[unit] = replace(state, drawn=as_of, run=run, before=state.last(run))
    return after


def set_clocks_back(seen: Mapping[str, LastReviewed], units: Iterable[str], *, run: str) -> dict[str, LastReviewed]:
    """Set the clocks of units back that ``run`` drew and nobody looked at: being asked is not being reviewed."""
    after = dict(seen)
    for unit in units:
        state = after.get(unit)
        if state and state.run == run:
            after[unit] = LastReviewed(state.entered, state.before)
    return after
