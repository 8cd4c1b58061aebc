"""What batches took lately: it counts toward the limits of the next plan, or these could be passed in small rounds."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

WEEK, DAY = timedelta(days=7), timedelta(hours=24)
"""How long what was taken counts toward the limits of the policy, and toward what no policy may pass."""


ANYTHING = ("", "")
"""The population of what nobody can say any more: it counts toward each."""


@dataclass(frozen=True, slots=True)
class RemovedAmount:
    """What one change took from one population, as limits count it; a part of what fell away with it is a fraction."""

    change: str
    at: datetime
    what: str
    where: str
    amount: float


@dataclass(frozen=True, slots=True)
class RecentRemovals:
    """What was taken and not given back; toward the policy it counts from ``since``, the last accepted population or a week ago.

    What went before that is here for the floor of a day alone, which begins anew at no acceptance.
    ``people`` are those from whom something was taken under a wind-down, with its name: they count toward its own number.
    """

    amounts: tuple[RemovedAmount, ...] = ()
    since: datetime | None = None
    people: frozenset[tuple[str, str]] = frozenset()

    def wound_down(self, name: str) -> frozenset[str]:
        """Return from whom something was taken under a wind-down, or may have been where nobody can say any more."""
        lost = {one.change for one in self._from(self.since) if (one.what, one.where) == ANYTHING}
        return frozenset({person for of, person in self.people if of == name} | lost)

    def wound_down_by_others(self, name: str) -> frozenset[str]:
        """Return from whom something was taken under a wind-down of another name."""
        return frozenset({person for of, person in self.people if of != name})

    def counts(self, besides: Collection[str], since: datetime | None = None) -> Mapping[tuple[str, str], int]:
        """Sum what was taken from each population since a moment, besides by changes that a plan has itself (by id)."""
        sums: dict[tuple[str, str], float] = defaultdict(float)
        for one in self._from(since or self.since):
            if one.change not in besides:
                sums[one.what, one.where] += one.amount
        return {key: math.ceil(total - 1e-9) for key, total in sums.items()}

    def _from(self, start: datetime | None) -> Iterator[RemovedAmount]:
        return (one for one in self.amounts if start is None or one.at >= start)
