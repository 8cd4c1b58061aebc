"""Which people are peers: the one or two attributes that say most about who holds what."""

from collections.abc import Mapping, Sequence

import numpy as np

from access_review.draft.conditions import Grouping, group_people
from access_review.draft.matrix import AccessMatrix
from access_review.draft.nearest_people import EVERYBODY, Floats, compared_with

_PRIOR = 2.0


def telling_groups(
    matrix: AccessMatrix, assignments: Mapping[str, Sequence[str | None]], attributes: Sequence[str]
) -> dict[str, str]:
    """Return for each person the name of their peer group, by the attributes that tell most; ties go to fewer.

    A set of attributes tells much where the others of a group hold what one of it holds, small groups drawn
    towards what is common: otherwise the finest groups would always win.
    """
    asked = matrix
    if len(matrix.people) > EVERYBODY:
        # Which attributes tell most is seen from some of very many.
        some = np.zeros(len(matrix.people), np.bool_)
        some[compared_with(len(matrix.people))] = True
        asked = matrix.only(some[matrix.person])
    best: tuple[float, int, Grouping] | None = None
    for grouping in group_people(matrix.people, assignments, attributes):
        told = _telling(asked, grouping)
        if best is None or told > best[0] + 1e-9:
            best = told, len(grouping.attributes), grouping
    if best is None:
        return {}
    grouping = best[2]
    groups = np.diff(grouping.starts)
    return {
        person: ", ".join(
            f"{name} {value}"
            for name, value in zip(
                grouping.attributes, grouping.values[grouping.group[grouping.starts[index]]], strict=True
            )
        )
        for index, person in enumerate(matrix.people)
        if groups[index]
    }


def _telling(matrix: AccessMatrix, grouping: Grouping) -> float:
    """Mean log of the share of peers who hold each grant, the person left out."""
    if not matrix.grants:
        return 0.0
    counts = np.diff(grouping.starts)
    first = np.where(counts > 0, grouping.group[np.minimum(grouping.starts[:-1], max(len(grouping.group) - 1, 0))], -1)
    group = first[matrix.person]
    size = np.bincount(first[first >= 0], minlength=len(grouping.size) + 1)
    common = (matrix.holders[matrix.entitlement] - 1 + 0.5) / len(matrix.people)
    cell = group * len(matrix.entitlements) + matrix.entitlement
    _, place, count = np.unique(cell, return_inverse=True, return_counts=True)
    known = group >= 0
    holding: Floats = np.where(known, count[place] - 1, 0)
    others = np.where(known, size[group] - 1, 0)
    return float(np.log((holding + _PRIOR * common) / (others + _PRIOR)).mean())
