"""How unusual each grant is beside its peers, in words and numbers; it orders, it never decides.

Views are ranked and their ranks added: how many of the ten people whose access is most alike hold it, how much
of it the other access of the person foretells, and how well it goes with that on average. Where HR data say who the
peers are, the share of them who hold it is one more. Each view alone misses much: on real matrices the sum beats
the ten nearest alone, above all for grants that many people hold and for what movers kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from access_review.draft.foretold import foretold
from access_review.draft.matrix import AccessMatrix, Indices
from access_review.draft.nearest_people import Floats, Neighbourhood, neighbourhood
from access_review.draft.peer_counts import (
    TOO_FEW,
    PeerCounts,
    PeerIndex,
    PeerView,
    count_peers,
    index_peers,
    view_of,
    worded,
)

_PRIOR = 2.0  # peers worth of popularity mixed into the share of small groups
_TELLING = 1.25  # times what is common that peers must share
_DIGITS = 9
# Measured on real matrices with planted grants: what is foretold counts most, beside the nearest; where it is not known
# the mean fit stands for it. Peers by attributes count half as much as all the rest.
_NEAREST, _FORETOLD, _FIT, _PEERS = 1.0, 1.25, 0.25, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class UnusualAccess:
    """Every grant of a matrix with its figures, one entry a grant in the order of the matrix."""

    index: PeerIndex
    near: Neighbourhood
    foretold: Floats | None
    """How much of each the other access of the person foretells; null where there are too many people and entitlements."""
    score: Floats
    """0 (as usual as can be) to 1 (as unusual as can be), by rank among all grants: an order, no probability."""
    place: Indices
    """1 is the most unusual; equal scores are in the order of the matrix."""
    comparable: npt.NDArray[np.bool_]
    """False where the person holds too little to compare."""
    peers_used: bool
    """Whether the peer groups say more than how common a grant is; if not, they count nothing in the score."""

    @property
    def matrix(self) -> AccessMatrix:
        """Who holds what."""
        return self.index.matrix


@dataclass(frozen=True, slots=True)
class UnusualGrant(PeerCounts):
    """One grant with its place among all."""

    score: float
    place: int


def score_access(matrix: AccessMatrix, peer_group: Mapping[str, str] | None = None) -> UnusualAccess:
    """Score every grant against the nearest people, the other access of the person and the peers.

    ``peer_group`` names the peers of a person, say ``Agent at HARBOR``; title and client together are
    the best of the attributes measured. A person without one is compared by access alone.
    """
    near, index, told = neighbourhood(matrix), index_peers(matrix, peer_group), foretold(matrix)
    views = [(_NEAREST, near.closeness)]
    views += [(_NEAREST, near.fit)] if told is None else [(_FORETOLD, told), (_FIT, near.fit)]
    share = _peer_share(matrix, *_peers(index))
    # Groups that say nothing about access would only blur the views that do.
    peers_used = bool(matrix.grants and share.mean() >= _TELLING * _popularity(matrix).mean())
    if peers_used:
        views.append((_PEERS * sum(weight for weight, _ in views), share))
    usual = sum(weight * _ranks(view) for weight, view in views) / sum(weight for weight, _ in views)
    score = np.round(1 - usual, _DIGITS) if matrix.grants else np.zeros(0)
    place = np.empty(matrix.grants, np.int64)
    place[np.argsort(-score, kind="stable")] = np.arange(1, matrix.grants + 1)
    return UnusualAccess(index, near, told, score, place, matrix.held[matrix.person] >= TOO_FEW, peers_used)


def most_unusual(
    access: UnusualAccess, limit: int = 20, names: Mapping[str, str] | None = None
) -> tuple[UnusualGrant, ...]:
    """Return the most unusual grants first; those of people who hold too little, and what peers usually have, left out."""
    order = np.argsort(access.place, kind="stable")
    views = _views(access)
    shown = (g for g in order[access.comparable[order]].tolist() if views[g] is not PeerView.USUAL)
    return tuple(explain_grant(access, g, names) for g in islice(shown, limit))


def explain_grant(access: UnusualAccess, grant: int, names: Mapping[str, str] | None = None) -> UnusualGrant:
    """Say in words and numbers why one grant, by its index in the matrix, has its place."""
    matrix = access.matrix
    person, entitlement = int(matrix.person[grant]), int(matrix.entitlement[grant])
    counts = count_peers(access.index, access.near.nearest[person], person, entitlement)
    known: dict[str, Any] = {field.name: getattr(counts, field.name) for field in fields(counts)}
    return worded(UnusualGrant(**known, score=float(access.score[grant]), place=int(access.place[grant])), names)


class GrantFigures(TypedDict):
    """The figures of a grant: ``score`` from 0 to 1; counts of the nearest people, of peers, and of who holds it.

    ``foretold`` is how much of it the other access of the person foretells, from about 0 to about 1; null where there
    is too much to compute it.
    """

    person: str
    entitlement: str
    place: int
    score: float
    view: str
    comparable: bool
    near: int
    near_holding: int
    foretold: float | None
    peers: int
    peers_holding: int
    holders: int


def figures(access: UnusualAccess) -> Iterator[GrantFigures]:
    """Yield every grant with its figures and without words, the most unusual first: quick for hundreds of thousands."""
    matrix, near = access.matrix, access.near
    peers, holding = _peers(access.index)
    columns = (near.holding, access.comparable, peers, holding, matrix.holders[matrix.entitlement], access.score)
    lists, views = [column.tolist() for column in columns], _views(access)
    size = (near.nearest >= 0).sum(axis=1)
    told = None if access.foretold is None else access.foretold.tolist()
    for grant in np.argsort(access.place, kind="stable").tolist():
        person = int(matrix.person[grant])
        near_holding, comparable, of_peers, peers_holding, holders, score = (column[grant] for column in lists)
        yield {
            "person": matrix.people[person],
            "entitlement": matrix.entitlements[int(matrix.entitlement[grant])],
            "place": int(access.place[grant]),
            "score": score,
            "view": str(views[grant]),
            "comparable": comparable,
            "near": int(size[person]),
            "near_holding": near_holding,
            "foretold": None if told is None else told[grant],
            "peers": of_peers,
            "peers_holding": peers_holding,
            "holders": holders,
        }


def _views(access: UnusualAccess) -> list[PeerView]:
    """Return what peers suggest about each grant, in the order of the matrix."""
    near, person = access.near, access.matrix.person
    compared = np.where(access.comparable, (near.nearest >= 0).sum(axis=1)[person], 0)
    columns = (compared, near.holding, *_peers(access.index))
    return [view_of(*counts) for counts in zip(*(column.tolist() for column in columns), strict=True)]


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value as a share of all, equal ones in the middle of their places."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0
    return np.asarray(middle[place], np.float64) / max(len(values), 1)


def _peers(index: PeerIndex) -> tuple[Indices, Indices]:
    """Say for each grant how many peers the person has, and how many of them hold it."""
    matrix = index.matrix
    of_grant = index.group[matrix.person]
    cell = of_grant * max(len(matrix.entitlements), 1) + matrix.entitlement
    _, place, count = np.unique(cell, return_inverse=True, return_counts=True)
    known = of_grant >= 0
    return np.where(known, index.size[of_grant] - 1, 0), np.where(known, count[place] - 1, 0)


def _peer_share(matrix: AccessMatrix, peers: Indices, holding: Indices) -> Floats:
    """Share of the peers who hold it, drawn towards how common it is where there are few peers."""
    share = (holding + _PRIOR * _popularity(matrix)) / (peers + _PRIOR)
    return np.asarray(np.round(share, _DIGITS), np.float64)


def _popularity(matrix: AccessMatrix) -> Floats:
    """Share of all others who hold what each grant gives."""
    share: Floats = (matrix.holders[matrix.entitlement] - 1) / max(len(matrix.people) - 1, 1)
    return share
