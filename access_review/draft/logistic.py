"""Logistic regression by Newton's method, with a ridge; numpy alone, the same on every run."""

from dataclasses import dataclass

import numpy as np

from access_review.draft.nearest_people import Floats

_STEPS = 50
_CLOSE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Weights of standardised features: ``(x − mean) / spread``."""

    mean: Floats
    spread: Floats
    weights: Floats
    """One a feature, on the log-odds."""
    intercept: float
    low: Floats
    """The least of each standardised feature that was seen; what is beyond is taken for it, as nothing is known of there."""
    high: Floats

    def contributions(self, features: Floats) -> Floats:
        """Return what each feature of each row adds to the log-odds."""
        added: Floats = np.clip((features - self.mean) / self.spread, self.low, self.high) * self.weights
        return added

    def probabilities(self, features: Floats) -> Floats:
        """Return the probability of each row."""
        return sigmoid(self.contributions(features).sum(axis=1) + self.intercept)


def fit(features: Floats, happened: Floats, *, ridge: float = 10.0) -> Logistic:
    """Fit by Newton steps; ``ridge`` is the penalty on half the squared weights, the intercept free.

    Features that never change get weight 0.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 0
    weights = np.zeros(x.shape[1])
    rate = np.clip(happened.mean(), 1e-6, 1 - 1e-6)
    weights[-1] = np.log(rate / (1 - rate))
    loss = _loss(x, happened, penalty, weights)
    for _ in range(_STEPS):
        chance = sigmoid(x @ weights)
        slope = x.T @ (happened - chance) - penalty * weights
        curvature = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, slope)
        # Rare events make the first steps overshoot, and then no step ever comes back.
        while (after := _loss(x, happened, penalty, weights + step)) > loss and np.abs(step).max() > _CLOSE:
            step /= 2
        weights, loss = weights + step, after
        if np.abs(step).max() < _CLOSE:
            break
    return Logistic(mean, spread, weights[:-1], float(weights[-1]), x[:, :-1].min(axis=0), x[:, :-1].max(axis=0))


def _loss(x: Floats, happened: Floats, penalty: Floats, weights: Floats) -> float:
    log_odds = x @ weights
    return float(np.logaddexp(0, log_odds).sum() - happened @ log_odds + 0.5 * penalty @ weights**2)


def sigmoid(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    probability: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -35, 35)))
    return probability


def area_under_curve(score: Floats, happened: Floats) -> float:
    """Return the chance that one that happened has a higher score than one that did not; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    positive = happened > 0
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    return float((middle[place][positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def calibration_error(probability: Floats, happened: Floats, bins: int = 10) -> float:
    """Return the mean gap between what was said and what happened, over bins of equally many rows."""
    order = np.argsort(probability, kind="stable")
    gaps = [
        abs(float(probability[part].mean()) - float(happened[part].mean())) * len(part)
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return sum(gaps) / max(len(probability), 1)
