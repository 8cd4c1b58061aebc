"""Whose access is most like whose, and how well one grant goes with the others of a person.

Everything is counted block by block from the sparse matrix, so that 15,000 people and 300,000
grants need some 300 MB and 10 s; the time grows with the square of the people. Entitlements that
many hold are multiplied as dense columns: counting them pair by pair would grow with the square
of their holders.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from access_review.draft.matrix import AccessMatrix, Indices

Floats = npt.NDArray[np.float64]

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
    first: int
    common: Floats
    """Block × people: how many entitlements both hold."""
    weighted: Floats
    """Block × people: the same, each entitlement weighted by 1/√holders."""


def neighbourhood(matrix: AccessMatrix, k: int = 10) -> Neighbourhood:
    """Compare everybody with everybody; ties in similarity go to the smaller id."""
    people, k = len(matrix.people), min(k, max(len(matrix.people) - 1, 0))
    starts, held = matrix.person_starts(), matrix.held
    nearest = np.full((people, k), -1, np.int64)
    similarity = np.zeros((people, k))
    holding = np.zeros(matrix.grants, np.int64)
    closeness, fit = np.zeros(matrix.grants), np.zeros(matrix.grants)
    crossing = _Crossing(matrix)
    for block in crossing.blocks():
        last = block.first + len(block.common)
        cells = slice(starts[block.first], starts[last])
        if k:
            near, like = _nearest(block, held, k)
            nearest[block.first : last], similarity[block.first : last] = near, like
            holding[cells], closeness[cells] = crossing.shares(near, like, block.first, cells)
        fit[cells] = crossing.fit(block, cells)
    return Neighbourhood(nearest, similarity, holding, np.round(closeness, _DIGITS), np.round(fit, _DIGITS))


def _nearest(block: _Block, held: Indices, k: int) -> tuple[Indices, Floats]:
    rows = len(block.common)
    either = held[block.first : block.first + rows, None] + held[None, :] - block.common
    jaccard = np.divide(block.common, either, out=np.zeros_like(block.common), where=either > 0)
    jaccard[np.arange(rows), block.first + np.arange(rows)] = -1.0  # nobody is their own neighbour
    least = np.partition(jaccard, jaccard.shape[1] - k, axis=1)[:, jaccard.shape[1] - k]
    near = np.empty((rows, k), np.int64)
    for row in range(rows):
        # Identical people may fill all places: the smaller id comes first, on every machine.
        candidates = np.flatnonzero(jaccard[row] >= least[row])
        near[row] = candidates[np.lexsort((candidates, -jaccard[row, candidates]))][:k]
    return near, np.take_along_axis(jaccard, near, axis=1)


class _Crossing:
    """The matrix read both ways, with the columns that many hold kept apart as dense ones."""

    def __init__(self, matrix: AccessMatrix) -> None:
        self.matrix = matrix
        self.starts = matrix.person_starts()
        self.holder, self.holder_starts = matrix.by_entitlement()
        self.holders = matrix.holders
        self.weight = 1 / np.sqrt(np.maximum(self.holders, 1))
        self.dense = np.flatnonzero(self.holders > max(_MANY * len(matrix.people), 16))
        self.place = np.full(len(self.holders), -1)
        self.place[self.dense] = np.arange(len(self.dense))
        # Counts below 2**24 are exact in 32 bits, and half the memory.
        self.columns = np.zeros((len(matrix.people), len(self.dense)), np.float32)
        in_dense = self.place[matrix.entitlement] >= 0
        self.columns[matrix.person[in_dense], self.place[matrix.entitlement[in_dense]]] = 1
        self.known = matrix.person * len(matrix.entitlements) + matrix.entitlement

    def blocks(self) -> Iterator[_Block]:
        """Yield the people in blocks, each compared with everybody."""
        people = len(self.matrix.people)
        dense_weight = self.weight[self.dense].astype(np.float32)
        step = max(1, min(_BLOCK, _COMPARED // max(people, 1)))
        for first in range(0, people, step):
            mine = self.columns[first : first + step]
            common = (mine @ self.columns.T).astype(np.float64)
            weighted = ((mine * dense_weight) @ self.columns.T).astype(np.float64)
            for row in range(len(mine)):
                held = self.matrix.entitlement[self.starts[first + row] : self.starts[first + row + 1]]
                few = held[self.place[held] < 0]
                if len(few):
                    others, weights = self._holders_of(few)
                    common[row] += np.bincount(others, minlength=people)
                    weighted[row] += np.bincount(others, weights, minlength=people)
            yield _Block(first, common, weighted)

    def _holders_of(self, entitlements: Indices) -> tuple[Indices, Floats]:
        parts = [self.holder[self.holder_starts[e] : self.holder_starts[e + 1]] for e in entitlements]
        return np.concatenate(parts), np.repeat(self.weight[entitlements], self.holders[entitlements])

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
        row = self.matrix.person[cells] - block.first
        entitlement = self.matrix.entitlement[cells]
        total = np.empty(len(row))
        dense = self.place[entitlement] >= 0
        products = block.weighted @ self.columns
        total[dense] = products[row[dense], self.place[entitlement[dense]]]
        for cell in np.flatnonzero(~dense):
            holders = self.holder[self.holder_starts[entitlement[cell]] : self.holder_starts[entitlement[cell] + 1]]
            total[cell] = block.weighted[row[cell], holders].sum()
        others = self.matrix.held[block.first + row] - 1
        fit = total * self.weight[entitlement] - 1  # the entitlement with itself has cosine 1
        return np.divide(fit, others, out=np.zeros(len(row)), where=others > 0)
