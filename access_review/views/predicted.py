"""What past decisions say about open items, for the terminal and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TypedDict

from access_review.draft.learned import LearnedModel, TooFewDecisions
from access_review.draft.predicted import PredictedRisk
from access_review.model import Plain
from access_review.views.terminal import table
from access_review.views.text import count, visible

FORMAT = "access-review/predicted@1"
_LISTED = 10


class LikelyItem(TypedDict):
    """An open item by its columns, how likely it is to be revoked (0 to 1), why, and columns whose value was never seen."""

    item: Plain
    likelihood: float
    reasons: list[Plain]
    unseen: list[str]


class PredictedSilence(TypedDict):
    """How many decisions there are; ``silent`` where they are too few to say more."""

    format: str
    silent: bool
    decisions: int
    revoked: int
    sentence: str


class PredictedValue(PredictedSilence):
    """What was learned, as the dataclasses of ``draft.learned`` and ``draft.history`` have it."""

    learned_from: list[str]
    held_out: Plain
    items: list[LikelyItem]
    riskiest: dict[str, list[Plain]]
    actual: Plain | None


def value(found: PredictedRisk) -> PredictedSilence | PredictedValue:
    """Return it as the JSON that scripts read; items stand in the order in which they were given."""
    learned = found.learned
    known: PredictedSilence = {
        "format": FORMAT,
        "silent": isinstance(learned, TooFewDecisions),
        "decisions": learned.decisions,
        "revoked": learned.revoked,
        "sentence": sentence(learned),
    }
    if isinstance(learned, TooFewDecisions):
        return known
    return {
        **known,
        "learned_from": list(learned.codes.attributes),
        "held_out": asdict(learned.held_out),
        "items": [
            {
                "item": {name: column[place] for name, column in found.items.items()},
                "likelihood": one.likelihood,
                "reasons": [asdict(reason) for reason in one.reasons],
                "unseen": list(one.unseen),
            }
            for place, one in enumerate(found.likelihoods)
        ],
        "riskiest": {name: [asdict(group) for group in groups] for name, groups in found.riskiest.items()},
        "actual": asdict(found.actual) if found.actual else None,
    }


def sentence(learned: LearnedModel | TooFewDecisions) -> str:
    """Say how much was learned from and how well it does, or why nothing is said."""
    return learned.sentence if isinstance(learned, TooFewDecisions) else learned.held_out.sentence


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
