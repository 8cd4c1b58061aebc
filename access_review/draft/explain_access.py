"""Explain a whole matrix by attributes: entitlement by entitlement, the sure conditions first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from access_review.draft.conditions import (
    Condition,
    Explained,
    Grouping,
    best_condition,
    candidates,
    group_people,
    matching,
)
from access_review.draft.matrix import AccessMatrix, Indices

STAGES = (0.9, 0.5)
"""Shares of the people of a group who must hold an entitlement: first nearly all, then half.

With 0.95 first, one missing grant in twenty breaks roles into fragments that happen to be whole. A third
stage below lets stray grants into templates.
"""


@dataclass(frozen=True, slots=True, eq=False)
class AttributeLine:
    """One entitlement under one condition."""

    entitlement: int
    condition: Condition
    people: Indices
    """Indices of all whom the condition matches."""
    holding: Indices
    """Those of them who hold it."""
    least_share: float
    """The smallest share (0 to 1) among the groups of the condition."""


@dataclass(frozen=True, slots=True, eq=False)
class AttributeExplanation:
    """What attributes explain of a matrix."""

    lines: tuple[AttributeLine, ...]
    explained: npt.NDArray[np.bool_]
    """One a grant."""

    @property
    def coverage(self) -> float:
        """Share of the grants that the lines explain."""
        return float(self.explained.mean()) if len(self.explained) else 0.0


def explain_access(
    matrix: AccessMatrix, groupings: Sequence[Grouping], *, min_people: int = 2, min_holders: int = 2
) -> AttributeExplanation:
    """Find the broadest conditions that explain who holds what; some seconds for 300,000 grants."""
    holder, starts = matrix.by_entitlement()
    promising = candidates(groupings, matrix, min(STAGES), min_people)
    order = np.lexsort((np.arange(len(matrix.entitlements)), -matrix.holders))
    explained = [np.zeros(starts[e + 1] - starts[e], np.bool_) for e in range(len(matrix.entitlements))]
    known: dict[Condition, npt.NDArray[np.bool_]] = {}
    lines = []
    for share in STAGES:
        for entitlement in order.tolist():
            holders = holder[starts[entitlement] : starts[entitlement + 1]]
            if not promising[entitlement]:
                continue
            done = explained[entitlement]
            while (~done).sum() >= min_holders:
                found = best_condition(
                    groupings, promising[entitlement], holders[~done], share=share, known=known.keys()
                )
                if found is None:
                    break
                matches = known.setdefault(
                    found.condition, matching(groupings[found.grouping], found.groups, len(matrix.people))
                )
                lines.append(_line(entitlement, found, groupings[found.grouping], matches, holders))
                done |= matches[holders]
    by_entitlement = np.concatenate(explained) if explained else np.zeros(0, np.bool_)
    in_matrix_order = np.empty(matrix.grants, np.bool_)
    in_matrix_order[np.lexsort((matrix.person, matrix.entitlement))] = by_entitlement
    return AttributeExplanation(tuple(lines), in_matrix_order)


def fold(lines: Sequence[AttributeLine]) -> tuple[AttributeLine, ...]:
    """Put a line for a list of values under each of them, where each has a template of its own anyway.

    Otherwise every entitlement that two teams share would make a template for the two.
    """
    people = {line.condition: line.people for line in lines}
    folded: dict[tuple[int, Condition], AttributeLine] = {}
    for line in lines:
        parts = _each_value(line.condition)
        if len(parts) == 1 or not all(part in people for part in parts):
            folded.setdefault((line.entitlement, line.condition), line)
            continue
        for part in parts:
            holding = np.intersect1d(line.holding, people[part])
            share = len(holding) / len(people[part])
            single = AttributeLine(line.entitlement, part, people[part], holding, share)
            folded.setdefault((line.entitlement, part), single)
    return tuple(folded.values())


def _each_value(condition: Condition) -> tuple[Condition, ...]:
    """Return the condition once for each value of its list."""
    values = product(*(values for _, values in condition))
    return tuple(tuple((name, (v,)) for (name, _), v in zip(condition, each, strict=True)) for each in values)


def _line(
    entitlement: int, found: Explained, grouping: Grouping, matches: npt.NDArray[np.bool_], holders: Indices
) -> AttributeLine:
    held = np.bincount(grouping.groups_of(holders), minlength=len(grouping.size))
    groups = list(found.groups)
    least = float((held[groups] / grouping.size[groups]).min())
    return AttributeLine(entitlement, found.condition, np.flatnonzero(matches), holders[matches[holders]], least)


def chance_coverage(
    matrix: AccessMatrix,
    assignments: Mapping[str, Sequence[str | None]],
    attributes: Sequence[str],
    *,
    min_people: int = 2,
    min_holders: int = 2,
    seeds: Sequence[int] = (1, 2, 3),
) -> float:
    """Say how much the same attributes explain when they are dealt to other people at random, on average.

    Without this figure a coverage says little: what nearly everybody holds is explained by anything.
    """
    shares = []
    people = sorted(set(matrix.people))
    for seed in seeds:
        dealt = np.random.default_rng(seed).permutation(len(people))
        other = {name: people[dealt[index]] for index, name in enumerate(people)}
        shuffled = {**assignments, "person": [other.get(p or "", p) for p in assignments["person"]]}
        groupings = group_people(matrix.people, shuffled, attributes)
        shares.append(explain_access(matrix, groupings, min_people=min_people, min_holders=min_holders).coverage)
    return sum(shares) / len(shares)
