"""What today's access says about templates that exist: a line that is missing, one that nobody uses, one to promote."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from access_review.draft.cautions import NEVER_MUST, Caution, DraftEntitlement, ToxicSides, cautions

NEARLY_ALL = 0.95
"""Share of a role's people who hold something, from which its template lacks a line, or may make it a duty."""

_FEWEST = 3  # people of a role below whom nothing is proposed


class ProposalKind(StrEnum):
    """What a proposal would do to a template."""

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"


@dataclass(frozen=True, slots=True)
class TemplateProposal:
    """One change of one line of a template; a person decides."""

    role: str
    kind: ProposalKind
    pattern: str
    """The line: how a template names what it is about."""
    people: int
    holding: int
    cautions: tuple[Caution, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A line that a template itself has, and what it matches today."""

    role: str
    part: str
    """The list it stands in: must, may or eligible."""
    pattern: str
    matches: frozenset[str]


@dataclass(frozen=True, slots=True)
class RolesToday:
    """The roles as they are: who has each, what its template says, and who holds what, directly or through nesting."""

    members: Mapping[str, frozenset[str]]
    """The people of each role; those of a role that extends it count for its lines too."""
    allowed: Mapping[str, frozenset[str]]
    """What each role's template allows, inherited and carried access included."""
    forbidden: Mapping[str, frozenset[str]]
    lines: Sequence[OwnLine]
    direct: Mapping[str, frozenset[str]]
    """Who holds each entitlement directly."""
    reached: Mapping[str, frozenset[str]]
    """Who has each entitlement by any way."""
    names: Mapping[str, DraftEntitlement] = field(default_factory=dict)
    toxic: tuple[ToxicSides, ...] = ()
    never_used: Collection[tuple[str, str]] = frozenset()


def propose_updates(today: RolesToday, *, promote: bool = False) -> tuple[TemplateProposal, ...]:
    """Compare each role's template with what its people hold; by role, then lines to add, to take out and to promote.

    What a template forbids is never proposed, nor what the template of a wider role would give the same people. With
    ``promote``, lines under ``may`` that all hold are proposed as duties.
    """
    found = [*_missing(today), *_unused(today), *(_duties(today) if promote else ())]
    order = list(ProposalKind)
    return tuple(sorted(found, key=lambda one: (one.role, order.index(one.kind), one.pattern)))


def _missing(today: RolesToday) -> list[TemplateProposal]:
    proposed: list[TemplateProposal] = []
    settled = _allowed_people(today)
    for role in sorted(today.members, key=lambda one: (-len(today.members[one]), one)):
        people = today.members[role]
        if len(people) < _FEWEST or role not in today.allowed:
            continue
        for entitlement in sorted(today.direct):
            holding = today.direct[entitlement] & people
            if len(holding) < NEARLY_ALL * len(people) or entitlement in today.allowed[role] | today.forbidden[role]:
                continue
            # Another role of theirs may allow it already, or be proposed to.
            if 2 * len(holding - settled.get(entitlement, set())) < len(holding):
                continue
            settled.setdefault(entitlement, set()).update(people)
            known = _cautions(today, entitlement, holding, people)
            said = f"{len(holding)} of the {len(people)} in {role} hold it and the template does not name it"
            proposed.append(
                _proposal(today, role, ProposalKind.ADD, entitlement, len(people), len(holding), known, said)
            )
    return proposed


def _allowed_people(today: RolesToday) -> dict[str, set[str]]:
    """Return whom some role allows each entitlement."""
    settled: dict[str, set[str]] = {}
    for role, entitlements in today.allowed.items():
        for entitlement in entitlements:
            settled.setdefault(entitlement, set()).update(today.members.get(role, ()))
    return settled


def _unused(today: RolesToday) -> list[TemplateProposal]:
    proposed = []
    for line in today.lines:
        people = today.members.get(line.role, frozenset())
        if len(people) < _FEWEST:
            continue
        holding = {(p, e) for e in line.matches for p in today.reached.get(e, frozenset()) & people}
        used = {pair for pair in holding if pair not in today.never_used}
        if used:
            continue
        said = f"none of the {len(people)} in {line.role} holds it"
        if holding:
            said = f"none of the {len({p for p, _ in holding})} in {line.role} who hold it ever used it"
        elif not line.matches:
            said = f"it matches nothing today; {len(people)} people have the role"
        holders = len({p for p, _ in holding})
        proposed.append(TemplateProposal(line.role, ProposalKind.REMOVE, line.pattern, len(people), holders, (), said))
    return proposed


def _duties(today: RolesToday) -> list[TemplateProposal]:
    proposed = []
    for line in today.lines:
        people = today.members.get(line.role, frozenset())
        if line.part != "may" or len(people) < _FEWEST or len(line.matches) != 1 or "*" in line.pattern:
            continue
        (entitlement,) = line.matches
        holding = today.reached.get(entitlement, frozenset()) & people
        known = _cautions(today, entitlement, holding, people)
        if len(holding) < NEARLY_ALL * len(people) or any(one.kind in NEVER_MUST for one in known):
            continue
        said = f"held by {len(holding)} of the {len(people)} in {line.role}"
        proposed.append(
            TemplateProposal(line.role, ProposalKind.PROMOTE, line.pattern, len(people), len(holding), known, said)
        )
    return proposed


def _cautions(
    today: RolesToday, entitlement: str, holding: frozenset[str], people: frozenset[str]
) -> tuple[Caution, ...]:
    others = {o for pair in today.toxic if entitlement in pair.a | pair.b for o in pair.a | pair.b}
    return cautions(
        entitlement,
        facts=today.names,
        toxic=today.toxic,
        with_it={other: len(today.reached.get(other, frozenset()) & people) for other in others},
        allowed=len(people),
        holders=sorted(holding),
        never_used=today.never_used,
    )


def _proposal(
    today: RolesToday,
    role: str,
    kind: ProposalKind,
    entitlement: str,
    people: int,
    holding: int,
    known: tuple[Caution, ...],
    said: str,
) -> TemplateProposal:
    pattern = today.names[entitlement].pattern if entitlement in today.names else entitlement
    sentence = "; ".join([said, *(caution.sentence for caution in known)])
    return TemplateProposal(role, kind, pattern, people, holding, known, sentence)
