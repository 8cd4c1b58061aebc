"""Unusual access, for the terminal and as JSON: what to look at first, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from access_review.draft.peer_counts import PeerCounts, PeerView
from access_review.draft.unusual import GrantFigures, UnusualAccess, UnusualGrant, figures
from access_review.views.terminal import wrapped
from access_review.views.text import count, visible

FORMAT = "access-review/unusual@1"


class PeerCountsValue(TypedDict):
    """What peers say of one grant: the fields of :class:`PeerCounts`, and how they see it."""

    person: str
    entitlement: str
    comparable: bool
    near: int
    near_holding: int
    nearest: Sequence[str]
    held: int
    others: int
    goes_with: float
    peer_group: str | None
    peers: int
    peers_holding: int
    holders: int
    people: int
    reason: str
    view: str


class UnusualGrantValue(PeerCountsValue):
    """The same of one of the most unusual, with its score and its place among all."""

    score: float
    place: int


class UnusualValue(TypedDict):
    """Every grant with its figures, and the first ones as :class:`UnusualGrant` has them, the most unusual first."""

    format: str
    people: int
    peers_used: bool
    most_unusual: list[UnusualGrantValue]
    grants: list[GrantFigures]


def value(access: UnusualAccess, most: Sequence[UnusualGrant]) -> UnusualValue:
    """Return every grant with its figures, and the first ones with their reasons too, the most unusual first."""
    return {
        "format": FORMAT,
        "people": len(access.matrix.people),
        "peers_used": access.peers_used,
        "most_unusual": [{**counts(one), "score": one.score, "place": one.place} for one in most],
        "grants": list(figures(access)),
    }


def counts(one: PeerCounts) -> PeerCountsValue:
    """Return what peers say of one grant as JSON."""
    return {
        "person": one.person,
        "entitlement": one.entitlement,
        "comparable": one.comparable,
        "near": one.near,
        "near_holding": one.near_holding,
        "nearest": one.nearest,
        "held": one.held,
        "others": one.others,
        "goes_with": one.goes_with,
        "peer_group": one.peer_group,
        "peers": one.peers,
        "peers_holding": one.peers_holding,
        "holders": one.holders,
        "people": one.people,
        "reason": one.reason,
        "view": str(one.view),
    }


def peer_sentence(one: PeerCounts) -> str:
    """Say what peers suggest, with the reason."""
    if one.view is PeerView.UNKNOWN:
        return one.reason
    return f"{one.view}: {one.reason}"


def text(access: UnusualAccess, most: Sequence[UnusualGrant], names: Mapping[str, str], width: int = 100) -> str:
    """Say the most unusual grants, those of one entitlement together, in lines of ``width`` columns."""
    return "\n".join(wrapped(line, width, "      ") for line in _lines(access, most, names))


def _lines(access: UnusualAccess, most: Sequence[UnusualGrant], names: Mapping[str, str]) -> Iterator[str]:
    matrix = access.matrix
    if not matrix.grants:
        yield "Nobody's access is known, or no account finds its person: there is nothing to compare."
        return
    beside = "the other access of the person"
    if access.peers_used:
        beside = f"{beside}, and their peers by attributes"
    yield (
        f"{count(matrix.grants, 'grant')} of {count(len(matrix.people), 'person', 'people')}, each compared with the ten "
        f"people whose access is most alike, {beside}. This orders what to look at; it decides nothing."
    )
    few = int((~access.comparable).sum())
    if few:
        yield f"{count(few, 'grant')} of people who hold too little cannot be compared."
    if not most and few < matrix.grants:
        yield "None of the others stands out: half of the peers or more have the same."
    together: dict[str, list[UnusualGrant]] = {}
    for one in most:
        together.setdefault(one.entitlement, []).append(one)
    for entitlement, grants in together.items():
        what = (
            f"{visible(names.get(entitlement, entitlement))}, which {grants[0].holders:,} of {grants[0].people:,} have"
        )
        if len(grants) == 1:
            yield f"{grants[0].place:>4}. {_who(grants[0], names)}: {what}"
            yield f"      {visible(grants[0].reason)}"
            continue
        yield f"      {what}, {len(grants)} of them among the {len(most)} most unusual:"
        for one in grants:
            yield f"{one.place:>4}. {_who(one, names)}"
            yield f"      {visible(one.reason)}"


def _who(one: UnusualGrant, names: Mapping[str, str]) -> str:
    return visible(names.get(one.person, one.person))
