"""What past decisions say about open items, for the terminal and as JSON."""

from collections.abc import Iterator
from typing import TypedDict

from access_review.draft.learned import HeldOut, LearnedModel, TooFewDecisions
from access_review.draft.predicted import ActualAnswers, PredictedRisk
from access_review.views.terminal import table
from access_review.views.text import count, visible

FORMAT = "access-review/predicted@1"
LISTED = ("manager", "entitlement", "person")
"""By these the report lists where most revocations are expected."""

_LISTED = 10


class ReasonValue(TypedDict):
    """What was decided about items that share some values."""

    attributes: list[str]
    values: list[str]
    decided: int
    revoked: int
    sentence: str


class PredictedItem(TypedDict):
    """An open item, in the order in which it was given, with how likely it is to be revoked, 0 to 1."""

    item: dict[str, str]
    likelihood: float
    reasons: list[ReasonValue]
    unseen: list[str]


class RiskValue(TypedDict):
    """Open items that share a value: how many, and how many of them are expected to be revoked."""

    value: str
    items: int
    expected: float
    highest: float


class HeldOutValue(TypedDict):
    """How well it did on decisions that it had not seen."""

    area: float
    calibration_error: float
    first_tenth: float


class ActualValue(TypedDict):
    """How well it did on items that say themselves what was decided."""

    items: int
    revoked: int
    area: float | None
    calibration_error: float


class PredictedRiskValue(TypedDict):
    """What past decisions say about what is open; where they are too few it is silent, and all else is empty."""

    silent: bool
    decisions: int
    revoked: int
    sentence: str
    learned_from: list[str]
    held_out: HeldOutValue | None
    riskiest: dict[str, list[RiskValue]]


class PredictedValue(PredictedRiskValue):
    """The same with every open item, and with how well it did where these say what was decided."""

    format: str
    items: list[PredictedItem]
    actual: ActualValue | None


def value(found: PredictedRisk) -> PredictedValue:
    """Return it as the JSON that scripts read; items stand in the order in which they were given."""
    return {
        "format": FORMAT,
        **_risk(found),
        "items": [_item(found, place) for place in range(len(found.likelihoods))],
        "actual": _actual(found.actual) if found.actual else None,
    }


def risk(found: PredictedRisk | None) -> PredictedRiskValue | None:
    """Return it without the items, as an audit has it: who and what is most likely to fail next."""
    return _risk(found) if found else None


def _risk(found: PredictedRisk) -> PredictedRiskValue:
    learned = found.learned
    return {
        "silent": isinstance(learned, TooFewDecisions),
        "decisions": learned.decisions,
        "revoked": learned.revoked,
        "sentence": sentence(learned),
        "learned_from": list(learned.codes.attributes) if isinstance(learned, LearnedModel) else [],
        "held_out": _held_out(learned.held_out) if isinstance(learned, LearnedModel) else None,
        "riskiest": {
            name: [{"value": g.value, "items": g.items, "expected": g.expected, "highest": g.highest} for g in groups]
            for name, groups in found.riskiest.items()
        },
    }


def _held_out(of: HeldOut) -> HeldOutValue:
    return {"area": of.area, "calibration_error": of.calibration_error, "first_tenth": of.first_tenth}


def _actual(of: ActualAnswers) -> ActualValue:
    return {
        "items": of.items,
        "revoked": of.revoked,
        "area": of.area,
        "calibration_error": of.calibration_error,
    }


def _item(found: PredictedRisk, place: int) -> PredictedItem:
    one = found.likelihoods[place]
    return {
        "item": {name: column[place] for name, column in found.items.items()},
        "likelihood": one.likelihood,
        "reasons": [
            {
                "attributes": list(r.attributes),
                "values": list(r.values),
                "decided": r.decided,
                "revoked": r.revoked,
                "sentence": r.sentence,
            }
            for r in one.reasons
        ],
        "unseen": list(one.unseen),
    }


def sentence(learned: LearnedModel | TooFewDecisions) -> str:
    """Say how much was learned from and how well it does, or why nothing is said."""
    return learned.sentence if isinstance(learned, TooFewDecisions) else learned.held_out.sentence


def next_to_fail(found: PredictedRisk | None) -> tuple[str, ...]:
    """Say in one line of whom and what most revocations are expected, and how well that did so far; nothing if silent."""
    if not found or not found.likelihoods:
        return ()
    first = [
        f"{visible(name)} {visible(groups[0].value) or '(none)'} ({groups[0].expected:.1f} of {groups[0].items:,})"
        for name, groups in found.riskiest.items()
        if groups and name in LISTED
    ]
    learned = sentence(found.learned)
    return (f"Most likely to fail next: {', '.join(first)}; {learned}. All of it: access-review predict",)


def text(found: PredictedRisk, most: int) -> str:
    """Say how well it does, where most revocations are expected, and the items with the highest likelihood."""
    return "\n".join(_lines(found, most))


def _lines(found: PredictedRisk, most: int) -> Iterator[str]:
    learned = found.learned
    if isinstance(learned, TooFewDecisions):
        yield f"Nothing is said about open items: {learned.sentence}."
        return
    names = ", ".join(map(visible, learned.codes.attributes))
    yield f"Learned from {count(learned.decisions, 'decision')}, of which {learned.revoked:,} revoked, by {names}."
    yield f"How well it does: {learned.held_out.sentence}."
    if found.actual:
        known = found.actual
        area = "not known" if known.area is None else f"{known.area:.3f}"
        yield (
            f"On the {count(known.items, 'item')} given that say what was decided, {known.revoked:,} revoked: "
            f"AUC {area}, calibration error {known.calibration_error:.4f}."
        )
    if not found.likelihoods:
        yield "No open item has columns like these: name a table of them with --items."
        return
    yield "It orders what is looked at; it decides nothing. Keep reviewing some items whatever it says."
    for name, groups in found.riskiest.items():
        rows = [
            (visible(g.value) or "(none)", f"{g.items:,}", f"{g.expected:.1f}", f"{100 * g.highest:.0f} %")
            for g in groups[:_LISTED]
        ]
        yield ""
        yield f"Most likely to fail next, by {visible(name)}:"
        yield table((visible(name), "items", "revocations expected", "highest"), rows, numbers=(1, 2, 3))
    yield ""
    yield f"The {most} open items with the highest likelihood of {len(found.likelihoods):,}:"
    order = sorted(range(len(found.likelihoods)), key=lambda p: (-found.likelihoods[p].likelihood, p))[:most]
    for place in order:
        one = found.likelihoods[place]
        what = ", ".join(f"{visible(n)} {visible(c[place])}" for n, c in found.items.items() if c[place])
        yield f"  {100 * one.likelihood:3.0f} %  {what}"
        yield from (f"         {visible(reason.sentence)}" for reason in one.reasons)
        if one.unseen:
            yield f"         never decided about before: {', '.join(map(visible, one.unseen))}"
