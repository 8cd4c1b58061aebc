"""Roles from grants alone: an exact decomposition, a few bundles, and what each further role buys.

The exact decomposition loses no grant and adds none; it is a compression and a benchmark, no
proposal for people, since one stray grant in a hundred can triple its roles. The bundles are
the proposal: the few that cover most, each of several people and several entitlements.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import and_
from typing import assert_never

from access_review.draft.cliques import MAX_CELLS, clique_cover, share_graph, tile_cover
from access_review.draft.kernel import Cell, Kernel, reduce_matrix
from access_review.draft.matrix import AccessMatrix, mask_of, masks, members

NO_STRUCTURE = 0.9
"""Roles per person (or per entitlement, if they are fewer) from which on roles say nothing that a list does not."""

_PAIRED_ROWS = 400  # most different kinds of people whose common access is tried as a bundle
_SINGLE_ROWS = 4_000  # most kinds of people whose whole access is tried


class Structure(StrEnum):
    """What an exact decomposition found."""

    SHARED = "shared"
    """Roles that people of different access share."""
    EQUAL_ONLY = "equal-only"
    """People whose access is equal to the last grant, and nothing beyond them."""
    NONE = "none"
    """Nearly one role a person, or one an entitlement."""


@dataclass(frozen=True, slots=True)
class MinedRole:
    """People who hold all of some entitlements: each of ``people`` holds each of ``entitlements``."""

    people: tuple[str, ...]
    entitlements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Roles that give back exactly the grants they were made from."""

    roles: tuple[MinedRole, ...]
    """Sorted by what each newly covers, most first."""
    at_least: int
    """No decomposition has fewer roles than this."""
    distinct_people: int
    """How many different sets of entitlements people have."""
    distinct_entitlements: int
    """How many different sets of people entitlements have."""
    people: int
    grants: int
    structure: Structure
    sentence: str


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What the first ``roles`` roles cover together, in grants and as a ``share`` (0 to 1) of them."""

    roles: int
    grants: int
    newly: int
    share: float


@dataclass(frozen=True, slots=True)
class _Grouped:
    """The matrix with equal rows merged, then equal columns: ``of_row`` and ``of_column`` have the merged indices."""

    rows: list[int]
    columns: list[int]
    of_row: list[list[int]]
    of_column: list[list[int]]


def decompose(matrix: AccessMatrix) -> Decomposition:
    """Decompose without a grant lost or added, in seconds for 300,000 grants.

    Raises AssertionError where the roles would not give back the matrix: the result is checked, always.
    """
    grouped = _group(matrix)
    kernel = reduce_matrix(grouped.rows, grouped.columns)
    bicliques, bound = _cover(grouped, kernel)
    if len(bicliques) > min(len(grouped.rows), len(grouped.columns)):
        bicliques = _one_each(grouped)
    bicliques = _as_few_each(grouped, _without_redundant(grouped, bicliques))
    _check(grouped, bicliques)
    roles = [_ungroup(matrix, grouped, role) for role in _in_order(grouped, bicliques)]
    structure = _structure(len(roles), matrix, grouped)
    return Decomposition(
        tuple(roles),
        bound,
        len(grouped.rows),
        len(grouped.columns),
        len(matrix.people),
        matrix.grants,
        structure,
        _sentence(roles, bound, grouped, structure),
    )


def bundles(matrix: AccessMatrix, *, limit: int = 20, min_people: int = 3) -> tuple[MinedRole, ...]:
    """Propose at most ``limit`` bundles, each the one that newly covers most.

    A bundle has several people and two entitlements at least; less is a list of exceptions.
    """
    grouped = _group(matrix)
    weights = [len(rows) for rows in grouped.of_row]
    heavy = sorted(range(len(weights)), key=lambda r: (-weights[r] * grouped.rows[r].bit_count(), r))
    shared = {grouped.rows[r] for r in heavy[:_SINGLE_ROWS]}
    paired = heavy[:_PAIRED_ROWS]
    shared |= {grouped.rows[a] & grouped.rows[b] for i, a in enumerate(paired) for b in paired[:i]}
    candidates = set()
    for wide in shared:
        if _weight(wide, grouped.of_column) >= 2:
            high = _holders(grouped, wide)
            if _weight(high, grouped.of_row) >= min_people:
                candidates.add((high, _common(grouped, high)))
    chosen = _by_newly_covered(grouped, sorted(candidates), limit)
    return tuple(_ungroup(matrix, grouped, role) for role in chosen)


def curve(matrix: AccessMatrix, roles: Sequence[MinedRole]) -> tuple[CurvePoint, ...]:
    """Say what each further role buys, in the order of the roles."""
    person = {name: index for index, name in enumerate(matrix.people)}
    entitlement = {name: index for index, name in enumerate(matrix.entitlements)}
    left = masks(matrix.person, matrix.entitlement, len(matrix.people), len(matrix.entitlements))
    points, covered = [], 0
    for count, role in enumerate(roles, 1):
        wide = mask_of([entitlement[e] for e in role.entitlements])
        newly = 0
        for row in (person[p] for p in role.people):
            newly += (left[row] & wide).bit_count()
            left[row] &= ~wide
        covered += newly
        points.append(CurvePoint(count, covered, newly, covered / matrix.grants if matrix.grants else 0.0))
    return tuple(points)


Biclique = tuple[int, int]
"""Rows and columns of the grouped matrix, as bit sets."""


def _group(matrix: AccessMatrix) -> _Grouped:
    by_row: dict[int, list[int]] = {}
    rows = masks(matrix.person, matrix.entitlement, len(matrix.people), len(matrix.entitlements))
    for index, row in enumerate(rows):
        if row:
            by_row.setdefault(row, []).append(index)
    different = list(by_row)
    tall: dict[int, int] = {}
    for index, row in enumerate(different):
        for column in members(row):
            tall[column] = tall.get(column, 0) | 1 << index
    by_column: dict[int, list[int]] = {}
    for column in sorted(tall):
        by_column.setdefault(tall[column], []).append(column)
    columns = list(by_column)
    wide = [0] * len(different)
    for index, column_mask in enumerate(columns):
        for row_index in members(column_mask):
            wide[row_index] |= 1 << index
    return _Grouped(wide, columns, list(by_row.values()), list(by_column.values()))


def _cover(grouped: _Grouped, kernel: Kernel) -> tuple[list[Biclique], int]:
    """Make roles of the kernel, and put every cell that was taken in where its dominator lies."""
    role_cells: list[list[Cell]] = [[cell] for cell in kernel.isolated]
    bound = len(kernel.isolated)
    if len(kernel.contested) > MAX_CELLS:
        role_cells += tile_cover(kernel.contested, grouped.rows, grouped.columns)
    else:
        cliques, more = clique_cover(share_graph(kernel.contested, grouped.rows, grouped.columns))
        role_cells += [[kernel.contested[node] for node in clique] for clique in cliques]
        bound += more
    role_of = {cell: role for role, cells in enumerate(role_cells) for cell in cells}
    high, wide = [0] * len(role_cells), [0] * len(role_cells)
    # What was taken in last was dominated by cells that are all placed by now.
    for cell, dominator in reversed(kernel.taken_in):
        role_of[cell] = role_of[dominator]
    for (row, column), role in role_of.items():
        high[role] |= 1 << row
        wide[role] |= 1 << column
    return list(zip(high, wide, strict=True)), bound


def _one_each(grouped: _Grouped) -> list[Biclique]:
    """Make one role of each different row or of each different column, whichever are fewer."""
    if len(grouped.rows) <= len(grouped.columns):
        return [(1 << index, row) for index, row in enumerate(grouped.rows)]
    return [(column, 1 << index) for index, column in enumerate(grouped.columns)]


def _holders(grouped: _Grouped, wide: int) -> int:
    return reduce(and_, (grouped.columns[c] for c in members(wide)))


def _common(grouped: _Grouped, high: int) -> int:
    return reduce(and_, (grouped.rows[r] for r in members(high)))


def _without_redundant(grouped: _Grouped, bicliques: Iterable[Biclique]) -> list[Biclique]:
    """Make every role as large as it can be, and drop those that the others cover."""
    grown = []
    for _, wide in bicliques:
        high = _holders(grouped, wide)
        grown.append((high, _common(grouped, high)))
    kept = list(dict.fromkeys(grown))
    by_row: dict[int, set[int]] = {row: set() for row in range(len(grouped.rows))}
    for index, (high, _) in enumerate(kept):
        for row in members(high):
            by_row[row].add(index)
    dropped: set[int] = set()
    for index in sorted(range(len(kept)), key=lambda i: (kept[i][0].bit_count() * kept[i][1].bit_count(), i)):
        high, wide = kept[index]
        if all(not wide & ~_union(kept, by_row[row] - {index}) for row in members(high)):
            dropped.add(index)
            for row in members(high):
                by_row[row].discard(index)
    return [role for index, role in enumerate(kept) if index not in dropped]


def _union(bicliques: Sequence[Biclique], indices: Iterable[int]) -> int:
    union = 0
    for index in indices:
        union |= bicliques[index][1]
    return union


def _as_few_each(grouped: _Grouped, bicliques: Sequence[Biclique]) -> list[Biclique]:
    """Give each person the fewest large roles that make up their access; the roles keep all their entitlements."""
    by_row: dict[int, list[int]] = {row: [] for row in range(len(grouped.rows))}
    for index, (high, _) in enumerate(bicliques):
        for row in members(high):
            by_row[row].append(index)
    high_of = [0] * len(bicliques)
    for row, indices in by_row.items():
        left = grouped.rows[row]
        while left:
            best = max(indices, key=lambda i: ((bicliques[i][1] & left).bit_count(), -i))
            left &= ~bicliques[best][1]
            high_of[best] |= 1 << row
    return [(high, wide) for high, (_, wide) in zip(high_of, bicliques, strict=True) if high]


def _check(grouped: _Grouped, bicliques: Iterable[Biclique]) -> None:
    again = [0] * len(grouped.rows)
    for high, wide in bicliques:
        for row in members(high):
            again[row] |= wide
    if again != grouped.rows:
        raise AssertionError("the roles do not give back the grants they were made from")


def _weight(mask: int, merged: Sequence[Sequence[int]]) -> int:
    return sum(len(merged[index]) for index in members(mask))


def _in_order(grouped: _Grouped, bicliques: Sequence[Biclique]) -> list[Biclique]:
    chosen = _by_newly_covered(grouped, bicliques, len(bicliques))
    known = set(chosen)
    return chosen + [role for role in bicliques if role not in known]


def _by_newly_covered(grouped: _Grouped, candidates: Sequence[Biclique], limit: int) -> list[Biclique]:
    """Choose the candidate that newly covers most grants, again and again; ties go to the earlier one.

    What a candidate newly covers only shrinks, so an old figure is an upper bound: most are never counted again.
    """
    left = list(grouped.rows)
    tall = [len(rows) for rows in grouped.of_row]
    broad = [len(columns) for columns in grouped.of_column]
    plain = max(broad, default=1) == 1

    def newly(candidate: Biclique) -> int:
        high, wide = candidate
        if plain:
            return sum(tall[r] * (left[r] & wide).bit_count() for r in members(high))
        return sum(tall[r] * sum(broad[c] for c in members(left[r] & wide)) for r in members(high))

    queue = [(-newly(candidate), index) for index, candidate in enumerate(candidates)]
    heapq.heapify(queue)
    chosen: list[Biclique] = []
    while queue and len(chosen) < limit:
        _, index = heapq.heappop(queue)
        gain = newly(candidates[index])
        if not gain:
            continue
        if queue and (-gain, index) > queue[0]:
            heapq.heappush(queue, (-gain, index))
            continue
        chosen.append(candidates[index])
        for row in members(candidates[index][0]):
            left[row] &= ~candidates[index][1]
    return chosen


def _ungroup(matrix: AccessMatrix, grouped: _Grouped, role: Biclique) -> MinedRole:
    high, wide = role
    people = sorted(index for row in members(high) for index in grouped.of_row[row])
    entitlements = sorted(index for column in members(wide) for index in grouped.of_column[column])
    return MinedRole(tuple(matrix.people[i] for i in people), tuple(matrix.entitlements[i] for i in entitlements))


def _structure(roles: int, matrix: AccessMatrix, grouped: _Grouped) -> Structure:
    if roles >= NO_STRUCTURE * min(len(matrix.people), len(matrix.entitlements)):
        return Structure.NONE
    if roles >= NO_STRUCTURE * min(len(grouped.rows), len(grouped.columns)):
        return Structure.EQUAL_ONLY
    return Structure.SHARED


def _sentence(roles: Sequence[MinedRole], bound: int, grouped: _Grouped, structure: Structure) -> str:
    if not roles:
        return "nobody holds anything, so there is no role to find"
    alone = sum(len(role.people) == 1 for role in roles)
    proof = "no fewer are possible" if bound == len(roles) else f"at least {bound} are needed"
    text = f"{len(roles)} roles give back every grant and no other; {proof}"
    by_people = len(grouped.rows) <= len(grouped.columns)
    kinds = f"{len(grouped.rows)} kinds of people" if by_people else f"{len(grouped.columns)} kinds of entitlements"
    match structure:
        case Structure.NONE:
            text += f". There is no structure in this access: it is nearly one role for each of {kinds}"
        case Structure.EQUAL_ONLY:
            text += f". There is no structure beyond equal access: it is nearly one role for each of {kinds}"
        case Structure.SHARED:
            pass
        case _:
            assert_never(structure)
    if alone * 2 > len(roles):
        text += f". {alone} of the roles belong to one person each: a list of exceptions, no roles"
    return text
