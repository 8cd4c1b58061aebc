"""What today's access says about templates that exist: a line that is missing, a line that nobody uses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from access_review.draft.matrix import AccessMatrix

NEARLY_ALL = 0.95
"""Share of a role's people who hold something, from which its template lacks a line."""

_FEWEST = 3  # people of a role below whom nothing is proposed


class ProposalKind(StrEnum):
    """What a proposal would do to a template."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class TemplateProposal:
    """One line to add to a template or to take out; a person decides."""

    role: str
    kind: ProposalKind
    entitlement: str
    people: int
    holding: int
    used: int | None
    """Those of them who are not known never to have used it; null for a line to add."""
    sentence: str


def propose_updates(
    matrix: AccessMatrix,
    members: Mapping[str, Collection[str]],
    allowed: Mapping[str, Collection[str]],
    forbidden: Mapping[str, Collection[str]],
    *,
    never_used: Collection[tuple[str, str]] = frozenset(),
) -> tuple[TemplateProposal, ...]:
    """Compare each role's template with what its people hold.

    ``members`` has the people of each role; ``allowed`` and ``forbidden`` what its template names today,
    inherited lines included. What a template forbids is never proposed.
    """
    place = {name: index for index, name in enumerate(matrix.people)}
    starts = matrix.person_starts()
    proposals = []
    for role in sorted(members):
        people = sorted(place[p] for p in set(members[role]) if p in place)
        if len(people) < _FEWEST:
            continue
        cells = np.concatenate([np.arange(starts[p], starts[p + 1]) for p in people]).astype(np.int64)
        holding = np.bincount(matrix.entitlement[cells], minlength=len(matrix.entitlements))
        for index in np.flatnonzero(holding >= NEARLY_ALL * len(people)).tolist():
            entitlement = matrix.entitlements[index]
            if entitlement not in allowed.get(role, ()) and entitlement not in forbidden.get(role, ()):
                proposals.append(_add(role, entitlement, len(people), int(holding[index])))
        known = {name: index for index, name in enumerate(matrix.entitlements)}
        for entitlement in sorted(allowed.get(role, ())):
            index = known.get(entitlement, -1)
            count = int(holding[index]) if index >= 0 else 0
            unused = sum((matrix.people[p], entitlement) in never_used for p in people)
            if count <= unused:
                proposals.append(_remove(role, entitlement, len(people), count))
    return tuple(proposals)


def _add(role: str, entitlement: str, people: int, holding: int) -> TemplateProposal:
    sentence = f"{holding} of the {people} in {role} hold it and the template does not name it"
    return TemplateProposal(role, ProposalKind.ADD, entitlement, people, holding, None, sentence)


def _remove(role: str, entitlement: str, people: int, holding: int) -> TemplateProposal:
    sentence = f"none of the {people} in {role} holds it"
    if holding:
        sentence = f"none of the {holding} in {role} who hold it ever used it"
    return TemplateProposal(role, ProposalKind.REMOVE, entitlement, people, holding, 0, sentence)
