"""Which people hold an entitlement, said by their attributes: the broadest condition that explains most of them.

A condition names one or two attributes; one of them may have a list of values. Groups of people
are made once for every set of attributes; an entitlement then asks only for the groups its holders
are in, so the work grows with the grants and not with the people.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from access_review.draft.matrix import AccessMatrix, Indices

Condition = tuple[tuple[str, tuple[str, ...]], ...]
"""Attributes by name, each with its values sorted: all must hold for one and the same assignment."""

MAX_VALUES = 12
"""Values that a condition lists: longer lists fit the data and explain nothing."""

_PER_ATTRIBUTE = 1.0  # holders that one more attribute must explain to be worth reading
_PER_VALUE = 0.25
_SHARED = 1.0  # what it is worth that another entitlement has the very same condition


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """People by the values of one or two attributes; who has several assignments is in several groups."""

    attributes: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    """The values of each group."""
    codes: Indices
    """Groups × attributes: the same as numbers."""
    size: Indices
    """People in each group."""
    group: Indices
    """The groups of all people in one column, by person."""
    starts: Indices
    """Where the groups of each person begin, with the end of the last."""

    def groups_of(self, people: Indices) -> Indices:
        """Return the groups of some people, one entry a person and group."""
        first, count = self.starts[people], self.starts[people + 1] - self.starts[people]
        if count.size and count.min() == 1 == count.max():
            alone: Indices = self.group[first]
            return alone
        inner = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        several: Indices = self.group[np.repeat(first, count) + inner]
        return several


@dataclass(frozen=True, slots=True)
class Explained:
    """A condition, and how well it explains the holders still unexplained."""

    score: float
    condition: Condition
    groups: tuple[int, ...]
    grouping: int


def group_people(
    people: Sequence[str], assignments: Mapping[str, Sequence[str | None]], attributes: Sequence[str]
) -> tuple[Grouping, ...]:
    """Group the people by every attribute, and every two of them.

    ``assignments`` has a column ``person`` and one for each attribute, one row an assignment. An
    assignment without a value is in no group of that attribute; people of no interest are left out.
    """
    place = {name: index for index, name in enumerate(people)}
    person = np.array([place.get(name or "", -1) for name in assignments["person"]], np.int64)
    coded = {name: _code(assignments[name]) for name in attributes}
    sets = [chosen for count in (1, 2) for chosen in combinations(attributes, count)]
    return tuple(_group(chosen, coded, person, len(people)) for chosen in sets)


def _code(column: Sequence[str | None]) -> tuple[Indices, tuple[str, ...]]:
    names = sorted({value for value in column if value})
    place = {name: index for index, name in enumerate(names)}
    return np.array([place.get(value or "", -1) for value in column], np.int64), tuple(names)


def _group(
    chosen: tuple[str, ...], coded: Mapping[str, tuple[Indices, tuple[str, ...]]], person: Indices, people: int
) -> Grouping:
    rows = np.column_stack([coded[name][0] for name in chosen] + [person])
    rows = rows[(rows >= 0).all(axis=1)]
    codes, group = np.unique(rows[:, :-1], axis=0, return_inverse=True)
    pairs = np.unique(np.column_stack([rows[:, -1], group.reshape(-1)]), axis=0)
    values = tuple(tuple(coded[n][1][c] for n, c in zip(chosen, row, strict=True)) for row in codes.tolist())
    return Grouping(
        chosen,
        values,
        codes,
        np.bincount(pairs[:, 1], minlength=len(codes)),
        pairs[:, 1].copy(),
        np.searchsorted(pairs[:, 0], np.arange(people + 1)),
    )


def candidates(
    groupings: Sequence[Grouping], matrix: AccessMatrix, share: float, min_people: int
) -> tuple[tuple[tuple[int, Indices, Indices], ...], ...]:
    """Return for each entitlement the groupings with groups of ``min_people`` of whom ``share`` or more hold it.

    Each comes as its index, the groups, and how many hold it in each. Groups that could never be worth
    a word are left out here: it is what makes this fast.
    """
    found: list[list[tuple[int, Indices, Indices]]] = [[] for _ in matrix.entitlements]
    for index, grouping in enumerate(groupings):
        groups = max(len(grouping.size), 1)
        counts = np.diff(grouping.starts)[matrix.person]
        cell = np.repeat(matrix.entitlement, counts) * groups + grouping.groups_of(matrix.person)
        cell, held = np.unique(cell, return_counts=True)
        if not len(cell):
            continue
        group = cell % groups
        size = grouping.size[group]
        wanted = (held >= share * size) & (size >= min_people)
        wanted &= held - _hole(share) * (size - held) > _PER_VALUE
        entitlement, first = np.unique(cell[wanted] // groups, return_index=True)
        parts = zip(np.split(group[wanted], first[1:]), np.split(held[wanted], first[1:]), strict=True)
        for name, (mine, holding) in zip(entitlement.tolist(), parts, strict=False):
            found[name].append((index, mine, holding))
    return tuple(tuple(parts) for parts in found)


def _hole(share: float) -> float:
    """What one person of a group who does not hold it costs, in holders."""
    return min(share / (1 - share), 1.0) if share < 1 else 1.0


def best_condition(
    groupings: Sequence[Grouping],
    promising: Sequence[tuple[int, Indices, Indices]],
    unexplained: Indices,
    *,
    share: float,
    known: AbstractSet[Condition],
) -> Explained | None:
    """Return the condition with the best score for one entitlement, or nothing where none is worth its words.

    ``promising`` are its candidates. In every group of the condition at least ``share`` of the people hold it.
    The score is the holders newly explained, less those of the groups who do not hold it, less what the
    condition costs to read.
    """
    best: tuple[float, int, int, Condition] | None = None
    found: Explained | None = None
    for index, group, held in promising:
        grouping = groupings[index]
        size = grouping.size[group]
        enough = held >= share * size
        if not enough.any():
            continue
        for score, groups in _lists(grouping, group[enough], held[enough], unexplained, _hole(share)):
            if score + _SHARED <= max(0.0, -best[0] if best else 0.0):
                continue
            condition = _condition(grouping, groups)
            total = score + (_SHARED if condition in known else 0.0)
            order = (-round(total, 6), len(condition), len(groups), condition)
            if total > 0 and (best is None or order < best):
                best, found = order, Explained(total, condition, groups, index)
    return found


def _lists(
    grouping: Grouping, group: Indices, held: Indices, unexplained: Indices, hole: float
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield groups that differ in one attribute alone, each with the score of the condition they make."""
    newly = np.bincount(grouping.groups_of(unexplained), minlength=len(grouping.size))[group]
    gain = newly - hole * (grouping.size[group] - held) - _PER_VALUE
    worth = gain > 0
    group, gain = group[worth], gain[worth]
    cost = _PER_ATTRIBUTE * len(grouping.attributes)
    if len(grouping.attributes) == 1:
        if len(group):
            yield _longest(group, gain, cost)
        return
    for fixed in range(len(grouping.attributes)):
        code = grouping.codes[group, fixed]
        for value in np.unique(code):
            mine = code == value
            yield _longest(group[mine], gain[mine], cost)


def _longest(group: Indices, gain: npt.NDArray[np.float64], cost: float) -> tuple[float, tuple[int, ...]]:
    """Take the groups that gain most, as many as a list may have."""
    chosen = np.lexsort((group, -gain))[:MAX_VALUES]
    return float(gain[chosen].sum()) - cost, tuple(sorted(group[chosen].tolist()))


def _condition(grouping: Grouping, groups: Sequence[int]) -> Condition:
    values = [grouping.values[group] for group in groups]
    return tuple(
        (name, tuple(sorted({value[place] for value in values}))) for place, name in enumerate(grouping.attributes)
    )


def matching(grouping: Grouping, groups: Sequence[int], people: int) -> npt.NDArray[np.bool_]:
    """Return for each person whether one of the groups is theirs."""
    chosen = np.zeros(len(grouping.size), np.bool_)
    chosen[list(groups)] = True
    owner = np.repeat(np.arange(people), np.diff(grouping.starts))
    matches = np.zeros(people, np.bool_)
    matches[owner[chosen[grouping.group]]] = True
    return matches
