"""How many to draw, and what a draw proves: exact hypergeometric arithmetic.

A population of N units holds D that deviate; n are drawn without replacement and X
of them deviate. Everything is computed in whole numbers, so that anyone gets the
same figures on any machine. Proportions are taken as they are written: 0.05 is 5 %.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb, floor


@dataclass(frozen=True, slots=True)
class Size:
    """How many units to draw from a population, and why."""

    population: int
    units: int
    by_rate: int
    """What the share that is asked for comes to."""
    by_confidence: int
    """What the confidence needs."""
    reason: str


def size(population: int, *, tolerable: float, confidence: float, allowed: int = 0, rate: float = 0.05) -> Size:
    """Say how many to draw: the share ``rate``, or what the confidence needs, whichever is more.

    What it needs is the least n at which D = ⌊tolerable·N⌋ + 1 deviating units would
    show no more than ``allowed`` with a probability of 1 − confidence at most.
    """
    by_rate = ceil(_exact(rate) * population)
    by_confidence = _least(population, floor(_exact(tolerable) * population) + 1, _exact(confidence), allowed)
    reason = f"{_percent(rate)} of {population} is {by_rate}; "
    reason += "1 is" if by_confidence == 1 else f"{by_confidence} are"
    reason += f" needed for {_percent(confidence)} confidence that no more than {_percent(tolerable)} are wrong"
    if allowed:
        reason += f", with up to {allowed} wrong in the draw"
    return Size(population, max(by_rate, by_confidence), by_rate, by_confidence, reason)


def _least(population: int, deviating: int, confidence: Fraction, allowed: int) -> int:
    """The least n that would show more than ``allowed`` of ``deviating`` units, by bisection: more shows more."""
    if deviating > population:
        return 0
    if allowed >= deviating:
        return population
    low, high = 0, 1
    while high < population and not _unlikely(population, deviating, high, allowed, confidence):
        low, high = high, high * 2
    high = min(high, population)
    while high - low > 1:
        middle = (low + high) // 2
        if _unlikely(population, deviating, middle, allowed, confidence):
            high = middle
        else:
            low = middle
    return high


def upper_deviations(population: int, drawn: int, found: int, confidence: float) -> int:
    """Return how many units may deviate at most: max{D : P(X ≤ found | D) > 1 − confidence}."""
    if not 0 <= found <= drawn <= population:
        raise ValueError(f"{found} found of {drawn} drawn of {population} cannot be")
    most = population - drawn + found
    likely = _exact(confidence)
    step = 1
    # The answer is near found·N/n, so look upward from there: small D keep the numbers small.
    while found + step <= most and not _unlikely(population, found + step, drawn, found, likely):
        step *= 2
    low, high = found, min(found + step, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _unlikely(population, middle, drawn, found, likely):
            high = middle
        else:
            low = middle
    return low


def upper_limit(population: int, drawn: int, found: int, confidence: float) -> float:
    """Return the highest rate of deviations that what was found leaves possible, from 0 to 1."""
    if not population:
        return 0.0
    return upper_deviations(population, drawn, found, confidence) / population


def _unlikely(population: int, deviating: int, drawn: int, allowed: int, confidence: Fraction) -> bool:
    """Tell whether P(X ≤ allowed) ≤ 1 − confidence, in whole numbers."""
    # Drawing n from N with D marked is drawing D from N with n marked: the smaller keeps the numbers short.
    few, many = sorted((deviating, drawn))
    rest = population - many
    first = max(0, few - rest)
    term = comb(many, first) * comb(rest, few - first)
    ways = 0
    for i in range(first, min(allowed, few) + 1):
        ways += term
        term = term * (many - i) * (few - i) // ((i + 1) * (rest - few + i + 1))
    chance = 1 - confidence
    return ways * chance.denominator <= chance.numerator * comb(population, few)


def _exact(share: float) -> Fraction:
    return Fraction(str(share))


def _percent(share: float) -> str:
    return f"{float(_exact(share) * 100):g} %"
