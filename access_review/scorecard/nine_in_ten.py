"""What nine in ten stay within: of values that are all known, and of times of which some are not over."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

_SHARE = 0.9


def nine_in_ten(values: Iterable[float]) -> float:
    """Return the least value that nine in ten of some do not pass, by nearest rank."""
    ordered = sorted(values)
    return ordered[ceil(_SHARE * len(ordered)) - 1]


def nine_in_ten_closed_within(closed: Sequence[float], still_open: Mapping[float, int]) -> float | None:
    """Return the least days in which nine in ten had closed, of those that ``closed`` (sorted) or are open for longer; null for none.

    ``still_open`` counts the others by how long they have been open: for less, that says nothing yet. Of those that closed
    alone one would say how fast the easy ones were.
    """
    for number, days in enumerate(closed, start=1):
        longer = sum(count for age, count in still_open.items() if age > days)
        if number >= _SHARE * (len(closed) + longer):
            return days
    return None
