"""How much of a grant the other access of the person foretells, from 0 (nothing) to about 1 (surely).

A ridge regression of each entitlement on all others (Steck 2019, "Embarrassingly shallow autoencoders"): unlike
the ten nearest it does not ask whom a person is like as a whole, so that who holds parts of two jobs has each grant
judged beside the part that it belongs to. The inverse is of the smaller side of the matrix; both sides give the same.
"""

import numpy as np

from access_review.draft.matrix import AccessMatrix, Indices
from access_review.draft.nearest_people import Floats

LARGEST = 4_000
"""Up to so many people or so many entitlements, whichever are fewer, it is computed: some seconds and 300 MB."""

_MOST_PAIRS = 1_000_000_000  # of cells in one row: some seconds
_RIDGE = 10.0
_DIGITS = 4  # an inverse differs in its last digits from machine to machine; what is ranked must not


def foretold(matrix: AccessMatrix) -> Floats | None:
    """Return it for each grant, in the order of the matrix; nothing where the matrix is too large."""
    by_person = len(matrix.entitlements) <= len(matrix.people)
    # Rows are of the larger side, so that the inverse is of the smaller one.
    columns, lengths = (matrix.entitlement, matrix.held) if by_person else _across(matrix)
    width = min(len(matrix.people), len(matrix.entitlements))
    if not matrix.grants or width > LARGEST or int((lengths**2).sum()) > _MOST_PAIRS:
        return None
    rows = np.split(columns, np.cumsum(lengths)[:-1])
    together = _RIDGE * np.eye(width)
    for row in rows:
        together[np.ix_(row, row)] += 1
    inverse = np.linalg.inv(together)
    sums = np.concatenate([inverse[np.ix_(row, row)].sum(axis=0) for row in rows])
    if by_person:
        own = np.diag(inverse)[columns]
    else:
        sums = sums[_back(matrix)]
        alone = np.bincount(matrix.entitlement, sums, minlength=len(matrix.entitlements))
        own = ((1 - alone) / _RIDGE)[matrix.entitlement]
    return np.asarray(np.round(1 - sums / own, _DIGITS), np.float64)


def _across(matrix: AccessMatrix) -> tuple[Indices, Indices]:
    """Return the people of all entitlements in one column, and how many of them each has."""
    return matrix.by_entitlement()[0], matrix.holders


def _back(matrix: AccessMatrix) -> Indices:
    """Return where each grant stands among those sorted by entitlement."""
    place = np.empty(matrix.grants, np.int64)
    place[np.lexsort((matrix.person, matrix.entitlement))] = np.arange(matrix.grants)
    return place
