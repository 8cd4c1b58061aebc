"""What past decisions say about open items: a likelihood of being revoked, with its reasons.

A logistic regression over how often each value, and each pair of values, was revoked before.
It orders the work of people and never decides. With few decisions it stays silent, since it
would be little better than a guess and look the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from access_review.draft.history import (
    Codebook,
    Feature,
    ValueHistory,
    codebook,
    deal,
    features,
    log_odds,
    out_of_part,
    tally,
)
from access_review.draft.logistic import Logistic, area_under_curve, calibration_error, fit
from access_review.draft.matrix import Indices
from access_review.draft.nearest_people import Floats

MIN_DECISIONS = 3_000
MIN_REVOKED = 150

_RIDGE = 30.0
_FOLDS = 5
_REASONS = 3
_DIGITS = 6  # what is printed and sorted by must not hang on a machine's last bits

Columns = Mapping[str, Sequence[str]]
"""Attributes of items by name, each with one value an item; an unknown value is the empty text."""


@dataclass(frozen=True, slots=True)
class TooFewDecisions:
    """There are too few decisions to learn from."""

    decisions: int
    revoked: int
    sentence: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How well it did on decisions that it had not seen, by cross-validation."""

    area: float
    """Chance that a revoked item has a higher likelihood than a kept one; 0.5 is a coin."""
    calibration_error: float
    """Mean gap between the likelihood said and the share revoked, over ten bins."""
    first_tenth: float
    """Share of all revocations among the tenth of items with the highest likelihood."""
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class LearnedModel:
    """What was learned from past decisions."""

    decisions: int
    revoked: int
    held_out: HeldOut
    codes: Codebook
    tallies: Mapping[Feature, ValueHistory]
    regression: Logistic

    @property
    def rate(self) -> float:
        """Share of all decisions that revoked."""
        return self.revoked / self.decisions


@dataclass(frozen=True, slots=True)
class LikelihoodReason:
    """One reason: what was decided about items that share these values."""

    attributes: Feature
    values: tuple[str, ...]
    decided: int
    revoked: int
    contribution: float
    """What it adds to the log-odds of revocation; negative speaks for keeping."""
    sentence: str


@dataclass(frozen=True, slots=True)
class RevocationLikelihood:
    """How likely one open item is to be revoked, 0 to 1."""

    likelihood: float
    reasons: tuple[LikelihoodReason, ...]
    """The three that weigh most in the direction of the likelihood."""
    unseen: tuple[str, ...]
    """Attributes whose value was never decided about: there the likelihood is weaker."""


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """Open items that share a value, with how many of them are expected to be revoked."""

    attribute: str
    value: str
    items: int
    expected: float
    highest: float


def learn(columns: Columns, revoked: Sequence[bool]) -> LearnedModel | TooFewDecisions:
    """Learn from decisions, one an item: its attributes, and whether it was revoked. About 10 s for 10,000.

    The order of the decisions changes nothing.
    """
    happened = np.array([bool(r) for r in revoked], np.float64)
    if len(happened) < MIN_DECISIONS or happened.sum() < MIN_REVOKED:
        return too_few(len(happened), int(happened.sum()))
    # Sums of floating-point numbers depend on the order; sorted rows give the same last bits.
    rows = sorted(zip(*columns.values(), happened.tolist(), strict=True))
    columns = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    happened = np.array([row[-1] for row in rows])
    codes = codebook(columns)
    dealt = deal(columns, happened.tolist())
    keys = codes.encode(columns)
    said = np.empty(len(happened))
    for fold in range(_FOLDS):
        out = dealt % _FOLDS == fold
        tallies, regression = _fit(codes, {n: k[~out] for n, k in keys.items()}, happened[~out], dealt[~out])
        rate = float(happened[~out].mean())
        said[out] = regression.probabilities(_look_up(codes, tallies, {n: k[out] for n, k in keys.items()}, rate))
    tallies, regression = _fit(codes, keys, happened, dealt)
    return LearnedModel(len(happened), int(happened.sum()), _held_out(said, happened), codes, tallies, regression)


def likelihoods(model: LearnedModel, columns: Columns) -> tuple[RevocationLikelihood, ...]:
    """Say for each open item how likely it is to be revoked, and why."""
    keys = model.codes.encode(columns)
    figures = _look_up(model.codes, model.tallies, keys, model.rate)
    probability = np.round(model.regression.probabilities(figures), _DIGITS)
    added = model.regression.contributions(figures)
    by_feature = added[:, 0::2] + added[:, 1::2]
    counts = [t.counts(model.codes.keys(f, keys)) for f, t in model.tallies.items()]
    names = list(model.tallies)
    result = []
    for row, likelihood in enumerate(probability.tolist()):
        towards = 1 if likelihood >= model.rate else -1
        order = np.argsort(-towards * np.round(by_feature[row], _DIGITS), kind="stable")
        # What was never decided about is no reason; it is said as unseen.
        known = [int(place) for place in order if counts[place][0][row]][:_REASONS]
        reasons = tuple(
            _reason(names[p], columns, row, counts[p][0][row], counts[p][1][row], by_feature[row, p]) for p in known
        )
        unseen = tuple(name for name in model.codes.attributes if keys[name][row] < 0)
        result.append(RevocationLikelihood(likelihood, reasons, unseen))
    return tuple(result)


def riskiest(
    columns: Columns, likelihood: Sequence[RevocationLikelihood], attribute: str, limit: int = 10
) -> tuple[RiskGroup, ...]:
    """Return the values of an attribute (teams, entitlements, people) with the most revocations expected."""
    groups: dict[str, list[float]] = {}
    for value, item in zip(columns[attribute], likelihood, strict=True):
        groups.setdefault(value, []).append(item.likelihood)
    ranked = [RiskGroup(attribute, v, len(p), round(sum(p), _DIGITS), max(p)) for v, p in groups.items()]
    return tuple(sorted(ranked, key=lambda g: (-g.expected, g.value))[:limit])


def _fit(
    codes: Codebook, keys: Mapping[str, Indices], happened: Floats, dealt: Indices
) -> tuple[dict[Feature, ValueHistory], Logistic]:
    rate = float(happened.mean())
    tallies, figures = {}, []
    for feature in features(codes.attributes):
        key = codes.keys(feature, keys)
        tallies[feature] = tally(key, happened)
        decided, revoked = out_of_part(key, happened, dealt)
        figures += [log_odds(decided, revoked, rate), np.log1p(decided)]
    return tallies, fit(np.column_stack(figures), happened, ridge=_RIDGE)


def _look_up(
    codes: Codebook, tallies: Mapping[Feature, ValueHistory], keys: Mapping[str, Indices], rate: float
) -> Floats:
    figures = []
    for feature, known in tallies.items():
        decided, revoked = known.counts(codes.keys(feature, keys))
        figures += [log_odds(decided, revoked, rate), np.log1p(decided)]
    return np.column_stack(figures)


def _held_out(said: Floats, happened: Floats) -> HeldOut:
    area, error = area_under_curve(said, happened), calibration_error(said, happened)
    tenth = np.argsort(-said, kind="stable")[: max(len(said) // 10, 1)]
    first = float(happened[tenth].sum() / happened.sum())
    sentence = (
        f"on {len(said):,} decisions held out in turn: a revoked item has the higher likelihood in {100 * area:.0f} of "
        f"100 pairs (50 is a coin), what is said is off by {100 * error:.1f} points on average, and the tenth with the "
        f"highest likelihood has {100 * first:.0f} % of all revocations"
    )
    return HeldOut(round(area, _DIGITS), round(error, _DIGITS), round(first, _DIGITS), sentence)


def too_few(decisions: int, revoked: int) -> TooFewDecisions:
    """Say that so many decisions are not enough."""
    sentence = (
        f"{decisions:,} decisions with {revoked:,} revocations are too few to learn from: "
        f"{MIN_DECISIONS:,} with {MIN_REVOKED} are needed"
    )
    return TooFewDecisions(decisions, revoked, sentence)


def _reason(feature: Feature, columns: Columns, row: int, decided: int, revoked: int, added: float) -> LikelihoodReason:
    values = tuple(columns[name][row] for name in feature)
    about = " and ".join(f"{name} {value or '(none)'}" for name, value in zip(feature, values, strict=True))
    sentence = f"of {decided} decisions about {about}, {revoked} revoked"
    return LikelihoodReason(feature, values, int(decided), int(revoked), round(float(added), _DIGITS), sentence)
