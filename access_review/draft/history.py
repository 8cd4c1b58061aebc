"""Past decisions as figures: how often each value, and each pair of values, was revoked.

A figure of a decision must not contain its own answer, or everything looks easy: decisions are
dealt into ten parts by a hash of their row, and each is encoded from the other nine.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from access_review.draft.matrix import Indices
from access_review.draft.peers import Floats

PARTS = 10
_PRIOR = 3.0  # decisions at the overall rate that are added to every count

Feature = tuple[str, ...]
"""The names of one or two attributes."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How often each value of a feature was decided and revoked."""

    feature: Feature
    place: Mapping[tuple[str, ...], int]
    decided: Indices
    revoked: Indices

    def counts(self, columns: Mapping[str, Sequence[str]]) -> tuple[Indices, Indices]:
        """Return for each row how often its value was decided, and how often revoked; 0 if never seen."""
        place = np.array([self.place.get(v, -1) for v in _values(self.feature, columns)], np.int64)
        seen = place >= 0
        if not len(self.decided):
            return np.zeros(len(place), np.int64), np.zeros(len(place), np.int64)
        return np.where(seen, self.decided[place], 0), np.where(seen, self.revoked[place], 0)


def features(attributes: Sequence[str]) -> tuple[Feature, ...]:
    """Return every attribute and every pair of them, in the order of the attributes."""
    return (*((a,) for a in attributes), *combinations(attributes, 2))


def parts(columns: Mapping[str, Sequence[str]], attributes: Sequence[str], revoked: Sequence[bool]) -> Indices:
    """Deal the rows into parts by a hash of what they say, so that the order of the rows changes nothing.

    Rows that say the same are told apart by their occurrence.
    """
    seen: dict[tuple[str, ...], int] = {}
    dealt = np.empty(len(revoked), np.int64)
    for row, values in enumerate(_values(tuple(attributes), columns)):
        key = (*values, str(bool(revoked[row])))
        seen[key] = seen.get(key, 0) + 1
        dealt[row] = zlib.crc32("\x1f".join((*key, str(seen[key]))).encode()) % PARTS
    return dealt


def tally(feature: Feature, columns: Mapping[str, Sequence[str]], revoked: Floats) -> Tally:
    """Count decisions and revocations of every value."""
    place, index = _index(feature, columns)
    decided = np.bincount(index, minlength=len(place))
    return Tally(feature, place, decided, np.bincount(index, revoked, minlength=len(place)).astype(np.int64))


def out_of_part(
    feature: Feature, columns: Mapping[str, Sequence[str]], revoked: Floats, dealt: Indices
) -> tuple[Indices, Indices]:
    """Return for each row how often its value was decided and revoked in the other parts."""
    place, index = _index(feature, columns)
    cell = index * PARTS + dealt
    own = np.bincount(cell, minlength=len(place) * PARTS)
    own_revoked = np.bincount(cell, revoked, minlength=len(place) * PARTS)
    decided = np.bincount(index, minlength=len(place))[index] - own[cell]
    gone = np.bincount(index, revoked, minlength=len(place))[index] - own_revoked[cell]
    return decided.astype(np.int64), np.round(gone).astype(np.int64)


def log_odds(decided: Indices, revoked: Indices, rate: float) -> Floats:
    """Turn counts into log-odds of revocation, drawn towards the overall rate where there are few."""
    odds: Floats = np.log((revoked + _PRIOR * rate) / (decided - revoked + _PRIOR * (1 - rate)))
    return odds


def _index(feature: Feature, columns: Mapping[str, Sequence[str]]) -> tuple[dict[tuple[str, ...], int], Indices]:
    place: dict[tuple[str, ...], int] = {}
    index = np.array([place.setdefault(v, len(place)) for v in _values(feature, columns)], np.int64)
    return place, index


def _values(feature: Feature, columns: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    return list(zip(*(columns[name] for name in feature), strict=True))
