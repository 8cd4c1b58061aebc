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
from access_review.draft.nearest_people import Floats

PARTS = 10
_PRIOR = 3.0  # decisions at the overall rate that are added to every count

Feature = tuple[str, ...]
"""The names of one or two attributes."""


@dataclass(frozen=True, slots=True, eq=False)
class Codebook:
    """A number for every value that was seen, attribute by attribute."""

    place: Mapping[str, Mapping[str, int]]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes, in the order of their features."""
        return tuple(self.place)

    def encode(self, columns: Mapping[str, Sequence[str]]) -> dict[str, Indices]:
        """Return the number of each value, −1 where it was never seen."""
        return {
            name: np.array([place.get(value, -1) for value in columns[name]], np.int64)
            for name, place in self.place.items()
        }

    def keys(self, feature: Feature, codes: Mapping[str, Indices]) -> Indices:
        """Return one number for the value, or the pair of values, of each row; −1 where one was never seen."""
        if len(feature) == 1:
            return codes[feature[0]]
        first, second = (codes[name] for name in feature)
        return np.where((first < 0) | (second < 0), -1, first * len(self.place[feature[1]]) + second)


@dataclass(frozen=True, slots=True, eq=False)
class ValueHistory:
    """How often each value of a feature was decided and revoked."""

    keys: Indices
    """Sorted."""
    decided: Indices
    revoked: Indices

    def counts(self, keys: Indices) -> tuple[Indices, Indices]:
        """Return for each key how often it was decided, and how often revoked; 0 if never seen."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        seen = self.keys[place] == keys
        return np.where(seen, self.decided[place], 0), np.where(seen, self.revoked[place], 0)


def codebook(columns: Mapping[str, Sequence[str]]) -> Codebook:
    """Number the values of every column in their sorted order, so that the order of the rows changes nothing."""
    return Codebook({n: {v: i for i, v in enumerate(sorted(set(values)))} for n, values in columns.items()})


def features(attributes: Sequence[str]) -> tuple[Feature, ...]:
    """Return every attribute and every pair of them, in the order of the attributes."""
    return (*((a,) for a in attributes), *combinations(attributes, 2))


def deal(columns: Mapping[str, Sequence[str]], revoked: Sequence[bool]) -> Indices:
    """Deal the rows into parts by a hash of what they say; rows that say the same are told apart by their occurrence."""
    seen: dict[tuple[str, ...], int] = {}
    dealt = np.empty(len(revoked), np.int64)
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        key = (*values, str(bool(revoked[row])))
        seen[key] = seen.get(key, 0) + 1
        dealt[row] = zlib.crc32("\x1f".join((*key, str(seen[key]))).encode()) % PARTS
    return dealt


def tally(keys: Indices, revoked: Floats) -> ValueHistory:
    """Count decisions and revocations of every key."""
    known, index = np.unique(keys, return_inverse=True)
    return ValueHistory(known, np.bincount(index), np.bincount(index, revoked).astype(np.int64))


def out_of_part(keys: Indices, revoked: Floats, dealt: Indices) -> tuple[Indices, Indices]:
    """Return for each row how often its key was decided and revoked in the other parts."""
    _, index = np.unique(keys, return_inverse=True)
    cell = index * PARTS + dealt
    decided = np.bincount(index)[index] - np.bincount(cell)[cell]
    gone = np.bincount(index, revoked)[index] - np.bincount(cell, revoked)[cell]
    return decided, np.round(gone).astype(np.int64)


def log_odds(decided: Indices, revoked: Indices, rate: float) -> Floats:
    """Turn counts into log-odds of revocation, drawn towards the overall ``rate`` (0 to 1) where there are few."""
    odds: Floats = np.log((revoked + _PRIOR * rate) / (decided - revoked + _PRIOR * (1 - rate)))
    return odds
