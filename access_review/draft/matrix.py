"""Who holds what, as a matrix: people down, entitlements across, one cell a grant.

People and entitlements are sorted by their id, so that an index is a tie-break:
whatever is computed from a matrix is the same on every machine and in any order of input.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

_FEW_BITS = 8  # below this, peeling bits off one by one is faster than unpacking the whole number


@dataclass(frozen=True, slots=True, eq=False)
class AccessMatrix:
    """Grants as two columns of indices, sorted by person and then by entitlement, none twice."""

    people: tuple[str, ...]
    entitlements: tuple[str, ...]
    person: Indices
    """Index into ``people``, one a grant."""
    entitlement: Indices
    """Index into ``entitlements``, one a grant."""

    @property
    def grants(self) -> int:
        """How many grants there are."""
        return len(self.person)

    @property
    def held(self) -> Indices:
        """How many entitlements each person holds."""
        return np.bincount(self.person, minlength=len(self.people))

    @property
    def holders(self) -> Indices:
        """How many people hold each entitlement."""
        return np.bincount(self.entitlement, minlength=len(self.entitlements))

    def person_starts(self) -> Indices:
        """Where the grants of each person begin, with the end of the last: ``len(people) + 1`` places."""
        return np.concatenate([[0], np.cumsum(self.held)]).astype(np.int64)

    def by_entitlement(self) -> tuple[Indices, Indices]:
        """Return the holders of all entitlements in one column, sorted, and where those of each begin."""
        order = np.lexsort((self.person, self.entitlement))
        return self.person[order], np.concatenate([[0], np.cumsum(self.holders)]).astype(np.int64)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield every grant as ids."""
        for person, entitlement in zip(self.person.tolist(), self.entitlement.tolist(), strict=True):
            yield self.people[person], self.entitlements[entitlement]

    def only(self, kept: npt.NDArray[np.bool_]) -> "AccessMatrix":
        """Return the matrix of some of the grants: the same people and entitlements, fewer cells."""
        return AccessMatrix(self.people, self.entitlements, self.person[kept], self.entitlement[kept])

    def naming(self, entitlements: Iterable[str]) -> "AccessMatrix":
        """Return the matrix that knows these entitlements too: the same grants, and nobody holds what is new."""
        new = sorted(set(entitlements) - set(self.entitlements))
        return AccessMatrix(self.people, (*self.entitlements, *new), self.person, self.entitlement)


def access_matrix(person: Any, entitlement: Any, *, people: Iterable[str] = ()) -> AccessMatrix:
    """Build the matrix from two columns of ids of equal length: lists, Arrow arrays or pandas columns of text.

    ``people`` adds those who hold nothing. Rows that name a grant twice count once.
    """
    persons, names = _encode(person, people)
    entitled, titles = _encode(entitlement, ())
    if len(persons) != len(entitled):
        raise ValueError(f"{len(persons)} people and {len(entitled)} entitlements do not make pairs")
    cells = np.unique(persons * max(len(titles), 1) + entitled)
    return AccessMatrix(names, titles, cells // max(len(titles), 1), cells % max(len(titles), 1))


def _encode(values: Any, more: Iterable[str]) -> tuple[Indices, tuple[str, ...]]:
    """Return the index of each value among the sorted different ones, and those."""
    import pyarrow as pa

    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.cast(pa.string()).dictionary_encode()
    known = encoded.dictionary.to_pylist()
    names = sorted({*known, *more})
    place = {name: index for index, name in enumerate(names)}
    lookup = np.array([place[name] for name in known], dtype=np.int64)
    if encoded.null_count:
        raise ValueError("a grant needs a person and an entitlement")
    return lookup[encoded.indices.to_numpy(zero_copy_only=False)] if len(known) else np.empty(0, np.int64), tuple(names)


def masks(index: Indices, members_of: Indices, groups: int, width: int) -> list[int]:
    """Return one bit set a group, as a plain integer: bit ``m`` is set where ``m`` belongs to the group.

    ``index`` has the group and ``members_of`` the member of each cell; ``width`` is the number of members.
    """
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(groups + 1))
    sorted_members = members_of[order]
    bits = np.zeros(width, np.bool_)
    result = []
    for group in range(groups):
        members_here = sorted_members[starts[group] : starts[group + 1]]
        bits[members_here] = True
        result.append(int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little"))
        bits[members_here] = False
    return result


def members(mask: int) -> list[int]:
    """Return the places of the bits that are set, ascending."""
    held = mask.bit_count()
    if held > _FEW_BITS:
        packed = np.frombuffer(mask.to_bytes((mask.bit_length() + 7) // 8, "little"), np.uint8)
        places: list[int]
        if len(packed) < 8 * held:
            places = np.unpackbits(packed, bitorder="little").nonzero()[0].tolist()
        else:
            used = (packed != 0).nonzero()[0]  # of a wide set most bytes are empty
            byte, bit = np.unpackbits(packed[used, None], axis=1, bitorder="little").nonzero()
            places = (8 * used[byte] + bit).tolist()
        return places
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def mask_of(places: Sequence[int]) -> int:
    """Return the bit set of some places."""
    mask = 0
    for place in places:
        mask |= 1 << place
    return mask
