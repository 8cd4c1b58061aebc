"""Whose access is most like whose, and how well one grant goes with the others of a person.

Everything is counted block by block from the sparse matrix, so that 15,000 people and 300,000
grants need some 300 MB and 10 s; the time grows with the square of the people. Above
:data:`EVERYBODY` people, each is compared with some of them, evenly spaced by id, and it grows
with their number alone. Entitlements that many hold are multiplied as dense columns: counting
them pair by pair would grow with the square of their holders.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from access_review.draft.matrix import AccessMatrix, Indices

Floats = npt.NDArray[np.float64]

EVERYBODY = 20_000
"""People up to whom everybody is compared with everybody."""
NEAREST = 10
"""How many of those whose access is most like somebody's are looked at."""
COMPARED_WITH = 5_000
"""People with whom each is compared where there are more."""

_BLOCK = 256  # people at a time, fewer where each is compared with very many
_COMPARED = 4_000_000  # pairs of people at a time: some 150 MB
_MANY = 0.02  # share of the people from which on an entitlement is a dense column
_DIGITS = 9  # sums differ in their last digits from machine to machine; what is ranked must not


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """For each grant, in the order of the matrix."""

    nearest: Indices
    """People × k: the indices of the k people whose access is most like theirs, nearest first; −1 where there is none."""
    similarity: Floats
    """People × k: the Jaccard index with each of them."""
    holding: Indices
    """A grant: how many of the k nearest hold it."""
    closeness: Floats
    """A grant: the share of the k nearest who hold it, each weighted by similarity, 0 to 1."""
    fit: Floats
    """A grant: mean cosine with the other entitlements of the person, 0 to 1; 0 where there is no other."""


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    rows: Indices
    """The people of the block."""
    common: Floats
    """Block × those compared with: how many entitlements both hold."""
    weighted: Floats
    """Block × those compared with: the same, each entitlement weighted by 1/√holders."""


def neighbourhood(matrix: AccessMatrix, k: int = NEAREST) -> Neighbourhood:
    """Compare everybody with everybody, or with those of :func:`compared_with`; ties in similarity go to the smaller id."""
    people = len(matrix.people)
    crossing = _Crossing(matrix, compared_with(people))
    k = min(k, max(len(crossing.others) - 1, 0))
    starts = matrix.person_starts()
    nearest = np.full((people, k), -1, np.int64)
    similarity = np.zeros((people, k))
    holding = np.zeros(matrix.grants, np.int64)
    closeness, fit = np.zeros(matrix.grants), np.zeros(matrix.grants)
    for block in crossing.blocks(np.arange(people)):
        cells = slice(starts[block.rows[0]], starts[block.rows[-1] + 1])
        if k:
            near, like = crossing.nearest(block, k)
            nearest[block.rows], similarity[block.rows] = near, like
            holding[cells], closeness[cells] = crossing.shares(near, like, int(block.rows[0]), cells)
        fit[cells] = crossing.fit(block, cells)
    return Neighbourhood(nearest, similarity, holding, np.round(closeness, _DIGITS), np.round(fit, _DIGITS))


def nearest_people(matrix: AccessMatrix, people: Indices) -> Indices:
    """Return for some people, by index and in their order, the :data:`NEAREST` whose access is most like theirs, nearest first."""
    crossing = _Crossing(matrix, compared_with(len(matrix.people)))
    k = min(NEAREST, max(len(crossing.others) - 1, 0))
    found = [crossing.nearest(block, k)[0] for block in crossing.blocks(people)] if k else []
    return np.concatenate(found) if found else np.empty((len(people), 0), np.int64)


def compared_with(people: int) -> Indices:
    """Return the indices of those with whom each of so many people is compared."""
    if people <= EVERYBODY:
        return np.arange(people)
    return np.unique(np.linspace(0, people - 1, COMPARED_WITH).astype(np.int64))


class _Crossing:
    """The matrix read both ways, with the columns that many hold kept apart as dense ones."""

    def __init__(self, matrix: AccessMatrix, others: Indices) -> None:
        self.matrix, self.others = matrix, others
        self.starts, self.held = matrix.person_starts(), matrix.held
        # Where each person stands among those compared with, -1 where they do not.
        self.among = np.full(len(matrix.people), -1)
        self.among[others] = np.arange(len(others))
        self.holder, self.holder_starts, self.holders = self._turned()
        self.weight = 1 / np.sqrt(np.maximum(self.holders, 1))
        self.dense = np.flatnonzero(self.holders > max(_MANY * len(others), 16))
        self.place = np.full(len(self.holders), -1)
        self.place[self.dense] = np.arange(len(self.dense))
        # Counts below 2**24 are exact in 32 bits, and half the memory.
        self.columns = np.zeros((len(matrix.people), len(self.dense)), np.float32)
        in_dense = self.place[matrix.entitlement] >= 0
        self.columns[matrix.person[in_dense], self.place[matrix.entitlement[in_dense]]] = 1
        self.other_columns = self.columns[others]
        self.known = matrix.person * len(matrix.entitlements) + matrix.entitlement

    def _turned(self) -> tuple[Indices, Indices, Indices]:
        """Return the holders of each entitlement among those compared with, where those of each begin, and how many."""
        seen = self.among[self.matrix.person] >= 0
        person, entitlement = self.among[self.matrix.person[seen]], self.matrix.entitlement[seen]
        holders = np.bincount(entitlement, minlength=len(self.matrix.entitlements))
        starts = np.concatenate([[0], np.cumsum(holders)]).astype(np.int64)
        return person[np.lexsort((person, entitlement))], starts, holders

    def blocks(self, people: Indices) -> Iterator[_Block]:
        """Yield some people in blocks, each compared with the others."""
        others = len(self.others)
        dense_weight = self.weight[self.dense].astype(np.float32)
        step = max(1, min(_BLOCK, _COMPARED // max(others, 1)))
        for first in range(0, len(people), step):
            rows = people[first : first + step]
            mine = self.columns[rows]
            common = (mine @ self.other_columns.T).astype(np.float64)
            weighted = ((mine * dense_weight) @ self.other_columns.T).astype(np.float64)
            for place, row in enumerate(rows):
                held = self.matrix.entitlement[self.starts[row] : self.starts[row + 1]]
                few = held[self.place[held] < 0]
                if len(few):
                    found, weights = self._holders_of(few)
                    common[place] += np.bincount(found, minlength=others)
                    weighted[place] += np.bincount(found, weights, minlength=others)
            yield _Block(rows, common, weighted)

    def _holders_of(self, entitlements: Indices) -> tuple[Indices, Floats]:
        parts = [self.holder[self.holder_starts[e] : self.holder_starts[e + 1]] for e in entitlements]
        return np.concatenate(parts), np.repeat(self.weight[entitlements], self.holders[entitlements])

    def nearest(self, block: _Block, k: int) -> tuple[Indices, Floats]:
        """Return the ``k`` nearest of each of a block by the Jaccard index, and that."""
        either = self.held[block.rows, None] + self.held[self.others][None, :] - block.common
        jaccard = np.divide(block.common, either, out=np.zeros_like(block.common), where=either > 0)
        among = self.among[block.rows]
        jaccard[among >= 0, among[among >= 0]] = -1.0  # nobody is their own neighbour
        least = np.partition(jaccard, jaccard.shape[1] - k, axis=1)[:, jaccard.shape[1] - k]
        near = np.empty((len(block.rows), k), np.int64)
        for row in range(len(block.rows)):
            # Identical people may fill all places: the smaller id comes first, on every machine.
            candidates = np.flatnonzero(jaccard[row] >= least[row])
            near[row] = candidates[np.lexsort((candidates, -jaccard[row, candidates]))][:k]
        return self.others[near], np.take_along_axis(jaccard, near, axis=1)

    def shares(self, near: Indices, like: Floats, first: int, cells: slice) -> tuple[Indices, Floats]:
        """Say for each grant how many of the nearest hold it, and which share by similarity."""
        row = self.matrix.person[cells] - first
        wanted = near[row] * len(self.matrix.entitlements) + self.matrix.entitlement[cells][:, None]
        place = np.minimum(np.searchsorted(self.known, wanted), len(self.known) - 1)
        holds = self.known[place] == wanted
        total = like.sum(axis=1)[row]
        shares = np.divide((holds * like[row]).sum(axis=1), total, out=np.zeros(len(row)), where=total > 0)
        return holds.sum(axis=1), shares

    def fit(self, block: _Block, cells: slice) -> Floats:
        """Return the mean cosine of each grant with the person's others.

        cosine(p, q) = common holders / √(holders of p × holders of q); the sum over q is a sum
        over the holders of p of what they share with the person, weighted.
        """
        row = self.matrix.person[cells] - block.rows[0]
        entitlement = self.matrix.entitlement[cells]
        total = np.empty(len(row))
        dense = self.place[entitlement] >= 0
        products = block.weighted @ self.other_columns
        total[dense] = products[row[dense], self.place[entitlement[dense]]]
        for cell in np.flatnonzero(~dense):
            holders = self.holder[self.holder_starts[entitlement[cell]] : self.holder_starts[entitlement[cell] + 1]]
            total[cell] = block.weighted[row[cell], holders].sum()
        others = self.held[block.rows[0] + row] - 1
        # The entitlement with itself has cosine 1; what none of those compared with holds goes with nothing.
        fit = np.maximum(total * self.weight[entitlement] - 1, 0)
        mean: Floats = np.divide(fit, others, out=np.zeros(len(row)), where=others > 0)
        return mean
