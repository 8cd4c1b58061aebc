"""How unusual each grant is beside its peers, in words and numbers; it orders, it never decides.

Two views are ranked and their ranks added: how many of the ten people whose access is most
alike hold it, and how well it goes with the other access of the person. Where HR data say who
the peers are, the share of them who hold it is a third. Each view alone misses much: on real
matrices the sum beats the ten nearest alone, above all for grants that many people hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from access_review.draft.matrix import AccessMatrix, Indices
from access_review.draft.peers import Floats, Neighbourhood, neighbourhood

TOO_FEW = 3
"""Grants a person needs before theirs can be compared with those of others."""

_PRIOR = 2.0  # peers worth of popularity mixed into the share of small groups
_TELLING = 1.25  # times what is common that peers must share
_DIGITS = 9
_NAMED = 3  # nearest people that are named in the sentence


@dataclass(frozen=True, slots=True, eq=False)
class UnusualAccess:
    """Every grant of a matrix with its figures, one entry a grant in the order of the matrix."""

    matrix: AccessMatrix
    starts: Indices
    holder: Indices
    holder_starts: Indices
    near: Neighbourhood
    score: Floats
    """0 (as usual as can be) to 1 (as unusual as can be), by rank among all grants: an order, no probability."""
    place: Indices
    """1 is the most unusual; equal scores are in the order of the matrix."""
    comparable: npt.NDArray[np.bool_]
    """False where the person holds too little to compare."""
    peer_group: tuple[str | None, ...]
    """What the peers of each person are called, one a person; null where HR data name none."""
    peers: Indices
    """A grant: how many others are in the peer group of the person."""
    peers_holding: Indices
    """A grant: how many of them hold it."""
    peers_used: bool
    """Whether the peer groups say more than how common a grant is; if not, they count nothing in the score."""


@dataclass(frozen=True, slots=True)
class UnusualGrant:
    """One grant, the counts behind its place and the sentence that says them."""

    person: str
    entitlement: str
    score: float
    place: int
    comparable: bool
    near: int
    """People compared with: the nearest ten, or all others if there are fewer."""
    near_holding: int
    nearest: tuple[str, ...]
    others: int
    """Other entitlements that the person holds."""
    goes_with: float
    """Share of the holders of each of those who hold this one too, on average, 0 to 1."""
    peer_group: str | None
    peers: int
    peers_holding: int
    holders: int
    reason: str


def score_access(matrix: AccessMatrix, peer_group: Mapping[str, str] | None = None, *, k: int = 10) -> UnusualAccess:
    """Score every grant against the ``k`` nearest people, the other access of the person and the peers.

    ``peer_group`` names the peers of a person, say ``Agent at HARBOR``; title and client together are
    the best of the attributes measured. A person without one is compared by access alone.
    """
    near = neighbourhood(matrix, k)
    groups = tuple((peer_group or {}).get(person) for person in matrix.people)
    peers, holding = _peers(matrix, groups)
    views = [_ranks(near.closeness), _ranks(near.fit)]
    share = _peer_share(matrix, peers, holding)
    # Groups that say nothing about access would only blur the two views that do.
    peers_used = bool(matrix.grants and share.mean() >= _TELLING * _popularity(matrix).mean())
    if peers_used:
        views.append(_ranks(share))
    score = np.round(1 - sum(views) / len(views), _DIGITS) if matrix.grants else np.zeros(0)
    place = np.empty(matrix.grants, np.int64)
    place[np.argsort(-score, kind="stable")] = np.arange(1, matrix.grants + 1)
    comparable = matrix.held[matrix.person] >= TOO_FEW
    return UnusualAccess(
        matrix,
        matrix.person_starts(),
        *matrix.by_entitlement(),
        near,
        score,
        place,
        comparable,
        groups,
        peers,
        holding,
        peers_used,
    )


def most_unusual(access: UnusualAccess, limit: int = 20) -> tuple[UnusualGrant, ...]:
    """Return the most unusual grants first, those of people who hold too little left out."""
    order = np.argsort(access.place, kind="stable")
    return tuple(explain_grant(access, int(g)) for g in order[access.comparable[order]][:limit])


def explain_grant(access: UnusualAccess, grant: int) -> UnusualGrant:
    """Say in words and numbers why one grant, by its index in the matrix, has its place."""
    matrix, near = access.matrix, access.near
    person, entitlement = int(matrix.person[grant]), int(matrix.entitlement[grant])
    nearest = [int(n) for n in near.nearest[person] if n >= 0]
    others, goes_with = _goes_with(access, person, entitlement)
    item = UnusualGrant(
        person=matrix.people[person],
        entitlement=matrix.entitlements[entitlement],
        score=float(access.score[grant]),
        place=int(access.place[grant]),
        comparable=bool(access.comparable[grant]),
        near=len(nearest),
        near_holding=int(near.holding[grant]),
        nearest=tuple(matrix.people[n] for n in nearest[:_NAMED]),
        others=others,
        goes_with=goes_with,
        peer_group=access.peer_group[person],
        peers=int(access.peers[grant]),
        peers_holding=int(access.peers_holding[grant]),
        holders=len(_holders(access, entitlement)),
        reason="",
    )
    return replace(item, reason=_sentence(item))


def find_grant(matrix: AccessMatrix, person: str, entitlement: str) -> int | None:
    """Return the index of a grant in the matrix, or nothing if there is no such grant."""
    if person not in matrix.people or entitlement not in matrix.entitlements:
        return None
    cell = matrix.people.index(person), matrix.entitlements.index(entitlement)
    found = np.flatnonzero((matrix.person == cell[0]) & (matrix.entitlement == cell[1]))
    return int(found[0]) if len(found) else None


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value as a share of all, equal ones in the middle of their places."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0
    return np.asarray(middle[place], np.float64) / max(len(values), 1)


def _peers(matrix: AccessMatrix, groups: tuple[str | None, ...]) -> tuple[Indices, Indices]:
    """Say for each grant how many peers the person has, and how many of them hold it."""
    names = {name: index for index, name in enumerate(sorted({g for g in groups if g is not None}))}
    group = np.array([-1 if g is None else names[g] for g in groups], np.int64)
    sizes = np.bincount(group[group >= 0], minlength=len(names) + 1)
    of_grant = group[matrix.person]
    cell = of_grant * max(len(matrix.entitlements), 1) + matrix.entitlement
    _, place, count = np.unique(cell, return_inverse=True, return_counts=True)
    known = of_grant >= 0
    return np.where(known, sizes[of_grant] - 1, 0), np.where(known, count[place] - 1, 0)


def _peer_share(matrix: AccessMatrix, peers: Indices, holding: Indices) -> Floats:
    """Share of the peers who hold it, drawn towards how common it is where there are few peers."""
    share = (holding + _PRIOR * _popularity(matrix)) / (peers + _PRIOR)
    return np.asarray(np.round(share, _DIGITS), np.float64)


def _popularity(matrix: AccessMatrix) -> Floats:
    """Share of all others who hold what each grant gives."""
    share: Floats = (matrix.holders[matrix.entitlement] - 1) / max(len(matrix.people) - 1, 1)
    return share


def _holders(access: UnusualAccess, entitlement: int) -> Indices:
    return access.holder[access.holder_starts[entitlement] : access.holder_starts[entitlement + 1]]


def _goes_with(access: UnusualAccess, person: int, entitlement: int) -> tuple[int, float]:
    """Say how many others the person holds, and which share of the holders of each hold this one too."""
    mine = access.matrix.entitlement[access.starts[person] : access.starts[person + 1]]
    others = mine[mine != entitlement].tolist()
    if not others:
        return 0, 0.0
    holds = np.zeros(len(access.matrix.people), np.bool_)
    holds[_holders(access, entitlement)] = True
    shares = []
    for other in others:
        holders = _holders(access, other)
        # The person holds both, and is left out of both.
        shares.append((int(holds[holders].sum()) - 1) / max(len(holders) - 1, 1))
    return len(others), sum(shares) / len(shares)


def _sentence(item: UnusualGrant) -> str:
    if not item.comparable:
        return f"{item.person} holds {item.others + 1} in all: too little to compare"
    named = f" (nearest: {', '.join(item.nearest)})" if item.nearest else ""
    parts = [f"{item.near_holding} of the {item.near} people whose access is most alike have it{named}"]
    if item.others:
        parts.append(
            f"of the people who hold the {item.others} other things that {item.person} has, "
            f"on average {100 * item.goes_with:.0f} % have it"
        )
    if item.peer_group is not None and item.peers == 1:
        parts.append(f"the one other in {item.peer_group} {'has it' if item.peers_holding else 'does not have it'}")
    elif item.peer_group is not None and item.peers:
        parts.append(f"{item.peers_holding} of the {item.peers} others in {item.peer_group} have it")
    return "; ".join(parts)
