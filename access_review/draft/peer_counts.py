"""How a person's peers stand to an entitlement, as counts that can be checked, and in words.

The same is counted for what a person holds and for what they do not: a question about access
must not give away by its words whether somebody has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from access_review.draft.matrix import AccessMatrix, Indices
from access_review.draft.nearest_people import nearest_people

TOO_FEW = 3
"""Grants a person needs before theirs can be compared with those of others."""

_NAMED = 3  # nearest people that are named in the sentence
_HARDLY = 0.1  # share of those compared with from which on access is no longer unusual
_HALF = 0.5


class PeerView(StrEnum):
    """What peers suggest about a grant; a reviewer decides."""

    UNUSUAL = "unusual"
    """Hardly any of the nearest have it, nor of the peers by attributes."""
    SHARED = "shared"
    """Some have it: peers tell neither way."""
    USUAL = "usual"
    """Half of the nearest or more have it, or of the peers."""
    UNKNOWN = "unknown"
    """There is too little to compare."""


@dataclass(frozen=True, slots=True)
class PeerCounts:
    """One person and one entitlement: what peers say, and the sentence that says it."""

    person: str
    entitlement: str
    comparable: bool
    near: int
    """People compared with: the nearest ten, or all others if there are fewer."""
    near_holding: int
    nearest: tuple[str, ...]
    held: int
    """Entitlements that the person holds."""
    others: int
    """Those of them that are another."""
    goes_with: float
    """Share of the holders of each of those who hold this one too, on average, 0 to 1."""
    peer_group: str | None
    peers: int
    peers_holding: int
    holders: int
    people: int
    reason: str

    @property
    def view(self) -> PeerView:
        """What they suggest."""
        near = (self.near, self.near_holding) if self.comparable else (0, 0)
        return view_of(*near, self.peers, self.peers_holding)


def view_of(near: int, near_holding: int, peers: int, peers_holding: int) -> PeerView:
    """Say what counts suggest; peers by attributes speak where there are several."""
    if not near:
        return PeerView.UNKNOWN
    most = max(near_holding / near, peers_holding / peers if peers >= TOO_FEW else 0.0)
    if most >= _HALF:
        return PeerView.USUAL
    return PeerView.UNUSUAL if most <= _HARDLY else PeerView.SHARED


Counts = TypeVar("Counts", bound=PeerCounts)


@dataclass(frozen=True, slots=True, eq=False)
class PeerIndex:
    """The matrix read both ways, with the peer group of each person."""

    matrix: AccessMatrix
    starts: Indices
    holder: Indices
    holder_starts: Indices
    peer_group: tuple[str | None, ...]
    """What the peers of each person are called; null where HR data name none."""
    group: Indices
    """The same as numbers, -1 where there is none."""
    size: Indices
    """People in each group."""

    def holders(self, entitlement: int) -> Indices:
        """Return who holds an entitlement."""
        return self.holder[self.holder_starts[entitlement] : self.holder_starts[entitlement + 1]]

    def held(self, person: int) -> Indices:
        """Return what a person holds."""
        return self.matrix.entitlement[self.starts[person] : self.starts[person + 1]]


def index_peers(matrix: AccessMatrix, peer_group: Mapping[str, str] | None = None) -> PeerIndex:
    """Index a matrix; ``peer_group`` names the peers of a person, say ``Agent at HARBOR``."""
    groups = tuple((peer_group or {}).get(person) for person in matrix.people)
    names = {name: index for index, name in enumerate(sorted({g for g in groups if g is not None}))}
    group = np.array([-1 if g is None else names[g] for g in groups], np.int64)
    size = np.bincount(group[group >= 0], minlength=len(names) + 1)
    return PeerIndex(matrix, matrix.person_starts(), *matrix.by_entitlement(), groups, group, size)


def count_peers(index: PeerIndex, nearest: Indices, person: int, entitlement: int) -> PeerCounts:
    """Count how peers stand to an entitlement, held by the person or not; ``nearest`` are those most like them."""
    matrix = index.matrix
    holds = np.zeros(len(matrix.people), np.bool_)
    holds[index.holders(entitlement)] = True
    holds[person] = False
    near = nearest[nearest >= 0]
    group = index.group[person]
    mine = index.held(person)
    others = mine[mine != entitlement]
    return PeerCounts(
        person=matrix.people[person],
        entitlement=matrix.entitlements[entitlement],
        comparable=len(mine) >= TOO_FEW,
        near=len(near),
        near_holding=int(holds[near].sum()),
        nearest=tuple(matrix.people[n] for n in near[:_NAMED]),
        held=len(mine),
        others=len(others),
        goes_with=_goes_with(index, person, others, holds),
        peer_group=index.peer_group[person],
        peers=int(index.size[group]) - 1 if group >= 0 else 0,
        peers_holding=int(holds[index.group == group].sum()) if group >= 0 else 0,
        holders=int(holds.sum()) + int(entitlement in mine),
        people=len(matrix.people),
        reason="",
    )


def compare_pairs(
    index: PeerIndex,
    pairs: Iterable[tuple[str, str]],
    names: Mapping[str, str] | None = None,
    *,
    naming: bool = True,
) -> dict[tuple[str, str], PeerCounts]:
    """Count for some pairs of person and entitlement, whether held or not; pairs that nobody knows are left out.

    The work grows with the people asked about, not with the square of all. ``names`` and ``naming`` are as for
    :func:`worded`.
    """
    person = {name: place for place, name in enumerate(index.matrix.people)}
    entitlement = {name: place for place, name in enumerate(index.matrix.entitlements)}
    known = sorted({(person[p], entitlement[e]) for p, e in pairs if p in person and e in entitlement})
    people = np.array(sorted({p for p, _ in known}), np.int64)
    nearest = dict(zip(people.tolist(), nearest_people(index.matrix, people), strict=True))
    counted = [worded(count_peers(index, nearest[p], p, e), names, naming=naming) for p, e in known]
    return {(counts.person, counts.entitlement): counts for counts in counted}


def worded(counts: Counts, names: Mapping[str, str] | None = None, *, naming: bool = True) -> Counts:
    """Return the counts with the sentence that says them.

    ``names`` are what people are called. Without ``naming`` nobody else is named: who reads it may not know them.
    """
    return replace(counts, reason=_sentence(counts, names or {}, naming=naming))


def _goes_with(index: PeerIndex, person: int, others: Indices, holds: np.ndarray) -> float:
    """Say which share of the holders of each of the others hold this one too, the person left out of both."""
    if not len(others):
        return 0.0
    shares = []
    for other in others.tolist():
        holders = index.holders(other)
        without = len(holders) - int(person in holders)
        shares.append(int(holds[holders].sum()) / max(without, 1))
    return sum(shares) / len(shares)


def _sentence(item: PeerCounts, names: Mapping[str, str], *, naming: bool) -> str:
    who = names.get(item.person, item.person)
    if not item.comparable:
        return f"{who} holds {item.held} in all: too little to compare"
    named = _listed(item.nearest, names) if naming else ""
    parts = [f"{item.near_holding} of the {item.near} people whose access is most alike have it{named}"]
    if item.others:
        parts.append(
            f"of the people who hold the other things that {who} has, on average {100 * item.goes_with:.0f} % have it"
        )
    if item.peer_group is not None and item.peers == 1:
        parts.append(f"the one other in {item.peer_group} {'has it' if item.peers_holding else 'does not have it'}")
    elif item.peer_group is not None and item.peers:
        parts.append(f"{item.peers_holding} of the {item.peers} others in {item.peer_group} have it")
    return "; ".join(parts)


def _listed(nearest: Sequence[str], names: Mapping[str, str]) -> str:
    return f" (nearest: {', '.join(names.get(one, one) for one in nearest)})" if nearest else ""
