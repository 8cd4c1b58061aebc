"""What nine in ten stay within: of values that are all known, and of times of which some are not over."""

from collections.abc import Iterable, Mapping
from math import ceil

_SHARE = 0.9


def nine_in_ten(values: Iterable[float]) -> float:
    """Return the least value that nine in ten of some do not pass, by nearest rank."""
    ordered = sorted(values)
    return ordered[ceil(_SHARE * len(ordered)) - 1]


def nine_in_ten_closed_within(closed: Mapping[float, int], still_open: Mapping[float, int]) -> float | None:
    """Return the least days in which nine in ten had closed, of those that ``closed`` or are open for longer; null for none.

    Both count by days: in how many they closed, for how many the others have been open, which says nothing yet of more. Of
    those that closed alone one would say how fast the easy ones were.
    """
    all_closed, number = sum(closed.values()), 0
    for days, count in sorted(closed.items()):
        number += count
        longer = sum(others for age, others in still_open.items() if age > days)
        if number >= _SHARE * (all_closed + longer):
            return days
    return None
