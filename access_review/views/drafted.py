"""A draft of templates, in words."""

from collections.abc import Iterator, Sequence

from access_review.draft.templates import DraftLine, TemplateDraft
from access_review.views import source_yaml
from access_review.views.terminal import table
from access_review.views.text import count, visible

_LEFT_OUT = 10
_STEPS = (1, 3, 5, 10, 15, 20, 30)


def text(draft: TemplateDraft, written: int, folder: str) -> str:
    """Say what was drafted, how much it explains beside chance, and what it leaves."""
    return "\n".join(_lines(draft, written, folder))


def _lines(draft: TemplateDraft, written: int, folder: str) -> Iterator[str]:
    if not draft.grants:
        yield "Nothing is drafted: nobody's access is known, or no account finds its person."
        return
    yield draft.sentence
    if draft.templates:
        rows = [
            (visible(one.name), f"{len(one.people):,}", str(len(one.lines)), f"{one.newly:,}", _marks(one.lines))
            for one in draft.templates
        ]
        yield table(("template", "people", "lines", "explains", "look at"), rows, numbers=(1, 2, 3))
    points = [point for point in draft.curve if point.roles in _STEPS or point is draft.curve[-1]]
    if points:
        yield "What each further template buys: " + ", ".join(f"{p.roles}: {100 * p.share:.0f} %" for p in points)
    if draft.bundles:
        yield "Held together, and explained by no attribute:"
        yield from (f"  {source_yaml.bundle(one)}" for one in draft.bundles)
    if draft.left_out:
        yield f"Left out: {count(len(draft.left_out), 'grant')}, the most unusual first:"
        for grant in draft.left_out[:_LEFT_OUT]:
            yield f"  {visible(grant.person)} {visible(grant.entitlement)}: {visible(grant.reason)}"
    yield f"{count(written, 'template')} written to {visible(folder)}; every line is a may: a person promotes what is a duty."


def _marks(lines: Sequence[DraftLine]) -> str:
    kinds = sorted({str(c.kind) for line in lines for c in line.cautions})
    return ", ".join(kinds)
