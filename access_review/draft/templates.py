"""Draft role templates from today's access: by attributes first, bundles for what they leave.

A draft says what data can say. Whether a line is a duty or a permission it cannot: every line
is a ``may``, those that all hold are marked, and a person promotes them. What a whole team has
too much becomes a line like any other, which is why privileged lines are to be looked at first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

import numpy as np
import numpy.typing as npt

from access_review.draft.cautions import NEVER_MUST, WITHHELD, Caution, DraftEntitlement, ToxicSides, cautions
from access_review.draft.conditions import Condition, group_people
from access_review.draft.explain_access import AttributeLine, chance_coverage, explain_access, fold
from access_review.draft.matrix import AccessMatrix
from access_review.draft.mine import CurvePoint, bundles
from access_review.draft.naming import template_names
from access_review.draft.peer_groups import telling_groups
from access_review.draft.unusual import UnusualAccess, UnusualGrant, explain_grant, score_access

HELD_BY_ALL = 0.9
"""Share in every group of a condition from which a line is marked: with 0.95, one missing grant in twenty hides duties."""

SOME = (0.2, 0.5)
"""Shares between which a line is shown and not drafted: some have it, a person decides."""

LITTLE = 0.4
"""Coverage below which templates will not carry a review."""
_BEYOND_CHANCE = 0.3  # share of what chance leaves over that attributes must explain

MOST_LEFT_OUT = 1_000
"""So many grants that no template explains stand in a draft, the most unusual."""
_MOST_BUNDLES = 10

_HIGH, _MEDIUM = 0.8, 0.5  # lower ends of the interval: 16 of 16 are sure, 4 of 4 are not
_SMALL = 3  # people below whom a template is asked about
_MANY_GRANTS = 50_000  # from here one shuffle shows chance well enough
_FITTED = 3  # numbers in a list from which on it may fit the data and explain nothing


class Confidence(StrEnum):
    """How sure a line is, from how many people it rests on and how many of them hold it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line of a template under ``may``."""

    entitlement: str
    pattern: str
    people: int
    holding: int
    held_by_all: bool
    """Whether a person may promote it to ``must``."""
    at_least: float
    """Lower end of the 95 % interval of the share who hold it (Wilson)."""
    confidence: Confidence
    cautions: tuple[Caution, ...]
    withheld: bool
    """Shown and not drafted, because of its cautions."""
    note: str


@dataclass(frozen=True, slots=True)
class DraftTemplate:
    """A template: who, and what they hold today."""

    name: str
    who: Condition
    people: tuple[str, ...]
    lines: tuple[DraftLine, ...]
    """Those with cautions first, then the most held."""
    undecided: tuple[DraftLine, ...]
    """What 20 to 50 % of them hold and no template allows: to be decided, not drafted."""
    newly: int
    """Grants it explains beyond the templates before it."""
    questions: tuple[str, ...]
    """What to ask before writing it."""


@dataclass(frozen=True, slots=True)
class DraftBundle:
    """Entitlements that several people hold together and no attribute explains."""

    name: str
    people: tuple[str, ...]
    entitlements: tuple[str, ...]
    grants: int
    cautions: tuple[Caution, ...]
    note: str


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """First templates, and what they leave."""

    templates: tuple[DraftTemplate, ...]
    """In the order of what each newly explains."""
    bundles: tuple[DraftBundle, ...]
    left_out: tuple[UnusualGrant, ...]
    """Grants that no template explains, the most unusual first; of very many the first :data:`MOST_LEFT_OUT`."""
    access: UnusualAccess
    """How unusual every grant is: :func:`access_review.draft.unusual.explain_grant` says why."""
    explained: npt.NDArray[np.bool_]
    """Which grants of the matrix the templates explain."""
    curve: tuple[CurvePoint, ...]
    grants: int
    coverage: float
    chance: float
    """Coverage when the attributes are dealt to other people at random."""
    explains: bool
    """False where attributes explain little: only lines held by all are drafted then."""
    sentence: str


@dataclass(frozen=True, slots=True)
class DraftInput:
    """Everything a draft is made from."""

    matrix: AccessMatrix
    assignments: Mapping[str, Sequence[str | None]]
    """A column ``person`` and one for each attribute, one row an assignment."""
    attributes: tuple[str, ...]
    entitlements: Mapping[str, DraftEntitlement]
    toxic: tuple[ToxicSides, ...] = ()
    never_used: Collection[tuple[str, str]] = frozenset()
    """Person and entitlement, where it is known that the access was never used."""


def draft_templates(
    given: DraftInput,
    *,
    min_people: int = 2,
    names: Mapping[str, str] | None = None,
) -> TemplateDraft:
    """Draft templates; 300,000 grants take some tens of seconds.

    ``matrix`` is best cleaned first: direct grants of people, without mirrored copies and groups that restrict.
    """
    matrix = given.matrix
    groupings = group_people(matrix.people, given.assignments, given.attributes)
    found = explain_access(matrix, groupings, min_people=min_people, min_holders=min_people)
    seeds = (1,) if matrix.grants > _MANY_GRANTS else (1, 2, 3)
    chance = chance_coverage(
        matrix, given.assignments, given.attributes, min_people=min_people, min_holders=min_people, seeds=seeds
    )
    explains = _explains(found.coverage, chance)
    lines = fold(found.lines if explains else [line for line in found.lines if _sure(line)])
    allowed = _allowed(matrix, lines)
    by_condition: dict[Condition, list[tuple[AttributeLine, DraftLine]]] = {}
    for line in lines:
        by_condition.setdefault(line.condition, []).append((line, _draft_line(given, line, allowed)))
    ordered, newly, explained = _in_order(matrix, by_condition)
    titles = template_names(_named_by(given, condition, by_condition[condition]) for condition in ordered)
    templates = tuple(
        _template(given, name, by_condition[condition], gain, explained)
        for name, condition, gain in zip(titles, ordered, newly, strict=True)
    )
    coverage = float(explained.mean()) if matrix.grants else 0.0
    access = score_access(matrix, telling_groups(matrix, given.assignments, given.attributes))
    left = np.flatnonzero(~explained)
    # Of people who hold too little nothing can be said: they come last.
    left = left[np.lexsort((access.place[left], ~access.comparable[left]))][:MOST_LEFT_OUT]
    return TemplateDraft(
        templates,
        _bundles(given, explained) if explains or not given.attributes else (),
        tuple(explain_grant(access, grant, names) for grant in left.tolist()),
        access,
        explained,
        _curve(newly, matrix.grants),
        matrix.grants,
        coverage,
        chance,
        explains,
        _sentence(given, found.coverage, chance, coverage, len(templates), explains=explains),
    )


def wilson_lower(hits: int, of: int) -> float:
    """Return the lower end of the Wilson interval of a share, with 95 % confidence; 0 of nothing."""
    if not of:
        return 0.0
    z = 1.96
    share = hits / of
    middle = share + z * z / (2 * of)
    width = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - width) / (1 + z * z / of))


def _explains(coverage: float, chance: float) -> bool:
    return coverage >= LITTLE and coverage - chance >= _BEYOND_CHANCE * (1 - chance)


def _by_all(line: AttributeLine) -> bool:
    return line.least_share >= HELD_BY_ALL and len(line.people) >= _SMALL


def _sure(line: AttributeLine) -> bool:
    return _by_all(line) and wilson_lower(len(line.holding), len(line.people)) >= _HIGH


def _named_by(
    given: DraftInput, condition: Condition, lines: Sequence[tuple[AttributeLine, DraftLine]]
) -> tuple[Condition, str, bool]:
    """Return what a template can be named by: its condition, the most held of its entitlements, whether it is for all."""
    most = min((line for _, line in lines), key=lambda line: (-line.holding, line.pattern))
    return condition, most.pattern.rsplit(":", 1)[-1], most.people == len(given.matrix.people)


def _allowed(matrix: AccessMatrix, lines: Sequence[AttributeLine]) -> dict[int, set[int]]:
    """Return whom the lines together allow each entitlement."""
    allowed: dict[int, set[int]] = {}
    for line in lines:
        allowed.setdefault(line.entitlement, set()).update(line.people.tolist())
    return {e: allowed[e] for e in range(len(matrix.entitlements)) if e in allowed}


def _draft_line(given: DraftInput, line: AttributeLine, allowed: Mapping[int, set[int]]) -> DraftLine:
    entitlement = given.matrix.entitlements[line.entitlement]
    with_it: dict[str, int] = {}
    for pair in given.toxic:
        for other in pair.b if entitlement in pair.a else pair.a if entitlement in pair.b else ():
            index = _index(given.matrix, other)
            with_it[other] = len(allowed.get(index, set()).intersection(line.people.tolist()))
    found = cautions(
        entitlement,
        facts=given.entitlements,
        toxic=given.toxic,
        with_it=with_it,
        allowed=len(line.people),
        holders=[given.matrix.people[p] for p in line.holding],
        never_used=given.never_used,
    )
    by_all = _by_all(line) and not any(c.kind in NEVER_MUST for c in found)
    return _line(given, entitlement, len(line.people), len(line.holding), found, by_all=by_all)


def _line(
    given: DraftInput, entitlement: str, people: int, holding: int, found: tuple[Caution, ...], *, by_all: bool
) -> DraftLine:
    known = given.entitlements.get(entitlement)
    lower = wilson_lower(holding, people)
    confidence = Confidence.HIGH if lower >= _HIGH else Confidence.MEDIUM if lower >= _MEDIUM else Confidence.LOW
    note = f"{holding} of {people} hold it"
    if holding == people:
        note = f"held by all {people}"
    elif by_all:
        note = f"held by all but {people - holding} of {people}"
    note = "; ".join([note, *(caution.sentence for caution in found)])
    withheld = any(caution.kind in WITHHELD for caution in found)
    pattern = known.pattern if known else entitlement
    return DraftLine(entitlement, pattern, people, holding, by_all, lower, confidence, found, withheld, note)


def _index(matrix: AccessMatrix, entitlement: str) -> int:
    return matrix.entitlements.index(entitlement) if entitlement in matrix.entitlements else -1


def _in_order(
    matrix: AccessMatrix, by_condition: Mapping[Condition, Sequence[tuple[AttributeLine, DraftLine]]]
) -> tuple[list[Condition], list[int], npt.NDArray[np.bool_]]:
    """Order the templates by what each newly explains, and say that, and which grants all explain together."""
    cell = matrix.person * max(len(matrix.entitlements), 1) + matrix.entitlement
    cells = {
        condition: np.unique(
            np.concatenate(
                [np.empty(0, np.int64)]
                + [
                    np.searchsorted(cell, line.holding * len(matrix.entitlements) + line.entitlement)
                    for line, drafted in lines
                    if not drafted.withheld
                ]
            )
        ).astype(np.int64)
        for condition, lines in by_condition.items()
    }
    explained = np.zeros(matrix.grants, np.bool_)
    ordered, newly, left = [], [], sorted(cells)
    gains = {condition: len(cells[condition]) for condition in left}
    while left:
        # What a template newly explains only shrinks: the first whose old figure still stands is the best.
        left.sort(key=lambda c: (-gains[c], len(c), c))
        gain = int((~explained[cells[left[0]]]).sum())
        if gain < gains[left[0]]:
            gains[left[0]] = gain
            continue
        condition = left.pop(0)
        explained[cells[condition]] = True
        ordered.append(condition)
        newly.append(gain)
    return ordered, newly, explained


def _template(
    given: DraftInput,
    name: str,
    lines: Sequence[tuple[AttributeLine, DraftLine]],
    newly: int,
    explained: npt.NDArray[np.bool_],
) -> DraftTemplate:
    line = lines[0][0]
    people = tuple(given.matrix.people[p] for p in line.people)
    drafted = sorted((d for _, d in lines), key=lambda d: (not d.cautions, -d.holding, d.pattern))
    questions = []
    if len(people) < _SMALL:
        questions.append(f"only {len(people)} people: is this a role?")
    for attribute, values in line.condition:
        if len(values) > _FITTED and all(value.isdigit() for value in values):
            questions.append(f"{len(values)} numbers of {attribute} with nothing visible in common: is this a role?")
    undecided = _undecided(given, line, explained)
    return DraftTemplate(name, line.condition, people, tuple(drafted), undecided, newly, tuple(questions))


def _undecided(given: DraftInput, line: AttributeLine, explained: npt.NDArray[np.bool_]) -> tuple[DraftLine, ...]:
    matrix = given.matrix
    member = np.zeros(len(matrix.people), np.bool_)
    member[line.people] = True
    theirs = member[matrix.person]
    holding = np.bincount(matrix.entitlement[theirs], minlength=len(matrix.entitlements))
    open_ = np.bincount(matrix.entitlement[theirs & ~explained], minlength=len(matrix.entitlements))
    low, high = SOME
    some = (open_ >= max(_SMALL, low * len(line.people))) & (holding < high * len(line.people))
    return tuple(
        _line(given, matrix.entitlements[e], len(line.people), int(holding[e]), (), by_all=False)
        for e in np.flatnonzero(some).tolist()
    )


def _bundles(given: DraftInput, explained: npt.NDArray[np.bool_]) -> tuple[DraftBundle, ...]:
    result = []
    for number, role in enumerate(bundles(given.matrix.only(~explained), limit=_MOST_BUNDLES), 1):
        found = {
            caution
            for entitlement in role.entitlements
            for caution in cautions(
                entitlement,
                facts=given.entitlements,
                toxic=given.toxic,
                with_it=dict.fromkeys(role.entitlements, len(role.people)),
                allowed=len(role.people),
                holders=role.people,
                never_used=given.never_used,
            )
        }
        note = f"{len(role.people)} people hold all {len(role.entitlements)}; no attribute explains why"
        result.append(
            DraftBundle(
                f"bundle-{number}",
                role.people,
                role.entitlements,
                len(role.people) * len(role.entitlements),
                tuple(sorted(found, key=lambda c: (c.kind, c.sentence))),
                note,
            )
        )
    return tuple(result)


def _curve(newly: Sequence[int], grants: int) -> tuple[CurvePoint, ...]:
    points, covered = [], 0
    for count, gain in enumerate(newly, 1):
        covered += gain
        points.append(CurvePoint(count, covered, gain, covered / grants if grants else 0.0))
    return tuple(points)


def _sentence(
    given: DraftInput, found: float, chance: float, coverage: float, templates: int, *, explains: bool
) -> str:
    if not given.attributes:
        return "no attributes of people are known: only bundles of access that several people hold are drafted"
    beside = f"{100 * found:.0f} % of this access ({100 * chance:.1f} % by chance)"
    drafted = "1 template" if templates == 1 else f"{templates} templates"
    if explains:
        return f"attributes explain {beside}; {drafted} allow {100 * coverage:.0f} % of it"
    return (
        f"attributes explain {beside}: templates will not carry a review here; peers do (access-review unusual), past "
        f"decisions (predict --decisions FILE) and equal access (roles draft --exact); "
        f"only what many people hold nearly without exception is drafted ({drafted})"
    )
