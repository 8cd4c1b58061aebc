"""What is likely to be revoked next: a likelihood for each open item, and where the most of them are expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from access_review.draft.decision_columns import Column
from access_review.draft.learned import (
    LearnedModel,
    RevocationLikelihood,
    RiskGroup,
    TooFewDecisions,
    learn,
    likelihoods,
    riskiest,
)
from access_review.draft.logistic import area_under_curve, calibration_error

_LISTED = 10


@dataclass(frozen=True, slots=True)
class ActualAnswers:
    """How well likelihoods did on items that say themselves what was decided about them."""

    items: int
    revoked: int
    area: float | None
    """Null where all were decided alike."""
    calibration_error: float


@dataclass(frozen=True, slots=True)
class PredictedRisk:
    """What past decisions say about open items; everything is empty where there are too few of them."""

    learned: LearnedModel | TooFewDecisions = field(repr=False)
    items: Mapping[str, Column] = field(repr=False)
    likelihoods: tuple[RevocationLikelihood, ...] = ()
    riskiest: Mapping[str, tuple[RiskGroup, ...]] = field(default_factory=dict)
    """By column, those values first of whose items the most are expected to be revoked."""
    actual: ActualAnswers | None = None


def predict(
    decided: Mapping[str, Column],
    revoked: Sequence[bool],
    items: Mapping[str, Column] | None,
    *,
    by: Sequence[str] = (),
    answers: Sequence[bool | None] = (),
) -> PredictedRisk:
    """Learn from decisions and say what follows for items with the same columns; silent where they are too few.

    ``by`` are the columns whose riskiest values are listed, by default all; ``answers`` is what was decided about the
    items, where that is known.
    """
    learned = learn(decided, revoked)
    if isinstance(learned, TooFewDecisions) or not items or not next(iter(items.values())):
        return PredictedRisk(learned, items or {})
    said = likelihoods(learned, items)
    groups = {name: riskiest(items, said, name, _LISTED) for name in by or items if len(set(items[name])) > 1}
    return PredictedRisk(learned, items, said, groups, _measured(said, answers))


def _measured(said: Sequence[RevocationLikelihood], answers: Sequence[bool | None]) -> ActualAnswers | None:
    known = [(one.likelihood, bool(answer)) for one, answer in zip(said, answers, strict=False) if answer is not None]
    if not known:
        return None
    probability, happened = np.array([p for p, _ in known]), np.array([float(a) for _, a in known])
    area = area_under_curve(probability, happened)
    return ActualAnswers(
        len(known),
        int(happened.sum()),
        None if np.isnan(area) else round(area, 6),
        round(calibration_error(probability, happened), 6),
    )
