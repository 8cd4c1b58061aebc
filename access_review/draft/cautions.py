"""What a draft must not say silently: privileged access, halves of toxic pairs, access that nobody uses."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CautionKind(StrEnum):
    """Why a line of a draft needs a person to look at it first."""

    PRIVILEGED = "privileged"
    SENSITIVE = "sensitive"
    TOXIC_BOTH = "toxic-both"
    TOXIC_SOME = "toxic-some"
    TOXIC_HALF = "toxic-half"
    NEVER_USED = "never-used"
    LITTLE_USED = "little-used"


WITHHELD = frozenset({CautionKind.TOXIC_BOTH, CautionKind.NEVER_USED})
"""With these a line is shown and not drafted."""

NEVER_MUST = frozenset(
    {
        CautionKind.PRIVILEGED,
        CautionKind.SENSITIVE,
        CautionKind.TOXIC_BOTH,
        CautionKind.TOXIC_SOME,
        CautionKind.TOXIC_HALF,
    }
)
"""With these a line may not be promoted to must, however many hold it."""

_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class DraftEntitlement:
    """What a draft needs to know of an entitlement; ``pattern`` is how a template names it."""

    pattern: str
    privileged: bool | None = None
    sensitivity: str | None = None
    carries: str | None = None
    """What is privileged and comes with it, as a group that is nested in another's."""


@dataclass(frozen=True, slots=True)
class ToxicSides:
    """Two sets of entitlements of which nobody may hold one of each."""

    pair: str
    a: frozenset[str]
    b: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caution:
    """One reason to look, in words."""

    kind: CautionKind
    sentence: str


def cautions(
    entitlement: str,
    *,
    facts: Mapping[str, DraftEntitlement],
    toxic: Sequence[ToxicSides],
    with_it: Mapping[str, int],
    allowed: int,
    holders: Iterable[str],
    never_used: Collection[tuple[str, str]],
) -> tuple[Caution, ...]:
    """Return what must be said about drafting an entitlement.

    ``allowed`` is how many people it would be allowed, ``with_it`` how many of them each other entitlement too.
    """
    found = []
    known = facts.get(entitlement)
    if known and known.privileged:
        found.append(Caution(CautionKind.PRIVILEGED, "privileged: a whole team may have too much"))
    elif known and known.carries:
        found.append(Caution(CautionKind.PRIVILEGED, f"carries {known.carries}, which is privileged"))
    if known and known.sensitivity:
        found.append(Caution(CautionKind.SENSITIVE, f"sensitive: {known.sensitivity}"))
    found += [caution for pair in toxic if (caution := _toxic(entitlement, pair, with_it, allowed))]
    people = list(holders)
    unused = sum((person, entitlement) in never_used for person in people)
    if people and unused == len(people):
        found.append(Caution(CautionKind.NEVER_USED, f"none of the {unused} who hold it ever used it"))
    elif people and unused >= _MOSTLY * len(people):
        found.append(Caution(CautionKind.LITTLE_USED, f"{unused} of the {len(people)} who hold it never used it"))
    return tuple(found)


def _toxic(entitlement: str, pair: ToxicSides, with_it: Mapping[str, int], allowed: int) -> Caution | None:
    others = pair.b if entitlement in pair.a else pair.a if entitlement in pair.b else frozenset()
    if not others:
        return None
    both = max((with_it.get(other, 0) for other in others if other != entitlement), default=0)
    sentence = f"{both} of {allowed} would be allowed both sides of {pair.pair}"
    if both and both >= _MOSTLY * allowed:
        return Caution(CautionKind.TOXIC_BOTH, sentence)
    if both:
        return Caution(CautionKind.TOXIC_SOME, sentence)
    return Caution(CautionKind.TOXIC_HALF, f"one side of {pair.pair}")
